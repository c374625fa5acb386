"""Signed tokens: who is let in by them, beside and without client certificates, and what they may do."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway import classic, wait_for
from tokens import SigningKey, TokenServer, bearer, mac_token, thumbprint

MANDATORY, OPTIONAL = "REQUIREMENT_MANDATORY", "REQUIREMENT_OPTIONAL"


def document(kind, id, **spec):
    return {"apiVersion": "sallyport/v1", "kind": kind, "metadata": {"name": id},
            "spec": {"orgId": "default", **spec}}


def api(name, target, **spec):
    return document("Api", name, name=name, hosts=[f"{name}.gw.test"], listenPath="/", stripListenPath=True,
                    upstream={"targets": [{"url": target}]}, **spec)


@pytest.fixture(scope="module")
def tokens(world):
    """The organisation's issuer; its key server's certificate is of a CA that only the issuer's entry trusts."""
    ca = world.pki.issue("Identity CA", ca=True)
    pair = world.pki.issue("identity server", ca, sans=["localhost", "127.0.0.1"])
    server = TokenServer(world, "identity", pair=pair)
    trust = world.gateway.add_certificate(ca.pem)
    world.gateway.apply(document("TokenIssuer", "idp", issuer=server.issuer, jwksUrl=server.jwks_url, jwksTrustIds=[trust],
                                 claimMetadata={"department": "department"}))
    return server


@pytest.fixture(scope="module")
def origin(world):
    return world.origin("behind tokens")


@pytest.fixture(scope="module")
def known(world):
    """A client whose certificate the APIs list, and one whose certificate they do not."""
    pair = world.client("known")
    return pair, world.client("stranger"), world.gateway.add_certificate(pair.pem)


# --- the combination of mechanisms (row by row: test_apk_matrix.py)

def test_optional_mtls_alone_is_refused_at_the_write(world, known):
    said = world.gateway.apply(api("alone", "http://localhost:1", clientTls={
        "staticMtls": OPTIONAL, "allowlist": [{"certificateId": known[2]}]}), code=1)
    assert "nothing can let a caller in" in said


# --- one token

@pytest.fixture(scope="module")
def plain(world, tokens, origin):
    world.gateway.apply(api("plain", origin.url, jwts=[{
        "requirement": MANDATORY, "audiences": ["shop"], "strip": True, "queryName": "token", "cookieName": "session"}],
        identityForwarding={"headers": {"X-User": "{identity}", "X-Department": "{key.meta.department}"}},
        versions=[{"operations": [
            {"path": "/items/{id}", "methods": ["GET"]},
            {"path": "/items/{id}", "methods": ["DELETE"], "scopes": ["admin", "clerk"]},
            {"path": "/files/*", "methods": ["GET"]}]}]))
    return origin


def ask(world, token=None, path="/items/7", **more):
    return world.a.curl(path, host="plain.gw.test", headers=[bearer(token)] if token else [], **more)


def reason(answer):
    return json.loads(answer.body)["reason"]


def test_a_good_token_is_let_in_once_asked_and_named_upstream(world, tokens, plain):
    answer = ask(world, tokens.token(aud="shop", department="sales"))
    assert answer.status == 200, answer.body
    seen = plain.last()
    assert seen.one("X-User") == "alice" and seen.one("X-Department") == "sales"
    assert seen.all("Authorization") == []


@pytest.mark.parametrize("change, reason_name", [
    ({"aud": "other"}, "TOKEN_INVALID"), ({"aud": None}, "TOKEN_INVALID"),
    ({"exp": int(time.time()) - 5}, "TOKEN_EXPIRED"), ({"exp": None}, "TOKEN_INVALID"),
    ({"nbf": int(time.time()) + 900}, "TOKEN_INVALID"), ({"iss": "https://evil.test"}, "TOKEN_INVALID"),
    ({"sub": None}, "TOKEN_INVALID"), ({"cnf": {"jkt": "abc"}}, "CERT_BINDING_MISMATCH")])
def test_a_claim_that_does_not_hold_refuses(world, tokens, plain, change, reason_name):
    answer = ask(world, tokens.token(**{"aud": "shop", **change}))
    assert answer.status == 401 and reason(answer) == reason_name


