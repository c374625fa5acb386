"""Fields of Tyk's definitions and of tyk.conf about TLS on both sides, one by one through the data plane."""

import json
import ssl

import pytest

from gateway import classic, oas, session, wait_for
from pki import SERVER
from shell import shell


def conf(world, settings, code=0, settle=True):
    done = world.gateway.run_ctl("apply", "--as", "tyk-gateway", "-f", "-", stdin=json.dumps(settings))
    assert done.returncode == code, done.stdout + done.stderr
    if code == 0 and settle:
        world.gateway.settle()
    return done.stdout + done.stderr


def call(world, api_id, **more):
    return world.a.curl("/x", host=f"{api_id}.gw.test", **more)


# --- OAS: server

def test_a_custom_domain_brings_its_certificate(world):
    own = world.pki.issue("own name", world.client_ca, usages=[SERVER], sans=["own.custom.test"])
    served = world.gateway.add_certificate(own.pem + own.key_pem)
    world.gateway.add_oas(oas("custom", world.origin("custom").url, server={
        "customDomain": {"enabled": True, "name": "own.custom.test", "certificates": [served]}}))
    shown = shell(world.gateway.directory, f"openssl s_client -connect 127.0.0.1:{world.a.port} -servername own.custom.test "
                                           "</dev/null 2>/dev/null | openssl x509 -noout -subject")
    assert "own name" in shown


@pytest.mark.parametrize("schemes", [{}, {"securitySchemes": {"authToken": {
    "enabled": True, "enableClientCertificate": False, "header": {"enabled": True, "name": "Authorization"}}}}])
def test_certificate_auth(world, schemes):
    """It holds with an auth token beside it and without one, whatever the token's own switch says."""
    name = f"cert-auth-{len(schemes)}"
    known = world.client(name)
    certificate_id = world.gateway.add_certificate(known.pem)
    world.gateway.add_oas(oas(name, world.origin(name).url,
                              server={"authentication": {"enabled": True, "certificateAuth": {"enabled": True}, **schemes}}))
    world.gateway.create_key(session(name, certificate_id))
    world.gateway.settle()
    assert call(world, name, client=known).status == 200
    assert call(world, name, client=world.client("unknown")).status == 401 and call(world, name).status == 401


# --- OAS: upstream

def test_targets_by_weight_and_a_rate(world):
    first, second = world.origin("heavy"), world.origin("none of it")
    definition = oas("balanced", first.url, upstream={
        "loadBalancing": {"enabled": True, "targets": [{"url": first.url, "weight": 1}, {"url": second.url, "weight": 0}]},
        "rateLimit": {"enabled": True, "rate": 2, "per": "1m"}})
    del definition["x-tyk-api-gateway"]["upstream"]["url"]
    world.gateway.add_oas(definition)
    assert [call(world, "balanced").status for _ in range(3)] == [200, 200, 429]
    assert len(first.requests) == 2 and second.requests == []


def test_the_host_of_the_caller_is_kept_where_it_says_so(world):
    origin = world.origin("host")
    for number, enabled in enumerate((True, False)):
        world.gateway.add_oas(oas(f"host-{number}", origin.url, upstream={"preserveHostHeader": {"enabled": enabled}}))
        assert call(world, f"host-{number}").status == 200
        assert (origin.last().one("host") == f"host-{number}.gw.test") == enabled


def old_origin(world, name, version):
    """An upstream that speaks nothing newer."""
    origin = world.tls_origin(name)
    origin.context.set_ciphers("ALL:@SECLEVEL=0")
    origin.context.minimum_version = ssl.TLSVersion.TLSv1
    origin.context.maximum_version = version
    return origin


def test_old_tls_is_spoken_with_upstreams_that_an_api_says_so_of(world):
    old, new = old_origin(world, "tls 1.1", ssl.TLSVersion.TLSv1_1), world.tls_origin("tls 1.3")

    def put(transport, url, method="PUT", path="/old-tls"):
        answer = world.gateway.rest(method, f"/tyk/apis/oas{path}", oas("old-tls", url, upstream={"tlsTransport": transport}))
        world.gateway.settle()
        return answer
    at_old = f"https://localhost:{old.port}"
    assert put({}, at_old, "POST", "").status_code == 200
    assert call(world, "old-tls").status == 500
    loud = put({"minVersion": "1.0"}, at_old)
    assert "INSECURE: TLS 1.0" in loud.headers["x-sallyport-warning"]
    assert call(world, "old-tls").status == 200 and len(old.requests) == 1
    assert world.a.lines("upstream_tls.old_versions"), "the log says it, too"
    assert "TLS 1.0 or 1.1" in world.gateway.run_ctl("doctor").stdout
    put({"minVersion": "1.0"}, f"https://localhost:{new.port}")
    assert call(world, "old-tls").status == 200, "the newest that both speak"
    assert put({"maxVersion": "1.1"}, at_old).status_code == 400
    assert put({"minVersion": "1.2"}, at_old).status_code == 200 and call(world, "old-tls").status == 500
    # A certificate of an unknown CA, and one that has expired, are refused as ever.
    stranger = world.origin("old stranger", pair=world.pki.self_signed("stranger", sans=["localhost"]))
    for origin in (stranger, world.origin("old expired", pair=world.pki.issue(
            "expired", world.upstream_ca, usages=[SERVER], sans=["localhost"], days=(-9, -1)))):
        put({"minVersion": "1.0"}, f"https://localhost:{origin.port}")
        assert call(world, "old-tls").status == 500 and origin.requests == []
    said = conf(world, {"proxy_ssl_max_version": 770}, code=1)
    assert "a matter of single APIs" in said


