"""Tyk OAS definitions (x-tyk-api-gateway) by /tyk/apis/oas and by apply, through to the data plane."""

import json

import pytest

from gateway import oas


def call(world, api_id, **more):
    return world.a.curl("/x", host=f"{api_id}.gw.test", **more)


def test_life_through_the_data_plane(world):
    origin = world.tls_origin("oas-life", client_ca=None)
    definition = oas("oas-life", f"https://localhost:{origin.port}/")
    world.gateway.add_oas(definition)
    assert call(world, "oas-life").status == 200, "no authentication means keyless"
    assert world.gateway.rest("GET", "/tyk/apis/oas/oas-life").json() == definition
    public = world.gateway.rest("GET", "/tyk/apis/oas/oas-life/export?mode=public")
    assert "x-tyk-api-gateway" not in public.json() and "attachment" in public.headers["content-disposition"]
    definition["x-tyk-api-gateway"]["info"]["state"]["active"] = False
    assert world.gateway.rest("PUT", "/tyk/apis/oas/oas-life", definition).json()["action"] == "modified"
    world.gateway.settle()
    assert call(world, "oas-life").status == 404
    assert world.gateway.rest("DELETE", "/tyk/apis/oas/oas-life").json()["action"] == "deleted"
    assert world.gateway.rest("GET", "/tyk/apis/oas/oas-life").status_code == 404


def test_allowlist(world):
    origin = world.tls_origin("oas-allow", client_ca=None)
    listed, other = world.client("oas listed"), world.client("oas other")
    certificate_id = world.gateway.add_certificate(listed.pem)
    world.gateway.add_oas(oas("oas-allow", f"https://localhost:{origin.port}/",
                   server={"clientCertificates": {"enabled": True, "allowlist": [certificate_id]}}))
    assert call(world, "oas-allow", client=listed).status == 200
    refused = call(world, "oas-allow", client=other)
    assert (refused.status, refused.message) == (403, f"Certificate with SHA256 {other.fingerprint} not allowed")
    assert call(world, "oas-allow").message == "Client TLS certificate is required"


def test_the_certificate_is_the_credential(world):
    origin = world.tls_origin("oas-dynamic", client_ca=None)
    known, stranger = world.client("oas known"), world.client("oas stranger")
    certificate_id = world.gateway.add_certificate(known.pem)
    world.gateway.add_oas(oas("oas-dynamic", f"https://localhost:{origin.port}/", server={"authentication": {
        "enabled": True, "securitySchemes": {"authToken": {
            "enabled": True, "enableClientCertificate": True, "header": {"enabled": True, "name": "Authorization"}}}}}))
    world.gateway.create_key({"org_id": "default", "certificate": certificate_id, "access_rights": {
        "oas-dynamic": {"api_id": "oas-dynamic", "api_name": "oas-dynamic", "versions": ["Default"]}}})
    world.gateway.settle()
    assert call(world, "oas-dynamic", client=known).status == 200
    assert call(world, "oas-dynamic", client=stranger).status == 401
    assert call(world, "oas-dynamic", headers=[f"Authorization: {certificate_id}"]).status == 401


def test_upstream_certificate_and_pins(world):
    origin = world.tls_origin("oas-up", client_ca=world.client_ca)
    pair = world.client("oas upstream")
    certificate_id = world.gateway.add_certificate(pair.pem + pair.key_pem)
    wrong_pin = world.gateway.add_certificate(world.client("oas wrong pin").public_key_pem)
    upstream = {"mutualTLS": {"enabled": True, "domainToCertificateMapping": [
        {"domain": f"localhost:{origin.port}", "certificate": certificate_id}]}}
    definition = oas("oas-up", f"https://localhost:{origin.port}/", upstream=upstream)
    world.gateway.add_oas(definition)
    assert call(world, "oas-up").status == 200
    assert origin.last().peer == pair.der
    definition["x-tyk-api-gateway"]["upstream"]["certificatePinning"] = {
        "enabled": True, "domainToPublicKeysMapping": [{"domain": "*", "publicKeys": [wrong_pin]}]}
    assert world.gateway.rest("PUT", "/tyk/apis/oas/oas-up", definition).status_code == 200
    world.gateway.settle()
    assert call(world, "oas-up").status == 500


@pytest.mark.parametrize("part, value, path, word", [
    ("upstream", {"mutualTLS": {"enabled": True, "domainToCertificateMapping": [
        {"domain": "https://api.example", "certificate": "x"}]}},
     "x-tyk-api-gateway.upstream.mutualTLS.domainToCertificateMapping[0].domain", "Does not match pattern"),
    ("server", {"authentication": {"enabled": True}}, "x-tyk-api-gateway.server.authentication.enabled",
     "no security scheme"),
    ("server", {"clientCertificate": {"enabled": True}}, "x-tyk-api-gateway.server.clientCertificate",
     "did you mean"),
    ("upstream", {"authentication": {"enabled": True}}, "x-tyk-api-gateway.upstream.authentication",
     "basicAuth is not on"),
    ("upstream", {"authentication": {"enabled": True, "oauth": {"enabled": True}}},
     "x-tyk-api-gateway.upstream.authentication.oauth", "not fetched here"),
])
def test_what_is_refused_is_named_by_path(world, part, value, path, word):
    answer = world.gateway.rest("POST", "/tyk/apis/oas", oas("oas-bad", "https://localhost:1/", **{part: value}))
    assert answer.status_code == 400
    message = answer.json()["message"]
    assert message.startswith("Validation of API Definition failed. Reason: ") and path in message and word in message
    assert world.gateway.rest("GET", "/tyk/apis/oas/oas-bad").status_code == 404


def test_insecure_skip_verify_is_refused_at_the_place_that_tyks_page_names(world):
    definition = oas("oas-insecure", "https://localhost:1/")
    definition["x-tyk-api-gateway"]["proxy"] = {"transport": {"insecureSkipVerify": True}}
    message = world.gateway.rest("POST", "/tyk/apis/oas", definition).json()["message"]
    assert "x-tyk-api-gateway.upstream.tlsTransport.insecureSkipVerify" in message
    del definition["x-tyk-api-gateway"]["proxy"]
    definition["x-tyk-api-gateway"]["upstream"]["tlsTransport"] = {"insecureSkipVerify": True}
    answer = world.gateway.rest("POST", "/tyk/apis/oas", definition)
    assert answer.status_code == 200 and "INSECURE" in answer.headers["x-sallyport-warning"]
    world.gateway.rest("DELETE", "/tyk/apis/oas/oas-insecure")


def test_by_apply(world, tmp_path):
    origin = world.tls_origin("oas-apply", client_ca=None)
    file = tmp_path / "petstore.json"
    file.write_text(json.dumps(oas("oas-apply", f"https://localhost:{origin.port}/")))
    done = world.gateway.run_ctl("apply", "-f", str(file))
    assert done.returncode == 0 and "Api/oas-apply created" in done.stdout, done
    world.gateway.settle()
    assert call(world, "oas-apply").status == 200
    assert "Api/oas-apply unchanged" in world.gateway.run_ctl("apply", "-f", str(file)).stdout
