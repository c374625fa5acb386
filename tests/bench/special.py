"""Cases with a shape of their own. Each gives {server: [a row of numbers per round]}; `value` is what is compared, in the
unit that UNITS names."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import resource
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

import loads
import peers
from cases import CASES
from origins import free_port
from servers import BUILD, HOST, LOAD_CPU, SERVER_CPU, Ours, definition, make_pki

UNITS = {"central_decision": "CPU us/op of proxy, authoriser and authsvc", "idle_memory": "KiB per idle connection",
         "p99_equal_load": "p99 in us", "scale_routes": "CPU us/op", "two_cores": "CPU us/op",
         "crowd": "p99 in us", "storm": "p99 in us", "floor": "CPU us/op"}
HERE = pathlib.Path(__file__).resolve().parent
DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
IDLE_CONNECTIONS = 8000
REST = 1.0  # seconds: who gives something back after a while has done so
CROWD, SLOW_CLIENTS, SLOW_PACE = 20_000, 200, 0.01
STORM, STORM_RATE = 100, 500
ROUTES, IDENTITIES = 10_000, 100_000
SHARE_OF_CAPACITY = 0.7


class Bench:
    """A folder, certificates and the upstream; what is started is stopped at the end."""

    def __init__(self, case):
        self.case = case
        self._directory = tempfile.TemporaryDirectory(prefix="sallyport-bench-")
        self.root = pathlib.Path(self._directory.name)
        self.pki = make_pki(self.root / "pki")
        plain, tls = free_port(), free_port()
        self.running = [peers.nginx_origin(self.root, LOAD_CPU, plain, tls, self.pki, case.body)]
        self.upstream = (case.upstream, plain if case.upstream == "plain" else tls)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.running):
            process.stop()
        self._directory.cleanup()

    def ours(self, name="sallyport", **more):
        directory = self.root / name
        directory.mkdir()
        made = Ours(directory, self.pki, self.upstream, self.case.key, **more)
        made.name = name
        self.running.append(made)
        return made

    def peer(self, start, **more):
        made = start(self.root, SERVER_CPU, free_port(), self.pki, self.upstream, self.pki[f"server-{self.case.key}"],
                     self.case.tickets, **more)
        self.running.append(made)
        return made

    def rounds(self, servers, args, value):
        """One after the other, round by round: a drift of the machine hits all alike."""
        rows = {server.name: [] for server in servers}
        for _ in range(args.rounds):
            for server in servers:
                rows[server.name].append(value(server))
        return rows

    def cost(self, args):
        def value(server):
            row = loads.measure(server, self.case, self.pki, args.seconds)
            return {"value": row["cpu_us"], **row}
        return value


def central_decision(args):
    """Who asks about each request pays for the authoriser too; here answers are kept, and what authsvc spends counts."""
    with Bench(CASES["h1_keepalive_plain"]) as bench:
        ours = bench.ours()
        ours.pids = [ours.pid, ours.gateway.authsvc.pid]
        port = free_port()
        authoriser = peers.Peer("authoriser", [str(BUILD / "tests/bench/bench_rpc"), "allow", str(port)], port, LOAD_CPU,
                                bench.root / "authoriser.log")
        bench.running.append(authoriser)
        envoy = bench.peer(peers.envoy, authoriser=port)
        envoy.pids = [envoy.pid, authoriser.pid]
        return bench.rounds([ours, envoy], args, bench.cost(args))


def private_kb(pid):
    total = 0
    for member in peers.family(pid):
        for line in pathlib.Path(f"/proc/{member}/smaps_rollup").read_text().splitlines():
            if line.startswith(("Private_Clean:", "Private_Dirty:", "Swap:")):
                total += int(line.split()[1])
    return total


def idle_memory(args):
    """Mutual TLS, one request each, then nothing. Kernel memory is not counted: all have the same sockets."""
    case = CASES["h1_keepalive_plain"]
    with Bench(case) as bench:
        def value(server):
            loads.load(case, server.port, bench.pki, 0.5)
            before = private_kb(server.pid)
            command = loads.load_command("idle", server.port, bench.pki, case.key, IDLE_CONNECTIONS, 60, case.body)
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as resting:
                report = json.loads(resting.stdout.readline())
                time.sleep(REST)  # of all alike: part of what is measured, not a wait for something
                held = private_kb(server.pid) - before
                resting.stdin.close()
            missing = IDLE_CONNECTIONS - report["operations"]
            return {"value": held / IDLE_CONNECTIONS, "wrong": report["wrong"] + report["errors"] + missing}
        # Each server once: what it has taken for a crowd it does not give back, and the next crowd would look free.
        args = type(args)(**{**vars(args), "rounds": 1})
        return bench.rounds([bench.ours(), bench.peer(peers.nginx), bench.peer(peers.haproxy)], args, value)


@contextlib.contextmanager
def resting(bench, server, count):
    """Idle connections, from as many processes as their descriptors ask for."""
    most = DESCRIPTORS // 4 * 3
    with contextlib.ExitStack() as stack:
        for start in range(0, count, most):
            command = loads.load_command("idle", server.port, bench.pki, bench.case.key, min(most, count - start), 600,
                                         bench.case.body)
            process = stack.enter_context(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            report = json.loads(process.stdout.readline())
            if report["wrong"] + report["errors"] or report["operations"] != min(most, count - start):
                raise RuntimeError(f"idle connections: {report}")
        yield


@contextlib.contextmanager
def slow_clients(bench, server):
    """Clients that send a head byte by byte, and come again when they are thrown out."""
    context = ssl.create_default_context(cafile=bench.pki["ca"].cert)
    client = bench.pki[f"client-{bench.case.key}"]
    context.load_cert_chain(client.cert, client.key)
    over = threading.Event()

    def connect():
        made = context.wrap_socket(socket.create_connection(("127.0.0.1", server.port)), server_hostname=HOST)
        made.sendall(b"GET /slow HTTP/1.1\r\n")
        return made

    def drip():
        os.sched_setaffinity(0, {LOAD_CPU})  # of this thread
        clients = [connect() for _ in range(SLOW_CLIENTS)]
        at = 0
        while not over.wait(SLOW_PACE):
            at = (at + 1) % len(clients)
            try:
                clients[at].sendall(b"x")
            except OSError:
                clients[at].close()
                clients[at] = connect()
        for one in clients:
            one.close()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        dripping = pool.submit(drip)
        try:
            yield
        finally:
            over.set()
        dripping.result()


@contextlib.contextmanager
def core_stalls(told):
    """Adds to `told` how long (ms) the measured core at most let a real-time thread wait, which nothing of ours can
    keep from it. Nothing where such a thread is not allowed."""
    with subprocess.Popen([sys.executable, str(HERE / "stalls.py"), str(SERVER_CPU)], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as watch:
        yield
        longest = watch.communicate()[0]
    if longest:
        told.append(float(longest))


def crowd(args):
    """What others wait at a quarter of the capacity of a core on which very many connections rest and some send slowly: at
    more, the load and its upstream on the other core wait for each other. Where the descriptors of one process are not
    enough for the crowd, two data planes share the core."""
    case = CASES["h1_keepalive_plain"]
    with Bench(case) as bench, contextlib.ExitStack() as stack:
        ours = bench.ours(options=["--set", f"limits.connections={CROWD + 1000}", "--set", "timeouts.keep_alive=600s"])
        rate = loads.measure(ours, case, bench.pki, args.seconds)["per_second"] / 4
        most = (DESCRIPTORS - 64) // 4 * 3 - 1000  # of what one data plane takes; the rest is for those who are measured
        crowds = [min(most, CROWD - start) for start in range(0, CROWD, most)]
        replicas = [ours.replica] + [ours.start_dataplane() for _ in crowds[1:]]
        print(f"crowd: {rate:.0f} requests/s, {sum(crowds)} idle connections to {len(crowds)} data plane(s) on the core, "
              f"{SLOW_CLIENTS} slow clients")
        stalls = {"quiet": [], "sallyport": []}

        def rounds(name, number):
            rows = []
            for _ in range(number):
                with core_stalls(stalls[name]):
                    row = loads.measure(ours, case, bench.pki, args.seconds, rate)
                rows.append({"value": row["p99_us"], **row})
            return rows
        quiet = rounds("quiet", args.rounds)
        for replica, count in zip(replicas, crowds):
            stack.enter_context(resting(bench, replica, count))
        with slow_clients(bench, ours):
            crowded = rounds("sallyport", args.rounds)
        print("crowd: the longest that a real-time thread waited for the core, ms: "
              + ", ".join(f"{name} {sorted(waits)}" for name, waits in stalls.items()))
        return {"sallyport": crowded, "quiet": quiet}


@contextlib.contextmanager
def handshakes(bench, server, seconds):
    """Clients that connect anew as soon as they can."""
    command = loads.load_command("handshake", server.port, bench.pki, bench.case.key, STORM, seconds, bench.case.body)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as storm:
        yield
        storm.communicate()


def storm(args):
    """What clients that are connected wait while others connect, more than the core can take."""
    case = CASES["h1_keepalive_plain"]
    with Bench(case) as bench:
        def value(server):
            with handshakes(bench, server, args.seconds + 2):
                row = loads.measure(server, case, bench.pki, args.seconds, STORM_RATE)
            return {"value": row["p99_us"], **row}
        return bench.rounds([bench.ours(), bench.peer(peers.nginx), bench.peer(peers.haproxy)], args, value)


def floor(args):
    """Keep-alive requests, beside a loop that only decrypts, copies and encrypts (floor.cc)."""
    with Bench(CASES["h1_keepalive_plain"]) as bench:
        return bench.rounds([bench.ours(), bench.peer(peers.floor)], args, bench.cost(args))


def p99_equal_load(args):
    """An open loop at 70 % of what nginx can do; a request's time counts from when it was due."""
    case = CASES["h1_keepalive_plain"]
    with Bench(case) as bench:
        servers = [bench.ours(), bench.peer(peers.nginx), bench.peer(peers.haproxy)]
        capacity = loads.measure(servers[1], case, bench.pki, args.seconds)["per_second"]
        rate = capacity * SHARE_OF_CAPACITY
        print(f"p99_equal_load: {rate:.0f} requests/s")

        def value(server):
            row = loads.measure(server, case, bench.pki, args.seconds, rate)
            return {"value": row["p99_us"], **row}
        return bench.rounds(servers, args, value)


