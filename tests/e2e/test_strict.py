"""Strict server names: client certificates are validated within the handshake, which waits for authsvc and ends with the alert
that says what is wrong. Real openssl and curl clients."""

import json
import re
import socket
import ssl
import subprocess
import time

import pytest

from conftest import World
from gateway import DEADLINE, classic, wait_for
from pki import CLIENT, SERVER
from test_shared_tickets import visit

VERSIONS = ("1.2", "1.3")
STRICT, MAYBE, LOOSE = "strict.gw.test", "maybe.gw.test", "loose.gw.test"
EXPIRED, REVOKED, UNKNOWN_CA, WRONG_USE, INTERNAL = 45, 44, 48, 43, 80
PLACES = 16  # for handshakes of one address that wait


class StrictWorld(World):
    """One data plane of one loop, strict at some names."""

    def __init__(self, directory):
        self.directory, self.revoked, self.tickets = directory, [], 0
        super().__init__(directory)

    def start(self):
        self.gateway.start_authsvc()
        self.a = self.gateway.start_dataplane(
            system_trust=self.trust, threads=2, options=["--set", "limits.authorize_misses_per_second=0",
                                              "--set", f"limits.strict_handshakes_per_address={PLACES}"])
        self.a.address = "127.0.0.1"

    def listener(self, *strict):
        return {"apiVersion": "sallyport/v1", "kind": "Listener", "metadata": {"name": "front"},
                "spec": {"address": "127.0.0.1", "port": self.a.port, "strictClientTls": list(strict)}}

    def strict(self):
        return ({"serverNames": [STRICT, "*.strict.gw.test"], "trustBundleIds": ["partners"]},
                {"serverNames": [MAYBE], "anyIssuer": True, "optional": True})

    def revoke(self, *pairs):
        self.revoked += [{"spkiSha256": base64_of(pair.spki_sha256)} for pair in pairs]
        self.gateway.apply({"apiVersion": "sallyport/v1", "kind": "GatewaySettings", "metadata": {"name": "gateway"},
                            "spec": {"revoked": self.revoked}})

    def keep(self):
        self.tickets += 1
        return self.directory / f"strict-ticket-{self.tickets}"


