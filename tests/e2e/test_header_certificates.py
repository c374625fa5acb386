"""Client certificates that trusted proxies tell of in headers: a real nginx and a real HAProxy that end mutual TLS in front of
the gateway, curl in the place of a proxy, and everybody else, who is not believed."""

import base64
import contextlib
import json
import os
import socket
import threading
import urllib.parse

import pytest
import requests

from gateway import DEADLINE, Process, classic, lines_of, session, wait_for
from origins import free_port
from pki import SERVER
from raw import Connection
from raw_http2 import END_HEADERS, END_STREAM, HEADERS, Http2, frame

XFCC = "X-Forwarded-Client-Cert"
PROXY, STRANGER = "127.0.0.1", "127.0.0.2"
NAMES = ["X-SSL-Cert", "Client-Cert", XFCC, "X-Its-Certificate"]
BOTH = pytest.mark.parametrize("option", ["--http1.1", "--http2"])


def encoded(pair):
    """nginx's $ssl_client_escaped_cert."""
    return urllib.parse.quote(pair.pem.decode(), safe="")


def sequence(pair):
    return f":{base64.b64encode(pair.der).decode()}:"


def told(pair):
    return f"X-SSL-Cert: {encoded(pair)}"


def settings(**more):
    spec = {"trustedProxies": [PROXY], "clientCertificateHeaders": NAMES, **more}
    return {"apiVersion": "sallyport/v1", "kind": "GatewaySettings", "spec": spec}


@contextlib.contextmanager
def changed_settings(world, **more):
    world.gateway.apply(settings(**more))
    try:
        yield
    finally:
        world.gateway.apply(settings())


