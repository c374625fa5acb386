"""The real binaries, started as a user would start them, each on ports of its own."""

import contextlib
import ctypes
import dataclasses
import itertools
import json
import os
import pathlib
import re
import signal
import subprocess
import threading
import time

import requests
import urllib3

from origins import free_port
from pki import SERVER, Pki

urllib3.disable_warnings()
DEADLINE = float(os.environ.get("TEST_DEADLINE", "60"))
# How many times longer than Release the build under test may take where time is bounded; sanitisers are slower.
SLOWER = float(os.environ.get("TEST_SLOWER", "1"))
# Data planes wait longer than by default, so that whoever is held up for some seconds - a service, an upstream, the test
# itself - changes no answer. Tests about one of these times set it themselves, also those about the end of idle connections.
PATIENT = {"timeouts.drain_idle": 0, "authsvc.authorize_deadline": min(DEADLINE, 30), "timeouts.upstream_connect": DEADLINE,
           **{f"timeouts.{name}": 10 * DEADLINE for name in ("handshake", "strict_validation", "head", "body_idle", "keep_alive",
                                                             "write_idle", "upstream_first_byte", "upstream_idle")}}


def wait_for(condition, what, deadline=DEADLINE):
    """Waits until `condition()` is true (its value is returned); fails with `what` otherwise."""
    end = time.monotonic() + deadline
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"within {deadline} s: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def in_time(begin, seconds):
    """What `begin()` makes within so many seconds: a client that is held up itself shows nothing about the patience of a
    server, and begins anew."""
    def trial():
        started = time.monotonic()
        try:
            made = begin()
        except OSError:
            if time.monotonic() - started < seconds:
                raise
            return None
        if time.monotonic() - started < seconds:
            return made
        made.close()
        return None
    return wait_for(trial, f"begun within {seconds} s")


def best_of(trials, measure, bound):
    """The first result of `measure()` below `bound`, else the least: the machine may have stood still in some trials."""
    results = []
    for _ in range(trials):
        results.append(measure())
        if results[-1] < bound:
            break
    return min(results)


def lines_of(path):
    """The whole lines of a log that is being written."""
    return path.read_text(errors="replace").split("\n")[:-1]


def sum_of_samples(text, name, labels):
    """Of a metric's samples that have these labels."""
    total = 0.0
    for line in text.splitlines():
        match = re.match(r"([a-zA-Z0-9_:]+)(?:\{(.*)\})? (\S+)$", line)
        if match and match.group(1) == name:
            have = dict(re.findall(r'(\w+)="([^"]*)"', match.group(2) or ""))
            if all(have.get(key) == value for key, value in labels.items()):
                total += float(match.group(3))
    return total


