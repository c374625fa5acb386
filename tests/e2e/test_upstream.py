"""Upstream mTLS: which certificate and which pins for which host (seeds: upstream mTLS; DESIGN 7)."""

import concurrent.futures

import pytest

from gateway import classic, wait_for


def api(world, name, target, **more):
    world.gateway.add_api(classic(name, target, domain=f"{name}.gw.test", use_keyless=True, **more))


def call(world, name, path="/x"):
    return world.a.curl(path, host=f"{name}.gw.test")


def stored(world, name):
    pair = world.client(name)
    return pair, world.gateway.add_certificate(pair.pem + pair.key_pem)


def test_the_mapped_certificate_is_presented_to_its_host(world):
    origin = world.tls_origin("up-exact", client_ca=world.client_ca)
    pair, certificate_id = stored(world, "for exact")
    api(world, "up-exact", f"https://localhost:{origin.port}/",
        upstream_certificates={f"localhost:{origin.port}": certificate_id})
    answer = call(world, "up-exact")
    assert answer.status == 200, answer
    assert origin.last().peer == pair.der


@pytest.mark.parametrize("keys", [
    ["*", "localhost", "localhost:{port}"],
    ["*", "localhost"],
    ["*"],
])
def test_the_most_specific_entry_wins(world, keys):
    name = f"specific-{len(keys)}"
    origin = world.tls_origin(name, client_ca=world.client_ca)
    entries = {}
    for key in keys:
        pair, certificate_id = stored(world, f"{name} {len(entries)}")
        entries[key.format(port=origin.port)] = certificate_id
    api(world, name, f"https://localhost:{origin.port}/", upstream_certificates=entries)
    assert call(world, name).status == 200
    assert origin.last().peer == pair.der, "the last of the list is the most specific one"


def test_without_a_certificate_the_upstream_refuses_and_the_caller_sees_no_detail(world):
    origin = world.tls_origin("up-none", client_ca=world.client_ca)
    api(world, "up-none", f"https://localhost:{origin.port}/")
    answer = call(world, "up-none")
    assert (answer.status, answer.message) == (500, "There was a problem proxying the request")


def test_a_certificate_that_is_not_there_fails_closed(world):
    origin = world.tls_origin("up-pending")
    absent = world.client("absent")
    api(world, "up-pending", f"https://localhost:{origin.port}/",
        upstream_certificates={"*": f"default{absent.fingerprint}"})
    assert call(world, "up-pending").status == 500
    assert origin.requests == [], "never without the certificate"
    world.gateway.add_certificate(absent.pem + absent.key_pem)
    world.gateway.settle()
    assert call(world, "up-pending").status == 200
    assert len(origin.requests) == 1


def test_a_certificate_without_its_key_fails_closed(world):
    origin = world.tls_origin("up-keyless")
    pair = world.client("no key")
    api(world, "up-keyless", f"https://localhost:{origin.port}/",
        upstream_certificates={"*": world.gateway.add_certificate(pair.pem)})
    assert call(world, "up-keyless").status == 500 and origin.requests == []


def test_a_disabled_map_is_not_used(world):
    origin = world.tls_origin("up-disabled")
    _, certificate_id = stored(world, "disabled")
    api(world, "up-disabled", f"https://localhost:{origin.port}/", upstream_certificates={"*": certificate_id},
        upstream_certificates_disabled=True)
    assert call(world, "up-disabled").status == 200
    assert origin.last().peer is None


@pytest.mark.parametrize("how", ["self-signed", "expired", "wrong-name"])
def test_an_upstream_that_does_not_verify_is_refused(world, how):
    name = f"up-{how}"
    pair = {"self-signed": lambda: world.pki.self_signed(name, sans=["localhost"]),
            "expired": lambda: world.pki.issue(name, world.upstream_ca, sans=["localhost"], days=(-9, -1)),
            "wrong-name": lambda: world.pki.issue(name, world.upstream_ca, sans=["elsewhere.gw.test"])}[how]()
    origin = world.origin(name, pair=pair)
    api(world, name, f"https://localhost:{origin.port}/")
    assert call(world, name).status == 500 and origin.requests == []
    skipping = classic(name, f"https://localhost:{origin.port}/", domain=f"{name}.gw.test", use_keyless=True)
    skipping["proxy"]["transport"] = {"ssl_insecure_skip_verify": True}
    world.gateway.update_api(skipping)
    assert call(world, name).status == 200


def pins(world, pair):
    return world.gateway.add_certificate(pair.public_key_pem)


def test_a_pinned_leaf_key_stands_in_for_the_ca(world):
    pair = world.pki.self_signed("pinned", sans=["localhost"])
    origin = world.origin("pinned", pair=pair)
    api(world, "pinned", f"https://localhost:{origin.port}/", pinned_public_keys={"localhost": pins(world, pair)})
    assert call(world, "pinned").status == 200