@pytest.mark.parametrize("spoil", [
    lambda token: token[:-8] + "AAAAAAAA",                                  # another signature
    lambda token: token.rsplit(".", 1)[0] + ".",                            # none
    lambda token: "eyJhbGciOiJub25lIn0." + token.split(".")[1] + ".",       # alg none
    lambda token: token.split(".")[0], lambda token: "x" * 17_000])
def test_a_spoilt_token_is_refused(world, tokens, plain, spoil):
    answer = ask(world, spoil(tokens.token(aud="shop")))
    assert answer.status == 401 and reason(answer) == "TOKEN_INVALID"


def test_none_at_all_is_asked_for(world, plain):
    answer = ask(world)
    assert answer.status == 401 and reason(answer) == "TOKEN_REQUIRED"


def test_parameter_and_cookie_are_places_too_and_are_stripped(world, tokens, plain):
    token = tokens.token(aud="shop")
    assert ask(world, path=f"/items/7?a=1&token={token}").status == 200
    assert plain.last().target == "/items/7?a=1"
    answer = world.a.curl("/items/7", host="plain.gw.test", headers=[f"Cookie: a=1; session={token}"])
    assert answer.status == 200 and plain.last().one("Cookie") == "a=1"


@pytest.mark.parametrize("twice", ["header", "query"])
def test_two_tokens_in_one_place_are_refused(world, tokens, plain, twice):
    good, other = tokens.token(aud="shop"), tokens.token(aud="shop", sub="mallory")
    before = len(plain.requests)
    answer = (world.a.curl("/items/7", host="plain.gw.test", headers=[bearer(good), bearer(other)])
              if twice == "header" else ask(world, path=f"/items/7?token={good}&token={other}"))
    assert answer.status == 400 and len(plain.requests) == before


@pytest.mark.parametrize("method, path, status, name", [
    ("GET", "/items/7/parts", 404, "OPERATION_UNKNOWN"), ("GET", "/", 404, "OPERATION_UNKNOWN"),
    ("GET", "/items/", 404, "OPERATION_UNKNOWN"), ("PUT", "/items/7", 405, "METHOD_NOT_ALLOWED"),
    ("GET", "/items/a%2Fparts", 400, "BAD_REQUEST"), ("GET", "/files%2Fx", 404, "OPERATION_UNKNOWN")])
def test_what_is_not_listed_is_not_served(world, tokens, plain, method, path, status, name):
    before = len(plain.requests)
    answer = ask(world, tokens.token(aud="shop"), path, method=method)
    assert answer.status == status and reason(answer) == name
    if status == 405:
        assert answer.headers["allow"] == "GET, DELETE"
    assert len(plain.requests) == before


def test_explain_tells_what_of_a_token_does_not_hold(world, tokens, plain, tmp_path):
    file = tmp_path / "token"
    file.write_text(tokens.token(aud="other"))
    told = world.gateway.run_ctl("explain", "--api", "plain", "--jwt-file", str(file))
    assert "TOKEN_INVALID" in told.stdout and "another audience" in told.stdout, told.stdout + told.stderr
    assert tokens.token().split(".")[0] not in told.stdout


def test_a_client_is_told_what_kind_of_token_it_needs(world, tokens, plain):
    assert ask(world).headers["www-authenticate"] == "Bearer"
    assert ask(world, tokens.token(aud="other")).headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert ask(world, tokens.token(aud="shop"), method="DELETE").headers["www-authenticate"] == \
        'Bearer error="insufficient_scope"'


def test_a_star_takes_all_below(world, tokens, plain):
    assert ask(world, tokens.token(aud="shop"), "/files/a/b").status == 200
    assert ask(world, tokens.token(aud="shop"), "/files/").status == 200


@pytest.mark.parametrize("claims, status", [
    ({}, 403), ({"scope": "reader"}, 403), ({"scope": "reader clerk"}, 200), ({"scp": ["admin"]}, 200),
    ({"scope": "administrator"}, 403)])
def test_an_operation_asks_for_a_scope(world, tokens, plain, claims, status):
    answer = ask(world, tokens.token(aud="shop", **claims), method="DELETE")
    assert answer.status == status
    if status == 403:
        assert reason(answer) == "SCOPE_MISSING"


