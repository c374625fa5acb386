"""What an upstream that speaks HTTP/2 does wrong (RFC 9113): a malformed answer is a 502 and hurts nobody else, an error of the
connection ends it with the right code, and what breaks off never looks whole."""

import json
import subprocess

import pytest

from gateway import DEADLINE, wait_for
from h2_origin import echo
from raw_http2 import (CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, GOAWAY, HEADERS, INTERNAL_ERROR,
                       NO_ERROR, PADDED, PING, PUSH_PROMISE, RST_STREAM, SETTINGS, WINDOW_UPDATE, Http2, frame, number,
                       setting)
from test_balancing import LONG_MS
from test_http2_upstream import origins, record, upstream  # noqa: F401, fixtures


def raw_head(fields):
    def frames_of(request):
        block = request.connection.encode(fields)
        pieces = [block[begin:begin + 16000] for begin in range(0, len(block), 16000)]
        last = len(pieces) - 1
        return b"".join(frame(CONTINUATION if n else HEADERS, (0 if n else END_STREAM) | (END_HEADERS if n == last else 0),
                              request.stream, piece) for n, piece in enumerate(pieces))
    return frames_of


def good(request, end=True):
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), request.stream, request.connection.encode([(":status", "200")]))


def block(request, fields):
    return request.connection.encode(fields)


