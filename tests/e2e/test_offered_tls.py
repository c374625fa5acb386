"""What of TLS a listener offers: versions and ciphers by server name, names of authorities where a definition says so, nothing
old and no second handshake. Real openssl and curl."""

import re
import subprocess
import urllib.parse

import pytest

from conftest import World
from gateway import DEADLINE, classic, wait_for
from pki import SERVER
from raw import Connection
from test_balancing import native

NEW, OLD, LISTED, ANY = "new.gw.test", "old.gw.test", "listed.offer.gw.test", "any.gw.test"
PROTOCOL_VERSION, HANDSHAKE_FAILURE = 70, 40
AES256, AES128 = "TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"
LIST = ["TLS_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"]


class OneReplica(World):
    """Another one on this machine would open the listener as well."""

    def start(self):
        self.gateway.start_authsvc()
        server = self.pki.issue("server", self.gateway.server_ca, usages=[SERVER], sans=["*.gw.test", "*.offer.gw.test"])
        self.a = self.gateway.start_dataplane(system_trust=self.trust, threads=2, server=server)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = OneReplica(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


def listener(world, *entries):
    return {"apiVersion": "sallyport/v1", "kind": "Listener", "metadata": {"name": "offers"},
            "spec": {"address": "127.0.0.1", "port": world.a.port, "serverNameTls": list(entries)}}


ENTRIES = ({"serverNames": [NEW], "minVersion": "1.3", "ciphers": [AES256]},
           {"serverNames": [OLD], "maxVersion": "1.2"},
           {"serverNames": ["*.offer.gw.test"], "ciphers": LIST})


@pytest.fixture(scope="module", autouse=True)
def offers(world):
    origin = world.origin("offers")
    for name in (NEW, OLD, LISTED, ANY):
        world.gateway.add_api(classic(name.split(".")[0], origin.url, domain=name, use_keyless=True))
    world.gateway.apply(listener(world, *ENTRIES))
    wait_for(lambda: s_client(world, OLD)[0] == "TLSv1.2", "the listener's entries are in force")
    return origin


@pytest.fixture(scope="module")
def allowed(world):
    return [{"certificateId": world.gateway.add_certificate(world.client_ca.pem)}]


def s_client(world, name, *options, text=None, replica=None):
    """(version, cipher, alert, output) of a handshake; with `text` this is sent."""
    replica = replica or world.a
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{replica.port}",
                           *(["-servername", name] if name else ["-noservername"]), *options],
                          input=(text or "Q\n").encode(), capture_output=True, timeout=2 * DEADLINE)
    output = (done.stdout + done.stderr).decode(errors="replace")
    chosen = re.search(r"(?:New|Reused), (TLSv1\.\d), Cipher is (\S+)", output)
    protocol = re.search(r"^ *Protocol *: (\S+)", output, re.M)
    alert = re.search(r"alert number (\d+)", output)
    version = protocol.group(1) if protocol else chosen and chosen.group(1)
    return version if chosen else None, chosen and chosen.group(2), alert and int(alert.group(1)), output


def test_a_name_may_want_a_newer_version(world):
    assert s_client(world, NEW, "-tls1_2")[::2] == (None, PROTOCOL_VERSION)
    assert s_client(world, NEW)[:2] == ("TLSv1.3", AES256)
    assert s_client(world, ANY, "-tls1_2")[0] == "TLSv1.2", "the listener's other names are as before"
    failed = world.a.curl("/x", host=NEW, options=["--tls-max", "1.2"])
    assert failed.status == 0 and "protocol version" in failed.error
    for http in ("--http1.1", "--http2"):
        assert world.a.curl("/x", host=NEW, options=[http]).status == 200


def test_a_name_may_stay_with_an_older_version(world):
    assert s_client(world, OLD, "-tls1_3")[::2] == (None, PROTOCOL_VERSION)
    assert s_client(world, OLD)[0] == "TLSv1.2"
    for http in ("--http1.1", "--http2"):
        assert world.a.curl("/x", host=OLD, options=[http]).status == 200


def test_ciphers_are_those_of_the_name_in_its_order(world):
    assert s_client(world, LISTED)[1] == LIST[0]
    assert s_client(world, LISTED, "-tls1_2")[1] == LIST[1]
    assert s_client(world, LISTED, "-tls1_2", "-cipher", LIST[2])[1] == LIST[2]
    assert s_client(world, LISTED, "-tls1_3", "-ciphersuites", AES128)[::2] == (None, HANDSHAKE_FAILURE)
    assert s_client(world, LISTED, "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")[::2] == (None, HANDSHAKE_FAILURE)
    assert s_client(world, ANY, "-tls1_3", "-ciphersuites", AES128)[1] == AES128
    # Of no version that is named none is missing.
    assert s_client(world, NEW, "-tls1_3", "-ciphersuites", AES128)[::2] == (None, HANDSHAKE_FAILURE)


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_a_host_that_wants_more_than_the_handshake_gave_is_misdirected(world, offers, http):
    before = len(offers.requests)
    assert world.a.curl("/x", host=NEW, sni=ANY, options=["--tls-max", "1.2", http]).status == 421
    assert world.a.curl("/x", host=NEW, sni=ANY, options=[http]).status == 421, "its ciphers, too"
    assert world.a.curl("/x", host=ANY, sni=NEW, options=[http]).status == 421
    assert len(offers.requests) == before
    assert world.a.curl("/x", host="other." + LISTED.partition(".")[2], sni=LISTED, options=[http]).status == 404, "one entry, one offer"


