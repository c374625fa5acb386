"""jwt-auth of APISIX's Admin API: consumers whose tokens a shared secret or a private key signed (reference apisix.md A1.7)."""

import base64
import time

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apisix_world import ApisixWorld
from tokens import SigningKey, mac_token, signed_token, signing_input

WORLD = ApisixWorld
HOST = "jwt.test.com"
SECRET = "a secret that has more than thirty-two bytes"
PUBLIC_PEM = "-----BEGIN PUBLIC KEY-----"


def claims(key, **more):
    return {"key": key, "exp": int(time.time()) + 600, **more}


def mac(key, secret=SECRET, algorithm="HS256", **more):
    return mac_token(claims(key, **more), secret, algorithm)


def signed(key, private):
    return signed_token(claims(key), private)


def public_pem(private):
    return private.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def serve(world, plugin=None, more=None):
    origin = world.origin("jwt")
    world.ssl("1", HOST)
    world.put("/routes/1", {"uri": "/*", "plugins": {"jwt-auth": plugin or {}, **(more or {})},
                            "upstream": {"nodes": world.node(origin)}})
    return origin


def consumer(world, name, **conf):
    return world.put("/consumers", {"username": name, "plugins": {"jwt-auth": {"key": f"{name}-key", **conf}}})


def ask(world, token=None, path="/", headers=()):
    return world.a.curl(path, host=HOST, headers=[*headers, *([f"Authorization: Bearer {token}"] if token else [])])


def test_a_shared_secret(clean):
    world = clean
    origin = serve(world)
    put = world.call("PUT", "/consumers", {"username": "jack", "plugins": {"jwt-auth": {"key": "jack-key", "secret": SECRET}}})
    assert put.status_code == 201 and put.json()["value"]["plugins"] == {"jwt-auth": {"key": "jack-key"}}
    for text in (put.text, world.call("GET", "/consumers/jack").text, world.call("GET", "/consumers").text,
                 world.gateway.run_ctl("get", "dialectobject", "-o", "json").stdout,
                 world.gateway.run_ctl("get", "tokenissuer", "-o", "json").stdout):
        assert SECRET not in text and "sharedSecrets" not in text
    first = ask(world, mac("jack-key"))
    assert first.status == 200, world.gateway.explain(first.headers["x-request-id"]).stdout
    missing = ask(world)
    assert (missing.status, missing.json()) == (401, {"message": "Missing JWT token in request"})
    unverified = (mac("jack-key", secret="another secret that has more than 32 bytes"), mac("jack-key", exp=int(time.time()) - 5),
                  mac("jack-key", exp=None), mac("jack-key", nbf=int(time.time()) + 500), mac("jack-key", algorithm="HS512"),
                  signing_input("none", claims("jack-key")) + ".", mac("jack-key")[:-4] + "AAAA")
    for message, tokens in {"failed to verify jwt": unverified, "JWT token invalid": ("x.y.z", "x", mac("jack-key") + ".x"),
                            "missing user key in JWT token": (mac_token({"exp": int(time.time()) + 600}, SECRET, "HS256"),),
                            "Invalid user key in JWT token": (mac("nobody-key"), mac("nobody-key", secret="x" * 32))}.items():
        for wrong in tokens:
            before = len(origin.requests)
            answer = ask(world, wrong)
            assert (answer.status, answer.json()) == (401, {"message": message}), (wrong, answer)
            assert len(origin.requests) == before


