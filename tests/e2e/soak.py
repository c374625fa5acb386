"""Long trials with figures; each case says what it demands."""

import concurrent.futures
import os
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from conftest import World  # noqa: E402
from gateway import classic, session, wait_for  # noqa: E402
from raw import Connection  # noqa: E402


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def dynamic_api(world, name):
    world.gateway.add_api(classic(name, world.origin(name).url, domain=f"{name}.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}))


def register(world, name, pair):
    certificate_id = world.gateway.add_certificate(pair.pem)
    world.gateway.create_key(session(name, certificate_id))
    return certificate_id


def revocation(world, trials=200):
    """A certificate is deleted: from the admin answer to the first refusal on a living connection of each
    replica, p99 at most 100 ms."""
    dynamic_api(world, "revoked")
    effects = []
    for _ in range(trials):
        pair = world.pki.self_signed("revoked")
        certificate_id = register(world, "revoked", pair)
        world.gateway.settle()
        connections = [Connection(replica, "revoked.gw.test", pair) for replica in (world.a, world.b)]
        assert all(connection.get()[0] == 200 for connection in connections)
        answer = world.gateway.delete_certificate(certificate_id)
        accepted = time.monotonic()
        assert answer.status_code == 200, answer.text
        for connection in connections:
            while True:
                try:
                    got = connection.get()
                except OSError:
                    got = None
                if got is None or got[0] in (401, 403):
                    break
                assert got[0] == 200 and time.monotonic() - accepted < 5, got
            effects.append((time.monotonic() - accepted) * 1000)
            connection.close()
    print(f"revocation: {len(effects)} effects, median {statistics.median(effects):.1f} ms, p99 "
          f"{percentile(effects, 0.99):.1f} ms, worst {max(effects):.1f} ms")
    assert percentile(effects, 0.99) <= 100


def frozen(world, seconds=30):
    """authsvc stopped by SIGSTOP, probed every 500 ms: cached callers served, others 503 within the
    deadline, no thread blocked, memory flat; back within 2 s of the thaw."""
    dynamic_api(world, "frozen")
    known, unknown = world.pki.self_signed("known"), world.pki.self_signed("unknown")
    register(world, "frozen", known)
    world.gateway.settle()
    assert world.a.curl("/", client=known, host="frozen.gw.test").status == 200
    before, slowest, cached = world.a.memory_kb(), 0.0, []
    world.gateway.authsvc.send(signal.SIGSTOP)
    try:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            tick = time.monotonic()
            cached.append(world.a.curl("/", client=known, host="frozen.gw.test").status)
            started = time.monotonic()
            answer = world.a.curl("/", client=unknown, host="frozen.gw.test")
            slowest = max(slowest, time.monotonic() - started)
            assert answer.status == 503 and "retry-after" in answer.headers, answer
            wait_for(lambda: time.monotonic() >= tick + 0.5, "next probe")
    finally:
        world.gateway.authsvc.send(signal.SIGCONT)
    thawed = time.monotonic()
    wait_for(lambda: world.a.curl("/", client=unknown, host="frozen.gw.test").status == 401, "decided again", 10)
    back = time.monotonic() - thawed
    grown = world.a.memory_kb() - before
    print(f"frozen: {len(cached)} probes, cached answers {set(cached)}, slowest refusal {slowest * 1000:.0f} ms, "
          f"memory +{grown} KB, back after {back * 1000:.0f} ms")
    assert set(cached) == {200} and slowest < 1.5 and back < 2 and grown < 8192


HOSTILE = [
    b"", b"\x00" * 100, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01", b"\x16\x03\x01\x40\x00" + b"A" * 200,
    b"\x15\x03\x01\x00\x02\x02\x28", os.urandom(600), b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
]
HEADS = [
    "GET /" + "a" * 20000 + " HTTP/1.1\r\nHost: hostile.gw.test\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: hostile.gw.test\r\n" + "".join(f"X-{n}: {'b' * 500}\r\n" for n in range(200)) + "\r\n",
    "GET / HTTP/1.1\r\nHost: hostile.gw.test\r\nX: ", "POST / HTTP/1.1\r\nHost: hostile.gw.test\r\nContent-Length: 1000\r\n\r\nx",
    "POST / HTTP/1.1\r\nHost: hostile.gw.test\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\nx", "\x00\x01\x02",
]


def one_hostile(world, number):
    chooser = random.Random(number)
    try:
        if chooser.random() < 0.7:
            with socket.create_connection(("127.0.0.1", world.a.port), 10) as raw:
                raw.sendall(chooser.choice(HOSTILE))
                if chooser.random() < 0.5:
                    raw.settimeout(10)
                    raw.shutdown(socket.SHUT_WR)
                    while raw.recv(4096):
                        pass
        else:
            with Connection(world.a, "hostile.gw.test", timeout=10) as client:
                client.send(chooser.choice(HEADS))
    except OSError:
        pass


def hostile(world, count=10000):
    """Malformed and hostile connections leave it serving, with flat memory."""
    world.gateway.add_api(classic("hostile", world.origin("hostile").url, domain="hostile.gw.test", use_keyless=True))
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda n: one_hostile(world, n), range(count // 10)))
        settled = world.a.memory_kb()
        list(pool.map(lambda n: one_hostile(world, n), range(count // 10, count)))
    assert world.a.curl("/", host="hostile.gw.test").status == 200
    grown = world.a.memory_kb() - settled
    print(f"hostile: {count} connections, memory {settled} KB, +{grown} KB after the first tenth")
    world.a.require_alive()
    assert grown < 16384


def identities(world, seconds=60):
    """Two hosts of one API with different client certificates, eight callers: no upstream ever sees the other's."""
    origins, expected = [], {}
    for number in range(2):
        origin = world.tls_origin(f"identity-{number}", client_ca=world.client_ca)
        pair = world.client(f"identity {number}")
        origins.append(origin)
        expected[origin.port] = (pair.der, world.gateway.add_certificate(pair.pem + pair.key_pem))
    definition = classic("identities", origins[0].url, domain="identities.gw.test", use_keyless=True,
                         upstream_certificates={f"localhost:{port}": entry[1] for port, entry in expected.items()})
    definition["proxy"].update(enable_load_balancing=True,
                               target_list=[f"https://localhost:{origin.port}/" for origin in origins])
    world.gateway.add_api(definition)

    def call_for_a_while(_):
        end, count = time.monotonic() + seconds, 0
        with Connection(world.a, "identities.gw.test") as client:
            while time.monotonic() < end:
                assert client.get()[0] == 200
                count += 1
        return count
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        total = sum(pool.map(call_for_a_while, range(8)))
    for origin in origins:
        assert {request.peer for request in origin.requests} == {expected[origin.port][0]}
    print(f"identities: {total} requests, shares {[len(origin.requests) for origin in origins]}, none mixed")


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cost_of_writes(world, count=400):
    """CPU milliseconds of authsvc and the median time in milliseconds of one write through its REST API."""
    gateway, times = world.gateway, []
    key = gateway.create_key(session("million", alias="0"))["key"]
    before = cpu_seconds(gateway.authsvc)
    for number in range(count):
        started = time.monotonic()
        answer = gateway.rest("PUT", f"/tyk/keys/{key}", session("million", alias=str(number)))
        times.append((time.monotonic() - started) * 1000)
        assert answer.status_code == 200, answer.text
    return (cpu_seconds(gateway.authsvc) - before) * 1000 / count, statistics.median(times)


def restart(world):
    """Seconds until it is ready again and its memory then, in KiB."""
    started = time.monotonic()
    world.gateway.start_authsvc()
    return time.monotonic() - started, world.gateway.authsvc.memory_kb()


def million(world, few=1000, many=1_000_000):
    """A million keys with a certificate each in the store: start within a minute, at most 3 KB of memory a key,
    and a write that costs what it costs with a thousand."""
    gateway, filled = world.gateway, 0
    dynamic_api(world, "million")
    pair = world.pki.self_signed("one of a million")
    register(world, "million", pair)
    figures = {}
    for count in (few, many):
        assert gateway.authsvc.stop() == 0
        subprocess.run([str(gateway.build / "tests/bench/bench_fill_store"), str(gateway.home / "data" / "authsvc.db"),
                        str(filled), str(count - filled)], check=True)
        filled = count
        ready, memory = restart(world)
        gateway.settle()
        cost, took = cost_of_writes(world)
        assert world.a.curl("/x", client=pair, host="million.gw.test").status == 200
        figures[count] = ready, memory, cost, took
        print(f"million: {count} keys: ready after {ready:.1f} s, {memory / 1024:.0f} MB; a write {cost:.2f} ms of CPU, "
              f"{took:.2f} ms in all")
    assert figures[many][0] < 60 and (figures[many][1] - figures[few][1]) * 1024 / (many - few) < 3000
    assert figures[many][2] < 1.3 * figures[few][2], "a write costs the same"


CASES = {case.__name__: case for case in (revocation, frozen, hostile, identities, million)}


def main():
    names = sys.argv[1:] or list(CASES)
    unknown = [name for name in names if name not in CASES]
    if unknown:
        sys.exit(f"tests/soak: no case {unknown[0]} (cases: {' '.join(CASES)})")
    failed = 0
    for name in names:
        with tempfile.TemporaryDirectory(prefix="sallyport-soak-") as directory:
            world = World(directory)
            try:
                CASES[name](world)
            except Exception:  # noqa: BLE001: a case that fails must not end the others
                traceback.print_exc()
                failed += 1
            finally:
                world.close()
    print(f"{len(names) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
