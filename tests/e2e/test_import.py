"""Moving in: the directory of a Tyk gateway becomes what it was there."""

import json

import pytest

from gateway import classic, oas, session
from pki import SERVER
from shell import shell
from test_access import versions


@pytest.fixture
def tyk(world, tmp_path):
    """A gateway's directory as an installation of Tyk has it: configuration, one API, one policy, certificates."""
    mine, partner = world.client("our own client"), world.client("partner")
    origin = world.tls_origin("imported upstream", client_ca=world.client_ca)
    for name in ("apps", "policies", "certs"):
        (tmp_path / name).mkdir()
    (tmp_path / "certs" / "upstream.pem").write_bytes(mine.pem + mine.key_pem)
    (tmp_path / "certs" / "partner.crt").write_bytes(partner.pem)
    (tmp_path / "tyk.conf").write_text(json.dumps({
        "listen_port": 8080, "secret": "hidden-value", "app_path": "/opt/tyk-gateway/apps/",
        "policies": {"policy_source": "file", "policy_record_name": "/opt/tyk-gateway/policies/policies.json"},
        "security": {"certificates": {"upstream": {"*": "certs/upstream.pem"}}}}))
    definition = classic("imported", origin.url, domain="imported.gw.test", use_keyless=True, use_mutual_tls_auth=True,
                         client_certificates=["certs/partner.crt"])
    (tmp_path / "apps" / "imported.json").write_text(json.dumps(definition))
    policies = tmp_path / "policies"
    (policies / "policies.json").write_text(json.dumps({"bronze": {
        "name": "bronze", "org_id": "default", "active": True, "rate": 5, "per": 1, "quota_max": -1,
        "access_rights": {"imported": {"api_id": "imported", "versions": ["Default"]}}}}))
    return tmp_path, partner, origin, definition


def run(world, directory, *flags):
    done = world.gateway.run_ctl("import", "tyk", str(directory), *flags)
    assert "hidden-value" not in done.stdout + done.stderr
    return done


def test_a_directory_is_brought_whole_and_again(world, tyk):
    directory, partner, origin, _ = tyk
    dry = run(world, directory, "--dry-run")
    assert dry.returncode == 0 and "Api/imported created (dry run)" in dry.stdout, dry.stdout + dry.stderr
    assert world.a.curl("/", client=partner, host="imported.gw.test").status == 404
    done = run(world, directory)
    assert done.returncode == 0 and "Policy/bronze created" in done.stdout, done.stdout + done.stderr
    world.gateway.settle()
    answer = world.a.curl("/", client=partner, host="imported.gw.test")
    assert answer.status == 200, answer.body
    assert origin.last().peer is not None  # the certificate of the file was shown to the upstream
    assert world.a.curl("/", client=world.client("stranger"), host="imported.gw.test").status == 403
    created = world.gateway.create_key(session("imported", apply_policies=["bronze"]))
    assert created
    again = run(world, directory)
    assert again.returncode == 0 and "created" not in again.stdout and "updated" not in again.stdout, again.stdout


def test_scripts_of_virtual_endpoints_are_brought_along(world, tyk):
    directory, _, origin, _ = tyk
    (directory / "middleware").mkdir()
    (directory / "middleware" / "hello.js").write_text('function hello() { return TykJsResponse({Body: "hello", Code: 200}, {}); }')
    scripted = classic("scripted", origin.url, domain="scripted.gw.test", use_keyless=True, **versions(virtual=[
        {"path": "^/hello", "method": "GET", "response_function_name": "hello", "function_source_type": "file",
         "function_source_uri": "/opt/tyk-gateway/middleware/hello.js"}]))
    (directory / "apps" / "scripted.json").write_text(json.dumps(scripted))
    done = run(world, directory)
    assert done.returncode == 0, done.stdout + done.stderr
    world.gateway.settle()
    assert world.a.curl("/hello", host="scripted.gw.test").body == "hello"
    (directory / "middleware" / "hello.js").unlink()
    done = run(world, directory)
    assert done.returncode == 1 and "virtual[0].function_source_type" in done.stdout, done.stdout + done.stderr


