"""CPU per operation of the data plane beside nginx, HAProxy and (HTTP/2) nghttpx, in one run, each pinned to one core in turn.

Every round measures all servers one after the other, so that a drift of the machine hits them alike; the
ratio is made round by round. A case in which any answer was wrong has no ratio."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import gateway as gateway_module  # noqa: E402
import peers  # noqa: E402
from origins import free_port  # noqa: E402
from pki import CLIENT, SERVER, Pki  # noqa: E402

BUILD = pathlib.Path(os.environ["BUILD_UNDER_TEST"])
SERVER_CPU, LOAD_CPU = 0, 1
BODY_BYTES = 128
HOST = "api.bench.test"

# name: (load mode, connections, upstream, key type, tickets)
CASES = {
    "h1_keepalive_plain": ("keepalive", 32, "plain", "ec", False),
    "h1_keepalive_mtls_upstream": ("keepalive", 32, "mtls", "ec", False),
    "handshake_p256": ("handshake", 8, "plain", "ec", False),
    "handshake_rsa2048": ("handshake", 8, "plain", "rsa", False),
    "handshake_get_p256": ("handshake_get", 8, "plain", "ec", True),
    "resumed_tls13": ("resumed", 8, "plain", "ec", True),
    "h2_32streams": ("h2load", 4, "plain", "ec", False),
}
STREAMS = 32


def make_pki(directory):
    pki = Pki(directory)
    ca = pki.issue("Bench CA", ca=True)
    made = {"ca": ca, "origin": pki.issue("localhost", ca, usages=[SERVER], sans=["localhost", "127.0.0.1"]),
            "gateway": pki.issue("gateway", ca, usages=[CLIENT])}
    for kind in ("ec", "rsa"):
        made[f"server-{kind}"] = pki.issue(HOST, ca, usages=[SERVER], sans=[HOST], key=kind)
        made[f"client-{kind}"] = pki.issue(f"client {kind}", ca, usages=[CLIENT], key=kind,
                                           sans=["spiffe://bench.test/client"])
    return made


class Ours:
    """authsvc beside the load, one data plane of one thread on the measured core."""

    name = "sallyport"

    def __init__(self, directory, pki, upstream, key_type, mutual=True):
        kind, port = upstream
        self.gateway = gateway_module.Gateway(directory, build=BUILD)
        self.gateway.start_authsvc(cpu=LOAD_CPU)
        ca_id = self.gateway.add_certificate(pki["ca"].pem)
        definition = {
            "name": "bench", "api_id": "bench", "org_id": "default", "active": True, "use_keyless": True,
            "use_mutual_tls_auth": mutual, "client_certificates": [ca_id] if mutual else [], "domain": HOST,
            "proxy": {"listen_path": "/", "target_url": f"{'http' if kind == 'plain' else 'https'}://localhost:{port}/",
                      "strip_listen_path": False, "preserve_host_header": True},
            "version_data": {"not_versioned": True, "versions": {"Default": {"name": "Default"}}},
        }
        if kind == "mtls":
            pair = self.gateway.add_certificate(pki["gateway"].pem + pki["gateway"].key_pem)
            definition["upstream_certificates"] = {f"localhost:{port}": pair}
        self.gateway.add_api(definition)
        trust = directory / "trust"
        trust.mkdir()
        (trust / "ca.pem").write_bytes(pki["ca"].pem)
        self.replica = self.gateway.start_dataplane(
            cpu=SERVER_CPU, threads=1, server=pki[f"server-{key_type}"], system_trust=trust,
            access_log=directory / "access.log")
        self.pid, self.port = self.replica.pid, self.replica.port

    def stop(self):
        self.gateway.stop()


def h2load(port, connections, seconds):
    """h2load has no client certificates: these cases are without, for everybody."""
    with tempfile.NamedTemporaryFile(prefix="sallyport-h2load-") as log:
        command = ["taskset", "-c", str(LOAD_CPU), "h2load", "-c", str(connections), "-m", str(STREAMS), "-D", str(seconds),
                   "--log-file", log.name, "--connect-to", f"127.0.0.1:{port}", f"https://{HOST}:{port}/"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
        rows = [line.split("\t") for line in open(log.name, encoding="ascii") if line.count("\t") == 2]
    numbers = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored", done.stdout)
    data = re.search(r"\((\d+)\) data", done.stdout)
    if "Application protocol: h2" not in done.stdout or numbers is None or data is None:
        raise RuntimeError(f"h2load: {done.stdout[-1000:]} {done.stderr[-1000:]}")
    finished, succeeded, failed, errored = (int(number) for number in numbers.groups())
    # What was under way when the time was up has sent a part.
    short = abs(int(data.group(1)) - succeeded * BODY_BYTES) > connections * STREAMS * BODY_BYTES
    times = sorted(int(row[2]) for row in rows) or [0]
    return {"operations": succeeded, "seconds": seconds, "wrong": finished - succeeded + int(short), "errors": failed + errored,
            "p50_us": times[len(times) // 2], "p99_us": times[len(times) * 99 // 100]}


def load(mode, port, pki, key_type, connections, seconds):
    if mode == "h2load":
        return h2load(port, connections, max(1, round(seconds)))
    client = pki[f"client-{key_type}"]
    command = ["taskset", "-c", str(LOAD_CPU), str(BUILD / "tests/bench/bench_load"), mode, "127.0.0.1", str(port),
               HOST, str(pki["ca"].cert), str(client.cert), str(client.key), str(connections), str(seconds), "/",
               str(BODY_BYTES)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if not done.stdout:
        raise RuntimeError(f"load generator: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def measure(server, case, pki, seconds):
    mode, connections, _, key_type, _ = case
    load(mode, server.port, pki, key_type, connections, 0.3)
    split_before, before = peers.cpu_seconds(server.pid), peers.cpu_exact(server.pid)
    result = load(mode, server.port, pki, key_type, connections, seconds)
    cpu = peers.cpu_exact(server.pid) - before
    split = [after - was for after, was in zip(peers.cpu_seconds(server.pid), split_before)]
    operations = max(result["operations"], 1)
    total = sum(split) or 1
    return {"cpu_us": cpu / operations * 1e6, "user_us": cpu / operations * 1e6 * split[0] / total,
            "system_us": cpu / operations * 1e6 * split[1] / total,
            "per_second": result["operations"] / result["seconds"], "per_core": result["operations"] / max(cpu, 1e-9),
            "wrong": result["wrong"] + result["errors"], **{k: result[k] for k in ("p50_us", "p99_us")}}


def run_case(name, args):
    case = CASES[name]
    upstream_kind, key_type, tickets = case[2], case[3], case[4]
    rows = {}
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as root:
        root = pathlib.Path(root)
        pki = make_pki(root / "pki")
        plain, tls = free_port(), free_port()
        running = [peers.nginx_origin(root, LOAD_CPU, plain, tls, pki, BODY_BYTES)]
        upstream = (upstream_kind, plain if upstream_kind == "plain" else tls)
        try:
            ours_directory = root / "ours"
            ours_directory.mkdir()
            http2 = case[0] == "h2load"
            servers = [Ours(ours_directory, pki, upstream, key_type, mutual=not http2)]
            running += servers
            others = [peers.nginx, peers.haproxy]
            if http2 and shutil.which("nghttpx"):
                others.append(peers.nghttpx)
            for peer in others:
                servers.append(peer(root, SERVER_CPU, free_port(), pki, upstream, pki[f"server-{key_type}"], tickets,
                                    http2=http2))
                running.append(servers[-1])
            for _ in range(args.rounds):
                for server in servers:
                    rows.setdefault(server.name, []).append(measure(server, case, pki, args.seconds))
        finally:
            for process in reversed(running):
                process.stop()
    return rows


def summarise(name, rows):
    ours, out = rows["sallyport"], []
    for peer, theirs in rows.items():
        if peer == "sallyport":
            continue
        wrong = sum(r["wrong"] for r in ours + theirs)
        ratios = [a["cpu_us"] / b["cpu_us"] for a, b in zip(ours, theirs)]
        row = {"case": name, "peer": peer, "cpu_us": round(statistics.median(r["cpu_us"] for r in ours), 2),
               "peer_cpu_us": round(statistics.median(r["cpu_us"] for r in theirs), 2),
               "ratio_median": None, "ratio_min": None, "ratio_max": None, "wrong_answers": wrong}
        if wrong == 0:
            row.update(ratio_median=round(statistics.median(ratios), 3), ratio_min=round(min(ratios), 3),
                       ratio_max=round(max(ratios), 3))
        out.append(row)
    return out


def show(rows, measured):
    """Every server alike; a peer with the ratio ours/its below."""
    print(f"{rows[0]['case']}:  CPU us/op (user + system), operations/s seen, per core, latency p50 and p99 in us")
    ratios = {row["peer"]: row for row in rows}
    for name, rounds in measured.items():
        median = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
        line = (f"  {name:10} {median['cpu_us']:8.1f} ({median['user_us']:7.1f} + {median['system_us']:7.1f})  "
                f"{median['per_second']:8.0f}/s {median['per_core']:8.0f}/s  {median['p50_us']:8.0f} {median['p99_us']:8.0f}")
        row = ratios.get(name)
        if row is not None and row["ratio_median"] is None:
            line += f"  no ratio: {row['wrong_answers']} wrong answers"
        elif row is not None:
            line += f"  ours = {row['ratio_median']:.2f} x ({row['ratio_min']:.2f} to {row['ratio_max']:.2f})"
        print(line)
    sys.stdout.flush()


def authorize_beside_echo(args):
    """Authorize calls of authsvc beside a bare gRPC echo on the same core. The callers' certificates are under a
    listed CA. Warm: one, its path is in the memo after the first call. Cold: each is seen for the first time."""
    with tempfile.TemporaryDirectory(prefix="sallyport-bench-") as root:
        root = pathlib.Path(root)
        pki = make_pki(root / "pki")
        gateway = gateway_module.Gateway(root, build=BUILD)
        gateway.start_authsvc(cpu=SERVER_CPU)
        echo_port = free_port()
        echo = peers.Peer("echo", [str(BUILD / "tests/bench/bench_rpc"), "echo", str(echo_port),
                                   str(gateway.role_directory("authsvc"))], echo_port, SERVER_CPU, root / "echo.log")
        try:
            gateway.add_api(gateway_module.classic("bench", "http://127.0.0.1:1/", domain=HOST, use_keyless=True,
                                                   use_mutual_tls_auth=True,
                                                   client_certificates=[gateway.add_certificate(pki["ca"].pem)]))
            leaf, many = root / "leaf.der", root / "many.der"
            leaf.write_bytes(pki["client-ec"].der)
            warm, cold, echoed = [], [], []
            for number in range(args.rounds):
                many.write_bytes(strangers(pki["ca"], number))
                for pid, port, asked, rows in ((gateway.authsvc.pid, gateway.grpc_port, leaf, warm),
                                               (gateway.authsvc.pid, gateway.grpc_port, many, cold),
                                               (echo.pid, echo_port, leaf, echoed)):
                    rpc_load(gateway, port, leaf, 0.3)
                    before = peers.cpu_exact(pid)
                    result = rpc_load(gateway, port, asked, args.seconds)
                    rows.append((peers.cpu_exact(pid) - before) / result["operations"] * 1e6)
        finally:
            echo.stop()
            gateway.stop()
    print(f"authorize: bare gRPC echo {statistics.median(echoed):.1f} CPU us/call")
    for name, rows in (("warm", warm), ("cold", cold)):
        ratio = statistics.median(b / a for a, b in zip(rows, echoed))
        print(f"  {name}  {statistics.median(rows):8.1f} CPU us/call: {ratio:.2f} x the echo's calls per core")


def strangers(ca, number, count=2000):
    """DER of that many leaves of one key, one after the other; `number` makes them new."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding
    key, now = ec.generate_private_key(ec.SECP256R1()).public_key(), datetime.datetime.utcnow()
    out = []
    for serial in range(count):
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"stranger {number}-{serial}")])
        out.append(x509.CertificateBuilder().subject_name(name).issuer_name(ca.certificate.subject).public_key(key)
                   .serial_number(1 + serial).not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=1)).sign(ca.private, hashes.SHA256())
                   .public_bytes(Encoding.DER))
    return b"".join(out)


