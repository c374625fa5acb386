"""What a hostile HTTP/2 client may do to others: nothing. Each defence with the attack that it is for; the connection ends
with the right code, the reason is counted and logged, and another client is served meanwhile."""

import json
import threading
import time

import pytest

from gateway import DEADLINE, SLOWER, classic, in_time, wait_for
from raw_http2 import (ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PADDED, PING,
                       PRIORITY, REFUSED_STREAM, RST_STREAM, SETTINGS, WINDOW_UPDATE, Http2, frame, number, setting)

HOST = "floods.gw.test"
WRITE_IDLE, HEAD, KEEP_ALIVE = SLOWER, SLOWER, 2 * SLOWER  # seconds, of the one that is in a hurry


class Gate:
    """An upstream that answers when it is let go."""

    def __init__(self, world, name, body=b""):
        self.open = threading.Event()
        self.origin = world.origin(name, answer=self._answer)
        self.host, self.body = f"{name}.gw.test", body
        world.gateway.add_api(classic(name, self.origin.url, domain=self.host, use_keyless=True))

    def _answer(self, handler, request):
        self.open.wait(10 * DEADLINE)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(self.body)))
        handler.end_headers()
        handler.wfile.write(self.body)


@pytest.fixture(scope="module")
def replica(world):
    """Few streams, so that bounds are reached; no time is near."""
    return world.gateway.start_dataplane(system_trust=world.trust, name="floods",
                                         options=["--set", "limits.http2.max_concurrent_streams=20"])


@pytest.fixture(scope="module")
def hurried(world):
    """Short times, so that these are reached, too."""
    return world.gateway.start_dataplane(system_trust=world.trust, name="hurried", options=[
        "--set", "limits.http2.max_concurrent_streams=20", "--set", f"timeouts.write_idle={WRITE_IDLE}s",
        "--set", f"timeouts.head={HEAD}s", "--set", f"timeouts.keep_alive={KEEP_ALIVE}s"])


@pytest.fixture(scope="module")
def origin(world):
    made = world.origin("floods")
    world.gateway.add_api(classic("floods", made.url, domain=HOST, use_keyless=True))
    return made


def failures(replica, reason):
    return replica.metric("sallyport_http2_connection_failures_total", reason=reason)


def ends(replica, h2, attack, reason, most=100_000, code=ENHANCE_YOUR_CALM):
    """Repeats what `attack(count)` gives until the peer has had enough."""
    before = failures(replica, reason)
    sent = 0
    while not h2.ended and not h2.goaways and sent < most:
        batch = b"".join(attack(sent + number) for number in range(50))
        if not h2.send(batch):
            break
        sent += 50
        h2.step(time.monotonic() + 0.001)
    assert h2.end() in (code, None), h2.story()
    if h2.goaways:
        assert h2.goaways[-1][0] == code
    wait_for(lambda: failures(replica, reason) == before + 1, f"{reason} is counted")
    return sent


FLOODS = {
    "settings_flood": (lambda h2: lambda n: frame(SETTINGS, 0, 0, setting(3, 100)), 2000),
    "ping_flood": (lambda h2: lambda n: frame(PING, 0, 0, n.to_bytes(8, "big")), 5000),
    "priority_flood": (lambda h2: lambda n: frame(PRIORITY, 0, 2 * n + 1, number(0) + b"\x10"), 5000),
    "unknown_frame_flood": (lambda h2: lambda n: frame(0x2a, 0, 0, b"x"), 5000),
    "window_update_flood": (lambda h2: lambda n: frame(WINDOW_UPDATE, 0, 0, number(1)), 20000),
}


@pytest.mark.parametrize("reason", sorted(FLOODS))
def test_floods_of_frames(replica, origin, reason):
    make, most = FLOODS[reason]
    with Http2(replica, HOST) as h2:
        h2.ping()
        ends(replica, h2, make(h2), reason, most=10 * most)
    with Http2(replica, HOST) as other:
        assert other.get().status == 200


def test_acknowledged_pings_are_a_flood_as_well(replica, origin):
    with Http2(replica, HOST) as h2:
        ends(replica, h2, lambda n: frame(PING, ACK, 0, b"12345678"), "ping_flood")


