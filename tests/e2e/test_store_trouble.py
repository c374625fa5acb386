"""A store that another process holds, or that somebody took away: writes are refused and say why, decisions go on,
and grpc.health.v1 tells the two apart."""

import contextlib
import os
import sqlite3
import time

import grpc
import pytest

import gateway as gateway_module
import stubs
from gateway import DEADLINE, classic, session, wait_for
from origins import Origin
from stubs import all_serving, only_admin_is_down

class Setup:
    """A gateway whose store the tests may spoil."""

    def __init__(self, directory):
        self.gateway = gateway_module.Gateway(directory)
        self.origin = Origin("trouble")
        with self.gateway.stopped_on_failure():
            self.gateway.start_authsvc()
            self.replica = self.gateway.start_dataplane()
            self.gateway.add_api(classic("trouble", self.origin.url, domain="trouble.gw.test",
                                         auth_configs={"authToken": {"use_certificate": True}}))
        self.database = self.gateway.home / "data" / "authsvc.db"

    def write(self):
        """The pair, and the answer to the first write that was refused, or None."""
        pair = self.gateway.pki.self_signed("in trouble")
        stored = self.gateway.rest("POST", "/tyk/certs?org_id=default", pair.pem)
        if stored.status_code != 200:
            return pair, stored
        made = self.gateway.rest("POST", "/tyk/keys/create", session("trouble", stored.json()["id"]))
        return pair, None if made.status_code == 200 else made

    def call(self, pair):
        return self.replica.curl("/x", client=pair, host="trouble.gw.test").status

    def close(self):
        self.origin.close()
        self.gateway.stop()


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    made = Setup(tmp_path_factory.mktemp("trouble"))
    yield made
    made.close()


@contextlib.contextmanager
def locked(database):
    """Another handle holds the only right to write."""
    other = sqlite3.connect(database, isolation_level=None, timeout=DEADLINE)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def still_decides(setup, known):
    assert setup.gateway.authsvc_ready() and setup.replica.ready()
    assert setup.call(known) == 200
    assert setup.call(setup.gateway.pki.self_signed("stranger")) == 401, "one that nobody asked for before"


def test_health_needs_a_control_certificate_and_knows_its_services(setup, tmp_path):
    tls = setup.gateway.role_directory("dataplane")
    with stubs.channel(setup.gateway.grpc_port, tls) as made:
        wait_for(lambda: all_serving(made), "everything serves")
        with pytest.raises(grpc.RpcError) as unknown:
            stubs.health(made, "sallyport.v1.Nonsense")
        assert unknown.value.code() == grpc.StatusCode.NOT_FOUND
    (tmp_path / "ca.crt").write_bytes((tls / "ca.crt").read_bytes())
    with stubs.channel(setup.gateway.grpc_port, tmp_path) as made:
        with pytest.raises(grpc.RpcError) as stranger:
            stubs.health(made)
        assert stranger.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_list_of_originals_says_what_it_could_not_read(setup):
    whole = setup.gateway.run_ctl("get", "api", "--original")
    assert whole.returncode == 0 and "trouble" in whole.stdout, whole
    with contextlib.closing(sqlite3.connect(setup.database, isolation_level=None, timeout=DEADLINE)) as store:
        [(body,)] = store.execute("SELECT body FROM record WHERE id = 'trouble'").fetchall()
        store.execute("UPDATE record SET body = ? WHERE id = 'trouble'", (b"\xff" * 8,))
        try:
            done = setup.gateway.run_ctl("get", "api", "--original")
        finally:
            store.execute("UPDATE record SET body = ? WHERE id = 'trouble'", (body,))
    assert done.returncode != 0 and "is damaged" in done.stderr, done


def test_a_locked_store_refuses_writes_and_decides_on(setup):
    known, refusal = setup.write()
    assert refusal is None
    with stubs.channel(setup.gateway.grpc_port, setup.gateway.role_directory("reader")) as made:
        with locked(setup.database):
            pair, refusal = setup.write()
            assert refusal.status_code == 503 and "retry-after" in {name.lower() for name in refusal.headers}
            assert "locked" in refusal.json()["message"], refusal.text
            by_tool = setup.gateway.run_ctl("key", "create", "--cert", str(pair.cert), "--api", "trouble")
            assert by_tool.returncode != 0 and "locked" in by_tool.stderr, by_tool.stderr
            assert "Is it running" not in by_tool.stderr, by_tool.stderr
            wait_for(lambda: only_admin_is_down(made), "Admin says that it takes no writes")
            still_decides(setup, known)
            assert setup.gateway.rest("GET", "/tyk/keys?org_id=default").status_code == 200, "reads go on"
            end = time.monotonic() + 1.2  # two looks of authsvc at its store
            while time.monotonic() < end:
                assert only_admin_is_down(made), "that it can be read does not prove that it takes writes"
        wait_for(lambda: all_serving(made), "Admin serves again although nobody tried to write")
    pair, refusal = setup.write()
    assert refusal is None, refusal.text
    setup.gateway.settle()
    assert setup.call(pair) == 200


def test_a_store_that_was_taken_away_acknowledges_nothing(setup):
    known, refusal = setup.write()
    assert refusal is None
    aside = setup.database.with_name("moved.db")
    with stubs.channel(setup.gateway.grpc_port, setup.gateway.role_directory("admin")) as made:
        os.rename(setup.database, aside)
        try:
            _, refusal = setup.write()
            assert refusal is not None, "acknowledged into a file that no restart would find"
            assert refusal.status_code == 503 and "authsvc.db" in refusal.json()["message"], refusal.text
            wait_for(lambda: only_admin_is_down(made), "Admin says that it takes no writes")
            still_decides(setup, known)
            assert not setup.database.exists(), "nothing makes an empty store in its place"
        finally:
            os.rename(aside, setup.database)
        wait_for(lambda: all_serving(made), "Admin serves again")
    pair, refusal = setup.write()
    assert refusal is None, refusal.text
    setup.gateway.settle()
    assert setup.call(pair) == 200


def test_of_another_epoch_the_key_sets_of_all_issuers_are_fetched(setup):
    """The store is not the one that it was, as after a restore: nothing is known of what changed between."""
    def asked(path):
        wait_for(lambda: any(request.target == path for request in list(setup.origin.requests)), f"{path} is fetched ahead")
    setup.gateway.apply({"apiVersion": "sallyport/v1", "kind": "TokenIssuer", "metadata": {"name": "idp"},
                         "spec": {"orgId": "default", "issuer": "https://idp.test", "jwksUrl": setup.origin.url + "/keys-1"}})
    asked("/keys-1")
    other = sqlite3.connect(setup.database, isolation_level=None, timeout=DEADLINE)
    other.execute("BEGIN IMMEDIATE")
    (body,) = other.execute("SELECT body FROM record WHERE id = 'idp'").fetchone()
    other.execute("UPDATE record SET body = ? WHERE id = 'idp'", (body.replace(b"/keys-1", b"/keys-2"),))
    other.execute("UPDATE head SET epoch = epoch + 1")
    other.execute("COMMIT")
    other.close()
    asked("/keys-2")
