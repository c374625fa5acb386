"""Static client mTLS: the API lists the certificates or CAs that it accepts (reference tyk.md 4)."""

import subprocess

import pytest

from gateway import DEADLINE, classic, session
from pki import CLIENT, SERVER


def static_api(world, name, allowlist, **more):
    origin = world.origin(name)
    world.gateway.add_api(classic(name, origin.url, domain=f"{name}.gw.test", use_keyless=True,
                                  use_mutual_tls_auth=True, client_certificates=allowlist, **more))
    return origin


def call(world, name, client=None, **more):
    return world.a.curl("/x", client=client, host=f"{name}.gw.test", **more)


@pytest.fixture(scope="module")
def listed(world):
    leaf = world.client("listed")
    origin = static_api(world, "leaf", [world.gateway.add_certificate(leaf.pem)])
    return leaf, origin


def test_the_listed_leaf_is_accepted(world, listed):
    assert call(world, "leaf", listed[0]).status == 200


def test_nothing_sent(world, listed):
    answer = call(world, "leaf")
    assert (answer.status, answer.message) == (403, "Client TLS certificate is required")


def test_another_leaf_of_the_same_ca(world, listed):
    other = world.client("other")
    answer = call(world, "leaf", other)
    assert (answer.status, answer.message) == (403, f"Certificate with SHA256 {other.fingerprint} not allowed")


def test_own_leaf_with_the_listed_certificate_appended(world, listed):
    attacker = world.client("attacker")
    chain = world.pki.directory / "attacker-listed.pem"
    chain.write_bytes(attacker.pem + listed[0].pem)
    before = len(listed[1].requests)
    assert call(world, "leaf", attacker, chain=chain).status == 403
    assert len(listed[1].requests) == before


@pytest.fixture(scope="module")
def client_ca_id(world):
    return world.gateway.add_certificate(world.client_ca.pem)


def test_a_ca_entry_admits_a_client_auth_leaf_that_sends_no_ca(world, client_ca_id):
    static_api(world, "ca", [client_ca_id])
    assert call(world, "ca", world.client("under-ca")).status == 200


def test_a_ca_entry_walks_the_chain(world):
    root = world.pki.issue("Deep root", ca=True)
    middle = world.pki.issue("Deep middle", root, ca=True)
    leaf = world.client("deep", middle)
    static_api(world, "deep", [world.gateway.add_certificate(root.pem)])
    assert call(world, "deep", leaf, chain=leaf.chain).status == 200
    assert call(world, "deep", leaf).status == 403, "the intermediate is neither sent nor stored"


@pytest.mark.parametrize("name, make", [
    ("expired", lambda w: w.client("expired", days=(-10, -1))),
    ("not-yet-valid", lambda w: w.client("not yet", days=(1, 10))),
    ("server-only", lambda w: w.pki.issue("server only", w.client_ca, usages=[SERVER])),
    ("foreign", lambda w: w.client("foreign", w.pki.issue("Client CA", ca=True))),
    ("no-ca-issuer", lambda w: w.client("by leaf", w.client("a leaf"))),
])
def test_under_a_ca_entry_these_are_refused(world, client_ca_id, name, make):
    api = f"ca-{name}"
    static_api(world, api, [client_ca_id])
    assert call(world, api, world.client(f"good {name}")).status == 200
    leaf = make(world)
    assert call(world, api, leaf).status == 403
    assert call(world, api, leaf, chain=leaf.chain).status == 403


def test_a_stored_chain_is_matched_by_its_leaf(world):
    leaf = world.client("chained")
    certificate_id = world.gateway.add_certificate(leaf.chain.read_bytes())
    assert certificate_id == f"default{leaf.fingerprint}"
    static_api(world, "chain", [certificate_id])
    assert call(world, "chain", leaf).status == 200
    other = world.client("same ca")
    assert call(world, "chain", other, chain=other.chain).status == 403, "the CA further down is no entry"


def test_an_unlisted_reference_is_pending_and_fails_closed_until_it_comes(world):
    leaf = world.client("late")
    static_api(world, "late", [f"default{leaf.fingerprint}"])
    assert call(world, "late", leaf).status == 403
    world.gateway.add_certificate(leaf.pem)
    world.gateway.settle()
    assert call(world, "late", leaf).status == 200


