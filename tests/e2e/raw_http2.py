"""An HTTP/2 client that knows no rules: frames are sent as they are, whatever RFC 9113 says of them."""

import socket
import ssl
import time

import hpack
from hyperframe import frame as frames

from gateway import DEADLINE

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY_FLAG = 0x1, 0x1, 0x4, 0x8, 0x20
(NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
 REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM) = range(12)


def frame(kind, flags, stream, payload=b""):
    """Any frame, right or wrong."""
    return (len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload)


def setting(identifier, value):
    return identifier.to_bytes(2, "big") + value.to_bytes(4, "big")


def number(value):
    return value.to_bytes(4, "big")


class Reply:
    """What came on one stream so far."""

    def __init__(self):
        self.heads, self.body, self.ended, self.reset = [], b"", False, None

    @property
    def status(self):
        return next((int(head[":status"]) for head in self.heads if int(head.get(":status", "0")) >= 200), None)

    @property
    def headers(self):
        return next((head for head in self.heads if int(head.get(":status", "0")) >= 200), None)

    @property
    def trailers(self):
        return self.heads[-1] if self.heads and ":status" not in self.heads[-1] else None

    @property
    def over(self):
        return self.ended or self.reset is not None


class Http2:
    """A connection to a replica. Reads only when it is asked for something."""

    def __init__(self, replica, host, client=None, settings=b"", start=True, timeout=DEADLINE, open_window=True, receive_buffer=None, most=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(replica.gateway.server_ca.cert)
        context.set_alpn_protocols(["h2"])
        if most is not None:
            context.maximum_version = most
        if client is not None:
            context.load_cert_chain(client.cert, client.key)
        plain = socket.socket()
        if receive_buffer is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(timeout)
        plain.connect(("127.0.0.1", replica.port))
        self._socket = context.wrap_socket(plain, server_hostname=host)
        assert self._socket.selected_alpn_protocol() == "h2"
        self.host, self.timeout = host, timeout
        self._encoder, self._decoder = hpack.Encoder(), hpack.Decoder()
        self._buffer, self._block, self._next = b"", None, 1
        self._open_window = open_window  # gives back what is read
        self.replies, self.goaways, self.pongs, self.settings, self.settings_acks = {}, [], [], {}, 0
        self.updates, self.sizes = [], []
        self.ended = False
        if start:
            self.send(PREFACE + frame(SETTINGS, 0, 0, settings))

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self._socket.close()

    # What goes.

    def send(self, data):
        """False when the peer has closed; what it said before can still be read."""
        self._socket.settimeout(self.timeout)
        try:
            self._socket.sendall(data)
            return True
        except TimeoutError:
            raise
        except (OSError, ssl.SSLError):
            return False

    def fields(self, path="/", method="GET", more=(), authority=None):
        return [(":method", method), (":scheme", "https"), (":authority", authority or self.host), (":path", path), *more]

    def encode(self, fields):
        return self._encoder.encode(fields, huffman=False)

    def new_stream(self):
        self._next += 2
        return self._next - 2

    def head(self, stream, fields, flags=END_STREAM | END_HEADERS):
        return frame(HEADERS, flags, stream, self.encode(fields))

    def request(self, path="/", method="GET", more=(), end=True, **rest):
        """Begins a request; returns its stream."""
        stream = self.new_stream()
        self.send(self.head(stream, self.fields(path, method, more, **rest), END_HEADERS | (END_STREAM if end else 0)))
        return stream

    def data(self, stream, data=b"", end=False):
        return self.send(frame(DATA, END_STREAM if end else 0, stream, data))

    # What comes.

    def reply(self, stream):
        return self.replies.setdefault(stream, Reply())

    def _more(self, end):
        self._socket.settimeout(max(0.001, end - time.monotonic()))
        try:
            data = self._socket.recv(65536)
        except (ConnectionResetError, ssl.SSLError, TimeoutError) as failure:
            if isinstance(failure, TimeoutError) or "timed out" in str(failure):
                return False
            data = b""
        if not data:
            self.ended = True
        self._buffer += data
        return bool(data)

    def step(self, end):
        """Takes one frame; False when none came until then."""
        while True:
            if len(self._buffer) >= 9:
                size = int.from_bytes(self._buffer[:3], "big")
                if len(self._buffer) >= 9 + size:
                    break
            if self.ended or not self._more(end):
                return False
        made, size = frames.Frame.parse_frame_header(memoryview(self._buffer[:9]))
        made.parse_body(memoryview(self._buffer[9:9 + size]))
        self._buffer = self._buffer[9 + size:]
        self._take(made, size)
        return True

    def _take(self, made, size):
        if isinstance(made, frames.SettingsFrame):
            if "ACK" in made.flags:
                self.settings_acks += 1
            else:
                self.settings.update(made.settings)
                self.send(frame(SETTINGS, ACK, 0))
        elif isinstance(made, frames.PingFrame):
            if "ACK" in made.flags:
                self.pongs.append(made.opaque_data)
            else:
                self.send(frame(PING, ACK, 0, made.opaque_data))
        elif isinstance(made, frames.GoAwayFrame):
            self.goaways.append((made.error_code, made.last_stream_id))
        elif isinstance(made, frames.RstStreamFrame):
            self.reply(made.stream_id).reset = made.error_code
        elif isinstance(made, frames.WindowUpdateFrame):
            self.updates.append((made.stream_id, made.window_increment))
        elif isinstance(made, (frames.HeadersFrame, frames.ContinuationFrame)):
            self._block = (self._block or b"") + made.data
            if "END_STREAM" in made.flags:
                self.reply(made.stream_id).ended = True
            if "END_HEADERS" in made.flags:
                fields = self._decoder.decode(self._block, raw=True)
                self.reply(made.stream_id).heads.append({name.decode("latin-1"): value.decode("latin-1") for name, value in fields})
                self._block = None
        elif isinstance(made, frames.DataFrame):
            reply = self.reply(made.stream_id)
            reply.body += made.data
            self.sizes.append((made.stream_id, size))
            reply.ended = reply.ended or "END_STREAM" in made.flags
            if self._open_window and size > 0:
                self.send(frame(WINDOW_UPDATE, 0, 0, number(size)) +
                          (b"" if reply.ended else frame(WINDOW_UPDATE, 0, made.stream_id, number(size))))

    def wait(self, condition, what, seconds=None):
        """Takes frames until `condition()`; fails with `what` when it does not become true."""
        end = time.monotonic() + (seconds or self.timeout)
        while not condition():
            # The condition may be that it ends.
            assert self.step(end) or condition(), (
                f"{what}: {'the connection ended' if self.ended else 'nothing came'}; {self.story()}")

    def story(self):
        return f"goaway {self.goaways}, replies {[(s, r.heads, r.reset, r.ended) for s, r in self.replies.items()]}"

    def limit_table(self, size):
        """From now on a block is an error that does not keep to a table of so many bytes."""
        self._decoder.max_allowed_table_size = size

    def table_size(self):
        return self._decoder.header_table_size

    def answer(self, stream):
        self.wait(lambda: self.reply(stream).over, f"stream {stream} is over")
        return self.reply(stream)

    def get(self, path="/", **more):
        return self.answer(self.request(path, **more))

    def ping(self):
        """A whole round trip: all that was sent before has been acted on."""
        text = len(self.pongs).to_bytes(8, "big")
        self.send(frame(PING, 0, 0, text))
        self.wait(lambda: text in self.pongs, "PING is answered")

    def end(self):
        """The GOAWAY's code (None without one), once the peer has closed."""
        end = time.monotonic() + self.timeout
        while not self.ended:
            if not self.step(end) and not self.ended:
                raise AssertionError(f"the peer does not close; {self.story()}")
        while self.step(end):
            pass
        return self.goaways[-1][0] if self.goaways else None