def api(world, name, url, requirement="mandatory", **more):
    spec = {"orgId": "default", "hosts": [f"{name}.gw.test"], "listenPath": "/", "stripListenPath": True, "keyless": True,
            "upstream": {"targets": [{"url": url}]}, **more}
    if requirement is not None:
        spec["clientTls"] = {"staticMtls": requirement, "allowlist": [{"certificateId": world.ca_id}]}
    return {"apiVersion": "sallyport/v1", "kind": "Api", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module", autouse=True)
def origin(world):
    world.ca_id = world.gateway.add_certificate(world.client_ca.pem)
    made = world.origin("behind")
    world.gateway.apply(settings(), api(world, "must", made.url), api(world, "may", made.url, "optional"),
                        api(world, "open", made.url, None))
    world.gateway.add_api(classic("keyed", made.url, domain="keyed.gw.test", auth_configs={"authToken": {"use_certificate": True}}))
    return made


@pytest.fixture(scope="module")
def alice(world):
    return world.client("alice", sans=["spiffe://corp/alice"])


@pytest.fixture(scope="module")
def bob(world):
    return world.client("bob", sans=["spiffe://corp/bob"])


def refused(answer, reason, status=None):
    assert answer.json()["reason"] == reason and status in (None, answer.status), answer
    return answer


def hash_of(request):
    """Whom the upstream was told of."""
    value = request.one(XFCC)
    return value and dict(pair.split("=", 1) for pair in value.split(";"))["Hash"]


def nothing_of(request, *pairs):
    text = json.dumps(request.headers)
    for name in ["x-ssl-cert", "x_ssl_cert", "client-cert", "client_cert", "client-cert-chain", "x-its-certificate", "x_its_certificate"]:
        assert not request.all(name), (name, request.headers)
    assert "CERTIFICATE" not in text
    for pair in pairs:
        assert base64.b64encode(pair.der).decode()[:60] not in text


# Real proxies.

class Front:
    """Looks like a replica, at the port of a proxy in front of one."""

    def __init__(self, replica, port, name):
        self.gateway, self.port, self.name = replica.gateway, port, name
        self.curl = lambda *args, **more: type(replica).curl(self, *args, **more)


@contextlib.contextmanager
def running(name, command, directory, port):
    process = Process(name, command, directory / f"{name}.log")

    def listens():
        process.require_alive()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0
    try:
        wait_for(listens, f"{name} listens")
        yield
    finally:
        process.kill()


def nginx(world, directory, port, verify, header):
    """`verify`: ssl_verify_client. It sends no SNI, as nginx does unless it is told to."""
    pair = world.pki.issue("front", world.gateway.server_ca, usages=[SERVER], sans=["*.gw.test"])
    user = "user root;" if os.geteuid() == 0 else ""
    config = directory / "nginx.conf"
    config.write_text(f"""
{user} daemon off; master_process off; worker_processes 1; pid {directory}/nginx.pid; error_log stderr;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {directory}/b; proxy_temp_path {directory}/p; fastcgi_temp_path {directory}/f;
  uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;
  upstream gateway {{ server 127.0.0.1:{world.a.port}; keepalive 1; }}
  server {{
    listen 127.0.0.1:{port} ssl http2;
    ssl_certificate {pair.cert}; ssl_certificate_key {pair.key};
    ssl_client_certificate {world.client_ca.cert}; ssl_verify_client {verify};
    location / {{
      proxy_pass https://gateway;
      proxy_ssl_trusted_certificate {world.gateway.server_ca.cert}; proxy_ssl_verify on; proxy_ssl_name localhost;
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-SSL-Cert ""; proxy_set_header Client-Cert ""; proxy_set_header X-Its-Certificate "";
      proxy_set_header {XFCC} "";
      proxy_set_header {header} $ssl_client_escaped_cert;
    }}
  }}
}}
""")
    return ["nginx", "-p", str(directory), "-c", str(config), "-e", "stderr"]


def haproxy(world, directory, port, alpn):
    pair = world.pki.issue("front", world.gateway.server_ca, usages=[SERVER], sans=["*.gw.test"])
    config = directory / "haproxy.cfg"
    config.write_text(f"""
defaults
  mode http
  timeout client 10m
  timeout server 10m
  timeout connect 10m
listen front
  bind 127.0.0.1:{port} ssl crt {pair.both} alpn h2,http/1.1 ca-file {world.client_ca.cert} verify optional crt-ignore-err all ca-ignore-err all
  http-request del-header Client-Cert-Chain
  http-request del-header {XFCC}
  http-request del-header X-SSL-Cert
  http-request del-header X-Its-Certificate
  http-request del-header Client-Cert
  http-request set-header Client-Cert :%[ssl_c_der,base64]: if {{ ssl_c_used }}
  server gateway 127.0.0.1:{world.a.port} ssl ca-file {world.gateway.server_ca.cert} verifyhost localhost alpn {alpn}
""")
    return ["haproxy", "-db", "-f", str(config)]


@pytest.fixture(scope="module", params=["nginx", "haproxy h1", "haproxy h2"])
def front(request, world, tmp_path_factory):
    directory, port = tmp_path_factory.mktemp("front"), free_port()
    kind = request.param.split()[0]
    command = nginx(world, directory, port, "optional_no_ca", "X-SSL-Cert") if kind == "nginx" else \
        haproxy(world, directory, port, "h2" if request.param.endswith("h2") else "http/1.1")
    with running(kind, command, directory, port):
        yield Front(world.a, port, request.param)


def test_the_certificate_that_the_proxy_saw_is_the_callers(world, front, origin, alice, bob):
    """One after the other and back again: they share the proxy's connection."""
    for pair in (alice, bob, bob, alice):
        answer = front.curl("/x", client=pair, host="must.gw.test")
        assert answer.status == 200, answer
        seen = origin.last()
        assert hash_of(seen) == pair.fingerprint and f"spiffe://corp/{pair.name[4:]}" in seen.one(XFCC)
        nothing_of(seen, alice, bob)
    line = wait_for(lambda: next((json.loads(line) for line in lines_of(world.gateway.directory / f"{world.a.log.stem}.access.log")
                                  if answer.headers["x-request-id"] in line), None), "it is logged")
    assert line["client_fingerprint"] == alice.fingerprint and line["certificate_by_proxy"] is True
    text = wait_for(lambda: "asserted by proxy" in (out := world.gateway.explain(answer.headers["x-request-id"]).stdout) and out,
                    "explain tells who told of it")
    assert f"asserted by proxy {PROXY}: leaf {alice.fingerprint}" in text
    assert f"presented 1 of 1, that proxy {PROXY} told of: " in text and "was proven" not in text


def test_who_shows_the_proxy_none_has_none(front, origin, alice):
    before = len(origin.requests)
    refused(front.curl("/x", host="must.gw.test"), "CERT_REQUIRED")
    assert len(origin.requests) == before
    # And cannot tell of one: the proxy overwrites it, and what it passes on under other spellings is not believed.
    forged = [told(alice), f"x_ssl_cert: {encoded(alice)}", f"client_cert: {sequence(alice)}", f"Client-Cert: {sequence(alice)}",
              f"X-ssl_cert: {encoded(alice)}"]
    refused(front.curl("/x", host="must.gw.test", headers=forged), "CERT_REQUIRED")
    assert len(origin.requests) == before
    assert front.curl("/x", host="may.gw.test", headers=forged).status == 200
    assert hash_of(origin.last()) is None
    nothing_of(origin.last(), alice)


def test_what_the_proxy_let_through_is_verified_here(world, front, origin):
    before = len(origin.requests)
    cases = [(world.pki.self_signed("nobody"), "CERT_UNTRUSTED")]
    if front.name != "nginx":  # which has an opinion of its own about these
        cases += [(world.client("expired", days=(-9, -1)), "CERT_EXPIRED"), (world.client("early", days=(1, 9)), "CERT_NOT_YET_VALID"),
                  (world.pki.issue("of a server", world.client_ca, usages=[SERVER]), "CERT_WRONG_USAGE")]
    for pair, reason in cases:
        for host in ("must.gw.test", "may.gw.test"):
            refused(front.curl("/x", client=pair, host=host), reason)
    assert len(origin.requests) == before


def test_a_certificate_that_is_the_credential(world, front, origin):
    pair = world.client(f"key of {front.name}", days=(-1, 30))
    certificate_id = world.gateway.add_certificate(pair.pem)
    world.gateway.create_key(session("keyed", certificate_id, alias="robot"))
    assert front.curl("/x", client=pair, host="keyed.gw.test").status == 200
    assert hash_of(origin.last()) == pair.fingerprint
    refused_before = len(origin.requests)
    assert front.curl("/x", client=world.client("no key"), host="keyed.gw.test").status == 401
    assert front.curl("/x", host="keyed.gw.test").status == 401
    assert world.gateway.delete_certificate(certificate_id, force=True).status_code == 200
    assert front.curl("/x", client=pair, host="keyed.gw.test").status in (401, 403)
    assert len(origin.requests) == refused_before


def test_the_encoded_certificate_under_a_name_of_its_own(world, origin, alice, tmp_path):
    port = free_port()
    with running("nginx", nginx(world, tmp_path, port, "on", "X-Its-Certificate"), tmp_path, port):
        front = Front(world.a, port, "nginx")
        assert front.curl("/x", client=alice, host="must.gw.test").status == 200
        assert hash_of(origin.last()) == alice.fingerprint
        nothing_of(origin.last(), alice)


# curl in a proxy's place.

def forms(pair):
    pem = pair.pem.decode()
    return {
        "one line": "X-SSL-Cert: " + pem.replace("\n", " ").strip(),
        "folded": "X-SSL-Cert: " + pem.replace("\n", "\t").strip(),
        "joined": "X-SSL-Cert: " + pem.replace("\n", ""),
        "encoded": told(pair),
        "as AWS encodes": "X-SSL-Cert: " + urllib.parse.quote(pem, safe="+=/"),
        "as Java encodes": "X-Its-Certificate: " + urllib.parse.quote_plus(pem),
        "RFC 9440": "Client-Cert: " + sequence(pair),
        "bytes elsewhere": "x-ssl-cert: " + sequence(pair),
        "XFCC": f'{XFCC}: By=spiffe://corp/edge;Hash={pair.fingerprint};Cert="{encoded(pair)}";Subject="CN=x, y"',
        "nearest XFCC": f'{XFCC}: Hash=aa;Cert="evil",Hash={pair.fingerprint};Cert="{encoded(pair)}"',
    }


@BOTH
def test_every_form(world, origin, alice, bob, option):
    for pair in (alice, bob):
        for form, header in forms(pair).items():
            answer = world.a.curl("/x", host="must.gw.test", headers=[header], options=[option])
            assert answer.status == 200, (form, answer)
            assert hash_of(origin.last()) == pair.fingerprint, form
            nothing_of(origin.last(), pair)


@BOTH
def test_what_cannot_be_read_in_one_way_is_refused(world, origin, alice, bob, option):
    before = len(origin.requests)
    pem = alice.pem.decode()
    bare = "".join(pem.split("\n")[1:-2])
    cases = [
        [told(alice), told(alice)], [told(alice), told(bob)], [told(alice), f"Client-Cert: {sequence(alice)}"],
        [told(alice), "X-Its-Certificate: " + encoded(bob)], [told(alice), forms(bob)["XFCC"]],
        [f"X-SSL-Cert: {encoded(alice)}, {encoded(alice)}"], ["X-SSL-Cert: (null)"], ["X-SSL-Cert: " + bare],
        ["X-SSL-Cert: " + encoded(alice)[:-40]], ["X-SSL-Cert: " + urllib.parse.quote(encoded(alice))],
        ["X-SSL-Cert: " + urllib.parse.quote(pem.replace(bare[:64], "A" * 64), safe="")[:-3] + "%4"],
        ["Client-Cert: " + encoded(alice)], [f"Client-Cert: {sequence(alice)};a=1"], [f"Client-Cert: {sequence(alice)}, {sequence(bob)}"],
        ["Client-Cert: " + bare], [f"Client-Cert-Chain: {sequence(world.client_ca)}"],
        [told(alice), f"Client-Cert-Chain: {sequence(world.client_ca)}"],
        [f"{XFCC}: Hash={alice.fingerprint}"], [f'{XFCC}: Cert="{encoded(alice)}",Hash={bob.fingerprint}'],
        [f'{XFCC}: Hash={bob.fingerprint};Cert="{encoded(alice)}"'], [f'{XFCC}: Subject="CN=x,Cert="{encoded(alice)}"'],
        [f'{XFCC}: Cert="{encoded(alice)}";Chain="{encoded(bob)}{encoded(world.client_ca)}"'],
        ["X-SSL-Cert: " + encoded(alice) * 9],
    ]
    for headers in cases:
        for host in ("must.gw.test", "may.gw.test"):
            answer = refused(world.a.curl("/x", host=host, headers=headers, options=[option]), "CERT_HEADER_INVALID", 400)
    assert len(origin.requests) == before
    text = wait_for(lambda: "CERT_HEADER_INVALID" in (out := world.gateway.explain(answer.headers["x-request-id"]).stdout) and out,
                    "explain tells of it")
    assert f"trusted proxy {PROXY}, x-ssl-cert: too many certificates" in text


def test_a_chain(world, origin, alice):
    middle = world.pki.issue("Middle CA", world.client_ca, ca=True)
    leaf = world.client("by middle", middle)
    refused_alone = world.a.curl("/x", host="must.gw.test", headers=[told(leaf)])
    assert refused_alone.status == 403
    for headers in ([f"X-SSL-Cert: {encoded(leaf)}{encoded(middle)}"],
                    [f"Client-Cert: {sequence(leaf)}", f"Client-Cert-Chain: {sequence(middle)}, {sequence(world.client_ca)}"],
                    [f"Client-Cert: {sequence(leaf)}", f"Client-Cert-Chain: {sequence(alice)}", f"Client-Cert-Chain: {sequence(middle)}"],
                    [f'{XFCC}: Cert="{encoded(leaf)}";Chain="{encoded(leaf)}{encoded(middle)}"']):
        answer = world.a.curl("/x", host="must.gw.test", headers=headers)
        assert answer.status == 200, (headers, answer)
        assert hash_of(origin.last()) == leaf.fingerprint
        nothing_of(origin.last(), leaf, middle)


def test_a_proxys_own_certificate_is_never_the_callers(world, origin, alice, bob):
    """It may show one in its handshake, and one that every API would take."""
    refused(world.a.curl("/x", client=alice, host="must.gw.test"), "CERT_REQUIRED")
    assert world.a.curl("/x", client=alice, host="may.gw.test").status == 200
    assert hash_of(origin.last()) is None
    refused(world.a.curl("/x", client=alice, host="must.gw.test", headers=["X-SSL-Cert;"]), "CERT_REQUIRED")  # an empty one
    assert world.a.curl("/x", client=alice, host="must.gw.test", headers=[told(bob)]).status == 200
    assert hash_of(origin.last()) == bob.fingerprint
    nobody = world.pki.self_signed("unknown proxy")
    assert world.a.curl("/x", client=nobody, host="must.gw.test", headers=[told(bob)]).status == 200


@BOTH
def test_from_anybody_else_they_are_removed(world, origin, alice, bob, option):
    options = [option, "--interface", STRANGER]
    for headers in ([header] for header in forms(alice).values()):
        refused(world.a.curl("/x", host="must.gw.test", headers=headers, options=options), "CERT_REQUIRED")
    everything = [header for header in forms(alice).values()] + [
        f"{name}: {encoded(alice)}" for name in ("x_ssl_cert", "X_SSL-Cert", "client_cert", "x_its_certificate", "X-Its_Certificate",
                                                 "Client_Cert-Chain", "client-cert-chain")]
    for host in ("may.gw.test", "open.gw.test"):
        assert world.a.curl("/x", host=host, headers=everything, options=options).status == 200
        assert hash_of(origin.last()) is None
        nothing_of(origin.last(), alice)
    # Their own certificate is what it always was.
    assert world.a.curl("/x", client=bob, host="must.gw.test", headers=everything, options=options).status == 200
    assert hash_of(origin.last()) == bob.fingerprint
    nothing_of(origin.last(), alice)


def test_towards_upstreams_they_go_from_trailers_too(world, origin):
    trailers = "X-Its-Certificate: f0rged\r\nx_its_certificate: f0rged\r\nX-SSL-Cert: f0rged\r\nX-Mine: 1\r\n"
    for source in (PROXY, STRANGER):
        seen = []
        with Connection(world.a, "open.gw.test", source=source) as connection:
            origin.answer = lambda handler, request: (seen.extend(handler.trailers), handler.send_response(200),
                                                      handler.send_header("Content-Length", "0"), handler.end_headers())
            try:
                connection.send(f"POST /x HTTP/1.1\r\nHost: open.gw.test\r\nTE: trailers\r\nConnection: TE\r\n"
                                f"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n{trailers}\r\n")
                assert connection.answer()[0] == 200
            finally:
                origin.answer = None
        assert [line.lower() for line in seen] == [b"x-mine: 1"]


def test_over_http2_in_trailers_it_is_no_certificate(world, origin, alice):
    with Http2(world.a, "must.gw.test") as h2:
        stream = h2.request(method="POST", end=False)
        h2.data(stream, b"hi")
        h2.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, h2.encode([("x-ssl-cert", encoded(alice))])))
        assert h2.answer(stream).status == 401
        answers = [h2.get("/x", more=[("x-ssl-cert", encoded(pair))]).status for pair in (alice, alice)]
        assert answers == [200, 200] and hash_of(origin.last()) == alice.fingerprint
        assert h2.get("/x").status == 401, "what the request before said is over"