def test_a_secret_is_kept_changed_and_given_up(clean):
    world = clean
    serve(world)
    consumer(world, "jack", secret=SECRET)
    world.put("/consumers", {"username": "jack", "desc": "kept", "plugins": {"jwt-auth": {"key": "renamed"}}})
    assert ask(world, mac("renamed")).status == 200, "a secret that is left out is kept"
    assert ask(world, mac("jack-key")).status == 401
    consumer(world, "jack", secret=SECRET + " new")
    assert ask(world, mac("jack-key")).status == 401
    assert ask(world, mac("jack-key", secret=SECRET + " new")).status == 200
    world.put("/consumers", {"username": "jack", "plugins": {"key-auth": {"key": "auth-one-of-jack"}}})
    assert ask(world, mac("jack-key", secret=SECRET + " new")).status == 401, "the plugin is gone, and its secret with it"
    assert "is required" in world.refused("/consumers", {"username": "jack", "plugins": {"jwt-auth": {"key": "jack-key"}}}, "PUT")
    consumer(world, "jack", secret=SECRET)
    first = ask(world, mac("jack-key"))
    assert first.status == 200, world.gateway.explain(first.headers["x-request-id"]).stdout
    world.call("DELETE", "/consumers/jack")
    assert ask(world, mac("jack-key")).status == 401


def test_a_secret_in_base64_and_longer_hashes(clean):
    world = clean
    serve(world)
    raw = bytes(range(64))
    for algorithm in ("HS256", "HS384", "HS512"):
        consumer(world, "jack", secret=base64.b64encode(raw).decode(), base64_secret=True, algorithm=algorithm)
        assert ask(world, mac("jack-key", secret=raw, algorithm=algorithm)).status == 200
        others = {"HS256", "HS384", "HS512"} - {algorithm}
        assert {ask(world, mac("jack-key", secret=raw, algorithm=other)).status for other in others} == {401}


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_public_key(clean, kind):
    world = clean
    serve(world)
    key, other = SigningKey("a", kind), SigningKey("b", kind)
    public = public_pem(key)
    value = consumer(world, "jill", algorithm=key.algorithm, public_key=public, private_key="-----BEGIN PRIVATE KEY-----")
    assert value["plugins"]["jwt-auth"] == {"key": "jill-key", "algorithm": key.algorithm, "public_key": public}
    assert ask(world, signed("jill-key", key)).status == 200
    assert ask(world, signed("jill-key", other)).status == 401
    # Whoever knows the public key, which is everybody, signs nothing by it.
    for secret in (public, public.strip(), public.replace("\n", "")):
        assert ask(world, mac("jill-key", secret=secret)).status == 401
    consumer(world, "jill", algorithm=other.algorithm, public_key=public_pem(other))
    assert ask(world, signed("jill-key", key)).status == 401
    assert ask(world, signed("jill-key", other)).status == 200


def test_each_consumer_signs_for_itself(clean):
    world = clean
    origin = serve(world)
    secrets = {name: f"{name}'s secret that has more than thirty-two bytes" for name in ("jack", "jill")}
    for name, secret in secrets.items():
        consumer(world, name, secret=secret)
    for name, secret in secrets.items():
        for claimed in secrets:
            assert ask(world, mac(f"{claimed}-key", secret=secret)).status == (200 if claimed == name else 401)
    assert "is that of token issuer" in world.refused("/consumers", {"username": "eve", "plugins": {"jwt-auth": {
        "key": "jack-key", "secret": SECRET}}}, "PUT")
    assert len(origin.requests) == 2


def test_places_and_credentials_that_are_hidden(clean):
    world = clean
    origin = serve(world, {"header": "x-jwt", "query": "token", "cookie": "jar", "hide_credentials": True})
    consumer(world, "jack", secret=SECRET)
    token = mac("jack-key")
    for headers, path in ((["x-jwt: " + token, "x-other: kept"], "/"), (["x-jwt: Bearer " + token], "/"), ([], f"/?token={token}&a=b"),
                          ([f"Cookie: jar={token}; other=1"], "/")):
        assert ask(world, path=path, headers=headers).status == 200, (headers, path)
        seen = origin.last()
        assert token not in str(seen.target) + str(seen.headers)
    for headers, path in (([], f"/?jwt={token}"), ([f"Cookie: jwt={token}"], "/"), ([f"Authorization: Bearer {token}"], "/")):
        assert ask(world, path=path, headers=headers).status == 401, (headers, path)