class Process:
    def __init__(self, name, command, log, cpu=None, env=None, open_files=None):
        self.name, self.log = name, pathlib.Path(log)
        if open_files is not None:
            command = ["prlimit", f"--nofile={open_files}:{open_files}"] + command
        if cpu is not None:
            command = ["taskset", "-c", str(cpu)] + command
        with open(self.log, "ab") as out:
            self.popen = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                          env={**os.environ, **(env or {})})
        self.pid = self.popen.pid
        self._killed = False

    def text(self):
        return self.log.read_text(errors="replace")

    def lines(self, event):
        """The log's lines about an event; they come a moment after it."""
        return [line for line in lines_of(self.log) if f'"{event}"' in line]

    def alive(self):
        return self.popen.poll() is None

    def _ended(self):
        return AssertionError(f"{self.name} ended with {self.popen.returncode}:\n{self.text()[-4000:]}")

    def require_alive(self):
        if not self.alive():
            raise self._ended()
        return True

    def send(self, signal_number):
        self.popen.send_signal(signal_number)

    def freeze(self):
        """SIGSTOP, and every thread has stopped: one that runs may still answer."""
        self.send(signal.SIGSTOP)
        wait_for(self._all_stopped, f"{self.name} has stopped")

    def _all_stopped(self):
        tasks = pathlib.Path(f"/proc/{self.pid}/task")
        try:
            return all((task / "stat").read_text().rpartition(")")[2].split()[0] == "T" for task in tasks.iterdir())
        except (FileNotFoundError, ProcessLookupError):
            return False  # one has just ended

    def thaw(self):
        self.send(signal.SIGCONT)

    def stop(self, deadline=DEADLINE):
        """SIGTERM; a process that does not end in time, or not with 0, or that had ended before otherwise, is a
        failure. One that was killed has ended already."""
        if self._killed:
            return
        if self.alive():
            self.popen.send_signal(signal.SIGCONT)
            self.popen.send_signal(signal.SIGTERM)
        self.wait(deadline)

    def wait(self, deadline=DEADLINE):
        """Until it ends, which must be in time and with 0."""
        try:
            self.popen.wait(deadline)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end within {deadline} s:\n{self.text()[-4000:]}")
        if self.popen.returncode != 0:
            raise self._ended()

    def kill(self):
        self._killed = True
        self.popen.kill()
        self.popen.wait()

    def memory_kb(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


def stop_all(processes):
    """Every one of them, also when one of them fails."""
    failures = []
    for process in processes:
        try:
            process.stop()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


class Adopted:
    """What Process needs of a Popen, of a process that another one has started. When that one is gone it becomes ours:
    `become_subreaper` was called."""

    def __init__(self, pid):
        self.pid, self.returncode = pid, None

    @staticmethod
    def become_subreaper():
        pr_set_child_subreaper = 36
        assert ctypes.CDLL(None, use_errno=True).prctl(pr_set_child_subreaper, 1, 0, 0, 0) == 0

    def poll(self):
        if self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid == self.pid:
                    self.returncode = os.waitstatus_to_exitcode(status)
            except ChildProcessError:
                pass  # its parent is there still
        return self.returncode

    def wait(self, timeout=None):
        try:
            wait_for(lambda: self.poll() is not None, "its end", timeout or DEADLINE)
        except AssertionError:
            raise subprocess.TimeoutExpired(str(self.pid), timeout)

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


@dataclasses.dataclass
class Answer:
    status: int          # 0: no HTTP answer
    headers: dict        # lower-case names
    body: str
    exit_code: int
    error: str

    def json(self):
        return json.loads(self.body)

    @property
    def message(self):
        return self.json().get("error")


class Replica(Process):
    def __init__(self, gateway, command, log, port, metrics_port, **more):
        super().__init__(f"dataplane:{port}", command, log, **more)
        self.gateway, self.port, self.metrics_port = gateway, port, metrics_port
        self.predecessors = []

    def upgrade(self):
        """SIGUSR2, and the successor serves: from now on this is about that one."""
        Adopted.become_subreaper()
        before = len(self.lines("upgrade.taken_over"))
        self.send(signal.SIGUSR2)
        wait_for(lambda: len(self.lines("upgrade.taken_over")) > before or self.popen.poll() is not None, "it is taken over")
        line = self.lines("upgrade.taken_over")[-1]
        self.predecessors.append(self.popen)
        self.popen = Adopted(json.loads(line)["pid"])
        self.pid = self.popen.pid

    def stop(self, deadline=DEADLINE):
        super().stop(deadline)
        self.predecessors_end()

    def predecessors_end(self):
        for popen in self.predecessors:
            popen.wait(DEADLINE)
            assert popen.returncode == 0, self.text()[-4000:]

    def get(self, path):
        return requests.get(f"http://127.0.0.1:{self.metrics_port}{path}", timeout=DEADLINE)

    def answers(self, path):
        self.require_alive()
        try:
            return self.get(path).status_code == 200
        except requests.ConnectionError:
            return False

    def ready(self):
        return self.answers("/readyz")

    def metric(self, name, **labels):
        """Of all loops. A request is counted a moment after its answer."""
        return sum_of_samples(self.get("/metrics").text, name, labels)

    def curl(self, path="/", client=None, host="api.gw.test", chain=None, method=None, data=None, headers=(),
             options=(), sni=None):
        """Real curl. `client` is a Pair; `chain` a PEM file to send instead of its certificate."""
        command = ["curl", "-sS", "-i", "--max-time", str(DEADLINE), "--cacert", str(self.gateway.server_ca.cert),
                   "--connect-to", f"::127.0.0.1:{self.port}", f"https://{sni or host}:{self.port}{path}",
                   "-H", f"Host: {host}"]
        if client is not None:
            command += ["--cert", str(chain or client.cert), "--key", str(client.key)]
        if method == "HEAD":
            command += ["-I"]
        elif method is not None:
            command += ["-X", method]
        if data is not None:
            command += ["--data-binary", data]
        for header in headers:
            command += ["-H", header]
        done = subprocess.run(command + list(options), capture_output=True, timeout=2 * DEADLINE)
        return _parse_answer(done)


def _parse_answer(done):
    text = done.stdout.decode(errors="replace")
    status, headers, body = 0, {}, ""
    while text.startswith("HTTP/"):
        head, _, text = text.partition("\r\n\r\n")
        lines = head.split("\r\n")
        status, body = int(lines[0].split()[1]), text
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if status >= 200:
            break
    return Answer(status, headers, body, done.returncode, done.stderr.decode(errors="replace"))


class Gateway:
    """One authsvc and its data planes in a directory made by `sallyctl init`."""

    def __init__(self, directory, build=None):
        self.directory = pathlib.Path(directory)
        self.build = pathlib.Path(build or os.environ["BUILD_UNDER_TEST"])
        self.home = self.directory / "installation"
        self.pki = Pki(self.directory / "pki")
        self.server_ca = self.pki.issue("Gateway server CA", ca=True)
        self.grpc_port, self.admin_port, self.metrics_port = free_port(), free_port(), free_port()
        self.authsvc, self.others, self.replicas = None, [], []
        self._numbers = itertools.count()
        init = self.run_ctl("init", str(self.home), context=False)
        assert init.returncode == 0, init.stdout + init.stderr
        self.admin_key = re.search(r"admin key[^:]*:\s*(\S+)", init.stdout, re.I).group(1)

    def role_directory(self, role):
        return self.home / "tls" / role

    def context_file(self):
        """What `sallyctl init` wrote, with the port of this gateway."""
        context = self.directory / "sallyctl.yaml"
        made = self.directory / f"sallyctl-{threading.get_ident()}.yaml"  # who reads it meanwhile reads all of it
        made.write_text(f'endpoint: "127.0.0.1:{self.grpc_port}"\ntls_dir: "{self.role_directory("admin")}"\n')
        return made.replace(context)

    def binary(self, name):
        if name == "sallyctl" and "SALLYCTL" in os.environ:
            return os.environ["SALLYCTL"]
        return str(next(path for path in (self.build / folder / name for folder in
                                          ("authsvc", "dataplane", "authsvc/ctl")) if path.exists()))

    def run_ctl(self, *arguments, context=True, stdin=None, timeout=4 * DEADLINE):
        command = [self.binary("sallyctl"), *arguments]
        environment = {**os.environ}
        if context:
            environment["SALLYPORT_CONTEXT"] = str(self.context_file())
        return subprocess.run(command, capture_output=True, text=True, input=stdin, timeout=timeout, env=environment)

    def apply(self, *documents, code=0):
        """What `sallyctl apply` says to these documents together."""
        done = self.run_ctl("apply", "-f", "-", stdin="\n---\n".join(json.dumps(one) for one in documents))
        assert done.returncode == code, done.stdout + done.stderr
        if code == 0:
            self.settle()
        return done.stdout + done.stderr

    def explain(self, request_id, *options):
        """`sallyctl explain`, told when no data plane is held up: two seconds are waited for them."""
        def told():
            done = self.run_ctl("explain", "--request", request_id, *options)
            return None if "no answer from" in done.stderr else done
        return wait_for(told, "every data plane answers")

    def authsvc_command(self, *options):
        return self._authsvc_command(self.grpc_port, self.admin_port, self.metrics_port, options)

    def _authsvc_command(self, grpc_port, admin_port, metrics_port, options):
        return [self.binary("sallyport-authsvc"), "--config", str(self.home / "authsvc.yaml"),
                "--set", "grpc.address=127.0.0.1", "--set", f"grpc.port={grpc_port}",
                "--set", "admin.address=127.0.0.1", "--set", f"admin.port={admin_port}",
                "--set", f"metrics.port={metrics_port}", *options]

    def start_authsvc(self, cpu=None, options=(), wrapper=(), env=None):
        """`wrapper`: a command that becomes the authsvc whose command follows it."""
        self.authsvc = Process("authsvc", [*wrapper, *self.authsvc_command(*options)],
                               self.directory / "authsvc.log", cpu=cpu, env=env)
        wait_for(self.authsvc_ready, "authsvc is ready")

    def start_another_authsvc(self, options=()):
        """A second one on the same store, with ports of its own: see Process and these three."""
        ports = free_port(), free_port(), free_port()
        number = len(self.others) + 2
        other = Process(f"authsvc-{number}", self._authsvc_command(*ports, options),
                        self.directory / f"authsvc-{number}.log")
        other.grpc_port, other.admin_port, other.metrics_port = ports
        self.others.append(other)
        wait_for(lambda: self._is_ready(other, other.metrics_port), f"{other.name} is ready")
        return other

    def authsvc_metric(self, name, **labels):
        text = requests.get(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=DEADLINE).text
        return sum_of_samples(text, name, labels)

    def authsvc_ready(self):
        return self._is_ready(self.authsvc, self.metrics_port)

    @staticmethod
    def _is_ready(process, metrics_port):
        process.require_alive()
        try:
            return requests.get(f"http://127.0.0.1:{metrics_port}/readyz", timeout=DEADLINE).status_code == 200
        except requests.ConnectionError:
            return False

    def start_dataplane(self, cpu=None, threads=1, server=None, system_trust=None, access_log=None, name=None,
                        options=(), port=None, ready=True, default_certificate=True, program=None,
                        metrics_port=None, **more):
        port, metrics_port = port or free_port(), metrics_port or free_port()
        config = self.home / "dataplane.yaml"
        if not default_certificate:
            without = re.sub(r"    certificates:\n(?:      .*\n)+", "", config.read_text())
            config = self.directory / "dataplane-without-certificate.yaml"
            config.write_text(without)
        else:
            server = server or self.pki.issue("gateway server", self.server_ca, usages=[SERVER],
                                              sans=["*.gw.test", "localhost", "127.0.0.1"])
            options = ["--set", f"listeners.0.certificates.0.certificate_file={server.cert}",
                       "--set", f"listeners.0.certificates.0.key_file={server.key}", *options]
        trust = system_trust or self.directory / "empty-trust"
        trust.mkdir(exist_ok=True)
        patient = [word for setting, seconds in PATIENT.items() for word in ("--set", f"{setting}={seconds:.0f}s")]
        name = name or f"replica-{next(self._numbers)}"  # each with logs of its own
        replica = Replica(self, [
            program or self.binary("sallyport-dataplane"), "--config", str(config),
            "--set", f"name={name}", "--set", f"authsvc.targets.0=127.0.0.1:{self.grpc_port}",
            "--set", "listeners.0.address=127.0.0.1", "--set", f"listeners.0.port={port}",
            "--set", f"metrics.port={metrics_port}", *(("--set", f"threads={threads}") if threads else ()),
            "--set", f"system_trust={trust}", *patient,
            "--set", f"access_log={access_log or self.directory / (name + '.access.log')}", *options],
            self.directory / f"{name}.log", port, metrics_port, cpu=cpu, **more)
        self.replicas.append(replica)
        if ready:
            wait_for(replica.ready, f"{name} is ready")
        return replica

    @contextlib.contextmanager
    def stopped_on_failure(self):
        """Nothing goes on running for a fixture that could not be made."""
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def stop(self):
        stop_all(self.replicas + self.others + ([self.authsvc] if self.authsvc else []))

    # Tyk's REST API.

    def rest(self, method, path, body=None, key=None, port=None, **more):
        if isinstance(body, (dict, list)):
            body = json.dumps(body)

        def answer():
            try:
                return (requests.request(method, f"https://127.0.0.1:{port or self.admin_port}{path}", data=body,
                                         timeout=2 * DEADLINE, headers={"X-Tyk-Authorization": key or self.admin_key},
                                         verify=False, **more),)
            except requests.exceptions.SSLError:
                return None  # nothing was sent: the listener waits 10 s for a handshake, and we were held up
        return wait_for(answer, "a handshake with the admin listener")[0]

    def add_certificate(self, pem, org="default"):
        answer = self.rest("POST", f"/tyk/certs?org_id={org}", pem)
        assert answer.status_code == 200, answer.text
        return answer.json()["id"]

    def delete_certificate(self, certificate_id, force=False):
        return self.rest("DELETE", f"/tyk/certs/{certificate_id}" + ("?force=true" if force else ""))

    def add_api(self, definition):
        answer = self.rest("POST", "/tyk/apis", definition)
        assert answer.status_code == 200, answer.text
        self.settle()
        return answer.json()

    def add_oas(self, definition):
        answer = self.rest("POST", "/tyk/apis/oas", definition)
        assert answer.status_code == 200, answer.text
        self.settle()

    def update_api(self, definition):
        answer = self.rest("PUT", f"/tyk/apis/{definition['api_id']}", definition)
        assert answer.status_code == 200, answer.text
        self.settle()
        return answer.json()

    def create_key(self, session):
        answer = self.rest("POST", "/tyk/keys/create", session)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def settle(self):
        """Until every data plane that runs has applied the newest revision, also one whose stream was just broken."""
        revision = self.authsvc_metric("sallyport_store_revision")
        wait_for(lambda: self.rest("GET", "/tyk/reload?block=true").status_code == 200, "the connected ones have it")
        for replica in self.replicas:
            if replica.alive():
                wait_for(lambda: replica.metric("sallyport_revision") >= revision, f"{replica.name} has revision {revision}")


def classic(api_id, target, listen_path="/", domain="api.gw.test", **more):
    """A Tyk Classic definition."""
    definition = {
        "name": api_id, "api_id": api_id, "org_id": "default", "active": True, "domain": domain,
        "proxy": {"listen_path": listen_path, "target_url": target, "strip_listen_path": True},
        "version_data": {"not_versioned": True, "default_version": "Default",
                         "versions": {"Default": {"name": "Default"}}},
    }
    definition.update(more)
    return definition


def oas(api_id, target, server=(), upstream=(), **document):
    """A Tyk OAS definition on a host of its own; `server` and `upstream` are more of these parts of the extension."""
    return {
        "openapi": "3.0.3", "info": {"title": api_id, "version": "1.0.0"}, "components": {}, "paths": {},
        "x-tyk-api-gateway": {
            "info": {"id": api_id, "name": api_id, "state": {"active": True}},
            "upstream": {"url": target, **dict(upstream)},
            "server": {"listenPath": {"value": "/", "strip": True},
                       "customDomain": {"enabled": True, "name": f"{api_id}.gw.test"}, **dict(server)},
        }, **document}


def session(api_id, certificate=None, **more):
    """A Tyk key session with access to one API."""
    made = {"org_id": "default", "rate": 0, "per": 0, "quota_max": -1, "expires": 0,
            "access_rights": {api_id: {"api_id": api_id, "api_name": api_id, "versions": ["Default"]}}}
    if certificate is not None:
        made["certificate"] = certificate
    made.update(more)
    return made
