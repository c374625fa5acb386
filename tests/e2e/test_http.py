"""HTTP/1.1 through the data plane: what the upstream sees is what was matched, framed anew."""

import hashlib

import pytest

from gateway import classic
from raw import Connection


@pytest.fixture(scope="module")
def origin(world):
    made = world.origin("http")
    world.gateway.add_api(classic("http", made.url + "/base", domain="http.gw.test", listen_path="/api/", use_keyless=True))
    return made


def connect(world):
    return Connection(world.a, "http.gw.test")


def test_paths_queries_and_heads_are_forwarded(world, origin):
    with connect(world) as client:
        status, headers, _ = client.get("/api/a%20b/c?x=1&y=%2F", headers="X-Own: 1\r\n")
        assert status == 200 and headers["x-origin"] == "http"
    seen = origin.last()
    assert seen.target == "/base/a%20b/c?x=1&y=%2F"
    assert seen.one("X-Own") == "1" and seen.one("X-Forwarded-Proto") == "https"
    assert seen.one("X-Forwarded-For") == "127.0.0.1" and seen.one("X-Request-Id")
    assert seen.one("Host") == f"127.0.0.1:{origin.port}"


def test_keep_alive_and_pipelining(world, origin):
    with connect(world) as client:
        for number in range(5):
            assert client.get(f"/api/{number}")[0] == 200
        client.send("".join(f"GET /api/p{n} HTTP/1.1\r\nHost: http.gw.test\r\n\r\n" for n in range(4)))
        assert [client.answer()[0] for _ in range(4)] == [200] * 4
    assert [request.target for request in origin.requests[-4:]] == [f"/base/p{n}" for n in range(4)]


def test_a_connection_that_rested_goes_on(world, origin):
    """What requests need is given back after half a second; who comes late finds all as it was."""
    with connect(world) as client:
        assert client.get("/api/first")[0] == 200
        assert client.still_open(0.9)
        client.send("GET /api/later HTTP/1.1\r\nHost: http")
        client.send(".gw.test\r\n\r\nGET /api/behind HTTP/1.1\r\nHost: http.gw.test\r\n\r\n")
        assert [client.answer()[0] for _ in range(2)] == [200, 200]
        assert client.still_open(0.9)
        client.send("GET /api/wrong HTTP/1.1\r\nHost: http.gw.test\r\nHost: http.gw.test\r\n\r\n")
        assert client.answer()[0] == 400
        assert client.ended()
    assert [request.target for request in origin.requests[-3:]] == ["/base/first", "/base/later", "/base/behind"]