def test_a_definition_of_oas_stands_in_two_files(world, tyk):
    directory, _, origin, _ = tyk
    rendered = {**classic("oas-brought", origin.url, domain="oas-brought.gw.test", use_keyless=True), "is_oas": True}
    (directory / "apps" / "oas-brought.json").write_text(json.dumps(rendered))
    done = run(world, directory)
    assert done.returncode == 1 and "apply ID-oas.json" in done.stdout, "one alone is no API"
    (directory / "apps" / "oas-brought-oas.json").write_text(json.dumps(oas("oas-brought", world.origin("brought").url)))
    done = run(world, directory)
    assert done.returncode == 0 and "Api/oas-brought created" in done.stdout, done.stdout + done.stderr
    world.gateway.settle()
    assert world.a.curl("/", host="oas-brought.gw.test").status == 200


def test_key_pairs_of_the_listeners_are_brought_along(world, tyk):
    directory = tyk[0]
    pair = world.pki.issue("imported server", world.client_ca, usages=[SERVER], sans=["imported.server.test"])
    (directory / "certs" / "server").write_bytes(pair.pem)
    (directory / "certs" / "server-key").write_bytes(pair.key_pem)
    settings = json.loads((directory / "tyk.conf").read_text())
    settings["http_server_options"] = {"use_ssl": True, "certificates": [
        {"domain_name": "*", "cert_file": "/opt/tyk-gateway/certs/server", "key_file": "/opt/tyk-gateway/certs/server-key"}]}
    (directory / "tyk.conf").write_text(json.dumps(settings))
    done = run(world, directory)
    assert done.returncode == 0, done.stdout + done.stderr
    world.gateway.settle()
    shown = shell(directory, f"openssl s_client -connect 127.0.0.1:{world.a.port} -servername imported.server.test </dev/null "
                             "2>/dev/null | openssl x509 -noout -subject")
    assert "imported server" in shown
    (directory / "certs" / "server-key").unlink()
    done = run(world, directory)
    assert done.returncode == 1 and "http_server_options.certificates[0]" in done.stdout, done.stdout + done.stderr


def test_what_does_not_exist_here_refuses_all_by_name(world, tyk):
    directory, _, _, definition = tyk
    other = {**definition, "api_id": "plugged", "domain": "plugged.gw.test",
             "custom_middleware": {"pre": [{"name": "x", "path": "x.js"}]}}
    (directory / "apps" / "plugged.json").write_text(json.dumps(other))
    done = run(world, directory)
    assert done.returncode == 1 and "custom_middleware.pre" in done.stdout, done.stdout + done.stderr
    assert "nothing was applied" in done.stderr


def test_a_file_that_is_not_there_is_no_certificate(world, tyk):
    directory = tyk[0]
    (directory / "certs" / "partner.crt").unlink()
    done = run(world, directory)
    assert done.returncode == 1 and "a file path is not taken" in done.stdout, done.stdout + done.stderr


def test_a_definition_does_not_choose_what_is_read(world, tyk):
    directory, _, _, definition = tyk
    secret = directory.parent / (directory.name + "-elsewhere")
    secret.mkdir()
    pair = world.client("who runs the import")
    (secret / "id.pem").write_bytes(pair.pem + pair.key_pem)
    (secret / "hidden.js").write_text("hidden-value")
    outside, above = str(secret / "id.pem"), f"../{secret.name}/id.pem"
    own = {**definition, "config_data": {"key_file": outside, "cert_file": "certs/upstream.pem", "own": ["certs/upstream.pem"],
                                         "function_source_type": "file", "function_source_uri": str(secret / "hidden.js")}}
    (directory / "apps" / "imported.json").write_text(json.dumps(own))
    done = run(world, directory)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"the private key in {directory}/certs/upstream.pem is sent" in done.stderr
    told = json.loads(json.loads(world.gateway.run_ctl("get", "api", "imported", "-o", "json").stdout)["scriptConfigJson"])
    assert told == own["config_data"]
    for place in (outside, above):
        for field in ({"client_certificates": [place]}, {"upstream_certificates": {"*": place}}):
            (directory / "apps" / "imported.json").write_text(json.dumps({**definition, **field}))
            done = run(world, directory)
            assert done.returncode != 0 and "imported.json: " + next(iter(field)) in done.stderr, done.stdout + done.stderr
            assert "none of the directories" in done.stderr and "PRIVATE KEY" not in done.stdout + done.stderr
            assert run(world, directory, "--files-from", str(secret), "--dry-run").returncode == 0
    scripted = {**definition, **versions(virtual=[{"path": "^/x", "method": "GET", "response_function_name": "x",
                                                   "function_source_type": "file", "function_source_uri": str(secret / "hidden.js")}])}
    (directory / "apps" / "imported.json").write_text(json.dumps(scripted))
    done = run(world, directory)
    assert done.returncode != 0 and "none of the directories" in done.stderr, done.stdout + done.stderr


