"""Upstreams for the end-to-end tests: strict HTTP/1.1 servers that record what they were sent."""

import contextlib
import functools
import http.server
import json
import pathlib
import random
import socket
import ssl
import threading


class Recorded:
    """One request as the upstream saw it."""

    def __init__(self, handler, body):
        self.method, self.target = handler.command, handler.path
        self.headers = list(handler.headers.items())
        self.body = body
        self.peer = None
        self.connection = id(handler.connection)
        if isinstance(handler.connection, ssl.SSLSocket):
            self.peer = handler.connection.getpeercert(binary_form=True)

    def all(self, name):
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        if isinstance(self.request, ssl.SSLSocket):
            self.server.origin.shake(self.request)
        super().setup()

    def _body(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            body = b""
            while True:
                size = int(self.rfile.readline().strip(), 16)
                if size == 0:
                    break
                body += self.rfile.read(size)
                assert self.rfile.readline() == b"\r\n"
            self.trailers = []
            while (line := self.rfile.readline().strip()) != b"":
                self.trailers.append(line)
            return body
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        assert len(body) == length, "half a request is none"
        return body

    def _serve(self):
        origin = self.server.origin
        request = Recorded(self, self._body())
        with origin.changed:
            origin.requests.append(request)
            origin.changed.notify_all()
        if origin.answer is not None:
            origin.answer(self, request)
            return
        payload = json.dumps({"origin": origin.name, "method": request.method, "target": request.target,
                              "bytes": len(request.body)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("X-Origin", origin.name)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    def handle_expect_100(self):
        if not self.server.origin.refuse_expectations:
            return super().handle_expect_100()
        self.send_response(413)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        return False

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _serve

    def log_message(self, *args):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024  # more than all connections that tests open at once, whenever they are taken

    def handle_error(self, request, client_address):
        pass

    def get_request(self):
        connection, address = super().get_request()
        context = self.origin.context
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address


class Origin:
    """Plain without `pair`; with `client_ca` (a PEM file) it demands a client certificate.
    `answer(handler, request)` replaces the JSON answer."""

    def __init__(self, name, pair=None, client_ca=None, answer=None, chain=None, address="127.0.0.1", port=0):
        self.name, self.requests, self.answer = name, [], answer
        self.refuse_expectations = False  # answers 413 instead of 100
        self.changed = threading.Condition()
        self.spki = pair and pair.spki_sha256
        self.context = None
        if pair is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(chain or pair.cert, pair.key)
            if client_ca is not None:
                self.context.verify_mode = ssl.CERT_REQUIRED
                self.context.load_verify_locations(client_ca)
        self._server = _Server((address, port), _Handler)
        self._server.origin = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                                        daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"{'https' if self.context else 'http'}://127.0.0.1:{self.port}"

    def last(self):
        return self.requests[-1]

    def shake(self, connection):
        connection.do_handshake()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


_kept = []  # UDP sockets: what other test processes see of ports that are given away


@functools.cache
def _candidates():
    """Ports that the system gives to nobody by itself, in an order of this process's own; each is tried once."""
    text = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    low, high = (int(number) for number in text.split())
    ports = [port for port in range(10_000, 65_536) if not low <= port <= high] or list(range(low, high + 1))
    random.SystemRandom().shuffle(ports)
    return ports


def _bind(kind, port):
    """A socket on this port of every address; OSError where it is taken."""
    family, address = (socket.AF_INET6, "::") if socket.has_dualstack_ipv6() else (socket.AF_INET, "0.0.0.0")
    made = socket.socket(family, kind)
    try:
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        made.bind((address, port))
    except OSError:
        made.close()
        raise
    return made


def free_port():
    """A port that nobody listens on and nobody else is given until this process ends: for services whose port others
    must know before they start, and for targets that refuse."""
    while _candidates():
        port = _candidates().pop()
        try:
            mark = _bind(socket.SOCK_DGRAM, port)
        except OSError:
            continue
        try:
            _bind(socket.SOCK_STREAM, port).close()
        except OSError:
            mark.close()
            continue
        _kept.append(mark)
        return port
    raise AssertionError("no port is free")


@contextlib.contextmanager
def full_backlog():
    """A port whose connections are never taken: Linux lets the SYN of the next one go unanswered."""
    with socket.socket() as listener, contextlib.ExitStack() as held:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(16):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
