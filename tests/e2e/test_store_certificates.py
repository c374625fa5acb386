"""Server certificates of the store, chosen by SNI: API `certificates`, swapped and taken away under a running
listener that has no default of its own."""

import socket
import ssl

import pytest

from callers import Callers
from gateway import DEADLINE, classic, wait_for
from pki import CLIENT, SERVER
from raw import Connection

UNRECOGNIZED_NAME = "TLSV1_UNRECOGNIZED_NAME"  # alert 112


@pytest.fixture(scope="module")
def replica(world):
    return world.gateway.start_dataplane(system_trust=world.trust, threads=2, default_certificate=False)


def handshake(replica, name, ciphers=None):
    """The DER that a handshake with this SNI shows, or the alert that ended it. `ciphers`: TLS 1.2 with these."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if ciphers is not None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(ciphers)
    with socket.create_connection(("127.0.0.1", replica.port), DEADLINE) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=name) as connection:
                return connection.getpeercert(binary_form=True)
        except ssl.SSLError as error:
            return error.reason


def server_pair(world, *names, **more):
    """A server certificate that the clients of these tests trust, in the store with its key."""
    pair = world.pki.issue(f"server {names[0].replace('*', 'any')}", world.gateway.server_ca, usages=[SERVER], sans=names, **more)
    return pair, world.gateway.add_certificate(pair.pem + pair.key_pem)


def definition(world, name, ids):
    return classic(name, world.origin(name).url, domain=f"{name}.gw.test", use_keyless=True, certificates=ids)


def test_an_unknown_sni_gets_the_alert(world, replica):
    assert handshake(replica, "nobody.gw.test") == UNRECOGNIZED_NAME
    assert handshake(replica, None) == UNRECOGNIZED_NAME
    wait_for(lambda: replica.metric("sallyport_handshake_failures_total") >= 2, "both are counted")


def test_rsa_and_ecdsa_side_by_side(world, replica):
    rsa, rsa_id = server_pair(world, "both.gw.test", key="rsa")
    ecdsa, ecdsa_id = server_pair(world, "both.gw.test")
    world.gateway.add_api(definition(world, "both", [rsa_id, ecdsa_id]))
    assert handshake(replica, "both.gw.test", "ECDHE-RSA-AES128-GCM-SHA256") == rsa.der
    assert handshake(replica, "both.gw.test", "ECDHE-ECDSA-AES128-GCM-SHA256") == ecdsa.der
    assert handshake(replica, "both.gw.test") == ecdsa.der, "TLS 1.3 takes the cheaper one where both may be had"
    with Connection(replica, "both.gw.test") as client:
        assert client.get()[0] == 200, "and the client that checks chain and name is served"
    assert handshake(replica, "another.gw.test") == UNRECOGNIZED_NAME


def test_an_exact_name_before_a_wildcard_of_one_label(world, replica):
    exact, exact_id = server_pair(world, "one.wild.gw.test")
    wildcard, wildcard_id = server_pair(world, "*.wild.gw.test")
    world.gateway.add_api(classic("wild", world.origin("wild").url, domain="wild.gw.test", use_keyless=True,
                                  certificates=[wildcard_id, exact_id]))
    assert handshake(replica, "one.wild.gw.test") == exact.der
    assert handshake(replica, "ONE.wild.GW.test") == exact.der
    assert handshake(replica, "two.wild.gw.test") == wildcard.der
    for name in ("two.labels.wild.gw.test", "wild.gw.test", "xwild.gw.test"):
        assert handshake(replica, name) == UNRECOGNIZED_NAME, name


def test_swapped_live_and_deleted(world, replica):
    old, old_id = server_pair(world, "live.gw.test")
    new, new_id = server_pair(world, "live.gw.test", days=(-0.5, 60))
    api = definition(world, "live", [old_id])
    world.gateway.add_api(api)
    assert handshake(replica, "live.gw.test") == old.der, "another of that name in the store is not taken unasked"
    with Connection(replica, "live.gw.test") as living:
        assert living.get()[0] == 200
        world.gateway.update_api({**api, "certificates": [new_id]})
        assert handshake(replica, "live.gw.test") == new.der
        assert living.get()[0] == 200, "a living connection sees nothing of it"

        refused = world.gateway.delete_certificate(new_id)
        assert refused.status_code == 409 and "live" in refused.text, refused.text
        assert handshake(replica, "live.gw.test") == new.der
        assert world.gateway.delete_certificate(new_id, force=True).status_code == 200
        world.gateway.settle()
        assert handshake(replica, "live.gw.test") == UNRECOGNIZED_NAME, "neither the deleted nor the old one"
        assert living.get()[0] == 200
    world.gateway.add_certificate(new.pem + new.key_pem)
    world.gateway.settle()
    assert handshake(replica, "live.gw.test") == new.der, "the definition still names it"
    assert world.gateway.rest("DELETE", "/tyk/apis/live").status_code == 200
    world.gateway.settle()
    assert handshake(replica, "live.gw.test") == UNRECOGNIZED_NAME, "nothing serves that name any more"


def test_swapped_under_load(world, replica):
    """Of the server's pair, and of the one that the upstream is shown: nobody's request notices."""
    pairs = [server_pair(world, "busy.gw.test") for _ in range(2)]
    clients = [world.pki.issue(f"gateway {number}", world.client_ca, usages=[CLIENT]) for number in range(2)]
    ids = [world.gateway.add_certificate(one.pem + one.key_pem) for one in clients]
    origin = world.tls_origin("busy", client_ca=world.client_ca)

    def put(number, add):
        add(classic("busy", origin.url, domain="busy.gw.test", use_keyless=True, certificates=[pairs[number % 2][1]],
                    upstream_certificates={f"127.0.0.1:{origin.port}": ids[number % 2]}))
    put(0, world.gateway.add_api)
    callers = Callers(replica, "busy.gw.test")
    try:
        for number in range(1, 5):
            callers.some_more()
            put(number, world.gateway.update_api)
            assert handshake(replica, "busy.gw.test") == pairs[number % 2][0].der
            before = len(origin.requests)
            callers.some_more()
            assert {request.peer for request in origin.requests[before:]} >= {clients[number % 2].der}
    finally:
        seen = callers.stop()
    assert all(count > 20 for count in seen.values()), seen
    assert {request.peer for request in origin.requests} == {one.der for one in clients}


def test_one_without_its_key_is_never_shown(world, replica):
    pair = world.pki.issue("keyless", world.gateway.server_ca, usages=[SERVER], sans=["keyless.gw.test"])
    api = definition(world, "keyless", [world.gateway.add_certificate(pair.pem)])
    answer = world.gateway.rest("POST", "/tyk/apis", api)
    assert answer.status_code in (200, 400), answer.text
    world.gateway.settle()
    assert handshake(replica, "keyless.gw.test") == UNRECOGNIZED_NAME
