"""APIs of protocols tls and tcp: a port of their own, TLS ended here, the client's certificate decided on before anything is
dialled, then bytes both ways."""

import contextlib
import itertools
import json
import select
import signal
import socket
import ssl
import subprocess

import pytest

from forward_proxies import OwnProxy
from gateway import DEADLINE, SLOWER, lines_of, session, wait_for
from origins import free_port
from pki import SERVER

_numbers = itertools.count()
_ports = [free_port() for _ in range(40)]
NAME = "tcp-apis"


def start(world, name, *settings, ports=_ports, **more):
    settings = ["tcp_apis.address=127.0.0.1", "timeouts.sever_grace=200ms",
                *(f"tcp_apis.ports.{index}={port}" for index, port in enumerate(ports)), *settings]
    return world.gateway.start_dataplane(system_trust=world.trust, name=name,
                                         options=[word for setting in settings for word in ("--set", setting)], **more)


@pytest.fixture(scope="module")
def replica(world):
    return start(world, NAME, threads=2)


@pytest.fixture()
def started(world, replica):
    """Starts replicas with settings of their own."""
    made = []

    def begin(*settings, **more):
        made.append(start(world, f"tcp-own-{next(_numbers)}", *settings, **more))
        return made[-1]
    yield begin
    for one in made:
        if one.alive():
            one.stop()
        world.gateway.replicas.remove(one)


def echo(taken):
    with contextlib.suppress(ConnectionError):
        while piece := taken.read(1):
            taken.send(piece)


def whole(taken):
    """Answers once all was said."""
    how, said = taken.end()
    assert how == "end"
    taken.send(b"you said " + said)


def definition(name, target, port, protocol="tls", **more):
    made = {"name": name, "api_id": name, "org_id": "default", "active": True, "protocol": protocol, "listen_port": port,
            "use_keyless": True, "proxy": {"target_url": target},
            "version_data": {"not_versioned": True, "default_version": "Default", "versions": {"Default": {"name": "Default"}}}}
    made.update(more)
    return made


def new_name():
    return f"tcp{next(_numbers)}"


def add(world, target, protocol="tls", port=None, **more):
    """A new API; its name and port."""
    name, port = new_name(), port or _ports.pop()
    world.gateway.add_api(definition(name, target, port, protocol, **more))
    return name, port


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def plain(port):
    return socket.create_connection(("127.0.0.1", port), DEADLINE)


def client_context(world, pair=None, version=None):
    context = ssl.create_default_context(cafile=str(world.gateway.server_ca.cert))
    if pair is not None:
        context.load_cert_chain(pair.cert, pair.key)
    if version is not None:
        context.maximum_version = version
    return context


def tls(world, port, pair=None, sni="db.gw.test", context=None, **more):
    context = context or client_context(world, pair)
    if sni is None:
        context.check_hostname = False
    return context.wrap_socket(plain(port), server_hostname=sni, suppress_ragged_eofs=False, **more)