def test_a_pin_never_stands_in_for_expiry(world):
    pair = world.pki.self_signed("pinned-old", sans=["localhost"], days=(-9, -1))
    origin = world.origin("pinned-old", pair=pair)
    api(world, "pinned-old", f"https://localhost:{origin.port}/", pinned_public_keys={"*": pins(world, pair)})
    assert call(world, "pinned-old").status == 500 and origin.requests == []


def test_a_pin_mismatch_is_refused_although_the_ca_is_trusted(world):
    origin = world.tls_origin("mispinned")
    other = world.pki.self_signed("other key")
    api(world, "mispinned", f"https://localhost:{origin.port}/", pinned_public_keys={"localhost": pins(world, other)})
    assert call(world, "mispinned").status == 500 and origin.requests == []
    wait_for(lambda: world.a.metric("sallyport_upstream_tls_failures_total", reason="UPSTREAM_PIN_MISMATCH") > 0, "counted")
    wait_for(lambda: "UPSTREAM_PIN_MISMATCH" in (world.gateway.directory / "replica-0.access.log").read_text(), "and logged")


def test_an_upstream_that_appends_the_pinned_certificate_is_refused(world):
    pinned = world.pki.self_signed("really pinned", sans=["localhost"])
    attacker = world.pki.self_signed("attacker upstream", sans=["localhost"])
    chain = world.pki.directory / "attacker-upstream.pem"
    chain.write_bytes(attacker.pem + pinned.pem)
    origin = world.origin("appended", pair=attacker, chain=chain)
    api(world, "appended", f"https://localhost:{origin.port}/", pinned_public_keys={"*": pins(world, pinned)})
    assert call(world, "appended").status == 500 and origin.requests == []


def test_several_pins_with_blanks_and_an_unpinned_host_keeps_the_normal_checks(world):
    origin = world.tls_origin("two pins")
    one, two = world.pki.self_signed("pin one"), None
    del two
    stranger = world.pki.self_signed("unpinned", sans=["localhost"])
    other = world.origin("unpinned", pair=stranger)
    from cryptography.hazmat.primitives import serialization
    import ssl
    from cryptography import x509
    served = x509.load_pem_x509_certificate(ssl.get_server_certificate(("127.0.0.1", origin.port)).encode())
    public = served.public_key().public_bytes(serialization.Encoding.PEM,
                                              serialization.PublicFormat.SubjectPublicKeyInfo)
    both = f"{pins(world, one)} , {world.gateway.add_certificate(public)}"
    api(world, "two-pins", f"https://127.0.0.1:{origin.port}/", pinned_public_keys={"127.0.0.1": both})
    assert call(world, "two-pins").status == 200
    api(world, "unpinned", f"https://localhost:{other.port}/", pinned_public_keys={"127.0.0.1": both})
    assert call(world, "unpinned").status == 500 and other.requests == []


def test_two_hosts_of_one_api_never_see_the_others_certificate(world):
    origins, expected = [], {}
    for number in range(2):
        origin = world.tls_origin(f"mixed-{number}", client_ca=world.client_ca)
        pair, certificate_id = stored(world, f"mixed {number}")
        origins.append(origin)
        expected[origin.port] = (pair.der, certificate_id)
    definition = classic("mixed", origins[0].url, domain="mixed.gw.test", use_keyless=True,
                         upstream_certificates={f"localhost:{port}": entry[1] for port, entry in expected.items()})
    definition["proxy"].update(enable_load_balancing=True,
                               target_list=[f"https://localhost:{origin.port}/" for origin in origins])
    world.gateway.add_api(definition)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: call(world, "mixed").status, range(120)))
    assert answers == [200] * 120
    for origin in origins:
        assert len(origin.requests) >= 20
        assert {request.peer for request in origin.requests} == {expected[origin.port][0]}


@pytest.mark.parametrize("key", ["https://api.example.com", "api.example.com/path", "api-*.example.com", "**", "a b"])
def test_a_domain_key_that_can_never_match_is_refused(world, key):
    _, certificate_id = stored(world, f"domain {key!r}"[:30].replace("/", "_"))
    answer = world.gateway.rest("POST", "/tyk/apis", classic(
        "bad-domain", "https://api.example.com/", domain="bad.gw.test", use_keyless=True,
        upstream_certificates={key: certificate_id}))
    assert answer.status_code == 400, answer.text
    assert "upstream_certificates" in answer.text


def test_nothing_listening_and_unknown_names(world):
    from origins import free_port
    api(world, "closed", f"http://127.0.0.1:{free_port()}/")
    assert call(world, "closed").status == 500
    api(world, "nowhere", "http://no-such-host.invalid/")
    assert call(world, "nowhere").status == 500
