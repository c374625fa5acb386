"""Several listeners: IPv6, a port that a definition names, plain HTTP that redirects, 421 on each."""

import http.client
import socket
import ssl
import subprocess
import time

import pytest
import requests

from gateway import DEADLINE, classic, sum_of_samples, wait_for
from origins import free_port
from raw import Connection


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def replica(world):
    """Listener 0 as everywhere, 1 on another address family, 2 plain with redirect, 3 plain without."""
    files = world.pki.issue("listeners", world.gateway.server_ca, sans=["*.gw.test", "localhost", "127.0.0.1"])
    ports = [free_port() for _ in range(4)]
    address = "::1" if has_ipv6() else "127.0.0.1"
    settings = {"listeners.0.id": "first", "listeners.1.id": "second", "listeners.1.address": address,
                "listeners.1.port": ports[1], "listeners.1.certificates.0.certificate_file": files.cert,
                "listeners.1.certificates.0.key_file": files.key,
                "listeners.2.id": "redirecting", "listeners.2.address": "127.0.0.1", "listeners.2.port": ports[2],
                "listeners.2.plain": "true", "listeners.2.redirect": "true",
                "listeners.3.id": "plain", "listeners.3.address": "127.0.0.1", "listeners.3.port": ports[3],
                "listeners.3.plain": "true"}
    options = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    made = world.gateway.start_dataplane(system_trust=world.trust, threads=2, options=options, port=ports[0])
    made.second_port, made.redirect_port, made.plain_port = ports[1:]
    return made


@pytest.fixture(scope="module")
def apis(world, replica):
    leaf = world.client("of the listeners")
    world.gateway.add_api(classic("listed", world.origin("listed").url, domain="listed.gw.test", use_keyless=True,
                                  use_mutual_tls_auth=True, client_certificates=[world.gateway.add_certificate(leaf.pem)]))
    world.gateway.add_api(classic("public", world.origin("public").url, domain="public.gw.test", use_keyless=True))
    return leaf


class At:
    """A replica as seen at another of its ports."""

    def __init__(self, replica, port, address="127.0.0.1"):
        self.gateway, self.port, self.address = replica.gateway, port, address


