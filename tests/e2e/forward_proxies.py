"""Forward proxies: a real one (tinyproxy), and one that says what a test wants."""

import pathlib
import re
import socket
import threading

from gateway import DEADLINE, Process, wait_for
from origins import free_port
from tunnels import Scripted

USER, PASSWORD = "ali", "open-sesame-91"
FROM = "127.0.0.2"  # where the connections of the real proxy come from


class TinyProxy(Process):
    def __init__(self, directory, name="tinyproxy", password=PASSWORD):
        self.port = free_port()
        directory = pathlib.Path(directory)
        self.journal = directory / f"{name}.log"
        config = directory / f"{name}.conf"
        config.write_text(f'Port {self.port}\nListen 127.0.0.1\nBind {FROM}\nTimeout 600\nMaxClients 400\n'
                          f'LogFile "{self.journal}"\nLogLevel Connect\n'
                          + (f"BasicAuth {USER} {password}\n" if password else ""))
        super().__init__(name, ["tinyproxy", "-d", "-c", str(config)], directory / f"{name}.out")
        wait_for(self.listens, f"{name} listens")

    def listens(self):
        self.require_alive()
        try:
            socket.create_connection(("127.0.0.1", self.port), DEADLINE).close()
            return True
        except ConnectionRefusedError:
            return False

    def url(self, user=USER, password=PASSWORD):
        return f"http://{user}:{password}@127.0.0.1:{self.port}"

    def asked(self):
        """The targets of the requests that it was sent, in order."""
        return re.findall(r"CONNECT (\S+) HTTP/1\.1", self.journal.read_text(errors="replace"))


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class OwnProxy(Scripted):
    """Answers each CONNECT with `answer`, then leads to `port` on loopback whatever was asked for; without `port` it waits
    for the end and keeps what came after its answer."""

    def __init__(self, answer="HTTP/1.1 200 OK\r\n\r\n", port=None):
        self.heads, self.after = [], b""
        self._answer, self._to = answer, port
        super().__init__(self._lead, DEADLINE)

    def _lead(self, taken):
        head = taken.head()
        self.heads.append(head)
        if not head:
            return
        taken.send(self._answer)
        if self._to is None:
            self.after += taken.end()[1]
            return
        with socket.create_connection(("127.0.0.1", self._to), DEADLINE) as target:
            back = threading.Thread(target=pump, args=(target, taken.socket), daemon=True)
            back.start()
            pump(taken.socket, target)
            back.join(DEADLINE)
