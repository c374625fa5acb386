"""What upstreams are told about callers: XFCC in its five modes, RFC 9440, named headers. And above all what nobody can make
them believe."""

import base64
import json
import re
import ssl
import urllib.parse

import pytest

from gateway import classic, session, wait_for
from h2_origin import Http2Origin
from raw import Connection
from raw_http2 import END_HEADERS, END_STREAM, HEADERS, Http2, frame

XFCC = "X-Forwarded-Client-Cert"
TEMPLATES = {"X-Client-Id": "{identity}", "X-Client-Fingerprint": "{cert.fingerprint}",
             "X-Client": "sub={cert.subject}; uri={cert.uri_san}; serial={cert.serial}",
             "X-Team": "{key.meta.team}", "X-Key": "{key.alias}"}


def xfcc_elements(text):
    """An independent reader of Envoy's format: [{key: [value, ...]}]."""
    elements, at = [], 0
    while True:
        element = {}
        while True:
            match = re.compile(r'([A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;=\\ ]*))').match(text, at)
            assert match, f"no pair at {text[at:]!r}"
            value = match.group(3) if match.group(2) is None else re.sub(r"\\(.)", r"\1", match.group(2))
            element.setdefault(match.group(1), []).append(value)
            at = match.end()
            if text[at:at + 1] != ";":
                break
            at += 1
        elements.append(element)
        if at == len(text):
            return elements
        assert text[at] == ",", text[at:]
        at += 1


def byte_sequences(text):
    """A list of RFC 8941 byte sequences, strictly."""
    members = text.split(", ")
    assert all(re.fullmatch(r":[A-Za-z0-9+/]+={0,2}:", member) for member in members), text
    return [base64.b64decode(member[1:-1], validate=True) for member in members]


def certificates_of(encoded):
    blocks = re.findall("-----BEGIN CERTIFICATE-----\n(?:[A-Za-z0-9+/=]{1,64}\n)+-----END CERTIFICATE-----\n",
                        urllib.parse.unquote(encoded))
    assert "".join(blocks) == urllib.parse.unquote(encoded)
    return [ssl.PEM_cert_to_DER_cert(block) for block in blocks]


