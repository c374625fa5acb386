"""Load from one core, checked answers, and the CPU time that each operation cost the server."""

import json
import re
import subprocess
import tempfile

import peers
from servers import BUILD, HOST, LOAD_CPU

STREAMS = 32


def h2load(port, connections, seconds, body_bytes):
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
    short = abs(int(data.group(1)) - succeeded * body_bytes) > connections * STREAMS * body_bytes
    times = sorted(int(row[2]) for row in rows) or [0]
    return {"operations": succeeded, "seconds": seconds, "wrong": finished - succeeded + int(short), "errors": failed + errored,
            "p50_us": times[len(times) // 2], "p99_us": times[len(times) * 99 // 100], "p999_us": times[len(times) * 999 // 1000]}


def load_command(mode, port, pki, key_type, connections, seconds, body_bytes, rate=0):
    client = pki[f"client-{key_type}"]
    return ["taskset", "-c", str(LOAD_CPU), str(BUILD / "tests/bench/bench_load"), mode, "127.0.0.1", str(port), HOST,
            str(pki["ca"].cert), str(client.cert), str(client.key), str(connections), str(seconds), "/", str(body_bytes),
            str(rate)]


def load(case, port, pki, seconds, rate=0):
    if case.mode == "h2load":
        return h2load(port, case.connections, max(1, round(seconds)), case.body)
    command = load_command(case.mode, port, pki, case.key, case.connections, seconds, case.body, rate)
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60)
    if not done.stdout:
        raise RuntimeError(f"load generator: {done.stderr[-2000:]}")
    return json.loads(done.stdout)


def measure(server, case, pki, seconds, rate=0):
    """`server.pids`, where it has them: the processes whose CPU time counts."""
    pids = getattr(server, "pids", [server.pid])
    load(case, server.port, pki, 0.5, rate)
    split_before, before = [peers.cpu_seconds(pid) for pid in pids], sum(peers.cpu_exact(pid) for pid in pids)
    result = load(case, server.port, pki, seconds, rate)
    cpu = sum(peers.cpu_exact(pid) for pid in pids) - before
    split = [sum(after[i] - was[i] for after, was in zip((peers.cpu_seconds(pid) for pid in pids), split_before))
             for i in (0, 1)]
    operations = max(result["operations"], 1)
    total = sum(split) or 1
    return {"cpu_us": cpu / operations * 1e6, "user_us": cpu / operations * 1e6 * split[0] / total,
            "system_us": cpu / operations * 1e6 * split[1] / total,
            "per_second": result["operations"] / result["seconds"], "per_core": result["operations"] / max(cpu, 1e-9),
            "wrong": result["wrong"] + result["errors"], **{k: result[k] for k in ("p50_us", "p99_us", "p999_us")}}
