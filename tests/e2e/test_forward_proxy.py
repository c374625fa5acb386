"""Upstreams behind a forward proxy (CONNECT): certificates, pins and names hold as they do without it (reference tyk.md Q4)."""

import concurrent.futures
import json
import socket
import threading

import pytest

from forward_proxies import FROM, PASSWORD, USER, OwnProxy, TinyProxy, pump
from gateway import DEADLINE, classic, lines_of, wait_for
from h2_origin import Http2Origin
from origins import free_port
from raw import Connection
from test_balancing import LONG_MS, native
from tunnels import Scripted, asked, switching


@pytest.fixture(scope="module")
def proxy(world, tmp_path_factory):
    made = TinyProxy(tmp_path_factory.mktemp("tinyproxy"))
    yield made
    made.stop()


@pytest.fixture()
def own(request):
    """`own(...)`: a proxy of the test's own."""
    made = []

    def make(**more):
        made.append(OwnProxy(**more))
        return made[-1]
    yield make
    for one in made:
        one.close()


def tyk(world, name, target, proxy_url, **more):
    definition = classic(name, target, domain=f"{name}.gw.test", use_keyless=True, **more)
    definition["proxy"]["transport"] = {"proxy_url": proxy_url}
    return definition


def by(proxy, **more):
    return {"forwardProxy": {"url": f"http://127.0.0.1:{proxy.port}", **more}}


def credentials():
    return {"username": USER, "password": PASSWORD}


def noting(origin):
    """The origin notes where its connections come from."""
    def answer(handler, request):
        request.source = handler.client_address[0]
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    origin.answer = answer
    return origin


def client_certificate(world, name):
    pair = world.client(name)
    return pair, world.gateway.add_certificate(pair.pem + pair.key_pem)


def call(world, name, path="/x", **more):
    return world.a.curl(path, host=f"{name}.gw.test", **more)


def record(world, answer):
    """The access log's line about it."""
    request_id = answer.headers["x-request-id"]

    def look():
        return next((line for line in lines_of(world.gateway.directory / "replica-0.access.log") if request_id in line), None)
    return json.loads(wait_for(look, f"the access log has {request_id}"))


def everything_written(world):
    """Logs of all processes and all that may be read back."""
    texts = [path.read_text(errors="replace") for path in world.gateway.directory.glob("*.log")]
    for arguments in (["get", "api"], ["get", "api", "-o", "json"]):
        texts.append(world.gateway.run_ctl(*arguments).stdout)
    texts.append(world.gateway.rest("GET", "/tyk/apis").text)
    return "\n".join(texts)


def test_the_right_certificate_is_presented_behind_the_proxy(world, proxy):
    origin = noting(world.tls_origin("fp-mtls", client_ca=world.client_ca))
    pair, certificate_id = client_certificate(world, "fp mtls")
    world.gateway.add_api(tyk(world, "fp-mtls", f"https://localhost:{origin.port}/", proxy.url(),
                              upstream_certificates={f"localhost:{origin.port}": certificate_id}))
    answer = call(world, "fp-mtls")
    assert answer.status == 200, answer
    assert origin.last().peer == pair.der and origin.last().source == FROM
    assert f"localhost:{origin.port}" in proxy.asked()
    line = record(world, answer)
    assert line["upstream_by_proxy"] is True and line["upstream"] == f"127.0.0.1:{proxy.port}"
    assert line["upstream_certificate"] == certificate_id
    wait_for(lambda: record(world, call(world, "fp-mtls")).get("upstream_reused"), "the tunnel is used again")


def test_explain_says_that_it_went_by_the_proxy_and_nobody_shows_the_password(world, proxy):
    origin = world.tls_origin("fp-told")
    world.gateway.add_api(tyk(world, "fp-told", f"https://localhost:{origin.port}/", proxy.url()))
    answer = call(world, "fp-told")
    assert answer.status == 200
    told = world.gateway.explain(answer.headers["x-request-id"])
    assert f"127.0.0.1:{proxy.port} of the forward proxy" in told.stdout, told.stdout
    granted = world.gateway.run_ctl("explain", "--api", "fp-told", "--cert", str(world.client("fp told").cert))
    assert f"through forward proxy 127.0.0.1:{proxy.port} with its credentials" in granted.stdout, granted.stdout + granted.stderr
    definition = world.gateway.rest("GET", "/tyk/apis/fp-told").json()
    assert definition["proxy"]["transport"]["proxy_url"] == f"http://{USER}@127.0.0.1:{proxy.port}"
    definition["name"] = "renamed"
    world.gateway.update_api(definition)  # what was read can be put back: the password stays
    assert call(world, "fp-told").status == 200
    written = everything_written(world) + told.stdout + granted.stdout
    assert PASSWORD not in written and "b3Blbi1zZXNhbWUtOTE" not in written and "fp-told" in written


