"""HTTP/2 to upstreams: what holds for HTTP/1.1 ones holds for each request on a shared connection."""

import concurrent.futures
import json
import subprocess
import threading

import pytest

from gateway import DEADLINE, classic, lines_of, wait_for
from h2_origin import Http2Origin, echo
from raw_http2 import (CANCEL, END_HEADERS, END_STREAM, HEADERS, NO_ERROR, REFUSED_STREAM, RST_STREAM, SETTINGS, Http2, frame,
                       number, setting)
from test_balancing import LONG_MS, native

JSON = [("content-type", "application/json")]


@pytest.fixture(scope="module")
def origins():
    made = []
    yield made
    for origin in made:
        origin.close()


@pytest.fixture()
def upstream(world, origins, request):
    """`upstream(...)`: an origin of that kind and an API of its own towards it: (origin, host)."""
    count = 0

    def make(name=None, url=None, api=None, **more):
        nonlocal count
        count += 1
        name = name or f"{request.node.name.split('[')[0].replace('_', '-')[:40]}-{len(origins)}"
        origin = Http2Origin(**more)
        origins.append(origin)
        native(world, name, [(url or origin.url) + "/"], **(api or {}))
        return origin, f"{name}.gw.test"
    return make


def record(world, request_id, replica="replica-0"):
    """The access log's line of that request."""
    log = world.gateway.directory / f"{replica}.access.log"

    def look():
        return next((line for line in lines_of(log) if f'"request_id":"{request_id}"' in line), None)
    return json.loads(wait_for(look, f"the access log has {request_id}"))


# Requests and answers.

@pytest.mark.parametrize("option", ["--http1.1", "--http2"])
def test_a_request_as_its_upstream_sees_it(world, upstream, option):
    origin, host = upstream()
    answer = world.a.curl("/a%20b/../c?x=1", host=host, options=[option], headers=[
        "X-Own: 1", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Client-Cert: Hash=00", "Client-Cert: :AAAA:", "Cookie: a=1",
        *(["Connection: keep-alive, X-Hop", "X-Hop: 1", "Keep-Alive: 5"] if option == "--http1.1" else [])])
    assert answer.status == 200 and answer.json() == {"method": "GET", "target": "/c?x=1", "bytes": 0}
    seen = origin.last()
    names = [name for name, _ in seen.fields]
    assert names[:4] == [":method", ":scheme", ":authority", ":path"] and not any(name.startswith(":") for name in names[4:])
    assert (seen.one(":scheme"), seen.one(":authority")) == ("http", f"127.0.0.1:{origin.port}")
    assert seen.one("x-own") == "1" and seen.one("cookie") == "a=1"
    assert seen.one("x-forwarded-for") == "127.0.0.1" and seen.one("x-forwarded-proto") == "https"
    assert seen.one("x-forwarded-host").startswith(host) and seen.one("x-request-id") == answer.headers["x-request-id"]
    assert "Hash=00" not in str(seen.fields) and not seen.all("client-cert")
    assert not {"connection", "keep-alive", "x-hop", "host", "transfer-encoding", "upgrade"} & set(names)
    assert all(name == name.lower() for name in names)
    line = record(world, answer.headers["x-request-id"])
    assert line["upstream_http2"] is True and "grpc_status" not in line


def test_many_requests_of_many_clients_share_few_connections(world, upstream):
    origin, host = upstream()
    assert world.a.curl("/", host=host).status == 200  # else each loop opens one
    with Http2(world.a, host) as h2:
        streams = [h2.request(f"/n{n}") for n in range(100)]
        assert [json.loads(h2.answer(stream).body)["target"] for stream in streams] == [f"/n{n}" for n in range(100)]
        for n in range(200):
            assert h2.get(f"/again{n}").status == 200
    assert len(origin.connections) <= 4
    wait_for(lambda: world.a.metric("sallyport_upstream_http2_connections") >= 1, "the gauge counts it")
    assert world.a.metric("sallyport_upstream_connections_total", protocol="http2", kind="reused") >= 200


