"""HTTP/2 from clients: what holds for a request holds for each of those that share a connection."""

import hashlib
import json
import signal
import subprocess
import threading

import pytest

from gateway import DEADLINE, classic, lines_of, session, wait_for
from raw_http2 import CANCEL, END_HEADERS, END_STREAM, HEADERS, INTERNAL_ERROR, NO_ERROR, Http2, frame, setting

HOST = "http2.gw.test"


@pytest.fixture(scope="module")
def origin(world):
    made = world.origin("http2")
    world.gateway.add_api(classic("http2", f"{made.url}/base/", domain=HOST, use_keyless=True))
    return made


@pytest.fixture()
def h2(world, origin):
    with Http2(world.a, HOST) as connection:
        yield connection


class Slow:
    """An upstream whose answers begin at once and end when they are let go."""

    count = 0

    def __init__(self, world, **definition):
        Slow.count += 1
        self.open = threading.Event()
        self.origin = world.origin(f"slow{Slow.count}", answer=self._answer)
        self.host = f"slow{Slow.count}.gw.test"
        self.api_id = f"slow{Slow.count}"
        world.gateway.add_api(classic(self.api_id, self.origin.url, domain=self.host, **(definition or {"use_keyless": True})))

    def _answer(self, handler, request):
        handler.send_response(200)
        handler.send_header("Content-Length", "8")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.wfile.flush()
        self.open.wait(10 * DEADLINE)
        handler.wfile.write(b"done")

    def begin(self, h2):
        stream = h2.request()
        h2.wait(lambda: h2.reply(stream).body == b"half", "the answer begins")
        return stream


# Requests and answers.

def test_a_request_as_its_upstream_sees_it(world, origin, h2):
    reply = h2.get("/a%20b/../c?x=1&y=%2F", more=[("x-own", "1"), ("cookie", "a=1"), ("cookie", "b=2"), ("te", "trailers"),
                                                  ("x-forwarded-for", "6.6.6.6"), ("x-forwarded-client-cert", "Hash=00"),
                                                  ("client-cert", ":AAAA:"), ("accept", "*/*")])
    assert reply.status == 200 and reply.headers["x-origin"] == "http2" and reply.headers["x-request-id"]
    assert not {"connection", "keep-alive", "transfer-encoding"} & set(reply.headers)
    seen = origin.last()
    assert seen.target == "/base/c?x=1&y=%2F"
    assert seen.one("x-own") == "1" and seen.one("cookie") == "a=1; b=2" and seen.one("te") in (None, "trailers")
    assert seen.one("X-Forwarded-For") == "127.0.0.1" and seen.one("X-Forwarded-Proto") == "https"
    assert seen.one("X-Forwarded-Host") == HOST and seen.one("Host") == f"127.0.0.1:{origin.port}"
    assert seen.one("X-Request-Id") == reply.headers["x-request-id"]
    assert "Hash=00" not in str(seen.headers) and not seen.all("client-cert")
    assert not any(name.startswith(":") for name, _ in seen.headers)


def test_many_requests_side_by_side(world, origin, h2):
    streams = [h2.request(f"/n{n}") for n in range(100)]
    assert [json.loads(h2.answer(stream).body)["target"] for stream in streams] == [f"/base/n{n}" for n in range(100)]
    for n in range(300):
        assert h2.get(f"/again{n}").status == 200


def test_many_requests_of_one_who_is_not_known_yet(world):
    """They wait for one decision."""
    pair = world.client("not known yet")
    world.gateway.add_api(classic("cold2", world.origin("cold2").url, domain="cold2.gw.test", use_keyless=True,
                                  use_mutual_tls_auth=True, client_certificates=[world.gateway.add_certificate(pair.pem)]))
    with Http2(world.a, "cold2.gw.test", pair) as h2:
        streams = [h2.request() for _ in range(120)]
        assert {h2.answer(stream).status for stream in streams} == {200}


@pytest.mark.parametrize("with_length", [True, False])
def test_bodies_arrive_whole_within_their_windows(world, origin, h2, with_length):
    body = bytes(range(256)) * 12000
    stream = h2.request(method="POST", more=[("content-length", str(len(body)))] if with_length else [], end=False)
    h2.ping()
    room = {0: 65535, stream: h2.settings[4]}
    seen = 0
    for start in range(0, len(body), 16384):
        piece = body[start:start + 16384]
        while min(room.values()) < len(piece):
            h2.wait(lambda: len(h2.updates) > seen, "room for more")
            for at, count in h2.updates[seen:]:
                room[at] = room.get(at, 0) + count
            seen = len(h2.updates)
        h2.data(stream, piece, end=start + 16384 >= len(body))
        room = {at: left - len(piece) for at, left in room.items()}
    assert h2.answer(stream).status == 200
    last = origin.last()
    assert hashlib.sha256(last.body).digest() == hashlib.sha256(body).digest()
    assert (last.one("Content-Length"), last.one("Transfer-Encoding")) == (
        (str(len(body)), None) if with_length else (None, "chunked"))


