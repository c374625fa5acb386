"""TCP streams that live while what a handshake for their name must be like changes: who would not be let in by the same handshake
any more has the time of a drain. Real openssl and Python's ssl."""

import ssl
import subprocess

import pytest

from apisix_world import ApisixWorld
from gateway import DEADLINE, wait_for
from origins import free_port
from pki import SERVER
from test_tcp_apis import client_context, definition, echo, exactly, is_cut, log_lines, tls

OLD, NEW = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
AES256, AES128 = "TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"
NAME, API = "living", "living-streams"


class OneReplica(ApisixWorld):
    """It opens no listener but those of its file and of the stream's API."""

    def start(self):
        self.gateway.start_authsvc(options=["--set", f"admin.apisix_plain_http_port={self.plain_port}"])
        self.port, self.other = free_port(), free_port()
        server = self.pki.issue("server", self.gateway.server_ca, usages=[SERVER], sans=["*.gw.test"])
        settings = ("listeners_from_authsvc=false", "timeouts.drain=200ms", "tcp_apis.address=127.0.0.1",
                    f"tcp_apis.ports.0={self.port}")
        self.a = self.gateway.start_dataplane(system_trust=self.trust, name=NAME, server=server,
                                              options=[word for setting in settings for word in ("--set", setting)])

    def offer(self, *entries, **spec):
        """What the streams' listener offers by name. One is meant by its id; its own port belongs to the API."""
        self.gateway.apply({"apiVersion": "sallyport/v1", "kind": "Listener", "metadata": {"name": f"tcp-{self.port}"},
                            "spec": {"address": "127.0.0.1", "port": self.other, "serverNameTls": list(entries), **spec}})

    def stream(self, name, version=NEW):
        """One that has been let in."""
        made = tls(self, self.port, sni=f"{name}.gw.test", context=client_context(self, version=version))
        assert lives(made)
        return made


WORLD = OneReplica


def lives(stream):
    stream.sendall(b"a")
    return exactly(stream, 1) == b"a"


@pytest.fixture()
def place(world, scripted):
    there = scripted(echo)
    world.gateway.add_api(definition(API, f"tcp://localhost:{there.port}", world.port))
    wait_for(lambda: world.a.metric("sallyport_tcp_ports", state="open") == 1, "the port is open")
    yield world
    world.offer()


def cuts(world):
    return len([line for line in log_lines(world, NAME, API) if line.get("tunnel_end") == "cut"])


def test_a_version_that_the_name_does_not_take_any_more(place):
    before = cuts(place)
    with place.stream("db", OLD) as old, place.stream("db") as new, place.stream("other", OLD) as other:
        place.offer({"serverNames": ["db.gw.test"], "maxVersion": "1.3"})
        place.offer({"serverNames": ["db.gw.test"], "minVersion": "1.3"}, {"serverNames": ["else.gw.test"], "maxVersion": "1.2"})
        assert is_cut(old)
        assert lives(new) and lives(other), "only those of that name and version"
        wait_for(lambda: cuts(place) == before + 1, "the access log tells of it")
        with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
            place.stream("db", OLD)
        place.offer({"serverNames": ["db.gw.test"], "minVersion": "1.2"}, {"serverNames": ["*.gw.test"], "maxVersion": "1.2"})
        with place.stream("db", OLD) as again:
            assert lives(again) and lives(new) and lives(other)
        place.offer({"serverNames": ["*.gw.test"], "maxVersion": "1.2"})
        assert is_cut(new), "the entry of the wider name holds"
        assert lives(other)
    wait_for(lambda: cuts(place) == before + 2, "of both")


def test_a_cipher_that_the_name_does_not_take_any_more(place):
    begun = [subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{place.port}", "-servername", "db.gw.test", "-quiet",
                               "-tls1_3", "-ciphersuites", cipher], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL) for cipher in (AES128, AES256)]
    try:
        for client in begun:
            client.stdin.write(b"a\n")
            client.stdin.flush()
            assert client.stdout.read(2) == b"a\n"
        place.offer({"serverNames": ["db.gw.test"], "ciphers": [AES256]})
        weak, strong = begun
        assert weak.wait(DEADLINE) != 0
        strong.stdin.write(b"b\n")
        strong.stdin.flush()
        assert strong.stdout.read(2) == b"b\n" and strong.poll() is None
    finally:
        for client in begun:
            client.kill()
            client.communicate()


def test_a_certificate_that_is_validated_within_the_handshake_from_now_on(place):
    bundle = {"apiVersion": "sallyport/v1", "kind": "TrustBundle", "metadata": {"name": "partners"},
              "spec": {"certificateIds": [place.gateway.add_certificate(place.client_ca.pem)]}}
    place.gateway.apply(bundle)
    with place.stream("db") as nobody, place.stream("other") as other:
        place.offer(strictClientTls=[{"serverNames": ["db.gw.test"], "trustBundleIds": ["partners"]}])
        assert is_cut(nobody) and lives(other)
        client = place.client("alice")
        with tls(place, place.port, sni="db.gw.test", context=client_context(place, client)) as known:
            assert lives(known)
            place.offer(strictClientTls=[{"serverNames": ["db.gw.test"], "trustBundleIds": ["partners"], "optional": True}])
            assert is_cut(known), "it was validated by another rule"
        assert lives(other)


def test_protocols_of_an_apisix_ssl_object(place):
    with place.stream("other", OLD) as other:
        place.ssl("1", "db.gw.test")
        with place.stream("db", OLD) as old, place.stream("db") as new:
            for versions in (["TLSv1.2", "TLSv1.3"], ["TLSv1.3"]):
                assert lives(old), versions
                assert place.call("PATCH", "/ssls/1", {"ssl_protocols": versions}).status_code == 200
            assert is_cut(old)
            assert lives(new) and lives(other)
        assert place.call("DELETE", "/ssls/1").status_code == 200
