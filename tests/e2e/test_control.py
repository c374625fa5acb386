"""The control side: gRPC roles, configuration, sallyctl."""

import hashlib
import json
import pathlib
import shutil
import subprocess
import time

import pytest

from gateway import DEADLINE, best_of, classic, session, wait_for

ASK = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "ask_authorize.py"


def ask(world, role, *arguments):
    command = ["/usr/bin/python3", str(ASK), "--target", f"127.0.0.1:{world.gateway.grpc_port}", "--tls",
               str(world.gateway.role_directory(role)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * DEADLINE)
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
                           str(tmp_path), "--api", "control"], capture_output=True, text=True, timeout=2 * DEADLINE)
    assert json.loads(done.stdout)["error"] == "UNAVAILABLE"


def test_both_services_check_their_file_and_refuse_unknown_settings(world):
    for binary, name in (("sallyport-authsvc", "authsvc.yaml"), ("sallyport-dataplane", "dataplane.yaml")):
        command = [world.gateway.binary(binary), "--config", str(world.gateway.home / name), "--check-config"]
        assert subprocess.run(command, capture_output=True, timeout=DEADLINE).returncode == 0
        typo = subprocess.run(command + ["--set", "log_levle=info"], capture_output=True, text=True, timeout=DEADLINE)
        assert typo.returncode != 0 and "log_level" in typo.stdout + typo.stderr


def test_environment_and_flags(world, monkeypatch):
    command = [world.gateway.binary("sallyport-authsvc"), "--config", str(world.gateway.home / "authsvc.yaml"),
               "--check-config"]
    monkeypatch.setenv("SALLYPORT_GRPC__PORT", "not-a-port")
    bad = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
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


def test_a_dry_run_names_who_would_be_refused(world):
    origin = world.origin("dry run")
    stays, goes = world.client("stays on the list"), world.client("leaves the list")
    ids = [world.gateway.add_certificate(pair.pem) for pair in (stays, goes)]

    def definition(allowed):
        return json.dumps(classic("dry", origin.url, domain="dry.gw.test", use_keyless=True, use_mutual_tls_auth=True,
                                  client_certificates=allowed))
    assert world.gateway.run_ctl("apply", "-f", "-", stdin=definition(ids)).returncode == 0
    world.gateway.settle()
    for pair in (stays, goes):
        assert world.a.curl("/", client=pair, host="dry.gw.test").status == 200
    dry = world.gateway.run_ctl("apply", "--dry-run", "-f", "-", stdin=definition(ids[:1]))
    assert dry.returncode == 0 and "Api/dry updated (dry run)" in dry.stdout
    assert "leaves the list" in dry.stderr and "CERT_NOT_ALLOWED" in dry.stderr and "API dry" in dry.stderr, dry.stderr
    assert "stays on the list" not in dry.stderr
    told = json.loads(world.gateway.run_ctl("apply", "--dry-run", "-f", "-", "-o", "json", stdin=definition(ids[:1])).stdout)
    assert [one["leaf"] for one in told["wouldBeRefused"]] == [goes.fingerprint]
    assert world.a.curl("/", client=goes, host="dry.gw.test").status == 200, "nothing was changed"


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
    assert "limits" in accepted.stdout and "plain HTTP, no certificate is shown or demanded" in accepted.stdout
    assert "limits" not in refused.stdout and "plain HTTP" not in refused.stdout
    doctor = ctl("doctor", "-o", "json")
    assert doctor.stdout, doctor.stderr
    assert "per replica" in ctl("doctor").stdout, "limits are counted per replica and two are connected"


def served(world, replica, pair, path="/"):
    """The request id of a request that `replica` let in."""
    answer = replica.curl(path, client=pair, host="control.gw.test")
    assert answer.status == 200, answer
    return answer.headers["x-request-id"]


def explain_once(world, request_id, *options):
    return world.gateway.run_ctl("explain", "--request", request_id, *options)


def explain(world, request_id, *options):
    return world.gateway.explain(request_id, *options)


def test_explain_finds_a_request_that_was_let_in(world, api):
    id_of_b = served(world, world.b, api, "/orders/7?access_token=s3cret")
    ids_of_a = [served(world, world.a, api) for _ in range(8)]  # of both its loops, most likely
    done = explain(world, id_of_b)
    assert done.returncode == 0, done.stderr
    for part in ("GET control.gw.test/orders/7 from 127.0.0.1 on API control", "let in by data plane replica-1",
                 "presented 1 of 1, whose key was proven: CN=control caller", api.fingerprint, 'allowed as "caller", key ',
                 "decided at revision", "sent to http://127.0.0.1", "it answered 200", "asked again at revision"):
        assert part in done.stdout, (part, done.stdout)
    assert "s3cret" not in done.stdout and "refused" not in done.stdout
    assert done.stdout.splitlines()[-1].startswith("allowed as caller (key ")
    for request_id in ids_of_a:
        found = json.loads(explain(world, request_id, "-o", "json").stdout)
        assert (found["allowed"], found["replica"], found["group"]) == (True, "replica-0", "default"), found
        assert found["identity"] == "caller" and found["key_id"] and found["revision"] > 0