def test_bodies_and_trailers_pass_both_ways_whatever_the_client_speaks(world, upstream):
    def answer(request):
        request.head([("x-kind", "data")])
        request.data(bytes(request.body[:100]))
        for begin in range(100, len(request.body), 16000):
            request.data(bytes(request.body[begin:begin + 16000]))
        request.end_with([("x-sum", str(len(request.body))), ("x-forwarded-for", "1")])

    origin, host = upstream(answer=answer)
    body = bytes(range(256)) * 200  # fits into the windows, which the origin does not look at
    with Http2(world.a, host) as h2:
        stream = h2.request(method="POST", end=False, more=[("te", "trailers")])
        for begin in range(0, len(body), 16000):
            h2.data(stream, body[begin:begin + 16000])
        h2.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, h2.encode([("x-mine", "1"), ("x-forwarded-client-cert", "Hash=0")])))
        reply = h2.answer(stream)
        assert reply.body == body and reply.trailers == {"x-sum": str(len(body))}
    assert origin.last().trailers == [("x-mine", "1")] and origin.last().one("te") == "trailers"
    assert origin.last().one("content-length") is None
    done = world.a.curl("/", host=host, method="POST", data=body.hex(), options=["--http1.1", "--raw"])
    assert done.status == 200 and f"x-sum: {2 * len(body)}" in done.body.lower(), done.body[-200:]
    assert origin.last().one("content-length") == str(2 * len(body)) and len(origin.last().body) == 2 * len(body)


@pytest.mark.parametrize("option", ["--http1.1", "--http2"])
def test_a_large_upload_is_streamed(world, upstream, option):
    origin, host = upstream()
    made = world.gateway.directory / "upload.bin"
    made.write_bytes(b"x" * 5_000_000)
    answer = world.a.curl("/", host=host, options=[option, "-H", "Expect:", "--data-binary", f"@{made}"])
    assert answer.status == 200 and answer.json()["bytes"] == 5_000_000, answer


def test_head_and_answers_without_a_body(world, upstream):
    def answer(request):
        status = int(request.one(":path").strip("/"))
        request.head([("content-length", "5")] if status in (200, 304) else [], status, end=True)

    _, host = upstream(answer=answer)
    for option in ("--http1.1", "--http2"):
        got = world.a.curl("/200", host=host, method="HEAD", options=[option])
        assert got.status == 200 and got.headers["content-length"] == "5" and got.exit_code == 0, got
        assert world.a.curl("/204", host=host, options=[option]).status == 204
        assert world.a.curl("/304", host=host, options=[option]).status == 304
        empty = world.a.curl("/201", host=host, options=[option])
        assert (empty.status, empty.body, empty.exit_code) == (201, "", 0)


def test_an_expectation_is_asked_of_the_upstream(world, upstream):
    def begin(request):
        if not request.ended and not request.body and len(request.heads) == 1:
            assert request.one("expect") == "100-continue"
            request.head([], 100)

    origin, host = upstream(begin=begin)
    for option in ("--http1.1", "--http2"):
        answer = world.a.curl("/", host=host, method="POST", data="x" * 2000, headers=["Expect: 100-continue"], options=[option])
        assert answer.status == 200 and answer.json()["bytes"] == 2000

    def refuse(request):
        if len(request.heads) == 1 and not request.body:
            request.answer(b"", status=417)

    origin, host = upstream(begin=refuse, answer=None)
    answer = world.a.curl("/", host=host, method="POST", data="x" * 2000, headers=["Expect: 100-continue"], options=["--http1.1"])
    assert answer.status == 417 and not origin.last().body, "nothing of the body was sent"


def test_interim_answers_pass(world, upstream):
    def answer(request):
        request.head([("link", "</a.css>")], 103)
        request.answer(b"done")

    _, host = upstream(answer=answer)
    with Http2(world.a, host) as h2:
        reply = h2.get()
        assert [head[":status"] for head in reply.heads] == ["103", "200"] and reply.heads[0]["link"] == "</a.css>"


# Which protocol.

