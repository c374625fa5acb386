"""Tyk's gateway REST API: statuses, bodies and messages of reference tyk.md 2, without its defects."""

import json

import pytest

from gateway import classic, session


@pytest.fixture(scope="module")
def gateway(world):
    return world.gateway


@pytest.fixture(scope="module")
def key_api(gateway):
    """An API that keys of the tests have rights to."""
    gateway.add_api(classic("rest-key", "http://127.0.0.1:1/", domain="restkey.gw.test", use_standard_auth=True,
                            auth_configs={"authToken": {"auth_header_name": "Authorization"}}))


def test_a_wrong_admin_key_is_refused_everywhere(gateway):
    for method, path in (("GET", "/tyk/certs"), ("POST", "/tyk/keys/create"), ("GET", "/tyk/apis"), ("GET", "/tyk/reload"),
                         ("DELETE", "/tyk/policies/x")):
        answer = gateway.rest(method, path, key="wrong")
        assert answer.status_code == 403
        assert answer.text == ('{"status":"error","message":"Attempted administrative access with invalid or missing '
                               'key!"}\n')


def test_certificate_life(gateway):
    pair = gateway.pki.self_signed("rest life")
    added = gateway.rest("POST", "/tyk/certs?org_id=default", pair.pem)
    certificate_id = f"default{pair.fingerprint}"
    assert added.json() == {"id": certificate_id, "status": "ok", "message": "Certificate added"}
    assert added.text.endswith("\n") and added.headers["content-type"].startswith("application/json")
    again = gateway.rest("POST", "/tyk/certs?org_id=default", pair.pem)
    assert (again.status_code, again.json()["message"]) == (403, f"Certificate with {certificate_id} id already exists")
    assert certificate_id in gateway.rest("GET", "/tyk/certs?org_id=default").json()["certs"]
    meta = gateway.rest("GET", f"/tyk/certs/{certificate_id}").json()
    assert meta["fingerprint"] == pair.fingerprint and meta["has_private"] is False and meta["is_ca"] is True
    assert meta["subject"]["CommonName"] == "rest life"
    detailed = gateway.rest("GET", "/tyk/certs?org_id=default&mode=detailed").json()["certs"]
    assert next(c for c in detailed if c["id"] == certificate_id)["subject_cn"] == "rest life"
    several = gateway.rest("GET", f"/tyk/certs/{certificate_id},{'0' * 64}").json()
    assert several[0]["id"] == certificate_id and several[1] is None
    assert gateway.rest("DELETE", f"/tyk/certs/{certificate_id}?org_id=default").json()["message"] == "removed"
    gone = gateway.rest("GET", f"/tyk/certs/{certificate_id}")
    assert (gone.status_code, gone.json()["message"]) == (404, "Certificate with given SHA256 fingerprint not found")


@pytest.mark.parametrize("make, message", [
    (lambda p: b"hello", "Failed to decode certificate. It should be PEM encoded."),
    (lambda p: p.key_pem, "Failed to decode certificate. It should be PEM encoded."),
    (lambda p: p.pem + p.key_pem + p.key_pem, "Found multiple private keys"),
    (lambda p: p.pem + p.public_key_pem, "Public keys can't be combined with certificates"),
])
def test_what_is_not_accepted_as_a_certificate(gateway, make, message):
    answer = gateway.rest("POST", "/tyk/certs?org_id=default", make(gateway.pki.self_signed("bad input")))
    assert (answer.status_code, answer.json()["message"]) == (403, message)


def test_a_key_of_another_certificate_is_refused(gateway):
    one, two = gateway.pki.self_signed("one"), gateway.pki.self_signed("two")
    answer = gateway.rest("POST", "/tyk/certs", one.pem + two.key_pem)
    assert answer.status_code == 403 and "match" in answer.text


