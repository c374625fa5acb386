"""Clients behind a proxy that passes their bytes on and says with a PROXY header who they are: a real HAProxy in TCP mode, and
headers that nobody should take."""

import contextlib
import json
import socket
import ssl
import struct
import subprocess

import pytest

from gateway import DEADLINE, SLOWER, Process, classic, lines_of, wait_for
from origins import free_port
from raw import Connection

HOST, NAME = "announced.gw.test", "behind-haproxy"
TLS_IN_CLEAR = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)


def binary(source, command=0x21):
    return (b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, 0x11]) + struct.pack("!H", 12) + socket.inet_aton(source) +
            socket.inet_aton("127.0.0.1") + struct.pack("!HH", 50000, 443))


class Behind:
    """Looks like a replica, at the port of a HAProxy in front of one."""

    def __init__(self, replica, port):
        self.gateway, self.port = replica.gateway, port
        self.curl = lambda *args, **more: type(replica).curl(self, *args, **more)


def behind_proxies(world, name, *more):
    return world.gateway.start_dataplane(system_trust=world.trust, name=name, options=[
        "--set", "listeners.0.proxy_protocol_from.0=127.0.0.1", "--set", "listeners.0.proxy_protocol_from.1=127.0.0.9/32",
        "--set", "limits.connections_per_address=3", "--set", "trusted_proxies.0=127.0.0.0/8", *more])


@pytest.fixture(scope="module")
def replica(world):
    return behind_proxies(world, NAME)


@pytest.fixture(scope="module")
def hurried(world):
    return behind_proxies(world, "hurried", "--set", f"timeouts.handshake={2 * SLOWER}s")


@pytest.fixture(scope="module")
def origin(world):
    return world.origin("announced")


@pytest.fixture(scope="module", autouse=True)
def apis(world, origin):
    world.gateway.add_api(classic("announced", origin.url, domain=HOST, use_keyless=True))
    world.gateway.add_api(classic("one-only", origin.url, domain="one-only.gw.test", use_keyless=True,
                                  enable_ip_whitelisting=True, allowed_ips=["127.0.0.2"]))
    world.gateway.settle()


@pytest.fixture(scope="module", params=["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options ssl,unique-id,crc32c"])
def proxied(request, world, replica, tmp_path_factory):
    directory, port = tmp_path_factory.mktemp("haproxy"), free_port()
    config = directory / "haproxy.cfg"
    config.write_text(f"""
defaults
  mode tcp
  timeout client 10m
  timeout server 10m
  timeout connect 10m
listen front
  bind 127.0.0.1:{port}
  unique-id-format id-%ci-%cp
  server gateway 127.0.0.1:{replica.port} {request.param}
""")
    haproxy = Process("haproxy", ["haproxy", "-db", "-f", str(config)], directory / "haproxy.log")

    def listens():
        haproxy.require_alive()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    wait_for(listens, "HAProxy listens")
    yield Behind(replica, port)
    haproxy.kill()


def test_the_client_of_the_proxy_is_the_client(proxied, origin):
    answer = proxied.curl("/x", host=HOST, options=["--interface", "127.0.0.2"])
    assert answer.status == 200, answer
    assert origin.requests[-1].one("X-Forwarded-For") == "127.0.0.2"
    statuses = {address: proxied.curl("/x", host="one-only.gw.test", options=["--interface", address]).status
                for address in ("127.0.0.2", "127.0.0.3")}
    assert statuses == {"127.0.0.2": 200, "127.0.0.3": 403}


def test_what_an_announced_client_says_of_itself_is_not_believed(proxied, origin):
    """The proxy passes bytes on, so this header is the client's own, although proxy and client are trusted addresses."""
    answer = proxied.curl("/x", host="one-only.gw.test", headers=["X-Forwarded-For: 127.0.0.2", "X-Real-IP: 127.0.0.2"],
                          options=["--interface", "127.0.0.4"])
    assert answer.status == 403
    answer = proxied.curl("/x", host=HOST, headers=["X-Forwarded-For: 127.0.0.2", "X-Request-Id: chosen-by-the-client"],
                          options=["--interface", "127.0.0.4"])
    assert answer.status == 200
    assert origin.requests[-1].one("X-Forwarded-For") == "127.0.0.4"
    assert answer.headers["x-request-id"] != "chosen-by-the-client"


def test_the_log_names_the_client(proxied, world, replica):
    answer = proxied.curl("/logged", host=HOST, options=["--interface", "127.0.0.5"])
    log = world.gateway.directory / f"{NAME}.access.log"
    line = wait_for(lambda: next((line for line in lines_of(log) if answer.headers["x-request-id"] in line), None), "it is logged")
    assert json.loads(line)["client"] == "127.0.0.5"