MALFORMED = {
    "no status": raw_head([("a", "b")]),
    "capital": raw_head([(":status", "200"), ("X-A", "b")]),
    "connection": raw_head([(":status", "200"), ("connection", "close")]),
    "transfer-encoding": raw_head([(":status", "200"), ("transfer-encoding", "chunked")]),
    "a request's field": raw_head([(":status", "200"), (":path", "/")]),
    "split": raw_head([(":status", "200"), ("a", "b\r\nset-cookie: x")]),
    "nul": raw_head([(":status", "200"), ("a", "b\0c")]),
    "status 101": raw_head([(":status", "101")]),
    "length without body": raw_head([(":status", "200"), ("content-length", "7")]),
    "two lengths": raw_head([(":status", "200"), ("content-length", "0"), ("content-length", "0")]),
    "an interim answer at the end": lambda r: frame(HEADERS, END_HEADERS | END_STREAM, r.stream, block(r, [(":status", "103")])),
    "trailers that are no end":
        lambda r: good(r, False) + frame(HEADERS, END_HEADERS, r.stream, block(r, [("x", "y")])),
    "trailers with a status":
        lambda r: good(r, False) + frame(HEADERS, END_HEADERS | END_STREAM, r.stream, block(r, [(":status", "200")])),
    "large head": raw_head([(":status", "200"), *((f"a{n}", "x" * 4000) for n in range(20))]),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_answer_is_a_502_and_hurts_nobody_else(world, upstream, what):
    def answer(request):
        if request.one(":path") == "/bad":
            request.connection.send(MALFORMED[what](request))
        elif request.one(":path") != "/wait":
            echo(request)

    origin, host = upstream(answer=answer)
    with Http2(world.b, host) as h2:
        waits = h2.request("/wait")
        origin.wait(lambda: len(origin.requests) == 1, "it is there")
        bad = h2.get("/bad")
        assert bad.status == 502 and json.loads(bad.body)["reason"] == "UPSTREAM_PROTOCOL"
        assert h2.get("/good").status == 200
        held = origin.requests[0]
        held.answer(b"unhurt")
        assert h2.answer(waits).body == b"unhurt"
    assert len(origin.connections) == 1
    origin.wait(lambda: next(r for r in origin.requests if r.one(":path") == "/bad").reset is not None, "it is told")


CONNECTION_FAULTS = {
    "push is switched on": lambda r: frame(SETTINGS, 0, 0, setting(2, 1)),
    "settings of another size": lambda r: frame(SETTINGS, 0, 0, b"12345"),
    "a frame size that is too small": lambda r: frame(SETTINGS, 0, 0, setting(5, 1)),
    "a window that is too large": lambda r: frame(SETTINGS, 0, 0, setting(4, 1 << 31)),
    "head on stream 0": lambda r: frame(HEADERS, END_HEADERS | END_STREAM, 0, b"\x88"),
    "head on a stream of its own": lambda r: frame(HEADERS, END_HEADERS | END_STREAM, 2, b"\x88"),
    "head on an idle stream": lambda r: frame(HEADERS, END_HEADERS | END_STREAM, 999, b"\x88"),
    "data before the head": lambda r: frame(DATA, END_STREAM, r.stream, b"x"),
    "data on stream 0": lambda r: frame(DATA, 0, 0, b"x"),
    "data on a stream of its own": lambda r: frame(DATA, 0, 2, b"x"),
    "goaway that takes back what it said": lambda r: frame(GOAWAY, 0, 0, number(r.stream) + number(0)) + frame(
        GOAWAY, 0, 0, number(r.stream + 100) + number(0)),
    "goaway on a stream": lambda r: frame(GOAWAY, 0, r.stream, number(1) + number(0)),
    "goaway that is too short": lambda r: frame(GOAWAY, 0, 0, number(1)),
    "a window of nothing": lambda r: frame(WINDOW_UPDATE, 0, r.stream, number(0)),
    "a window of an idle stream": lambda r: frame(WINDOW_UPDATE, 0, 999, number(1)),
    "reset of stream 0": lambda r: frame(RST_STREAM, 0, 0, number(0)),
    "reset of another size": lambda r: frame(RST_STREAM, 0, r.stream, b"\0"),
    "ping on a stream": lambda r: frame(PING, 0, r.stream, b"12345678"),
    "continuation of nothing": lambda r: frame(CONTINUATION, END_HEADERS, r.stream, b"\x88"),
    "continuation of another stream": lambda r: frame(HEADERS, END_STREAM, r.stream) + frame(CONTINUATION, END_HEADERS, 999, b"\x88"),
    "continuation too large": lambda r: frame(HEADERS, END_STREAM, r.stream, b"\x88") + frame(
        CONTINUATION, END_HEADERS, r.stream, (b"\0\x01a\x7e" + b"x" * 126) * 130),
    "head without the length of its padding": lambda r: frame(HEADERS, END_HEADERS | PADDED, r.stream),
    "more padding than payload": lambda r: frame(HEADERS, END_HEADERS | PADDED, r.stream, b"\x05\x88"),
    "a table larger than allowed": lambda r: frame(HEADERS, END_HEADERS | END_STREAM, r.stream, b"\x3f\xe1\xff\x03\x88"),
    "push": lambda r: frame(PUSH_PROMISE, END_HEADERS, r.stream, number(2) + r.connection.encode([(":method", "GET")])),
    "data on an idle stream": lambda r: frame(DATA, 0, 999, b"x"),
    "frame too large": lambda r: frame(DATA, 0, r.stream, b"x" * 16385),
    "window over its bound": lambda r: frame(WINDOW_UPDATE, 0, 0, number(0x7fffffff)),
    "a block that is interrupted": lambda r: frame(HEADERS, 0, r.stream, b"\x88") + frame(PING, 0, 0, b"12345678"),
    "undecodable": lambda r: frame(HEADERS, END_HEADERS, r.stream, b"\x80"),
    "settings flood": lambda r: frame(SETTINGS, 0, 0) * 1000,
    "ping flood": lambda r: frame(PING, 0, 0, b"12345678") * 1000,
    "continuation flood": lambda r: frame(HEADERS, 0, r.stream, b"\x88") + frame(CONTINUATION, 0, r.stream, b"") * 100,
    "header bomb": lambda r: frame(HEADERS, END_HEADERS, r.stream, r.connection.encode(
        [(":status", "200"), ("a", "x" * 4000)]) + b"\xbe" * 4000),
    "empty data flood": lambda r: good(r, False) + frame(DATA, 0, r.stream) * 1000,
}


@pytest.mark.parametrize("what", CONNECTION_FAULTS)
def test_a_broken_connection_is_ended_and_the_next_request_gets_another(world, upstream, what):
    def answer(request):
        if request.one(":path") == "/bad":
            request.connection.send(CONNECTION_FAULTS[what](request))
        else:
            echo(request)

    origin, host = upstream(answer=answer)
    failures = world.b.metric("sallyport_upstream_http2_failures_total")
    with Http2(world.b, host) as h2:
        assert h2.get("/good").status == 200
        bad = h2.get("/bad", method="POST")
        if bad.status == 502:
            assert json.loads(bad.body)["reason"] == "UPSTREAM_PROTOCOL"
        else:
            assert what == "empty data flood" and bad.reset == INTERNAL_ERROR, (bad.heads, bad.reset)
        assert h2.get("/good").status == 200
    origin.wait(lambda: origin.connections[0].over, "the connection is closed")
    assert len(origin.connections) == 2
    assert world.b.metric("sallyport_upstream_http2_failures_total") == failures + 1


# What is sent, and the code that the upstream is told.
CODES = {"data on stream 0": 1, "data on a stream of its own": 1, "head on stream 0": 1, "continuation too large": 6, "undecodable": 9,
         "head without the length of its padding": 6, "goaway that is too short": 6, "reset of another size": 6,
         "a window that is too large": 3, "settings of another size": 6, "push is switched on": 1, "push": 1}


@pytest.mark.parametrize("what", CODES)
def test_a_broken_connection_is_told_why(world, upstream, what):
    origin, host = upstream(answer=lambda request: request.connection.send(CONNECTION_FAULTS[what](request)))
    assert world.b.curl("/bad", host=host, method="POST").status == 502
    origin.wait(lambda: origin.connections[0].over, "the connection is closed")
    assert origin.connections[0].goaways == [CODES[what]]


def test_an_upstream_that_does_not_begin_as_it_must(world, upstream):
    """RFC 9113 3.4: SETTINGS come first."""
    origin, host = upstream(answer=lambda request: request.connection.send(good(request)), greet=False)
    assert world.b.curl("/x", host=host, method="POST").status == 502
    origin.wait(lambda: origin.connections[0].over, "the connection is closed")
    assert origin.connections[0].goaways == [1]


def test_what_an_upstream_may_say_beside_is_passed_over(world, upstream):
    """RFC 9113 4.1, 5.5, 6.5.2, 7: frames, settings, flags and codes that nobody knows."""
    def answer(request):
        path = request.one(":path")
        if path == "/reset":
            return request.cancel(0xdeadbeef)
        request.connection.send(frame(0x2a, 0xff, 0, b"xx") + frame(0x10, 0, 0) + frame(SETTINGS, 0, 0, setting(0x4242, 1) + setting(2, 0)) +
                                frame(PING, 0xfe, 0, b"12345678"))
        if path == "/last":
            request.connection.goaway(request.stream, 0xdeadbeef)
        request.connection.send(good(request))

    origin, host = upstream(answer=answer)
    with Http2(world.b, host) as h2:
        assert h2.get("/x").status == 200
        assert h2.get("/reset", method="POST").status == 502
        assert h2.get("/last").status == 200 and len(origin.connections) == 1
        assert h2.get("/x").status == 200 and len(origin.connections) == 2


def test_an_answer_that_breaks_off_never_looks_whole(world, upstream):
    def answer(request):
        request.head([("content-length", "100")])
        request.data(b"half")
        halves.append(request)

    halves = []
    origin, host = upstream(answer=answer)
    with Http2(world.b, host) as h2:
        for number_of_it, (code, seen) in enumerate(((INTERNAL_ERROR, INTERNAL_ERROR), (CANCEL, CANCEL),
                                                     (ENHANCE_YOUR_CALM, ENHANCE_YOUR_CALM), (NO_ERROR, INTERNAL_ERROR)), 1):
            stream = h2.request()
            h2.wait(lambda: h2.reply(stream).body == b"half", "the answer begins")
            wait_for(lambda: len(halves) == number_of_it, "all of it was sent")
            halves[-1].cancel(code)
            assert h2.answer(stream).reset == seen and not h2.reply(stream).ended
    call = subprocess.Popen(["curl", "-sS", "--http1.1", "--cacert", str(world.gateway.server_ca.cert), "--connect-to",
                             f"::127.0.0.1:{world.b.port}", f"https://{host}:{world.b.port}/"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: len(halves) == 5, "it has begun")
    halves[-1].connection.close()
    out, err = call.communicate(timeout=DEADLINE)
    assert call.returncode != 0 and out in (b"half", b"")


def test_an_end_that_comes_while_its_client_does_not_read(world, upstream):
    """As much waits for the client as is held back for it; then comes the rest, with trailers."""
    origin, host = upstream(answer=lambda request: None, api={"ejection": {"failures": 1, "baseMs": LONG_MS, "maxMs": LONG_MS}})
    with Http2(world.b, host, settings=setting(4, 0), open_window=False) as h2:
        stream = h2.request()
        origin.wait(lambda: origin.requests, "the upstream is asked")
        request = origin.last()
        request.head()
        request.data(b"a" * 16384)
        request.data(b"b" * 4096)
        h2.wait(lambda: h2.reply(stream).heads, "the answer begins")
        request.connection.settle()
        request.data(b"c" * 4096)
        request.end_with([("x-sum", "1")])
        request.connection.settle()
        h2.send(frame(SETTINGS, 0, 0, setting(4, 1 << 20)))
        reply = h2.answer(stream)
        assert reply.ended and len(reply.body) == 24576 and reply.heads[-1] == {"x-sum": "1"}
        line = record(world, reply.headers["x-request-id"], "replica-1")
        assert line["reason"] == "ALLOWED", "and nobody is to blame"


def test_the_upstreams_limit_of_the_table_is_kept(world, upstream):
    """RFC 9113 4.3.1: what goes out after its SETTINGS came keeps to a table of nothing."""
    origin, host = upstream(settings=setting(1, 0))
    with Http2(world.b, host) as h2:
        assert h2.get("/x").status == 200
        origin.connections[0].settle()
        origin.connections[0].limit_table(0)
        assert [h2.get("/x", more=[("x-a", "b")]).status for _ in range(3)] == [200] * 3
    assert len(origin.connections) == 1 and origin.connections[0].table_size() == 0
