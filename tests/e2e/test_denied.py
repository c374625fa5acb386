"""Deny entries by issuer and serial number: they reach connections that are open, of certificates that nobody stored."""

import base64
import threading

import pytest

from gateway import DEADLINE, classic
from raw import Connection


def serial_entry(pair):
    serial = pair.certificate.serial_number
    magnitude = serial.to_bytes((serial.bit_length() + 7) // 8, "big")
    return {"issuer_der": pair.certificate.issuer.public_bytes(), "serial": magnitude}


@pytest.fixture
def deny(world, tmp_path):
    """Sets the deny list to these entries; it is empty again afterwards."""
    def set_list(*entries):
        lines = ["apiVersion: sallyport/v1", "kind: GatewaySettings", "id: gateway", "revoked:" + ("" if entries else " []")]
        for entry in entries:
            for number, (name, value) in enumerate(entry.items()):
                lines.append(f"{'- ' if number == 0 else '  '}{name}: {base64.b64encode(value).decode()}")
        settings = tmp_path / "settings.yaml"
        settings.write_text("\n".join(lines) + "\n")
        done = world.gateway.run_ctl("apply", "-f", str(settings))
        assert done.returncode == 0, done.stdout + done.stderr
        world.gateway.settle()
    yield set_list
    set_list()


class Downloads:
    """An upstream that sends half of an answer to /download and the rest when told; others at once."""

    def __init__(self, world, name, allowlist):
        self.gate = threading.Event()
        origin = world.origin(name, answer=self._answer)
        self.host = f"{name}.gw.test"
        world.gateway.add_api(classic(name, origin.url, domain=self.host, use_keyless=True, use_mutual_tls_auth=True,
                                      client_certificates=allowlist))

    def _answer(self, handler, request):
        handler.send_response(200)
        handler.send_header("Content-Length", "8")
        handler.end_headers()
        handler.wfile.write(b"half")
        if request.target == "/download":
            handler.wfile.flush()
            self.gate.wait(10 * DEADLINE)
        handler.wfile.write(b"rest")

    def idle(self, replica, pair, chain=None):
        connection = Connection(replica, self.host, pair, chain=chain)
        assert connection.get("/x")[0] == 200
        return connection

    def downloading(self, replica, pair, chain=None):
        connection = Connection(replica, self.host, pair, chain=chain)
        connection.send(f"GET /download HTTP/1.1\r\nHost: {self.host}\r\n\r\n")
        assert connection.body_begins(b"half")
        return connection


def test_a_denied_serial_ends_the_live_connections_of_that_leaf_alone(world, deny):
    downloads = Downloads(world, "denied-leaf", [world.gateway.add_certificate(world.client_ca.pem)])
    denied, spared = world.client("to be denied"), world.client("spared")
    stored = world.gateway.rest("GET", f"/tyk/certs/default{denied.fingerprint}")
    assert stored.status_code == 404, "the gateway knows its CA alone"
    idle = [downloads.idle(replica, denied) for replica in (world.a, world.b)]
    cut = downloads.downloading(world.b, denied)
    kept = [downloads.idle(replica, spared) for replica in (world.a, world.b)]
    whole = downloads.downloading(world.b, spared)
    try:
        deny(serial_entry(denied))
        for connection in [*idle, cut]:
            assert connection.ended(), "idle or, after sever_grace, with half of its answer: nothing else would end it"
        for connection in kept:
            assert connection.still_open() and connection.get("/x")[0] == 200
        assert whole.still_open()
        downloads.gate.set()
        assert whole.rest() == b"rest"
        for replica in (world.a, world.b):
            assert replica.curl("/x", client=denied, host=downloads.host).status == 403
            assert replica.curl("/x", client=spared, host=downloads.host).status == 200
        # The same number of another issuer, and another number of the same, name somebody else.
        other = world.pki.issue("Another CA", ca=True)
        deny({**serial_entry(spared), "issuer_der": other.certificate.subject.public_bytes()})
        for connection in kept:
            assert connection.get("/x")[0] == 200
        assert world.a.curl("/x", client=denied, host=downloads.host).status == 200, "it is not denied any more"
    finally:
        downloads.gate.set()
        for connection in [*idle, cut, *kept, whole]:
            connection.close()


def test_a_denied_intermediate_ends_the_live_connections_that_presented_it(world, deny):
    root = world.pki.issue("Root of denied", ca=True)
    denied_ca, spared_ca = (world.pki.issue(name, root, ca=True) for name in ("Denied middle", "Spared middle"))
    downloads = Downloads(world, "denied-issuer", [world.gateway.add_certificate(root.pem)])
    below, beside = world.client("below", denied_ca), world.client("beside", spared_ca)
    victims = [downloads.idle(replica, below, chain=below.chain) for replica in (world.a, world.b)]
    victims.append(downloads.downloading(world.a, below, chain=below.chain))
    kept = [downloads.idle(replica, beside, chain=beside.chain) for replica in (world.a, world.b)]
    try:
        deny(serial_entry(denied_ca))
        for connection in victims:
            assert connection.ended()
        for connection in kept:
            assert connection.get("/x")[0] == 200
        for replica in (world.a, world.b):
            assert replica.curl("/x", client=below, chain=below.chain, host=downloads.host).status == 403
    finally:
        downloads.gate.set()
        for connection in victims + kept:
            connection.close()