def test_what_is_offered_is_no_matter_of_a_proxys_clients(world, allowed):
    """The handshake is the proxy's, for a name of its own; who calls is told in a header."""
    def settings(**spec):
        return {"apiVersion": "sallyport/v1", "kind": "GatewaySettings", "spec": spec}
    native(world, "told", [world.origin("told").url + "/"],
           spec={"clientTls": {"staticMtls": "REQUIREMENT_MANDATORY", "allowlist": allowed}})
    told = f"X-SSL-Cert: {urllib.parse.quote(world.client('alice').pem.decode(), safe='')}\r\n"
    try:
        world.gateway.apply(settings(trustedProxies=["127.0.0.1"], clientCertificateHeaders=["X-SSL-Cert"]))
        for entry in ({"minVersion": "1.2"}, {"serverNames": ["told.gw.test"], "minVersion": "1.3"}):
            world.gateway.apply(listener(world, *ENTRIES, entry))
            for headers, expected in ((told, 200), ("", 401)):
                with Connection(world.a, "internal.gw.test") as proxy:
                    proxy.host = "told.gw.test"
                    assert proxy.get(headers=headers)[0] == expected, entry
    finally:
        world.gateway.apply(settings(), listener(world, *ENTRIES))


def test_a_session_of_before_is_not_taken_up(world, tmp_path):
    """And a connection of before is used for no further request, since it was made otherwise."""
    host = "later.gw.test"
    world.gateway.add_api(classic("later", world.origin("later").url, domain=host, use_keyless=True))
    ticket, request = tmp_path / "ticket", f"GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    first = s_client(world, host, "-ign_eof", "-sess_out", str(ticket), text=request)
    assert "HTTP/1.1 200" in first[3] and ticket.exists()
    again = s_client(world, host, "-ign_eof", "-sess_in", str(ticket), text=request)
    assert "Reused, TLSv1.3" in again[3] and "HTTP/1.1 200" in again[3]
    with Connection(world.a, host) as living:
        assert living.get()[0] == 200
        try:
            world.gateway.apply(listener(world, *ENTRIES, {"serverNames": [host], "ciphers": [AES256]}))
            after = s_client(world, host, "-ign_eof", "-sess_in", str(ticket), text=request)
            assert "New, TLSv1.3" in after[3] and after[1] == AES256 and "HTTP/1.1 200" in after[3]
            assert living.get()[0] == 421
        finally:
            world.gateway.apply(listener(world, *ENTRIES))


@pytest.mark.parametrize("entry, said", [
    ({"serverNames": ["a.test"], "minVersion": "1.1"}, "TLS version `1.1`"),
    ({"serverNames": ["a.test"], "minVersion": "1.3", "maxVersion": "1.2"}, "is above max_version"),
    ({"serverNames": ["a.test"], "ciphers": ["ECDHE-RSA-AES128-SHA"]}, "is not offered here; there are ECDHE"),
    ({"serverNames": ["a.test"], "ciphers": ["ALL"]}, "is not offered here"),
    ({"serverNames": ["a.test"], "minVersion": "1.3", "ciphers": ["ECDHE-RSA-AES128-GCM-SHA256"]}, "is of TLS 1.2"),
    ({"serverNames": ["a.test"]}, "says nothing"),
    ({"serverNames": ["a.*.test"], "minVersion": "1.3"}, "neither a host name nor"),
    ({"serverName": ["a.test"], "minVersion": "1.3"}, "serverName"),
    ({"serverNames": ["a.test"], "cipher": [AES256]}, "cipher"),
])
def test_what_cannot_be_offered_is_refused(world, entry, said):
    assert said in world.gateway.apply(listener(world, *ENTRIES, entry), code=1)
    assert s_client(world, NEW)[1] == AES256, "what was in force is"


def test_names_of_authorities_are_sent_only_where_it_is_said(world, allowed):
    for name, loud in (("loud", True), ("quiet", False)):
        native(world, name, [world.origin(name).url + "/"], spec={"clientTls": {
            "staticMtls": "REQUIREMENT_MANDATORY", "allowlist": allowed, "announceClientCas": loud}})
    for option in ("-tls1_2", "-tls1_3"):
        assert "CN = Client CA" in s_client(world, "loud.gw.test", option)[3].partition("Acceptable client")[2]
        quiet = s_client(world, "quiet.gw.test", option)[3]
        assert "No client certificate CA names sent" in quiet and "Requested Signature Algorithms" in quiet, "asked for, by no name"
        assert "Requested Signature Algorithms" not in s_client(world, ANY, option)[3]


def test_who_sends_no_name_gets_the_listeners_default(world):
    assert "0 s:CN = server\n" in s_client(world, None)[3]


def test_nothing_old_and_no_second_handshake(world, offers):
    for option in ("-tls1", "-tls1_1"):
        assert s_client(world, ANY, option, "-cipher", "ALL:@SECLEVEL=0")[::2] == (None, PROTOCOL_VERSION)
    assert s_client(world, ANY, "-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0")[::2] == (None, HANDSHAKE_FAILURE)
    before = len(offers.requests)
    asked_again = s_client(world, ANY, "-tls1_2", text=f"R\nGET /x HTTP/1.1\r\nHost: {ANY}\r\n\r\n")[3]
    assert "RENEGOTIATING" in asked_again and "no renegotiation" in asked_again and "HTTP/1.1" not in asked_again
    assert len(offers.requests) == before


def test_versions_of_a_listener_of_the_machines_file(world):
    replica = world.gateway.start_dataplane(options=["--set", "listeners.0.min_version=1.3", "--set", "listeners_from_authsvc=false"])
    assert s_client(world, ANY, "-tls1_2", replica=replica)[::2] == (None, PROTOCOL_VERSION)
    assert s_client(world, ANY, replica=replica)[0] == "TLSv1.3"