def test_an_allowlist_that_is_on_and_empty_is_refused(world):
    answer = world.gateway.rest("POST", "/tyk/apis", classic("empty", "http://127.0.0.1:1", domain="empty.gw.test",
                                                             use_keyless=True, use_mutual_tls_auth=True))
    assert answer.status_code == 400 and "no certificate is listed" in answer.text


def test_an_ignored_path_skips_the_token_never_the_certificate(world):
    leaf = world.client("ignored path")
    origin = world.origin("ignored")
    world.gateway.add_api(classic(
        "ignored", origin.url, domain="ignored.gw.test", use_standard_auth=True, use_mutual_tls_auth=True,
        client_certificates=[world.gateway.add_certificate(leaf.pem)],
        auth_configs={"authToken": {"auth_header_name": "Authorization"}},
        version_data={"not_versioned": True, "versions": {"Default": {
            "name": "Default", "use_extended_paths": True,
            "extended_paths": {"ignored": [{"path": "/health", "method_actions": {"GET": {
                "action": "no_action", "code": 200, "headers": {}}}}]}}}}))
    assert world.a.curl("/health", client=leaf, host="ignored.gw.test").status == 200
    assert world.a.curl("/health", host="ignored.gw.test").status == 403
    assert world.a.curl("/other", client=leaf, host="ignored.gw.test").status == 401


def test_static_and_token_must_both_pass_and_bindings_hold(world):
    bound, other = world.client("bound"), world.client("unbound")
    ids = [world.gateway.add_certificate(pair.pem) for pair in (bound, other)]
    origin = world.origin("binding")
    world.gateway.add_api(classic("binding", origin.url, domain="binding.gw.test", use_standard_auth=True,
                                  use_mutual_tls_auth=True, client_certificates=ids,
                                  auth_configs={"authToken": {"auth_header_name": "Authorization"}}))
    key = world.gateway.create_key(session("binding", mtls_static_certificate_bindings=[ids[0]]))["key"]
    world.gateway.settle()
    token = [f"Authorization: {key}"]
    assert call(world, "binding", bound, headers=token).status == 200
    assert call(world, "binding", bound, headers=["Authorization: Bearer " + key]).status == 200
    assert call(world, "binding", bound).status == 401
    assert call(world, "binding", bound, headers=["Authorization: wrong"]).status == 403
    assert call(world, "binding", headers=token).status == 403
    answer = call(world, "binding", other, headers=token)
    assert (answer.status, answer.message) == (401, "Access to this API has been disallowed")


def test_host_that_needs_other_client_tls_settings_than_the_sni_is_misdirected(world, listed):
    origin = world.origin("open")
    world.gateway.add_api(classic("open", origin.url, domain="open.gw.test", use_keyless=True))
    assert world.a.curl("/x", host="open.gw.test").status == 200
    assert world.a.curl("/x", client=listed[0], host="leaf.gw.test", sni="open.gw.test").status == 421


def test_a_client_is_not_asked_for_a_certificate_where_no_api_can_use_one(world, listed):
    origin = world.origin("browser")
    world.gateway.add_api(classic("browser", origin.url, domain="browser.gw.test", use_keyless=True))
    asked = {}
    for name in ("browser.gw.test", "leaf.gw.test"):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{world.a.port}", "-servername", name],
                              input=b"", capture_output=True, timeout=DEADLINE)
        asked[name] = b"Requested Signature Algorithms" in done.stdout
        assert b"Acceptable client certificate CA names" not in done.stdout
    assert asked == {"browser.gw.test": False, "leaf.gw.test": True}


def test_tls_1_2_client_certificates_are_judged_alike(world, listed):
    leaf, origin = listed
    old = ["--tls-max", "1.2"]
    assert call(world, "leaf", leaf, options=old).status == 200
    before, stranger = len(origin.requests), world.client("stranger in TLS 1.2")
    assert call(world, "leaf", options=old).status == 403
    answer = call(world, "leaf", stranger, options=old)
    assert (answer.status, answer.message) == (403, f"Certificate with SHA256 {stranger.fingerprint} not allowed")
    both = world.pki.directory / "stranger-and-listed.pem"
    both.write_bytes(stranger.pem + leaf.pem)
    assert call(world, "leaf", stranger, chain=both, options=old).status == 403
    assert len(origin.requests) == before
    done = subprocess.run(["openssl", "s_client", "-tls1_2", "-connect", f"127.0.0.1:{world.a.port}", "-servername", "leaf.gw.test"],
                          input=b"", capture_output=True, timeout=DEADLINE)
    assert b"Protocol  : TLSv1.2" in done.stdout and b"Client Certificate Types" in done.stdout, done.stdout
    for version in ("-tls1", "-tls1_1"):
        done = subprocess.run(["openssl", "s_client", version, "-cipher", "ALL:@SECLEVEL=0", "-connect", f"127.0.0.1:{world.a.port}",
                               "-servername", "leaf.gw.test"], input=b"", capture_output=True, timeout=DEADLINE)
        assert b"alert protocol version" in done.stderr, done.stderr


