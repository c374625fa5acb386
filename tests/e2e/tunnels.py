"""Upstreams that switch protocols, and a WebSocket handshake by hand."""

import base64
import hashlib
import socket
import ssl
import threading

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 1.3
ACCEPT = base64.b64encode(hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()


def asked(host, path="/ws", version="13", fields="", method="GET", protocol="HTTP/1.1"):
    """The head of a WebSocket handshake."""
    return (f"{method} {path} {protocol}\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: {version}\r\nSec-WebSocket-Key: {KEY}\r\n{fields}\r\n")


def switching(upgrade="websocket", accept=ACCEPT, connection="Upgrade", fields=""):
    """An answer of 101."""
    lines = [f"{name}: {value}\r\n" for name, value in (("Upgrade", upgrade), ("Connection", connection),
                                                        ("Sec-WebSocket-Accept", accept)) if value is not None]
    return "HTTP/1.1 101 Switching Protocols\r\n" + "".join(lines) + fields + "\r\n"


class Taken:
    """One connection that an upstream has taken."""

    def __init__(self, connection, timeout):
        self.socket, self._buffer = connection, b""
        connection.settimeout(timeout)

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def head(self):
        """The next head, as text; "" at the end."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return ""
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return head.decode()

    def read(self, count):
        """So many bytes, fewer at the end."""
        while len(self._buffer) < count and self._more():
            pass
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def some(self):
        """What is there, or comes next; nothing at the end."""
        if not self._buffer:
            self._more()
        data, self._buffer = self._buffer, b""
        return data

    def discard(self, count):
        """Reads so many bytes and keeps none; how many came."""
        came = len(self.read(min(count, len(self._buffer))))
        while came < count and (piece := self.socket.recv(min(count - came, 1 << 20))):
            came += len(piece)
        return came

    def silent(self, seconds=0.3):
        """Nothing comes for a while, not even an end."""
        if self._buffer:
            return False
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self._buffer += self.socket.recv(65536)
            return False
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(before)

    def end(self):
        """How it ends once all was read: "end" or "reset", and what came before."""
        data, self._buffer = self._buffer, b""
        try:
            while piece := self.socket.recv(65536):
                data += piece
            return "end", data
        except (ConnectionResetError, ssl.SSLError):
            return "reset", data

    def _more(self):
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, ssl.SSLError):
            data = b""
        self._buffer += data
        return bool(data)


class Scripted:
    """An upstream whose connections are each served by `script(taken)` on a thread; what a script fails with is
    raised by close()."""

    def __init__(self, script, timeout, context=None):
        self._script, self._timeout, self._context = script, timeout, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://localhost:{self.port}"
        self.taken, self.failures, self._threads, self._open = 0, [], [], []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.taken += 1
            watched = connection.dup()  # so that a closed number is never shut down for another
            self._open.append(watched)
            thread = threading.Thread(target=self._serve, args=(connection, watched), daemon=True)
            thread.start()
            self._threads.append(thread)  # one that is joined has begun

    def _serve(self, connection, watched):
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            self._script(Taken(connection, self._timeout))
        except Exception as failure:  # told by close()
            self.failures.append(failure)
        finally:
            connection.close()
            watched.close()

    def close(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for connection in self._open:  # the gateway keeps some
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed already
        for thread in self._threads:
            thread.join(self._timeout)
        if self.failures:
            raise self.failures[0]
