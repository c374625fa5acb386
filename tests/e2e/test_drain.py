"""SIGTERM: nothing new, what is under way ends well, and the end comes within its bound whatever clients do."""

import signal
import socket
import threading
import time

import pytest

from gateway import DEADLINE, SLOWER, classic, wait_for
from raw import Connection


@pytest.fixture()
def slow(world):
    """An upstream that answers when `gate` is set."""
    gate = threading.Event()

    def answer(handler, request):
        gate.wait(10 * DEADLINE)
        handler.send_response(200)
        handler.send_header("Content-Length", "4")
        handler.end_headers()
        handler.wfile.write(b"done")
    slow.count = getattr(slow, "count", 0) + 1
    origin = world.origin(f"drain{slow.count}", answer=answer)
    origin.host = f"drain{slow.count}.gw.test"
    origin.gate = gate
    world.gateway.add_api(classic(f"drain{slow.count}", origin.url, domain=origin.host, use_keyless=True))
    yield origin
    gate.set()


def start(world, drain):
    return world.gateway.start_dataplane(system_trust=world.trust, threads=2,
                                         options=["--set", f"timeouts.drain={drain}"])


def under_way(replica, slow):
    client = Connection(replica, slow.host)
    before = len(slow.requests)
    client.send(f"GET /x HTTP/1.1\r\nHost: {slow.host}\r\n\r\n")
    wait_for(lambda: len(slow.requests) > before, "the upstream has the request")
    return client


def test_readyz_says_no_before_connections_are_refused(world, slow):
    replica = start(world, f"{10 * DEADLINE:.0f}s")
    clients = [under_way(replica, slow) for _ in range(6)]
    assert replica.ready()
    replica.send(signal.SIGTERM)

    def turned_away():
        try:
            socket.create_connection(("127.0.0.1", replica.port), DEADLINE).close()
            return False
        except OSError:
            assert replica.get("/readyz").status_code == 503, "whoever is turned away could have known"
            return True
    wait_for(turned_away, "nothing new is taken")
    assert replica.get("/healthz").status_code == 200, "alive: not to be killed"
    slow.gate.set()
    for client in clients:
        status, headers, body = client.answer()
        assert (status, headers["connection"], body) == (200, "close", b"done")
        assert client.ended()
    replica.wait()  # and not for its bound: all is done
    world.gateway.replicas.remove(replica)


def test_a_request_that_never_ends_does_not_hold_the_end_up(world, slow):
    replica = start(world, "2s")
    with under_way(replica, slow) as client, Connection(replica, slow.host) as half:
        half.send(f"POST /half HTTP/1.1\r\nHost: {slow.host}\r\nContent-Length: 100\r\n\r\nhalf")
        began = time.monotonic()
        replica.send(signal.SIGTERM)
        replica.wait()
        took = time.monotonic() - began
        assert 1 < took < 10 * SLOWER, f"{took:.1f} s: the bound of 2 s and not much more"
        answer = client.answer()
        assert answer is None or answer[0] >= 500, "cut, or told so: never half an answer that looks whole"
    world.gateway.replicas.remove(replica)


def test_a_second_signal_and_idle_clients_change_nothing(world, slow):
    replica = start(world, f"{10 * DEADLINE:.0f}s")
    idle = [Connection(replica, slow.host) for _ in range(20)]
    silent = [socket.create_connection(("127.0.0.1", replica.port), DEADLINE) for _ in range(20)]
    client = under_way(replica, slow)
    replica.send(signal.SIGTERM)
    replica.send(signal.SIGTERM)
    assert all(one.ended() for one in idle), "idle connections are closed at once"
    slow.gate.set()
    assert client.answer()[0] == 200
    replica.wait()
    for one in silent:
        one.close()
    world.gateway.replicas.remove(replica)