def plain(port, host, path="/x?a=1", method="GET", headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    connection.request(method, path, headers={"Host": host, **(headers or {})})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback address")
def test_a_listener_on_ipv6_knows_its_clients_by_their_address(world, replica, apis):
    with Connection(At(replica, replica.second_port, "::1"), "public.gw.test") as client:
        assert client.get()[0] == 200
    log = world.gateway.directory / f"{replica.log.stem}.access.log"
    wait_for(lambda: '"::1"' in log.read_text(), "the access log has the address")
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", replica.second_port), DEADLINE)


def test_every_listener_asks_decides_and_refuses_alike(world, replica, apis):
    family = "::1" if has_ipv6() else "127.0.0.1"
    for where in (At(replica, replica.port), At(replica, replica.second_port, family)):
        with Connection(where, "listed.gw.test", apis) as client:
            assert client.get()[0] == 200
        with Connection(where, "listed.gw.test") as client:
            assert client.get()[0] == 403
        with Connection(where, "public.gw.test", apis) as client:
            client.send("GET /x HTTP/1.1\r\nHost: listed.gw.test\r\n\r\n")
            answer = client.answer()
            assert answer[0] == 421 and answer[1]["connection"] == "close", "not asked for a certificate there"
            assert client.ended()
        with Connection(where, "listed.gw.test", apis) as client:
            client.send("GET /x HTTP/1.1\r\nHost: public.gw.test\r\n\r\n")
            assert client.answer()[0] == 421, "nor the other way about"


def test_a_plain_listener_redirects_what_needs_tls(world, replica, apis):
    for method in ("GET", "POST"):
        answer = plain(replica.redirect_port, "listed.gw.test", method=method)
        assert answer.status == 308
        assert answer.getheader("Location") == f"https://listed.gw.test:{replica.port}/x?a=1"
    forged = plain(replica.redirect_port, "listed.gw.test", headers={"X-Forwarded-Proto": "https"})
    assert forged.status == 308, "a header of anybody makes no TLS"
    assert plain(replica.redirect_port, "unknown.gw.test").status == 404


def test_a_plain_listener_without_redirect_refuses(world, replica, apis):
    answer = plain(replica.plain_port, "listed.gw.test")
    assert answer.status == 403 and answer.getheader("Location") is None


def test_a_definition_opens_its_own_port_and_closes_it(world, replica):
    port = free_port()
    world.gateway.add_api(classic("own-port", world.origin("own-port").url, domain="own.gw.test", use_keyless=True,
                                  listen_port=port))
    at = At(replica, port)

    def serves():
        try:
            with Connection(at, "own.gw.test") as client:
                answer = client.get()
                return answer is not None and answer[0] == 200
        except OSError:
            return False
    # Two other data planes of this machine want the port too, each with SO_REUSEPORT of its own.
    wait_for(serves, "served at its port")
    with Connection(replica, "own.gw.test") as client:
        assert client.get()[0] == 404, "and there only"
    assert world.gateway.rest("DELETE", "/tyk/apis/own-port").status_code == 200
    world.gateway.settle()

    def closed():
        try:
            socket.create_connection(("127.0.0.1", port), DEADLINE).close()
            return False
        except OSError:
            return True
    wait_for(closed, "closed with its last definition")


def test_an_address_may_begin_so_many_handshakes(world):
    """`limits.handshakes_per_second`: whoever begins more is closed before any of it is computed; others, and connections that
    are there, go on."""
    world.gateway.add_api(classic("shakes", world.origin("shakes").url, domain="shakes.gw.test", use_keyless=True))
    replica = world.gateway.start_dataplane(options=["--set", "limits.handshakes_per_second=3"])

    def refused():
        return replica.metric("sallyport_connections_not_taken_total", cause="handshakes")

    def connected(source):
        try:
            return Connection(replica, "shakes.gw.test", source=source)
        except (OSError, ssl.SSLError):
            return None
    with Connection(replica, "shakes.gw.test", source="127.0.0.31") as living:
        clients = [connected("127.0.0.31") for _ in range(10)]
        assert clients[0] is not None and None in clients and refused() > 0
        began, taken = time.monotonic(), 0
        while time.monotonic() - began < 1:
            client = connected("127.0.0.31")
            taken += client is not None
            if client is not None:
                client.close()
        # As many as a bucket holds, and those that came in while we looked.
        assert taken <= 3 * (time.monotonic() - began) + 3
        assert living.get()[0] == 200
        with connected("127.0.0.32") as other:
            assert other.get()[0] == 200
    assert replica.lines("listen.too_many_handshakes")
    wait_for(lambda: connected("127.0.0.31"), "it may again").close()


def test_memory_and_files_are_told(world):
    """Of both services, by the names that Prometheus' own clients use."""
    text = requests.get(f"http://127.0.0.1:{world.gateway.metrics_port}/metrics", timeout=DEADLINE).text
    for process, read in ((world.a, world.a.metric), (world.gateway.authsvc, lambda name: sum_of_samples(text, name, {}))):
        assert 0.5 < read("process_resident_memory_bytes") / (process.memory_kb() << 10) < 2
        assert 10 < read("process_open_fds") <= read("process_max_fds")
        assert 0 < read("process_cpu_seconds_total") and 0 < time.time() - read("process_start_time_seconds") < 3600
    assert world.a.curl("/x", host="nobody.gw.test").status == 404
    wait_for(lambda: world.a.metric("sallyport_buffer_bytes", state="kept") > 0, "of what was read of connections, too")


def test_an_address_that_is_not_there_is_named(world, replica):
    taken = subprocess.run([world.gateway.binary("sallyport-dataplane"), "--config", str(world.gateway.home / "dataplane.yaml"),
                            "--set", "listeners.0.address=198.51.100.1", "--set", "listeners.0.port=8443", "--set", "metrics.port=0"],
                           capture_output=True, text=True, timeout=DEADLINE)
    assert taken.returncode == 2 and "this machine has no such address" in taken.stderr, taken.stderr