# --- bound to a certificate (RFC 8705)

@pytest.fixture(scope="module")
def bound(world, tokens, origin):
    world.gateway.apply(api("bound", origin.url, jwts=[{"requirement": MANDATORY, "requireBinding": True}]))


def test_a_bound_token_needs_its_certificate(world, tokens, bound):
    pair, other = world.client("holder"), world.client("thief")
    token = tokens.token(cnf=thumbprint(pair))

    def status(client, said=token):
        return world.a.curl("/", host="bound.gw.test", client=client, headers=[bearer(said)]).status
    assert status(pair) == 200
    assert status(other) == 401 and status(None) == 401
    assert status(pair, tokens.token()) == 401  # not bound


def test_an_expired_holder_is_refused(world, tokens, bound):
    old = world.client("old holder", days=(-2, -1))
    answer = world.a.curl("/", host="bound.gw.test", client=old, headers=[bearer(tokens.token(cnf=thumbprint(old)))])
    assert answer.status == 403 and reason(answer) == "CERT_EXPIRED"


def test_a_stolen_bound_token_is_no_bearer_token_elsewhere(world, tokens, plain):
    answer = ask(world, tokens.token(aud="shop", cnf=thumbprint(world.client("victim"))))
    assert answer.status == 401 and reason(answer) == "CERT_BINDING_MISMATCH"


# --- issuers

def test_keys_are_there_before_the_first_token(world, origin):
    server = TokenServer(world, "early", issuer="https://early.test")
    world.gateway.apply(document("TokenIssuer", "early", issuer=server.issuer, jwksUrl=server.jwks_url))
    wait_for(lambda: server.origin.requests, "asked for when the issuer is written, by nobody's request")
    server.status = 500
    world.gateway.apply(api("early", origin.url, jwts=[{"requirement": MANDATORY, "issuerIds": ["early"]}]))
    wait_for(lambda: world.gateway.authsvc_metric("sallyport_jwks_fetches_total", result="ok") > 0, "its answer has been read")
    assert world.a.curl("/", host="early.gw.test", headers=[bearer(server.token())]).status == 200
    assert len(server.origin.requests) == 1


def test_new_keys_are_fetched_and_old_ones_end(world, origin):
    server = TokenServer(world, "rotating", issuer="https://rotating.test")
    world.gateway.apply(document("TokenIssuer", "rotating", issuer=server.issuer, jwksUrl=server.jwks_url),
                        api("rotating", origin.url, jwts=[{"requirement": MANDATORY, "issuerIds": ["rotating"]}]))

    def status(token):
        return world.a.curl("/", host="rotating.gw.test", headers=[bearer(token)]).status
    old, new = server.keys[0], SigningKey("second", kind="rsa")
    assert status(server.token()) == 200
    server.rotate(new)
    wait_for(lambda: status(server.token(jti="a")) == 200, "the new key is known")
    assert status(server.token(key=old, jti="b")) == 401


def test_keys_that_cannot_be_had_let_nobody_in(world, origin):
    server = TokenServer(world, "down", issuer="https://down.test")
    server.status = 500
    world.gateway.apply(document("TokenIssuer", "down", issuer=server.issuer, jwksUrl=server.jwks_url),
                        api("down", origin.url, jwts=[{"requirement": MANDATORY, "issuerIds": ["down"]}]))
    answer = world.a.curl("/", host="down.gw.test", headers=[bearer(server.token())])
    assert answer.status == 503 and reason(answer) == "TOKEN_KEYS_UNAVAILABLE"
    server.status = 200
    wait_for(lambda: world.a.curl("/", host="down.gw.test", headers=[bearer(server.token())]).status == 200,
             "the keys are there again")


def test_a_server_that_the_issuer_does_not_trust_gives_no_keys(world, origin):
    stranger = world.pki.issue("strange CA", ca=True)
    pair = world.pki.issue("strange identity server", stranger, sans=["127.0.0.1"])
    server = TokenServer(world, "strange", issuer="https://strange.test", pair=pair)
    world.gateway.apply(document("TokenIssuer", "strange", issuer=server.issuer, jwksUrl=server.jwks_url),
                        api("strange", origin.url, jwts=[{"requirement": MANDATORY, "issuerIds": ["strange"]}]))
    answer = world.a.curl("/", host="strange.gw.test", headers=[bearer(server.token())])
    assert answer.status == 503 and server.origin.requests == []