def rpc_load(gateway, port, leaf, seconds):
    done = subprocess.run(["taskset", "-c", str(LOAD_CPU), str(BUILD / "tests/bench/bench_rpc"), "load", f"127.0.0.1:{port}",
                           str(gateway.role_directory("dataplane")), "bench", str(leaf), str(seconds), "64"],
                          capture_output=True, text=True, timeout=60)
    result = json.loads(done.stdout or '{"failed": 1}')
    if result["failed"]:
        raise RuntimeError(f"calls failed: {done.stdout} {done.stderr[-1000:]}")
    return result


# Of `snapshot` a million keys take a minute and 2 GB: with --big.
MICRO = {"authorize": "Memo|LoopCache|ProcessCache", "decide": ".", "verify": ".", "snapshot": "(Write|Find).*/1000$"}


def micro_benchmarks(big):
    """Memo and cache hits, decision time with 1,000 and 1,000,000 keys, path validation, one write and the memory of
    a key: CPU time."""
    for name, pattern in MICRO.items():
        if big:
            pattern = pattern.replace("/1000$", "/(1000|1000000)$")
        done = subprocess.run(["taskset", "-c", str(SERVER_CPU), str(BUILD / f"tests/bench/bench_{name}"),
                               f"--benchmark_filter={pattern}", "--benchmark_format=json"],
                              capture_output=True, text=True, timeout=900)
        for row in json.loads(done.stdout)["benchmarks"]:
            if row.get("error_occurred"):
                raise RuntimeError(f"{row['name']}: {row['error_message']}")
            memory = f", {row['bytes_per_key']:.0f} bytes of memory a key" if "bytes_per_key" in row else ""
            print(f"  {row['name']:45} {row['cpu_time']:12.1f} {row['time_unit']} CPU{memory}")
        sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--case", action="append", choices=sorted(CASES))
    parser.add_argument("--big", action="store_true", help="also a snapshot of 1,000,000 keys (a minute, 2 GB)")
    args = parser.parse_args()
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {platform.release()}; server on core {SERVER_CPU}, "
          f"load and upstream on core {LOAD_CPU}; median of {args.rounds} rounds of {args.seconds} s")
    everything = []
    for name in args.case or CASES:
        measured = run_case(name, args)
        rows = summarise(name, measured)
        show(rows, measured)
        everything += rows
    if not args.case:
        authorize_beside_echo(args)
        micro_benchmarks(args.big)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"cases": everything}, indent=1) + "\n")
    return 1 if any(row["wrong_answers"] for row in everything) else 0


if __name__ == "__main__":
    sys.exit(main())