def test_explain_keeps_to_what_happened_to_a_request_that_was_let_in_and_failed(world):
    pair = world.pki.self_signed("meets nobody")
    world.gateway.add_api(classic("nobody", "http://127.0.0.1:1/", domain="nobody.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}))
    world.gateway.create_key(session("nobody", world.gateway.add_certificate(pair.pem)))
    world.gateway.settle()
    answer = world.a.curl("/x", client=pair, host="nobody.gw.test")
    assert answer.status == 500
    request_id = answer.headers["x-request-id"]
    done = wait_for(lambda: (found := explain(world, request_id)).returncode == 0 and found, "it was reported")
    assert done.stdout.splitlines()[-1].startswith("refused: UPSTREAM_CONNECT"), done.stdout
    assert "the caller was let in; the upstream failed" in done.stdout and "now: asked again" in done.stdout
    found = json.loads(explain(world, request_id, "-o", "json").stdout)
    assert found["allowed"] is False and found["reason"] == "UPSTREAM_CONNECT"


def test_explain_says_what_has_changed_since(world):
    pair = world.pki.self_signed("allowed once")
    certificate_id = world.gateway.add_certificate(pair.pem)
    key = world.gateway.create_key(session("control", certificate_id, alias="once"))
    world.gateway.settle()
    request_id = served(world, world.a, pair)
    assert world.gateway.rest("DELETE", f"/tyk/keys/{key['key']}").status_code == 200
    world.gateway.settle()
    done = explain(world, request_id)
    assert done.returncode == 0 and "it would be refused with CERT_UNKNOWN" in done.stdout, done.stdout
    assert done.stdout.splitlines()[-1].startswith("allowed as once"), "it was, and that is what was asked"


def test_explain_of_a_token_tells_neither_it_nor_its_hash(world):
    origin = world.origin("by token")
    world.gateway.add_api(classic("by-token", origin.url, domain="by-token.gw.test", use_keyless=False,
                                  auth_configs={"authToken": {}}))
    token = world.gateway.create_key(session("by-token", alias="token holder"))["key"]
    world.gateway.settle()
    answer = world.b.curl("/", host="by-token.gw.test", headers=[f"Authorization: {token}", "X-Private: s3cret"])
    assert answer.status == 200, answer
    done = explain(world, answer.headers["x-request-id"])
    assert "a token came by header" in done.stdout and 'allowed as "token holder"' in done.stdout, done.stdout
    assert "asked again at revision" in done.stdout and "refused" not in done.stdout, "its hash finds the key again"
    for secret in (token, hashlib.sha256(token.encode()).hexdigest(), "s3cret"):
        assert secret not in done.stdout + done.stderr


def test_explain_of_an_unknown_or_hostile_id(world, api):
    unknown = explain(world, "0" * 32)
    assert unknown.returncode == 4 and unknown.stdout == ""
    assert "asked 2 data planes connected to this auth service" in unknown.stderr and "no answer" not in unknown.stderr
    for hostile in ("a" * 65, "a b", "\x1b[2J", "../../x", "a" * 100_000, ";", "\n"):
        refused = explain(world, hostile)
        assert refused.returncode == 1 and "1 to 64 characters" in refused.stderr, (hostile[:70], refused)
        assert "\x1b" not in refused.stderr


def test_explain_forgets_what_was_overwritten_and_a_replica_may_keep_nothing(world, api):
    small = world.gateway.start_dataplane(system_trust=world.trust, name="small", options=["--set", "allowed_kept=3"])
    off = world.gateway.start_dataplane(system_trust=world.trust, name="off", options=["--set", "allowed_kept=0"])
    try:
        ids = [served(world, small, api) for _ in range(4)]
        assert explain(world, ids[0]).returncode == 4, "three came after it"
        for request_id in ids[1:]:
            assert "data plane small" in explain(world, request_id).stdout
        gone = explain(world, served(world, off, api))
        assert gone.returncode == 4 and "asked 3 data planes" in gone.stderr
        assert "not asked, because they keep none (allowed_kept: 0): off (group default)" in gone.stderr
    finally:
        for replica in (small, off):
            replica.stop()
            world.gateway.replicas.remove(replica)


def test_explain_does_not_wait_for_a_frozen_data_plane(world, api):
    of_b = served(world, world.b, api)
    of_a = served(world, world.a, api)
    world.a.freeze()

    def took():
        began = time.monotonic()
        done = explain_once(world, of_a)
        assert done.returncode == 4 and "no answer from replica-0 (group default)" in done.stderr, done
        # Where the other one was held up, too, this was no trial.
        return DEADLINE if "replica-1" in done.stderr else time.monotonic() - began
    try:
        wait_for(lambda: "data plane replica-1" in explain_once(world, of_b).stdout, "the other one has it")
        seconds = best_of(5, took, 10)
    finally:
        world.a.thaw()
    assert seconds < 10, f"{seconds:.1f} s: two are waited, not the 30 of the call"
    found = wait_for(lambda: (answer := explain_once(world, of_a)).returncode == 0 and answer.stdout, "thawed, it answers")
    assert "data plane replica-0" in found


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
    wait_for(lambda: line in requests.get(f"http://127.0.0.1:{world.gateway.metrics_port}/metrics", timeout=DEADLINE).text,
             "authsvc has the metric too")
    definition["proxy"]["transport"] = {}
    world.gateway.update_api(definition)
    for replica in (world.a, world.b):
        assert replica.metric("sallyport_insecure_setting", setting="insecure_skip_verify", api="insecure") == 0


def test_metrics_of_both_services(world, api):
    import requests
    assert world.a.curl("/", client=api, host="control.gw.test").status == 200
    assert "sallyport_" in requests.get(f"http://127.0.0.1:{world.gateway.metrics_port}/metrics", timeout=DEADLINE).text
    text = world.a.get("/metrics").text
    for line in text.splitlines():
        assert line.startswith("#") or " " in line
    assert "sallyport_requests_total" in text or "sallyport_decisions_total" in text
