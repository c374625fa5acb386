"""What a caller who is known may do: rights, limits, versions, lists. Each with its success and its refusal."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization

from gateway import classic, lines_of, session, wait_for
from raw import Connection

TOKEN = {"auth_configs": {"authToken": {"auth_header_name": "Authorization"}}, "use_standard_auth": True}


def add(world, name, path="/", **more):
    origin = world.origin(name)
    world.gateway.add_api(classic(name, origin.url, path, domain=f"{name}.gw.test", **{**TOKEN, **more}))
    return origin


def token(world, name, **more):
    """The header of a new key of this API."""
    made = world.gateway.create_key(session(name, **more))
    world.gateway.settle()
    return [f"Authorization: {made['key']}"]


def call(world, name, path="/x", headers=(), **more):
    return world.a.curl(path, host=f"{name}.gw.test", headers=headers, **more)


def statuses(world, name, count, headers=()):
    with Connection(world.a, f"{name}.gw.test") as client:
        return [client.get(headers="".join(f"{line}\r\n" for line in headers))[0] for _ in range(count)]


def versions(**lists):
    return {"version_data": {"not_versioned": True, "versions": {"Default": {
        "name": "Default", "use_extended_paths": True, "extended_paths": lists}}}}


def endpoint(path, *methods):
    return {"path": path, "method_actions": {method: {"action": "no_action", "code": 200, "headers": {}} for method in methods}}


def test_allowed_urls_are_of_the_stripped_path(world):
    origin = add(world, "urls", "/base")
    rights = {"urls": {"api_id": "urls", "api_name": "urls", "versions": ["Default"], "allowed_urls": [
        {"url": "^/orders/[0-9]+$", "methods": ["GET"]}, {"url": "^/base/x$", "methods": ["GET"]}]}}
    header = token(world, "urls", access_rights=rights)
    assert call(world, "urls", "/base/orders/7", header).status == 200 and origin.last().target == "/orders/7"
    assert call(world, "urls", "/base/base/x", header).status == 200
    before = len(origin.requests)
    for path in ("/base/orders/x", "/base/x", "/base/orders/7/lines", "/base/other/../orders/7/x", "/base/orders%2F7"):
        answer = call(world, "urls", path, header)
        assert (answer.status, answer.message) == (403, "Access to this resource has been disallowed"), path
    assert call(world, "urls", "/base/orders/7", header, method="DELETE").status == 403
    assert len(origin.requests) == before
    assert call(world, "urls", "/base/other", token(world, "urls")).status == 200, "a key without such a list may all"


def test_the_rate_of_an_api_is_of_all_its_keys(world):
    add(world, "api-rate", global_rate_limit={"rate": 3, "per": 3600})
    one, two = token(world, "api-rate"), token(world, "api-rate")
    assert statuses(world, "api-rate", 2, one) == [200, 200]
    assert statuses(world, "api-rate", 3, two) == [200, 429, 429]
    add(world, "api-rate-off", global_rate_limit={"rate": 1, "per": 3600, "disabled": True})
    assert statuses(world, "api-rate-off", 3, token(world, "api-rate-off")) == [200] * 3


def policy(world, name, api, **more):
    made = {"id": name, "org_id": "default", "name": name, "rate": 0, "per": 0, "quota_max": -1, "active": True,
            "access_rights": {api: {"api_id": api, "api_name": api, "versions": ["Default"]}}, **more}
    answer = world.gateway.rest("POST", "/tyk/policies", made)
    assert answer.status_code == 200, answer.text
    return made


def test_rate_and_quota_of_a_policy(world):
    add(world, "by-policy")
    policy(world, "slow-policy", "by-policy", rate=2, per=3600)
    small = policy(world, "small-policy", "by-policy", quota_max=2, quota_renewal_rate=3600)
    slow_key, other_key, small_key = (world.gateway.create_key({"org_id": "default", "apply_policies": [name]})["key"]
                                      for name in ("slow-policy", "slow-policy", "small-policy"))
    world.gateway.settle()
    assert statuses(world, "by-policy", 3, [f"Authorization: {slow_key}"]) == [200, 200, 429]
    assert statuses(world, "by-policy", 3, [f"Authorization: {other_key}"]) == [200, 200, 429], "each key has its own count"
    header = [f"Authorization: {small_key}"]
    assert statuses(world, "by-policy", 3, header) == [200, 200, 403]
    assert call(world, "by-policy", headers=header).message == "Quota exceeded"
    assert world.gateway.rest("PUT", "/tyk/policies/small-policy", {**small, "active": False, "is_inactive": True}).status_code == 200
    world.gateway.settle()
    assert call(world, "by-policy", headers=header).status == 403, "the policy is all that this key had"


def test_versions_are_granted_by_name(world):
    second, origin = world.origin("second version"), world.origin("first version")
    world.gateway.add_api(classic("versioned", origin.url, domain="versioned.gw.test", definition={
        "location": "header", "key": "X-Version"}, version_data={"not_versioned": False, "versions": {
            "v1": {"name": "v1"}, "v2": {"name": "v2", "override_target": f"{second.url}/two"},
            "old": {"name": "old", "expires": "2020-01-01 00:00"}}}, **TOKEN))
    rights = {"versioned": {"api_id": "versioned", "api_name": "versioned", "versions": ["v1", "old"]}}
    one = token(world, "versioned", access_rights=rights)
    both = token(world, "versioned", access_rights={"versioned": {**rights["versioned"], "versions": ["v1", "v2"]}})

    def at(version, header):
        return call(world, "versioned", headers=header + ([f"X-Version: {version}"] if version else [])).status
    assert at("v1", one) == 200 and len(origin.requests) == 1
    assert at("v2", both) == 200 and second.last().target == "/two/x", "override_target is another upstream"
    assert at("v2", one) == 403 and at("v3", both) == 403 and at("old", one) == 403 and at(None, one) == 403
    assert len(origin.requests) == 1 and len(second.requests) == 1


@pytest.mark.parametrize("name, lists, open_calls, shut_calls", [
    ("white", {"white_list": [endpoint("^/open", "GET")]}, [("/open/x", "GET")], [("/shut", "GET"), ("/open/x", "POST"), ("/x/open", "GET")]),
    ("black", {"black_list": [endpoint("^/shut", "GET")]}, [("/open/x", "GET"), ("/shut", "POST")], [("/shut/x", "GET"), ("/a/../shut", "GET")]),
])
def test_white_and_black_lists(world, name, lists, open_calls, shut_calls):
    origin = add(world, f"{name}-list", **versions(**lists))
    header = token(world, f"{name}-list")
    for path, method in open_calls:
        assert call(world, f"{name}-list", path, header, method=method).status == 200, (path, method)
    assert len(origin.requests) == len(open_calls)
    for path, method in shut_calls:
        answer = call(world, f"{name}-list", path, header, method=method, options=["--path-as-is"])
        assert (answer.status, answer.message) == (403, "Requested endpoint is forbidden"), (path, method)
    assert len(origin.requests) == len(open_calls)


@pytest.mark.parametrize("name, rules, status", [
    ("ip-in", {"enable_ip_whitelisting": True, "allowed_ips": ["127.0.0.0/8"]}, 200),
    ("ip-out", {"enable_ip_whitelisting": True, "allowed_ips": ["192.0.2.7", "2001:db8::/32"]}, 403),
    ("ip-denied", {"enable_ip_blacklisting": True, "blacklisted_ips": ["127.0.0.1"]}, 403),
    ("ip-other-denied", {"enable_ip_blacklisting": True, "blacklisted_ips": ["192.0.2.0/24"]}, 200),
])
def test_lists_of_addresses(world, name, rules, status):
    origin = add(world, name, **rules)
    forged = ["X-Forwarded-For: 192.0.2.7", "X-Real-IP: 192.0.2.7", "Forwarded: for=192.0.2.7"]
    header = token(world, name)
    assert call(world, name, headers=header).status == status
    answer = call(world, name, headers=header + forged)
    assert answer.status == status, "what a client says about its address counts nothing"
    assert status == 200 or answer.message == "access from this IP has been disallowed"
    assert len(origin.requests) == (2 if status == 200 else 0)


def test_a_loose_prefix_where_it_is_asked_for(world):
    for name, strict in (("strict", True), ("loose", False)):
        origin = world.origin(name)
        definition = classic(name, origin.url, "/api", domain=f"{name}.gw.test", use_keyless=True)
        definition["proxy"]["strict_prefix"] = strict
        world.gateway.add_api(definition)
        assert call(world, name, "/api/x").status == 200
        assert call(world, name, "/apix").status == (404 if strict else 200)
        assert call(world, name, "/ap").status == 404
        assert len(origin.requests) == (1 if strict else 2)


def test_a_token_in_query_or_cookie(world):
    places = {"auth_header_name": "X-Token", "use_param": True, "param_name": "token", "use_cookie": True, "cookie_name": "session"}
    origin = add(world, "places", auth_configs={"authToken": places}, strip_auth_data=True)
    add(world, "header-only", auth_configs={"authToken": {"auth_header_name": "X-Token"}})
    key = world.gateway.create_key(session("places", access_rights={
        name: {"api_id": name, "api_name": name, "versions": ["Default"]} for name in ("places", "header-only")}))["key"]
    world.gateway.settle()
    by_query = call(world, "places", f"/x?a=1&token={key}&b=2")
    assert by_query.status == 200
    assert origin.last().target == "/x?a=1&b=2", "the credential stays here"
    assert call(world, "places", headers=[f"Cookie: a=1; session={key}; b=2"]).status == 200
    assert origin.last().one("Cookie") == "a=1; b=2"
    assert call(world, "places", headers=[f"X-Token: {key}"]).status == 200 and origin.last().one("X-Token") is None
    before = len(origin.requests)
    assert call(world, "places", "/x?token=wrong").status == 403
    assert call(world, "places", headers=["Cookie: session=wrong"]).status == 403
    assert call(world, "places", f"/x?Token2={key}", headers=[f"Cookie: session2={key}"]).status == 401
    assert call(world, "header-only", f"/x?X-Token={key}", headers=[f"Cookie: X-Token={key}"]).status == 401
    assert call(world, "header-only", headers=[f"X-Token: {key}"]).status == 200
    assert len(origin.requests) == before
    log = world.gateway.directory / "replica-0.access.log"
    line = wait_for(lambda: next((line for line in lines_of(log) if by_query.headers["x-request-id"] in line), None),
                    "the access log has the request")
    assert key not in line and key not in log.read_text(), "a token in a query is never logged"


def apply(world, tmp_path, text):
    document = tmp_path / "document.yaml"
    document.write_text(text)
    done = world.gateway.run_ctl("apply", "-f", str(document))
    assert done.returncode == 0, done.stdout + done.stderr
    world.gateway.settle()


def spki(pair):
    der = pair.private.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(der).digest()).decode()


def test_the_deny_list_cuts_a_listed_client_off(world, tmp_path):
    denied, spared = world.client("denied"), world.client("spared")
    origin = world.origin("deny")
    world.gateway.add_api(classic("deny", origin.url, domain="deny.gw.test", use_keyless=True, use_mutual_tls_auth=True,
                                  client_certificates=[world.gateway.add_certificate(world.client_ca.pem)]))
    settings = "apiVersion: sallyport/v1\nkind: GatewaySettings\nid: gateway\n"
    with Connection(world.a, "deny.gw.test", denied) as living, Connection(world.a, "deny.gw.test", spared) as other:
        assert living.get()[0] == 200 and other.get()[0] == 200
        apply(world, tmp_path, settings + f"revoked:\n- spki_sha256: {spki(denied)}\n")
        assert living.ended(), "severed"
        assert other.get()[0] == 200
    renewed = world.client("denied", private=denied.private)
    before = len(origin.requests)
    for pair in (denied, renewed):
        assert call(world, "deny", client=pair).status == 403, "the key is denied, not the one certificate"
    assert len(origin.requests) == before
    apply(world, tmp_path, settings + "revoked: []\n")
    assert call(world, "deny", client=denied).status == 200


def test_a_trust_bundle_for_upstreams(world, tmp_path):
    private_ca, other_ca = world.pki.issue("Private CA", ca=True), world.pki.issue("Other CA", ca=True)
    origin = world.origin("bundle", pair=world.pki.issue("bundle", private_ca, sans=["127.0.0.1"]))
    ids = [world.gateway.add_certificate(ca.pem) for ca in (private_ca, other_ca)]
    bundles = "".join(f"---\napiVersion: sallyport/v1\nkind: TrustBundle\nid: {name}\norg_id: default\ncertificate_ids: [{one}]\n"
                      for name, one in zip(("private", "other"), ids))
    apis = "".join(
        f"---\napiVersion: sallyport/v1\nkind: Api\nid: {name}\norg_id: default\nhosts: [{name}.gw.test]\nlisten_path: /\n"
        f"keyless: true\nupstream:\n  targets: [{{url: '{origin.url}'}}]\n  tls: {{trust_bundle_ids: [{bundle}]}}\n"
        for name, bundle in (("with-bundle", "private"), ("wrong-bundle", "other"), ("no-bundle", "")))
    apply(world, tmp_path, bundles + apis)
    assert call(world, "with-bundle").status == 200
    for name in ("wrong-bundle", "no-bundle"):
        answer = call(world, name)
        assert (answer.status, answer.json()["reason"]) == (502, "UPSTREAM_CERT_UNTRUSTED"), name
    assert len(origin.requests) == 1
