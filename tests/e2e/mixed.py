"""Everything at once for a long time: callers with certificates and changes of what they may (changes.py), HTTP/1.1 and
HTTP/2 load, uploads and downloads over mutual TLS to the upstream, WebSocket tunnels, hostile connections."""

import threading
import time

from callers import Curl, FastOrigin, H2load
from changes import Trial
from gateway import SLOWER, classic
from raw import Connection
from tunnels import Scripted, asked, switching

SAMPLE = 5  # seconds
SIZE = 256 * 1024
HOSTILE = 8


class Repeated:
    """Calls `once` until stopped; what it raises is kept."""

    def __init__(self, name, once, pause=0.0):
        self.name, self.count, self.failure = name, 0, None
        self._once, self._pause, self._stop = once, pause, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        try:
            while not self._stop.wait(self._pause):
                self._once(self.count)
                self.count += 1
        except Exception as failure:  # told by stop()
            self.failure = failure

    def stop(self, deadline):
        self._stop.set()
        self._thread.join(deadline)
        assert self.failure is None, (self.name, self.count, repr(self.failure))
        assert self.count > 0, self.name
        return self.count


def body_of(_handler, request):
    """An upstream that gives back what it got."""
    _handler.send_response(200)
    _handler.send_header("Content-Length", str(len(request.body)))
    _handler.end_headers()
    _handler.wfile.write(request.body)
    _handler.server.origin.requests.clear()


def exchange(world, host):
    """A body that comes back whole, over a connection of its own with a client certificate."""
    content = bytes(range(256)) * (SIZE // 256)
    pair = world.client("mixed caller")

    def once(number):
        with Connection((world.a, world.b)[number % 2], host, pair, timeout=60) as client:
            client.send(f"POST /x HTTP/1.1\r\nHost: {host}\r\nContent-Length: {SIZE}\r\n\r\n".encode() + content)
            status, _, answer = client.answer()
            assert status == 200 and answer == content, (status, len(answer))
    return once


def echo(taken):
    """An upstream that switches protocols and gives back what comes."""
    if not taken.head():
        return
    taken.send(switching())
    while piece := taken.some():
        taken.send(piece)


def tunnel(world, host):
    def once(number):
        with Connection((world.a, world.b)[number % 2], host, timeout=60) as client:
            client.send(asked(host))
            assert client.interim_answer() == 101
            for piece in (b"x" * 10, b"y" * 20_000):
                client.send(piece)
                assert client.rest(len(piece)) == piece
    return once


class Memory:
    """RSS of the three processes over time."""

    def __init__(self, processes):
        self._processes = processes
        self.samples = {name: [] for name in processes}

    def sample(self, _number):
        for name, process in self._processes.items():
            self.samples[name].append(process.memory_kb())

    def growth(self):
        """Of each process: the median of the last quarter over that of the second, in KB."""
        def median(values):
            return sorted(values)[len(values) // 2]
        out = {}
        for name, values in self.samples.items():
            quarter = len(values) // 4
            out[name] = (median(values[quarter:2 * quarter]), median(values[-quarter:]))
        return out


def run(world, seconds, hostile):
    """`hostile(replica, number)` makes one connection. What was done, by kind, and how memory went."""
    origin, tunnels = FastOrigin(world.gateway.directory), Scripted(echo, 120)
    mutual = world.tls_origin("mixed", client_ca=world.client_ca, answer=body_of)
    pair = world.client("mixed upstream")
    certificate = world.gateway.add_certificate(pair.pem + pair.key_pem)
    ca = world.gateway.add_certificate(world.client_ca.pem)
    add = world.gateway.add_api
    add(classic("mixed", origin.url, domain="mixed.gw.test", use_keyless=True))
    add(classic("mixed-mutual", f"https://localhost:{mutual.port}", domain="mutual.gw.test", use_keyless=True,
                use_mutual_tls_auth=True, client_certificates=[ca], upstream_certificates={"*": certificate}))
    add(classic("mixed-tunnel", tunnels.url, domain="tunnel.gw.test", use_keyless=True))
    trial = Trial(world, origin, rate=20 / SLOWER, period=3 * SLOWER)
    memory = Memory({"authsvc": world.gateway.authsvc, "data plane a": world.a, "data plane b": world.b})
    began = time.monotonic()
    loads = [H2load(replica.port, "mixed.gw.test", int(seconds), *options)
             for replica in (world.a, world.b) for options in (("--h1", "-c4", "--rps=50"), ("-c2", "-m8", "--rps=100"))]
    kinds = [Repeated("mutual", exchange(world, "mutual.gw.test"), 0.05 * SLOWER),
             Repeated("tunnel", tunnel(world, "tunnel.gw.test"), 0.05 * SLOWER),
             Repeated("curl", lambda number: Curl(world.a, "mixed.gw.test", 50).result(), 0.2 * SLOWER),
             Repeated("memory", memory.sample, SAMPLE)]
    kinds += [Repeated(f"hostile {first}", lambda number, first=first: hostile(world.b, number * HOSTILE + first))
              for first in range(HOSTILE)]  # most wait for the data plane to end them
    try:
        counts, _ = trial.run(seconds)
        done = {kind.name: kind.stop(120) for kind in kinds}
        done["hostile"] = sum(done.pop(f"hostile {first}") for first in range(HOSTILE))
        done.update(h2load=sum(load.result() for load in loads), **counts)
    finally:
        origin.close()
        tunnels.close()
    return done, memory, time.monotonic() - began
