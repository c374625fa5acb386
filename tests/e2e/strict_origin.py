"""An HTTP/1.1 upstream that takes nothing but RFC 9112's grammar, byte for byte, and nothing that another server could read
otherwise. What it objects to is kept: there must be none of it."""

import re
import socket

from gateway import DEADLINE
from socket_origin import SocketOrigin

# Clients write some characters as they are which RFC 3986 has encoded; a fragment is none of them.
_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ (?:/[\x21\x22\x24-\x7e]*|\*) HTTP/1\.1")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t \x21-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_HOST = re.compile(rb"[0-9A-Za-z.-]+(?::[0-9]+)?")
_SIZE = re.compile(rb"[0-9a-fA-F]{1,8}")


class Objection(Exception):
    pass


def require(condition, what, data):
    if not condition:
        raise Objection(f"{what}: {bytes(data[:200])!r}")


class Request:
    def __init__(self, line, fields):
        self.method, self.target, _ = line.decode().split(" ")
        self.fields, self.body = fields, b""

    def all(self, name):
        return [value for key, value in self.fields if key == name]


class StrictOrigin(SocketOrigin):
    def __init__(self):
        self.requests, self.objections = [], []
        super().__init__()

    def _serve(self, sock):
        sock.settimeout(10 * DEADLINE)
        with sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            reader = _Reader(sock)
            try:
                while reader.begins():
                    request = reader.request()
                    self.requests.append(request)
                    body = b"%d" % len(request.body)
                    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Marker: %s\r\n\r\n" % (
                        len(body), b",".join(request.all(b"x-marker"))) + (b"" if request.method == "HEAD" else body))
            except Objection as objection:
                self.objections.append(str(objection))
            except (ConnectionError, OSError):
                pass  # half a message is none


class _Reader:
    def __init__(self, sock):
        self._socket, self._data = sock, b""

    def _more(self):
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the end")
        self._data += data

    def begins(self):
        if not self._data:
            self._data = self._socket.recv(65536)
        return bool(self._data)

    def _line(self):
        """Up to CR LF, which must be the first of either."""
        while b"\n" not in self._data:
            require(len(self._data) < 1 << 20, "a line without end", self._data)
            self._more()
        line, _, self._data = self._data.partition(b"\n")
        require(line.endswith(b"\r") and b"\r" not in line[:-1], "a line that does not end in CR LF", line)
        return line[:-1]

    def _exactly(self, size):
        while len(self._data) < size:
            self._more()
        data, self._data = self._data[:size], self._data[size:]
        return data

    def _fields(self):
        fields = []
        while line := self._line():
            name, colon, value = line.partition(b":")
            require(colon and _NAME.fullmatch(name), "a field's name", line)
            require(_VALUE.fullmatch(value.removeprefix(b" ")), "a field's value", line)
            fields.append((name.lower(), value.removeprefix(b" ")))
        return fields

    def request(self):
        line = self._line()
        require(_LINE.fullmatch(line), "a request line", line)
        request = Request(line, self._fields())
        hosts, lengths, codings = (request.all(name) for name in (b"host", b"content-length", b"transfer-encoding"))
        require(len(hosts) == 1 and _HOST.fullmatch(hosts[0]), "a request's host", repr(hosts).encode())
        require(len(lengths) + len(codings) <= 1, "framing", repr(request.fields).encode())
        if codings:
            require(codings[0] == b"chunked", "a coding", codings[0])
            request.body = self._chunks()
        elif lengths:
            require(re.fullmatch(rb"0|[1-9][0-9]{0,15}", lengths[0]), "a length", lengths[0])
            request.body = self._exactly(int(lengths[0]))
        return request

    def _chunks(self):
        body = b""
        while True:
            size = self._line()
            require(_SIZE.fullmatch(size), "a chunk's size", size)
            if int(size, 16) == 0:
                break
            body += self._exactly(int(size, 16))
            require(self._line() == b"", "the end of a chunk", body)
        for name, _ in self._fields():
            require(name not in (b"host", b"content-length", b"transfer-encoding", b"trailer"), "a trailer", name)
        return body
