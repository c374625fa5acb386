"""A tyk.conf at start, with TYK_GW_* variables over it."""

import json
import os
import subprocess

import pytest

from gateway import DEADLINE, Gateway, wait_for
from pki import SERVER
from shell import shell


@pytest.fixture
def home(tmp_path):
    made = Gateway(tmp_path)
    yield made
    made.stop()


def refused(gateway, options, **env):
    """The authsvc must end by itself; answers what it said."""
    done = subprocess.run(gateway.authsvc_command(*options), capture_output=True, text=True, timeout=2 * DEADLINE,
                          env={**os.environ, **env})
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_variable_that_would_not_hold_stops_the_start(home, tmp_path):
    conf = tmp_path / "tyk.conf"
    conf.write_text("{}")
    options = ["--tyk-config", str(conf)]
    typo = refused(home, options, TYK_GW_SECURITY_PINNEDPUBLICKEY="*:hidden-value", TYK_GW_SECRET="hidden-value")
    assert "did you mean TYK_GW_SECURITY_PINNEDPUBLICKEYS" in typo and "hidden-value" not in typo
    assert "TYK_GW_SECURITY_NEW" in refused(home, options, TYK_GW_SECURITY_NEW="hidden-value")
    assert "never authenticates" in refused(home, options, TYK_GW_SECURITY_ALLOWUNSAFEDYNAMICMTLSTOKEN="true")
    no_file = refused(home, [], TYK_GW_SECURITY_PINNEDPUBLICKEYS="*:hidden-value")
    assert "--tyk-config" in no_file and "hidden-value" not in no_file


def test_the_check_of_the_configuration_reads_the_file_too(home, tmp_path):
    conf = tmp_path / "tyk.conf"
    options = ["--tyk-config", str(conf), "--check-config", "--set", f"store=sqlite:{tmp_path / 'unborn.db'}"]

    def check(**env):
        return subprocess.run(home.authsvc_command(*options), capture_output=True, text=True, timeout=DEADLINE,
                              env={**os.environ, **env})
    missing = check()
    assert missing.returncode == 2 and f"tyk_config: cannot read {conf}" in missing.stderr, missing
    conf.mkdir()
    assert f"tyk_config: cannot read {conf}" in check().stderr, "a directory"
    conf.rmdir()
    for text, part in (("{", "tyk.conf"), ("", "holds no document"),
                       ('{"security": {"pinned_public_key": {"a.test": "hidden-value"}}}', "pinned_public_keys")):
        conf.write_text(text)
        refused = check()
        assert refused.returncode == 2 and part in refused.stderr and not refused.stdout, refused
        assert "hidden-value" not in refused.stderr
    conf.write_text('{"proxy_ssl_insecure_skip_verify": true, "secret": "hidden-value"}')
    usable = check()
    assert usable.returncode == 0 and "usable" in usable.stdout and "warning: " in usable.stderr, usable
    assert "hidden-value" not in usable.stdout + usable.stderr
    typo = check(TYK_GW_SECURITY_PINNEDPUBLICKEY="hidden-value")
    assert typo.returncode == 2 and "TYK_GW_SECURITY_PINNEDPUBLICKEYS" in typo.stderr and "hidden-value" not in typo.stderr
    options = options[2:]
    assert "--tyk-config" in check(TYK_GW_SECURITY_PINNEDPUBLICKEYS="hidden-value").stderr
    assert not (tmp_path / "unborn.db").exists(), "a check makes nothing"


def test_variables_lie_over_the_file(home, tmp_path):
    conf = tmp_path / "tyk.conf"
    conf.write_text(json.dumps({"secret": "hidden-value", "proxy_ssl_insecure_skip_verify": True,
                                "security": {"pinned_public_keys": {"old.test": "defaultp1"}}}))
    home.start_authsvc(options=["--tyk-config", str(conf)],
                       env={"TYK_GW_SECRET": "hidden-value", "TYK_GW_PROXYSSLINSECURESKIPVERIFY": "false",
                            "TYK_GW_SECURITY_PINNEDPUBLICKEYS": "pinned.test:8443:defaultp2",
                            "TYK_GW_SECURITY_CERTIFICATES_UPSTREAM": "*:defaultc1"})
    settings = home.run_ctl("get", "settings", "gateway", "-o", "json")
    assert settings.returncode == 0, settings.stderr
    for part in ("pinned.test:8443", "defaultp2", "defaultc1"):
        assert part in settings.stdout
    assert "old.test" not in settings.stdout and "hidden-value" not in settings.stdout
    for part in ("TYK_GW_SECURITY_PINNEDPUBLICKEYS: replaces security.pinned_public_keys of the file; no longer set: old.test",
                 "TYK_GW_SECRET"):
        wait_for(lambda: part in home.authsvc.text(), f"the log says: {part}")
    assert "hidden-value" not in home.authsvc.text()
    assert "skip" not in home.run_ctl("doctor").stdout.lower()


def test_key_pairs_of_the_listeners_in_a_variable(home, tmp_path):
    pair = home.pki.issue("by a variable", home.server_ca, usages=[SERVER], sans=["own.test"])
    (tmp_path / "own.crt").write_bytes(pair.pem)
    (tmp_path / "own.key").write_bytes(pair.key_pem)
    conf = tmp_path / "tyk.conf"
    conf.write_text("{}")
    options = ["--tyk-config", str(conf)]

    def variable(**entry):
        return {"TYK_GW_HTTPSERVEROPTIONS_CERTIFICATES": json.dumps([entry])}
    said = refused(home, options, **variable(domain_name="*", cert_file=str(tmp_path / "own.crt")))
    assert "entry 1 lacks key_file" in said and "own.crt" not in said
    assert "holds no private key" in refused(home, options, **variable(cert_file=str(tmp_path / "own.crt"),
                                                                      key_file=str(tmp_path / "own.crt")))
    home.start_authsvc(options=options, env=variable(domain_name="*", cert_file=str(tmp_path / "own.crt"),
                                                     key_file=str(tmp_path / "own.key")))
    port = home.start_dataplane().port
    wait_for(lambda: "by a variable" in shell(tmp_path, f"openssl s_client -connect 127.0.0.1:{port} -servername own.test </dev/null "
                                                        "2>/dev/null | openssl x509 -noout -subject || true"),
             "its certificate is shown")