@pytest.mark.parametrize("empty", [frame(DATA, 0, 1), frame(DATA, PADDED, 1, b"\x05\0\0\0\0\0")])
def test_data_without_data(world, replica, origin, empty):
    gate = Gate(world, f"empty{len(empty)}")
    with Http2(replica, gate.host) as h2:
        assert h2.request(method="POST", end=False) == 1
        ends(replica, h2, lambda n: empty, "empty_data_flood")
    gate.open.set()


def test_rapid_reset(world, replica, origin):
    """CVE-2023-44487: requests begun and taken back at once."""
    def attack(_):
        stream = h2.new_stream()
        return h2.head(stream, h2.fields()) + frame(RST_STREAM, 0, stream, number(CANCEL))
    with Http2(replica, HOST) as h2:
        ends(replica, h2, attack, "reset_flood", most=20000)
    with Http2(replica, HOST) as other:
        assert other.get().status == 200


def test_what_was_taken_back_counts_until_the_upstream_is_let_go(world, replica):
    """A client has no more upstream connections than streams, however fast it takes requests back."""
    gate = Gate(world, "rapid")
    with Http2(replica, gate.host) as h2:
        for _ in range(4):
            streams = [h2.new_stream() for _ in range(15)]
            h2.send(b"".join(h2.head(stream, h2.fields()) + frame(RST_STREAM, 0, stream, number(CANCEL)) for stream in streams))
        h2.ping()
        assert len({request.connection for request in gate.origin.requests}) <= 20
        gate.open.set()
        wait_for(lambda: h2.get().status == 200, "and goes on")


def test_a_request_that_is_taken_back_lets_go_of_its_upstream(world, replica):
    gone = threading.Event()

    def answer(handler, request):
        handler.connection.settimeout(10 * DEADLINE)
        if handler.connection.recv(1) == b"":
            gone.set()
    origin = world.origin("letgo", answer=answer)
    world.gateway.add_api(classic("letgo", origin.url, domain="letgo.gw.test", use_keyless=True))
    with Http2(replica, "letgo.gw.test") as h2:
        stream = h2.request()
        wait_for(lambda: origin.requests, "the upstream has the request")
        h2.send(frame(RST_STREAM, 0, stream, number(CANCEL)))
        assert gone.wait(DEADLINE), "the upstream's connection is closed, and not for a time that is over"


def test_streams_that_must_be_reset(replica, origin):
    """The server is made to reset (CVE-2025-8671): malformed requests, one after the other."""
    before, sent = failures(replica, "fault_flood"), 0
    with Http2(replica, HOST) as h2:
        while not h2.goaways and sent < 5000:
            streams = [h2.new_stream() for _ in range(10)]
            if not h2.send(b"".join(frame(HEADERS, 5, stream, h2.encode(h2.fields() + [("X-Upper", "1")])) for stream in streams)):
                break
            sent += 10
            h2.wait(lambda: h2.goaways or h2.ended or all(h2.reply(stream).over for stream in streams), "all are reset")
        assert h2.end() == ENHANCE_YOUR_CALM and sent < 1000
    wait_for(lambda: failures(replica, "fault_flood") == before + 1, "counted")


def test_continuation_flood(replica, origin):
    """CVE-2024-27316: a header block without an end."""
    with Http2(replica, HOST) as h2:
        h2.ping()
        h2.send(frame(HEADERS, END_STREAM, 1, h2.encode(h2.fields())))
        ends(replica, h2, lambda n: frame(CONTINUATION, 0, 1, b"\0\x01x\x01y"), "continuation_flood")
    with Http2(replica, HOST) as h2:
        h2.ping()
        h2.send(frame(HEADERS, END_STREAM, 1, h2.encode(h2.fields())))
        ends(replica, h2, lambda n: frame(CONTINUATION, 0, 1, b""), "continuation_flood")


def test_hpack_bomb(replica, origin):
    """One large field in the table, and a thousand references to it."""
    before = replica.memory_kb()
    with Http2(replica, HOST) as h2:
        literal = b"\x40\x01x" + b"\x7f" + bytes([(3900 - 127) & 0x7f | 0x80, (3900 - 127) >> 7]) + b"v" * 3900
        block = h2.encode(h2.fields()) + literal + b"\xbe" * 12000
        before_failures = failures(replica, "header_bomb")
        h2.send(frame(HEADERS, END_STREAM | END_HEADERS, 1, block[:16384]))
        assert h2.end() == ENHANCE_YOUR_CALM, h2.story()
        wait_for(lambda: failures(replica, "header_bomb") == before_failures + 1, "counted")
    assert replica.memory_kb() - before < 8 << 10