def api_document(world, name, url, forwarding=None, requirement="mandatory", path="/", host=None, **more):
    spec = {"orgId": "default", "hosts": [host or f"{name}.gw.test"], "listenPath": path, "stripListenPath": True, "keyless": True,
            "clientTls": {"staticMtls": requirement, "allowlist": [{"certificateId": world.ca_id}]},
            "upstream": {"targets": [{"url": url}]}, **more}
    if forwarding is not None:
        spec["identityForwarding"] = forwarding
    return {"apiVersion": "sallyport/v1", "kind": "Api", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module", autouse=True)
def ready(world):
    world.ca_id = world.gateway.add_certificate(world.client_ca.pem)


@pytest.fixture(scope="module")
def behind(world):
    """A replica to which this machine is a trusted proxy, and that tells little."""
    return world.gateway.start_dataplane(system_trust=world.trust, name="behind", options=[
        "--set", "trusted_proxies.0=127.0.0.1", "--set", "limits.identity_bytes=4000"])


@pytest.fixture(scope="module")
def alice(world):
    return world.client("alice", sans=["spiffe://corp/alice", "alice.example.com"])


class Seen:
    """One request as an upstream of either kind saw it."""

    def __init__(self, fields, trailers):
        self.fields, self.trailers = fields, trailers

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def one(self, name):
        assert len(self.all(name)) == 1, f"{name}: {self.fields}"
        return self.all(name)[0]

    def text(self):
        return json.dumps([self.fields, self.trailers])


class Upstream:
    """HTTP/1.1 or h2c."""

    def __init__(self, world, kind):
        self.http2, self.requests, self._last = kind == "h2c", 0, None
        if self.http2:
            self._origin = Http2Origin(answer=self._answer_http2)
        else:
            self._origin = world.origin("identity", answer=self._answer)
        self.url, self.close = self._origin.url + "/", self._origin.close

    def _answer_http2(self, request):
        self.requests += 1
        self._last = Seen(list(request.fields), list(request.trailers or []))
        request.answer()

    def _answer(self, handler, request):
        self.requests += 1
        trailers = [tuple(line.decode().split(": ", 1)) for line in getattr(handler, "trailers", [])]
        self._last = Seen(list(request.headers), trailers)
        handler.trailers = []
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def last(self):
        return self._last


@pytest.fixture(scope="module", params=["http1", "h2c"])
def upstream(world, request):
    made = Upstream(world, request.param)
    everything = {"clientCert": True, "clientCertChain": True, "headers": TEMPLATES}
    kind = request.param
    world.gateway.apply(*[api_document(world, f"{name}-{kind}", made.url, *arguments) for name, *arguments in [
        ("plain",), ("told", everything), ("perhaps", everything, "optional")]],
        *[api_document(world, f"{mode.replace('_', '-')}-{kind}", made.url, {"xfcc": mode}, "optional")
          for mode in ("sanitize", "forward_only", "append_forward", "sanitize_set", "always_forward_only")])
    made.kind = kind
    yield made
    if made.http2:
        made.close()


# What nobody can make an upstream believe.

FORGED = ["X-Forwarded-Client-Cert: Hash=f0rged", "x-forwarded-client-cert: Hash=f0rged", "X_Forwarded_Client_Cert: Hash=f0rged",
          "X-FORWARDED_client-Cert: Hash=f0rged", "Client-Cert: :f0rged:", "client_cert: :f0rged:", "Client-Cert-Chain: :f0rged:",
          "CLIENT_CERT_CHAIN: :f0rged:", "X-Client-Id: f0rged", "x_client_id: f0rged", "X-Client_ID: f0rged", "X-Client-Fingerprint: f0rged",
          "X-Client: sub=f0rged", "x-team: f0rged", "X_Team: f0rged", "X-Key: f0rged", "X-SSL-Client-Verify: f0rged", "SSL_CLIENT_S_DN: f0rged"]


def nothing_forged(seen):
    assert "f0rged" not in seen.text(), seen.text()


@pytest.mark.parametrize("option", ["--http1.1", "--http2"])
def test_forged_identity_headers_never_arrive(world, upstream, alice, option):
    host = f"told-{upstream.kind}.gw.test"
    twice = [header for header in FORGED for _ in range(2)]
    assert world.a.curl("/x", client=alice, host=host, headers=twice, options=[option]).status == 200
    seen = upstream.last()
    nothing_forged(seen)
    assert xfcc_elements(seen.one(XFCC))[0]["Hash"] == [alice.fingerprint]
    assert byte_sequences(seen.one("Client-Cert")) == [alice.der]
    assert seen.one("X-Client-Id") == "spiffe://corp/alice" and seen.one("X-Client-Fingerprint") == alice.fingerprint
    assert not seen.all("X-Team") and not seen.all("X-Key"), "there is no key"


@pytest.mark.parametrize("option", ["--http1.1", "--http2"])
def test_a_caller_without_identity_has_none(world, upstream, option):
    host = f"perhaps-{upstream.kind}.gw.test"
    assert world.a.curl("/x", host=host, headers=FORGED, options=[option]).status == 200
    seen = upstream.last()
    nothing_forged(seen)
    for name in (XFCC, "Client-Cert", "Client-Cert-Chain", *TEMPLATES):
        assert not seen.all(name), name


def test_connection_lists_take_away_the_callers_fields_and_never_ours(world, upstream, alice):
    names = ", ".join([XFCC, "Client-Cert", "X-Client-Id", "x_client_id"])
    with Connection(world.a, f"told-{upstream.kind}.gw.test", alice) as connection:
        connection.send(f"GET /x HTTP/1.1\r\nHost: {connection.host}\r\nConnection: keep-alive, {names}\r\n"
                        f"{XFCC}: Hash=f0rged\r\nX-Client-Id: f0rged\r\n\r\n")
        assert connection.answer()[0] == 200
    seen = upstream.last()
    nothing_forged(seen)
    assert xfcc_elements(seen.one(XFCC))[0]["Hash"] == [alice.fingerprint]
    assert seen.one("X-Client-Id") == "spiffe://corp/alice" and byte_sequences(seen.one("Client-Cert")) == [alice.der]


def test_trailers_claim_no_identity(world, upstream, alice):
    host = f"told-{upstream.kind}.gw.test"
    trailers = "\r\n".join(FORGED + ["X-Mine: 1"])
    with Connection(world.a, host, alice) as connection:
        connection.send(f"POST /x HTTP/1.1\r\nHost: {host}\r\nTE: trailers\r\nConnection: TE\r\nTransfer-Encoding: chunked\r\n\r\n"
                        f"2\r\nhi\r\n0\r\n{trailers}\r\n\r\n")
        assert connection.answer()[0] == 200
    nothing_forged(upstream.last())
    assert [name.lower() for name, _ in upstream.last().trailers] == ["x-mine"]
    with Http2(world.a, host, alice) as h2:
        stream = h2.request(method="POST", end=False, more=[("te", "trailers")])
        h2.data(stream, b"hi")
        forged = [tuple(line.lower().split(": ", 1)) for line in FORGED + ["X-Mine: 1"]]
        h2.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, h2.encode(forged)))
        assert h2.answer(stream).status == 200
    nothing_forged(upstream.last())
    assert [name.lower() for name, _ in upstream.last().trailers] == ["x-mine"]