@pytest.mark.parametrize("order", [("static", "dynamic"), ("dynamic", "static")])
def test_q9_the_order_of_definitions_on_one_domain_decides_nothing(world, order):
    """A static and a dynamic API behind one SNI, defined in both orders (reference tyk.md Q9)."""
    name = "-then-".join(order)
    host, listed_leaf, caller = f"{name}.gw.test", world.client("listed"), world.pki.self_signed("dynamic caller")
    certificate_id = world.gateway.add_certificate(listed_leaf.pem)
    origin = world.origin(name)
    settings = {"static": {"use_keyless": True, "use_mutual_tls_auth": True, "client_certificates": [certificate_id]},
                "dynamic": {"auth_configs": {"authToken": {"use_certificate": True}}}}
    for kind in order:
        world.gateway.add_api(classic(f"{name}-{kind}", origin.url, f"/{kind}/", domain=host, **settings[kind]))
    world.gateway.create_key(session(f"{name}-dynamic", world.gateway.add_certificate(caller.pem)))
    world.gateway.settle()
    got = {(path, who): world.a.curl(f"/{path}/x", client=pair, host=host, options=options).status
           for path in ("static", "dynamic") for who, pair in (("listed", listed_leaf), ("caller", caller), ("nobody", None))
           for options in ([], ["--tls-max", "1.2"])}
    assert got == {("static", "listed"): 200, ("static", "caller"): 403, ("static", "nobody"): 403,
                   ("dynamic", "listed"): 401, ("dynamic", "caller"): 200, ("dynamic", "nobody"): 401}
    assert len(origin.requests) == 4, "each success twice: TLS 1.3 and 1.2"


def test_resumed_connections_are_decided_again(world):
    leaf = world.client("resumed")
    certificate_id = world.gateway.add_certificate(leaf.pem)
    static_api(world, "resumed", [certificate_id])
    ticket = world.pki.directory / "ticket"

    def s_client(*more):
        request = b"GET /x HTTP/1.1\r\nHost: resumed.gw.test\r\nConnection: close\r\n\r\n"
        return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{world.a.port}", "-servername", "resumed.gw.test",
                               "-cert", leaf.cert, "-key", leaf.key, "-ign_eof", *more], input=request,
                              capture_output=True, timeout=DEADLINE).stdout
    first = s_client("-sess_out", str(ticket))
    assert b"HTTP/1.1 200" in first and ticket.exists()
    again = s_client("-sess_in", str(ticket))
    assert b"Reused, TLSv1.3" in again and b"HTTP/1.1 200" in again
    # Another entry keeps the allowlist from being empty.
    keep = world.gateway.add_certificate(world.client("kept").pem)
    world.gateway.update_api(classic("resumed", world.origin("resumed2").url, domain="resumed.gw.test", use_keyless=True,
                                     use_mutual_tls_auth=True, client_certificates=[keep]))
    after = s_client("-sess_in", str(ticket))
    assert b"HTTP/1.1 403" in after


def test_the_gateways_allowlist_counts_for_every_static_api(world, tmp_path):
    assert CLIENT
    everywhere = world.client("everywhere")
    certificate_id = world.gateway.add_certificate(everywhere.pem)
    static_api(world, "own-list", [world.gateway.add_certificate(world.client("own").pem)])
    assert call(world, "own-list", everywhere).status == 403

    def apply(allowlist):
        settings = tmp_path / "settings.yaml"
        settings.write_text(f"apiVersion: sallyport/v1\nkind: GatewaySettings\nid: gateway\nclient_allowlist:{allowlist}\n")
        done = world.gateway.run_ctl("apply", "-f", str(settings))
        assert done.returncode == 0, done.stdout + done.stderr
        world.gateway.settle()
    apply(f"\n- certificate_id: {certificate_id}")
    try:
        assert call(world, "own-list", everywhere).status == 200
    finally:
        apply(" []")
    assert call(world, "own-list", everywhere).status == 403
