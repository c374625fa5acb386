"""Every sallyctl command that other tests do not run, against a running installation."""

import datetime
import json
import os
import shutil
import subprocess
import threading

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from gateway import DEADLINE, classic, wait_for

HOST = "tool.gw.test"


@pytest.fixture(scope="module")
def api(world):
    """An API that takes tokens."""
    origin = world.origin("tool")
    world.gateway.add_api(classic("tool", origin.url, domain=HOST,
                                  auth_configs={"authToken": {"auth_header_name": "Authorization"}}))
    return origin


def done(world, *arguments, **more):
    answer = world.gateway.run_ctl(*arguments, **more)
    assert answer.returncode == 0, f"{arguments}: {answer.stdout}{answer.stderr}"
    return answer.stdout


def with_token(world, token):
    return world.a.curl("/", host=HOST, headers=[f"Authorization: {token}"]).status


def wait_status(world, status, token):
    wait_for(lambda: with_token(world, token) == status, f"status {status}")


def test_version_and_context_for_scripts(world):
    version = json.loads(done(world, "version", "-o", "json"))
    assert version["program"] == "sallyctl" and version["version"] in done(world, "version")
    assert "version:" in done(world, "version", "-o", "yaml")
    context = json.loads(done(world, "context", "-o", "json"))
    assert context["endpoint"] == f"127.0.0.1:{world.gateway.grpc_port}" and context["tls_dir"].endswith("/admin")


def test_contexts_by_name(world, tmp_path):
    config = tmp_path / ".config/sallyport/config.yaml"
    config.parent.mkdir(parents=True)
    config.write_text(f"""current: here
contexts:
  here: {{endpoint: "127.0.0.1:{world.gateway.grpc_port}", tls_dir: {world.gateway.role_directory("admin")}}}
  reader: {{endpoint: "127.0.0.1:{world.gateway.grpc_port}", tls_dir: {world.gateway.role_directory("reader")}}}
  nowhere: {{endpoint: "127.0.0.1:1", tls_dir: {world.gateway.role_directory("admin")}}}
""")

    def run(*arguments, variable=None):
        environment = {**os.environ, "HOME": str(tmp_path)}
        environment.pop("SALLYPORT_CONTEXT", None)
        if variable:
            environment["SALLYPORT_CONTEXT"] = variable
        return subprocess.run([world.gateway.binary("sallyctl"), *arguments], capture_output=True, text=True, timeout=DEADLINE,
                              env=environment)
    assert run("context").stdout.splitlines()[1].startswith("here ")
    assert run("get", "api").returncode == 0
    assert run("get", "api", "--context", "nowhere").returncode == 3
    assert run("get", "api", "--context", "reader").returncode == 0
    assert run("delete", "api", "tool", "--context", "reader").returncode == 1, "a reader may not delete"
    assert run("context", variable="nowhere").stdout.splitlines()[1].startswith("nowhere ")
    unknown = run("get", "api", "--context", "elsewhere")
    assert unknown.returncode == 4 and "there are: here, reader, nowhere" in unknown.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_a_script_of_that_shell(world, shell, tmp_path):
    script = tmp_path / "script"
    script.write_text(done(world, "completion", shell, context=False))
    # zsh's is bash's behind one line that loads bashcompinit, so bash can judge both; zsh too where it is there.
    for judge in {"bash", shell if shutil.which(shell) else "bash"}:
        checked = subprocess.run([judge, "-n", str(script)], capture_output=True, text=True, timeout=DEADLINE)
        assert checked.returncode == 0, checked.stderr
    if shell == "bash":
        completed = subprocess.run(["bash", "-c", f'''source {script}; COMP_WORDS=(sallyctl key c); COMP_CWORD=2; _sallyctl
                                    echo "${{COMPREPLY[@]}}"; COMP_WORDS=(sallyctl init --st); _sallyctl
                                    echo "${{COMPREPLY[@]}}"'''], capture_output=True, text=True, timeout=DEADLINE, cwd=tmp_path)
        assert completed.stdout.split() == ["create", "--state-dir"], completed
    refused = world.gateway.run_ctl("completion", "fish", context=False)
    assert refused.returncode == 2