def test_a_certificate_that_nobody_verified_is_not_told_of(world, upstream, alice):
    """The connection has one, for the sake of another API under the same name; this API has no use for it."""
    host = f"shared-{upstream.kind}.gw.test"
    everything = {"clientCert": True, "clientCertChain": True, "headers": TEMPLATES,
                  "xfccFields": ["hash", "cert", "chain", "subject", "uri", "dns"]}
    open_api = api_document(world, f"open-{upstream.kind}", upstream.url, everything, path="/open/", host=host)
    del open_api["spec"]["clientTls"]
    world.gateway.apply(api_document(world, f"closed-{upstream.kind}", upstream.url, everything, path="/closed/", host=host), open_api)
    mallory = world.pki.self_signed("mallory")
    with Http2(world.a, host, mallory) as h2:
        assert h2.get("/closed/x").status == 403
        assert h2.get("/open/x").status == 200
    seen = upstream.last()
    for name in (XFCC, "Client-Cert", "Client-Cert-Chain", *TEMPLATES):
        assert not seen.all(name), name
    with Http2(world.a, host, alice) as h2:  # nor what the other API has verified on the same connection
        assert h2.get("/closed/x").status == 200
        assert upstream.last().one("X-Client-Id") == "spiffe://corp/alice"
        assert h2.get("/open/x").status == 200
    assert alice.fingerprint not in upstream.last().text() and not upstream.last().all(XFCC)


# XFCC and trusted proxies.

THEIRS = 'By=spiffe://corp/edge;Hash=aa;Subject="CN=end user,O=\\"x\\", Hash=evil";URI=spiffe://corp/user'


@pytest.mark.parametrize("option", ["--http1.1", "--http2"])
@pytest.mark.parametrize("mode, by_proxy, by_proxy_without_certificate, by_anybody, by_anybody_without_certificate", [
    ("sanitize", "", "", "", ""),
    ("forward-only", "theirs", "", "", ""),
    ("append-forward", "theirs ours", "", "ours", ""),
    ("sanitize-set", "ours", "", "ours", ""),
    ("always-forward-only", "theirs", "theirs", "", ""),
])
def test_the_five_modes(world, behind, upstream, alice, option, mode, by_proxy, by_proxy_without_certificate, by_anybody,
                        by_anybody_without_certificate):
    for replica, client, expected in [(behind, alice, by_proxy), (behind, None, by_proxy_without_certificate),
                                      (world.a, alice, by_anybody), (world.a, None, by_anybody_without_certificate)]:
        answer = replica.curl("/x", client=client, host=f"{mode}-{upstream.kind}.gw.test", options=[option],
                              headers=[f"{XFCC}: {THEIRS}", "x_forwarded_client_cert: Hash=f0rged"])
        assert answer.status == 200, answer
        seen = upstream.last()
        nothing_forged(seen)
        found = xfcc_elements(seen.one(XFCC)) if seen.all(XFCC) else []
        is_ours = ["ours" if element["Hash"] == [alice.fingerprint] else "theirs" for element in found]
        assert is_ours == expected.split(), (replica.name, client and client.name, found)
        for element, whose in zip(found, is_ours):
            if whose == "theirs":
                assert element["Subject"] == ['CN=end user,O="x", Hash=evil'] and element["Hash"] == ["aa"]