def test_requests_of_several_callers_side_by_side(world, origin, alice, bob):
    with Http2(world.a, "must.gw.test") as h2:
        streams = [h2.request("/x", more=[("x-ssl-cert", encoded(pair))] if pair else []) for pair in (alice, bob, None, alice, bob)]
        assert [h2.answer(stream).status for stream in streams] == [200, 200, 401, 200, 200]
    seen = sorted(hash_of(request) for request in origin.requests[-4:])
    assert seen == sorted([alice.fingerprint, bob.fingerprint] * 2)


def test_strangers_of_a_proxy_are_not_counted_as_one_client(world, origin):
    """More callers that nothing is known of than one connection may be of by itself (`limits.authorize_misses_per_second`)."""
    pairs = [world.client(f"one of many {number}") for number in range(60)]
    with Http2(world.a, "must.gw.test") as h2:
        streams = [h2.request("/x", more=[("x-ssl-cert", encoded(pair))]) for pair in pairs]
        assert {h2.answer(stream).status for stream in streams} == {200}
    assert {hash_of(request) for request in origin.requests[-60:]} == {pair.fingerprint for pair in pairs}


def test_a_connection_that_was_never_asked_for_a_certificate(world, origin, alice, bob):
    for source, expected in ((STRANGER, 421), (PROXY, 200)):
        for kind in (Connection, Http2):
            if kind is Http2 and source == STRANGER:
                continue
            more = {"source": source} if kind is Connection else {}
            with kind(world.a, "open.gw.test", **more) as connection:
                if kind is Connection:
                    connection.send(f"GET /x HTTP/1.1\r\nHost: must.gw.test\r\n{told(alice)}\r\n\r\n")
                    assert connection.answer()[0] == expected
                else:
                    stream = connection.request("/x", authority="must.gw.test", more=[("x-ssl-cert", encoded(alice))])
                    assert connection.answer(stream).status == expected
    assert hash_of(origin.last()) == alice.fingerprint


