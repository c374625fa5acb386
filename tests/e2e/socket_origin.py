"""An upstream of bare sockets: a thread for each connection, which `_serve(sock)` of whoever derives from it has."""

import socket
import threading


class SocketOrigin:
    def __init__(self, scheme="http"):
        """Last in the constructor of what derives from it: connections may come at once."""
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()