def all_of(connection):
    """What comes until the orderly end."""
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def exactly(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        assert piece, f"ended after {data!r}"
        data += piece
    return data


def is_cut(connection):
    """It ends, and not as if all had been said."""
    try:
        while connection.recv(65536):
            pass
    except (ConnectionResetError, ssl.SSLError):
        return True
    return False


def refused(begin, say=b""):
    """Whoever connects so is reset, at whatever step the client notices."""
    try:
        with begin() as client:
            if say:
                client.sendall(say)
            return is_cut(client)
    except (ConnectionResetError, BrokenPipeError, ssl.SSLEOFError):
        return True


def log_lines(world, name, text):
    path = world.gateway.directory / f"{name}.access.log"
    return [json.loads(line) for line in lines_of(path) if f'"{text}"' in line] if path.exists() else []


def log_line(world, text, name=NAME, reason="ALLOWED"):
    return wait_for(lambda: [line for line in log_lines(world, name, text) if line["reason"] == reason],
                    f"the access log tells of {reason}")[0]


def mutual(world, upstream_url, *certificates, **more):
    """A tls API for these certificates alone."""
    ids = [world.gateway.add_certificate(pair.pem) for pair in certificates]
    return (*add(world, upstream_url, use_mutual_tls_auth=True, client_certificates=ids, **more), ids)


# tcp -------------------------------------------------------------------------------------------------------------

def test_tcp_passes_bytes_and_half_closes(world, replica, scripted):
    said = scripted(whole)
    name, port = add(world, f"tcp://localhost:{said.port}", "tcp")
    with plain(port) as client:
        client.sendall(b"x" * 300_000)
        client.shutdown(socket.SHUT_WR)
        assert all_of(client) == b"you said " + b"x" * 300_000
    line = log_line(world, name)
    assert (line["protocol"], line["reason"], line["tunnel_end"], line["listener"]) == ("tcp", "ALLOWED", "closed", f"tcp-{port}")
    assert (line["bytes_in"], line["bytes_out"], line["upstream"]) == (300_000, 300_009, f"127.0.0.1:{said.port}")
    assert replica.metric("sallyport_tcp_connections_total", api=name, reason="ALLOWED") == 1
    assert replica.metric("sallyport_tcp_bytes_total", api=name, direction="to_client") == 300_009
    wait_for(lambda: replica.metric("sallyport_tunnels") == 0, "the gauge comes back")


def test_the_server_may_speak_first_and_end_first(world, replica, scripted):
    greeting = scripted(lambda taken: taken.send(b"220 welcome\r\n"))
    _, port = add(world, f"tcp://127.0.0.1:{greeting.port}", "tcp")
    with plain(port) as client:
        assert all_of(client) == b"220 welcome\r\n"


def test_a_server_behind_a_forward_proxy_may_speak_first_too(world, replica):
    proxy = OwnProxy(answer="HTTP/1.1 200 OK\r\n\r\n220 welcome\r\n")
    target = "tcp://mail.elsewhere.test:25"
    _, port = add(world, target, "tcp", proxy={"target_url": target, "transport": {"proxy_url": f"http://127.0.0.1:{proxy.port}"}})
    with plain(port) as client:
        assert exactly(client, 13) == b"220 welcome\r\n"
        client.sendall(b"QUIT\r\n")
        client.shutdown(socket.SHUT_WR)
        assert all_of(client) == b""
    assert [head.splitlines()[0] for head in proxy.heads] == ["CONNECT mail.elsewhere.test:25 HTTP/1.1"]
    wait_for(lambda: proxy.after == b"QUIT\r\n", "the client's bytes reach the target by the proxy")
    proxy.close()


def test_another_target_is_tried_where_one_refuses(world, replica, scripted):
    good = scripted(echo)
    name, port = new_name(), _ports.pop()
    world.gateway.add_api(definition(name, "tcp://unused:1", port, "tcp", proxy={
        "target_url": "tcp://unused:1", "enable_load_balancing": True,
        "target_list": [f"tcp://127.0.0.1:{free_port()}", f"tcp://127.0.0.1:{good.port}"]}))
    for _ in range(4):
        with plain(port) as client:
            client.sendall(b"a")
            assert exactly(client, 1) == b"a"
    assert good.taken == 4


def test_an_upstream_that_refuses_is_told_by_a_reset(world, replica):
    name, port = add(world, f"tcp://127.0.0.1:{free_port()}", "tcp")
    assert refused(lambda: plain(port))
    assert log_line(world, name, reason="UPSTREAM_CONNECT")["fault"] == "upstream"
    assert replica.metric("sallyport_tcp_connections_total", api=name, fault="upstream") == 1


def test_addresses_that_may_not_come(world, replica, scripted):
    taken = scripted(echo)
    name, port = add(world, f"tcp://127.0.0.1:{taken.port}", "tcp", enable_ip_whitelisting=True, allowed_ips=["10.0.0.0/8"])
    assert refused(lambda: plain(port))
    assert log_line(world, name, reason="IP_DENIED") and taken.taken == 0


# tls -------------------------------------------------------------------------------------------------------------

def test_openssl_s_client(world, replica, scripted):
    said = scripted(lambda taken: taken.send(b"you said " + taken.read(5)))
    name, port = add(world, f"tcp://localhost:{said.port}")
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "db.gw.test", "-quiet",
                           "-verify_return_error", "-CAfile", str(world.gateway.server_ca.cert)],
                          input=b"hello", capture_output=True, timeout=DEADLINE)
    assert done.stdout == b"you said hello", done.stderr
    line = log_line(world, name)
    assert (line["protocol"], line["sni"], line["tls"], line["tunnel_end"]) == ("tls", "db.gw.test", "TLSv1.3", "closed")
    told = world.gateway.explain(line["request_id"])
    assert f"tcp://localhost:{said.port}" in told.stdout and "plain HTTP" not in told.stdout, told.stdout + told.stderr


