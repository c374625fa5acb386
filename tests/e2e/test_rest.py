"""Connections that rest: half a second after its last request one gives back what only requests need. Whatever happens to it
meanwhile happens as to any other one."""

import contextlib
import signal
import time

import pytest

from gateway import classic, session
from raw import Connection
from raw_http2 import NO_ERROR, Http2

RESTED = 1.3  # seconds of silence, over HTTP/2 too
HOST = "rest.gw.test"


@pytest.fixture(scope="module")
def caller(world):
    """One whose certificate is its key."""
    world.gateway.add_api(classic("rest", world.origin("rest").url, domain=HOST, auth_configs={"authToken": {"use_certificate": True}}))
    pair = world.pki.self_signed("at rest")
    world.gateway.create_key(session("rest", world.gateway.add_certificate(pair.pem)))
    return pair


@pytest.fixture()
def replica(world, caller):
    made = world.gateway.start_dataplane(system_trust=world.trust, options=["--set", "limits.requests_per_connection=3"])
    yield made
    world.gateway.replicas.remove(made)
    if made.alive():
        made.stop()


@contextlib.contextmanager
def rested(replica, pair, *others):
    """A connection of HTTP/1.1 and one of HTTP/2, and one of HTTP/1.1 for each other caller, all of them at rest."""
    with contextlib.ExitStack() as stack:
        h2 = stack.enter_context(Http2(replica, HOST, pair))
        clients = [stack.enter_context(Connection(replica, HOST, one)) for one in (pair, *others)]
        assert h2.get().status == 200 and all(client.get()[0] == 200 for client in clients)
        assert clients[0].still_open(RESTED) and all(client.still_open() for client in clients)
        while h2.step(time.monotonic() + 0.05):
            pass
        assert not h2.ended and not h2.goaways
        yield clients[0], h2, *clients[1:]


def test_its_requests_are_counted_on(replica, caller):
    with rested(replica, caller) as (client, h2):
        second = client.get()
        assert second[0] == 200 and second[1].get("connection") != "close"
        assert client.still_open(RESTED)
        third = client.get()
        assert third[0] == 200 and third[1]["connection"] == "close" and client.ended()
        assert h2.get().status == 200 and not h2.goaways
        assert h2.get().status == 200
        assert h2.end() == NO_ERROR


def test_a_drain_ends_it_at_once(replica, caller):
    with rested(replica, caller) as (client, h2):
        replica.send(signal.SIGTERM)
        assert client.ended() and h2.end() == NO_ERROR
    replica.wait()


def test_a_revoked_certificate_ends_it_at_once(world, replica, caller):
    """And what it rests on is forgotten with it: another connection with that certificate gets nothing."""
    pair = world.pki.self_signed("revoked at rest")
    certificate = world.gateway.add_certificate(pair.pem)
    world.gateway.create_key(session("rest", certificate))
    with rested(replica, pair, caller) as (client, h2, other):
        assert world.gateway.delete_certificate(certificate, force=True).status_code == 200
        assert client.ended() and h2.end() is not None
        assert other.get()[0] == 200, "nobody else's"
    with Connection(replica, HOST, pair) as again:
        assert again.get()[0] in (401, 403)


def test_what_has_changed_meanwhile_counts(world, replica, caller):
    """The definition wants other certificates now: the next request needs another handshake."""
    definition = classic("changed", world.origin("changed").url, domain="changed.gw.test", use_keyless=True)
    world.gateway.add_api(definition)
    with Connection(replica, "changed.gw.test") as client:
        assert client.get()[0] == 200 and client.still_open(RESTED)
        world.gateway.update_api({**definition, "use_mutual_tls_auth": True,
                                  "client_certificates": [world.gateway.add_certificate(world.client("later").pem)]})
        assert client.get()[0] == 421


def test_bytes_that_come_one_by_one_wake_it_once(replica, caller):
    with rested(replica, caller) as (client, _):
        for piece in (b"G", b"ET / HT", b"TP/1.1\r\nHost: rest.gw.test\r", b"\n\r\n"):
            client.send(piece)
        assert client.answer()[0] == 200
        client.send(b"\0\r\n\r\n")
        assert client.answer()[0] == 400 and client.ended()
