"""A large upload to an upstream that does not read: the client waits, the data plane holds little."""

import socket
import ssl
import threading

import pytest

from gateway import DEADLINE, classic, wait_for
from raw import Connection

SIZE, PIECE = 100 << 20, 1 << 18
HELD_KB = 32 << 10  # at most, by the data plane; SIZE is three times that


class SleepyUpstream:
    """Takes one request, reads its head, and the body once `awake` is set; then it answers."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.awake, self.begun, self.body = threading.Event(), threading.Event(), 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        connection, _ = self._listener.accept()
        with connection:
            data = b""
            while b"\r\n\r\n" not in data:
                data += connection.recv(1024)
            self.begun.set()
            self.awake.wait(10 * DEADLINE)
            self.body = len(data.partition(b"\r\n\r\n")[2])
            while self.body < SIZE and (data := connection.recv(PIECE)):
                self.body += len(data)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def close(self):
        self.awake.set()
        self._listener.close()


@pytest.fixture()
def upstream():
    made = SleepyUpstream()
    yield made
    made.close()


def send_until_stuck(client, data):
    """What the peer took until nothing moved for two seconds, at most SIZE."""
    client.set_timeout(2)
    sent = 0
    try:
        while sent < SIZE:
            sent += client.send_some(data)
    except (TimeoutError, ssl.SSLWantWriteError):
        pass
    client.set_timeout(DEADLINE)
    return sent


def test_a_large_upload_to_an_upstream_that_does_not_read(world, upstream):
    world.gateway.add_api(classic("upload", f"http://127.0.0.1:{upstream.port}/", domain="upload.gw.test", use_keyless=True))
    with Connection(world.a, "upload.gw.test") as client:
        before = world.a.memory_kb()
        client.send(f"POST /x HTTP/1.1\r\nHost: {client.host}\r\nContent-Length: {SIZE}\r\n\r\n")
        piece = bytes(PIECE)
        sent = send_until_stuck(client, piece)
        assert upstream.begun.wait(DEADLINE) and sent < SIZE // 2, f"{sent} bytes were taken although nobody reads them"
        wait_for(lambda: world.a.memory_kb() - before < HELD_KB, "little of it is held")
        print(f"{sent >> 20} MB were taken (kernel buffers included), memory +{world.a.memory_kb() - before} KB")
        upstream.awake.set()
        while sent < SIZE:
            sent += client.send_some(piece[:SIZE - sent])
            assert world.a.memory_kb() - before < HELD_KB
        status, _, body = client.answer()
        assert (status, body) == (200, b"ok") and upstream.body == SIZE