def test_bytes_are_passed_on_in_clear_and_no_protocol_is_chosen(world, replica, scripted):
    there = scripted(echo)
    _, port = add(world, f"tcp://localhost:{there.port}")
    context = client_context(world)
    context.set_alpn_protocols(["postgresql", "h2"])
    with tls(world, port, context=context) as client:
        assert client.selected_alpn_protocol() is None
        client.sendall(b"SELECT 1")
        assert exactly(client, 8) == b"SELECT 1"


def test_the_apis_own_certificate_also_without_sni(world, replica, scripted):
    there = scripted(echo)
    own = world.pki.issue("db server", world.gateway.server_ca, usages=[SERVER], sans=["*.db.example"])
    certificate_id = world.gateway.add_certificate(own.pem + own.key_pem)
    _, port = add(world, f"tcp://localhost:{there.port}", certificates=[certificate_id])
    for sni in (None, "one.db.example"):
        with tls(world, port, sni=sni) as client:
            assert client.getpeercert(binary_form=True) == own.der
            client.sendall(b"z")
            assert exactly(client, 1) == b"z"


def test_sni_tells_apis_of_a_port_apart(world, replica, scripted):
    red, blue = scripted(lambda taken: taken.send(b"red")), scripted(lambda taken: taken.send(b"blue"))
    _, port = add(world, f"tcp://localhost:{red.port}", domain="red.gw.test")
    add(world, f"tcp://localhost:{blue.port}", port=port, domain="blue.gw.test")
    for name in ("red", "blue"):
        with tls(world, port, sni=f"{name}.gw.test") as client:
            assert all_of(client) == name.encode()
    for sni in ("green.gw.test", None):
        with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
            tls(world, port, sni=sni)
    assert (red.taken, blue.taken) == (1, 1)
    assert replica.metric("sallyport_handshake_failures_total", reason="no_server_certificate") >= 2


def test_an_http_api_of_the_same_name_is_not_served_there(world, replica, scripted):
    """Nor the other way round: an HTTP listener never finds a tls API."""
    there = scripted(echo)
    _, port = add(world, f"tcp://localhost:{there.port}", domain="streams.gw.test")
    assert replica.curl("/", host="streams.gw.test").status == 404
    origin = world.origin("of http")
    world.gateway.add_api({**definition("of-http", origin.url, 0, ""), "domain": "http.gw.test",
                           "proxy": {"listen_path": "/", "target_url": origin.url}})
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        tls(world, port, sni="http.gw.test")
    assert there.taken == 0


# client certificates ---------------------------------------------------------------------------------------------

