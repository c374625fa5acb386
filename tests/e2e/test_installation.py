"""A real installation, as the README tells it: installed, set up for users of their own, the units' exact commands run as
those users, and every command of the README up to the first answer."""

import os
import pathlib
import re
import shutil
import stat
import subprocess
import tempfile

import pytest
import requests

from gateway import DEADLINE, Process, stop_all, wait_for
from origins import free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
AS_ROOT = os.geteuid() == 0
# Two that every Debian has. Without root all is one's own.
AUTHSVC_USER, DATAPLANE_USER = ("nobody", "daemon") if AS_ROOT else (subprocess.getoutput("id -un"),) * 2


def as_user(user, command):
    if not AS_ROOT:
        return list(command)
    # A sanitiser's report would go where this user may not write; so it goes to the output, and tells by the exit code.
    reports = [f"{name}={re.sub(':log_path=.*', '', value)}" for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")]
    return ["env", *reports, "setpriv", f"--reuid={user}", "--clear-groups", "--regid=65534", *command]


def blocks(section, language):
    text = README.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


class Installation:
    def __init__(self):
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="sallyport-installation-"))
        self.top.chmod(0o755)
        self.prefix, self.etc, self.state, self.work = (self.top / name for name in ("usr", "etc", "var/lib", "work"))
        self.state.parent.mkdir()
        self.work.mkdir()
        self.ports = {port: free_port() for port in (8443, 9180, 9443, 9464, 9465, 8000)}
        self.running = []
        done = subprocess.run(["cmake", "--install", os.environ["BUILD_UNDER_TEST"], "--prefix", str(self.prefix)],
                              capture_output=True, text=True, timeout=4 * DEADLINE)
        assert done.returncode == 0, done.stdout + done.stderr

    def run(self, command, check=True):
        """A command of the README, on other places, ports and users."""
        for what, instead in (("sudo ", ""), ("/etc/sallyport", str(self.etc)), ("/var/lib/sallyport", str(self.state)),
                              ("sallyport-authsvc \\", f"{AUTHSVC_USER} \\"),
                              ("--dataplane-owner sallyport-dataplane", f"--dataplane-owner {DATAPLANE_USER}")):
            command = command.replace(what, instead)
        for port, other in self.ports.items():
            command = re.sub(rf"\b{port}\b", str(other), command)
        environment = {**os.environ, "PATH": f"{self.prefix}/bin:{os.environ['PATH']}",
                       "SALLYPORT_CONTEXT": str(self.etc / "sallyctl.yaml")}
        done = subprocess.run(["bash", "-euc", command], cwd=self.work, env=environment, capture_output=True, text=True,
                              timeout=4 * DEADLINE)
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done

    def unit(self, name):
        return (self.prefix / "lib/systemd/system" / f"{name}.service").read_text()

    def command_of(self, name):
        """The unit's ExecStart, on this place."""
        command = re.search(r"^ExecStart=(.*)$", self.unit(name), re.M).group(1)
        return command.replace("/etc/sallyport", str(self.etc)).split()

    def start(self, name, user, port):
        environment = dict(re.findall(r"^Environment=(\w+)=(.*)$", self.unit(name), re.M))
        process = Process(name, as_user(user, self.command_of(name)), self.top / f"{name}.log", env=environment)
        self.running.append(process)

        def ready():
            process.require_alive()
            try:
                return requests.get(f"http://127.0.0.1:{self.ports[port]}/readyz", timeout=DEADLINE).status_code == 200
            except requests.ConnectionError:
                return False
        wait_for(ready, f"{name} is ready")
        return process

    def close(self):
        try:
            stop_all(reversed(self.running))
        finally:
            shutil.rmtree(self.top)


@pytest.fixture(scope="module")
def installation():
    made = Installation()
    yield made
    made.close()


@pytest.fixture(scope="module")
def initialised(installation):
    line = next(block for block in blocks("A real installation", "sh") if "sallyctl init" in block)
    command = re.search(r"sudo sallyctl init .*?(?<!\\)\n", line, re.S).group(0)
    installation.printed = installation.run(command).stdout
    for name in ("authsvc.yaml", "dataplane.yaml", "sallyctl.yaml"):
        path = installation.etc / name
        facts, text = path.stat(), path.read_text()
        for port, other in installation.ports.items():
            text = re.sub(rf"\b{port}\b", str(other), text)
        path.write_text(text)
        assert stat.S_IMODE(facts.st_mode) == 0o600
    return installation


