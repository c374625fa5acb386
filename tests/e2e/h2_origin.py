"""An HTTP/2 upstream made of frames: it keeps the rules unless a test makes it break them."""

import contextlib
import json
import socket
import ssl
import threading

import hpack
from hyperframe import frame as frames

from gateway import DEADLINE
from raw_http2 import (ACK, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, NO_ERROR, PING, PREFACE, RST_STREAM, SETTINGS,
                       WINDOW_UPDATE, frame, number)
from socket_origin import SocketOrigin


class Request:
    """What came on one stream so far."""

    def __init__(self, connection, stream):
        self.connection, self.stream = connection, stream
        self.heads, self.body, self.ended, self.reset = [], bytearray(), False, None

    @property
    def fields(self):
        return self.heads[0]

    @property
    def trailers(self):
        return self.heads[1] if len(self.heads) > 1 else None

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    def one(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    # Answers, from any thread.

    def head(self, fields=(), status=200, end=False):
        self.connection.head(self.stream, [(":status", str(status)), *fields], end)

    def data(self, data=b"", end=False):
        return self.connection.send(frame(DATA, END_STREAM if end else 0, self.stream, data))

    def end_with(self, trailers):
        self.connection.head(self.stream, trailers, True)

    def answer(self, body=b"", fields=(), status=200):
        self.head([("content-length", str(len(body))), *fields], status, end=not body)
        if body:
            self.data(body, True)

    def cancel(self, code):
        self.connection.send(frame(RST_STREAM, 0, self.stream, number(code)))


class Connection:
    def __init__(self, origin, sock):
        self.origin, self.socket = origin, sock
        self.requests, self.goaways, self.settings, self.pings, self.pongs = {}, [], {}, 0, 0
        self.peer = sock.getpeercert(binary_form=True) if isinstance(sock, ssl.SSLSocket) else None
        self.over = False
        self._decoder, self._encoder = hpack.Decoder(), hpack.Encoder()
        self._writing, self._block, self._buffer = threading.Lock(), b"", b""

    def send(self, data):
        """False when the peer has closed."""
        try:
            with self._writing:
                self.socket.sendall(data)
            return True
        except OSError:
            return False

    def encode(self, fields):
        return self._encoder.encode(fields, huffman=False)

    def head(self, stream, fields, end=False):
        with self._writing:
            block = self.encode(fields)
            try:
                self.socket.sendall(frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, block))
            except OSError:
                pass

    def settle(self):
        """A round trip: all that was sent before has been acted on."""
        before = self.pongs
        self.send(frame(PING, 0, 0, b"whatever"))
        self.origin.wait(lambda: self.pongs > before, "PING is answered")

    def limit_table(self, size):
        """From now on a block is an error that does not keep to a table of so many bytes."""
        self._decoder.max_allowed_table_size = size

    def table_size(self):
        return self._decoder.header_table_size

    def goaway(self, last, code=NO_ERROR):
        self.send(frame(GOAWAY, 0, 0, number(last) + number(code)))

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def _exactly(self, size):
        while len(self._buffer) < size:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the end")
            self._buffer += data
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def run(self):
        try:
            assert self._exactly(len(PREFACE)) == PREFACE
            if self.origin.greet:
                self.send(frame(SETTINGS, 0, 0, self.origin.settings))
            while True:
                head = self._exactly(9)
                made, size = frames.Frame.parse_frame_header(memoryview(head))
                made.parse_body(memoryview(self._exactly(size)))
                self._take(made, size)
        except (OSError, ConnectionError):
            pass
        finally:
            self.over = True
            self.socket.close()
            self.origin.note()

    def _request(self, stream):
        return self.requests.setdefault(stream, Request(self, stream))

    def _take(self, made, size):
        if isinstance(made, frames.SettingsFrame):
            if "ACK" not in made.flags:
                self.settings.update(made.settings)
                self.send(frame(SETTINGS, ACK, 0))
        elif isinstance(made, frames.PingFrame):
            if "ACK" in made.flags:
                self.pongs += 1
            else:
                self.pings += 1
                if self.origin.pongs:
                    self.send(frame(PING, ACK, 0, made.opaque_data))
        elif isinstance(made, frames.GoAwayFrame):
            self.goaways.append(made.error_code)
        elif isinstance(made, frames.RstStreamFrame):
            self._request(made.stream_id).reset = made.error_code
        elif isinstance(made, (frames.HeadersFrame, frames.ContinuationFrame)):
            self._block += made.data
            request = self._request(made.stream_id)
            if "END_STREAM" in made.flags:
                request.ended = True
            if "END_HEADERS" in made.flags:
                request.heads.append(self._decoder.decode(self._block))
                self._block = b""
                self.origin.came(request)
        elif isinstance(made, frames.DataFrame):
            request = self._request(made.stream_id)
            request.body += made.data
            request.ended = request.ended or "END_STREAM" in made.flags
            if size > 0 and self.origin.open_window:
                self.send(frame(WINDOW_UPDATE, 0, 0, number(size)) +
                          (b"" if request.ended else frame(WINDOW_UPDATE, 0, made.stream_id, number(size))))
            self.origin.came(request)
        self.origin.note()


def echo(request):
    """What it was sent, as JSON."""
    request.answer(json.dumps({"method": request.one(":method"), "target": request.one(":path"),
                               "bytes": len(request.body)}).encode(), [("content-type", "application/json")])


class Http2Origin(SocketOrigin):
    """h2c without `pair`, else TLS with `alpn`; with `client_ca` (a PEM file) it demands a client certificate.
    `answer(request)` is called once a request is whole, `begin(request)` at each of its frames before that."""

    def __init__(self, answer=echo, begin=None, pair=None, client_ca=None, alpn=("h2",), settings=b"", greet=True,
                 open_window=True, pongs=True):
        self.answer, self.begin, self.settings, self.greet = answer, begin, settings, greet
        self.open_window, self.pongs = open_window, pongs
        self.connections, self.changed = [], threading.Condition()
        self.context = None
        self.spki = pair and pair.spki_sha256
        if pair is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(pair.cert, pair.key)
            if alpn:
                self.context.set_alpn_protocols(list(alpn))
            if client_ca is not None:
                self.context.verify_mode = ssl.CERT_REQUIRED
                self.context.load_verify_locations(client_ca)
        super().__init__("https" if self.context else "h2c")

    def _serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.context is not None:
            sock = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            try:
                self.shake(sock)
            except (OSError, ssl.SSLError):
                return self._refuse(sock)
        connection = Connection(self, sock)
        self.connections.append(connection)
        connection.run()

    def shake(self, sock):
        sock.do_handshake()

    @staticmethod
    def _refuse(sock):
        """The alert is on its way: closing with bytes unread would send a reset after it, which may overtake it."""
        with sock, contextlib.suppress(OSError):
            sock.settimeout(DEADLINE)
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass

    def came(self, request):
        if self.begin is not None:
            self.begin(request)
        if request.ended and self.answer is not None:
            self.answer(request)

    def note(self):
        with self.changed:
            self.changed.notify_all()

    def wait(self, condition, what, seconds=DEADLINE):
        with self.changed:
            assert self.changed.wait_for(condition, seconds), what

    @property
    def requests(self):
        return [request for connection in list(self.connections) for request in list(connection.requests.values())
                if request.heads]

    def last(self):
        return self.requests[-1]

    def close(self):
        super().close()
        for connection in self.connections:
            connection.close()