def test_who_is_announced_is_no_proxy(world, origin, alice):
    """Whoever passes a connection on with a PROXY header: its bytes are those of its client, also where it does not say whose."""
    replica = world.gateway.start_dataplane(system_trust=world.trust, name="announced", options=[
        "--set", f"listeners.0.proxy_protocol_from.0={PROXY}"])
    request = f"GET /x HTTP/1.1\r\nHost: must.gw.test\r\n{told(alice)}\r\n\r\n"
    for before in (b"PROXY TCP4 127.0.0.1 127.0.0.1 50000 443\r\n", b"PROXY UNKNOWN\r\n"):
        with Connection(replica, "must.gw.test", before=before) as connection:
            connection.send(request)
            assert connection.answer()[0] == 401
        with Connection(replica, "must.gw.test", client=alice, before=before) as connection:
            assert connection.get()[0] == 200, "its own certificate is"
    replica.stop()
    world.gateway.replicas.remove(replica)


def test_a_replica_that_trusts_everybody_does_not_believe_everybody(world, origin, alice):
    replica = world.gateway.start_dataplane(system_trust=world.trust, name="trusting", options=[
        "--set", "trusted_proxies.0=0.0.0.0/0", "--set", "trusted_proxies.1=127.0.0.3"])
    for source, status in ((STRANGER, 401), ("127.0.0.3", 200), (PROXY, 200)):
        assert replica.curl("/x", host="must.gw.test", headers=[told(alice)], options=["--interface", source]).status == status
    replica.stop()
    world.gateway.replicas.remove(replica)


