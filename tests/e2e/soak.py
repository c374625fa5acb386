"""Long trials with figures; each case says what it demands."""

import collections
import concurrent.futures
import os
import pathlib
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from changes import Trial  # noqa: E402
from conftest import World  # noqa: E402
from gateway import classic, session, wait_for  # noqa: E402
from callers import FastOrigin  # noqa: E402
import mixed as mixed_load  # noqa: E402
from raw import Connection, client_hello  # noqa: E402
import rolling as rolling_restart  # noqa: E402


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


def knock(replica, host, stop):
    """The slowest of many requests, in seconds, that need no decision: no route, but the same loops."""
    slowest = 0.0
    with Connection(replica, host, timeout=30) as client:
        while not stop.is_set():
            started = time.monotonic()
            assert client.get("/no/such/path")[0] == 404
            slowest = max(slowest, time.monotonic() - started)
            stop.wait(0.01)
    return slowest


def frozen(world, seconds=30):
    """authsvc stopped by SIGSTOP, probed every 500 ms: cached callers served, others 503 within the
    deadline, no thread blocked, memory flat; back within 2 s of the thaw."""
    dynamic_api(world, "frozen")
    world.gateway.add_api(classic("unrouted", world.origin("unrouted").url, "/only/", domain="unrouted.gw.test", use_keyless=True))
    replica = world.gateway.start_dataplane(system_trust=world.trust, threads=2,
                                            options=["--set", "authsvc.authorize_deadline=500ms"])  # as it ships
    known, unknown = world.pki.self_signed("known"), world.pki.self_signed("unknown")
    register(world, "frozen", known)
    world.gateway.settle()
    assert replica.curl("/", client=known, host="frozen.gw.test").status == 200
    before, slowest, cached, stop = replica.memory_kb(), 0.0, [], threading.Event()
    world.gateway.authsvc.freeze()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        knocking = [pool.submit(knock, replica, "unrouted.gw.test", stop) for _ in range(8)]
        try:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                tick = time.monotonic()
                cached.append(replica.curl("/", client=known, host="frozen.gw.test").status)
                started = time.monotonic()
                answer = replica.curl("/", client=unknown, host="frozen.gw.test")
                slowest = max(slowest, time.monotonic() - started)
                assert answer.status == 503 and "retry-after" in answer.headers, answer
                wait_for(lambda: time.monotonic() >= tick + 0.5, "next probe")
        finally:
            stop.set()
            world.gateway.authsvc.thaw()
    thawed = time.monotonic()
    wait_for(lambda: replica.curl("/", client=unknown, host="frozen.gw.test").status == 401, "decided again", 10)
    back = time.monotonic() - thawed
    grown = replica.memory_kb() - before
    held_up = max(one.result() for one in knocking)
    print(f"frozen: {len(cached)} probes, cached answers {set(cached)}, slowest refusal {slowest * 1000:.0f} ms, slowest "
          f"answer that needs no decision {held_up * 1000:.0f} ms, memory +{grown} KB, back after {back * 1000:.0f} ms")
    assert set(cached) == {200} and slowest < 1.5 and back < 2 and grown < 8192
    assert held_up < 0.3, "a loop was held up"  # the deadline of a question is 0.5 s


