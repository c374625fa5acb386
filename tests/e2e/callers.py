"""Clients at full rate that count what failed, and an upstream that keeps up with them."""

import re
import subprocess
import threading
import time

from gateway import DEADLINE, Process, wait_for
from origins import free_port
from raw import Connection
from raw_http2 import Http2


class FastOrigin(Process):
    """HAProxy, which answers each request by itself."""

    def __init__(self, directory, name="fast-origin"):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = directory / f"{name}.cfg"
        config.write_text(f"""
global
  maxconn 5000
defaults
  mode http
  timeout client 300s
  timeout server 300s
  timeout connect 5s
frontend all
  bind 127.0.0.1:{self.port}
  http-request return status 200 content-type text/plain string fast
""")
        super().__init__(name, ["/usr/sbin/haproxy", "-db", "-f", str(config)], directory / f"{name}.log")

    def close(self):
        self.kill()


class H2load:
    """Real h2load for a time. After a GOAWAY it begins nothing on another connection, but reports a failure: so over
    HTTP/1.1 alone where connections end."""

    def __init__(self, port, host, seconds, *options):
        self._seconds = seconds
        self._popen = subprocess.Popen(["h2load", "-t1", "-D", str(seconds), "--connect-to", f"127.0.0.1:{port}", *options,
                                        f"https://{host}:{port}/"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def result(self):
        """How many were answered; each well."""
        try:
            text = self._popen.communicate(timeout=self._seconds + DEADLINE)[0]
        finally:
            self._popen.kill()
        found = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text)
        assert found, text
        done, succeeded, failed, errored, timeout = map(int, found.groups())
        assert done == succeeded > 0 and failed == errored == timeout == 0, text
        assert f"status codes: {done} 2xx, 0 3xx, 0 4xx, 0 5xx" in text, text
        return done


class Curl:
    """Real curl: one request after the other, on one connection while it lives."""

    def __init__(self, place, host, requests, *options):
        self._requests = requests
        self._popen = subprocess.Popen(
            ["curl", "-sS", "--cacert", str(place.gateway.server_ca.cert), "--connect-to", f"::127.0.0.1:{place.port}",
             "--http1.1", "-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n", *options,
             f"https://{host}:{place.port}/[1-{requests}]"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def result(self):
        """How many connections it made; every request was answered with 200."""
        out, complaints = self._popen.communicate(timeout=4 * DEADLINE)
        lines = [line.split() for line in out.splitlines()]
        assert self._popen.returncode == 0 and [line[0] for line in lines] == ["200"] * self._requests, complaints[-2000:]
        return sum(int(line[1]) for line in lines)


def keep_alive(place, host, stop, client=None):
    """One HTTP/1.1 connection after the other, each for as long as the server keeps it; yields statuses, None for none."""
    connection = None
    while not stop.is_set():
        if connection is None:
            connection = Connection(place, host, client)
        answer = connection.get()
        yield answer and answer[0]
        if answer is None or answer[1].get("connection") == "close":
            connection.close()
            connection = None
    if connection is not None:
        connection.close()


def fresh(place, host, stop, client=None):
    """A connection for each request."""
    while not stop.is_set():
        with Connection(place, host, client) as connection:
            answer = connection.get()
            yield answer and answer[0]


def multiplexed(place, host, stop, client=None, streams=8):
    """Some requests at once on one HTTP/2 connection; none is begun after a GOAWAY, and those before it must be answered."""
    while not stop.is_set():
        with Http2(place, host, client) as h2:
            flying = []
            while flying or not (stop.is_set() or h2.goaways):
                while len(flying) < streams and not (stop.is_set() or h2.goaways):
                    flying.append(h2.request("/x"))
                h2.wait(lambda: h2.ended or h2.goaways or h2.reply(flying[0]).over, "answers")
                while flying and (h2.reply(flying[0]).over or h2.ended):
                    yield h2.reply(flying.pop(0)).status
                if flying and h2.goaways and not h2.reply(flying[0]).over:
                    h2.wait(lambda: h2.ended or h2.reply(flying[0]).over, "the last answers")


class Callers:
    """Threads of such clients until stopped."""

    def __init__(self, place, host, kinds=(keep_alive, fresh, multiplexed), client=None, each=1):
        self.seen = {kind.__name__: 0 for kind in kinds}
        self.failures, self._stop = [], threading.Event()
        self._threads = [threading.Thread(target=self._call, args=(kind, place, host, client), daemon=True)
                         for kind in kinds for _ in range(each)]
        for thread in self._threads:
            thread.start()

    def _call(self, kind, place, host, client):
        while not self._stop.is_set():
            try:
                for status in kind(place, host, self._stop, client):
                    if status != 200:
                        self.failures.append(f"{time.monotonic():.3f} {kind.__name__}: {status}")
                    self.seen[kind.__name__] += 1
            except Exception as failure:  # told by stop()
                self.failures.append(f"{time.monotonic():.3f} {kind.__name__}: {failure!r}")

    def some_more(self):
        """Until each kind has been answered once more than a few times, on whatever serves now."""
        before = dict(self.seen)
        wait_for(lambda: self.failures or all(self.seen[kind] > before[kind] + 10 for kind in before), "calls go on")

    def stop(self):
        """How many were answered by kind; none failed."""
        self._stop.set()
        for thread in self._threads:
            thread.join(4 * DEADLINE)
        assert not self.failures, self.failures[:10]
        return self.seen
