"""A name that moves to another address under load: requests follow it, none fails, and who is asked there shows what is expected of
the name. The data plane is the real one; only what the name service says is made here (moving_names.c)."""

import pathlib
import shutil
import subprocess

import pytest

from callers import Callers, keep_alive, multiplexed
from gateway import wait_for
from origins import Origin, free_port
from pki import CLIENT, SERVER
from test_balancing import native

NAME = "moving.test"


class Names:
    def __init__(self, directory):
        self._file = directory / "addresses"
        self.library = directory / "moving_names.so"
        compiler = shutil.which("clang-19") or shutil.which("cc")
        subprocess.run([compiler, "-shared", "-fPIC", "-o", self.library, pathlib.Path(__file__).parent / "moving_names.c", "-ldl"],
                       check=True)

    def are(self, *addresses):
        made = self._file.with_suffix(".new")
        made.write_text("\n".join(addresses))
        made.replace(self._file)

    def environment(self):
        return {"LD_PRELOAD": str(self.library), "MOVING_NAME": NAME, "MOVING_ADDRESSES": str(self._file)}


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    made = Names(tmp_path_factory.mktemp("names"))
    made.are("127.0.0.21")
    return made


@pytest.fixture(scope="module")
def replica(world, names):
    return world.gateway.start_dataplane(system_trust=world.trust, threads=2, env=names.environment(),
                                         options=["--set", "timeouts.dns_refresh=200ms"])


class Moving:
    """One name, two machines, each with the certificate of the name; clients of one authority alone are let in."""

    def __init__(self, world, name, **upstream):
        self.client = world.pki.issue(f"gateway of {name}", world.client_ca, usages=[CLIENT])
        entry, port = world.gateway.add_certificate(self.client.pem + self.client.key_pem), free_port()
        pair = world.pki.issue(f"server of {name}", world.upstream_ca, usages=[SERVER], sans=[NAME])
        self.first, self.second = (Origin(f"{name} {address}", pair=pair, client_ca=world.client_ca.cert, address=address, port=port)
                                   for address in ("127.0.0.21", "127.0.0.22"))
        native(world, name, [f"https://{NAME}:{port}/"], tls=[(f"{NAME}:{port}", entry, pair.spki_sha256)], **upstream)

    def close(self):
        self.first.close()
        self.second.close()


def stays_away(origin, callers):
    """Nothing comes there any more, though much is asked."""
    seen = len(origin.requests)
    callers.some_more()
    return len(origin.requests) == seen


def test_requests_follow_the_name_and_none_is_lost(world, names, replica):
    moving = Moving(world, "moving")
    callers = Callers(replica, "moving.gw.test", kinds=(keep_alive, multiplexed), each=2)
    try:
        callers.some_more()
        assert moving.first.requests and not moving.second.requests
        names.are("127.0.0.22")
        wait_for(lambda: moving.second.requests and stays_away(moving.first, callers), "all go to the new address")
        names.are("127.0.0.21", "127.0.0.22")
        callers.some_more()
        names.are("127.0.0.21")
        wait_for(lambda: stays_away(moving.second, callers), "and back")
        names.are()
        seen = len(moving.first.requests)
        wait_for(lambda: len(moving.first.requests) > seen + 100, "where nobody knows the name, the last address is used")
    finally:
        callers.stop()
        moving.close()
        names.are("127.0.0.21")
    for origin in (moving.first, moving.second):
        assert {request.peer for request in origin.requests} == {moving.client.der}


def test_a_name_that_moved_while_nobody_asked(world, names):
    """What is remembered of it is of the past: where nobody is there, it is looked up anew before anything fails. Of several
    addresses the one that answers is used (RFC 8305)."""
    moving = Moving(world, "moved")
    moving.first.close()
    forgetful = world.gateway.start_dataplane(system_trust=world.trust, env=names.environment(),
                                              options=["--set", "timeouts.dns_refresh=1ms"])

    def status():
        return forgetful.curl("/x", host="moved.gw.test").status
    try:
        assert status() == 502, "nobody is where the name says"
        for addresses in (["127.0.0.22"], ["127.0.0.21", "127.0.0.22"]):
            names.are(*addresses)
            assert status() == 200, addresses
        assert len(moving.second.requests) == 2
    finally:
        moving.close()
        names.are("127.0.0.21")