def test_by_alpn_the_target_chooses(world, upstream):
    pair = world.pki.issue("alpn", world.upstream_ca, usages=[world_server()], sans=["localhost", "127.0.0.1"])
    both, host = upstream(pair=pair, api={"protocol": "auto"})
    assert world.a.curl("/", host=host).status == 200 and both.last().one(":scheme") == "https"
    only = world.tls_origin("only http1")
    native(world, "auto-http1", [f"https://localhost:{only.port}/"], protocol="auto")
    for _ in range(3):
        assert world.a.curl("/x", host="auto-http1.gw.test").json()["origin"] == "only http1"
    native(world, "must-h2", [f"https://localhost:{only.port}/"], protocol="h2")
    refused = world.a.curl("/x", host="must-h2.gw.test")
    assert (refused.status, refused.json()["reason"]) == (502, "UPSTREAM_PROTOCOL")
    assert "ALPN" in record(world, refused.headers["x-request-id"])["detail"]


def world_server():
    from pki import SERVER
    return SERVER


def test_http1_stays_the_default_and_offers_nothing(world, upstream):
    pair = world.pki.issue("default", world.upstream_ca, usages=[world_server()], sans=["localhost", "127.0.0.1"])
    origin, host = upstream(pair=pair)
    assert world.a.curl("/", host=host).status == 502, "an upstream that speaks HTTP/2 alone"
    assert not origin.requests


def test_h2c_by_setting_and_by_scheme(world, upstream):
    origin, host = upstream()
    native(world, "h2c-setting", [f"http://127.0.0.1:{origin.port}/"], protocol="h2c")
    world.gateway.add_api(classic("h2c-classic", f"{origin.url}/base/", domain="h2c-classic.gw.test", use_keyless=True))
    for name in (host, "h2c-setting.gw.test"):
        assert world.a.curl("/", host=name).json()["target"] == "/"
    assert world.a.curl("/x", host="h2c-classic.gw.test").json()["target"] == "/base/x"


@pytest.mark.parametrize("protocol, target, told", [
    ("h2", "http://127.0.0.1:1/", "needs https://"),
    ("h2c", "https://127.0.0.1:1/", "needs http://"),
    ("spdy", "https://127.0.0.1:1/", "must be http1, auto, h2 or h2c"),
])
def test_what_cannot_be_spoken_is_refused_by_name(world, protocol, target, told):
    with pytest.raises(AssertionError, match=told):
        native(world, "impossible", [target], protocol=protocol)


def test_an_http1_upstream_that_is_spoken_to_in_http2(world):
    origin = world.origin("http1 only")
    native(world, "h2c-http1", [f"h2c://127.0.0.1:{origin.port}/"])
    answer = world.a.curl("/", host="h2c-http1.gw.test")
    assert (answer.status, answer.json()["reason"]) == (502, "UPSTREAM_PROTOCOL")
    assert "HTTP/2" in record(world, answer.headers["x-request-id"])["detail"]


# Identities never mix.

def tls_upstream(world, name, **more):
    return Http2Origin(pair=world.pki.issue(name, world.upstream_ca, usages=[world_server()], sans=["localhost", "127.0.0.1"]),
                       client_ca=world.client_ca.cert, **more)


def test_two_apis_with_two_certificates_share_no_connection(world, origins):
    origin = tls_upstream(world, "mtls h2")
    origins.append(origin)
    pairs = {}
    for name in ("h2-alice", "h2-bob"):
        pairs[name] = world.client(name)
        entry = world.gateway.add_certificate(pairs[name].pem + pairs[name].key_pem)
        native(world, name, [f"https://localhost:{origin.port}/"], tls=[(f"localhost:{origin.port}", entry, origin.spki)],
               protocol="h2")
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        calls = [(name, pool.submit(world.a.curl, f"/{name}", host=f"{name}.gw.test")) for name in list(pairs) * 20]
        for name, call in calls:
            assert call.result().status == 200
    for request in origin.requests:
        assert request.connection.peer == pairs[request.one(":path").strip("/")].der
    stranger = world.client("h2 stranger", world.pki.issue("another CA", ca=True))
    entry = world.gateway.add_certificate(stranger.pem + stranger.key_pem)
    native(world, "h2-stranger", [f"https://localhost:{origin.port}/"], tls=[(f"localhost:{origin.port}", entry, None)],
           protocol="h2")
    refused = world.a.curl("/", host="h2-stranger.gw.test")
    assert (refused.status, refused.json()["reason"]) == (502, "UPSTREAM_TLS_HANDSHAKE")


