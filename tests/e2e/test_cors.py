"""Cross-origin requests of browsers."""

import pytest

from gateway import classic

ORIGIN = "https://app.example.test"


@pytest.fixture(scope="module")
def api(world):
    """Needs a client certificate and has CORS on; its upstream has an opinion of its own."""
    def answer(handler, request):
        handler.send_response(200)
        handler.send_header("Content-Length", "2")
        handler.send_header("Access-Control-Allow-Origin", "*")
        handler.send_header("Access-Control-Allow-Credentials", "true")
        handler.send_header("Vary", "Accept")
        handler.end_headers()
        handler.wfile.write(b"ok")
    origin = world.origin("cors", answer=answer)
    pair = world.client("browser")
    certificate_id = world.gateway.add_certificate(pair.pem)
    definition = classic("cors", origin.url, domain="cors.gw.test", use_keyless=True, use_mutual_tls_auth=True,
                         client_certificates=[certificate_id],
                         CORS={"enable": True, "allowed_origins": [ORIGIN], "allowed_methods": ["GET", "PUT"],
                               "allowed_headers": ["X-Token"], "allow_credentials": True, "max_age": 24})
    world.gateway.add_api(definition)
    return origin, pair


def preflight(world, origin=ORIGIN, method="PUT", headers="x-token", path="/x"):
    return world.a.curl(path, host="cors.gw.test", method="OPTIONS", headers=[
        f"Origin: {origin}", f"Access-Control-Request-Method: {method}", f"Access-Control-Request-Headers: {headers}"])


def test_a_preflight_needs_no_certificate_and_is_not_forwarded(world, api):
    before = len(api[0].requests)
    answer = preflight(world)
    assert answer.status == 200 and answer.body == ""
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-methods"] == "PUT"
    assert answer.headers["access-control-allow-headers"] == "x-token"
    assert answer.headers["access-control-max-age"] == "24"
    assert len(api[0].requests) == before


@pytest.mark.parametrize("asked", [{"origin": "https://evil.test"}, {"method": "DELETE"}, {"headers": "x-other"}])
def test_a_preflight_that_is_not_allowed_gets_no_permission(world, api, asked):
    before = len(api[0].requests)
    answer = preflight(world, **asked)
    assert answer.status == 200
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert len(api[0].requests) == before


def test_options_that_is_no_preflight_is_an_ordinary_request(world, api):
    before = len(api[0].requests)
    answer = world.a.curl("/x", host="cors.gw.test", method="OPTIONS", headers=[f"Origin: {ORIGIN}"])
    assert answer.status == 403, "no certificate"
    assert answer.headers["access-control-allow-origin"] == ORIGIN, "the page may read why"
    assert len(api[0].requests) == before


def test_the_rules_of_the_api_count_and_not_those_of_the_upstream(world, api):
    origin, pair = api
    before = len(origin.requests)
    allowed = world.a.curl("/x", host="cors.gw.test", client=pair, headers=[f"Origin: {ORIGIN}"], options=["-D", "-"])
    assert allowed.status == 200 and allowed.headers["access-control-allow-origin"] == ORIGIN
    other = world.a.curl("/x", host="cors.gw.test", client=pair, headers=["Origin: https://evil.test"])
    assert other.status == 200 and "access-control-allow-origin" not in other.headers
    assert "access-control-allow-credentials" not in other.headers
    assert len(origin.requests) == before + 2


def test_credentials_for_every_origin_are_refused(world):
    for origins in (["*"], []):
        definition = classic("any", "http://127.0.0.1:1/", domain="any.gw.test", use_keyless=True,
                             CORS={"enable": True, "allowed_origins": origins, "allow_credentials": True})
        answer = world.gateway.rest("POST", "/tyk/apis", definition)
        assert answer.status_code == 400 and "allow_credentials" in answer.text