def test_watch_prints_changes_as_they_happen(world, api):
    command = [world.gateway.binary("sallyctl"), "watch", "--kind", "Policy", "-o", "json", "--after",
               str(json.loads(done(world, "get", "api", "-o", "json"))[0].get("revision", 0) or 1)]
    lines, some = [], threading.Condition()
    watch = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                             env={**os.environ, "SALLYPORT_CONTEXT": str(world.gateway.context_file())})

    def read():
        for line in watch.stdout:
            with some:
                lines.append(json.loads(line))
                some.notify_all()
    reader = threading.Thread(target=read)
    reader.start()
    try:
        policy = {"apiVersion": "sallyport/v1", "kind": "Policy", "id": "watched", "orgId": "default"}
        done(world, "apply", "-f", "-", stdin=json.dumps(policy))
        done(world, "delete", "policy", "watched")
        with some:
            assert some.wait_for(lambda: len(lines) >= 2, DEADLINE), lines
        assert [(line["kind"], line["id"], line["deleted"]) for line in lines] == [
            ("Policy", "watched", False), ("Policy", "watched", True)]
        assert lines[0]["revision"] < lines[1]["revision"]
    finally:
        watch.terminate()
        watch.wait(DEADLINE)
        reader.join(DEADLINE)
    unknown = world.gateway.run_ctl("watch", "--kind", "Polcy")
    assert unknown.returncode == 2 and "policy" in unknown.stderr


def test_a_key_with_expiry_rate_and_quota(world, api):
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=720)
    made = json.loads(done(world, "key", "create", "--token", "--api", "tool", "--alias", "limited", "--expires", "720h",
                           "--rate", "2/10m", "--quota", "3/24h", "-o", "json"))
    wait_status(world, 200, made["token"])
    shown = json.loads(done(world, "key", "show", made["id"], "-o", "json"))
    text = json.dumps(shown)
    assert "limited" in text and made["token"] not in text
    expires = int(next(value for name, value in walk(shown) if name.lower() in ("expiresunix", "expires_unix")))
    assert abs(expires - ends.timestamp()) < 120
    assert "limited" in done(world, "key", "show", made["id"], "-o", "yaml")
    statuses = [with_token(world, made["token"]) for _ in range(5)]
    assert 429 in statuses or 403 in statuses, f"the limits hold: {statuses}"
    for wrong in (("--rate", "fast"), ("--quota", "-1/24h"), ("--expires", "yesterday")):
        refused = world.gateway.run_ctl("key", "create", "--token", "--api", "tool", *wrong)
        assert refused.returncode == 2 and wrong[0] in refused.stderr, wrong


def walk(node):
    if isinstance(node, dict):
        for name, value in node.items():
            yield name, value
            yield from walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value)


def test_a_token_is_rotated(world, api):
    made = json.loads(done(world, "key", "create", "--token", "--api", "tool", "-o", "json"))
    wait_status(world, 200, made["token"])
    both = json.loads(done(world, "key", "rotate", made["id"], "--keep-old", "-o", "json"))
    wait_status(world, 200, both["token"])
    assert with_token(world, made["token"]) == 200, "the old one is kept"
    last = json.loads(done(world, "key", "rotate", made["id"], "-o", "json"))
    wait_status(world, 200, last["token"])
    world.gateway.settle()
    assert with_token(world, made["token"]) == 403 and with_token(world, both["token"]) == 403
    assert world.gateway.run_ctl("key", "rotate", "no-such-key").returncode == 4


def test_a_certificate_is_shown_by_id_and_by_file_and_removed(world):
    pair = world.pki.self_signed("shown and removed")
    added = json.loads(done(world, "cert", "add", str(pair.cert), "-o", "json"))[0]
    by_id = json.loads(done(world, "cert", "show", added["id"], "-o", "json"))
    by_file = json.loads(done(world, "cert", "show", str(pair.cert), "-o", "json"))
    assert pair.fingerprint in json.dumps(by_id) and pair.fingerprint in json.dumps(by_file)
    assert "shown and removed" in done(world, "cert", "show", added["id"])
    done(world, "cert", "rm", added["id"])
    assert world.gateway.run_ctl("cert", "show", added["id"]).returncode == 4
    assert world.gateway.run_ctl("cert", "rm", added["id"]).returncode == 4


