"""Regex domains of Tyk definitions, `{?:a|b}`, for routing and for client TLS (reference tyk.md Q29)."""

import subprocess

import pytest

from gateway import DEADLINE, classic, session
from raw import Connection


@pytest.fixture(scope="module")
def listed(world):
    leaf = world.client("on a regex domain")
    origin = world.origin("regex")
    world.gateway.add_api(classic("regex", origin.url, domain="{?:eu|us}-west.gw.test", use_keyless=True,
                                  use_mutual_tls_auth=True, client_certificates=[world.gateway.add_certificate(leaf.pem)]))
    return leaf, origin


def asked(world, name):
    """Whether a handshake with this SNI asks for a client certificate."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{world.a.port}", "-servername", name],
                          input=b"", capture_output=True, timeout=DEADLINE)
    assert b"CONNECTED" in done.stdout and b"Cipher is" in done.stdout, done.stderr
    return b"Requested Signature Algorithms" in done.stdout


@pytest.mark.parametrize("name", ["eu-west.gw.test", "us-west.gw.test", "US-West.gw.test"])
def test_q29_static_mtls_on_a_regex_domain(world, listed, name):
    leaf, origin = listed
    assert asked(world, name), "the handshake asks for a certificate, and does not fail for want of a CA"
    assert world.a.curl("/x", client=leaf, host=name).status == 200
    before = len(origin.requests)
    assert world.a.curl("/x", host=name).status == 403
    assert world.a.curl("/x", client=world.client("another"), host=name).status == 403
    assert len(origin.requests) == before


@pytest.mark.parametrize("name", ["as-west.gw.test", "eu-west.gw.test.gw.test", "xeu-west.gw.test", "eu-westxgw.test"])
def test_a_name_that_the_expression_does_not_match_whole(world, listed, name):
    leaf, origin = listed
    before = len(origin.requests)
    assert world.a.curl("/x", client=leaf, host=name, options=["-k"]).status == 404
    assert not asked(world, name)
    assert len(origin.requests) == before


def test_the_host_of_a_regex_domain_needs_the_handshake_of_one(world, listed):
    world.gateway.add_api(classic("regex-open", world.origin("regex-open").url, domain="regex-open.gw.test", use_keyless=True))
    leaf, origin = listed
    before = len(origin.requests)
    assert world.a.curl("/x", client=leaf, host="eu-west.gw.test", sni="regex-open.gw.test").status == 421
    assert len(origin.requests) == before
    with Connection(world.a, "eu-west.gw.test", leaf) as client:
        client.host = "us-west.gw.test"
        assert client.get()[0] == 200, "two names of one expression have the same settings"


def test_a_dynamic_api_on_a_regex_domain(world):
    world.gateway.add_api(classic("regex-dyn", world.origin("regex-dyn").url, domain="{sub:[a-c]}.dyn.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}))
    pair = world.pki.self_signed("dynamic on a regex domain")
    world.gateway.create_key(session("regex-dyn", world.gateway.add_certificate(pair.pem)))
    world.gateway.settle()
    for name, status in (("b.dyn.gw.test", 200), ("d.dyn.gw.test", 404)):
        assert world.a.curl("/x", client=pair, host=name, options=["-k"]).status == status, name
    assert world.a.curl("/x", host="b.dyn.gw.test", options=["-k"]).status == 401


@pytest.mark.parametrize("domain", ["{?:(}.gw.test", "{?:a|b", "{?:}.gw.test", "{}.gw.test", "{:a}.gw.test"])
def test_one_that_is_no_expression_is_refused(world, domain):
    answer = world.gateway.rest("POST", "/tyk/apis", classic("bad-regex", "http://127.0.0.1:1", domain=domain, use_keyless=True))
    assert answer.status_code == 400 and "domain" in answer.text, answer.text
