"""Answers of an upstream, changed in one or two places: whatever it says, each client gets the answer to its own request or a
refusal, in RFC 9112's grammar, and nothing of an answer is left for the next request on either connection."""

import concurrent.futures
import random
import re
import socket
import threading

import pytest

from gateway import DEADLINE, SLOWER, classic
from raw import Connection
from raw_http2 import Http2
from socket_origin import SocketOrigin

HOST, TRIALS, THREADS = "answers.gw.test", 200, 20
PIECES = [b"\n", b"\r", b"\r\n", b"\0", b"\x0b", b"\t", b" ", b":", b"\x7f", b"\xff", b"chunked", b"Content-Length: 3\r\n",
          b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Marker: stolen\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.0", b"HTTP/2",
          b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n", b"204", b"304", b"101", b"99", b"+", b"-1", b"0x", b";a=b", b",",
          b"Connection: close\r\n", b"Set-Cookie: a\r\n", b"1", b"_", b" \r\n"]
_LINE = re.compile(rb"HTTP/1\.1 [2-5][0-9][0-9] [\t \x21-\x7e\x80-\xff]*")
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:(?: [\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)? ?")


class Objection(Exception):
    pass


class NearlyGood(SocketOrigin):
    """Answers with the request's own marker. Every third answer is a good one."""

    def __init__(self, seed):
        self._chance, self._lock = random.Random(seed), threading.Lock()
        super().__init__()

    def _serve(self, sock):
        sock.settimeout(10 * DEADLINE)
        data = b""
        with sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while True:
                    while b"\r\n\r\n" not in data:
                        more = sock.recv(65536)
                        if not more:
                            return
                        data += more
                    head, _, data = data.partition(b"\r\n\r\n")
                    sock.sendall(self._answer(re.match(rb"GET /([0-9a-z]+)", head).group(1)))
            except OSError:
                pass

    def _answer(self, marker):
        good = b"HTTP/1.1 200 OK\r\nX-Marker: %s\r\nX-A: b\r\n" % marker
        framed = [b"Content-Length: %d\r\n\r\n%s" % (len(marker), marker),
                  b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(marker), marker)]
        if marker.startswith(b"good"):
            return good + framed[0]
        with self._lock:
            text = good + self._chance.choice(framed)
            for _ in range(self._chance.choice([1, 1, 2])):
                at = self._chance.randrange(len(text) + 1)
                text = text[:at] + self._chance.choice(PIECES) + text[at + self._chance.choice([0, 0, 1, 3]):]
        return text


@pytest.fixture(scope="module")
def replica(world):
    return world.gateway.start_dataplane(options=[f"--set=timeouts.{name}={SLOWER}s" for name in (
        "body_idle", "upstream_first_byte", "upstream_idle")])


@pytest.fixture(params=[1, 2])
def upstream(world, request):
    made = NearlyGood(request.param)
    definition = classic("answers", made.url, domain=HOST, use_keyless=True)
    (world.gateway.add_api if request.param == 1 else world.gateway.update_api)(definition)
    yield made
    made.close()


def require(condition, what):
    if not condition:
        raise Objection(what)


class Strict(Connection):
    """Every head as bytes, which must be grammar."""

    def _head(self):
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                require(not self._buffer or self._buffer.startswith(b"HTTP/1.1 "), self._buffer)
                return None
        lines = self._buffer.partition(b"\r\n\r\n")[0].split(b"\r\n")
        if not lines[0].startswith(b"HTTP/1.1 1"):
            require(_LINE.fullmatch(lines[0]), lines)
            require(all(_FIELD.fullmatch(line) for line in lines[1:]), lines)
            framing = [line for line in lines if re.match(rb"(?i)content-length:|transfer-encoding:", line)]
            require(len(framing) <= 1, lines)
        self._has_body = lines[0][9:12] not in (b"204", b"304")
        return super()._head()

    def _body(self, headers):
        return super()._body(headers) if self._has_body else b""


def whole(client):
    """An answer whose body ended as its framing says; None for none, and for one that broke off."""
    try:
        return client.answer()
    except (AssertionError, ValueError):
        return None


def test_answers_over_http1(replica, upstream):
    def visit(number):
        """(own, of others) answers."""
        own = others = 0
        with Strict(replica, HOST) as client:
            for path in (f"{number}", f"good{number}"):
                client.send(f"GET /{path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
                answer = whole(client)
                if answer is None:
                    break
                if answer[0] == 200 and answer[1].get("x-marker", "") == path:
                    own += 1
                    assert not path.startswith("good") or answer[2] == path.encode()
                elif answer[0] == 200 and "stolen" in answer[1].get("x-marker", ""):
                    others += path.startswith("good")
                assert not path.startswith("good") or answer[0] == 200, answer
        return own, others
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        seen = list(pool.map(visit, range(TRIALS)))
    assert sum(others for _, others in seen) == 0, "nobody gets what was said behind an answer"
    assert sum(own for own, _ in seen) > TRIALS // 2


def test_answers_over_http2(replica, upstream):
    def visit(start):
        names = [name for number in range(start, start + 20) for name in (str(number), f"good{number}")]
        with Http2(replica, HOST) as h2:
            streams = [h2.request(f"/{name}") for name in names]
            return names, [h2.answer(stream) for stream in streams]
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        for names, replies in pool.map(visit, range(0, TRIALS, 20)):
            for name, reply in zip(names, replies):
                own = reply.status == 200 and reply.headers.get("x-marker") == name and reply.body == name.encode()
                assert own or not name.startswith("good"), (name, reply.heads)