def test_an_empty_body_and_none(world, origin, h2):
    stream = h2.request(method="POST", end=False)
    h2.data(stream, b"", end=True)
    assert h2.answer(stream).status == 200 and origin.last().body == b""
    assert h2.get(method="POST").status == 200 and origin.last().one("Content-Length") == "0"
    assert h2.get(method="PUT", more=[("content-length", "0")]).status == 200


def test_trailers_both_ways(world):
    def answer(handler, request):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.send_header("Trailer", "X-Sum")
        handler.end_headers()
        handler.wfile.write(b"4\r\ndata\r\n0\r\nX-Sum: 42\r\nContent-Length: 9\r\n\r\n")
        request.trailers = handler.trailers
    origin = world.origin("trailers", answer=answer)
    world.gateway.add_api(classic("trailers", origin.url, domain="trailers.gw.test", use_keyless=True))
    with Http2(world.a, "trailers.gw.test") as h2:
        stream = h2.request(method="POST", more=[("te", "trailers")], end=False)
        h2.data(stream, b"body")
        h2.send(frame(HEADERS, END_HEADERS | END_STREAM, stream,
                      h2.encode([("x-check", "7"), ("authorization", "evil"), ("x-forwarded-for", "6.6.6.6")])))
        reply = h2.answer(stream)
        assert (reply.status, reply.body, reply.trailers) == (200, b"data", {"x-sum": "42"})
    wait_for(lambda: getattr(origin.last(), "trailers", None) is not None, "the upstream is through")
    assert origin.last().trailers == [b"x-check: 7"] and origin.last().body == b"body"


def test_answers_without_body(world):
    def answer(handler, request):
        handler.send_response(int(request.target[1:4]))
        if request.target.endswith("length"):
            handler.send_header("Content-Length", "1234")
        handler.end_headers()
    origin = world.origin("bodiless", answer=answer)
    world.gateway.add_api(classic("bodiless", origin.url, domain="bodiless.gw.test", use_keyless=True))
    with Http2(world.a, "bodiless.gw.test") as h2:
        for path, method, length in (("/200length", "HEAD", "1234"), ("/304length", "GET", "1234"), ("/204", "GET", None)):
            reply = h2.get(path, method=method)
            assert (reply.status, reply.body, reply.headers.get("content-length")) == (int(path[1:4]), b"", length), path
            assert reply.ended and reply.reset is None


def test_expect_is_answered_by_an_interim_answer(world, origin, h2):
    stream = h2.request(method="POST", more=[("expect", "100-continue"), ("content-length", "3")], end=False)
    h2.wait(lambda: h2.reply(stream).heads, "100")
    assert h2.reply(stream).heads[0][":status"] == "100"
    h2.data(stream, b"abc", end=True)
    assert h2.answer(stream).status == 200 and origin.last().body == b"abc"


def test_an_upstream_that_breaks_off_resets_the_stream(world):
    def answer(handler, request):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(b"h" * 50000)
        handler.wfile.flush()
        handler.close_connection = True
    broken = world.origin("broken2", answer=answer)
    world.gateway.add_api(classic("broken2", broken.url, domain="broken2.gw.test", use_keyless=True))
    with Http2(world.a, "broken2.gw.test") as h2:
        reply = h2.get()
        assert reply.reset == INTERNAL_ERROR and not reply.ended
        assert h2.get().reset == INTERNAL_ERROR, "the connection goes on"


def test_refusals_are_answers_and_stop_the_body(world, origin, h2):
    stream = h2.request("/nothing", method="POST", authority="unknown.gw.test", end=False)
    h2.wait(lambda: h2.reply(stream).ended and h2.reply(stream).reset is not None, "an answer, and a stop")
    assert h2.reply(stream).status in (404, 421) and h2.reply(stream).reset == NO_ERROR
    assert json.loads(h2.reply(stream).body)["error"]


