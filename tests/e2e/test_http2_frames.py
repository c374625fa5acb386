"""Every MUST of RFC 9113 about errors, frame by frame: what is a stream's error leaves the connection in use, what is the
connection's ends it with the right code, and nothing of what is wrong reaches the upstream."""

import pytest

from gateway import DEADLINE, classic
from origins import full_backlog
from raw_http2 import (ACK, COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM, FLOW_CONTROL_ERROR,
                       FRAME_SIZE_ERROR, GOAWAY, HEADERS, PADDED, PING, PREFACE, PRIORITY, PRIORITY_FLAG, PROTOCOL_ERROR,
                       PUSH_PROMISE, REFUSED_STREAM, RST_STREAM, SETTINGS, STREAM_CLOSED, WINDOW_UPDATE, Http2, frame,
                       number, setting)

HOST = "frames.gw.test"
GET = [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/")]
POST = [(":method", "POST"), (":scheme", "https"), (":authority", HOST), (":path", "/")]


@pytest.fixture(scope="module")
def origin(world):
    made = world.origin("frames")
    world.gateway.add_api(classic("frames", made.url, domain=HOST, use_keyless=True))
    return made


@pytest.fixture()
def h2(world, origin):
    with Http2(world.a, HOST) as connection:
        connection.ping()
        yield connection


def opened(h2):
    """A stream that is open on both sides."""
    return h2.request(method="POST", end=False)


def over(h2):
    stream = h2.request()
    assert h2.answer(stream).status == 200
    return stream


def taken_back(h2):
    stream = opened(h2)
    h2.send(frame(RST_STREAM, 0, stream, number(8)))
    return stream


def literal(name, value):
    """A field that goes into no table, each part shorter than 127."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


# What is sent, and the code that GOAWAY says. Several: the RFC leaves it open.
CONNECTION_ERRORS = {
    "6.1 DATA on stream 0": (lambda h2: frame(DATA, 0, 0, b"x"), [PROTOCOL_ERROR]),
    "6.1 DATA with more padding than payload": (lambda h2: frame(DATA, PADDED, opened(h2), b"\x06abcde"), [PROTOCOL_ERROR]),
    "5.1 DATA on an idle stream": (lambda h2: frame(DATA, END_STREAM, 101, b"x"), [PROTOCOL_ERROR, STREAM_CLOSED]),
    "6.2 HEADERS on stream 0": (lambda h2: frame(HEADERS, 5, 0, h2.encode(GET)), [PROTOCOL_ERROR]),
    "6.2 HEADERS with more padding than payload":
        (lambda h2: frame(HEADERS, 5 | PADDED, h2.new_stream(), b"\xff" + h2.encode(GET)), [PROTOCOL_ERROR]),
    "5.1.1 HEADERS on an even stream": (lambda h2: frame(HEADERS, 5, 2, h2.encode(GET)), [PROTOCOL_ERROR]),
    "5.1.1 HEADERS on a stream lower than another":
        (lambda h2: (frame(HEADERS, 5, 7, h2.encode(GET)) + frame(HEADERS, 5, 5, h2.encode(GET))), [PROTOCOL_ERROR]),
    "4.2 HEADERS longer than announced": (lambda h2: frame(HEADERS, 5, h2.new_stream(), b"\0" * 16385), [FRAME_SIZE_ERROR]),
    "4.2 SETTINGS longer than announced": (lambda h2: frame(SETTINGS, 0, 0, setting(1, 4096) * 2731), [FRAME_SIZE_ERROR]),
    "4.2 DATA longer than announced": (lambda h2: frame(DATA, 0, opened(h2), b"x" * 16385), [FRAME_SIZE_ERROR]),
    "4.2 CONTINUATION longer than announced":
        (lambda h2: frame(HEADERS, END_STREAM, h2.new_stream(), h2.encode(GET)) +
         frame(CONTINUATION, END_HEADERS, 1, literal(b"x", b"v" * 100) * 160), [FRAME_SIZE_ERROR]),
    "4.2 PING longer than announced": (lambda h2: frame(PING, 0, 0, b"\0" * 16385), [FRAME_SIZE_ERROR]),
    "4.2 GOAWAY longer than announced": (lambda h2: frame(GOAWAY, 0, 0, b"\0" * 16385), [FRAME_SIZE_ERROR]),
    "4.2 PRIORITY longer than announced": (lambda h2: frame(PRIORITY, 0, 1, b"\0" * 16385), [FRAME_SIZE_ERROR]),
    "4.2 an unknown frame longer than announced": (lambda h2: frame(0x2a, 0, 0, b"\0" * 16385), [FRAME_SIZE_ERROR]),
    "4.2 DATA without the length of its padding": (lambda h2: frame(DATA, PADDED, opened(h2)), [FRAME_SIZE_ERROR]),
    "4.2 HEADERS without the length of its padding":
        (lambda h2: frame(HEADERS, 5 | PADDED, h2.new_stream()), [FRAME_SIZE_ERROR]),
    "4.2 HEADERS without all of its priority":
        (lambda h2: frame(HEADERS, 5 | PRIORITY_FLAG, h2.new_stream(), b"\0\0\0\0"), [FRAME_SIZE_ERROR]),
    "4.2 HEADERS with padding without all of its priority":
        (lambda h2: frame(HEADERS, 5 | PADDED | PRIORITY_FLAG, h2.new_stream(), b"\0\0\0\0\0"), [FRAME_SIZE_ERROR]),
    "4.2 GOAWAY without all of its fields": (lambda h2: frame(GOAWAY, 0, 0, b"\0" * 7), [FRAME_SIZE_ERROR]),
    "RFC 7541 6.1 index 0": (lambda h2: frame(HEADERS, 5, h2.new_stream(), b"\x80"), [COMPRESSION_ERROR]),
    "RFC 7541 2.3.3 a name's index that is not in the table":
        (lambda h2: frame(HEADERS, 5, h2.new_stream(), b"\x7f\x80\x01\x01x"), [COMPRESSION_ERROR]),
    "RFC 7541 4.2 the table's size behind a field":
        (lambda h2: frame(HEADERS, 5, h2.new_stream(), h2.encode(GET) + b"\x20"), [COMPRESSION_ERROR]),
    "RFC 7541 5.1 a number that overflows":
        (lambda h2: frame(HEADERS, 5, h2.new_stream(), b"\xff" * 11 + b"\x7f"), [COMPRESSION_ERROR]),
    "RFC 7541 5.2 a text longer than the block":
        (lambda h2: frame(HEADERS, 5, h2.new_stream(), h2.encode(GET) + b"\x00\x01x\x7eabc"), [COMPRESSION_ERROR]),
    "RFC 7541 5.2 the end of the Huffman code within a text":
        (lambda h2: frame(HEADERS, 5, h2.new_stream(), h2.encode(GET) + b"\x00\x01x\x84\xff\xff\xff\xff"), [COMPRESSION_ERROR]),
    "RFC 7541 5.2 padding of zeros":
        (lambda h2: frame(HEADERS, 5, h2.new_stream(), h2.encode(GET) + b"\x00\x01x\x81\x18"), [COMPRESSION_ERROR]),
    "RFC 7541 5.2 padding of eight bits":
        (lambda h2: frame(HEADERS, 5, h2.new_stream(), h2.encode(GET) + b"\x00\x01x\x82\x1f\xff"), [COMPRESSION_ERROR]),
    "4.3 a header block that cannot be decoded":
        (lambda h2: frame(HEADERS, 5, h2.new_stream(), b"\x00\x85\xf2\xb2"), [COMPRESSION_ERROR]),
    "4.3 an index that is not in the table": (lambda h2: frame(HEADERS, 5, h2.new_stream(), b"\xff\x80\x01"), [COMPRESSION_ERROR]),
    "4.3 a table larger than allowed": (lambda h2: frame(HEADERS, 5, h2.new_stream(), b"\x3f\xe1\xff\x03"), [COMPRESSION_ERROR]),
    "4.3 DATA inside of a header block":
        (lambda h2: frame(HEADERS, 0, h2.new_stream(), h2.encode(GET)) + frame(DATA, 0, 1, b"x"), [PROTOCOL_ERROR]),
    "4.3 another stream's HEADERS inside of a header block":
        (lambda h2: frame(HEADERS, 0, h2.new_stream(), h2.encode(GET)) + frame(HEADERS, 5, h2.new_stream(), h2.encode(GET)),
         [PROTOCOL_ERROR]),
    "5.5 an unknown frame inside of a header block":
        (lambda h2: frame(HEADERS, 0, h2.new_stream(), h2.encode(GET)) + frame(0x2a, 0, 0, b"x"), [PROTOCOL_ERROR]),
    "6.10 CONTINUATION of another stream":
        (lambda h2: frame(HEADERS, 0, h2.new_stream(), h2.encode(GET)) + frame(CONTINUATION, 4, 3, b""), [PROTOCOL_ERROR]),
    "6.10 CONTINUATION of nothing": (lambda h2: frame(CONTINUATION, 4, 1, h2.encode(GET)), [PROTOCOL_ERROR]),
    "6.10 CONTINUATION behind END_HEADERS":
        (lambda h2: frame(HEADERS, END_HEADERS, h2.new_stream(), h2.encode(POST)) + frame(CONTINUATION, 4, 1, b""), [PROTOCOL_ERROR]),
    "6.10 CONTINUATION on stream 0":
        (lambda h2: frame(HEADERS, 0, h2.new_stream(), h2.encode(GET)) + frame(CONTINUATION, 4, 0, b""), [PROTOCOL_ERROR]),
    "6.10 CONTINUATION behind DATA":
        (lambda h2: frame(HEADERS, 4, 1, h2.encode(POST)) + frame(DATA, 0, 1, b"x") + frame(CONTINUATION, 4, 1, b""), [PROTOCOL_ERROR]),
    "6.3 PRIORITY on stream 0": (lambda h2: frame(PRIORITY, 0, 0, number(0) + b"\x10"), [PROTOCOL_ERROR]),
    "6.4 RST_STREAM on stream 0": (lambda h2: frame(RST_STREAM, 0, 0, number(8)), [PROTOCOL_ERROR]),
    "6.4 RST_STREAM on an idle stream": (lambda h2: frame(RST_STREAM, 0, 101, number(8)), [PROTOCOL_ERROR]),
    "5.1 DATA on an idle stream of the server's": (lambda h2: frame(DATA, END_STREAM, 2, b"x"), [PROTOCOL_ERROR]),
    "5.1 RST_STREAM on an idle stream of the server's": (lambda h2: frame(RST_STREAM, 0, 2, number(8)), [PROTOCOL_ERROR]),
    "5.1 WINDOW_UPDATE on an idle stream of the server's": (lambda h2: frame(WINDOW_UPDATE, 0, 2, number(1)), [PROTOCOL_ERROR]),
    "5.1 DATA on a stream that only had a priority":
        (lambda h2: frame(PRIORITY, 0, 101, number(0) + b"\x10") + frame(DATA, END_STREAM, 101, b"x"), [PROTOCOL_ERROR]),
    "5.1.1 DATA on a stream that was left out":
        (lambda h2: frame(HEADERS, 5, 7, h2.encode(GET)) + frame(DATA, END_STREAM, 5, b"x"), [PROTOCOL_ERROR, STREAM_CLOSED]),
    "6.4 RST_STREAM that is too long": (lambda h2: frame(RST_STREAM, 0, opened(h2), b"\0" * 5), [FRAME_SIZE_ERROR]),
    "6.4 RST_STREAM of another size": (lambda h2: frame(RST_STREAM, 0, opened(h2), b"\0\0\0"), [FRAME_SIZE_ERROR]),
    "6.5 SETTINGS on a stream": (lambda h2: frame(SETTINGS, 0, 1, setting(1, 4096)), [PROTOCOL_ERROR]),
    "6.5 an acknowledgement on a stream": (lambda h2: frame(SETTINGS, ACK, 1), [PROTOCOL_ERROR]),
    "6.5 SETTINGS of another size": (lambda h2: frame(SETTINGS, 0, 0, b"\0\3\0\0\0"), [FRAME_SIZE_ERROR]),
    "6.5 an acknowledgement with settings": (lambda h2: frame(SETTINGS, ACK, 0, setting(1, 4096)), [FRAME_SIZE_ERROR]),
    "6.5.2 ENABLE_PUSH of 2": (lambda h2: frame(SETTINGS, 0, 0, setting(2, 2)), [PROTOCOL_ERROR]),
    "6.5.2 a window that is too large": (lambda h2: frame(SETTINGS, 0, 0, setting(4, 1 << 31)), [FLOW_CONTROL_ERROR]),
    "6.5.2 a frame size that is too small": (lambda h2: frame(SETTINGS, 0, 0, setting(5, 16383)), [PROTOCOL_ERROR]),
    "6.5.2 a frame size that is too large": (lambda h2: frame(SETTINGS, 0, 0, setting(5, 1 << 24)), [PROTOCOL_ERROR]),
    "RFC 9218 2.1 a switch that is neither on nor off": (lambda h2: frame(SETTINGS, 0, 0, setting(9, 2)), [PROTOCOL_ERROR]),
    "6.6 PUSH_PROMISE of a client":
        (lambda h2: frame(PUSH_PROMISE, 4, opened(h2), number(2) + h2.encode(GET)), [PROTOCOL_ERROR]),
    "6.6 PUSH_PROMISE on stream 0": (lambda h2: frame(PUSH_PROMISE, 4, 0, number(2) + h2.encode(GET)), [PROTOCOL_ERROR]),
    "6.6 PUSH_PROMISE on an idle stream": (lambda h2: frame(PUSH_PROMISE, 4, 1, number(2) + h2.encode(GET)), [PROTOCOL_ERROR]),
    "6.7 PING that is too long": (lambda h2: frame(PING, 0, 0, b"123456789"), [FRAME_SIZE_ERROR]),
    "6.7 an acknowledgement of another size": (lambda h2: frame(PING, ACK, 0, b"1234567"), [FRAME_SIZE_ERROR]),
    "6.7 PING on a stream": (lambda h2: frame(PING, 0, 1, b"12345678"), [PROTOCOL_ERROR]),
    "6.7 PING of another size": (lambda h2: frame(PING, 0, 0, b"1234567"), [FRAME_SIZE_ERROR]),
    "6.8 GOAWAY on a stream": (lambda h2: frame(GOAWAY, 0, 1, number(0) + number(0)), [PROTOCOL_ERROR]),
    "6.9 WINDOW_UPDATE of another size": (lambda h2: frame(WINDOW_UPDATE, 0, 0, b"\0\0\1"), [FRAME_SIZE_ERROR]),
    "6.9 WINDOW_UPDATE that is too long": (lambda h2: frame(WINDOW_UPDATE, 0, 0, b"\0\0\1\0\0"), [FRAME_SIZE_ERROR]),
    "6.9 WINDOW_UPDATE of another size on a stream":
        (lambda h2: frame(WINDOW_UPDATE, 0, opened(h2), b"\0\0\1"), [FRAME_SIZE_ERROR]),
    "6.9 WINDOW_UPDATE of nothing": (lambda h2: frame(WINDOW_UPDATE, 0, 0, number(0)), [PROTOCOL_ERROR]),
    "5.1 WINDOW_UPDATE on an idle stream": (lambda h2: frame(WINDOW_UPDATE, 0, 101, number(1)), [PROTOCOL_ERROR]),
    "6.9.1 a connection window that overflows":
        (lambda h2: frame(WINDOW_UPDATE, 0, 0, number(0x7fffffff)), [FLOW_CONTROL_ERROR]),
    "6.9.1 a stream's window that overflows":
        (lambda h2: frame(WINDOW_UPDATE, 0, opened(h2), number(0x7fffffff)), [FLOW_CONTROL_ERROR]),
    "6.9.2 settings by which a stream's window overflows":
        (lambda h2: (frame(WINDOW_UPDATE, 0, opened(h2), number(0x70000000)) + frame(SETTINGS, 0, 0, setting(4, 0x7fffffff))),
         [FLOW_CONTROL_ERROR]),
    "5.1 DATA behind the end of both sides": (lambda h2: frame(DATA, END_STREAM, over(h2), b"x"), [STREAM_CLOSED]),
    "5.1 HEADERS behind the end of both sides": (lambda h2: frame(HEADERS, 5, over(h2), h2.encode(GET)), [STREAM_CLOSED]),
    "5.1 CONTINUATION behind the end of both sides":
        (lambda h2: frame(CONTINUATION, 4, over(h2), h2.encode(GET)), [PROTOCOL_ERROR, STREAM_CLOSED]),
}


@pytest.mark.parametrize("name", sorted(CONNECTION_ERRORS))
def test_an_error_of_the_connection(world, origin, h2, name):
    send, codes = CONNECTION_ERRORS[name]
    h2.send(send(h2))
    code = h2.end()
    assert code in codes, f"{name}: GOAWAY says {code}"


@pytest.fixture(scope="module")
def full(world):
    """A host whose upstream takes no connection: nothing of a body goes on, and no window comes back."""
    with full_backlog() as port:
        world.gateway.add_api(classic("full", f"http://127.0.0.1:{port}/", domain="full.gw.test", use_keyless=True))
        yield "full.gw.test"


def test_more_data_than_the_window_of_a_stream(world, full):
    """RFC 9113 6.9. The end comes at once, though its request still waits for a connection to the upstream."""
    with Http2(world.a, full, timeout=DEADLINE / 2) as h2:
        h2.ping()
        stream = opened(h2)
        h2.send(b"".join(frame(DATA, 0, stream, b"x" * 16384) for _ in range(9)))
        assert h2.end() == FLOW_CONTROL_ERROR


# What is sent on which stream, and the code that RST_STREAM says.
STREAM_ERRORS = {
    "6.3 PRIORITY of another size": (lambda h2, s: frame(PRIORITY, 0, s, number(0)), opened, [FRAME_SIZE_ERROR]),
    "6.9 WINDOW_UPDATE of nothing": (lambda h2, s: frame(WINDOW_UPDATE, 0, s, number(0)), opened, [PROTOCOL_ERROR]),
    "5.1 DATA behind END_STREAM": (lambda h2, s: frame(DATA, 0, s, b"x"), "held", [STREAM_CLOSED]),
    "5.1 HEADERS behind END_STREAM": (lambda h2, s: frame(HEADERS, 5, s, h2.encode([("x", "y")])), "held", [STREAM_CLOSED]),
    "5.1 DATA behind the client's RST_STREAM": (lambda h2, s: frame(DATA, END_STREAM, s, b"x"), taken_back, [STREAM_CLOSED]),
    "5.1 HEADERS behind the client's RST_STREAM":
        (lambda h2, s: frame(HEADERS, 5, s, h2.encode(GET)), taken_back, [STREAM_CLOSED]),
    "8.1 trailers that are not the end":
        (lambda h2, s: frame(HEADERS, END_HEADERS, s, h2.encode([("x", "y")])), opened, [PROTOCOL_ERROR]),
    "8.1 trailers with a pseudo-header field":
        (lambda h2, s: frame(HEADERS, 5, s, h2.encode([(":method", "GET")])), opened, [PROTOCOL_ERROR]),
    "8.2 trailers in capitals": (lambda h2, s: frame(HEADERS, 5, s, h2.encode([("X-Upper", "y")])), opened, [PROTOCOL_ERROR]),
}


@pytest.fixture(scope="module")
def held(world):
    """An API whose upstream answers once it is let go."""
    import threading
    gate = threading.Event()

    def answer(handler, request):
        gate.wait(10 * DEADLINE)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
    made = world.origin("held", answer=answer)
    world.gateway.add_api(classic("held", made.url, domain=HOST, listen_path="/held/", use_keyless=True))
    yield made
    gate.set()


@pytest.mark.parametrize("name", sorted(STREAM_ERRORS))
def test_an_error_of_a_stream(world, origin, held, h2, name):
    send, make, codes = STREAM_ERRORS[name]
    stream = h2.request("/held/x") if make == "held" else make(h2)
    h2.send(send(h2, stream))
    if not name.startswith("8."):
        # RFC 9113 5.4.1: any error of a stream may be treated as one of the connection.
        h2.wait(lambda: h2.reply(stream).reset is not None or h2.goaways, name)
        assert (h2.goaways[-1][0] if h2.goaways else h2.reply(stream).reset) in codes, h2.story()
        if h2.goaways:
            assert h2.end() in codes
            return
    reply = h2.answer(stream)
    assert reply.reset in codes, f"{name}: {h2.story()}"
    assert h2.get().status == 200, "the connection goes on"


def test_more_data_than_the_connections_window(world, full):
    replica = world.gateway.start_dataplane(options=["--set", "limits.http2.connection_window=65535"])
    with Http2(replica, full) as h2:
        h2.ping()
        streams = [opened(h2) for _ in range(5)]
        h2.send(b"".join(frame(DATA, 0, stream, b"x" * 16384) for stream in streams))
        assert h2.end() == FLOW_CONTROL_ERROR


MALFORMED = {
    "8.2.1 capitals": GET + [("X-Upper", "1")],
    "8.2.1 an empty name": GET + [("", "1")],
    "8.2.1 a blank in a name": GET + [("x y", "1")],
    "8.2.1 a colon in a name": GET + [("x:y", "1")],
    "8.2.1 a line feed in a name": GET + [("x\ny", "1")],
    "8.2.1 NUL in a name": GET + [("x\0y", "1")],
    "8.2.1 a tab in a name": GET + [("x\ty", "1")],
    "8.2.1 DEL in a name": GET + [("x\x7f", "1")],
    "8.2.1 a byte beyond ASCII in a name": GET + [(b"x\xe4", b"1")],
    "8.2.1 a vertical tab in a value": GET + [("x", "1\x0b2")],
    "8.2.1 a form feed in a value": GET + [("x", "1\x0c2")],
    "8.2.1 a leading tab": GET + [("x", "\t1")],
    "8.2.1 a trailing tab": GET + [("x", "1\t")],
    "8.2.1 a line feed in a value": GET + [("x", "1\nhost: evil")],
    "8.2.1 a carriage return in a value": GET + [("x", "1\r")],
    "8.2.1 NUL in a value": GET + [("x", "1\x002")],
    "8.2.1 a leading blank": GET + [("x", " 1")],
    "8.2.1 a trailing blank": GET + [("x", "1 ")],
    "8.2.2 connection": GET + [("connection", "keep-alive")],
    "8.2.2 proxy-connection": GET + [("proxy-connection", "keep-alive")],
    "8.2.2 keep-alive": GET + [("keep-alive", "timeout=5")],
    "8.2.2 transfer-encoding": GET + [("transfer-encoding", "chunked")],
    "8.2.2 upgrade": GET + [("upgrade", "h2c")],
    "8.2.2 te without a value": GET + [("te", "")],
    "8.2.2 te twice": GET + [("te", "trailers"), ("te", "gzip")],
    "8.2.2 te": GET + [("te", "trailers, deflate")],
    "8.3 an unknown pseudo-header field": GET + [(":protocol", "websocket")],
    "8.3 one of answers": GET + [(":status", "200")],
    "8.3 one behind a field": GET[:3] + [("x", "1")] + GET[3:],
    "8.3 one twice": GET + [(":path", "/other")],
    "8.3 authority twice": GET + [(":authority", HOST)],
    "8.3 a pseudo-header field without a name": GET + [(":", "1")],
    "8.3 nothing at all": [],
    "8.3.1 an empty method": [(":method", ""), *GET[1:]],
    "8.3.1 a method that is no token": [(":method", "G ET"), *GET[1:]],
    "8.3.1 a request in the method": [(":method", "GET / HTTP/1.1\r\nx:"), *GET[1:]],
    "8.3.1 a request in the path": [*GET[:3], (":path", "/ HTTP/1.1\r\nx: y")],
    "8.3.1 NUL in the path": [*GET[:3], (":path", "/\0")],
    "8.3.1 an empty authority": [*GET[:2], (":authority", ""), GET[3]],
    "8.3.1 a field in the authority": [*GET[:2], (":authority", HOST + "\r\nx: y"), GET[3]],
    "8.3.1 Host twice": GET + [("host", HOST), ("host", HOST)],
    "8.3.1 no method": GET[1:],
    "8.3.1 no scheme": GET[:1] + GET[2:],
    "8.3.1 no path": GET[:3],
    "8.3.1 an empty path": GET[:3] + [(":path", "")],
    "8.3.1 a path that is no path": GET[:3] + [(":path", "x")],
    "8.3.1 Host says another": GET + [("host", "other.gw.test")],
    "8.1.1 a length without a body": GET + [("content-length", "1")],
    "8.1.1 two lengths": GET + [("content-length", "0"), ("content-length", "0")],
    "8.1.1 a length that is none": GET + [("content-length", "-1")],
    "8.1.1 a list of lengths": GET + [("content-length", "0, 0")],
    "8.1.1 an empty length": GET + [("content-length", "")],
    "8.5 CONNECT with a scheme": [(":method", "CONNECT"), (":scheme", "https"), (":authority", HOST)],
    "8.5 CONNECT without an authority": [(":method", "CONNECT")],
    "8.5 CONNECT with a path": [(":method", "CONNECT"), (":authority", HOST), (":path", "/")],
}


@pytest.mark.parametrize("name", sorted(MALFORMED))
def test_a_malformed_request_resets_its_stream_and_is_not_forwarded(world, origin, h2, name):
    before = len(origin.requests)
    stream = h2.new_stream()
    h2.send(frame(HEADERS, 5, stream, h2.encode(MALFORMED[name])))
    reply = h2.answer(stream)
    assert reply.reset == PROTOCOL_ERROR and reply.status is None, h2.story()
    assert len(origin.requests) == before
    assert h2.get().status == 200, "the connection goes on"
    assert len(origin.requests) == before + 1


@pytest.mark.parametrize("length, pieces", [(5, [b"abc"]), (5, [b"abc", b"defgh"]), (5, [b"abcde", b"f"]), (0, [b"x"]), (1, [])])
def test_a_body_that_is_not_as_long_as_said_never_ends_as_a_good_request(world, origin, h2, length, pieces):
    before = len(origin.requests)
    stream = h2.request(method="POST", more=[("content-length", str(length))], end=False)
    for piece in pieces:
        h2.ping()  # what came before is with the upstream, if it goes there at all
        h2.data(stream, piece)
    h2.data(stream, b"", end=True)
    assert h2.answer(stream).reset == PROTOCOL_ERROR, h2.story()
    assert h2.get().status == 200
    assert [request.method for request in origin.requests[before:]] == ["GET"]


def test_what_must_be_ignored_is(world, origin, h2):
    h2.send(frame(0x2a, 0xff, 0, b"unknown") + frame(0x2b, 0xff, 77, b"") +
            frame(SETTINGS, 0, 0, setting(0x4242, 1)) + frame(PING, ACK, 0, b"unasked!") +
            frame(PING, 0xfe, 0, b"flagged!"))
    stream = h2.new_stream()
    h2.send(frame(HEADERS, 5 | 0x50, 0x80000000 | stream, h2.encode(GET)))  # flags that mean nothing, the reserved bit
    assert h2.answer(stream).status == 200
    h2.send(frame(PRIORITY, 0, 999, number(5) + b"\x10") + frame(PRIORITY, 0, stream, number(0) + b"\x10") +
            frame(WINDOW_UPDATE, 0, stream, number(1)) + frame(RST_STREAM, 0, stream, number(0)))
    assert h2.get().status == 200


# RFC 9113 8.3.1 and RFC 9110 4.2, 7.2: well-formed as fields, and no request all the same.
NOT_FORWARDED = {
    "user information": [*GET[:2], (":authority", "user@" + HOST), GET[3]],
    "two hosts": [*GET[:2], (":authority", HOST + ",other"), GET[3]],
    "a host with a path": [*GET[:2], (":authority", HOST + "/x"), GET[3]],
    "no host": [*GET[:2], GET[3]],
    "a fragment": [*GET[:3], (":path", "/a#b")],
    "a blank in the path": [*GET[:3], (":path", "/a b")],
    "a byte beyond ASCII in the path": [*GET[:3], (b":path", b"/\xe4")],
    "an asterisk for GET": [*GET[:3], (":path", "*")],
    "another scheme": [GET[0], (":scheme", "ftp"), *GET[2:]],
    "an empty scheme": [GET[0], (":scheme", ""), *GET[2:]],
}


@pytest.mark.parametrize("name", sorted(NOT_FORWARDED))
def test_a_request_that_says_no_place_is_refused(world, origin, h2, name):
    before = len(origin.requests)
    stream = h2.new_stream()
    h2.send(frame(HEADERS, 5, stream, h2.encode(NOT_FORWARDED[name])))
    reply = h2.answer(stream)
    assert reply.status == 400 or reply.reset == PROTOCOL_ERROR, h2.story()
    assert len(origin.requests) == before
    assert h2.get().status == 200, "the connection goes on"


def test_a_reset_is_answered_by_none(world, origin, h2):
    """RFC 9113 5.4.2. And codes that nobody knows (7) mean nothing more than others."""
    streams = [opened(h2) for _ in range(3)]
    for stream, code in zip(streams, (8, 0, 0xdeadbeef)):
        h2.send(frame(RST_STREAM, 0, stream, number(code)) * 3)
    h2.ping()
    assert [h2.reply(stream).reset for stream in streams] == [None] * 3 and not h2.goaways
    assert h2.get().status == 200


def test_a_clients_goaway_lets_its_requests_end(world, origin, h2):
    """RFC 9113 6.8, 7: also with a code that nobody knows and with text behind it."""
    stream = opened(h2)
    h2.send(frame(GOAWAY, 0, 0, number(0) + number(0xdeadbeef) + b"whatever"))
    h2.data(stream, b"abc", end=True)
    assert h2.answer(stream).status == 200
    assert origin.last().body == b"abc"


@pytest.mark.parametrize("size", [0, 100])
def test_the_clients_limit_of_the_table_is_kept(world, origin, h2, size):
    """RFC 9113 4.3.1: the first block behind the acknowledgement says that the table is smaller, and it stays so."""
    before = h2.settings_acks
    assert h2.get().status == 200, "something is in the table"
    h2.send(frame(SETTINGS, 0, 0, setting(1, size)))
    h2.wait(lambda: h2.settings_acks == before + 1, "SETTINGS are acknowledged")
    h2.limit_table(size)
    assert [h2.get().status for _ in range(3)] == [200] * 3
    assert h2.table_size() == size


def test_padding_and_priority_in_headers(world, origin, h2):
    stream = h2.new_stream()
    block = h2.encode(POST)
    h2.send(frame(HEADERS, END_HEADERS | PADDED | PRIORITY_FLAG, stream, b"\x05" + number(0) + b"\x10" + block + b"\0" * 5))
    h2.send(frame(DATA, PADDED, stream, b"\x03abc\0\0\0") + frame(DATA, PADDED | END_STREAM, stream, b"\x01def\0"))
    assert h2.answer(stream).status == 200
    assert origin.last().body == b"abcdef"


def test_a_header_block_in_pieces(world, origin, h2):
    block, stream = h2.encode(GET + [("x-long", "v" * 100)]), h2.new_stream()
    h2.send(frame(HEADERS, END_STREAM, stream, block[:1]) + frame(CONTINUATION, 0, stream, block[1:7]) +
            frame(CONTINUATION, 0, stream, b"") + frame(CONTINUATION, END_HEADERS, stream, block[7:]))
    assert h2.answer(stream).status == 200
    assert origin.last().one("x-long") == "v" * 100


def test_settings_are_acknowledged_and_announced(world, origin, h2):
    before = h2.settings_acks
    h2.send(frame(SETTINGS, 0, 0, setting(3, 100)))
    h2.wait(lambda: h2.settings_acks == before + 1, "SETTINGS are acknowledged")
    assert h2.settings[3] == 128 and h2.settings[4] == 128 << 10 and h2.settings[6] == 32 << 10 and h2.settings[9] == 1
    assert h2.settings.get(5, 16384) == 16384 and 8 not in h2.settings, "WebSocket over HTTP/2 is not offered"


def test_more_streams_than_announced(world, origin, held, h2):
    """RFC 9113 5.1.2: refused, or an error."""
    streams = [h2.request("/held/x") for _ in range(129)]
    h2.wait(lambda: h2.reply(streams[-1]).reset is not None or h2.goaways, "the last one is not taken")
    code = h2.goaways[-1][0] if h2.goaways else h2.reply(streams[-1]).reset
    assert code in (PROTOCOL_ERROR, REFUSED_STREAM)


@pytest.mark.parametrize("preface", [b"GET / HTTP/1.1\r\nHost: frames.gw.test\r\n\r\n",
                                     PREFACE[:-1] + b"X" + frame(SETTINGS, 0, 0), PREFACE + frame(PING, 0, 0, b"12345678"),
                                     b"\x16\x03\x01" + b"\0" * 40])
def test_a_bad_preface(world, origin, preface):
    with Http2(world.a, HOST, start=False) as h2:
        h2.send(preface)
        assert h2.end() in (PROTOCOL_ERROR, None)


def test_frames_in_single_bytes(world, origin):
    with Http2(world.a, HOST, start=False) as h2:
        data = PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, 5, h2.new_stream(), h2.encode(GET))
        for byte in data:
            h2.send(bytes([byte]))
        assert h2.answer(1).status == 200


def test_windows_of_the_client_are_respected(world):
    def answer(handler, request):
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(b"z" * 100000)
    made = world.origin("windows", answer=answer)
    world.gateway.add_api(classic("windows", made.url, domain="windows.gw.test", use_keyless=True))
    with Http2(world.a, "windows.gw.test", settings=setting(4, 10), open_window=False) as h2:
        stream = h2.request()
        h2.wait(lambda: len(h2.reply(stream).body) == 10, "ten bytes")
        h2.ping()
        assert len(h2.reply(stream).body) == 10
        h2.send(frame(SETTINGS, 0, 0, setting(4, 3)))  # 6.9.2: seven too many now
        h2.ping()
        h2.send(frame(WINDOW_UPDATE, 0, stream, number(7)))
        h2.ping()
        assert len(h2.reply(stream).body) == 10
        h2.send(frame(WINDOW_UPDATE, 0, stream, number(5)))
        h2.wait(lambda: len(h2.reply(stream).body) == 15, "five more")
        h2.send(frame(WINDOW_UPDATE, 0, stream, number(1 << 20)))
        h2.wait(lambda: len(h2.reply(stream).body) == 65535, "all that the connection allows")
        h2.ping()
        assert len(h2.reply(stream).body) == 65535
        h2.send(frame(WINDOW_UPDATE, 0, 0, number(1 << 20)))
        reply = h2.answer(stream)
        assert len(reply.body) == 100000 and all(size <= 16384 for _, size in h2.sizes)
