"""A raw TLS client: what is sent is sent as it is, on one connection that stays open."""

import socket
import ssl

from gateway import DEADLINE


class Connection:
    def __init__(self, replica, host, client=None, chain=None, timeout=DEADLINE, before=b"", resume=None, source=None, most=None):
        """`source` is an address of this machine; `before` goes ahead of TLS; `resume` is an earlier connection of this kind, whose session is taken up; `most`: the newest TLS version."""
        context = resume.context if resume else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(replica.gateway.server_ca.cert)
        if most is not None:
            context.maximum_version = most
        if client is not None:
            context.load_cert_chain(chain or client.cert, client.key)
        plain = socket.create_connection((getattr(replica, "address", "127.0.0.1"), replica.port), timeout,
                                         source and (source, 0))
        plain.sendall(before)
        self.context = context
        self._socket = context.wrap_socket(plain, server_hostname=host, session=resume and resume.session)
        self._buffer = b""
        self.host = host
        self.interim = []  # statuses of the interim answers so far

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self._socket.close()

    @property
    def session(self):
        return self._socket.session

    @property
    def resumed(self):
        return self._socket.session_reused

    def send(self, data):
        self._socket.sendall(data if isinstance(data, bytes) else data.encode())

    def send_some(self, data):
        """How much was taken; TimeoutError when nothing was (then go on with the same bytes)."""
        return self._socket.send(data)

    def set_timeout(self, seconds):
        self._socket.settimeout(seconds)

    def _more(self):
        try:
            data = self._socket.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            data = b""
        self._buffer += data
        return bool(data)

    def _head(self):
        """(status, headers) of the next answer of any kind, or None at the end of the connection."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split()[1])
        if status < 200:
            self.interim.append(status)
        return status, {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}

    def interim_answer(self):
        """The status of the next answer, which must be an interim one."""
        status = self._head()[0]
        assert status < 200, status
        return status

    def answer(self):
        """(status, headers, body) of the next final answer, or None at the end of the connection."""
        while True:
            head = self._head()
            if head is None:
                return None
            status, headers = head
            if status >= 200:
                return status, headers, self._body(headers)

    def _body(self, headers):
        if headers.get("transfer-encoding") == "chunked":
            pieces = []
            while True:
                size = int(self._line(), 16)
                data = self._take(size + 2)[:size]
                if size == 0:
                    return b"".join(pieces)
                pieces.append(data)
        return self._take(int(headers.get("content-length", 0)))

    def _line(self):
        while b"\r\n" not in self._buffer:
            assert self._more(), "the connection ended in a chunk"
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _take(self, count):
        while len(self._buffer) < count:
            assert self._more(), "the connection ended in a body"
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def get(self, path="/x", headers=""):
        self.send(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n{headers}\r\n")
        return self.answer()

    def ended(self):
        """True when the peer ends the connection (waits for it)."""
        self._socket.settimeout(DEADLINE)
        while True:
            if not self._more():
                return True

    def body_begins(self, data):
        """True when an answer with 200 has come and its body begins with just this."""
        head = self._head()
        return head is not None and head[0] == 200 and self._take(len(data)) == data

    def rest(self, count=4):
        """The next bytes of the body."""
        return self._take(count)

    def still_open(self, seconds=0.05):
        """True when there is nothing to read for so long, not even an end."""
        self._socket.settimeout(seconds)
        try:
            self._buffer += self._socket.recv(65536)
            return False
        except TimeoutError:
            return not self._buffer
        except OSError:
            return False
        finally:
            self._socket.settimeout(DEADLINE)


def client_hello(host):
    """A real one, made by OpenSSL, as bytes."""
    outgoing = ssl.MemoryBIO()
    connection = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=host)
    try:
        connection.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()