def test_what_is_installed(installation):
    for name in ("sallyport-authsvc", "sallyport-dataplane", "sallyport-script", "sallyctl"):
        assert os.access(installation.prefix / "bin" / name, os.X_OK)
    for path in ("lib/sysusers.d/sallyport.conf", "share/sallyport/prometheus/alerts.yml"):
        assert (installation.prefix / path).is_file()
    for name in ("sallyport-authsvc", "sallyport-dataplane"):
        unit = installation.unit(name)
        assert f"ExecStart={installation.prefix}/bin/{name} --config /etc/sallyport/" in unit
        assert f"User={name}" in unit and f"\nu {name} " in "\n" + (ROOT / "deploy/systemd/sallyport.conf").read_text()
        if shutil.which("systemd-analyze"):
            verified = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                                       str(installation.prefix / f"lib/systemd/system/{name}.service")],
                                      capture_output=True, text=True, timeout=2 * DEADLINE)
            complaints = [line for line in verified.stderr.splitlines() if f"{name}.service" in line]
            assert verified.returncode == 0 and not complaints, verified.stderr


def test_every_file_is_its_services_own(initialised):
    import pwd
    authsvc, dataplane, mine = pwd.getpwnam(AUTHSVC_USER).pw_uid, pwd.getpwnam(DATAPLANE_USER).pw_uid, os.geteuid()
    for name, owner in (("master.key", authsvc), ("authsvc.yaml", authsvc), ("tls/authsvc/tls.key", authsvc),
                        ("dataplane.yaml", dataplane), ("tls/dataplane/tls.key", dataplane),
                        ("tls/traffic/tls.key", dataplane), ("ca/ca.key", mine), ("tls/admin/tls.key", mine),
                        ("sallyctl.yaml", mine)):
        facts = (initialised.etc / name).stat()
        assert facts.st_uid == owner and stat.S_IMODE(facts.st_mode) == 0o600, name
    assert initialised.state.stat().st_uid == authsvc and stat.S_IMODE(initialised.state.stat().st_mode) == 0o700
    assert f"sqlite:{initialised.state}/authsvc.db" in (initialised.etc / "authsvc.yaml").read_text()
    if AS_ROOT:
        for name in ("master.key", "authsvc.yaml", "tls/authsvc/tls.key", "ca/ca.key", "tls/admin/tls.key"):
            done = subprocess.run(as_user(DATAPLANE_USER, ["cat", str(initialised.etc / name)]), capture_output=True)
            assert done.returncode != 0 and done.stdout == b"", f"the data plane's user reads {name}"


def test_init_for_a_user_that_is_not_there_makes_nothing(installation, tmp_path):
    done = installation.run(f"sallyctl init {tmp_path}/x --owner no-such-user", check=False)
    assert done.returncode == 4 and "useradd" in done.stderr
    assert not (tmp_path / "x").exists()


def test_the_units_commands_run_and_the_readme_leads_to_an_answer(initialised):
    for name, user in (("sallyport-authsvc", AUTHSVC_USER), ("sallyport-dataplane", DATAPLANE_USER)):
        checked = subprocess.run(as_user(user, [*initialised.command_of(name), "--check-config"]), capture_output=True,
                                 text=True, timeout=2 * DEADLINE)
        assert checked.returncode == 0, checked.stderr
    assert not (initialised.state / "authsvc.db").exists(), "a check makes no file"
    initialised.start("sallyport-authsvc", AUTHSVC_USER, 9464)
    initialised.start("sallyport-dataplane", DATAPLANE_USER, 9465)
    (initialised.work / "orders.yaml").write_text(
        re.sub(r"\b8000\b", str(initialised.ports[8000]), blocks("A real installation", "yaml")[0]))
    server = Process("upstream", ["/usr/bin/python3", "-m", "http.server", str(initialised.ports[8000]), "--bind", "127.0.0.1",
                                  "--directory", str(initialised.work)], initialised.top / "upstream.log")
    try:
        steps = [block for block in blocks("A real installation", "sh")
                 if re.search(r"openssl req|sallyctl apply|curl", block) and "http.server" not in block]
        assert len(steps) == 3, "server certificate, API and key, call"
        for block in steps[:2]:
            initialised.run(block)
        wait_for(lambda: "Directory listing" in initialised.run(steps[2], check=False).stdout, "the README's call is answered")
        assert "orders.yaml" in initialised.run(steps[2]).stdout
        stranger = initialised.run(re.sub(r" --cert \S+ --key \S+", " -w ' %{http_code}'", steps[2]))
        assert stranger.stdout.endswith(" 401"), stranger.stdout
    finally:
        server.kill()


def test_renewed_control_certificates_keep_their_owners(initialised):
    before = (initialised.etc / "tls/dataplane/tls.crt").read_bytes()
    initialised.run(f"sallyctl pki renew {initialised.etc}")
    assert (initialised.etc / "tls/dataplane/tls.crt").read_bytes() != before
    test_every_file_is_its_services_own(initialised)
