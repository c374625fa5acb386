"""Settings that a running process takes up on SIGHUP: the log's level, and whose requests are traced."""

import json
import os
import signal

import pytest

from gateway import classic, lines_of, session, wait_for
from raw import Connection

HOST = "traced.gw.test"
SECRETS = ("s3cret-header", "s3cret-query")


@pytest.fixture(scope="module")
def traced(world):
    """A data plane whose file is added to by tests; an API with tokens and one with certificates."""
    file = world.gateway.home / "dataplane.yaml"
    replica = world.gateway.start_dataplane(system_trust=world.trust, threads=2)
    origin = world.origin("traced")
    world.gateway.add_api(classic("traced", origin.url, domain=HOST, use_standard_auth=True, auth_configs={
        "authToken": {"auth_header_name": "X-Token"}}))
    world.gateway.add_api(classic("dynamic", origin.url, domain="dynamic.gw.test", auth_configs={
        "authToken": {"use_certificate": True}}))
    pair = world.pki.self_signed("traced caller")
    world.gateway.create_key(session("dynamic", world.gateway.add_certificate(pair.pem)))
    world.gateway.settle()
    yield replica, pair, Settings(replica, file)
    world.gateway.replicas.remove(replica)
    replica.stop()


def events(replica, name):
    return [line for line in map(json.loads, lines_of(replica.log)) if line["event"].startswith(name)]


class Settings:
    def __init__(self, replica, file):
        self._replica, self._file, self._base = replica, file, file.read_text()

    def take_up(self, text):
        """The file has this beside what it had, and is read again; the line that says so."""
        seen = len(events(self._replica, "settings."))
        self._file.write_text(self._base + text)
        os.kill(self._replica.pid, signal.SIGHUP)
        return wait_for(lambda: events(self._replica, "settings.")[seen:], "the file is read again")[-1]


def traces(replica, host):
    return [line for line in events(replica, "trace") if line["host"] == host]


def test_one_client_is_traced_and_its_secrets_are_not(world, traced):
    replica, pair, settings = traced
    assert replica.curl("/before", host=HOST).status == 401
    said = settings.take_up(f"trace_clients: [127.0.0.9, {pair.fingerprint}]\n")
    assert (said["event"], said["trace_clients"], said["wait_for_restart"]) == ("settings.read", 2, "")

    with Connection(replica, HOST, source="127.0.0.9") as client:
        assert client.get(f"/refused?token={SECRETS[1]}", f"X-Token: {SECRETS[0]}\r\n")[0] == 403
    with Connection(replica, HOST) as other:
        assert other.get("/other")[0] == 401
    with Connection(replica, "dynamic.gw.test", pair) as client:
        assert [client.get(f"/allowed/{n}")[0] for n in range(2)] == [200, 200]
    refused = wait_for(lambda: traces(replica, HOST), "a line of the refused one")
    allowed = wait_for(lambda: traces(replica, "dynamic.gw.test")[1:], "lines of both allowed ones")[0]
    assert [line["path"] for line in refused] == ["/refused"], "of nobody else"
    assert (refused[0]["client_address"], refused[0]["credentials"], refused[0]["decided"], refused[0]["status"]) == (
        "127.0.0.9", "token in header", "by authsvc", 403)
    assert (allowed["client_fingerprint"], allowed["api_id"], allowed["decided"], allowed["decision"], allowed["status"]) == (
        pair.fingerprint, "dynamic", "from the caches", "ALLOWED", 200)
    assert allowed["upstream"] and allowed["decision_revision"] > 0
    everything = replica.text()
    assert not any(secret in everything for secret in SECRETS)

    settings.take_up("")
    with Connection(replica, HOST, source="127.0.0.9") as client:
        assert client.get("/quiet")[0] == 401
    settings.take_up("")  # the line that says so is behind whatever was traced before
    assert [line["path"] for line in traces(replica, HOST)] == ["/refused"]


def test_what_needs_a_restart_is_named_and_a_broken_file_changes_nothing(world, traced):
    replica, _, settings = traced
    said = settings.take_up("log_level: debug\nthreads: 7\nlimits: {headers: 50}\n")
    assert (said["event"], said["log_level"], said["wait_for_restart"]) == ("settings.read", "debug", "limits.headers")
    said = settings.take_up("log_level: loud\n")
    assert said["event"] == "settings.not_read" and "log_level" in said["error"]
    assert replica.curl("/x", host=HOST).status == 401
    replica.require_alive()
    settings.take_up("")
