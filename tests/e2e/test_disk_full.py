"""A full disk below the store: writes are refused and say so, what was acknowledged stays, decisions go on."""

import os
import pathlib
import subprocess

import pytest

import gateway as gateway_module
import stubs
from gateway import classic, session, wait_for
from origins import Origin

STORE_KB = 2048


def may_mount():
    """None, or why a private mount cannot be made here."""
    done = subprocess.run(["unshare", "-m", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"], capture_output=True, text=True)
    return None if done.returncode == 0 else f"no private tmpfs can be mounted here: {done.stderr.strip()}"


class SmallDisk:
    """A gateway whose store is on a tmpfs of STORE_KB in a mount namespace of authsvc's own."""

    def __init__(self, directory):
        self.gateway = gateway_module.Gateway(directory)
        self.place = pathlib.Path(directory) / "disk"
        self.place.mkdir()
        # authsvc replaces the shell, so that its process is the one that is started and stopped.
        self._wrapper = ["unshare", "-m", "sh", "-c",
                         f'mount -t tmpfs -o size={STORE_KB}k,mode=700 none "$0" && exec "$@"', str(self.place)]
        self.origin = Origin("disk")
        with self.gateway.stopped_on_failure():
            self.gateway.start_authsvc(options=["--set", f"store=sqlite:{self.place}/authsvc.db"], wrapper=self._wrapper)
            self.replica = self.gateway.start_dataplane()
            self.gateway.add_api(classic("disk", self.origin.url, domain="disk.gw.test",
                                         auth_configs={"authToken": {"use_certificate": True}}))

    def inside(self):
        """The disk as seen from outside the namespace."""
        return pathlib.Path(f"/proc/{self.gateway.authsvc.pid}/root{self.place}")

    def fill(self):
        with open(self.inside() / "filler", "ab", buffering=0) as filler:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        filler.write(b"x" * size)
                except OSError:
                    continue

    def free(self):
        os.unlink(self.inside() / "filler")


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    reason = may_mount()
    if reason:
        pytest.skip(reason)
    made = SmallDisk(tmp_path_factory.mktemp("disk"))
    yield made
    made.origin.close()
    made.gateway.stop()


def register(disk, name):
    """The pair, and None or the answer that refused it."""
    pair = disk.gateway.pki.self_signed(name)
    stored = disk.gateway.rest("POST", "/tyk/certs?org_id=default", pair.pem)
    if stored.status_code != 200:
        return pair, stored
    made = disk.gateway.rest("POST", "/tyk/keys/create", session("disk", stored.json()["id"]))
    return pair, None if made.status_code == 200 else made


def call(disk, pair):
    return disk.replica.curl("/x", client=pair, host="disk.gw.test").status


def write_until_refused(disk, acknowledged):
    for number in range(2000):
        pair, refusal = register(disk, f"on disk {number}")
        if refusal is not None:
            return refusal
        acknowledged.append(pair)
    raise AssertionError("the disk never became full")


def test_a_full_disk(disk):
    acknowledged = []
    for number in range(5):
        pair, refusal = register(disk, f"before {number}")
        assert refusal is None, refusal.text
        acknowledged.append(pair)
    disk.fill()
    refusal = write_until_refused(disk, acknowledged)
    assert refusal.status_code == 503 and "retry-after" in {name.lower() for name in refusal.headers}
    assert "the store does not take writes" in refusal.json()["message"], refusal.text
    assert "full" in refusal.json()["message"], "says what is wrong"
    by_tool = disk.gateway.run_ctl("key", "create", "--cert", str(disk.gateway.pki.self_signed("by tool").cert), "--api", "disk")
    assert by_tool.returncode != 0 and "full" in by_tool.stderr, by_tool.stderr
    assert disk.gateway.authsvc_ready(), "it decides: ready"
    with stubs.channel(disk.gateway.grpc_port, disk.gateway.role_directory("reader")) as made:
        wait_for(lambda: stubs.only_admin_is_down(made), "Admin says that it takes no writes")

    # Reads and decisions go on, also such as nobody asked for before.
    listed = disk.gateway.rest("GET", "/tyk/keys?org_id=default")
    assert listed.status_code == 200
    for pair in acknowledged[:3] + acknowledged[-2:]:
        assert call(disk, pair) == 200
    assert call(disk, disk.gateway.pki.self_signed("stranger")) == 401
    assert call(disk, pair_of_refused := register(disk, "still refused")[0]) == 401, "what was refused is not in force"
    wait_for(lambda: any('"health"' in line and "full" in line for line in disk.gateway.authsvc.text().splitlines()),
             "the log says that the store takes no writes and why")

    with stubs.channel(disk.gateway.grpc_port, disk.gateway.role_directory("reader")) as made:
        assert stubs.only_admin_is_down(made), "still: what is tried out meanwhile does not fit either"
        disk.free()
        wait_for(lambda: stubs.all_serving(made), "Admin serves again although nobody tried to write")
    wait_for(lambda: register(disk, "after")[1] is None, "writes work again")
    pair, refusal = register(disk, "after the space came back")
    assert refusal is None, refusal.text
    acknowledged.append(pair)
    disk.gateway.settle()
    for pair in acknowledged[:3] + acknowledged[-3:]:
        assert call(disk, pair) == 200
    assert call(disk, pair_of_refused) == 401
    check_what_is_on_disk(disk, acknowledged)


def check_what_is_on_disk(disk, acknowledged):
    """A store that is read anew holds all that was acknowledged."""
    copy = disk.place.parent / "copy"
    copy.mkdir()
    for name in ("authsvc.db-wal", "authsvc.db"):  # what moves from the one to the other meanwhile is in both
        (copy / name).write_bytes((disk.inside() / name).read_bytes())
    other = disk.gateway.start_another_authsvc(options=["--set", f"store=sqlite:{copy}/authsvc.db"])
    held = disk.gateway.rest("GET", "/tyk/certs?org_id=default", port=other.admin_port).json()["certs"]
    assert {f"default{pair.fingerprint}" for pair in acknowledged} <= set(held)