def test_only_the_listed_certificate_comes_through(world, replica, scripted):
    there, alice = scripted(echo), world.pki.self_signed("alice")
    name, port, _ = mutual(world, f"tcp://localhost:{there.port}", alice)
    with tls(world, port, alice) as client:
        client.sendall(b"hello")
        assert exactly(client, 5) == b"hello"
    line = log_line(world, name)
    assert line["client_fingerprint"] == alice.fingerprint and line["reason"] == "ALLOWED"
    assert there.taken == 1
    # Somebody else's: the handshake passes (possession is proven), the decision does not, nothing is dialled.
    mallory = world.pki.self_signed("mallory")
    assert refused(lambda: tls(world, port, mallory), say=b"let me in")
    line = log_line(world, name, reason="CERT_UNTRUSTED")
    assert line["bytes_in"] == 0 and "upstream" not in line
    assert replica.metric("sallyport_tcp_connections_total", api=name, reason="CERT_UNTRUSTED", fault="client") == 1
    assert there.taken == 1
    wait_for(lambda: "CERT_UNTRUSTED" in world.gateway.explain(line["request_id"]).stdout, "it can be explained")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_certificate_ends_the_handshake(world, replica, scripted, version):
    there = scripted(echo)
    _, port, _ = mutual(world, f"tcp://localhost:{there.port}", world.pki.self_signed("expected"))
    before = replica.metric("sallyport_handshake_failures_total", reason="no_client_certificate")
    with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE"):
        with tls(world, port, context=client_context(world, version=version)) as client:
            client.recv(1)
    wait_for(lambda: replica.metric("sallyport_handshake_failures_total", reason="no_client_certificate") == before + 1,
             "it is counted")
    assert there.taken == 0


@pytest.mark.parametrize("days, reason", [((-10, -1), "CERT_EXPIRED"), ((1, 10), "CERT_NOT_YET_VALID")])
def test_certificates_of_a_listed_ca_out_of_their_time(world, replica, scripted, days, reason):
    there, authority = scripted(echo), world.pki.issue("CA of times", ca=True)
    name, port, _ = mutual(world, f"tcp://localhost:{there.port}", authority)
    with tls(world, port, world.client("in time", authority)) as client:
        client.sendall(b"a")
        assert exactly(client, 1) == b"a"
    assert refused(lambda: tls(world, port, world.client("out of time", authority, days=days)))
    assert log_line(world, name, reason=reason) and there.taken == 1


def test_a_connection_ends_with_its_certificate(world, replica, scripted):
    there, authority = scripted(echo), world.pki.issue("CA of short lives", ca=True)
    name, port, _ = mutual(world, f"tcp://localhost:{there.port}", authority)

    def begun():
        client = tls(world, port, world.client("short", authority, days=(-1, 4 / 86400)))
        try:
            client.sendall(b"a")
            return client if client.recv(1) == b"a" else client.close()
        except (ConnectionResetError, ssl.SSLError):
            return client.close()  # held up, until its end
    with wait_for(begun, "it is let in") as client:
        assert is_cut(client)
    assert log_line(world, name)["tunnel_end"] == "total"


def test_a_deleted_certificate_cuts_its_connections_and_its_sessions(world, replica, scripted):
    there, alice, bob = scripted(echo), world.pki.self_signed("alice"), world.pki.self_signed("bob")
    name, port, (alices, _) = mutual(world, f"tcp://localhost:{there.port}", alice, bob)
    context = client_context(world, alice)
    with tls(world, port, context=context) as first:
        first.sendall(b"a")
        assert exactly(first, 1) == b"a"
        ticket = first.session
    with tls(world, port, context=context, session=ticket) as again, tls(world, port, bob) as other:
        assert again.session_reused
        for client in (again, other):
            client.sendall(b"b")
            assert exactly(client, 1) == b"b"
        assert world.gateway.delete_certificate(alices).status_code == 200
        assert is_cut(again)
        other.sendall(b"still here")
        assert exactly(other, 10) == b"still here"
    wait_for(lambda: any(line.get("tunnel_end") == "cut" for line in log_lines(world, NAME, name)), "the log tells of the cut")
    taken = there.taken
    assert refused(lambda: tls(world, port, context=context, session=ticket))
    assert there.taken == taken


