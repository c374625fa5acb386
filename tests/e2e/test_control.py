"""The control side: gRPC roles, configuration, sallyctl."""

import json
import pathlib
import shutil
import subprocess

import pytest

from gateway import classic, session, wait_for

ASK = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "ask_authorize.py"


def ask(world, role, *arguments):
    command = ["/usr/bin/python3", str(ASK), "--target", f"127.0.0.1:{world.gateway.grpc_port}", "--tls",
               str(world.gateway.role_directory(role)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def api(world):
    origin = world.origin("control")
    pair = world.pki.self_signed("control caller")
    certificate_id = world.gateway.add_certificate(pair.pem)
    world.gateway.add_api(classic("control", origin.url, domain="control.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}))
    world.gateway.create_key(session("control", certificate_id, alias="caller"))
    world.gateway.settle()
    return pair


def test_a_third_party_may_ask_and_nothing_else(world, api):
    allowed = ask(world, "decision", "--api", "control", "--cert", str(api.cert))
    assert allowed["allowed"] is True and allowed["identity"] == "caller" and allowed["asserted"] is True
    refused = ask(world, "decision", "--api", "control", "--cert", str(world.pki.self_signed("unknown").cert))
    assert refused["allowed"] is False
    key = ask(world, "decision", "--upstream-key", "control", "localhost", "443")
    assert key["error"] == "PERMISSION_DENIED"


def test_a_client_certificate_is_no_control_certificate(world, api, tmp_path):
    shutil.copy(world.gateway.role_directory("decision") / "ca.crt", tmp_path / "ca.crt")
    shutil.copy(api.cert, tmp_path / "tls.crt")
    shutil.copy(api.key, tmp_path / "tls.key")
    done = subprocess.run(["/usr/bin/python3", str(ASK), "--target", f"127.0.0.1:{world.gateway.grpc_port}", "--tls",
                           str(tmp_path), "--api", "control"], capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout)["error"] == "UNAVAILABLE"


def test_both_services_check_their_file_and_refuse_unknown_settings(world):
    for binary, name in (("sallyport-authsvc", "authsvc.yaml"), ("sallyport-dataplane", "dataplane.yaml")):
        command = [world.gateway.binary(binary), "--config", str(world.gateway.home / name), "--check-config"]
        assert subprocess.run(command, capture_output=True, timeout=30).returncode == 0
        typo = subprocess.run(command + ["--set", "log_levle=info"], capture_output=True, text=True, timeout=30)
        assert typo.returncode != 0 and "log_level" in typo.stdout + typo.stderr


def test_environment_and_flags(world, monkeypatch):
    command = [world.gateway.binary("sallyport-authsvc"), "--config", str(world.gateway.home / "authsvc.yaml"),
               "--check-config"]
    monkeypatch.setenv("SALLYPORT_GRPC__PORT", "not-a-port")
    bad = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert bad.returncode != 0 and "grpc.port" in bad.stdout + bad.stderr


def test_apply_get_and_delete(world, tmp_path):
    definition = tmp_path / "api.json"
    definition.write_text(json.dumps(classic("applied", "http://127.0.0.1:1/", domain="applied.gw.test", use_keyless=True)))
    ctl = world.gateway.run_ctl
    first = ctl("apply", "-f", str(definition))
    assert first.returncode == 0 and "created" in first.stdout, first.stdout + first.stderr
    again = ctl("apply", "-f", str(definition))
    assert again.returncode == 0 and "unchanged" in again.stdout
    assert "applied" in ctl("get", "api").stdout
    assert json.loads(ctl("get", "api", "applied", "-o", "json").stdout)
    dry = ctl("apply", "--dry-run", "-f", "-", stdin=definition.read_text().replace("applied.gw.test", "moved.gw.test"))
    assert dry.returncode == 0 and "updated" in dry.stdout
    assert "applied.gw.test" in ctl("get", "api", "applied", "-o", "yaml").stdout
    assert ctl("delete", "api", "applied").returncode == 0
    missing = ctl("get", "api", "applied")
    assert missing.returncode != 0 and "applied" in missing.stderr


def test_one_refused_document_refuses_the_set(world, tmp_path):
    good = {"apiVersion": "sallyport/v1", "kind": "Policy", "id": "good-policy", "org_id": "default"}
    bad = {"apiVersion": "sallyport/v1", "kind": "Policy", "id": "bad-policy", "limit": {}}
    for name, document in (("a.json", good), ("b.json", bad)):
        (tmp_path / name).write_text(json.dumps(document))
    done = world.gateway.run_ctl("apply", "-f", str(tmp_path))
    assert done.returncode != 0 and "limits" in done.stdout + done.stderr
    assert world.gateway.run_ctl("get", "policy", "good-policy").returncode != 0


def test_certificates_and_keys(world, tmp_path):
    ctl = world.gateway.run_ctl
    origin = world.origin("ctl")
    world.gateway.add_api(classic("ctl", origin.url, domain="ctl.gw.test", auth_configs={"authToken": {"use_certificate": True}}))
    pair = world.pki.self_signed("ctl caller")
    made = ctl("key", "create", "--cert", str(pair.both), "--api", "ctl", "--alias", "from-ctl")
    assert made.returncode == 0, made.stdout + made.stderr
    assert "private key" in (made.stdout + made.stderr).lower(), "says that the private key was not sent"
    world.gateway.settle()
    assert world.a.curl("/", client=pair, host="ctl.gw.test").status == 200
    assert "from-ctl" in ctl("key", "ls").stdout
    listed = ctl("cert", "ls", "-o", "json")
    assert pair.fingerprint in listed.stdout
    key_id = next(key["id"] for key in json.loads(ctl("key", "ls", "-o", "json").stdout) if key.get("alias") == "from-ctl")
    assert ctl("key", "disable", key_id).returncode == 0
    world.gateway.settle()
    assert world.a.curl("/", client=pair, host="ctl.gw.test").status == 403
    assert ctl("key", "enable", key_id).returncode == 0
    world.gateway.settle()
    assert world.a.curl("/", client=pair, host="ctl.gw.test").status == 200
    assert ctl("key", "rm", key_id).returncode == 0
    world.gateway.settle()
    assert world.a.curl("/", client=pair, host="ctl.gw.test").status == 401


def test_a_stable_name_moves_to_the_renewed_certificate(world):
    ctl = world.gateway.run_ctl
    old, new = world.client("renewed"), world.client("renewed")
    assert ctl("cert", "add", str(old.cert), "--name", "partner").returncode == 0
    origin = world.origin("named")
    world.gateway.add_api(classic("named", origin.url, domain="named.gw.test", use_keyless=True, use_mutual_tls_auth=True,
                                  client_certificates=["name:partner"]))
    assert world.a.curl("/", client=old, host="named.gw.test").status == 200
    assert world.a.curl("/", client=new, host="named.gw.test").status == 403
    assert ctl("cert", "add", str(new.cert), "--name", "partner").returncode == 0
    world.gateway.settle()
    assert world.a.curl("/", client=new, host="named.gw.test").status == 200
    assert world.a.curl("/", client=old, host="named.gw.test").status == 403


def test_explain_and_doctor(world, api):
    ctl = world.gateway.run_ctl
    stranger = world.pki.self_signed("to explain")
    refused = ctl("explain", "--api", "control", "--cert", str(stranger.cert))
    assert "CERT_UNKNOWN" in refused.stdout
    accepted = ctl("explain", "--api", "control", "--cert", str(api.cert))
    assert accepted.returncode == 0 and "caller" in accepted.stdout
    doctor = ctl("doctor", "-o", "json")
    assert doctor.stdout, doctor.stderr
    assert "per replica" in ctl("doctor").stdout, "limits are counted per replica and two are connected"


def test_help_and_version(world):
    ctl = world.gateway.run_ctl
    assert ctl("version", context=False).returncode == 0
    for command in ("apply", "get", "delete", "cert", "key", "explain", "watch", "doctor", "init", "pki"):
        text = ctl(command, "--help", context=False)
        assert text.returncode == 0 and "sallyctl" in text.stdout, command
    unknown = ctl("aply", context=False)
    assert unknown.returncode == 2 and "apply" in unknown.stderr


def test_an_insecure_switch_in_force_is_a_metric_of_both_services(world):
    import requests
    origin = world.tls_origin("insecure origin")
    definition = classic("insecure", origin.url, domain="insecure.gw.test", use_keyless=True)
    definition["proxy"]["transport"] = {"ssl_insecure_skip_verify": True}
    assert world.a.metric("sallyport_insecure_setting", setting="insecure_skip_verify", api="insecure") == 0
    world.gateway.add_api(definition)
    for replica in (world.a, world.b):
        assert replica.metric("sallyport_insecure_setting", setting="insecure_skip_verify", api="insecure") == 1
    line = 'sallyport_insecure_setting{setting="insecure_skip_verify",api="insecure"} 1'
    wait_for(lambda: line in requests.get(f"http://127.0.0.1:{world.gateway.metrics_port}/metrics", timeout=5).text,
             "authsvc has the metric too")
    definition["proxy"]["transport"] = {}
    world.gateway.update_api(definition)
    for replica in (world.a, world.b):
        assert replica.metric("sallyport_insecure_setting", setting="insecure_skip_verify", api="insecure") == 0


def test_metrics_of_both_services(world, api):
    import requests
    assert world.a.curl("/", client=api, host="control.gw.test").status == 200
    assert "sallyport_" in requests.get(f"http://127.0.0.1:{world.gateway.metrics_port}/metrics", timeout=5).text
    text = world.a.get("/metrics").text
    for line in text.splitlines():
        assert line.startswith("#") or " " in line
    assert "sallyport_requests_total" in text or "sallyport_decisions_total" in text