def test_bodies_of_both_framings_arrive_whole(world, origin):
    body = bytes(range(256)) * 40000
    with connect(world) as client:
        client.send(f"POST /api/l HTTP/1.1\r\nHost: http.gw.test\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        assert client.answer()[0] == 200
        assert hashlib.sha256(origin.last().body).digest() == hashlib.sha256(body).digest()
        client.send("POST /api/c HTTP/1.1\r\nHost: http.gw.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        for start in range(0, len(body), 50000):
            piece = body[start:start + 50000]
            client.send(b"%x;ignored=1\r\n" % len(piece) + piece + b"\r\n")
        client.send("0\r\n\r\n")
        assert client.answer()[0] == 200
    assert origin.last().body == body
    assert len(origin.last().all("Transfer-Encoding")) + len(origin.last().all("Content-Length")) == 1


def test_large_answers_stream_with_bounded_memory(world):
    def answer(handler, request):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        piece = b"z" * 65536
        for _ in range(1024):
            handler.wfile.write(b"10000\r\n" + piece + b"\r\n")
        handler.wfile.write(b"0\r\n\r\n")
    big = world.origin("big", answer=answer)
    world.gateway.add_api(classic("big", big.url, domain="big.gw.test", use_keyless=True))
    with Connection(world.a, "big.gw.test") as client:
        client.get("/warm")
        before = world.a.memory_kb()
        status, _, body = client.get("/x")
        assert status == 200 and len(body) == 64 << 20
        assert world.a.memory_kb() - before < 16 << 10


def test_head_and_expect(world, origin):
    answer = world.a.curl("/api/x", host="http.gw.test", method="HEAD")
    assert answer.status == 200 and answer.body == ""
    with connect(world) as client:
        client.send("POST /api/e HTTP/1.1\r\nHost: http.gw.test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        client.send("abc")
        assert client.answer()[0] == 200
    assert origin.last().body == b"abc"


def test_hop_by_hop_headers_stay_on_their_hop(world, origin):
    with connect(world) as client:
        assert client.get("/api/h", headers="Connection: X-Secret, keep-alive\r\nX-Secret: 1\r\nTE: trailers\r\n"
                                            "Proxy-Authorization: x\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n")[0] == 200
    names = {name.lower() for name, _ in origin.last().headers}
    assert not names & {"x-secret", "proxy-authorization", "keep-alive", "upgrade"}
    assert origin.last().one("TE") in (None, "trailers"), "if any, the gateway's own: it reads trailers"


def test_connection_cannot_name_our_own_headers_away(world, origin):
    with connect(world) as client:
        assert client.get("/api/h", headers="Connection: X-Forwarded-For, X-Request-Id, Host\r\n")[0] in (200, 400)
        assert origin.last().one("X-Forwarded-For")


BAD = {
    "te and cl": "POST /api/ HTTP/1.1\r\nHost: http.gw.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "te identity": "POST /api/ HTTP/1.1\r\nHost: http.gw.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "te twice": "POST /api/ HTTP/1.1\r\nHost: http.gw.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "te unknown": "POST /api/ HTTP/1.1\r\nHost: http.gw.test\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "te with tab": "POST /api/ HTTP/1.1\r\nHost: http.gw.test\r\nTransfer-Encoding:\x0bchunked\r\n\r\n",
    "te on 1.0": "POST /api/ HTTP/1.0\r\nHost: http.gw.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": "POST /api/ HTTP/1.1\r\nHost: http.gw.test\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "length list": "POST /api/ HTTP/1.1\r\nHost: http.gw.test\r\nContent-Length: 3, 3\r\n\r\nabc",
    "signed length": "POST /api/ HTTP/1.1\r\nHost: http.gw.test\r\nContent-Length: +3\r\n\r\nabc",
    "huge length": "POST /api/ HTTP/1.1\r\nHost: http.gw.test\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
    "blank before colon": "GET /api/ HTTP/1.1\r\nHost : http.gw.test\r\n\r\n",
    "obs-fold": "GET /api/ HTTP/1.1\r\nHost: http.gw.test\r\nX-A: 1\r\n  2\r\n\r\n",
    "no host": "GET /api/ HTTP/1.1\r\nX-A: 1\r\n\r\n",
    "two hosts": "GET /api/ HTTP/1.1\r\nHost: http.gw.test\r\nHost: other.gw.test\r\n\r\n",
    "bare lf": "GET /api/ HTTP/1.1\nHost: http.gw.test\n\n",
    "bare lf in head": "GET /api/ HTTP/1.1\r\nHost: http.gw.test\nX-A: 1\r\n\r\n",
    "nul in value": "GET /api/ HTTP/1.1\r\nHost: http.gw.test\r\nX-A: a\x00b\r\n\r\n",
    "fragment": "GET /api/#x HTTP/1.1\r\nHost: http.gw.test\r\n\r\n",
    "high byte": "GET /api/\xff HTTP/1.1\r\nHost: http.gw.test\r\n\r\n",
    "two blanks": "GET  /api/ HTTP/1.1\r\nHost: http.gw.test\r\n\r\n",
    "garbage": "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
    "version": "GET /api/ HTTP/3.9\r\nHost: http.gw.test\r\n\r\n",
    "climbs out": "GET /api/../../x HTTP/1.1\r\nHost: http.gw.test\r\n\r\n",
    "climbs out encoded": "GET /api/%2e%2e/%2e%2e/x HTTP/1.1\r\nHost: http.gw.test\r\n\r\n",
    "bad escape": "GET /api/%zz HTTP/1.1\r\nHost: http.gw.test\r\n\r\n",
    "nul escape": "GET /api/%00 HTTP/1.1\r\nHost: http.gw.test\r\n\r\n",
}


@pytest.mark.parametrize("name", sorted(BAD))
def test_what_has_two_readings_is_refused_and_never_forwarded(world, origin, name):
    before = len(origin.requests)
    with connect(world) as client:
        client.send(BAD[name].encode("latin-1"))
        answer = client.answer()
        assert answer is None or 400 <= answer[0] < 600, answer
        if answer is not None and answer[0] != 404:
            assert client.ended(), "nothing after it is read as a request"
    assert len(origin.requests) == before


@pytest.mark.parametrize("chunk", ["3 \r\nabc\r\n", "0x3\r\nabc\r\n", "3\nabc\r\n", "-3\r\nabc\r\n", "3\r\nabcd\r\n",
                                   "fffffffffffffffff\r\nabc\r\n"])
def test_bad_chunks_never_end_as_a_good_request(world, origin, chunk):
    before = len(origin.requests)
    with connect(world) as client:
        client.send("POST /api/ HTTP/1.1\r\nHost: http.gw.test\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + "0\r\n\r\n")
        answer = client.answer()
        assert answer is None or answer[0] >= 400, answer
    assert len(origin.requests) == before


def test_dot_segments_are_resolved_before_routing_and_forwarding(world, origin):
    assert world.a.curl("/api/a/../b", host="http.gw.test", options=["--path-as-is"]).status == 200
    assert origin.last().target == "/base/b"


def test_listen_paths_match_at_segment_borders(world, origin):
    world.gateway.add_api(classic("border", world.origin("border").url, domain="border.gw.test", listen_path="/pay",
                                  use_keyless=True))
    for path, status in {"/pay": 200, "/pay/": 200, "/pay/x": 200, "/payment": 404, "/PAY": 404}.items():
        assert world.a.curl(path, host="border.gw.test").status == status, path


def test_unknown_host_and_path(world, origin):
    assert world.a.curl("/nothing", host="http.gw.test").status == 404
    assert world.a.curl("/", host="unknown.gw.test").status in (404, 421)


def test_an_upstream_that_breaks_off_never_looks_complete(world):
    def answer(handler, request):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.wfile.flush()
        handler.connection.close()
        handler.close_connection = True
    broken = world.origin("broken", answer=answer)
    world.gateway.add_api(classic("broken", broken.url, domain="broken.gw.test", use_keyless=True))
    answer = world.a.curl("/x", host="broken.gw.test")
    assert answer.exit_code != 0 or answer.status == 500, "cut, or an error where nothing had been sent yet"


AMBIGUOUS = {
    "two-lengths": "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    "te-and-cl": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
    "garbage": "garbage\r\n\r\n",
    "obs-fold": "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("how", sorted(AMBIGUOUS))
def test_an_ambiguous_upstream_answer_is_a_failure(world, how):
    def answer(handler, request):
        handler.wfile.write(AMBIGUOUS[how].encode())
        handler.wfile.flush()
        handler.close_connection = True
    name = f"ambiguous-{how}"
    world.gateway.add_api(classic(name, world.origin(name, answer=answer).url, domain=f"{name}.gw.test", use_keyless=True))
    assert world.a.curl("/x", host=f"{name}.gw.test").status == 500