def test_a_certificate_that_is_the_key(world, replica, scripted):
    there, pair = scripted(echo), world.pki.self_signed("dynamic")
    name, port = add(world, f"tcp://localhost:{there.port}", use_keyless=False,
                     auth_configs={"authToken": {"use_certificate": True}})
    certificate_id = world.gateway.add_certificate(pair.pem)
    assert refused(lambda: tls(world, port, pair))
    key = world.gateway.create_key(session(name, certificate_id))["key"]
    world.gateway.settle()

    def let_in():
        client = tls(world, port, pair)
        try:
            client.sendall(b"x")
            return client if client.recv(1) == b"x" else client.close()
        except (ConnectionResetError, ssl.SSLError):
            return client.close()
    with wait_for(let_in, "the key lets it in") as client:
        assert world.gateway.rest("DELETE", f"/tyk/keys/{key}").status_code == 200
        assert is_cut(client)
    assert log_line(world, name)["key_id"]


# upstreams -------------------------------------------------------------------------------------------------------

def upstream_context(world, server):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.cert, server.key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(world.client_ca.cert)
    return context


def test_mutual_tls_and_pins_towards_the_upstream(world, replica, scripted):
    server = world.pki.issue("db upstream", world.upstream_ca, usages=[SERVER], sans=["localhost"])
    shown = []

    def tell(taken):
        shown.append((taken.socket.getpeercert(binary_form=True), taken.socket.selected_alpn_protocol()))
        echo(taken)
    there = scripted(tell, upstream_context(world, server))
    presented = world.client("gateway of tcp")
    certificate_id = world.gateway.add_certificate(presented.pem + presented.key_pem)
    wrong, right = (world.gateway.add_certificate(pair.public_key_pem)
                    for pair in (world.pki.self_signed("another server"), server))
    place = f"localhost:{there.port}"
    name, port = add(world, f"tls://{place}", upstream_certificates={place: certificate_id}, pinned_public_keys={place: wrong})
    assert refused(lambda: tls(world, port))
    assert log_line(world, name, reason="UPSTREAM_PIN_MISMATCH") and shown == []
    wait_for(lambda: there.failures, "the upstream saw a handshake break off")
    there.failures.clear()
    world.gateway.update_api(definition(name, f"tls://{place}", port, upstream_certificates={place: certificate_id},
                                        pinned_public_keys={place: right}))
    with tls(world, port) as client:
        client.sendall(b"over two doors")
        assert exactly(client, 14) == b"over two doors"
    assert shown == [(presented.der, None)]
    assert log_line(world, name)["upstream_certificate"] == certificate_id


def test_each_target_has_the_certificate_of_its_own_host(world, replica, scripted):
    """Not that of proxy.target_url."""
    server = world.pki.issue("balanced", world.upstream_ca, usages=[SERVER], sans=["localhost", "127.0.0.1"])
    shown = []

    def tell(taken):
        shown.append(taken.socket.getpeercert(binary_form=True))
        echo(taken)
    there = scripted(tell, upstream_context(world, server))
    of_target, of_url = world.client("of the target"), world.client("of target_url")
    ids = [world.gateway.add_certificate(pair.pem + pair.key_pem) for pair in (of_target, of_url)]
    _, port = add(world, "", upstream_certificates={"127.0.0.1": ids[0], "first.example": ids[1]}, proxy={
        "target_url": "tls://first.example:5432", "enable_load_balancing": True,
        "target_list": [f"tls://127.0.0.1:{there.port}"]})
    with tls(world, port) as client:
        client.sendall(b"q")
        assert exactly(client, 1) == b"q"
    assert shown == [of_target.der]


