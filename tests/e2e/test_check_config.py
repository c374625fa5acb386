"""--check-config finds what start-up would refuse, and start-up refuses it; --print-settings; the list of denied callers."""

import os
import subprocess

import pytest

from gateway import DEADLINE, classic, wait_for

SERVICES = {"sallyport-authsvc": "authsvc.yaml", "sallyport-dataplane": "dataplane.yaml"}


def run(world, service, *options, check=True):
    command = [world.gateway.binary(service), "--config", str(world.gateway.home / SERVICES[service]), *options]
    return subprocess.run(command + (["--check-config"] if check else []), capture_output=True, text=True, timeout=4 * DEADLINE)


@pytest.mark.parametrize("service, setting, word", [
    ("sallyport-authsvc", "store=sqlite:/nowhere/at/all/authsvc.db", "mkdir -p /nowhere/at/all"),
    ("sallyport-authsvc", "master_key_file=/nowhere/master.key", "sallyctl init"),
    ("sallyport-authsvc", "grpc.tls_dir=/nowhere", "/nowhere/tls.key"),
    ("sallyport-authsvc", "admin.tls_dir=/nowhere", "/nowhere/tls.crt"),
    ("sallyport-authsvc", "tyk_config=/nowhere/tyk.conf", "/nowhere/tyk.conf"),
    ("sallyport-authsvc", "metrics.address=192.0.2.7", "192.0.2.7"),
    ("sallyport-authsvc", "denied_callers_file=/nowhere/denied", "/nowhere/denied"),
    ("sallyport-dataplane", "authsvc.tls_dir=/nowhere", "/nowhere/tls.crt"),
    ("sallyport-dataplane", "listeners.0.certificates.0.key_file=/nowhere/tls.key", "/nowhere/tls.key"),
    ("sallyport-dataplane", "listeners.0.address=192.0.2.7", "192.0.2.7"),
    ("sallyport-dataplane", "access_log=/nowhere/access.log", "/nowhere"),
    ("sallyport-dataplane", "trusted_proxies=[proxy.example.com]", "proxy.example.com"),
    ("sallyport-dataplane", "scripts.program=/nowhere/script", "/nowhere/script"),
])
def test_what_start_up_refuses_is_found_before(world, service, setting, word):
    checked = run(world, service, "--set", setting)
    assert checked.returncode == 2 and word in checked.stderr and checked.stdout == "", checked
    started = run(world, service, "--set", setting, "--set", "metrics.port=0", *(
        ["--set", "grpc.port=0", "--set", "admin.port=0"] if service == "sallyport-authsvc" else
        ["--set", "listeners.0.port=0"]), check=False)
    assert started.returncode != 0, "start-up refuses it as well"
    assert run(world, service).returncode == 0


def test_all_problems_are_told(world, tmp_path):
    checked = run(world, "sallyport-dataplane", "--set", "authsvc.tls_dir=/nowhere", "--set", "system_trust=/no-trust",
                  "--set", f"access_log={tmp_path}/no/access.log")
    assert len(checked.stderr.splitlines()) == 5, checked.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs another user")
def test_files_that_the_services_user_may_not_read(world):
    command = [world.gateway.binary("sallyport-authsvc"), "--set", f"master_key_file={world.gateway.home}/master.key",
               "--check-config"]
    # A sanitiser's report would go where this user may not write.
    without_report_file = {name: value for name, value in os.environ.items() if not name.endswith("SAN_OPTIONS")}
    done = subprocess.run(["setpriv", "--reuid=nobody", "--regid=65534", "--clear-groups", *command], capture_output=True,
                          text=True, timeout=4 * DEADLINE, env=without_report_file)
    assert done.returncode == 2 and "master_key_file" in done.stderr


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_every_setting_that_is_printed_can_be_set(world, service):
    printed = run(world, service, "--print-settings", check=False).stdout.splitlines()
    separator = ": " if service == "sallyport-authsvc" else " = "
    paths = [line.split(separator)[0] for line in printed]
    assert all("  # " in line for line in printed) and len(paths) == len(set(paths))
    wanted = {"sallyport-authsvc": {"roles.N.role", "admin.keys.0.sha256", "denied_callers_file"},
              "sallyport-dataplane": {"listeners.0.port", "listeners.0.certificates.0.key_file", "timeouts.drain"}}
    assert wanted[service] <= set(paths), paths
    assert "insecure_upstream" not in paths
    # Lists are set by their items. All at once: every error is told, and no name is unknown.
    items = [path for path, line in zip(paths, printed) if not line.split("  # ")[0].endswith(" items")]
    sets = [word for path in items for word in ("--set", f"{path.replace('.N.', '.0.')}=~")]
    probe = run(world, service, *sets, "--set", "no_such_setting=~")
    assert probe.returncode == 2 and probe.stderr.count("unknown setting") == 1, probe.stderr


def test_a_denied_data_plane_is_cut_off_and_may_come_back(world, tmp_path):
    gateway = world.gateway
    denied = tmp_path / "denied"
    denied.write_text("# nobody\n")
    other = gateway.start_another_authsvc(options=("--set", f"denied_callers_file={denied}"))
    origin = world.origin("denied")
    gateway.add_api(classic("denied", origin.url, domain="denied.gw.test", use_keyless=True))
    own = tmp_path / "own"
    issued = gateway.run_ctl("pki", "issue", str(gateway.home), "--role", "dataplane", "--name", "stolen", "--out", str(own))
    assert issued.returncode == 0, issued.stderr
    replica = gateway.start_dataplane(system_trust=world.trust, name="stolen", options=(
        "--set", f"authsvc.targets.0=127.0.0.1:{other.grpc_port}", "--set", f"authsvc.tls_dir={own}"))
    assert replica.curl("/", host="denied.gw.test").status == 200
    denied.write_text("spiffe://sallyport/sallyport/dataplane/default/stolen\n")
    wait_for(lambda: replica.get("/readyz").status_code != 200, "it is not ready any more")
    wait_for(lambda: replica.curl("/", host="denied.gw.test").status == 503, "it serves nobody")
    denied.write_text("this is no list\n")
    wait_for(lambda: "rpc.denied_callers" in other.text() and "line 1" in other.text(), "the broken list is logged")
    assert replica.get("/readyz").status_code != 200, "the old list holds"
    denied.write_text("")
    wait_for(replica.ready, "it is back")
    wait_for(lambda: replica.curl("/", host="denied.gw.test").status == 200, "it serves again")
    replica.stop()