HOST = "hostile.gw.test"
GARBAGE = [
    b"", b"\x00" * 100, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01", b"\x16\x03\x01\x40\x00" + b"A" * 200,
    b"\x15\x03\x01\x00\x02\x02\x28", os.urandom(600), b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
]
WRONG_HEADS = [
    "GET /" + "a" * 20000 + f" HTTP/1.1\r\nHost: {HOST}\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: {HOST}\r\n" + "".join(f"X-{n}: {'b' * 500}\r\n" for n in range(200)) + "\r\n",
    f"GET / HTTP/1.1\r\nHost: {HOST}\r\nHost: {HOST}\r\n\r\n", "\x00\x01\x02\r\n\r\n",
    f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    f"POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nx",
]
HALF_HEADS = [f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX: ", "G", f"GET / HTTP/1.1\r\nHost: {HOST}\r\n"]
HALF_BODIES = [f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n\r\nx",
               f"POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\nx"]


def until_the_end(raw):
    raw.settimeout(30)
    try:
        while raw.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return "ended"


def plain_garbage(replica, chooser):
    with socket.create_connection(("127.0.0.1", replica.port), 30) as raw:
        raw.sendall(chooser.choice(GARBAGE))
        raw.shutdown(socket.SHUT_WR)
        return until_the_end(raw)


def cut_hello(replica, chooser):
    """A real ClientHello up to anywhere: then closed, reset, or left open until the data plane ends it."""
    hello = client_hello(HOST)
    with socket.create_connection(("127.0.0.1", replica.port), 30) as raw:
        raw.sendall(hello[:chooser.randrange(1, len(hello))])
        how = chooser.choice(["closed", "reset", "left open"])
        if how == "left open":
            return until_the_end(raw)
        if how == "reset":
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        return how


def answer_to(replica, text):
    with Connection(replica, HOST, timeout=30) as client:
        client.send(text)
        answer = client.answer()  # nothing more is sent: it stays open until the data plane ends it
        client.ended()
        return answer and answer[0]


def half_head(replica, chooser):
    return answer_to(replica, chooser.choice(HALF_HEADS))


def half_body(replica, chooser):
    return answer_to(replica, chooser.choice(HALF_BODIES))


def wrong_head(replica, chooser):
    return answer_to(replica, chooser.choice(WRONG_HEADS))


KINDS = {plain_garbage: 10, cut_hello: 30, half_head: 20, half_body: 10, wrong_head: 30}


def one_hostile(replica, number):
    chooser = random.Random(number)
    kind = chooser.choices(list(KINDS), KINDS.values())[0]
    try:
        return kind.__name__, kind(replica, chooser)
    except OSError as error:
        return kind.__name__, type(error).__name__


def hostile(world, count=10000):
    """Malformed and hostile connections, slow ones held to their end, leave it serving, with flat memory."""
    world.gateway.add_api(classic("hostile", world.origin("hostile").url, domain=HOST, use_keyless=True))
    replica = world.gateway.start_dataplane(system_trust=world.trust, threads=2, options=[
        "--set", "timeouts.handshake=3s", "--set", "timeouts.head=1s", "--set", "timeouts.body_idle=1s"])
    with concurrent.futures.ThreadPoolExecutor(96) as pool:
        seen = collections.Counter(pool.map(lambda n: one_hostile(replica, n), range(count // 10)))
        settled = replica.memory_kb()
        seen.update(pool.map(lambda n: one_hostile(replica, n), range(count // 10, count)))
    assert replica.curl("/", host=HOST).status == 200
    wait_for(lambda: replica.metric("sallyport_connections") <= 1, "none of them is left")
    grown = replica.memory_kb() - settled
    for (kind, outcome), times in sorted(seen.items(), key=str):
        print(f"  {kind}: {outcome}: {times}")
    print(f"hostile: {count} connections, memory {settled} KB, +{grown} KB after the first tenth")
    replica.require_alive()
    for kind, wanted in (("half_head", {408}), ("half_body", {408}), ("wrong_head", {400, 414, 431})):
        total = sum(times for (name, _), times in seen.items() if name == kind)
        right = sum(times for (name, outcome), times in seen.items() if name == kind and outcome in wanted)
        assert right > 0.95 * total, f"{kind}: {right} of {total} were answered with {wanted}"
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
        gateway.authsvc.stop()
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


def rolling(world, rounds=10, seconds=60):
    """Both data planes behind HAProxy are restarted so often, one after the other, under load from h2load, keep-alive
    curl and HTTP/2: no request fails."""
    origin = FastOrigin(world.gateway.directory)
    try:
        world.gateway.add_api(classic("rolling", origin.url, domain=rolling_restart.HOST, use_keyless=True))
        seen, done = rolling_restart.roll(world, rounds, seconds, curls=20_000)
    finally:
        origin.close()
    print(f"rolling: {2 * rounds} restarts; answered {seen}, h2load {done[0]}, curl 20000 on {done[1]} connections and "
          f"4000 on {done[2]}; none failed")


def changes(world, seconds=60):
    """50 changes a second of certificates, CAs, keys and definitions: who is to be let in is, who is not is not."""
    origin = FastOrigin(world.gateway.directory)
    try:
        counts, rate = Trial(world, origin, rate=50, period=3).run(seconds)
    finally:
        origin.close()
    print(f"changes: {rate:.1f} a second; {counts}; none wrong")
    assert rate > 45 and min(counts["passed"], counts["refused"]) > 1000


def mixed(world):
    """Everything at once (mixed.py), SOAK_SECONDS long (1,800): nothing fails and memory is flat. With a sanitiser's
    build (SANITISED=asan tests/soak mixed) that reports nothing, and memory is not looked at."""
    seconds = float(os.environ.get("SOAK_SECONDS", 1800))
    # What fills up to a bound, as configured: here soon, so that what has none can be seen.
    world.gateway.authsvc.stop()
    world.gateway.start_authsvc(options=["--set", "refusals_kept=5000", "--set", "push_history=1000"])
    done, memory, took = mixed_load.run(world, seconds, one_hostile)
    print(f"mixed: {took:.0f} s; {done}")
    grown = memory.growth()
    for name, (before, after) in grown.items():
        print(f"  {name}: {before} KB, later {after} KB")
    for name, (before, after) in grown.items():
        assert os.environ.get("SANITISED") or after < 1.1 * before + 2048, f"{name} grows"


CASES = {case.__name__: case for case in (revocation, frozen, hostile, identities, million, rolling, changes, mixed)}


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