@pytest.mark.parametrize("method, path, status", [("TRACE", "/", 501), ("get", "/", 501), ("GET", "/%zz", 400), ("GET", "/a#b", 400),
                                                  ("GET", "/" + "a" * 9000, 414), ("GET", "*", 400)])
def test_what_is_well_formed_and_not_taken(world, origin, h2, method, path, status):
    before = len(origin.requests)
    assert h2.get(path, method=method).status == status
    assert len(origin.requests) == before
    assert h2.get().status == 200, "the connection goes on"


def test_connect_is_not_taken(world, origin, h2):
    stream = h2.new_stream()
    h2.send(h2.head(stream, [(":method", "CONNECT"), (":authority", f"{HOST}:443")]))
    assert h2.answer(stream).status == 501


def test_a_body_that_is_too_large(world):
    origin = world.origin("sized")
    definition = classic("sized", origin.url, domain="sized.gw.test", use_keyless=True)
    definition["version_data"]["versions"]["Default"]["global_size_limit"] = 10
    world.gateway.add_api(definition)
    with Http2(world.a, "sized.gw.test") as h2:
        stream = h2.request(method="POST", more=[("content-length", "11")], end=False)
        h2.wait(lambda: h2.reply(stream).status is not None, "an answer")
        told = h2.reply(stream).status
        stream = h2.request(method="POST", end=False)
        h2.data(stream, b"x" * 11, end=True)
        assert told == h2.answer(stream).status and told in (400, 413)
        assert not origin.requests


def test_the_access_log_has_every_request(world, origin, h2):
    good = h2.get("/logged").headers["x-request-id"]
    stream = h2.new_stream()
    h2.send(h2.head(stream, h2.fields("/malformed") + [("connection", "close")]))
    h2.answer(stream)
    log = world.gateway.directory / "replica-0.access.log"

    def lines():
        return [json.loads(line) for line in lines_of(log) if '"HTTP/2"' in line]
    entry = wait_for(lambda: next((line for line in lines() if line["request_id"] == good), None), "the request is logged")
    assert (entry["path"], entry["status"], entry["protocol"], entry["sni"]) == ("/base/logged"[5:], 200, "HTTP/2", HOST)
    wait_for(lambda: any(line["reason"] == "BAD_REQUEST" and "connection-specific" in line.get("detail", "") for line in lines()),
             "so is the malformed one")


# Who may.

def test_static_client_certificates(world):
    leaf, other = world.client("static2"), world.client("other2")
    origin = world.origin("static2")
    world.gateway.add_api(classic("static2", origin.url, domain="static2.gw.test", use_keyless=True, use_mutual_tls_auth=True,
                                  client_certificates=[world.gateway.add_certificate(leaf.pem)]))
    for client, status, message in ((leaf, 200, None), (other, 403, f"Certificate with SHA256 {other.fingerprint} not allowed"),
                                    (None, 403, "Client TLS certificate is required")):
        with Http2(world.a, "static2.gw.test", client) as h2:
            for _ in range(2):
                reply = h2.get()
                assert (reply.status, json.loads(reply.body).get("error")) == (status, message)
    assert len(origin.requests) == 2
    assert f"Hash={leaf.fingerprint}" in origin.last().one("X-Forwarded-Client-Cert")