def test_a_header_list_that_is_too_large_is_answered(replica, origin):
    with Http2(replica, HOST) as h2:
        stream = h2.new_stream()
        block = h2.encode(h2.fields(more=[(f"x-{n}", "v" * 1000) for n in range(40)]))
        pieces = [block[at:at + 16384] for at in range(0, len(block), 16384)]
        h2.send(frame(HEADERS, END_STREAM, stream, pieces[0]) + b"".join(
            frame(CONTINUATION, END_HEADERS if piece is pieces[-1] else 0, stream, piece) for piece in pieces[1:]))
        assert h2.answer(stream).status == 431
        assert h2.get(more=[(f"x{n}", "1") for n in range(101)]).status == 431
        assert h2.get().status == 200, "the table of the compression is still the same on both sides"


def begun(hurried, host, begin=lambda h2: None, **more):
    """A connection that has done something before the head's time was over."""
    def connect():
        h2 = Http2(hurried, host, **more)
        begin(h2)
        return h2
    return in_time(connect, 0.5 * HEAD)


def test_a_head_that_does_not_end(hurried, origin):
    before = failures(hurried, "slow_head")

    def begin(h2):
        h2.ping()  # and so all settings are acknowledged: nothing may come between the parts of a head
        h2.send(frame(HEADERS, END_STREAM, 1, h2.encode(h2.fields())))
    with begun(hurried, HOST, begin) as h2:
        assert h2.end() == ENHANCE_YOUR_CALM
    wait_for(lambda: failures(hurried, "slow_head") > before, "counted")


@pytest.mark.parametrize("keeps_busy", [b"", frame(PING, 0, 0, b"12345678"), frame(WINDOW_UPDATE, 0, 0, number(1))])
def test_a_connection_without_requests_ends(hurried, origin, keeps_busy):
    """With a GOAWAY without error; frames that ask for nothing do not keep it open."""
    began = time.monotonic()
    with begun(hurried, HOST, lambda h2: h2.request()) as h2:
        assert h2.answer(1).status == 200
        while not h2.ended and time.monotonic() - began < DEADLINE:
            h2.send(keeps_busy)
            pause = time.monotonic() + 0.1
            while h2.step(pause):
                pass
        assert h2.goaways and h2.goaways[-1][0] == 0
        assert time.monotonic() - began > 0.75 * KEEP_ALIVE


def test_a_connection_that_never_asks_ends(hurried, origin):
    with Http2(hurried, HOST) as h2:
        assert h2.end() == 0


def test_a_window_that_stays_shut(world, hurried):
    """The answer's stream is reset after write_idle; others of the connection go on, and memory is bounded."""
    gate = Gate(world, "shut", body=b"z" * (1 << 20))
    gate.open.set()
    before = hurried.memory_kb()

    def goes_on():
        with begun(hurried, gate.host, lambda h2: [h2.request() for _ in range(20)], settings=setting(4, 0)) as h2:
            replies = [h2.reply(stream) for stream in range(1, 41, 2)]
            h2.wait(lambda: all(reply.reset == CANCEL for reply in replies), "all are reset")
            assert all(reply.status == 200 and reply.body == b"" for reply in replies)
            assert hurried.memory_kb() - before < 16 << 10
            opened = time.monotonic()
            h2.send(frame(SETTINGS, 0, 0, setting(4, 65535)))
            body = whole(h2)
            held_up = time.monotonic() - opened > 0.5 * WRITE_IDLE  # then it may have ended for good reason
            assert body == 1 << 20 or held_up
            return body == 1 << 20
    wait_for(goes_on, "its connection goes on")


def whole(h2):
    """How much of an answer came before its end, or the connection's."""
    stream = h2.request()
    end = time.monotonic() + h2.timeout
    while not h2.reply(stream).over and h2.step(end):
        pass
    return len(h2.reply(stream).body)


def test_a_window_that_stays_shut_of_a_client_that_talks(world, hurried):
    gate = Gate(world, "talks", body=b"z" * (1 << 20))
    gate.open.set()
    with begun(hurried, gate.host, lambda h2: h2.request(), settings=setting(4, 0)) as h2:
        stream, end = 1, time.monotonic() + DEADLINE
        while h2.reply(stream).reset is None and time.monotonic() < end:
            h2.send(frame(PING, 0, 0, b"12345678"))
            pause = time.monotonic() + 0.1
            while h2.step(pause):
                pass
        assert h2.reply(stream).reset == CANCEL, h2.story()


