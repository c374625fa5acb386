"""Several targets of one API: next target, balancing, ejection, health checks, limits (DESIGN 2.7, 7)."""

import collections
import concurrent.futures
import http.client
import json
import socket
import ssl
import threading
import time

import pytest

from gateway import DEADLINE, classic, session, wait_for
from origins import free_port

LONG_MS = 30_000  # of a health check: an upstream that is held up is not ill


def native(world, name, targets, tls=(), spec=(), **upstream):
    """Applies a native API; `tls`: (host:port, client certificate id, SPKI pin) of the targets that have them; `spec`: what
    it says beside its upstream."""
    body = {"targets": [target if isinstance(target, dict) else {"url": target} for target in targets], **upstream}
    if tls:
        body["clientCertificates"] = {"certificateIds": {host: entry for host, entry, _ in tls if entry}}
        body["pins"] = {"pins": {host: {"spkiSha256": [pin]} for host, _, pin in tls if pin}}
    document = {"apiVersion": "sallyport/v1", "kind": "Api", "metadata": {"name": name},
                "spec": {"orgId": "default", "hosts": [f"{name}.gw.test"], "listenPath": "/", "keyless": True,
                         "stripListenPath": True, "upstream": body, **dict(spec)}}
    done = world.gateway.run_ctl("apply", "-f", "-", stdin=json.dumps(document))
    assert done.returncode == 0, done.stdout + done.stderr
    world.gateway.settle()


class Caller:
    """One keep-alive connection to a data plane, the first where none is named."""

    def __init__(self, world, name, replica=None):
        context = ssl.create_default_context(cafile=str(world.gateway.server_ca.cert))
        self.host = f"{name}.gw.test"
        self.connection = http.client.HTTPConnection(self.host)
        self.connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", (replica or world.a).port), DEADLINE),
                                                   server_hostname=self.host)

    def __call__(self, path="/x", method="GET", body=None, **headers):
        self.connection.request(method, path, body=body,
                                headers={key.replace("_", "-"): value for key, value in headers.items()})
        answer = self.connection.getresponse()
        answer.text = answer.read().decode()
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


def at_once(world, name, count, threads=8, headers=lambda number: {}):
    """Answers to `count` requests over `threads` connections."""
    def some(thread):
        with Caller(world, name) as call:
            return [call(**headers(number)) for number in range(thread, count, threads)]
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        return [answer for part in pool.map(some, range(threads)) for answer in part]


def statuses(answers):
    return dict(collections.Counter(answer.status for answer in answers))


def two_hosts(world, name, **more):
    """Two origins that demand different clients and have different pins."""
    origins, tls = [], []
    for number in range(2):
        origin = world.tls_origin(f"{name}-{number}", client_ca=world.client_ca, **more)
        pair = world.client(f"{name} {number}")
        certificate_id = world.gateway.add_certificate(pair.pem + pair.key_pem)
        origin.expects = pair.der
        origins.append(origin)
        tls.append((f"localhost:{origin.port}", certificate_id, origin.spki))
    return origins, tls


def urls(origins):
    return [f"https://localhost:{origin.port}/" for origin in origins]


def require_right_peers(origins):
    for origin in origins:
        assert origin.requests, f"{origin.name} was asked"
        assert {request.peer for request in origin.requests} == {origin.expects}


def test_a_request_goes_to_the_next_target_when_one_cannot_be_used(world):
    good = world.tls_origin("next-good", client_ca=world.client_ca)
    stranger = world.tls_origin("next-stranger")
    pair = world.client("next")
    certificate_id = world.gateway.add_certificate(pair.pem + pair.key_pem)
    native(world, "next", [f"https://localhost:{free_port()}/", f"https://localhost:{stranger.port}/",
                           f"https://localhost:{good.port}/"],
           tls=[(f"localhost:{good.port}", certificate_id, good.spki), (f"localhost:{stranger.port}", None, good.spki)],
           ejection={"disabled": True}, retries={"budgetPercent": 100})
    with Caller(world, "next") as call:
        for number in range(15):
            answer = call() if number % 2 else call(method="POST", body=b"x" * 1000)
            assert answer.status == 200, answer.text
    assert stranger.requests == [], "its pins do not match"
    assert len(good.requests) == 15 and {request.peer for request in good.requests} == {pair.der}
    assert world.a.metric("sallyport_upstream_retries_total", kind="target") >= 15