def test_pins_hold_and_a_changed_pin_is_a_new_connection(world, origins):
    origin = tls_upstream(world, "pinned h2")
    origins.append(origin)
    pair = world.client("pin client")
    entry = world.gateway.add_certificate(pair.pem + pair.key_pem)
    place = f"localhost:{origin.port}"
    native(world, "h2-pinned", [f"https://{place}/"], tls=[(place, entry, origin.spki)], protocol="h2")
    assert world.a.curl("/", host="h2-pinned.gw.test").status == 200
    native(world, "h2-pinned", [f"https://{place}/"], tls=[(place, entry, "00" * 32)], protocol="h2")
    answer = world.a.curl("/", host="h2-pinned.gw.test")
    assert (answer.status, answer.json()["reason"]) == (502, "UPSTREAM_PIN_MISMATCH")


def test_a_certificate_that_is_deleted_takes_its_connections_along_and_no_request(world, origins):
    going = threading.Event()

    def answer(request):
        if request.one(":path") == "/slow":
            threading.Thread(target=lambda: (going.wait(DEADLINE), request.answer(b"whole")), daemon=True).start()
        else:
            echo(request)

    origin = tls_upstream(world, "evicting h2", answer=answer)
    origins.append(origin)
    pair = world.client("evicted client")
    entry = world.gateway.add_certificate(pair.pem + pair.key_pem)
    place = f"localhost:{origin.port}"
    native(world, "h2-evicted", [f"https://{place}/"], tls=[(place, entry, None)], protocol="h2")
    with Http2(world.b, "h2-evicted.gw.test") as h2:
        slow = h2.request("/slow")
        origin.wait(lambda: len(origin.requests) == 1, "the request is there")
        assert world.gateway.delete_certificate(entry, force=True).status_code == 200
        world.gateway.settle()
        refused = h2.get("/x")
        assert refused.status == 502 and json.loads(refused.body)["reason"] == "UPSTREAM_CREDENTIAL"
        going.set()
        assert h2.answer(slow).body == b"whole"
    origin.wait(lambda: origin.connections[0].over, "the old connection closes with its last request")
    assert origin.connections[0].goaways == [NO_ERROR]


# Retries.

def test_a_graceful_goaway_loses_no_request(world, upstream):
    state = {"armed": False}
    held = []

    def answer(request):
        if request.one(":path") == "/held":
            held.append(request)
        elif state["armed"]:
            state["armed"] = False
            request.connection.goaway(held[-1].stream)  # the request at hand is beyond it: not begun
        else:
            echo(request)

    origin, host = upstream(answer=answer)
    with Http2(world.b, host) as h2:
        for method in ("GET", "POST"):
            old = h2.request("/held")
            origin.wait(lambda: held and held[-1].connection is origin.connections[-1], "it is there")
            state["armed"] = True
            stream = h2.request("/moved", method=method, end=method == "GET")
            if method == "POST":
                h2.data(stream, b"x" * 5000, end=True)
            reply = h2.answer(stream)
            assert reply.status == 200 and json.loads(reply.body) == {"method": method, "target": "/moved",
                                                                      "bytes": 5000 if method == "POST" else 0}
            held[-1].answer(b"still served")
            assert h2.answer(old).body == b"still served"
    assert len(origin.connections) == 3
    origin.wait(lambda: origin.connections[0].over and origin.connections[1].over, "those that were told to go are closed")


def test_what_is_refused_is_sent_again_but_not_for_ever(world, upstream):
    seen = []

    def answer(request):
        seen.append(request)
        if len(seen) == 1 or request.one(":path") == "/never":
            request.cancel(REFUSED_STREAM)
        else:
            echo(request)

    origin, host = upstream(answer=answer)
    answer_ = world.b.curl("/", host=host, method="POST", data="hello")
    assert answer_.status == 200 and answer_.json()["bytes"] == 5
    seen.clear()
    refused = world.b.curl("/never", host=host)
    assert (refused.status, refused.json()["reason"]) == (502, "UPSTREAM_RESET") and len(seen) == 3


def test_what_may_have_been_done_is_not_sent_again(world, upstream):
    seen = []

    def answer(request):
        if request.one(":path") == "/first":
            return echo(request)
        seen.append(request)
        request.connection.close()

    _, host = upstream(answer=answer)
    with Http2(world.b, host) as h2:
        assert h2.get("/first").status == 200
        assert h2.get("/cut", method="POST").status == 502
        assert len(seen) == 1