def test_definitions_and_policies_are_read_from_the_directory_alone(world, tyk):
    directory, _, _, definition = tyk
    elsewhere = directory.parent / (directory.name + "-elsewhere")
    for name in ("apps", "policies"):
        (elsewhere / name).mkdir(parents=True)
    (elsewhere / "apps" / "hidden.json").write_text(json.dumps({**definition, "api_id": "elsewhere"}))
    policy = {"name": "elsewhere", "org_id": "default", "active": True, "access_rights": {}}
    (elsewhere / "policies" / "hidden.json").write_text(json.dumps(policy))
    (elsewhere / "all.json").write_text(json.dumps({"elsewhere": policy}))
    conf = json.loads((directory / "tyk.conf").read_text())
    above = f"../{elsewhere.name}"
    for name in ("apps", "policies"):
        (directory / f"linked-{name}").symlink_to(elsewhere / name)
    (directory / "linked.json").symlink_to(elsewhere / "all.json")

    def said(settings):
        (directory / "tyk.conf").write_text(json.dumps({**conf, **settings}))
        done = run(world, directory)
        assert done.returncode != 0 and "--files-from" in done.stderr, done.stdout + done.stderr
        allowed = run(world, directory, "--files-from", str(elsewhere), "--dry-run")
        assert "files may be read from" not in allowed.stderr
        return done.stderr
    for path in (str(elsewhere / "apps"), f"{above}/apps", "linked-apps", f"apps/../{above}/apps"):
        assert "tyk.conf: app_path: " in said({"app_path": path}), path
    for path in (str(elsewhere / "policies"), f"{above}/policies", "linked-policies"):
        assert "tyk.conf: policies.policy_path: " in said({"policies": {"policy_path": path}}), path
    for path in (str(elsewhere / "all.json"), f"{above}/all.json", "linked.json"):
        assert "tyk.conf: policies.policy_record_name: " in said({"policies": {"policy_record_name": path}}), path
    (directory / "tyk.conf").write_text(json.dumps(conf))
    for link, target in ((directory / "apps" / "x.json", elsewhere / "apps" / "hidden.json"),
                         (directory / "policies" / "x.json", elsewhere / "policies" / "hidden.json")):
        link.symlink_to(target)
        done = run(world, directory)
        assert done.returncode != 0 and "x.json is in none of the directories" in done.stderr, done.stdout + done.stderr
        link.unlink()
    # Absolute, and within.
    (directory / "tyk.conf").write_text(json.dumps({**conf, "app_path": str(directory / "apps")}))
    done = run(world, directory, "--dry-run")
    assert done.returncode == 0 and "Api/imported" in done.stdout, done.stdout + done.stderr
    (directory / "tyk.conf").rename(elsewhere / "tyk.conf")
    (directory / "tyk.conf").symlink_to(elsewhere / "tyk.conf")
    assert "tyk.conf is in none of the directories" in run(world, directory).stderr


@pytest.mark.parametrize("spoil, said", [
    (lambda directory: (directory / "tyk.conf").write_text("{"), "tyk.conf: line 1: not valid JSON"),
    (lambda directory: (directory / "policies" / "policies.json").write_text("[]"), "is not a JSON object"),
    (lambda directory: (directory / "tyk.conf").write_text('{"policies": {"policy_source": "rpc"}}'), "policy_source is rpc")])
def test_a_directory_that_cannot_be_read_says_which_file(world, tyk, spoil, said):
    spoil(tyk[0])
    done = run(world, tyk[0])
    assert done.returncode != 0 and said in done.stderr, done.stdout + done.stderr


def test_another_directory_is_refused(world, tmp_path):
    assert "is it a gateway's?" in run(world, tmp_path).stderr
    assert "is not a directory" in run(world, tmp_path / "nowhere").stderr