def test_without_retries_one_target_is_tried(world):
    origin = world.origin("no-retries")
    native(world, "no-retries", [f"http://127.0.0.1:{free_port()}/", origin.url + "/"], retries={"disabled": True},
           ejection={"disabled": True})
    with Caller(world, "no-retries") as call:
        assert sorted(call().status for _ in range(10)) == [200] * 5 + [502] * 5


def test_a_target_whose_certificate_is_not_there_yet_is_passed_over(world):
    origin, pending = world.origin("pending-good"), world.tls_origin("pending-other")
    absent = world.client("pending absent")
    native(world, "pending", [f"https://localhost:{pending.port}/", origin.url + "/"],
           tls=[("localhost", f"default{absent.fingerprint}", None)])
    assert statuses(at_once(world, "pending", 10, threads=1)) == {200: 10}
    assert pending.requests == [], "never without its certificate"


def test_what_was_sent_is_never_sent_to_another_target(world):
    def hang_up(handler, request):
        handler.close_connection = True
    origins = [world.origin(f"sent-{number}", answer=hang_up) for number in range(2)]
    native(world, "sent", [origin.url + "/" for origin in origins], ejection={"disabled": True})
    for number in range(4):
        with Caller(world, "sent") as call:
            assert call(method="POST", body=b"x").status == 502
            assert sum(len(origin.requests) for origin in origins) == number + 1


def test_retries_do_not_make_an_outage_worse(world):
    native(world, "outage", [f"http://127.0.0.1:{free_port()}/" for _ in range(3)], ejection={"disabled": True})
    before = world.a.metric("sallyport_upstream_retries_total", kind="target")
    began = time.monotonic()
    answers = at_once(world, "outage", 600)
    seconds = time.monotonic() - began + 1
    assert statuses(answers) == {502: 600}
    retries = world.a.metric("sallyport_upstream_retries_total", kind="target") - before
    loops = 2
    assert 0 < retries <= 0.2 * 600 + loops * 10 * (seconds + 1)
    if seconds < 20:
        assert world.a.metric("sallyport_upstream_retry_budget_exhausted_total") > 0


@pytest.mark.parametrize("policy", ["round_robin", "least_requests"])
def test_two_hosts_share_by_weight_each_with_its_own_certificate(world, policy):
    origins, tls = two_hosts(world, f"share-{policy.replace('_', '-')}")
    name = origins[0].name[:-2]
    targets = [{"url": url, "weight": weight} for url, weight in zip(urls(origins), (3, 1))]
    native(world, name, targets, tls=tls, balancing={"policy": policy})
    assert statuses(at_once(world, name, 160)) == {200: 160}
    require_right_peers(origins)
    if policy == "round_robin":
        assert 110 <= len(origins[0].requests) <= 130


def holding(gate):
    def hold(handler, request):
        gate.wait(DEADLINE)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    return hold


def test_least_requests_spares_a_slow_target(world):
    gate = threading.Event()
    slow, fast = world.origin("slow", answer=holding(gate)), world.origin("fast")
    native(world, "least", [slow.url + "/", fast.url + "/"], balancing={"policy": "least_requests"})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        held = pool.submit(lambda: Caller(world, "least", world.b)().status)
        wait_for(lambda: slow.requests, "the first target has the first request")
        with Caller(world, "least", world.b) as call:
            assert [call().status for _ in range(20)] == [200] * 20
        gate.set()
        assert held.result() == 200
    assert (len(slow.requests), len(fast.requests)) == (1, 20)


@pytest.mark.parametrize("how", ["header", "cookie", "client_address", "identity"])
def test_a_key_has_its_target(world, how):
    origins, tls = two_hosts(world, f"hash-{how.replace('_', '-')}")
    name = origins[0].name[:-2]
    balancing = {"policy": "consistent_hash", "hashOn": how}
    if how in ("header", "cookie"):
        balancing["hashName"] = "X-User" if how == "header" else "user"
    native(world, name, urls(origins), tls=tls, balancing=balancing)
    users = 20

    def headers(number):
        user = f"user-{number % users}"
        return {"X_User": user} if how == "header" else {"Cookie": f"a=b; user={user}"} if how == "cookie" else {}
    assert statuses(at_once(world, name, 200, headers=headers)) == {200: 200}
    if how == "identity":  # nobody has one here: in turn
        require_right_peers(origins)
        return
    if how == "client_address":
        assert sorted(len(origin.requests) for origin in origins) == [0, 200]
        return
    require_right_peers(origins)

    def user_of(request):
        return request.one("X-User") if how == "header" else request.one("Cookie").split("user=")[1]
    sets = [{user_of(request) for request in origin.requests} for origin in origins]
    assert not sets[0] & sets[1] and len(sets[0] | sets[1]) == users