def test_what_comes_in_clear_tells_of_nobody(world, origin, alice):
    port = free_port()
    replica = world.gateway.start_dataplane(system_trust=world.trust, name="in-clear", options=[
        word for setting in ("id=clear", "address=127.0.0.1", f"port={port}", "plain=true")
        for word in ("--set", f"listeners.1.{setting}")])
    world.gateway.apply(api(world, "clear", origin.url, None, allowPlainHttp=True))
    headers = {"X-Its-Certificate": encoded(alice), "X-SSL-Cert": encoded(alice), "x_its_certificate": encoded(alice)}
    answer = requests.get(f"http://127.0.0.1:{port}/x", headers={"Host": "clear.gw.test", **headers}, timeout=DEADLINE)
    assert answer.status_code == 200 and hash_of(origin.last()) is None
    nothing_of(origin.last(), alice)
    before = len(origin.requests)
    for host in ("must.gw.test", "may.gw.test"):
        answer = requests.get(f"http://127.0.0.1:{port}/x", headers={"Host": host, **headers}, timeout=DEADLINE)
        assert (answer.status_code, answer.json()["reason"]) == (403, "TLS_REQUIRED")
    assert len(origin.requests) == before
    replica.stop()
    world.gateway.replicas.remove(replica)


# Changes while requests are under way.