def test_dynamic_client_certificates(world):
    known, expired = world.pki.self_signed("dynamic2"), world.pki.self_signed("expired2", days=(-10, -1))
    origin = world.origin("dynamic2")
    world.gateway.add_api(classic("dynamic2", origin.url, domain="dynamic2.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}))
    world.gateway.create_key(session("dynamic2", world.gateway.add_certificate(known.pem), alias="two"))
    world.gateway.settle()
    for client, status, message in ((known, 200, None), (expired, 403, "Certificate has expired"),
                                    (world.pki.self_signed("stranger2"), 401, "Access to this API has been disallowed"),
                                    (None, 401, "Client certificate required")):
        with Http2(world.a, "dynamic2.gw.test", client) as h2:
            reply = h2.get()
            assert (reply.status, json.loads(reply.body).get("error")) == (status, message)
    assert len(origin.requests) == 1


def test_a_connection_for_one_host_does_not_serve_another_that_asks_for_more(world, origin):
    leaf = world.client("coalesced")
    strict = world.origin("strict2")
    world.gateway.add_api(classic("strict2", strict.url, domain="strict2.gw.test", use_keyless=True, use_mutual_tls_auth=True,
                                  client_certificates=[world.gateway.add_certificate(leaf.pem)]))
    world.gateway.add_api(classic("sibling2", world.origin("sibling2").url, domain="sibling2.gw.test", use_keyless=True))
    with Http2(world.a, HOST, leaf) as h2:
        assert h2.get(authority="sibling2.gw.test").status == 200, "the same client-TLS settings"
        slow = h2.request(authority=HOST)
        reply = h2.get(authority="strict2.gw.test")
        assert reply.status == 421
        assert h2.answer(slow).status == 200
        assert h2.end() == NO_ERROR, "GOAWAY: the client opens another connection"
    with Http2(world.a, "strict2.gw.test", leaf) as h2:
        assert h2.get().status == 200
        assert h2.get(authority=HOST).status == 421, "nor the other way about"
    assert len(strict.requests) == 1


def test_tokens_of_several_callers_on_one_connection(world):
    origin = world.origin("tokens2")
    world.gateway.add_api(classic("tokens2", origin.url, domain="tokens2.gw.test", use_standard_auth=True))
    keys = [world.gateway.create_key(session("tokens2", alias=f"caller{n}"))["key"] for n in range(3)]
    world.gateway.settle()
    with Http2(world.a, "tokens2.gw.test") as h2:
        for _ in range(20):
            streams = {h2.request(more=[("authorization", key)]): 200 for key in keys}
            streams[h2.request(more=[("authorization", "wrong")])] = 403
            streams[h2.request()] = 401
            for stream, status in streams.items():
                assert h2.answer(stream).status == status


# Revocation, drain.

def test_a_revoked_certificate_ends_its_connection_amid_an_answer(world):
    pair = world.pki.self_signed("revoked2")
    certificate_id = world.gateway.add_certificate(pair.pem)
    slow = Slow(world, auth_configs={"authToken": {"use_certificate": True}})
    world.gateway.create_key(session(slow.api_id, certificate_id))
    world.gateway.settle()
    replica = world.gateway.start_dataplane(system_trust=world.trust, options=["--set", "timeouts.sever_grace=1s"])
    with Http2(replica, slow.host, pair) as h2:
        stream = slow.begin(h2)
        assert world.gateway.delete_certificate(certificate_id).status_code == 200
        world.gateway.settle()
        h2.wait(lambda: h2.goaways, "GOAWAY at once")
        assert h2.goaways[-1][0] == NO_ERROR
        h2.request()
        h2.end()
        assert h2.reply(stream).body == b"half" and not h2.reply(stream).ended, "cut after the grace"
        assert len(slow.origin.requests) == 1
    slow.open.set()
    with Http2(replica, slow.host, pair) as h2:
        assert h2.get().status in (401, 403)


def test_a_revoked_token_ends_its_own_request_alone(world):
    slow = Slow(world, use_standard_auth=True)
    keys = [world.gateway.create_key(session(slow.api_id, alias=f"own{n}"))["key"] for n in range(2)]
    world.gateway.settle()
    replica = world.gateway.start_dataplane(system_trust=world.trust, options=["--set", "timeouts.sever_grace=1s"])
    with Http2(replica, slow.host) as h2:
        streams = [h2.request(more=[("authorization", key)]) for key in keys]
        for stream in streams:
            h2.wait(lambda: h2.reply(stream).body == b"half", "the answers begin")
        assert world.gateway.rest("DELETE", f"/tyk/keys/{keys[0]}").status_code == 200
        world.gateway.settle()
        assert h2.answer(streams[0]).reset == CANCEL
        h2.ping()
        assert not h2.reply(streams[1]).over and not h2.goaways
        slow.open.set()
        reply = h2.answer(streams[1])
        assert (reply.body, reply.ended) == (b"halfdone", True)
        assert h2.answer(h2.request(more=[("authorization", keys[0])])).status in (401, 403)


def test_drain_lets_requests_end_and_takes_those_that_were_under_way(world):
    slow = Slow(world)
    replica = world.gateway.start_dataplane(system_trust=world.trust, options=["--set", f"timeouts.drain={10 * DEADLINE:.0f}s"])
    with Http2(replica, slow.host) as h2, Http2(replica, slow.host) as idle:
        idle.ping()
        stream = slow.begin(h2)
        replica.send(signal.SIGTERM)
        assert idle.end() == NO_ERROR, "at once"
        h2.wait(lambda: h2.goaways, "GOAWAY")
        assert h2.goaways[0] == (NO_ERROR, 0x7fffffff)
        h2.wait(lambda: len(h2.goaways) > 1, "one with the last stream")
        assert h2.goaways[1] == (NO_ERROR, stream)
        slow.open.set()
        reply = h2.answer(stream)
        assert (reply.status, reply.body, reply.ended) == (200, b"halfdone", True)
        assert h2.end() == NO_ERROR
    replica.wait()
    world.gateway.replicas.remove(replica)


def test_drain_has_an_end(world):
    slow = Slow(world)
    replica = world.gateway.start_dataplane(system_trust=world.trust, options=["--set", "timeouts.drain=1s"])
    with Http2(replica, slow.host) as h2:
        stream = slow.begin(h2)
        replica.send(signal.SIGTERM)
        replica.wait()
        h2.end()
        assert not h2.reply(stream).ended
    slow.open.set()
    world.gateway.replicas.remove(replica)


def test_requests_per_connection(world, origin):
    replica = world.gateway.start_dataplane(system_trust=world.trust, options=["--set", "limits.requests_per_connection=3"])
    with Http2(replica, HOST) as h2:
        assert [h2.get().status for _ in range(3)] == [200] * 3
        assert h2.end() == NO_ERROR and h2.goaways[-1] == (NO_ERROR, 5)


@pytest.mark.parametrize("switch", ["listeners.0.http2=false", "http2=false"])
def test_http2_can_be_switched_off(world, origin, switch):
    replica = world.gateway.start_dataplane(system_trust=world.trust, options=["--set", switch])
    answer = replica.curl("/x", host=HOST, options=["--http2", "-w", "%{http_version}"])
    assert answer.status == 200 and answer.body.endswith("1.1")


def test_limits_are_announced(world, origin):
    options = [part for name, value in {"max_concurrent_streams": 7, "stream_window": 2048, "connection_window": 70000,
                                        "frame_bytes": 20000}.items() for part in ("--set", f"limits.http2.{name}={value}")]
    replica = world.gateway.start_dataplane(system_trust=world.trust, options=options + ["--set", "limits.head_bytes=4096"])
    with Http2(replica, HOST) as h2:
        h2.ping()  # behind the settings, and perhaps before the window
        h2.wait(lambda: any(stream == 0 for stream, _ in h2.updates), "the connection's window is told")
        assert [h2.settings.get(n) for n in (3, 4, 5, 6)] == [7, 2048, 20000, 4096]
        assert sum(more for stream, more in h2.updates if stream == 0) == 70000 - 65535
        assert h2.get(more=[("x", "y" * 5000)]).status == 431


# Real clients.

def test_curl(world, origin, tmp_path):
    body = tmp_path / "body"
    body.write_bytes(bytes(range(256)) * 8192)
    answer = world.a.curl("/up", host=HOST, method="POST", data=f"@{body}", options=["--http2", "-w", " %{http_version}"])
    assert answer.status == 200 and answer.body.endswith(" 2") and len(origin.last().body) == 2 << 20
    assert world.a.curl("/x", host=HOST, options=["--http1.1", "-w", " %{http_version}"]).body.endswith(" 1.1")
    assert world.a.curl("/x", host=HOST, method="HEAD", options=["--http2"]).status == 200


@pytest.fixture(scope="module")
def refusing(world, tmp_path_factory):
    """{host: the status that an upload to it is refused with before its body}, and such a body."""
    origin = world.origin("refusing")
    small = classic("early-size", origin.url, domain="early-size.gw.test", use_keyless=True)
    small["version_data"]["versions"]["Default"]["global_size_limit"] = 10
    world.gateway.add_api(small)
    world.gateway.add_api(classic("early-token", origin.url, domain="early-token.gw.test"))
    world.gateway.settle()
    body = tmp_path_factory.mktemp("upload") / "body"
    body.write_bytes(bytes(8 << 20))
    return {"early-size.gw.test": 413, "early-token.gw.test": 401, "nobody.gw.test": 404}, body


def test_curl_hears_why_its_upload_is_refused(world, refusing):
    """It forgets an answer that it reads together with the reset behind it."""
    hosts, body = refusing
    for host, status in hosts.items():
        answer = world.a.curl("/up", host=host, method="PUT", data=f"@{body}", options=["--http2", "-w", " %{http_version}"])
        assert (answer.status, answer.exit_code) == (status, 0) and answer.body.endswith(" 2"), (host, answer)
        assert "request_id" in answer.body or "error" in answer.body


def test_curl_hears_an_upstream_that_does_not_read_its_upload(world, refusing, scripted):
    _, body = refusing

    def refuse(taken):
        assert taken.head().startswith("PUT /up ")
        taken.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\n\r\nnope")
        taken.discard(1 << 30)  # until the gateway ends it
    there = scripted(refuse)
    world.gateway.add_api(classic("early-upstream", there.url, domain="early-upstream.gw.test", use_keyless=True))
    answer = world.a.curl("/up", host="early-upstream.gw.test", method="PUT", data=f"@{body}", options=["--http2", "-w", " %{http_version}"])
    assert (answer.status, answer.body, answer.exit_code) == (403, "nope 2", 0), answer


def test_nghttp_hears_why_its_upload_is_refused_and_is_stopped(world, refusing):
    hosts, body = refusing
    for host, status in hosts.items():
        done = subprocess.run(["nghttp", "-nv", "-d", str(body), "-H", f":authority: {host}", f"https://127.0.0.1:{world.a.port}/up"],
                              capture_output=True, text=True, timeout=2 * DEADLINE)
        lines = done.stdout.splitlines()
        at = [next(i for i, line in enumerate(lines) if what in line)
              for what in (f":status: {status}", "; END_STREAM", "recv PING", "send PING", "recv RST_STREAM", "error_code=NO_ERROR")]
        assert done.returncode == 0 and at == sorted(at), done.stdout[-3000:]
        assert done.stdout.count("send DATA") < 40, "not the whole of it"


def test_an_upload_that_is_refused_leaves_its_connection_to_others(world, origin):
    with Http2(world.a, HOST) as h2:
        for _ in range(20):
            stream = h2.request("/%zz", method="POST", end=False)
            h2.wait(lambda: h2.reply(stream).ended and h2.reply(stream).reset is not None, "an answer, and a stop")
            assert (h2.reply(stream).status, h2.reply(stream).reset) == (400, NO_ERROR)
            assert h2.get("/after").status == 200


def test_nghttp(world, origin):
    done = subprocess.run(["nghttp", "-nv", "-m", "20", "-H", f":authority: {HOST}", f"https://127.0.0.1:{world.a.port}/x"],
                          capture_output=True, text=True, timeout=2 * DEADLINE)
    assert done.returncode == 0 and done.stdout.count(":status: ") == 20, done.stdout[-2000:] + done.stderr
    assert "error_code=NO_ERROR(0x00)" in done.stdout or "GOAWAY" in done.stdout


@pytest.mark.parametrize("options", [["-c", "4", "-m", "32", "-n", "2000"], ["-c", "1", "-m", "1", "-n", "200"],
                                     # Fewer at once than limits.upstream_connections (512): the upstream speaks HTTP/1.1.
                                     ["-c", "5", "-m", "100", "-n", "2000", "-w", "10", "-W", "12"]])
def test_h2load(world, origin, options):
    done = subprocess.run(["h2load", *options, "--connect-to", f"127.0.0.1:{world.a.port}", f"https://{HOST}/x"],
                          capture_output=True, text=True, timeout=4 * DEADLINE)
    count = options[options.index("-n") + 1]
    assert f"{count} succeeded, 0 failed, 0 errored, 0 timeout" in done.stdout, done.stdout + done.stderr


def test_large_answers_side_by_side(world):
    begun = threading.Barrier(8, timeout=10 * DEADLINE)  # none goes on before all have begun

    def answer(handler, request):
        handler.send_response(200)
        handler.send_header("Content-Length", str(2 << 20))
        handler.end_headers()
        for number in range(32):
            handler.wfile.write(b"z" * 65536)
            if number == 0 and "warm" not in request.target:
                begun.wait()
    big = world.origin("big2", answer=answer)
    world.gateway.add_api(classic("big2", big.url, domain="big2.gw.test", use_keyless=True))
    world.a.curl("/warm", host="big2.gw.test", options=["--http2", "-o", "/dev/null"])
    before = world.a.memory_kb()
    with Http2(world.a, "big2.gw.test", settings=setting(4, 1 << 20)) as h2:
        streams = [h2.request() for _ in range(8)]
        for stream in streams:
            reply = h2.answer(stream)
            assert reply.ended and len(reply.body) == 2 << 20
        got = dict.fromkeys(streams, 0)
        for stream, size in h2.sizes:
            got[stream] += size
            if got[stream] == 2 << 20:
                break
        assert min(got.values()) > 0, "all get on, side by side, before one is done"
    assert world.a.memory_kb() - before < 16 << 10