def test_a_caller_has_its_target(world):
    """By identity: the same one from every replica, over every connection."""
    origins = [world.origin(f"hash-caller-{number}") for number in range(2)]
    native(world, "hash-callers", [origin.url + "/" for origin in origins], balancing={"policy": "consistent_hash", "hashOn": "identity"},
           spec={"keyless": False, "clientTls": {"dynamicMtls": True}})
    targets = []
    for number in range(10):
        pair = world.pki.self_signed(f"hashed {number}")
        world.gateway.create_key(session("hash-callers", world.gateway.add_certificate(pair.pem)))
        answers = [replica.curl("/x", client=pair, host="hash-callers.gw.test") for replica in (world.a, world.b, world.a)]
        assert {answer.status for answer in answers} == {200}
        targets.append({answer.headers["x-origin"] for answer in answers})
    assert all(len(one) == 1 for one in targets) and len(set.union(*targets)) == 2, targets


def test_a_target_that_fails_is_left_out_and_comes_back(world):
    failing = threading.Event()
    failing.set()

    def maybe(handler, request):
        handler.send_response(503 if failing.is_set() else 200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    bad, good = world.origin("eject-bad", answer=maybe), world.origin("eject-good")

    def put(name, milliseconds):
        native(world, name, [bad.url + "/", good.url + "/"], balancing={"slowStartMs": 1},
               ejection={"failures": 3, "baseMs": milliseconds, "maxMs": milliseconds})

    def ejections(name):
        return world.a.metric("sallyport_upstream_ejections_total", api=name, cause="answer")
    put("eject", 600_000)  # it is not back while these are counted
    with Caller(world, "eject") as call:
        assert [call().status for _ in range(12)].count(503) == 3
        assert ejections("eject") >= 1
    put("eject-briefly", 1000)
    with Caller(world, "eject-briefly") as call:
        wait_for(lambda: call().status in (200, 503) and ejections("eject-briefly") >= 1, "it is left out")
        failing.clear()
        seen = len(bad.requests)
        wait_for(lambda: call().status == 200 and len(bad.requests) > seen + 3, "it takes requests again")
        assert {call().status for _ in range(20)} == {200}


def test_the_last_targets_are_never_left_out(world):
    def fail(handler, request):
        handler.send_response(503)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    origins = [world.origin(f"last-{number}", answer=fail) for number in range(2)]
    native(world, "last", [origin.url + "/" for origin in origins], ejection={"failures": 2, "baseMs": 60000})
    answers = at_once(world, "last", 60, threads=1)
    assert statuses(answers) == {503: 60}
    assert sum(len(origin.requests) for origin in origins) == 60, "the answers are the targets' own"
    assert all(len(origin.requests) > 10 for origin in origins)


def test_health_checks_present_each_hosts_certificate_and_steer_requests(world):
    broken = threading.Event()
    origins, tls = two_hosts(world, "checked")

    def answer(handler, request):
        ill = request.target.startswith("/healthz") and broken.is_set()
        handler.send_response(500 if ill else 200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    origins[0].answer = answer
    native(world, "checked", urls(origins), tls=tls, balancing={"slowStartMs": 1}, ejection={"disabled": True},
           healthCheck={"enabled": True, "path": "/healthz", "intervalMs": 200, "timeoutMs": LONG_MS, "unhealthyAfter": 2})

    def checks(origin):
        return [request for request in list(origin.requests) if request.target == "/healthz"]

    def used(origin):
        return [request for request in list(origin.requests) if request.target != "/healthz"]
    wait_for(lambda: all(len(checks(origin)) >= 3 for origin in origins), "both are checked")
    assert statuses(at_once(world, "checked", 120)) == {200: 120}
    broken.set()
    wait_for(lambda: world.a.metric("sallyport_upstream_targets", api="checked", state="down") == 1, "it is down")
    before = len(used(origins[0]))
    assert statuses(at_once(world, "checked", 120)) == {200: 120}
    assert len(used(origins[0])) == before, "no request while it is down"
    broken.clear()
    wait_for(lambda: world.a.metric("sallyport_upstream_targets", api="checked", state="usable") == 2, "it is back")
    assert statuses(at_once(world, "checked", 120)) == {200: 120}
    require_right_peers(origins)
    assert {request.one("User-Agent") for origin in origins for request in checks(origin)} == {"sallyport-health-check"}


def test_a_health_check_of_a_host_with_another_pin_sends_nothing(world):
    stranger, good = world.tls_origin("checked-stranger"), world.tls_origin("checked-good")
    native(world, "checked-pin", urls([stranger, good]), tls=[(f"localhost:{stranger.port}", None, good.spki)],
           healthCheck={"enabled": True, "intervalMs": 200, "timeoutMs": LONG_MS})
    wait_for(lambda: world.a.metric("sallyport_upstream_targets", api="checked-pin", state="down") == 1, "it is down")
    assert statuses(at_once(world, "checked-pin", 20)) == {200: 20}
    assert stranger.requests == []


def test_tyks_uptime_tests_are_health_checks(world):
    origins, _ = two_hosts(world, "uptime")
    definition = classic("uptime", origins[0].url, domain="uptime.gw.test", use_keyless=True)
    definition["upstream_certificates"] = {}
    for origin, certificate in zip(origins, ("uptime 0", "uptime 1")):
        pair = world.client(certificate)
        origin.expects = pair.der
        definition["upstream_certificates"][f"localhost:{origin.port}"] = world.gateway.add_certificate(
            pair.pem + pair.key_pem)
    definition["proxy"].update(enable_load_balancing=True, target_list=urls(origins),
                               check_host_against_uptime_tests=True)
    definition["uptime_tests"] = {"check_list": [{"url": url + "up"} for url in urls(origins)]}
    world.gateway.add_api(definition)
    wait_for(lambda: all(any(request.target == "/up" for request in origin.requests) for origin in origins),
             "both are checked")
    require_right_peers(origins)


def test_limits_of_a_target_refuse_with_retry_after(world):
    gate = threading.Event()
    origin = world.origin("limited", answer=holding(gate))
    native(world, "limited", [origin.url + "/"], limits={"maxConnections": 1, "maxPending": 1}, timeouts={"connectMs": 6000})
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: Caller(world, "limited")())
        wait_for(lambda: origin.requests, "the first is there")
        second = pool.submit(lambda: Caller(world, "limited")())

        def refused():
            with Caller(world, "limited") as call:
                return call()
        # The second may not be in the line yet: then this one is, for as long as a connection may take.
        answer = wait_for(lambda: next((a for a in [refused()] if a.status == 503), None), "the line is full")
        assert answer.headers["Retry-After"] == "1" and json.loads(answer.text)["reason"] == "UPSTREAM_POOL_FULL"
        assert len(origin.requests) == 1
        gate.set()
        assert first.result().status == 200
        assert second.result().status in (200, 503)
    assert world.a.metric("sallyport_upstream_busy_total", api="limited") >= 1


@pytest.mark.parametrize("timeouts", [{"firstByteMs": 200}, {"totalMs": 300}])
def test_timeouts_of_an_api(world, timeouts):
    gate = threading.Event()
    name = "timeout-" + next(iter(timeouts)).lower()
    origin = world.origin(name, answer=lambda handler, request: gate.wait(DEADLINE))
    native(world, name, [origin.url + "/"], timeouts=timeouts)
    with Caller(world, name) as call:
        began = time.monotonic()
        assert call().status == 504
        assert time.monotonic() - began < 20
    gate.set()


@pytest.mark.parametrize("upstream, said", [
    ({"balancing": {"policy": "random"}}, "round_robin, least_requests or consistent_hash"),
    ({"balancing": {"policy": "consistent_hash", "hashOn": "header"}}, "hash_name"),
    ({"healthCheck": {"enabled": True, "path": "up"}}, "must start with /"),
    ({"limits": {"maxPending": 3}}, "without max_connections"),
    ({"balancing": {"polizy": "round_robin"}}, "polizy"),
])
def test_settings_that_cannot_be_followed_are_refused(world, upstream, said):
    document = {"apiVersion": "sallyport/v1", "kind": "Api", "metadata": {"name": "refused"},
                "spec": {"orgId": "default", "hosts": ["refused.gw.test"], "listenPath": "/", "keyless": True,
                         "upstream": {"targets": [{"url": "http://127.0.0.1:1/"}], **upstream}}}
    done = world.gateway.run_ctl("apply", "-f", "-", stdin=json.dumps(document))
    assert done.returncode != 0 and said in done.stdout + done.stderr