def test_several_elements_of_a_proxy_keep_their_order(world, behind, upstream, alice):
    with Connection(behind, f"append-forward-{upstream.kind}.gw.test", alice) as connection:
        connection.send(f"GET /x HTTP/1.1\r\nHost: {connection.host}\r\n{XFCC}: Hash=aa\r\nX-Other: 1\r\n{XFCC}: Hash=bb\r\n\r\n")
        assert connection.answer()[0] == 200
    assert [element["Hash"] for element in xfcc_elements(upstream.last().one(XFCC))] == [["aa"], ["bb"], [alice.fingerprint]]


@pytest.mark.parametrize("value", ['Hash=aa;Subject="CN=x', 'Hash=aa;URI=b"c', "Hash=aa,", "nothing", "Hash=aa;Subject=\"a\\\"",
                                   "Hash=caf\u00e9"])
def test_what_could_swallow_our_element_is_refused(world, behind, upstream, alice, value):
    before = upstream.requests
    for mode in ("append-forward", "forward-only", "always-forward-only"):
        answer = behind.curl("/x", client=alice, host=f"{mode}-{upstream.kind}.gw.test", headers=[f"{XFCC}: {value}"])
        assert (answer.status, answer.json()["reason"]) == (400, "CERT_HEADER_INVALID"), answer
    assert upstream.requests == before
    # From anybody it only goes away.
    assert world.a.curl("/x", client=alice, host=f"append-forward-{upstream.kind}.gw.test",
                        headers=[f"{XFCC}: {value}"]).status == 200
    assert len(xfcc_elements(upstream.last().one(XFCC))) == 1


def test_a_field_that_the_proxys_connection_lists_is_not_passed_on(behind, upstream, alice):
    with Connection(behind, f"append-forward-{upstream.kind}.gw.test", alice) as connection:
        connection.send(f"GET /x HTTP/1.1\r\nHost: {connection.host}\r\nConnection: {XFCC}\r\n{XFCC}: Hash=aa\r\n\r\n")
        assert connection.answer()[0] == 200
    assert [element["Hash"] for element in xfcc_elements(upstream.last().one(XFCC))] == [[alice.fingerprint]]


def test_other_identity_headers_of_a_trusted_proxy_do_not_pass(world, behind, upstream, alice):
    assert behind.curl("/x", client=alice, host=f"told-{upstream.kind}.gw.test", headers=FORGED).status == 200
    nothing_forged(upstream.last())
    assert byte_sequences(upstream.last().one("Client-Cert")) == [alice.der]


def test_xfcc_with_certificate_and_chain_as_envoy_writes_it(world, upstream):
    middle = world.pki.issue("Middle CA", world.client_ca, ca=True)
    leaf = world.client("by-middle", middle, sans=["spiffe://corp/x", "a.example.com", "b.example.com"])
    world.gateway.apply(api_document(world, f"full-{upstream.kind}", upstream.url,
                                     {"xfccFields": ["dns", "uri", "subject", "chain", "cert", "hash"]}))
    assert world.a.curl("/x", client=leaf, chain=leaf.chain, host=f"full-{upstream.kind}.gw.test").status == 200
    (element,) = xfcc_elements(upstream.last().one(XFCC))
    assert list(element) == ["Hash", "Cert", "Chain", "Subject", "URI", "DNS"]
    assert element["Hash"] == [leaf.fingerprint] and certificates_of(element["Cert"][0]) == [leaf.der]
    assert certificates_of(element["Chain"][0]) == [leaf.der, middle.der, world.client_ca.der]
    assert element["Subject"] == [leaf.certificate.subject.rfc4514_string()]
    assert element["URI"] == ["spiffe://corp/x"] and element["DNS"] == ["a.example.com", "b.example.com"]