def test_curl_speaks_it_as_well(replica, origin):
    assert replica.curl("/x", host=HOST, options=["--haproxy-protocol"]).status == 200
    assert origin.requests[-1].one("X-Forwarded-For") == "127.0.0.1"


def test_who_is_not_in_the_list_is_a_client_like_any(replica, origin):
    assert replica.curl("/x", host=HOST, options=["--interface", "127.0.0.6"]).status == 200
    assert origin.requests[-1].one("X-Forwarded-For") == "127.0.0.6"
    refused = replica.curl("/x", host=HOST, options=["--interface", "127.0.0.6", "--haproxy-protocol"])
    assert refused.status == 0 and refused.exit_code != 0, "its PROXY header is a TLS handshake that is none"


def test_a_proxy_that_speaks_for_itself(replica, origin):
    with Connection(replica, HOST, before=binary("192.0.2.77", command=0x20)) as local:
        assert local.get()[0] == 200
    assert origin.requests[-1].one("X-Forwarded-For") == "127.0.0.1", "LOCAL: the addresses mean nothing"
    with Connection(replica, HOST, before=b"PROXY UNKNOWN\r\n") as unknown:
        assert unknown.get()[0] == 200


def test_connections_are_counted_by_who_was_announced(replica):
    held = [Connection(replica, HOST, before=binary("192.0.2.7")) for _ in range(3)]
    try:
        assert [one.get()[0] for one in held] == [200] * 3
        with pytest.raises((OSError, ssl.SSLError)):
            Connection(replica, HOST, before=binary("192.0.2.7")).get()
        with Connection(replica, HOST, before=binary("192.0.2.8")) as other:
            assert other.get()[0] == 200, "all come from one proxy"
    finally:
        for one in held:
            one.close()

    def again():
        try:
            with Connection(replica, HOST, before=binary("192.0.2.7")) as connection:
                return connection.get()[0] == 200
        except (OSError, ssl.SSLError):
            return False
    wait_for(again, "who has left is no longer counted")


def without_header(replica):
    return replica.metric("sallyport_connections_not_taken_total", cause="proxy_header")


def is_closed(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [
    TLS_IN_CLEAR, b"GET / HTTP/1.1\r\n\r\n", b"PROXY TCP4 192.0.2.1 127.0.0.1 1 65536\r\n", b"PROXY " + b"x" * 200,
    b"proxy TCP4 192.0.2.1 127.0.0.1 1 2\r\n", binary("192.0.2.1", command=0x11), binary("192.0.2.1")[:13] + b"\x31\x00\xd8",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", b"PROXY TCP4 192.0.2.1\0 127.0.0.1 1 2\r\n"])
def test_without_a_header_there_is_no_connection(replica, sent):
    before = without_header(replica)
    with socket.create_connection(("127.0.0.1", replica.port), DEADLINE) as connection:
        connection.sendall(sent)
        assert is_closed(connection)
    wait_for(lambda: without_header(replica) == before + 1, "it is counted")


def test_headers_that_do_not_come(hurried):
    """Side by side: each has the time of a handshake."""
    before, began = without_header(hurried), (b"", b"PROXY TCP4 192.0", binary("192.0.2.1")[:20])
    with contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(socket.create_connection(("127.0.0.1", hurried.port), DEADLINE)) for _ in began]
        for connection, sent in zip(waiting, began):
            connection.sendall(sent)
        assert all(is_closed(connection) for connection in waiting)
    wait_for(lambda: without_header(hurried) == before + len(began), "they are counted")


@pytest.mark.parametrize("sent", [b"", b"PROXY TCP4 192.0"])
def test_a_header_that_ends_too_soon(hurried, sent):
    before = without_header(hurried)
    with socket.create_connection(("127.0.0.1", hurried.port), DEADLINE) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert is_closed(connection)
    wait_for(lambda: without_header(hurried) == before + 1, "it is counted")


def test_a_header_in_pieces(replica, origin):
    header = binary("192.0.2.99")
    context = ssl.create_default_context(cafile=str(replica.gateway.server_ca.cert))
    with socket.create_connection(("127.0.0.1", replica.port), DEADLINE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for i in range(len(header)):
            connection.sendall(header[i:i + 1])
        with context.wrap_socket(connection, server_hostname=HOST) as tls:
            tls.sendall(f"GET /pieces HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
            assert tls.recv(12) == b"HTTP/1.1 200"
    assert origin.requests[-1].one("X-Forwarded-For") == "192.0.2.99"


def test_check_config_wants_addresses(world):
    done = subprocess.run([world.gateway.binary("sallyport-dataplane"), "--config", str(world.gateway.home / "dataplane.yaml"),
                           "--set", "listeners.0.proxy_protocol_from.0=everybody", "--check-config"],
                          capture_output=True, text=True, timeout=4 * DEADLINE)
    assert done.returncode == 2 and "proxy_protocol_from" in done.stderr and "10.0.0.0/8" in done.stderr, done.stderr