def test_a_second_credential_is_of_the_same_consumer(clean):
    world = clean
    serve(world, more={"key-auth": {}})
    for name in ("jack", "jill"):
        world.put("/consumers", {"username": name, "plugins": {"key-auth": {"key": f"auth-one-of-{name}"}, "jwt-auth": {
            "key": f"{name}-key", "secret": SECRET + name}}})
    token = mac("jack-key", secret=SECRET + "jack")
    assert ask(world, token, headers=["apikey: auth-one-of-jack"]).status == 200

    def refusal(*arguments, **more):
        answer = ask(world, *arguments, **more)
        assert answer.status == 401 and answer.headers["content-type"] == "application/json", answer
        return answer.json()["message"]
    assert refusal(token, headers=["apikey: auth-one-of-jill"]) == "The credentials are not of one consumer"
    assert refusal(token) == "Missing API key found in request"
    assert refusal(token, headers=["apikey: auth-one-of-nobody"]) == "Invalid API key in request"
    assert refusal(headers=["apikey: auth-one-of-jack"]) == refusal() == "Missing JWT token in request"
    assert refusal(mac("jack-key"), headers=["apikey: auth-one-of-jack"]) == "failed to verify jwt"


def test_what_is_refused(clean):
    world = clean
    key = SigningKey("a")
    public, certificate = public_pem(key), world.client("signer").pem.decode()

    def message(**conf):
        conf = {"key": "jack-key", "secret": SECRET, **conf}
        conf = {name: value for name, value in conf.items() if value is not None}
        text = world.refused("/consumers", {"username": "jack", "plugins": {"jwt-auth": conf}}, "PUT")
        assert SECRET not in text
        return text
    for words, conf in {
            'property "key" is required': {"key": None}, 'property "secret" is required': {"secret": None},
            "shorter than 32 bytes": {"secret": "short"}, "is not base64": {"base64_secret": True},
            "none of the enum values": {"algorithm": "none"}, 'property "public_key" is required': {"algorithm": "RS256"},
            "public_key: Failed to decode": {"algorithm": "ES256", "public_key": world.client("x").key_pem.decode()},
            "which does not sign by RS256": {"algorithm": "RS256", "public_key": public},
            "matches none": {"algorithm": "hs256"}, "found secrett": {"secrett": "x"},
            "which does not sign by ES384": {"algorithm": "ES384", "public_key": public},
            "secret managers": {"secret": "$secret://vault/1/jack/secret"},
            "not among this service's": {"secret": "$env://HOME"},
            "vault is refused": {"vault": {}}, "wrong type": {"exp": "x"},
            "must be at least 0": {"lifetime_grace_period": -1}}.items():
        assert words in message(**conf), (words, message(**conf))
    for secret in (public, certificate, public.replace(PUBLIC_PEM, "").replace("-----END PUBLIC KEY-----", "").strip()):
        assert "which everybody may know" in message(secret=secret)
    route = {"uri": "/*", "upstream": {"nodes": {"127.0.0.1:1": 1}}}
    for words, conf in {"key_claim_name is refused": {"key_claim_name": "sub"}, "anonymous_consumer is refused": {
            "anonymous_consumer": "x"}, "found headr": {"headr": "x"}}.items():
        assert words in world.refused("/routes/1", {**route, "plugins": {"jwt-auth": conf}})
    both = {"jwt-auth": {"header": "apikey"}, "key-auth": {}}
    assert "where another token is looked for" in world.refused("/routes/1", {**route, "plugins": both})


def test_a_grace_period(clean):
    world = clean
    serve(world)

    def status(late, **conf):
        consumer(world, "jack", secret=SECRET, **conf)
        return ask(world, mac("jack-key", exp=int(time.time()) - late)).status
    assert status(2) == 401
    assert status(2, lifetime_grace_period=60) == 200 and status(90, lifetime_grace_period=60) == 401
    assert ask(world, mac("jack-key", nbf=int(time.time()) + 30)).status == 200
    assert ask(world, mac("jack-key", exp=None)).status == 401
    assert status(2, lifetime_grace_period=0) == 401
    assert "over 3600 seconds is refused" in world.refused("/consumers", {"username": "jack", "plugins": {"jwt-auth": {
        "key": "jack-key", "secret": SECRET, "lifetime_grace_period": 3601}}}, "PUT")
