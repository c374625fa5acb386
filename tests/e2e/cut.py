"""A TCP proxy that can go bad between two healthy ends."""

import socket
import struct
import threading

RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close by RST


class CutProxy:
    """Passes bytes to 127.0.0.1:`target`. `black_hole()`: nothing arrives any more on any connection there is or
    comes, and nobody is told; `reset()`: all are reset, those that come too; `heal()`: new connections pass, those
    that fell into the hole stay there."""

    def __init__(self, target):
        self._target, self._mode, self._lock = target, "pass", threading.Lock()
        self._pairs, self._kept = [], []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.taken = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.taken += 1
                if self._mode == "reset":
                    self._reset(client)
                elif self._mode == "hole":
                    self._kept.append(client)
                else:
                    self._pass(client)

    def _pass(self, client):
        server = socket.create_connection(("127.0.0.1", self._target))
        alive = threading.Event()
        alive.set()
        self._pairs.append((client, server, alive))
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, sink, alive), daemon=True).start()

    @staticmethod
    def _pump(source, sink, alive):
        try:
            while data := source.recv(65536):
                if not alive.is_set():
                    return
                sink.sendall(data)
            if alive.is_set():
                sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    @staticmethod
    def _reset(one):
        try:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            one.shutdown(socket.SHUT_RD)  # wakes the thread that reads from it
        except OSError:
            pass
        one.close()

    def black_hole(self):
        with self._lock:
            self._mode = "hole"
            for client, server, alive in self._pairs:
                alive.clear()
                self._kept += [client, server]
            self._pairs = []

    def reset(self):
        with self._lock:
            self._mode = "reset"
            for client, server, alive in self._pairs:
                alive.clear()
                self._reset(client)
                self._reset(server)
            self._pairs = []

    def heal(self):
        with self._lock:
            self._mode = "pass"

    def close(self):
        self._listener.close()
        with self._lock:
            for one in self._kept + [end for pair in self._pairs for end in pair[:2]]:
                self._reset(one)