def test_the_password_does_not_follow_to_another_proxy(world, proxy, own):
    thief = own()
    native(world, "fp-thief", ["https://localhost:1/"], **by(proxy, **credentials()))
    document = {"apiVersion": "sallyport/v1", "kind": "Api", "metadata": {"name": "fp-thief"},
                "spec": {"orgId": "default", "hosts": ["fp-thief.gw.test"], "listenPath": "/", "keyless": True,
                         "upstream": {"targets": [{"url": "https://localhost:1/"}], **by(thief, username=USER)}}}
    done = world.gateway.run_ctl("apply", "-f", "-", stdin=json.dumps(document))
    assert done.returncode != 0 and "password for this user name and proxy is required" in done.stdout + done.stderr


@pytest.mark.parametrize("pinned", [True, False])
def test_a_wrong_server_is_refused_through_the_proxy(world, proxy, pinned):
    """Tyk checks no pin but that of "*" behind a proxy, and no certificate either where any is defined (Q4)."""
    name = f"fp-wrong-{pinned}".lower()
    server = None if pinned else world.pki.self_signed(name, sans=["localhost"])
    origin = world.tls_origin(name) if pinned else world.origin(name, pair=server)
    other = world.gateway.add_certificate(world.pki.self_signed(f"{name} other").public_key_pem)
    pins = {"localhost" if pinned else "elsewhere.gw.test": other}
    world.gateway.add_api(tyk(world, name, f"https://localhost:{origin.port}/", proxy.url(), pinned_public_keys=pins))
    answer = call(world, name)
    assert answer.status == 500 and origin.requests == []
    assert record(world, answer)["reason"] == ("UPSTREAM_PIN_MISMATCH" if pinned else "UPSTREAM_CERT_UNTRUSTED")
    assert f"localhost:{origin.port}" in proxy.asked(), "it was the proxy that led there"


def test_two_apis_and_one_without_the_proxy_never_mix(world, proxy):
    origin = noting(world.tls_origin("fp-mix", client_ca=world.client_ca))
    expected = {}
    for name, way in (("fp-mix-a", by(proxy, **credentials())), ("fp-mix-b", by(proxy, **credentials())), ("fp-mix-c", {})):
        pair, certificate_id = client_certificate(world, name)
        native(world, name, [f"https://localhost:{origin.port}/{name}"],
               tls=[(f"localhost:{origin.port}", certificate_id, origin.spki)], **way)
        expected[name] = (pair.der, FROM if way else "127.0.0.1")
    with concurrent.futures.ThreadPoolExecutor(9) as pool:
        answers = list(pool.map(lambda number: call(world, f"fp-mix-{'abc'[number % 3]}").status, range(120)))
    assert answers == [200] * 120
    for name, (der, source) in expected.items():
        seen = {(request.peer, request.source) for request in origin.requests if name in request.target}
        assert seen == {(der, source)}, name


def test_a_proxy_that_is_down_is_told_apart_from_the_target(world):
    origin = world.tls_origin("fp-down")
    native(world, "fp-down", [f"https://localhost:{origin.port}/"],
           forwardProxy={"url": f"http://127.0.0.1:{free_port()}"})
    native(world, "fp-up", [f"https://localhost:{origin.port}/"])
    for _ in range(8):
        answer = call(world, "fp-down")
        assert answer.status == 502 and "proxy" not in answer.body
    line = record(world, answer)
    assert line["reason"] == "UPSTREAM_PROXY" and line["detail"].startswith("forward proxy 127.0.0.1:")
    assert call(world, "fp-up").status == 200


