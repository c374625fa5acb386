"""Where the data plane's time goes: samples of `perf` under the load of a case, by what the function that ran is for."""

import collections
import re
import shutil
import signal
import subprocess
import tempfile

import loads
from cases import CASES
from special import Bench

CASES_SHOWN = ("h1_keepalive_plain", "handshake_get_p256", "h2_32streams")
# The first that fits (library, function).
KINDS = [("system calls", r"^\[kernel|^\[vdso"),
         ("TLS and its crypto", r"^lib(ssl|crypto)|TlsStream|Tls13|KnownLea|HelloCallback|TicketCallbacks|ServerConnection"),
         ("memory: taking, giving back, copying", r"^libc\.so.* (_int_|malloc|cfree|free|realloc|calloc|unlink_chunk|__mem(move|set|cpy)|sysmalloc)"
                                                 r"|KeptMemory|ForOpenssl"),
         ("HTTP: parsing and writing", r"^libnghttp2|Parse|ReadFields|ReadPlain|RequestFields|FieldBlock|NamedOf|CollectFraming|FindField|"
                                       r"AppendRequest|AppendHead|CleanResponse|Http2Session|HeadField|RequestHead"),
         ("loop and coroutines", r"boost::asio|Waiters|Readiness|Poller|Loop::|Deadline|Signal"),
         ("access log, metrics, records", r"Json|AccessL|Metric|Observe|Telemetry|Histogram|Sheet|AllowedRing"),
         ("route, decision, forwarding: the rest of ours", r"sallyport-datap"), ("other libraries", r"")]


def kind_of(row):
    return next(name for name, pattern in KINDS if re.search(pattern, row))


def shares(pid, work):
    """{kind: share of the samples} while `work` runs."""
    with tempfile.NamedTemporaryFile(prefix="sallyport-perf-") as data:
        recorder = subprocess.Popen(["perf", "record", "-q", "-F", "1999", "-o", data.name, "-p", str(pid)],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        row = work()
        recorder.send_signal(signal.SIGINT)
        recorder.wait(30)
        report = subprocess.run(["perf", "report", "-i", data.name, "--no-children", "--stdio", "--sort", "dso,symbol",
                                 "--field-separator", "|"], capture_output=True, text=True, timeout=120)
    found = collections.Counter()
    for line in report.stdout.splitlines():
        parts = [part.strip() for part in line.split("|", 2)]
        if len(parts) == 3 and not line.startswith("#"):
            function = re.sub(r"^\[.\] ", "", parts[2])
            found[kind_of(f"{parts[1]} {function}")] += float(parts[0].rstrip("%"))
    total = sum(found.values())
    if total == 0:
        raise RuntimeError(f"perf has no samples: {report.stderr[-500:]}")
    return {kind: share / total for kind, share in found.items()}, row


def show(seconds):
    if shutil.which("perf") is None:
        print("where the time goes: left out, there is no `perf` here (linux-perf)")
        return
    columns = {}
    for name in CASES_SHOWN:
        case = CASES[name]
        with Bench(case) as bench:
            ours = bench.ours(mutual=not case.http2)
            loads.load(case, ours.port, bench.pki, 0.5)
            found, row = shares(ours.pid, lambda: loads.measure(ours, case, bench.pki, max(seconds, 2)))
            columns[name] = (found, row["cpu_us"])
    print("where the time goes, us/op: " + ", ".join(f"{name} ({cpu:.1f})" for name, (_, cpu) in columns.items()))
    for kind, _ in KINDS:
        print(f"  {kind:46}" + "".join(f"{found.get(kind, 0) * cpu:9.1f} ({found.get(kind, 0):4.0%})"
                                       for found, cpu in columns.values()))