def test_a_certificate_of_the_issuer_is_a_key_and_its_end_is_felt_at_once(world, origin):
    server = TokenServer(world, "by certificate", issuer="https://cert.test")
    key = SigningKey("c")
    pem = key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    certificate_id = world.gateway.add_certificate(pem)
    world.gateway.apply(document("TokenIssuer", "cert", issuer=server.issuer, certificateIds=[certificate_id]),
                        api("cert", origin.url, jwts=[{"requirement": MANDATORY, "issuerIds": ["cert"]}]))
    token = server.token(key=key)

    def status():
        return world.a.curl("/", host="cert.gw.test", headers=[bearer(token)]).status
    assert status() == 200
    done = world.gateway.run_ctl("delete", "tokenissuer", "cert")
    assert done.returncode == 0, done.stderr
    wait_for(lambda: status() == 401, "tokens of a removed issuer are refused")


# --- Tyk's own definition of it

def test_a_tyk_api_takes_tokens_with_the_rights_of_their_policy(world, origin):
    server = TokenServer(world, "tyk identity", issuer="https://any.test")
    policy = {"id": "gold", "name": "gold", "org_id": "default", "active": True, "rate": 1000, "per": 1, "quota_max": -1,
              "access_rights": {"tykjwt": {"api_id": "tykjwt", "versions": ["Default"]}}}
    assert world.gateway.rest("POST", "/tyk/policies", policy).status_code == 200
    definition = classic("tykjwt", origin.url, domain="tykjwt.gw.test", use_keyless=False, enable_jwt=True,
                         jwt_signing_method="ecdsa", jwt_source=base64.b64encode(server.jwks_url.encode()).decode(),
                         jwt_identity_base_field="sub", jwt_policy_field_name="pol", strip_auth_data=True)
    world.gateway.add_api(definition)
    world.gateway.settle()

    def ask_tyk(**claims):
        return world.a.curl("/", host="tykjwt.gw.test", headers=[bearer(server.token(**claims))])
    assert ask_tyk(pol="gold").status == 200
    assert origin.last().all("Authorization") == []
    assert ask_tyk(pol="silver").status == 403 and ask_tyk().status == 403
    expired = ask_tyk(pol="gold", exp=int(time.time()) - 5)
    assert expired.status == 401 and json.loads(expired.body)["error"] == "Key not authorized: token has expired"
    assert world.a.curl("/", host="tykjwt.gw.test").status == 401
    read = world.gateway.rest("GET", "/tyk/apis/tykjwt").json()
    assert read["jwt_source"] == definition["jwt_source"]
    assert "tyk-api:tykjwt" in world.gateway.run_ctl("get", "tokenissuer").stdout
    assert world.gateway.rest("DELETE", "/tyk/apis/tykjwt").status_code == 200
    assert "tyk-api:tykjwt" not in world.gateway.run_ctl("get", "tokenissuer").stdout


@pytest.mark.parametrize("spec, said", [
    ({}, "without keys"), ({"jwksUrl": "http://idp.test/keys"}, "must be https"),
    ({"jwksUrl": "https://x/k", "algorithms": ["HS256"]}, "shared secret"),
    ({"jwksUrl": "https://x/k", "algorithms": ["none"]}, "not known"),
    ({"jwksUrl": "https://x/k", "jwksTrust": ["a"]}, "jwksTrust")])
def test_an_issuer_that_could_not_be_held_to_is_refused(world, spec, said):
    assert said in world.gateway.apply(document("TokenIssuer", "wrong", issuer="https://i", **spec), code=1)


