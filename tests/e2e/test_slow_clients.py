"""Clients that are slow on purpose: each phase has its own time, none can be stretched byte by byte."""

import concurrent.futures
import json
import socket
import time

import pytest

from gateway import DEADLINE, SLOWER, classic, in_time, lines_of, wait_for
from raw import Connection, client_hello

HOST = "slow.gw.test"
HEAD, BODY, KEEP_ALIVE, HANDSHAKE = SLOWER, SLOWER, 1.5 * SLOWER, 2 * SLOWER  # seconds
LONG = 15 * SLOWER  # none of them is near it


@pytest.fixture(scope="module")
def origin(world):
    made = world.origin("slow")
    world.gateway.add_api(classic("slow", made.url, domain=HOST, use_keyless=True))
    return made


@pytest.fixture(scope="module")
def replica(world, origin):
    return world.gateway.start_dataplane(system_trust=world.trust, name="impatient", options=[
        "--set", f"timeouts.head={HEAD}s", "--set", f"timeouts.body_idle={BODY}s",
        "--set", f"timeouts.keep_alive={KEEP_ALIVE}s", "--set", f"timeouts.handshake={HANDSHAKE}s"])


def failures(replica, reason):
    return replica.metric("sallyport_handshake_failures_total", reason=reason)


def begun(replica, data, within=HEAD):
    """A connection that has sent this before half of the time that it has was over."""
    def connect():
        client = Connection(replica, HOST, timeout=LONG)
        client.send(data)
        return client
    return in_time(connect, 0.5 * within)


def seconds_until_closed(raw, began):
    """Reads until the peer ends it; nothing but an alert may come."""
    raw_bytes = b""
    raw.settimeout(LONG)
    try:
        while data := raw.recv(4096):
            raw_bytes += data
    except ConnectionResetError:
        pass
    assert not raw_bytes or raw_bytes[0] == 0x15, raw_bytes
    return time.monotonic() - began


def reason_logged(world, headers):
    """The reason in the access log for the request that was answered with these headers."""
    log, request_id = world.gateway.directory / "impatient.access.log", headers["x-request-id"]
    line = wait_for(lambda: next((line for line in lines_of(log) if request_id in line), None),
                    "the access log has the request")
    return json.loads(line)["reason"]


def byte_by_byte(raw, data):
    """Sends one byte each 50 ms until the peer ends the connection; True when it did before the last byte."""
    raw.settimeout(0.05)
    for position in range(len(data)):
        try:
            raw.send(data[position:position + 1])
            if raw.recv(4096)[:1] in (b"", b"\x15"):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def test_a_handshake_that_is_never_finished(world, replica):
    """Nothing at all, half a ClientHello, one that comes byte by byte; all at once."""
    before, hello = failures(replica, "timeout"), client_hello(HOST)
    assert len(hello) * 0.05 > 2 * HANDSHAKE
    began = time.monotonic()
    raws = [socket.create_connection(("127.0.0.1", replica.port), LONG) for _ in range(3)]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        raws[1].sendall(hello[:len(hello) // 2])
        trickle = pool.submit(byte_by_byte, raws[2], hello)
        silent = [pool.submit(seconds_until_closed, raw, began) for raw in raws[:2]]
        assert trickle.result() is True, "byte by byte gets no more time"
        assert all(0.5 * HANDSHAKE < one.result() < LONG - 1 for one in silent)
    wait_for(lambda: failures(replica, "timeout") == before + 3, "counted as what they are")
    for raw in raws:
        raw.close()


def test_half_a_head(world, replica, origin):
    before = len(origin.requests)
    with begun(replica, f"GET /half HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ") as client:
        status, headers, _ = client.answer()
        assert status == 408 and headers.get("connection") == "close"
        assert client.ended()
    assert len(origin.requests) == before
    assert reason_logged(world, headers) == "REQUEST_TIMEOUT"


def test_a_head_byte_by_byte_gets_no_more_time(world, replica, origin):
    before = len(origin.requests)
    with begun(replica, f"GET /trickle HTTP/1.1\r\nHost: {HOST}\r\nX-Slow: ") as client:
        began = time.monotonic()
        while client.still_open() and time.monotonic() - began < LONG:  # 50 ms each
            client.send("a")
        assert client.answer()[0] == 408
        assert time.monotonic() - began < LONG - 1
    assert len(origin.requests) == before


def test_nothing_after_the_handshake_is_closed_without_an_answer(world, replica):
    with Connection(replica, HOST, timeout=LONG) as client:
        assert client.answer() is None


def test_an_idle_connection_is_closed_without_an_answer(world, replica, origin):
    began = time.monotonic()
    with begun(replica, f"GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n") as client:
        assert client.answer()[0] == 200
        assert client.answer() is None
        assert time.monotonic() - began > 0.5 * KEEP_ALIVE, "it was kept for a while"

    def second():
        client = begun(replica, f"GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
        assert client.answer()[0] == 200
        client.send("GET /second HTTP/1.1\r\nHost: ")
        return client
    with in_time(second, 0.5 * KEEP_ALIVE) as client:
        assert client.answer()[0] == 408, "a second head that has begun has the time of a head"


BODIES = [("Content-Length: 100", "0123456789"), ("Content-Length: 100", ""), ("Content-Length: 10000000", "x" * 100000),
          ("Transfer-Encoding: chunked", "a\r\n01234"), ("Transfer-Encoding: chunked", "5\r\n01234\r\n")]


def test_a_body_that_stops(world, replica, origin):
    before = len(origin.requests)
    clients = [begun(replica, f"POST /body HTTP/1.1\r\nHost: {HOST}\r\n{framing}\r\n\r\n{body}") for framing, body in BODIES]
    for client, body in zip(clients, BODIES):
        status, headers, _ = client.answer()
        assert (status, headers.get("connection")) == (408, "close"), body
        assert client.ended(), body
        assert reason_logged(world, headers) == "REQUEST_TIMEOUT", body
        client.close()
    assert len(origin.requests) == before, "half a request is none"


def test_a_slow_body_that_goes_on_is_no_attack(world, replica, origin):

    def arrives():
        pieces, longest = 0, 0.0
        with begun(replica, f"POST /slow HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n") as client:
            began = last = time.monotonic()
            while time.monotonic() - began < 1.5 * BODY:
                try:
                    client.send("1\r\nx\r\n")
                except OSError:
                    break
                pieces += 1
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
                if not client.still_open():  # 50 ms
                    break
            else:
                client.send("0\r\n\r\n")
            longest = max(longest, time.monotonic() - last)
            answer = client.answer()
        held_up = longest > 0.5 * BODY  # then it was cut for good reason
        assert held_up or (answer and answer[0] == 200 and len(origin.last().body) == pieces), (answer, pieces, longest)
        return not held_up
    wait_for(arrives, "a body whose pieces come in time")


def test_it_serves_while_others_are_slow(world, replica, origin):
    slow = [begun(replica, "GET / HTTP/1.1\r\nX: ") for _ in range(20)]
    wait_for(lambda: replica.curl("/x", host=HOST).status == 200, "served, unless curl itself is slow")
    assert [client.answer()[0] for client in slow] == [408] * 20
    for client in slow:
        client.close()