# Many at once.

def test_the_upstreams_own_limit_of_streams_is_kept(world, upstream):
    most = {}
    together = threading.Barrier(8)

    def answer(request):
        threading.Thread(target=finish, args=(request,), daemon=True).start()

    def finish(request):
        open_now = [r for r in request.connection.requests.values() if r.heads and not getattr(r, "done", False)]
        most[request.connection] = max(most.get(request.connection, 0), len(open_now))
        together.wait(DEADLINE)
        request.done = True
        request.answer(b"x")

    origin, host = upstream(answer=answer, settings=setting(3, 2))
    with Http2(world.b, host) as h2:
        # The first connections are used before their SETTINGS are there: such as are refused come again.
        streams = [h2.request(f"/{n}") for n in range(8)]
        assert all(h2.answer(stream).status == 200 for stream in streams)
        known = set(most)
        most.clear()
        streams = [h2.request(f"/{n}") for n in range(8)]
        assert all(h2.answer(stream).status == 200 for stream in streams)
    again = {connection: count for connection, count in most.items() if connection in known}
    assert again and all(count <= 2 for count in again.values()), "what its SETTINGS said is kept"


def test_more_than_all_connections_take_wait_for_their_turn(world, origins):
    replica = world.gateway.start_dataplane(system_trust=world.trust, name="few-streams", options=[
        "--set", "limits.upstream_http2.connections=2", "--set", "limits.upstream_http2.max_concurrent_streams=4"])
    let_go = threading.Event()
    origin = Http2Origin(answer=lambda request: threading.Thread(
        target=lambda: (let_go.wait(DEADLINE), request.answer(b"x")), daemon=True).start())
    origins.append(origin)
    native(world, "turns", [origin.url + "/"])
    with Http2(replica, "turns.gw.test") as h2:
        streams = [h2.request(f"/{n}") for n in range(40)]
        origin.wait(lambda: len(origin.requests) == 8, "as many as fit are there")
        h2.ping()
        assert len(origin.requests) == 8 and len(origin.connections) == 2
        wait_for(lambda: replica.metric("sallyport_upstream_waiting_requests") == 32, "the others wait")
        let_go.set()
        assert all(h2.answer(stream).body == b"x" for stream in streams)
    assert len(origin.connections) == 2


def test_more_than_an_http1_upstream_has_connections_for_wait_for_their_turn(world):
    replica = world.gateway.start_dataplane(system_trust=world.trust, name="few-connections", options=[
        "--set", "limits.upstream_connections=4", "--set", "limits.upstream_waiting=10"])
    let_go = threading.Event()

    def answer(handler, request):
        let_go.wait(DEADLINE)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    origin = world.origin("few", answer=answer)
    native(world, "few", [origin.url + "/"], ejection={"disabled": True})
    with Http2(replica, "few.gw.test") as h2:
        streams = [h2.request(f"/{n}") for n in range(14)]
        wait_for(lambda: replica.metric("sallyport_upstream_waiting_requests") == 10, "ten wait")
        full = h2.get("/one-too-many")
        assert full.status == 503 and json.loads(full.body)["reason"] == "UPSTREAM_POOL_FULL" and full.headers["retry-after"] == "1"
        let_go.set()
        assert all(h2.answer(stream).status == 200 for stream in streams)
        assert len({request.connection for request in origin.requests}) == 4


def test_a_turn_is_not_waited_for_longer_than_a_connection_may_take(world):
    replica = world.gateway.start_dataplane(system_trust=world.trust, name="short-turns", options=[
        "--set", "limits.upstream_connections=1", "--set", "timeouts.upstream_connect=2s"])
    let_go = threading.Event()

    def answer(handler, request):
        let_go.wait(DEADLINE)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    origin = world.origin("short", answer=answer)
    native(world, "short", [origin.url + "/"], ejection={"disabled": True})
    with Http2(replica, "short.gw.test") as h2:
        stream = h2.request("/held")
        wait_for(lambda: len(origin.requests) == 1, "the connection is in use")
        assert h2.get("/in-vain").status == 503
        let_go.set()
        assert h2.answer(stream).status == 200