def scale_routes(args):
    """10,000 APIs and 100,000 keys with a certificate each beside the one that is called."""
    with Bench(CASES["h1_keepalive_plain"]) as bench:
        few = bench.ours("one of each")

        def fill(gateway):
            gateway.authsvc.stop()
            subprocess.run([str(BUILD / "tests/bench/bench_fill_store"), str(gateway.home / "data" / "authsvc.db"), "0",
                            str(IDENTITIES)], check=True)
            gateway.start_authsvc(cpu=LOAD_CPU)
            apis = [definition(bench.upstream, host=f"api-{i}.bench.test", name=f"bench-{i}") for i in range(ROUTES)]
            folder = bench.root / "apis"
            folder.mkdir()
            (folder / "apis.json").write_text(json.dumps(apis))
            done = gateway.run_ctl("apply", "-f", str(folder / "apis.json"), timeout=600)
            if done.returncode != 0:
                raise RuntimeError(done.stdout[-1000:] + done.stderr[-1000:])
        many = bench.ours("sallyport", fill=fill)
        return bench.rounds([many, few], args, bench.cost(args))


def two_cores(args):
    """What a request costs with a thread on each of two cores, and with one. Where the load needs one of the two, the
    throughput of two is not to be seen, but what they lose by being two is: twice the one's over the two's cost."""
    with Bench(CASES["h1_keepalive_plain"]) as bench:
        servers = [bench.ours("sallyport", threads=2, cpus="0,1"), bench.ours("one core")]
        rows = bench.rounds(servers, args, bench.cost(args))
        scale = [2 * one["value"] / two["value"] for two, one in zip(rows["sallyport"], rows["one core"])]
        print(f"two_cores: {sorted(scale)[len(scale) // 2]:.2f} x the throughput of one, by CPU time")
        return rows


SPECIAL = {case.__name__: case
           for case in (central_decision, crowd, floor, idle_memory, p99_equal_load, scale_routes, storm, two_cores)}