@pytest.mark.parametrize("spec, said", [
    ({"jwts": [{"requirement": MANDATORY}], "keyless": True}, "keyless and a token"),
    ({"jwts": [{"requirement": MANDATORY}], "token": {"enabled": True}}, "another token is looked for"),
    ({"jwts": [{"requirement": MANDATORY}, {"requirement": OPTIONAL}]}, "another token is looked for"),
    ({"jwts": [{"requirement": MANDATORY, "disableHeader": True}]}, "neither query nor cookie"),
    ({"jwts": [{"requirement": MANDATORY, "headerName": "X-Forwarded-Client-Cert"}]}, "never holds"),
    ({"keyless": True, "versions": [{"operations": [{"path": "/x", "scopes": ["a"]}]}]}, "turn one of jwts on"),
    ({"keyless": True, "versions": [{"operations": [{"path": "x"}]}]}, "must begin with /"),
    ({"keyless": True, "versions": [{"operations": [{"path": "/{a}"}, {"path": "/{b}"}]}]}, "listed twice"),
    ({"keyless": True, "versions": [{"operations": [{"path": "/x", "methods": ["get"]}]}]}, "in capitals")])
def test_what_could_not_be_enforced_is_refused_at_the_write(world, tokens, spec, said):
    assert said in world.gateway.apply(api("wrong", "http://localhost:1", **spec), code=1)


# --- issuers that share a secret, and whose tokens are one key's

SHARED = "a secret that has more than thirty-two bytes"


def mac(claims, secret=SHARED, algorithm="HS256"):
    return mac_token({"exp": int(time.time()) + 600, **claims}, secret, algorithm)


def test_a_shared_secret_is_one_keys_token(world, origin):
    batch = document("TokenIssuer", "batch", algorithms=["HS256"], sharedSecrets=[SHARED], selectClaim="job", selectValue="nightly",
                     keyId="batch-key")
    key = document("Key", "batch-key", accessRights=[{"apiId": "shared"}], metadata={"team": "night"})
    said = world.gateway.apply(api("shared", origin.url, jwts=[{"requirement": MANDATORY}]), key, batch)
    assert SHARED not in said
    for words in (["tokenissuer"], ["tokenissuer", "batch"]):
        shown = world.gateway.run_ctl("get", *words, "-o", "json").stdout
        assert "nightly" in shown and SHARED not in shown and "haredSecrets" not in shown

    def status(token):
        return world.a.curl("/", host="shared.gw.test", headers=[bearer(token)]).status
    assert status(mac({"job": "nightly"})) == 200
    for wrong in (mac({"job": "daily"}), mac({}), mac({"job": "nightly"}, secret=SHARED + "!"),
                  mac({"job": "nightly"}, algorithm="HS384"), mac({"job": ["nightly"]})):
        assert status(wrong) == 401
    del batch["spec"]["sharedSecrets"]
    assert "unchanged" in world.gateway.apply(batch), "what is left out is kept"
    assert status(mac({"job": "nightly"})) == 200
    world.gateway.apply(document("TokenIssuer", "batch", algorithms=["HS256"], sharedSecrets=[SHARED + "!"], selectClaim="job",
                                 selectValue="nightly", keyId="batch-key"))
    assert status(mac({"job": "nightly"})) == 401 and status(mac({"job": "nightly"}, secret=SHARED + "!")) == 200
    world.gateway.run_ctl("delete", "key", "batch-key")
    world.gateway.settle()
    assert status(mac({"job": "nightly"}, secret=SHARED + "!")) == 403


@pytest.mark.parametrize("spec, said", [
    ({"algorithms": ["HS256"]}, "needs a shared secret"), ({"sharedSecrets": [SHARED]}, "need algorithms"),
    ({"algorithms": ["HS256"], "sharedSecrets": ["short"]}, "shorter than 32 bytes"),
    ({"algorithms": ["HS256", "RS256"], "sharedSecrets": [SHARED]}, "verifies with a public key"),
    ({"algorithms": ["HS256"], "sharedSecrets": [SHARED], "jwksUrl": "https://idp.test/keys"}, "make two token issuers"),
    ({"algorithms": ["HS256"], "sharedSecrets": [SHARED], "selectClaim": "job"}, "go together"),
    ({"algorithms": ["HS256"], "sharedSecrets": [{"ciphertext": "eA=="}]}, "sharedSecrets"),
    ({"algorithms": ["HS256"], "sharedSecret": [SHARED]}, "did you mean")])
def test_what_shares_no_secret_well_is_refused(world, spec, said):
    text = world.gateway.apply(document("TokenIssuer", "bad", **spec), code=1)
    assert said in text and SHARED not in text, text