def test_der_and_pkcs12_go_into_the_store(world, tmp_path):
    issuer = world.client_ca
    der, protected = world.client("from der"), world.client("from pkcs12")
    (tmp_path / "client.der").write_bytes(der.der)
    added = json.loads(done(world, "cert", "add", str(tmp_path / "client.der"), "-o", "json"))[0]
    assert added["id"].endswith(der.fingerprint)
    (tmp_path / "client.p12").write_bytes(pkcs12.serialize_key_and_certificates(
        b"client", protected.private, protected.certificate, [issuer.certificate],
        serialization.BestAvailableEncryption(b"correct horse")))
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "wrong").write_text("battery staple\n")
    refused = world.gateway.run_ctl("cert", "add", str(tmp_path / "client.p12"), "--password-file", str(tmp_path / "wrong"))
    assert refused.returncode == 1 and "battery" not in refused.stdout + refused.stderr
    added = json.loads(done(world, "cert", "add", str(tmp_path / "client.p12"), "--password-file", str(tmp_path / "password"),
                            "--name", "from-pkcs12", "-o", "json"))[0]
    assert added["id"].endswith(protected.fingerprint)
    shown = done(world, "cert", "show", added["id"])
    assert "from-pkcs12" in shown and "correct horse" not in shown
    made = done(world, "key", "create", "--cert", str(tmp_path / "client.p12"), "--password-file", str(tmp_path / "password"),
                "--api", "tool")
    assert "key " in made


def findings(world):
    answer = world.gateway.run_ctl("doctor", "-o", "json")
    assert answer.stdout, answer.stderr
    return json.loads(answer.stdout)


def has(world, area, *words, level=None):
    return any(row["area"] == area and all(word in row["text"] for word in words) and level in (None, row["level"])
               for row in findings(world))


def test_doctor_rows(world, api):
    soon = world.pki.issue("soon over", world.client_ca, days=(-1, 5))
    added = json.loads(done(world, "cert", "add", str(soon.cert), "-o", "json"))[0]
    assert has(world, "expiring", added["id"], level="warning")
    origin = world.tls_origin("doctor")
    definition = classic("doctored", origin.url, domain="doctored.gw.test", use_keyless=True,
                         upstream_certificates={"*": "default" + "ab" * 32})
    definition["proxy"]["transport"] = {"ssl_insecure_skip_verify": True}
    world.gateway.add_api(definition)
    assert has(world, "insecure", "doctored", level="warning")
    assert has(world, "pending", "ab" * 32, level="warning")
    assert has(world, "control certificate", "authsvc's own", level="ok")
    assert has(world, "control certificate", "default/replica-0", level="ok")
    done(world, "delete", "api", "doctored")
    assert not has(world, "insecure", "doctored") and not has(world, "pending", "ab" * 32)


def test_doctor_tells_who_is_gone_and_who_is_back(world):
    replica = world.gateway.start_dataplane(system_trust=world.trust, name="leaves")
    assert has(world, "data planes", "default/leaves", level="ok")
    replica.kill()
    wait_for(lambda: has(world, "data planes", "default/leaves", "gone since", level="warning"), "doctor says that it is gone")
    again = world.gateway.start_dataplane(system_trust=world.trust, name="leaves")
    assert not has(world, "data planes", "gone since") and has(world, "data planes", "default/leaves", level="ok")
    again.stop()


def test_certificates_that_no_store_holds_are_in_the_metrics(world):
    import requests
    text = requests.get(f"http://127.0.0.1:{world.gateway.metrics_port}/metrics", timeout=DEADLINE).text
    for role in ("control", "dataplane_control"):
        assert f'sallyport_certificate_not_after_seconds{{role="{role}"}}' in text
    now = datetime.datetime.now().timestamp()
    for role, days in (("listener", 30), ("control", 365)):
        ends = world.a.metric("sallyport_certificate_not_after_seconds", role=role)
        assert abs(ends - now - days * 86400) < 86400, role