def base64_of(hexadecimal):
    import base64
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = StrictWorld(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


@pytest.fixture(scope="module", autouse=True)
def ready(world):
    gateway = world.gateway
    world.ca_id = gateway.add_certificate(world.client_ca.pem)
    world.listed = world.client("listed")
    world.unlisted = world.client("unlisted")
    listed_id = gateway.add_certificate(world.listed.pem)
    origin = world.origin("strict")
    for name in (STRICT, LOOSE):
        gateway.add_api(classic(name, origin.url, domain=name, use_keyless=True, use_mutual_tls_auth=True,
                                client_certificates=[listed_id]))
    gateway.add_api(classic(MAYBE, origin.url, domain=MAYBE, use_keyless=True))
    gateway.add_api(classic("open", origin.url, domain="open.gw.test", use_keyless=True))
    world.gateway.apply({"apiVersion": "sallyport/v1", "kind": "TrustBundle", "metadata": {"name": "partners"},
                         "spec": {"certificateIds": [world.ca_id]}},
                        world.listener(*world.strict()))


def alert_of(world, client=None, sni=STRICT, version="1.3", chain=None):
    """The number of the alert that ends the connection; None: it was answered."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{world.a.port}", "-servername", sni, "-ign_eof",
               f"-tls{version.replace('.', '_')}"]
    command += ["-cert", str(client.cert), "-key", str(client.key)] if client else []
    command += ["-cert_chain", str(chain)] if chain else []
    done = subprocess.run(command, input=f"GET /x HTTP/1.1\r\nHost: {sni}\r\nConnection: close\r\n\r\n".encode(),
                          capture_output=True, timeout=2 * DEADLINE)
    text = (done.stdout + done.stderr).decode(errors="replace")
    found = re.search(r"alert number (\d+)", text)
    assert (found is None) == ("HTTP/1.1 " in text), text
    return found and int(found.group(1))


def failures(world, reason):
    return world.a.metric("sallyport_handshake_failures_total", reason=reason)


@pytest.mark.parametrize("version", VERSIONS)
def test_who_is_valid_is_decided_as_always(world, version):
    assert visit(world.a, STRICT, world.listed, version=version)[0] == 200
    assert visit(world.a, "x." + STRICT, world.listed, version=version)[0] == 404, "a name below, without an API"
    assert visit(world.a, STRICT, world.unlisted, version=version)[0] == 403, "a valid path is not yet a right"


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_curl_in_either_protocol(world, http):
    answer = world.a.curl("/x", client=world.listed, host=STRICT, options=[http])
    assert answer.status == 200, answer
    assert world.a.curl("/x", host=STRICT, options=[http]).status == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_each_refusal_has_its_alert(world, version):
    now = version.replace(".", "")
    stranger = world.pki.issue(f"stranger {now}", world.pki.issue(f"Strange CA {now}", ca=True), usages=[CLIENT])
    expired = world.client(f"expired {now}", days=(-10, -1))
    server = world.pki.issue(f"server {now}", world.client_ca, usages=[SERVER])
    revoked = world.client(f"revoked {now}")
    world.revoke(revoked)
    cases = [(expired, EXPIRED, "certificate_expired"), (revoked, REVOKED, "certificate_revoked"),
             (stranger, UNKNOWN_CA, "certificate_untrusted"), (server, WRONG_USE, "certificate_wrong_usage"),
             (world.client(f"early {now}", days=(5, 10)), 42, "certificate_not_yet_valid")]
    for pair, alert, reason in cases:
        before = failures(world, reason)
        assert alert_of(world, pair, version=version) == alert, reason
        wait_for(lambda: failures(world, reason) > before, f"{reason} is counted")

        def line():
            alert_of(world, pair, version=version)
            return next((one for one in map(json.loads, world.a.lines("tls.handshake_failed"))
                         if one["unproven_sha256"] == pair.fingerprint), None)
        told = wait_for(line, f"the log tells of {reason}")
        assert (told["reason"], told["sni"]) == (reason, STRICT) and told["alert"].endswith(f"({alert})")
    required = {"1.2": 40, "1.3": 116}[version]
    assert alert_of(world, version=version) == required
    wait_for(lambda: failures(world, "no_client_certificate") > 0, "no certificate is counted")


@pytest.mark.parametrize("version", VERSIONS)
def test_chains_are_as_long_as_the_rule_says(world, version):
    now = version.replace(".", "")
    middle = world.pki.issue(f"Middle {now}", world.client_ca, ca=True)
    below = world.client(f"below {now}", middle)
    lower = world.pki.issue(f"Lower {now}", middle, ca=True)
    deep = world.client(f"deep {now}", lower)
    chain = world.directory / f"chain-{now}.pem"
    chain.write_bytes(lower.pem + middle.pem)
    assert alert_of(world, below, version=version) == UNKNOWN_CA, "the leaf alone leads nowhere"
    assert visit(world.a, STRICT, below, version=version, issuers=middle.cert)[0] == 403
    assert visit(world.a, STRICT, deep, version=version, issuers=chain)[0] == 403
    short, maybe = world.strict()
    world.gateway.apply(world.listener({**short, "maxDepth": 1}, maybe))
    assert alert_of(world, deep, version=version, chain=chain) == UNKNOWN_CA
    assert visit(world.a, STRICT, below, version=version, issuers=middle.cert)[0] == 403
    world.gateway.apply(world.listener(*world.strict()))


@pytest.mark.parametrize("version", VERSIONS)
def test_optional_and_any_issuer(world, version):
    now = version.replace(".", "")
    own = world.pki.self_signed(f"own {now}")
    assert visit(world.a, MAYBE, version=version)[0] == 200, "none is fine"
    assert visit(world.a, MAYBE, own, version=version)[0] == 200, "whoever issued it"
    assert alert_of(world, world.client(f"old {now}", days=(-10, -1)), sni=MAYBE, version=version) == EXPIRED
    assert alert_of(world, world.pki.issue(f"use {now}", world.client_ca, usages=[SERVER]), sni=MAYBE, version=version) == WRONG_USE


@pytest.mark.parametrize("version", VERSIONS)
def test_other_names_of_the_listener_are_as_before(world, version):
    now = version.replace(".", "")
    assert visit(world.a, LOOSE, world.listed, version=version)[0] == 200
    assert visit(world.a, LOOSE, world.client(f"late {now}", days=(-10, -1)), version=version)[0] == 403
    assert visit(world.a, LOOSE, version=version)[0] in (401, 403)
    assert visit(world.a, "open.gw.test", version=version)[0] == 200


def test_a_host_of_other_strictness_is_misdirected(world):
    assert world.a.curl("/x", client=world.listed, host=STRICT, sni=LOOSE).status == 421
    assert world.a.curl("/x", client=world.listed, host=LOOSE, sni=STRICT).status == 421
    assert world.a.curl("/x", client=world.listed, host=MAYBE, sni=STRICT).status == 421
    assert world.a.curl("/x", client=world.listed, host=STRICT, sni=LOOSE, options=["--http2"]).status == 421


@pytest.mark.parametrize("version", VERSIONS)
def test_resumption_ends_with_the_revocation(world, version):
    now = version.replace(".", "")
    client = world.client(f"traveller {now}")
    keep = world.keep()
    assert visit(world.a, MAYBE, client, version=version, keep=keep)[::2] == (200, False)
    assert visit(world.a, MAYBE, client, ticket=keep, version=version)[::2] == (200, True)
    # Something else is revoked: the whole handshake, once more, and then tickets again.
    world.revoke(world.client(f"another {now}"))
    assert visit(world.a, MAYBE, client, ticket=keep, version=version)[::2] == (200, False)
    assert visit(world.a, MAYBE, client, ticket=keep, version=version)[::2] == (200, True)
    world.revoke(client)
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{world.a.port}", "-servername", MAYBE, "-ign_eof", "-sess_in",
               str(keep), "-cert", str(client.cert), "-key", str(client.key), f"-tls{version.replace('.', '_')}"]
    done = subprocess.run(command, input=b"GET /x HTTP/1.1\r\nHost: maybe.gw.test\r\nConnection: close\r\n\r\n",
                          capture_output=True, timeout=2 * DEADLINE)
    text = (done.stdout + done.stderr).decode(errors="replace")
    assert f"alert number {REVOKED}" in text and "HTTP/1.1" not in text, text


@pytest.mark.parametrize("version", VERSIONS)
def test_no_ticket_from_before_the_name_was_strict(world, version):
    client, keep = world.listed, world.keep()
    world.gateway.apply(world.listener(world.strict()[1]))
    assert visit(world.a, STRICT, client, version=version, keep=keep)[::2] == (200, False)
    assert visit(world.a, STRICT, client, ticket=keep, version=version)[::2] == (200, True)
    world.gateway.apply(world.listener(*world.strict()))
    assert visit(world.a, STRICT, client, ticket=keep, version=version)[::2] == (200, False)


def test_a_change_of_the_bundle_counts_at_once(world):
    other_ca = world.pki.issue("Other CA", ca=True)
    client = world.client("of the other", other_ca)
    bundle = {"apiVersion": "sallyport/v1", "kind": "TrustBundle", "metadata": {"name": "partners"}}
    assert alert_of(world, client) == UNKNOWN_CA
    world.gateway.apply({**bundle, "spec": {"certificateIds": [world.ca_id, world.gateway.add_certificate(other_ca.pem)]}})
    assert alert_of(world, client) is None
    world.gateway.apply({**bundle, "spec": {"certificateIds": [world.ca_id]}})
    assert alert_of(world, client) == UNKNOWN_CA
    done = world.gateway.run_ctl("delete", "TrustBundle", "partners")
    assert done.returncode != 0 and "Listener front" in done.stdout + done.stderr
    # Of a bundle that is not there nobody is: refused until it comes.
    strict, maybe = world.strict()
    assert "pending" in world.gateway.apply(world.listener({**strict, "trustBundleIds": ["later"]}, maybe))
    assert alert_of(world, world.listed) == UNKNOWN_CA
    world.gateway.apply({**bundle, "metadata": {"name": "later"}, "spec": {"certificateIds": [world.ca_id]}})
    assert alert_of(world, world.listed) is None
    world.gateway.apply(world.listener(*world.strict()))


@pytest.mark.parametrize("strict, told", [
    ([{"serverNames": [STRICT]}], "trust_bundle_ids"),
    ([{"serverNames": [STRICT], "anyIssuer": True, "trustBundleIds": ["partners"]}], "any_issuer"),
    ([{"serverNames": ["a.*.test"], "anyIssuer": True}], "a.*.test"),
    ([{"serverNames": ["127.0.0.1"], "anyIssuer": True}], "address"),
    ([{"serverNames": [STRICT], "anyIssuer": True}, {"serverNames": ["STRICT.gw.test"], "anyIssuer": True}], "twice"),
    ([{"anyIssuer": True}, {"anyIssuer": True}], "two entries"),
    ([{"serverName": [STRICT], "anyIssuer": True}], "serverName"),
])
def test_what_cannot_be_meant_is_refused(world, strict, told):
    assert told in world.gateway.apply(world.listener(*strict), code=1)
    assert alert_of(world, world.listed) is None


def test_the_whole_listener(world):
    world.gateway.apply(world.listener({"trustBundleIds": ["partners"]}, {"serverNames": [MAYBE], "anyIssuer": True, "optional": True}))
    assert alert_of(world, sni="open.gw.test") == 116
    assert alert_of(world, world.listed, sni="open.gw.test") is None
    assert alert_of(world, sni=MAYBE) is None, "the more specific entry"
    # Whoever sends no name is of the listener as well.
    bare = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{world.a.port}", "-noservername", "-ign_eof"],
                          input=b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", capture_output=True, timeout=2 * DEADLINE)
    assert b"alert number 116" in bare.stdout + bare.stderr
    world.gateway.apply(world.listener(*world.strict()))


def half_handshake(world, client):
    """A connection whose client has sent all but the end of its last flight."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.load_cert_chain(client.cert, client.key)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing, server_hostname=STRICT)
    connection = socket.create_connection(("127.0.0.1", world.a.port), DEADLINE)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            connection.sendall(outgoing.read())
            incoming.write(connection.recv(65536))
    return connection, outgoing.read()


def test_half_handshakes_and_junk_harm_nobody(world):
    held = []
    for n in range(200):
        connection, flight = half_handshake(world, world.listed)
        connection.sendall(flight[:n * len(flight) // 200] + (b"\x16\x03\x03\x40\x00junk" * 20 if n % 2 else b""))
        held.append(connection)
    for _ in range(5):
        assert visit(world.a, STRICT, world.listed)[0] == 200
        assert visit(world.a, LOOSE, world.listed)[0] == 200
    for n, connection in enumerate(held):
        if n % 3 == 0:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
    wait_for(lambda: world.a.metric("sallyport_strict_handshakes_waiting") == 0, "nobody waits")
    assert visit(world.a, STRICT, world.listed)[0] == 200


def waiting(world):
    return world.a.metric("sallyport_strict_handshakes_waiting")


def test_a_slow_authsvc_holds_up_nobody_else(world):
    def trial():
        """Within the time for which what is known is taken for current."""
        wait_for(lambda: world.a.metric("sallyport_stream_healthy") == 1, "the stream is healthy")
        assert world.a.curl("/x", client=world.listed, host=LOOSE).status == 200
        client = world.client(f"slow {time.monotonic()}")
        world.gateway.authsvc.freeze()
        try:
            started = time.monotonic()
            slow = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{world.a.port}", "-servername", STRICT,
                                     "-ign_eof", "-tls1_2", "-cert", str(client.cert), "-key", str(client.key)],
                                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            answer = world.a.curl("/x", client=world.listed, host=LOOSE)
            known = alert_of(world, world.listed)  # valid a moment ago, at a strict name
            took = time.monotonic() - started
            wait_for(lambda: waiting(world) == 1, "one waits")
            still = slow.poll() is None
        finally:
            world.gateway.authsvc.thaw()
        out, _ = slow.communicate(f"GET /x HTTP/1.1\r\nHost: {STRICT}\r\nConnection: close\r\n\r\n".encode(),
                                  timeout=2 * DEADLINE)
        assert b"HTTP/1.1 403" in out, out  # it was answered in the end, and decided
        return took < 2 and (answer.status, known, still)

    assert alert_of(world, world.listed) is None
    assert wait_for(trial, "a trial in which nothing else was slow") == (200, None, True)


def test_a_flood_of_waiting_handshakes_is_bounded(world):
    memory = world.a.memory_kb()
    held = []

    def flood():
        """Whether all came before authsvc's silence was noticed: then nobody waits any more."""
        wait_for(lambda: world.a.metric("sallyport_stream_healthy") == 1, "the stream is healthy")
        wait_for(lambda: waiting(world) == 0, "nobody waits")
        before = failures(world, "overloaded")
        clients = [world.client(f"flood {time.monotonic()}") for _ in range(4)]
        flights = [half_handshake(world, clients[n % 4]) for n in range(PLACES + 34)]
        held.extend(connection for connection, _ in flights)
        world.gateway.authsvc.freeze()
        try:
            for connection, flight in flights:
                connection.sendall(flight)
            noticed = lambda: world.a.metric("sallyport_stream_healthy") == 0
            wait_for(lambda: failures(world, "overloaded") == before + 34 or noticed(), "the others were told")
            wait_for(lambda: waiting(world) == PLACES or noticed(), "the gauge, which is set once a second, says so")
            full = waiting(world) == PLACES
            assert world.a.metric("sallyport_strict_handshake_stack_bytes") <= (PLACES + 18) * 65536
            for connection, _ in flights[::2]:
                connection.close()
        finally:
            world.gateway.authsvc.thaw()
        return full and failures(world, "overloaded") == before + 34

    wait_for(flood, "as many waited as one address may have")
    assert world.a.memory_kb() - memory < 64 * 1024
    wait_for(lambda: waiting(world) == 0, "nobody waits")
    for connection in held:
        connection.close()
    wait_for(lambda: world.a.metric("sallyport_strict_handshake_stack_bytes") <= 18 * 65536, "stacks are given back")
    wait_for(lambda: alert_of(world, world.listed) is None, "it goes on")


@pytest.mark.parametrize("version", VERSIONS)
def test_without_authsvc_nobody_comes_in(world, version):
    keep = world.keep()
    assert visit(world.a, STRICT, world.listed, version=version, keep=keep)[0] == 200
    world.gateway.authsvc.stop()
    wait_for(lambda: world.a.metric("sallyport_stream_healthy") == 0, "the stream is broken")
    assert alert_of(world, world.listed, version=version) == INTERNAL, "also who was let in before"
    wait_for(lambda: failures(world, "validation_unavailable") > 0, "it is counted")
    # Names that are not strict go on with what is known.
    assert visit(world.a, LOOSE, world.listed, version=version)[0] == 200
    world.gateway.start_authsvc()
    world.gateway.settle()
    wait_for(lambda: alert_of(world, world.listed, version=version) is None, "it is back")


def test_a_data_plane_that_ends_while_handshakes_wait(world):
    replica = world.gateway.start_dataplane(system_trust=world.trust, name="ending", port=world.a.port,
                                            options=["--set", "listeners.0.address=127.0.0.2", "--set", "timeouts.drain=1s",
                                                     "--set", "listeners.0.id=front"])
    connections = []

    # By somebody who has not been validated yet. Whoever comes when authsvc has been silent for some seconds, or has waited
    # until then, is refused: then again, from the start.
    def one_waits():
        world.gateway.authsvc.thaw()
        wait_for(lambda: replica.metric("sallyport_stream_healthy") == 1, "authsvc is heard")
        client = world.client(f"last-{len(connections)}")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(client.cert, client.key)
        world.gateway.authsvc.freeze()
        plain = socket.create_connection(("127.0.0.2", replica.port), DEADLINE)
        connections.append(context.wrap_socket(plain, server_hostname=STRICT))
        return replica.metric("sallyport_strict_handshakes_waiting") == 1

    try:
        wait_for(one_waits, "one waits")
        replica.stop()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            if connections[-1].recv(1) == b"":
                raise ConnectionError
    finally:
        world.gateway.authsvc.thaw()