def test_an_untrusted_upstream_is_sent_nothing(world, replica, scripted):
    got = []
    server = world.pki.self_signed("nobody knows it", sans=["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.cert, server.key)
    there = scripted(lambda taken: got.append(taken.read(1)), context)
    name, port = add(world, f"tls://localhost:{there.port}")
    assert refused(lambda: tls(world, port), say=b"secret")
    assert log_line(world, name, reason="UPSTREAM_CERT_UNTRUSTED")
    wait_for(lambda: there.failures, "the upstream saw a handshake break off")
    there.failures.clear()
    assert got == []


# ports -----------------------------------------------------------------------------------------------------------

def test_a_port_closes_with_its_api_and_opens_again(world, replica, scripted):
    there = scripted(echo)
    name, port = add(world, f"tcp://localhost:{there.port}", "tcp")
    wait_for(lambda: listens(port), "it is open")
    with plain(port) as client:
        client.sendall(b"a")
        assert exactly(client, 1) == b"a"
        assert world.gateway.rest("DELETE", f"/tyk/apis/{name}").status_code == 200
        world.gateway.settle()
        wait_for(lambda: not listens(port), "it is closed")
        assert is_cut(client)  # after the grace of severed connections
    world.gateway.add_api(definition(name, f"tcp://localhost:{there.port}", port, "tcp"))
    wait_for(lambda: listens(port), "it is open again")


def test_an_api_that_is_switched_off_has_the_time_of_a_drain(world, started, scripted):
    there, port = scripted(echo), free_port()
    replica = started("timeouts.drain=1s", ports=[port])
    name, _ = add(world, f"tcp://localhost:{there.port}", "tcp", port=port)
    wait_for(lambda: replica.metric("sallyport_tcp_ports", state="open") == 1, "it is open")
    with plain(port) as client:
        client.sendall(b"a")
        assert exactly(client, 1) == b"a"
        world.gateway.update_api(definition(name, f"tcp://localhost:{there.port}", port, "tcp", active=False))
        wait_for(lambda: not listens(port), "it is closed")
        assert is_cut(client)


def test_ports_that_this_machine_does_not_allow_stay_closed(world, replica, scripted):
    there, port = scripted(echo), free_port()
    add(world, f"tcp://localhost:{there.port}", "tcp", port=port)
    wait_for(lambda: replica.metric("sallyport_tcp_ports", state="not_allowed") >= 1, "the metric tells of it")
    assert not listens(port)
    assert any(f'"port":{port}' in line and "tcp_apis.ports" in line for line in replica.lines("listen.tcp_port"))
    # The rest goes on.
    _, other = add(world, f"tcp://localhost:{there.port}", "tcp")
    with plain(other) as client:
        client.sendall(b"a")
        assert exactly(client, 1) == b"a"


def test_a_port_in_use_is_reported_and_opens_once_it_is_free(world, replica, scripted):
    there, port = scripted(echo), _ports.pop()
    with socket.create_server(("127.0.0.1", port)):
        add(world, f"tcp://localhost:{there.port}", "tcp", port=port)
        wait_for(lambda: replica.metric("sallyport_tcp_ports", state="failed") >= 1, "the metric tells of it")
        assert any(f"port {port} is in use by another program" in line for line in replica.lines("listen.open"))
        _, other = add(world, f"tcp://localhost:{there.port}", "tcp")
        with plain(other) as client:
            client.sendall(b"a")
            assert exactly(client, 1) == b"a"

    def served():
        try:
            with plain(port) as client:
                client.sendall(b"b")
                return client.recv(1) == b"b"
        except OSError:
            return False
    wait_for(served, "it is opened")


def test_what_could_not_be_told_apart_is_refused_at_once(world, replica, scripted):
    there = scripted(echo)
    url = f"tcp://localhost:{there.port}"
    name, port = add(world, url, "tcp")
    refusals = {
        f"port {port} is that of API {name}": definition("second", url, port, "tcp"),
        "its protocol is tcp": {**definition("http", "http://localhost:1", port, ""),
                                "proxy": {"listen_path": "/", "target_url": "http://localhost:1"}},
        "no way to present a token": definition("token", url, _ports[0], use_keyless=False),
        "listen_port": definition("portless", url, 0),
        "use protocol tls": definition("certificate", url, _ports[0], "tcp", use_mutual_tls_auth=True,
                                       client_certificates=[world.gateway.add_certificate(world.pki.self_signed("listed").pem)]),
        "tcp:// or tls://": definition("http-target", "https://localhost:1", _ports[0]),
        "versions, paths": definition("versions", url, _ports[0], version_data={
            "not_versioned": True, "versions": {"Default": {"name": "Default", "use_extended_paths": False,
                                                            "paths": {"black_list": ["/admin"]}}}}),
    }
    for text, wrong in refusals.items():
        answer = world.gateway.rest("POST", "/tyk/apis", wrong)
        assert answer.status_code in (400, 409) and text in answer.text, (text, answer.status_code, answer.text)
    assert world.gateway.rest("GET", f"/tyk/apis/{name}").json()["protocol"] == "tcp"


# times, limits, proxies ------------------------------------------------------------------------------------------

def native(world, port, target, protocol="tcp", upstream=(), **spec):
    name = new_name()
    document = {"apiVersion": "sallyport/v1", "kind": "Api", "metadata": {"name": name},
                "spec": {"orgId": "default", "protocol": protocol, "listenPort": port, "keyless": True,
                         "upstream": {"targets": [{"url": target}], **dict(upstream)}, **spec}}
    done = world.gateway.run_ctl("apply", "-f", "-", stdin=json.dumps(document))
    assert done.returncode == 0, done.stdout + done.stderr
    world.gateway.settle()
    return name


@pytest.mark.parametrize("timeout, end", [("idleMs", "idle"), ("totalMs", "total")])
def test_times_of_an_api(world, replica, scripted, timeout, end):
    there, port = scripted(echo), _ports.pop()
    name = native(world, port, f"tcp://localhost:{there.port}", upstream={"timeouts": {timeout: 300}})
    with plain(port) as client:
        client.sendall(b"a")
        assert exactly(client, 1) == b"a"
        assert is_cut(client)
    assert log_line(world, name)["tunnel_end"] == end


def test_no_more_connections_than_tunnels(world, started, scripted):
    there, port = scripted(echo), free_port()
    replica = started("limits.tunnels=2", ports=[port])
    name = native(world, port, f"tcp://localhost:{there.port}")
    wait_for(lambda: replica.metric("sallyport_tcp_ports", state="open") == 1, "it is open")
    with plain(port) as first, plain(port) as second:
        for client in (first, second):
            client.sendall(b"a")
            assert exactly(client, 1) == b"a"
        assert refused(lambda: plain(port))
    assert "limits.tunnels" in log_line(world, name, replica.log.stem, reason="OVERLOADED")["detail"]


def test_clients_that_a_proxy_announces(world, started, scripted):
    there, port = scripted(echo), free_port()
    replica = started("tcp_apis.proxy_protocol_from.0=127.0.0.1", ports=[port])
    name = native(world, port, f"tcp://localhost:{there.port}", proxyProtocol=True, ip={"allow": ["192.0.2.7"]})
    wait_for(lambda: replica.metric("sallyport_tcp_ports", state="open") == 1, "it is open")
    with plain(port) as client:
        client.sendall(b"PROXY TCP4 192.0.2.7 192.0.2.1 5000 6000\r\nhello")
        assert exactly(client, 5) == b"hello"
    assert log_line(world, name, replica.log.stem)["client"] == "192.0.2.7"
    assert refused(lambda: plain(port), say=b"PROXY TCP4 192.0.2.8 192.0.2.1 5000 6000\r\nhello")
    with plain(port) as client, contextlib.suppress(ConnectionResetError):
        client.sendall(b"no header at all\r\n")
        assert client.recv(1) == b""
    assert there.taken == 1


def test_announcements_without_proxies_keep_the_port_closed(world, replica, scripted):
    there, port = scripted(echo), _ports.pop()
    native(world, port, f"tcp://localhost:{there.port}", proxyProtocol=True)
    wait_for(lambda: any(f'"port":{port}' in line and "proxy_protocol_from" in line
                         for line in replica.lines("listen.tcp_port")), "the log tells why")
    assert not listens(port)


def test_a_drain_lets_connections_end_and_cuts_the_rest(world, started, scripted):
    there, port = scripted(echo), free_port()
    replica = started(f"timeouts.drain={5 * SLOWER}s", ports=[port])
    name = native(world, port, f"tcp://localhost:{there.port}")
    wait_for(lambda: replica.metric("sallyport_tcp_ports", state="open") == 1, "it is open")
    with plain(port) as polite, plain(port) as stubborn:
        for client in (polite, stubborn):
            client.sendall(b"a")
            assert exactly(client, 1) == b"a"
        replica.send(signal.SIGTERM)
        wait_for(lambda: not listens(port), "nobody else comes in")
        polite.sendall(b"last words")
        assert exactly(polite, 10) == b"last words"
        polite.shutdown(socket.SHUT_WR)
        assert all_of(polite) == b""
        assert is_cut(stubborn)
    replica.wait()
    ends = sorted(line["tunnel_end"] for line in log_lines(world, replica.log.stem, name) if line["bytes_in"] > 0)
    assert ends == ["closed", "cut"]


# decisions -------------------------------------------------------------------------------------------------------

def test_without_an_answer_of_the_auth_service_nothing_is_dialled(world, started, scripted):
    there, port = scripted(echo), free_port()
    replica = started("authsvc.authorize_deadline=1s", ports=[port])
    name = native(world, port, f"tcp://localhost:{there.port}")
    wait_for(lambda: replica.metric("sallyport_tcp_ports", state="open") == 1, "it is open")
    world.gateway.authsvc.freeze()
    try:
        assert refused(lambda: plain(port), say=b"let me in")
        line = log_line(world, name, replica.log.stem, reason="AUTHSVC_UNAVAILABLE")
    finally:
        world.gateway.authsvc.thaw()
    assert line["fault"] == "authsvc" and there.taken == 0


def test_connections_count_as_requests(world, replica, scripted):
    there, port = scripted(echo), _ports.pop()
    name = native(world, port, f"tcp://localhost:{there.port}", limits={"rate": {"rate": 1, "perSeconds": 3600}})
    with plain(port) as client:
        client.sendall(b"a")
        assert exactly(client, 1) == b"a"
        assert refused(lambda: plain(port))
        client.sendall(b"b")
        assert exactly(client, 1) == b"b"
    assert log_line(world, name, reason="API_RATE_LIMITED") and there.taken == 1


def test_a_key_limited_to_urls_opens_nothing(world, replica, scripted):
    there, pair = scripted(echo), world.pki.self_signed("of urls")
    name, port = add(world, f"tcp://localhost:{there.port}", use_keyless=False,
                     auth_configs={"authToken": {"use_certificate": True}})
    made = session(name, world.gateway.add_certificate(pair.pem))
    made["access_rights"][name]["allowed_urls"] = [{"url": ".*", "methods": ["GET"]}]
    world.gateway.create_key(made)
    world.gateway.settle()
    assert refused(lambda: tls(world, port, pair))
    assert log_line(world, name, reason="OPERATION_NOT_GRANTED") and there.taken == 0


def test_much_in_both_directions_at_once(world, replica, scripted):
    server = world.pki.issue("pumping", world.upstream_ca, usages=[SERVER], sans=["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.cert, server.key)
    size = 8 << 20

    def pump(taken):
        while piece := taken.socket.recv(65536):
            taken.send(piece)
    there = scripted(pump, context)
    _, port = add(world, f"tls://localhost:{there.port}")
    data = bytes(range(256)) * (size // 256)
    # By one thread: two may not use a TLS connection at once.
    with tls(world, port) as client:
        client.setblocking(False)
        sent, received = 0, bytearray()
        while len(received) < size:
            moved = False
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                if sent < size:
                    sent += client.send(data[sent:sent + 65536])
                    moved = True
            with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                piece = client.recv(65536)
                assert piece, "ended early"
                received += piece
                moved = True
            if not moved:
                assert select.select([client], [client] if sent < size else [], [], DEADLINE) != ([], [], [])
        assert received == data