class Download:
    """An upstream that sends half of an answer and the rest when told."""

    def __init__(self, world, name):
        self.gate, self.host = threading.Event(), f"{name}.gw.test"
        self._origin = world.origin(name, answer=self._answer)
        world.gateway.apply(api(world, name, self._origin.url))

    def _answer(self, handler, request):
        handler.send_response(200)
        handler.send_header("Content-Length", "8")
        handler.end_headers()
        handler.wfile.write(b"half")
        handler.wfile.flush()
        self.gate.wait(10 * DEADLINE)
        handler.wfile.write(b"rest")


def spki(pair):
    return {"spkiSha256": base64.b64encode(bytes.fromhex(pair.spki_sha256)).decode()}


def test_a_revoked_caller_loses_its_download_and_nobody_else(world):
    download = Download(world, "severed")
    revoked, spared = world.client("revoked"), world.client("spared")
    with Connection(world.a, download.host) as http1, Http2(world.a, download.host) as h2:
        http1.send(f"GET /x HTTP/1.1\r\nHost: {download.host}\r\n{told(revoked)}\r\n\r\n")
        assert http1.body_begins(b"half")
        gone, stays = [h2.request("/x", more=[("x-ssl-cert", encoded(pair))]) for pair in (revoked, spared)]
        h2.wait(lambda: h2.reply(gone).body == b"half" and h2.reply(stays).body == b"half", "both have half")
        with changed_settings(world, revoked=[spki(revoked)]):
            assert http1.ended(), "with half of its answer"
            h2.wait(lambda: h2.reply(gone).over, "it is cut")
            assert h2.reply(gone).reset is not None and h2.reply(gone).body == b"half"
            assert not h2.reply(stays).over
            assert h2.get("/x", more=[("x-ssl-cert", encoded(revoked))]).status == 403, "on a connection that goes on"
            download.gate.set()
            assert h2.answer(stays).body == b"halfrest"