@pytest.mark.parametrize("key", ["ec", "rsa", "ed25519"])
def test_q21_private_keys_go_in_and_never_come_out(gateway, key):
    pair = gateway.pki.self_signed(f"private {key}", key=key)
    certificate_id = gateway.add_certificate(pair.both.read_bytes())
    assert gateway.rest("GET", f"/tyk/certs/{certificate_id}").json()["has_private"] is True
    answers = [gateway.rest("GET", f"/tyk/certs/{certificate_id}").text, gateway.rest("GET", "/tyk/certs?mode=detailed").text,
               gateway.run_ctl("get", "certificate", certificate_id, "-o", "json").stdout]
    secret = "".join(pair.key_pem.decode().splitlines()[1:3])
    for answer in answers:
        assert "PRIVATE" not in answer and secret not in answer and "ciphertext" not in answer
    database = b"".join(path.read_bytes() for path in gateway.directory.rglob("*.db*"))
    assert database and secret.encode() not in database
    assert _private_part(pair.private) not in database, "not in the clear in the store"


def _private_part(key):
    """The bytes that only the owner knows."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.private_bytes(serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption())
    numbers = key.private_numbers()
    return numbers.d.to_bytes(256, "big") if isinstance(key, rsa.RSAPrivateKey) else \
        numbers.private_value.to_bytes(32, "big")


def test_key_life(gateway, key_api):
    assert gateway.rest("POST", "/tyk/keys/create", "{").status_code == 500
    bare = gateway.rest("POST", "/tyk/keys/create", {"org_id": "default"})
    assert (bare.status_code, bare.json()["message"]) == (
        400, "Failed to create key, keys must have at least one Access Rights record set.")
    created = gateway.create_key(session("rest-key", alias="someone", meta_data={"team": "red"}))
    assert created["status"] == "ok" and created["action"] == "added" and len(created["key"]) >= 32
    read = gateway.rest("GET", f"/tyk/keys/{created['key']}?org_id=default")
    assert read.status_code == 200 and read.json()["alias"] == "someone"
    changed = gateway.rest("PUT", f"/tyk/keys/{created['key']}", session("rest-key", alias="other"))
    assert changed.json()["action"] == "modified"
    removed = gateway.rest("DELETE", f"/tyk/keys/{created['key']}?org_id=default")
    assert removed.json()["action"] == "deleted"
    gone = gateway.rest("GET", f"/tyk/keys/{created['key']}?org_id=default")
    assert (gone.status_code, gone.json()["message"]) == (404, "Key not found")
    gone = gateway.rest("DELETE", f"/tyk/keys/{created['key']}?org_id=default")
    assert (gone.status_code, gone.json()["message"]) == (404, "There is no such key found")


def test_a_token_is_stored_hashed_only(gateway, key_api):
    token = gateway.create_key(session("rest-key"))["key"]
    database = b"".join(path.read_bytes() for path in gateway.directory.rglob("*.db*"))
    assert token.encode() not in database
    assert token not in gateway.authsvc.text()


@pytest.mark.parametrize("bindings, message", [
    (["other" + "0" * 64], "invalid certificate ID: other" + "0" * 64),
    (["default" + "0" * 64], "certificate not found: default" + "0" * 64),
])
def test_bindings_are_checked(gateway, key_api, bindings, message):
    answer = gateway.rest("POST", "/tyk/keys/create", session("rest-key", mtls_static_certificate_bindings=bindings))
    assert (answer.status_code, message in answer.json()["message"]) == (400, True)


def test_policies(gateway, key_api):
    policy = {"id": "gold", "org_id": "default", "name": "Gold", "rate": 100, "per": 60, "quota_max": -1, "active": True,
              "access_rights": {"rest-key": {"api_id": "rest-key", "api_name": "rest-key", "versions": ["Default"]}}}
    assert gateway.rest("POST", "/tyk/policies", policy).json() == {"key": "gold", "status": "ok", "action": "added"}
    read = gateway.rest("GET", "/tyk/policies/gold").json()
    assert read["name"] == "Gold" and read["rate"] == 100
    wrong = gateway.rest("PUT", "/tyk/policies/gold", {**policy, "id": "silver"})
    assert wrong.status_code == 400
    assert wrong.json()["message"] == "Request ID does not match that in policy! For Update operations these must match."
    assert gateway.rest("PUT", "/tyk/policies/gold", policy).json()["action"] == "modified"
    key = gateway.create_key({"org_id": "default", "apply_policies": ["gold"]})
    assert key["status"] == "ok"
    assert gateway.rest("DELETE", "/tyk/policies/gold").status_code == 200
    missing = gateway.rest("GET", "/tyk/policies/gold")
    assert (missing.status_code, missing.json()["message"]) == (404, "Policy not found")


def test_apis_read_back_as_they_were_put(gateway):
    definition = classic("rest-api", "http://127.0.0.1:1/", domain="restapi.gw.test", use_keyless=True, slug="my-slug")
    assert gateway.rest("POST", "/tyk/apis", definition).json() == {"key": "rest-api", "status": "ok", "action": "added"}
    read = gateway.rest("GET", "/tyk/apis/rest-api").json()
    assert {key: read.get(key) for key in definition} == definition
    assert gateway.rest("GET", "/tyk/apis/unknown").status_code == 404
    assert any(entry["api_id"] == "rest-api" for entry in gateway.rest("GET", "/tyk/apis").json())
    assert gateway.rest("DELETE", "/tyk/apis/rest-api").json()["action"] == "deleted"


@pytest.mark.parametrize("change, word", [
    ({"use_basic_auth": True}, "use_basic_auth"),
    ({"custom_middleware": {"pre": [{"name": "x", "path": "x.js"}]}}, "custom_middleware"),
    ({"use_mutual_tls_atuh": True}, "use_mutual_tls_auth"),
    ({"auth_configs": {"authToken": {"use_certficate": True}}}, "use_certificate"),
    ({"hmac_enabled_": True, "enable_signature_checking": True}, "enable_signature_checking"),
])
def test_security_fields_that_do_nothing_are_refused_by_name(gateway, change, word):
    answer = gateway.rest("POST", "/tyk/apis", classic("refused", "http://127.0.0.1:1/", use_keyless=True, **change))
    assert answer.status_code == 400 and word in answer.text, answer.text


def test_the_same_place_twice_is_refused_naming_the_other(gateway):
    gateway.add_api(classic("first", "http://127.0.0.1:1/", domain="same.gw.test", listen_path="/p/", use_keyless=True))
    answer = gateway.rest("POST", "/tyk/apis", classic("second", "http://127.0.0.1:1/", domain="same.gw.test", listen_path="/p/",
                                                       use_keyless=True))
    assert answer.status_code == 400 and "first" in answer.text


def test_methods_and_garbage(gateway):
    assert gateway.rest("PATCH", "/tyk/certs").status_code == 405
    assert gateway.rest("PATCH", "/tyk/certs").json()["message"] == "Method not supported"
    assert gateway.rest("POST", "/tyk/apis", "{" * 100000).status_code == 400
    assert gateway.rest("POST", "/tyk/apis", json.dumps([1])).status_code == 400


def test_a_certificate_that_the_gateway_itself_uses_is_not_deleted_without_force(gateway):
    pair = gateway.pki.self_signed("in use")
    certificate_id = gateway.add_certificate(pair.both.read_bytes())
    gateway.add_api(classic("user", "https://127.0.0.1:1/", domain="user.gw.test", use_keyless=True,
                            upstream_certificates={"*": certificate_id}))
    answer = gateway.delete_certificate(certificate_id)
    assert answer.status_code == 409 and "user" in answer.text
    assert gateway.rest("GET", f"/tyk/certs/{certificate_id}").status_code == 200
    assert gateway.delete_certificate(certificate_id, force=True).status_code == 200