def test_ciphers_that_nobody_knows(world):
    def answer(ciphers):
        return world.gateway.rest("POST", "/tyk/apis", classic("ciphers", "https://localhost:1", use_keyless=True, proxy={
            "listen_path": "/ciphers/", "target_url": "https://localhost:1", "transport": {"ssl_ciphers": ciphers}}))
    assert answer(["NOPE"]).status_code == 400
    some = answer(["NOPE", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"])
    assert some.status_code == 200 and "`NOPE` is not known" in some.headers["x-sallyport-warning"]


# --- tyk.conf

def test_the_control_api_asks_for_a_certificate(world):
    admin, other = world.client("admin"), world.client("no admin")
    allowed = world.gateway.add_certificate(admin.pem)

    def ask(pair=None):
        return world.gateway.rest("GET", "/tyk/apis", cert=pair and (str(pair.cert), str(pair.key)))
    conf(world, {"security": {"control_api_use_mutual_tls": True, "certificates": {"control_api": [allowed]}}}, settle=False)
    try:
        assert ask(admin).status_code == 200
        for pair, message in ((None, "Client TLS certificate is required"),
                              (other, f"Certificate with SHA256 {other.fingerprint} not allowed")):
            refused = ask(pair)
            assert (refused.status_code, refused.json()["message"]) == (403, message)
        wrong = world.gateway.rest("GET", "/tyk/apis", key="wrong", cert=(str(admin.cert), str(admin.key)))
        assert wrong.status_code == 403, "beside the key, not in place of it"
    finally:
        conf(world, {"security": {}})  # by sallyctl, which no allowlist shuts out
    assert ask().status_code == 200
    assert "is empty" in conf(world, {"security": {"control_api_use_mutual_tls": True}}, code=1)


def handshakes(world, option):
    return world.a.curl("/x", host="any.gw.test", options=option.split()).status


def test_versions_of_the_listeners(world):
    assert handshakes(world, "--tls-max 1.2") == 404 and handshakes(world, "--tlsv1.3") == 404
    conf(world, {"http_server_options": {"min_version": 772}})
    try:
        wait_for(lambda: handshakes(world, "--tls-max 1.2") == 0, "TLS 1.2 is spoken no more")
        assert handshakes(world, "--tlsv1.3") == 404
        conf(world, {"http_server_options": {"max_version": 771}})
        wait_for(lambda: handshakes(world, "--tlsv1.3") == 0, "TLS 1.3 is spoken no more")
        assert handshakes(world, "--tls-max 1.2") == 404
    finally:
        conf(world, {"http_server_options": {"min_version": 771}})
    wait_for(lambda: handshakes(world, "--tlsv1.3") == 404, "as it was")


def test_key_pairs_of_the_listeners_by_their_files(world, tmp_path):
    pair = world.pki.issue("by files", world.client_ca, usages=[SERVER], sans=["files.conf.test"])
    (tmp_path / "server.cer").write_bytes(pair.pem)
    (tmp_path / "server.key").write_bytes(pair.key_pem)
    file = tmp_path / "tyk.conf"
    file.write_text(json.dumps({"http_server_options": {"certificates": [
        {"domain_name": "*", "cert_file": "server.cer", "key_file": "server.key"}]}}))
    try:
        done = world.gateway.run_ctl("apply", "-f", str(file))
        assert done.returncode == 0 and "server.key is sent" in done.stderr, done.stdout + done.stderr
        world.gateway.settle()
        shown = shell(tmp_path, f"openssl s_client -connect 127.0.0.1:{world.a.port} -servername files.conf.test </dev/null "
                                "2>/dev/null | openssl x509 -noout -subject")
        assert "by files" in shown
        assert "PRIVATE" not in world.gateway.run_ctl("get", "settings", "gateway", "--original", "-o", "json").stdout
        for spoilt, said in ((b"", "holds no private key"), (world.client("another").key_pem, "does not match")):
            (tmp_path / "server.key").write_bytes(spoilt)
            done = world.gateway.run_ctl("apply", "-f", str(file))
            assert done.returncode == 1 and said in done.stdout + done.stderr, done.stdout + done.stderr
        (tmp_path / "server.key").unlink()
        done = world.gateway.run_ctl("apply", "-f", str(file))
        assert done.returncode == 1 and "certificates[0].key_file" in done.stderr
    finally:
        conf(world, {"http_server_options": {}})