def test_a_proxy_that_is_trusted_no_more_takes_its_callers_along(world):
    download = Download(world, "distrusted")
    pair = world.client("of a former proxy")
    with Connection(world.a, download.host) as by_header, Connection(world.a, download.host, client=pair, source=STRANGER) as by_tls:
        by_header.send(f"GET /x HTTP/1.1\r\nHost: {download.host}\r\n{told(pair)}\r\n\r\n")
        by_tls.send(f"GET /x HTTP/1.1\r\nHost: {download.host}\r\n\r\n")
        assert by_header.body_begins(b"half") and by_tls.body_begins(b"half")
        with changed_settings(world, trustedProxies=["192.0.2.1"]):
            assert by_header.ended()
            answer = world.a.curl("/x", host=download.host, headers=[told(pair)])
            refused(answer, "CERT_REQUIRED")
            download.gate.set()
            assert by_tls.rest() == b"rest"


def test_a_replica_that_missed_changes_asks_again_about_what_a_proxy_told(world):
    """What a snapshot leaves in doubt is asked just as it was."""
    download = Download(world, "asked-again")
    pair = world.client("asked about")
    with Connection(world.a, download.host) as connection:
        connection.send(f"GET /x HTTP/1.1\r\nHost: {download.host}\r\n{told(pair)}\r\n\r\n")
        assert connection.body_begins(b"half")
        world.gateway.authsvc.stop()
        world.gateway.start_authsvc()
        world.gateway.settle()
        download.gate.set()
        assert connection.rest() == b"rest"


