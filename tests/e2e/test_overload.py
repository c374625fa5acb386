"""Load shedding by queue delay: while a loop has more to do than it can, a share is refused at once."""

import collections
import concurrent.futures
import contextlib
import socket
import ssl
import subprocess
import threading

import pytest

from gateway import DEADLINE, classic, wait_for
from origins import free_port
from raw import Connection

HOST = "overload.gw.test"


@pytest.fixture(scope="module")
def origin(world):
    made = world.origin("overload")
    world.gateway.add_api(classic("overload", made.url, domain=HOST, use_keyless=True))
    return made


@pytest.fixture()
def replica(world, origin):
    made = world.gateway.start_dataplane(options=["--set", "limits.queue_delay=1ms"])
    yield made
    made.stop()
    world.gateway.replicas.remove(made)


@contextlib.contextmanager
def load(replica):
    """More keep-alive connections than one loop can serve within a millisecond; ended by the caller."""
    process = subprocess.Popen(["h2load", "--h1", "-c", "1000", "-t", "1", "-D", str(int(4 * DEADLINE)), "--connect-to",
                                f"127.0.0.1:{replica.port}", f"https://{HOST}:{replica.port}/x"], stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(DEADLINE)


def refused(replica):
    return replica.metric("sallyport_requests_total", api="overload", reason="OVERLOADED", fault="gateway")


def test_a_share_is_refused_at_once_and_none_when_it_is_over(world, replica):
    answers = []

    def ask():
        answer = replica.curl("/x", host=HOST)
        answers.append(answer)
        return answer.status == 503
    with load(replica) as running:
        wait_for(lambda: refused(replica) > 100, "requests are refused")
        wait_for(lambda: replica.lines("listen.overload"), "the log says so")
        wait_for(ask, "one of ours, too")
        assert running.poll() is None, "the load goes on"
    answer = answers[-1]
    assert answer.headers["retry-after"] == "1" and answer.headers["x-request-id"]
    wait_for(lambda: all(replica.curl("/x", host=HOST).status == 200 for _ in range(20)), "nobody is refused any more")


def test_somebody_gets_through(replica):
    def passed():
        return replica.metric("sallyport_requests_total", api="overload", reason="ALLOWED", fault="none")
    with load(replica):
        wait_for(lambda: refused(replica) > 100, "requests are refused")
        before = passed()
        wait_for(lambda: passed() > before + 20, "others are served meanwhile")


def test_connections_are_refused_too(replica):
    def closed():
        return replica.metric("sallyport_connections_not_taken_total", cause="overload")

    def connect():
        replica.curl("/x", host=HOST)
        return closed() > 0
    with load(replica):
        wait_for(connect, "a new connection is closed at once")


def client_hello():
    """What a client says first, to be said again and again: the server's answer costs the client nothing."""
    out = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), out, server_hostname=HOST).do_handshake()
    return out.read()


@contextlib.contextmanager
def handshakes_begun(replica):
    """More of them than one loop can answer, none of which goes on; ended by the caller."""
    over = threading.Event()

    def begin():
        hello, open_ = client_hello(), collections.deque()
        while not over.is_set():
            try:
                open_.append(socket.create_connection(("127.0.0.1", replica.port), DEADLINE))
                open_[-1].sendall(hello)
            except ConnectionError:
                pass  # refused as it should be
            if len(open_) > 1000:
                open_.popleft().close()
        for one in open_:
            one.close()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        beginning = pool.submit(begin)
        try:
            yield
        finally:
            over.set()
        beginning.result()


def plain_answers(port):
    """An answer, whatever it says: the connection was taken."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE) as plain:
        plain.sendall(f"GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        return plain.recv(65536).startswith(b"HTTP/1.1 ")


def test_where_handshakes_wait_connections_are_refused_and_requests_are_not(world, origin):
    """Nor are connections that need no handshake."""
    port = free_port()
    replica = world.gateway.start_dataplane(options=[
        "--set", "limits.queue_delay=100ms", "--set", "listeners.1.id=plain", "--set", "listeners.1.address=127.0.0.1",
        "--set", f"listeners.1.port={port}", "--set", "listeners.1.plain=true"])
    try:
        with Connection(replica, HOST) as connected, handshakes_begun(replica):
            wait_for(lambda: replica.metric("sallyport_connections_not_taken_total", cause="overload") > 100,
                     "connections are refused")
            for _ in range(20):
                connected.send(f"GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
                assert connected.answer()[0] == 200
                assert plain_answers(port)
        assert refused(replica) == 0
    finally:
        replica.stop()
        world.gateway.replicas.remove(replica)