def test_only_what_the_proxy_says_of_a_target_counts_against_it(world, own):
    """Of two targets one is refused by the proxy: the other is tried, and the first left out. A proxy that is of no use
    itself leaves none out."""
    good = world.tls_origin("fp-counts")

    def lead(taken):
        head = taken.head()
        if f"localhost:{good.port} " not in head:
            return taken.send("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        taken.send("HTTP/1.1 200 OK\r\n\r\n")
        with socket.create_connection(("127.0.0.1", good.port), DEADLINE) as target:
            threading.Thread(target=pump, args=(target, taken.socket), daemon=True).start()
            pump(taken.socket, target)
    proxy = Scripted(lead, DEADLINE)
    targets = [f"https://localhost:{good.port}/", "https://localhost:1/"]
    rules = {"ejection": {"failures": 1, "baseMs": 600_000}, "retries": {"budgetPercent": 100}}
    native(world, "fp-counts", targets, **rules, **by(proxy))
    assert [call(world, "fp-counts").status for _ in range(6)] == [200] * 6
    ejections = "sallyport_upstream_ejections_total"
    wait_for(lambda: world.a.metric(ejections, api="fp-counts", cause="connect") == 1, "left out")
    native(world, "fp-useless", targets, **rules, **by(own(answer="HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n")))
    assert [call(world, "fp-useless").status for _ in range(6)] == [502] * 6
    wait_for(lambda: world.a.metric("sallyport_requests_total", api="fp-useless", reason="UPSTREAM_PROXY") == 6, "counted")
    assert world.a.metric(ejections, api="fp-useless") == 0
    assert world.a.metric("sallyport_upstream_targets", api="fp-useless", state="usable") == 2
    proxy.close()


def test_wrong_credentials_and_then_the_right_ones(world, proxy):
    origin = world.tls_origin("fp-407")
    target = f"https://localhost:{origin.port}/"
    for way in (by(proxy), by(proxy, username=USER, password="wrong-guess")):
        native(world, "fp-407", [target], **way)
        answer = call(world, "fp-407")
        assert answer.status == 502 and "proxy-authenticate" not in answer.headers
        line = record(world, answer)
        assert line["reason"] == "UPSTREAM_PROXY" and "user name and password" in line["detail"] and "wrong-guess" not in json.dumps(line)
    assert origin.requests == []
    native(world, "fp-407", [target], **by(proxy, **credentials()))
    assert call(world, "fp-407").status == 200


def test_a_changed_way_is_taken_by_the_next_request(world, proxy):
    origin = noting(world.tls_origin("fp-moves"))
    target = f"https://localhost:{origin.port}/"
    for way, source in ((by(proxy, **credentials()), FROM), ({}, "127.0.0.1"), (by(proxy, **credentials()), FROM)):
        native(world, "fp-moves", [target], **way)
        for _ in range(3):
            assert call(world, "fp-moves").status == 200 and origin.last().source == source


def test_plain_targets_go_by_connect_too(world, proxy):
    origin = noting(world.origin("fp-plain"))
    native(world, "fp-plain", [f"http://localhost:{origin.port}/"], **by(proxy, **credentials()))
    for _ in range(3):
        assert call(world, "fp-plain").status == 200 and origin.last().source == FROM
    assert f"localhost:{origin.port}" in proxy.asked()
    native(world, "fp-plain", [f"http://localhost:{origin.port}/"])
    assert call(world, "fp-plain").status == 200 and origin.last().source == "127.0.0.1"


def test_http2_is_spoken_through_it(world, own):
    for tls in (True, False):
        name = f"fp-h2-{tls}".lower()
        pair = world.pki.issue(name, world.upstream_ca, sans=["localhost"]) if tls else None
        origin = Http2Origin(pair=pair) if tls else Http2Origin()
        try:
            proxy = own(port=origin.port)
            native(world, name, [f"{'https' if tls else 'h2c'}://localhost:{origin.port}/"], protocol="auto", **by(proxy))
            answers = [call(world, name) for _ in range(3)]
            assert [answer.status for answer in answers] == [200] * 3
            assert record(world, answers[0])["upstream_http2"] is True
            assert [head.split("\r\n")[0] for head in proxy.heads] == [f"CONNECT localhost:{origin.port} HTTP/1.1"] * len(proxy.heads)
        finally:
            origin.close()


def test_a_websocket_tunnel_goes_through_it(world, own):
    def script(taken):
        assert "Upgrade: websocket" in taken.head()
        taken.send(switching())
        taken.send(taken.read(5)[::-1])
        taken.end()
    origin = Scripted(script, 60)
    proxy = own(port=origin.port)
    native(world, "fp-ws", [f"http://localhost:{origin.port}/"], **by(proxy))
    with Connection(world.a, "fp-ws.gw.test") as connection:
        connection.send(asked("fp-ws.gw.test"))
        assert connection.interim_answer() == 101
        connection.send("hello")
        assert connection.rest(5) == b"olleh"
    origin.close()
    assert len(proxy.heads) == 1


def test_the_proxy_looks_up_the_targets_name(world, own):
    name = "known-to-the-proxy-alone.gw.test"
    pair = world.pki.issue("fp named", world.upstream_ca, sans=[name])
    origin = world.origin("fp-named", pair=pair)
    proxy = own(port=origin.port)
    native(world, "fp-named", [f"https://{name}:8443/"], **by(proxy))
    assert call(world, "fp-named").status == 200
    assert proxy.heads[0] == f"CONNECT {name}:8443 HTTP/1.1\r\nHost: {name}:8443"


@pytest.mark.parametrize("answer, reason", [
    ("HTTP/1.1 302 Found\r\nLocation: https://evil.gw.test/\r\nContent-Length: 0\r\n\r\n", "UPSTREAM_PROXY_REFUSED"),
    ("HTTP/1.1 403 No\r\nProxy-Authenticate: Basic realm=\"r\"\r\nContent-Length: 4\r\n\r\nno\r\n", "UPSTREAM_PROXY_REFUSED"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 38\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "UPSTREAM_PROXY"),
    ("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "UPSTREAM_PROXY"),
    ("HTTP/1.1 200 OK\r\nX: " + 20_000 * "x" + "\r\n\r\n", "UPSTREAM_PROXY"),
    ("\x16\x03\x03\x00\x02ok\r\n\r\n", "UPSTREAM_PROXY"),
], ids=["redirect", "forbidden", "body", "early", "oversized", "tls"])
def test_what_a_hostile_proxy_says_is_never_the_targets_answer(world, own, answer, reason):
    proxy = own(answer=answer)
    for scheme in ("http", "https"):
        name = f"fp-hostile-{scheme}-{proxy.port}"
        native(world, name, [f"{scheme}://localhost:1/"], **by(proxy))
        got = call(world, name, path="/secret", headers=["X-Secret: 1"])
        assert got.status == 502 and "evil" not in str(got) and "proxy-authenticate" not in got.headers
        wanted = reason
        if scheme == "https" and answer.startswith("HTTP/1.1 200 OK\r\n\r\n"):
            wanted = "UPSTREAM_TLS_HANDSHAKE"  # the rest is the target's, and no TLS
        assert record(world, got)["reason"] == wanted
    assert b"secret" not in proxy.after.lower()


def test_health_checks_go_through_the_proxy(world, proxy):
    origins = [noting(world.tls_origin(f"fp-health-{number}", client_ca=world.client_ca)) for number in range(2)]
    pair, certificate_id = client_certificate(world, "fp health")
    native(world, "fp-health", [f"https://localhost:{origin.port}/" for origin in origins] + ["http://localhost:1/"],
           tls=[(f"localhost:{origin.port}", certificate_id, origin.spki) for origin in origins],
           healthCheck={"enabled": True, "path": "/healthz", "intervalMs": 200, "timeoutMs": LONG_MS, "unhealthyAfter": 1},
           **by(proxy, **credentials()))
    for origin in origins:
        wait_for(lambda: len([request for request in origin.requests if request.target == "/healthz"]) >= 2, "checked")
        assert {(request.peer, request.source) for request in origin.requests} == {(pair.der, FROM)}
    wait_for(lambda: world.a.metric("sallyport_upstream_targets", api="fp-health", state="down") == 1,
             "the third is down: the proxy does not get there")
    assert [call(world, "fp-health").status for _ in range(6)] == [200] * 6


@pytest.mark.parametrize("more, why", [
    ({"url": "https://127.0.0.1:3128"}, "TLS to the proxy itself is not spoken"),
    ({"url": "socks5://127.0.0.1:1080"}, "must be http://host:port"),
    ({"url": "http://ali:secret-guess@127.0.0.1:1"}, "fields of their own"),
    ({"url": "http://127.0.0.1:1", "username": "ali"}, "password for this user name and proxy is required"),
    ({"url": "http://127.0.0.1:1", "password": "secret-guess"}, "without a user name"),
])
def test_a_proxy_that_cannot_be_is_refused(world, more, why):
    document = {"apiVersion": "sallyport/v1", "kind": "Api", "metadata": {"name": "fp-bad"},
                "spec": {"orgId": "default", "hosts": ["fp-bad.gw.test"], "listenPath": "/", "keyless": True,
                         "upstream": {"targets": [{"url": "https://localhost:1/"}], "forwardProxy": more}}}
    done = world.gateway.run_ctl("apply", "-f", "-", stdin=json.dumps(document))
    assert done.returncode != 0 and why in done.stdout + done.stderr
    assert "secret-guess" not in done.stdout + done.stderr
    assert "secret-guess" not in "\n".join(path.read_text(errors="replace") for path in world.gateway.directory.glob("*.log"))


def test_the_environments_proxy_is_not_used(world):
    origin = noting(world.tls_origin("fp-env"))
    replica = world.gateway.start_dataplane(system_trust=world.trust, env={
        name: f"http://127.0.0.1:{free_port()}" for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")})
    native(world, "fp-env", [f"https://localhost:{origin.port}/"])
    assert replica.curl("/x", host="fp-env.gw.test").status == 200 and origin.last().source == "127.0.0.1"