# RFC 9440.

def test_client_cert_and_the_verified_chain(world, upstream, alice, tmp_path):
    """Without the leaf, in TLS's order, with the anchor; what was merely sent along is not in it (RFC 9440 2.3)."""
    middle = world.pki.issue("Chain CA", world.client_ca, ca=True)
    leaf = world.client("in-chain", middle)
    stray = world.pki.self_signed("stray")
    sent = tmp_path / "sent.pem"
    sent.write_bytes(leaf.pem + stray.pem + middle.pem)
    for replica, option in ((world.a, "--http1.1"), (world.b, "--http2")):
        assert replica.curl("/x", client=leaf, chain=sent, host=f"told-{upstream.kind}.gw.test", options=[option]).status == 200
        seen = upstream.last()
        assert byte_sequences(seen.one("Client-Cert")) == [leaf.der]
        assert byte_sequences(seen.one("Client-Cert-Chain")) == [middle.der, world.client_ca.der]
    assert world.a.curl("/x", client=alice, host=f"told-{upstream.kind}.gw.test").status == 200
    assert byte_sequences(upstream.last().one("Client-Cert-Chain")) == [world.client_ca.der]


def test_a_leaf_that_is_listed_itself_has_no_chain(world, upstream):
    pair = world.pki.self_signed("listed")
    document = api_document(world, f"listed-{upstream.kind}", upstream.url, {"clientCert": True, "clientCertChain": True})
    document["spec"]["clientTls"]["allowlist"] = [{"certificateId": world.gateway.add_certificate(pair.pem)}]
    world.gateway.apply(document)
    assert world.a.curl("/x", client=pair, host=f"listed-{upstream.kind}.gw.test").status == 200
    assert byte_sequences(upstream.last().one("Client-Cert")) == [pair.der] and not upstream.last().all("Client-Cert-Chain")


def test_a_resumed_connection_tells_the_same(world, upstream, alice):
    host = f"told-{upstream.kind}.gw.test"
    with Connection(world.b, host, alice) as first:
        assert first.get()[0] == 200
        told = upstream.last()
        with Connection(world.b, host, alice, resume=first) as second:
            assert second.resumed and second.get()[0] == 200
    for name in (XFCC, "Client-Cert", "Client-Cert-Chain", "X-Client-Id"):
        assert upstream.last().one(name) == told.one(name)


# Named headers.

def test_facts_of_the_key(world, upstream):
    name = f"keyed-{upstream.kind}"
    document = api_document(world, name, upstream.url, {"headers": TEMPLATES | {"X-Tags": "{key.tags}"}}, keyless=False,
                            clientTls={"dynamicMtls": True})
    world.gateway.apply(document)
    pair = world.pki.self_signed(f"key-{upstream.kind}")
    world.gateway.create_key(session(name, world.gateway.add_certificate(pair.pem), alias=f"robot-{upstream.kind}",
                                     tags=["gold", "a,b"], meta_data={"team": "blue\r\nX-Admin: f0rged\u00e9"}))
    for _ in range(2):
        assert world.a.curl("/x", client=pair, host=f"{name}.gw.test", headers=["X-Admin: 0"]).status == 200
        seen = upstream.last()
        assert seen.one("X-Client-Id") == seen.one("X-Key") == f"robot-{upstream.kind}"
        assert seen.one("X-Team") == "blue%0D%0AX-Admin: f0rged%C3%A9" and seen.one("X-Admin") == "0"
        assert seen.one("X-Tags") == "gold,a%2Cb"