def test_small_answers_behind_a_shut_window_do_not_stay(world, hurried):
    gate = Gate(world, "small", body=b"small")
    gate.open.set()
    with begun(hurried, gate.host, lambda h2: h2.request(), settings=setting(4, 0)) as h2:
        h2.wait(lambda: h2.reply(1).reset is not None, "it is reset")
        assert h2.reply(1).reset == CANCEL and h2.reply(1).body == b""


def test_a_client_that_does_not_read(world, hurried):
    gate = Gate(world, "unread", body=b"z" * (8 << 20))
    gate.open.set()
    before, memory = failures(hurried, "write_stalled"), hurried.memory_kb()

    def begin(h2):
        h2.send(frame(WINDOW_UPDATE, 0, 0, number(0x70000000)))
        for _ in range(20):
            h2.request()
    with begun(hurried, gate.host, begin, settings=setting(4, 0x7fffffff), receive_buffer=4096):
        wait_for(lambda: failures(hurried, "write_stalled") > before, "it is cut off")
        assert hurried.memory_kb() - memory < 16 << 10


def test_bodies_that_wait_are_bounded_by_the_connection(world, replica):
    """Streams whose upstream takes nothing: no more comes in than the connection's window."""
    import socket
    hole = socket.create_server(("127.0.0.1", 0), backlog=64)  # accepts, reads nothing
    hole.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    world.gateway.add_api(classic("hole", f"http://127.0.0.1:{hole.getsockname()[1]}", domain="hole.gw.test", use_keyless=True))
    before = replica.memory_kb()
    with Http2(replica, "hole.gw.test") as h2:
        h2.ping()
        room = {0: 65535 + sum(more for stream, more in h2.updates if stream == 0)}
        streams = [h2.request(method="POST", end=False) for _ in range(16)]
        room.update({stream: h2.settings[4] for stream in streams})
        seen, sent, moved = len(h2.updates), 0, time.monotonic()
        while time.monotonic() - moved < 2 * SLOWER and sent < 256 << 20:
            if len(h2.updates) > seen:
                moved = time.monotonic()
            for stream, more in h2.updates[seen:]:
                room[stream] = room.get(stream, 0) + more
            seen = len(h2.updates)
            may = [stream for stream in streams if room[stream] >= 16384 and room[0] >= 16384]
            for stream in may:
                if room[0] >= 16384:
                    h2.data(stream, b"x" * 16384)
                    room[stream] -= 16384
                    room[0] -= 16384
                    sent += 16384
                    moved = time.monotonic()
            h2.step(time.monotonic() + 0.02)
        print(f"{sent >> 10} KB were taken, kernel buffers included")
        assert room[0] < 16384 or all(room[stream] < 16384 for stream in streams), "the client is held up"
        assert replica.memory_kb() - before < 24 << 10
    hole.close()


def test_refused_streams_can_be_asked_for_again(world, replica):
    gate = Gate(world, "refused")
    with Http2(replica, gate.host) as h2:
        # Before our settings are acknowledged, the client may not know how many.
        streams = [h2.request() for _ in range(25)]
        h2.wait(lambda: sum(h2.reply(stream).reset == REFUSED_STREAM for stream in streams) == 5 or h2.goaways, "five are refused")
        if h2.goaways:
            return
        gate.open.set()
        assert [h2.answer(stream).status for stream in streams[:20]] == [200] * 20
        assert h2.get().status == 200


def test_the_reason_is_logged_and_not_with_every_connection(replica, origin):
    began, log = time.monotonic(), len(replica.lines("http2.connection_failed"))
    for _ in range(20):
        with Http2(replica, HOST, start=False) as h2:
            h2.send(b"x" * 100)
            h2.end()
    took = time.monotonic() - began
    wait_for(lambda: len(replica.lines("http2.connection_failed")) > log, "it is logged")
    lines = [json.loads(line) for line in replica.lines("http2.connection_failed")]
    assert len(lines) - log <= took + 2, "one a second"
    assert any(line["reason"] == "bad_preface" and line["client"] == "127.0.0.1" and line["sni"] == HOST for line in lines)