def test_a_client_that_does_not_read_holds_up_nobody_else(world, upstream):
    piece = b"x" * 16384

    def answer(request):
        if request.one(":path") == "/big":
            request.head()
            for _ in range(8):  # its window
                request.data(piece)
        else:
            echo(request)

    origin, host = upstream(answer=answer)
    with Http2(world.b, host, open_window=False, settings=setting(4, 0)) as slow:
        streams = [slow.request("/big") for _ in range(64)]
        origin.wait(lambda: len(origin.requests) == 64, "all are there")
        with Http2(world.b, host) as other:
            for _ in range(20):
                assert other.get("/small").status == 200
    assert len(origin.connections) == 1
    origin.wait(lambda: all(r.reset == CANCEL for r in origin.requests if r.one(":path") == "/big"), "given up with their client")


def test_a_client_that_leaves_cancels_its_stream_alone(world, upstream):
    def answer(request):
        if request.one(":path") == "/good":
            echo(request)

    origin, host = upstream(answer=answer)
    with Http2(world.b, host) as h2:
        stream = h2.request("/held")
        origin.wait(lambda: len(origin.requests) == 1, "it is there")
        h2.send(frame(RST_STREAM, 0, stream, number(CANCEL)))
        origin.wait(lambda: origin.requests[0].reset == CANCEL, "the upstream is told")
        assert h2.get("/good").status == 200
        assert len(origin.connections) == 1


def test_a_head_that_is_too_large_for_the_upstream_is_not_sent(world, upstream):
    """Which may end the connection for it, and what others wait for there."""
    origin, host = upstream(settings=setting(6, 2000))  # MAX_HEADER_LIST_SIZE
    with Http2(world.a, host) as h2:
        assert h2.get("/small").status == 200
        large = h2.get("/large", more=[("x-large", "y" * 3000)])
        assert large.status == 431 and json.loads(large.body)["reason"] == "HEAD_TOO_LARGE"
        line = record(world, large.headers["x-request-id"])
        assert line["reason"] == "HEAD_TOO_LARGE" and "upstream" in line["detail"]
        stream = h2.request("/upload", method="POST", more=[("x-large", "y" * 3000)], end=False)
        h2.wait(lambda: h2.reply(stream).ended, "an answer")
        assert h2.reply(stream).status == 431
        assert h2.get("/small").status == 200
    assert [request.one(":path") for request in origin.requests] == ["/small", "/small"] and len(origin.connections) == 1
    assert sum(world.a.metric("sallyport_upstream_ejections_total", api=host.split(".")[0], cause=cause) for cause in ("answer", "connect")) == 0


def test_an_upstream_that_is_dead_is_found_out(world, origins):
    replica = world.gateway.start_dataplane(system_trust=world.trust, name="pings", options=["--set", "timeouts.upstream_ping=200ms"])
    origin = Http2Origin(answer=lambda request: None, pongs=False)
    origins.append(origin)
    native(world, "dead", [origin.url + "/"], retries={"disabled": True})
    answer = replica.curl("/", host="dead.gw.test")
    assert (answer.status, answer.json()["reason"]) == (504, "UPSTREAM_TIMEOUT") and origin.connections[0].pings == 1
    origin.wait(lambda: origin.connections[0].over, "and closed")


def test_health_checks_speak_what_requests_speak(world, origins):
    def answer(request):
        request.answer(b"", status=200 if request.one(":path") == "/health" else 404)

    made = [Http2Origin(answer=answer), Http2Origin(answer=lambda request: request.answer(b"", status=500))]
    origins.extend(made)
    native(world, "h2-checked", [origin.url + "/" for origin in made],
           healthCheck={"enabled": True, "path": "/health", "intervalMs": 200, "timeoutMs": LONG_MS})
    wait_for(lambda: world.a.metric("sallyport_upstream_targets", api="h2-checked", state="down") == 1, "the bad one is down")
    wait_for(lambda: made[0].requests, "the other is asked too")
    assert made[0].requests[0].one("user-agent") == "sallyport-health-check"
    made[0].wait(lambda: all(c.over for c in made[0].connections[:1]), "each check has a connection of its own")
