"""Several loops: a change reaches the connections of every one."""

import pytest

from gateway import classic, session, wait_for
from raw import Connection

LOOPS, CONNECTIONS = 4, 64  # that one of four loops has none of 64 connections: 4e-8


@pytest.fixture(scope="module")
def replica(world):
    return world.gateway.start_dataplane(system_trust=world.trust, threads=LOOPS)


def served(replica, host, pair):
    """A connection that has been served: one that says nothing for long is closed."""
    made = Connection(replica, host, pair)
    assert made.get()[0] == 200
    return made


def refused(connection):
    """True when the next request is refused or the connection was cut."""
    try:
        answer = connection.get()
    except OSError:
        return True
    assert answer is None or answer[0] in (200, 401, 403), answer
    return answer is None or answer[0] != 200


@pytest.mark.parametrize("how", ["certificate deleted", "key deleted", "key disabled"])
def test_a_revocation_is_seen_on_living_connections_of_every_loop(world, replica, how):
    host = f"{how.replace(' ', '-')}.gw.test"
    origin = world.origin(host)
    world.gateway.add_api(classic(host, origin.url, domain=host, auth_configs={"authToken": {"use_certificate": True}}))
    pair, other = world.pki.self_signed(how), world.pki.self_signed(f"{how}, not this one")
    certificate_id = world.gateway.add_certificate(pair.pem)
    key = world.gateway.create_key(session(host, certificate_id))["key"]
    world.gateway.create_key(session(host, world.gateway.add_certificate(other.pem)))
    world.gateway.settle()
    connections = [served(replica, host, pair) for _ in range(CONNECTIONS)]
    others = [served(replica, host, other) for _ in range(CONNECTIONS)]
    done = {"certificate deleted": lambda: world.gateway.delete_certificate(certificate_id),
            "key deleted": lambda: world.gateway.rest("DELETE", f"/tyk/keys/{key}?org_id=default"),
            "key disabled": lambda: world.gateway.rest("PUT", f"/tyk/keys/{key}", session(
                host, certificate_id, is_inactive=True))}[how]()
    assert done.status_code == 200, done.text
    world.gateway.settle()
    # Applied by every loop is what settling means: not one request passes any more.
    before = len(origin.requests)
    assert [refused(connection) for connection in connections] == [True] * CONNECTIONS
    assert len(origin.requests) == before
    assert [connection.get()[0] for connection in others] == [200] * CONNECTIONS, "nobody else is cut off"
    for connection in connections + others:
        connection.close()


def test_a_new_definition_is_served_by_every_loop(world, replica):
    origin = world.origin("new-on-all")
    world.gateway.add_api(classic("new-on-all", origin.url, domain="new-on-all.gw.test", use_keyless=True))
    for _ in range(CONNECTIONS):
        with Connection(replica, "new-on-all.gw.test") as client:
            assert client.get()[0] == 200
    wait_for(lambda: replica.metric("sallyport_revision_lag") == 0, "no loop is behind")