# Settings.

def test_without_the_setting_trusted_proxies_are_not_believed_either(world, origin, alice, bob):
    with changed_settings(world, clientCertificateHeaders=[]):
        for header in forms(alice).values():
            if "X-Its-Certificate" not in header:
                refused(world.a.curl("/x", host="must.gw.test", headers=[header]), "CERT_REQUIRED")
        assert world.a.curl("/x", client=bob, host="must.gw.test", headers=[told(alice)]).status == 200
        assert hash_of(origin.last()) == bob.fingerprint
        nothing_of(origin.last(), alice)


def test_a_header_that_is_not_named_is_none(world, origin, alice):
    with changed_settings(world, clientCertificateHeaders=["X-SSL-Cert"]):
        refused(world.a.curl("/x", host="must.gw.test", headers=[f"Client-Cert: {sequence(alice)}"]), "CERT_REQUIRED")
        assert world.a.curl("/x", host="must.gw.test", headers=[told(alice), "Client-Cert: x"]).status == 200


def test_xfcc_that_told_of_the_caller_is_not_passed_on(world, origin, alice):
    for mode, expected in (("append_forward", alice.fingerprint), ("forward_only", None)):
        name = mode.replace("_", "-")
        world.gateway.apply(api(world, name, origin.url, identityForwarding={"xfcc": mode}))
        assert world.a.curl("/x", host=f"{name}.gw.test", headers=[forms(alice)["XFCC"]]).status == 200
        assert hash_of(origin.last()) == expected and "By=" not in (origin.last().one(XFCC) or "")


def test_upstreams_get_the_callers_certificate(world, origin, alice):
    world.gateway.apply(api(world, "rfc9440", origin.url, identityForwarding={"clientCert": True, "clientCertChain": True}))
    assert world.a.curl("/x", host="rfc9440.gw.test", headers=[told(alice)]).status == 200
    assert origin.last().one("Client-Cert") == sequence(alice) and origin.last().one("Client-Cert-Chain") == sequence(world.client_ca)


@pytest.mark.parametrize("spec, text", [
    ({"trustedProxies": []}, "trusted_proxies names none"),
    ({"trustedProxies": ["10.0.0.1", "0.0.0.0/0"]}, "trusted_proxies has `0.0.0.0/0`"),
    ({"trustedProxies": ["::/0"]}, "trusted_proxies has `::/0`"),
    ({"trustedProxies": ["128.0.0.0/1"]}, "128.0.0.0/1"),
    ({"clientCertificateHeaders": ["Host"]}, "`Host` has another purpose"),
    ({"clientCertificateHeaders": ["authorization"]}, "another purpose"),
    ({"clientCertificateHeaders": ["Content-Type"]}, "another purpose"),
    ({"clientCertificateHeaders": ["X-Forwarded-For"]}, "another purpose"),
    ({"clientCertificateHeaders": ["X_SSL_Cert"]}, "write `-`"),
    ({"clientCertificateHeaders": ["X SSL"]}, "not a valid header name"),
    ({"clientCertificateHeaders": ["Client-Cert-Chain"]}, "name that"),
    ({"clientCertificateHeaders": ["X-SSL-Cert", "x-ssl-cert"]}, "twice"),
    ({"clientCertificateHeader": ["X-SSL-Cert"]}, "clientCertificateHeaders"),
])
def test_settings_that_cannot_be_followed_are_refused(world, spec, text):
    output = world.gateway.apply(settings(**spec), code=1)
    assert text in output, output