def test_a_hostile_subject_stays_inside_its_place(world, upstream):
    name = 'x"; uri=spiffe://corp/root; serial=00, b\\=\u00e9'
    pair = world.client(f"hostile-{upstream.kind}", subject=name)
    assert world.a.curl("/x", client=pair, host=f"told-{upstream.kind}.gw.test").status == 200
    seen = upstream.last()
    value = seen.one("X-Client")
    assert value.count("; uri=") == 1 and value.count("; serial=") == 1 and "spiffe://corp/root" not in value.split("; uri=")[1]
    assert value.isascii() and '"' not in value
    (element,) = xfcc_elements(seen.one(XFCC))
    assert element["Hash"] == [pair.fingerprint] and "URI" not in element and len(element["Subject"]) == 1


def test_more_than_an_upstream_should_be_told_is_refused(world, behind, upstream):
    pair = world.client(f"long-{upstream.kind}", sans=[f"spiffe://corp/{n:0200}" for n in range(25)])
    before = upstream.requests
    host = f"plain-{upstream.kind}.gw.test"
    answer = behind.curl("/x", client=pair, host=host)
    assert (answer.status, answer.json()["reason"]) == (431, "HEAD_TOO_LARGE") and upstream.requests == before
    request_id = answer.headers["x-request-id"]
    text = wait_for(lambda: "limits.identity_bytes" in (told := world.gateway.explain(request_id).stdout) and told,
                    "explain tells of the limit")
    assert "what the upstream is told of the caller has " in text and "at most 4000" in text
    assert world.a.curl("/x", client=pair, host=host).status == 200  # 16 KiB there
    assert len(xfcc_elements(upstream.last().one(XFCC))[0]["URI"]) == 25


# Configuration.

def test_the_gateways_settings_are_those_of_apis_that_have_none(world, upstream, alice):
    world.gateway.apply({"apiVersion": "sallyport/v1", "kind": "GatewaySettings",
                         "spec": {"identityForwarding": {"xfcc": "sanitize", "headers": {"X-Gateway-Id": "{identity}"}}}})
    try:
        for name, expected in (("plain", ["spiffe://corp/alice"]), ("told", [])):
            assert world.a.curl("/x", client=alice, host=f"{name}-{upstream.kind}.gw.test",
                                headers=["X-Gateway-Id: f0rged"] if expected else []).status == 200
            assert upstream.last().all("X-Gateway-Id") == expected
            assert bool(upstream.last().all(XFCC)) == (name == "told")
            nothing_forged(upstream.last())
        # Definitions of other dialects are held to them as well.
        world.gateway.add_api(classic(f"tyk-{upstream.kind}", upstream.url, domain=f"tyk-{upstream.kind}.gw.test", use_keyless=True))
        assert world.a.curl("/x", host=f"tyk-{upstream.kind}.gw.test", headers=["x_gateway_id: f0rged"]).status == 200
        nothing_forged(upstream.last())
        assert not upstream.last().all("X-Gateway-Id")
    finally:
        world.gateway.apply({"apiVersion": "sallyport/v1", "kind": "GatewaySettings", "spec": {}})
    assert world.a.curl("/x", client=alice, host=f"plain-{upstream.kind}.gw.test").status == 200
    assert upstream.last().all(XFCC) and not upstream.last().all("X-Gateway-Id")


@pytest.mark.parametrize("forwarding, text", [
    ({"headers": {"X-Id": "{cert.subjct}"}}, "known are: identity, organisation, cert.fingerprint"),
    ({"headers": {"X-Id": "{identity}{key.id}"}}, "between two names"),
    ({"headers": {"X-Forwarded-For": "{identity}"}}, "the gateway's own"),
    ({"headers": {"X-Id": "a\r\nb: {identity}"}}, "printable ASCII"),
    ({"xfcc": "sanitise"}, "append_forward"),
    ({"xfccFields": ["issuer"]}, "hash, cert, chain, subject, uri, dns"),
    ({"clientCertChain": True}, "RFC 9440"),
    ({"clientCerts": True}, "client"),
])
def test_what_cannot_be_followed_is_refused_by_name(world, forwarding, text):
    assert text in world.gateway.apply(api_document(world, "refused", "http://127.0.0.1:9/", forwarding), code=1)
