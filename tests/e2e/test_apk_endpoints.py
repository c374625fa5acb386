"""WSO2 APK: what endpoints ask of the gateway, sandboxes, routes that rewrite or go elsewhere, policies, and who may call the
deployer: with a real data plane."""

import base64
import json
import time

import pytest
import requests
import yaml

from conftest import World
from gateway import DEADLINE, wait_for
from test_apk_dialect import Store, indented
from test_apk_traffic import OPEN, conf, put
from tokens import SigningKey, TokenServer, mac_token, signing_input

SANDBOX = "default-sandbox.gw.test"
AUDIENCE, SCOPE = "sallyport-deployer", "apk:api_create"


class Settled(World):
    def start(self):
        self.gateway.start_authsvc(options=[
            "--set", f"apk.sandbox_hosts.0={SANDBOX}", "--set", "apk.namespace=apk",
            "--set", "apk.token_issuer=apk.idp", "--set", f"apk.token_audience={AUDIENCE}"])
        self.a = self.gateway.start_dataplane(system_trust=self.trust)


WORLD = Settled


@pytest.fixture
def store(world, tmp_path):
    return Store(world.gateway, tmp_path)


def opaque(name, namespace="default", **values):
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
                       "type": "Opaque", "data": data})


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


# --- endpointSecurity

def closed(target, name="apk-closed"):
    security = "{enabled: true, securityType: {secretName: login, userNameKey: user, passwordKey: pass}}"
    return conf(name, target, endpointConfigurations=f"{{production: {{endpoint: '{target}', endpointSecurity: {security}}}}}") + OPEN


def test_credentials_stand_in_a_secret_and_nothing_is_sent_until_it_is_there(store, world):
    origin = world.tls_origin("apk closed")
    path = "/apk-closed/2.0/orders"
    done = put(store, world, closed(origin.url))
    assert "pending: credential: Secret default/login (user) is not there yet" in done.stderr
    assert "pending" in store.refused(closed(origin.url), options=("--strict",))
    assert "upstream credential: Secret default/login (user)" in store.gateway.run_ctl("doctor").stdout
    assert world.a.curl(path).status == 502 and origin.requests == []
    put(store, world, opaque("login", user="gate", **{"pass": "hush-hush"}))
    assert world.a.curl(path, headers=["Authorization: mine"]).status == 200
    assert origin.last().all("Authorization") == [basic("gate", "hush-hush")]
    assert "upstream credential" not in store.gateway.run_ctl("doctor").stdout
    put(store, world, opaque("login", user="gate", **{"pass": "another"}))
    assert world.a.curl(path).status == 200
    assert origin.last().all("Authorization") == [basic("gate", "another")], "what stands there now is what counts"
    shown = store.gateway.run_ctl("get", "api", "apk-closed", "-o", "yaml").stdout
    assert "name:secret/default/login/pass" in shown and "another" not in shown
    for broken in (opaque("login", user="gate"), opaque("login", user="a:b", **{"pass": "x"})):
        put(store, world, broken)
        assert world.a.curl(path).status == 502
    put(store, world, opaque("login", user="gate", **{"pass": "x"}))
    assert world.a.curl(path).status == 200
    assert "in use by Api apk-closed" in store.gateway.run_ctl("delete", "secret", "default/login").stderr
    store.gateway.run_ctl("delete", "secret", "default/login", "--force")
    world.gateway.settle()
    count = len(origin.requests)
    assert world.a.curl(path).status == 502 and len(origin.requests) == count


def test_a_key_of_the_endpoint_goes_in_its_header(store, world):
    origin = world.origin("apk keyed")
    security = "{enabled: true, securityType: {secretName: keyed, in: Header, apiKeyNameKey: X-Key, apiKeyValueKey: value}}"
    text = conf("apk-keyed", origin.url, endpointConfigurations=(
        f"{{production: {{endpoint: '{origin.url}', endpointSecurity: {security}}}}}")) + OPEN
    put(store, world, opaque("keyed", value="k-1"), text)
    assert world.a.curl("/apk-keyed/2.0/orders", headers=["X-Key: mine"]).status == 200
    assert origin.last().all("X-Key") == ["k-1"]
    put(store, world, opaque("keyed", value="k\r\nX-Other: 1"))
    count = len(origin.requests)
    assert world.a.curl("/apk-keyed/2.0/orders").status == 502 and len(origin.requests) == count


@pytest.mark.parametrize("reference", ["name:secret/default/login", "name:configmap/default/login/user", "secret", ""])
def test_places_of_no_secret_are_refused(store, world, reference):
    said = store.refused(json.dumps({"apiVersion": "sallyport/v1", "kind": "Api", "id": "wrong", "listenPath": "/wrong", "keyless": True,
                                     "upstream": {"targets": [{"url": "https://up.test"}], "credential": {
                                         "header": "Authorization", "usernameRef": "name:secret/a/b/c", "passwordRef": reference}}}))
    assert "credential" in said


# --- sandbox

def test_a_sandbox_is_the_same_api_at_its_hosts_and_trusts_whom_it_is_told_to(store, world):
    own_ca = world.pki.issue("Sandbox CA", ca=True)
    production, sandbox = world.tls_origin("apk production"), world.origin(
        "apk sandbox", pair=world.pki.issue("sandbox", own_ca, sans=["localhost", "127.0.0.1"]))
    certificate = "certificate: {secretName: sand-ca, secretKey: ca.crt}"
    text = conf("apk-two", production.url, endpointConfigurations=(
        f"{{production: {{endpoint: '{production.url}'}}, sandbox: {{endpoint: '{sandbox.url}/box', {certificate}}}}}")) + OPEN
    done = put(store, world, text)
    assert "Api/apk-two~sandbox created" in done.stdout
    assert world.a.curl("/apk-two/2.0/orders").status == 200 and production.last().target == "/orders"
    assert world.a.curl("/apk-two/2.0/orders", host=SANDBOX).status == 502, "its issuer is not there yet"
    put(store, world, opaque("sand-ca", **{"ca.crt": own_ca.pem.decode()}))
    assert world.a.curl("/apk-two/2.0/orders", host=SANDBOX).status == 200 and sandbox.last().target == "/box/orders"
    assert len(production.requests) == 1
    put(store, world, text.replace(production.url, sandbox.url, 1))
    assert world.a.curl("/apk-two/2.0/orders").status == 502, "the sandbox's issuer is not production's"
    done = put(store, world, conf("apk-two", production.url) + OPEN)
    assert "Api/apk-two~sandbox" in done.stdout
    for path in ("/apk-two/2.0/orders", "/apk-two/2.0", "/apk-two/2.0/..%3b/orders", "/apk-two/2.0/x"):
        assert world.a.curl(path, host=SANDBOX).status in (400, 403), "without a sandbox its hosts are closed"
    assert world.a.curl("/apk-two/2.0/orders", host=SANDBOX).status == 403
    assert world.a.curl("/apk-two/2.0/orders").status == 200 and len(production.requests) == 2


# --- routes and policies

def document(kind, name, spec, version="dp.wso2.com/v1alpha3"):
    return json.dumps({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec})


def backend(name, origin, **more):
    host, port = origin.url.rsplit("/", 1)[1].rsplit(":", 1)
    return document("Backend", name, {"services": [{"host": host, "port": int(port)}], "protocol": origin.url.split(":")[0],
                                      "basePath": f"/{name}", **more})


def rule(path, name, filters=(), kind="PathPrefix"):
    return {"matches": [{"path": {"type": kind, "value": path}, "method": "GET"}], "filters": list(filters),
            "backendRefs": [{"group": "dp.wso2.com", "kind": "Backend", "name": name}]}


def rewrite(**path):
    return {"type": "URLRewrite", "urlRewrite": {"path": path}}


def test_rules_rewrite_paths_and_go_to_backends_of_their_own(store, world):
    client_ca = world.pki.issue("Backend client CA", ca=True)
    client = world.pki.issue("gateway towards two", client_ca)
    one, two = world.origin("apk one"), world.tls_origin("apk two", client_ca=client_ca)
    secret = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "two"}, "type": "kubernetes.io/tls", "data": {
        "tls.crt": base64.b64encode(client.pem).decode(), "tls.key": base64.b64encode(client.key_pem).decode()}})
    limit = {"type": "ExtensionRef", "extensionRef": {"group": "dp.wso2.com", "kind": "RateLimitPolicy", "name": "few"}}
    target = {"kind": "API", "name": "routed"}
    put(store, world, secret, backend("one", one), backend("two", two, tls={"clientCertificateRef": {"name": "two"}}),
        document("API", "routed", {"apiName": "Routed", "apiType": "REST", "apiVersion": "1", "basePath": "/routed/1",
                                   "production": [{"routeRefs": ["routed"]}]}),
        document("HTTPRoute", "routed", {"hostnames": ["routed.gw.test"], "rules": [
            rule("/a", "one"),
            rule("/a/special", "two", [rewrite(type="ReplacePrefixMatch", replacePrefixMatch="/moved"),
                                       {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "X-A", "value": "b"}]}}]),
            rule("/a/special/plain", "one", kind="Exact"),
            rule("/item/([^/]+)", "one", [rewrite(type="ReplaceFullPath", replaceFullPath="/thing/\\1")], "RegularExpression"),
            rule("/few", "one", [limit])]}, "gateway.networking.k8s.io/v1"),
        document("RateLimitPolicy", "few", {"default": {"api": {"requestsPerUnit": 2, "unit": "Day"}}, "targetRef": {
            "kind": "Resource", "name": "routed"}}),
        document("APIPolicy", "cors", {"default": {"cORSPolicy": {"accessControlAllowOrigins": ["https://shop.test"]}}, "targetRef": target}),
        document("Authentication", "routed", {"default": {"authTypes": {"oauth2": {"disabled": True}}}, "targetRef": target},
                 "dp.wso2.com/v1alpha2"))

    def get(path, **more):
        return world.a.curl("/routed/1" + path, host="routed.gw.test", **more)

    assert get("/a/x?q=1").status == 200 and one.last().target == "/one/a/x?q=1"
    assert get("/a/special/x?q=1").status == 200 and two.last().target == "/two/moved/x?q=1"
    assert two.last().one("x-a") == "b", "and the client certificate that this backend asks for was shown"
    assert get("/a/special/plain").status == 200 and one.last().target == "/one/a/special/plain", "not where the wider rule goes"
    assert one.last().all("x-a") == []
    assert get("/item/7?q").status == 200 and one.last().target == "/one/thing/7?q"
    assert get("/item/..%2F..%2Fadmin").status in (200, 400) and "admin" not in one.last().target.replace("%2F", "")[:12]
    assert [get("/few").status for _ in range(3)] == [200, 200, 429]
    assert get("/a/x").status == 200
    assert get("/a/x", headers=["Origin: https://shop.test"]).headers["access-control-allow-origin"] == "https://shop.test"
    assert "access-control-allow-origin" not in get("/a/x", headers=["Origin: https://evil.test"]).headers


def test_a_request_is_changed_as_the_operation_that_it_is(store, world):
    api, there, here = world.origin("apk own"), world.origin("apk there"), world.origin("apk here")

    def operation(path, origin=None, verb="GET"):
        own = "" if origin is None else f", endpointConfigurations: {{production: {{endpoint: '{origin.url}'}}}}"
        return f"{{target: '{path}', verb: {verb}{own}}}"

    put(store, world, conf("apk-order", api.url, operations="[" + ", ".join([
        operation("/orders/{id}/*", there), operation("/orders/new/*"), operation("/a/b/*"), operation("/a/{x}/c", there),
        operation("/{tenant}/users", there), operation("/acme/{id}", here), operation("/menu/*", here), operation("/{x}", there),
    ]) + "]") + OPEN)
    for path, origin in (("/orders/new/x", api), ("/orders/7/x", there), ("/a/b/c", api), ("/a/x/c", there), ("/acme/users", here),
                         ("/else/users", there), ("/menu", here), ("/menu/x", here), ("/other", there)):
        assert world.a.curl("/apk-order/2.0" + path).status == 200
        assert origin.last().target == path, "it went elsewhere"


def test_a_rule_of_one_method_counts_before_one_of_all(store, world):
    origin = world.origin("apk methods")
    limit = {"type": "ExtensionRef", "extensionRef": {"group": "dp.wso2.com", "kind": "RateLimitPolicy", "name": "once"}}
    every = rule("/a", "methods")
    del every["matches"][0]["method"]
    put(store, world, backend("methods", origin),
        document("API", "methods", {"apiName": "Methods", "apiType": "REST", "apiVersion": "1", "basePath": "/methods/1",
                                    "production": [{"routeRefs": ["methods"]}]}),
        document("HTTPRoute", "methods", {"hostnames": ["methods.gw.test"], "rules": [every, rule("/a", "methods", [limit])]},
                 "gateway.networking.k8s.io/v1"),
        document("RateLimitPolicy", "once", {"default": {"api": {"requestsPerUnit": 1, "unit": "Day"}}, "targetRef": {
            "kind": "Resource", "name": "methods"}}),
        document("Authentication", "methods", {"default": {"authTypes": {"oauth2": {"disabled": True}}},
                                               "targetRef": {"kind": "API", "name": "methods"}}, "dp.wso2.com/v1alpha2"))
    got = [world.a.curl("/methods/1/a/x", host="methods.gw.test", method=method).status for method in ("GET", "GET", "DELETE", "DELETE")]
    assert got == [200, 429, 200, 200]


def test_an_operations_own_server_is_never_stood_in_for(store, world):
    api, own = world.origin("apk stands in"), world.origin("apk is asked")
    moved = {"rule": {"path": "^/moved"}, "rewrite": {"pattern": "^/moved/[a-z]+$", "target": f"{own.url}/other"}}
    for style, status in (("apk", 503), ("native", 200)):
        world.gateway.apply({"apiVersion": "sallyport/v1", "kind": "Api", "id": f"own-{style}", "style": style, "listenPath": f"/own-{style}",
                             "stripListenPath": True, "keyless": True, "upstream": {"targets": [{"url": api.url}]},
                             "versions": [{"endpoints": [moved]}]})
        assert world.a.curl(f"/own-{style}/moved/x").status == 200 and own.last().target == "/other"
        count = len(api.requests)
        assert world.a.curl(f"/own-{style}/moved/7").status == status
        assert len(api.requests) == count + (status == 200)
        assert world.a.curl(f"/own-{style}/else").status == 200, "what has no server of its own"


# --- who may call the deployer, and what it makes

@pytest.fixture(scope="module")
def idp(world):
    server = TokenServer(world, "idp", issuer="https://idp.test/apk", pair=world.pki.issue(
        "idp", world.upstream_ca, sans=["localhost", "127.0.0.1"]))
    with Applied(world) as store:
        store.apply(f"""
apiVersion: dp.wso2.com/v1alpha2
kind: TokenIssuer
metadata: {{name: idp, namespace: apk}}
spec:
  issuer: https://idp.test/apk
  signatureValidation:
    jwks:
      url: {server.jwks_url}
      tls:
        certificateInline: |
{indented(world.upstream_ca.pem, 10)}
""")
    return server


class Applied:
    def __init__(self, world):
        self.world = world

    def __enter__(self):
        return Store(self.world.gateway, self.world.trust.parent)

    def __exit__(self, *_):
        self.world.gateway.settle()


def call(world, path, token, **more):
    return requests.post(f"https://127.0.0.1:{world.gateway.admin_port}/api/{path}", verify=False, timeout=2 * DEADLINE,
                         headers={"Authorization": f"Bearer {token}"}, **more)


def deploy(world, token, name="by-token"):
    return call(world, "deployer/apis/deploy", token, files={"apkConfiguration": conf(name, "https://up.test") + OPEN})


def good(idp, **claims):
    return idp.token(**{"aud": AUDIENCE, "scope": f"openid {SCOPE}", **claims})


def test_a_token_of_the_issuer_with_the_scope_deploys(store, world, idp):
    # The first one finds no keys yet: it is told to come again.
    answer = wait_for(lambda: (lambda got: got if got.status_code != 503 else None)(deploy(world, good(idp))), "its keys are there")
    assert answer.status_code == 200, answer.text
    assert yaml.safe_load(answer.text)["id"] == "by-token"
    log = (world.gateway.directory / "authsvc.log").read_text()
    assert "apk.idp/alice" in log and good(idp)[-40:] not in log
    assert call(world, "deployer/apis/undeploy?apiId=by-token", good(idp)).status_code == 202
    assert call(world, "deployer/apis/undeploy?apiId=by-token", world.gateway.admin_key).status_code == 404


def test_other_tokens_do_not_and_nothing_else_takes_one(store, world, idp):
    wait_for(lambda: deploy(world, good(idp), "once").status_code == 200, "its keys are there")
    key = idp.keys[0]
    public = json.dumps(key.jwk())
    header = {"kid": key.kid}
    claims = {"iss": idp.issuer, "sub": "alice", "aud": AUDIENCE, "scope": SCOPE, "exp": int(time.time()) + 600}
    stranger = SigningKey(key.kid)
    bad = {
        "another issuer": (401, good(idp, iss="https://other.test")),
        "no issuer": (401, good(idp, iss=None)),
        "another audience": (401, good(idp, aud="shop")),
        "no audience": (401, good(idp, aud=None)),
        "no scope": (403, good(idp, scope=None)),
        "a scope that begins so": (403, good(idp, scope=SCOPE + "s")),
        "expired": (401, good(idp, exp=int(time.time()) - 1)),
        "no expiry": (401, good(idp, exp=None)),
        "not yet": (401, good(idp, nbf=int(time.time()) + 600)),
        "nobody's": (401, good(idp, sub=None)),
        "another key": (401, idp.token(key=stranger, aud=AUDIENCE, scope=SCOPE)),
        "alg none": (401, signing_input("none", claims, header) + "."),
        "HS256 with the public key": (401, mac_token(claims, public)),
        "bound to a certificate": (401, good(idp, cnf={"x5t#S256": "A" * 43})),
    }
    for what, (status, token) in bad.items():
        answer = deploy(world, token, "bad")
        assert answer.status_code == status, (what, answer.status_code, answer.text)
        assert token not in answer.text
    assert store.api("bad") is None
    for path in ("/tyk/apis", "/apisix/admin/routes"):
        for name in ("Authorization", "X-Tyk-Authorization", "X-API-KEY"):
            answer = requests.get(f"https://127.0.0.1:{world.gateway.admin_port}{path}", verify=False, timeout=2 * DEADLINE,
                                  headers={name: good(idp)})
            assert answer.status_code in (401, 403), (path, name)


def test_what_is_deployed_is_of_the_namespace_that_was_told_and_has_its_sandbox(store, world):
    text = conf("deployed", "https://up.test", endpointConfigurations=(
        "{production: {endpoint: 'https://up.test', endpointSecurity: {enabled: true, securityType: {secretName: login, "
        "userNameKey: user, passwordKey: pass}}}, sandbox: {endpoint: 'https://sand.test', certificate: {secretName: ca, "
        "secretKey: ca.crt}}}")) + OPEN
    key = world.gateway.admin_key
    answer = call(world, "deployer/apis/deploy", key, files={"apkConfiguration": text})
    assert answer.status_code == 200, answer.text
    assert store.api("deployed")["upstream"]["credential"]["usernameRef"] == "name:secret/apk/login/user"
    assert store.api("deployed~sandbox")["hosts"] == [SANDBOX]
    assert call(world, "deployer/apis/undeploy?apiId=deployed~sandbox", key).status_code == 404
    assert call(world, "deployer/apis/undeploy?apiId=deployed", key).status_code == 202
    assert store.api("deployed") is None and store.api("deployed~sandbox") is None
    assert store.get("trustbundle", "deployed~sandbox.endpoint") is None
    # What is left of it goes, too: a sandbox alone, or what it trusted.
    assert call(world, "deployer/apis/deploy", key, files={"apkConfiguration": text}).status_code == 200
    store.gateway.run_ctl("delete", "api", "deployed")
    assert store.api("deployed") is None and store.api("deployed~sandbox")["hosts"] == [SANDBOX]
    assert call(world, "deployer/apis/undeploy?apiId=deployed", key).status_code == 202
    assert store.api("deployed~sandbox") is None
    assert call(world, "deployer/apis/deploy", key, files={"apkConfiguration": text}).status_code == 200
    assert deploy(world, key, "deployed").status_code == 200
    assert call(world, "deployer/apis/undeploy?apiId=deployed", key).status_code == 202
    assert store.get("trustbundle", "deployed~sandbox.endpoint") is None


def test_the_deployer_leaves_a_sandbox_of_another_namespace_alone(store, world):
    key = world.gateway.admin_key
    text = conf("foreign", "https://up.test", endpointConfigurations=(
        "{production: {endpoint: 'https://up.test'}, sandbox: {endpoint: 'https://sand.test'}}")) + OPEN
    put(store, world, text)
    assert deploy(world, key, "foreign").status_code == 409
    store.gateway.run_ctl("delete", "api", "foreign")
    assert call(world, "deployer/apis/undeploy?apiId=foreign", key).status_code == 404
    assert store.api("foreign~sandbox") is not None
    assert deploy(world, key, "foreign").status_code == 409, "nor taken over"
    store.gateway.run_ctl("delete", "api", "foreign~sandbox")


DEFINITION = """
openapi: 3.0.1
info: {title: Pets, version: "1.0"}
servers: [{url: "https://pets.test/v1"}]
paths: {/pets: {get: {security: [{oauth: [read]}]}, post: {}}}
"""


def test_a_configuration_is_generated_that_can_be_deployed(world):
    def generate(**parts):
        return call(world, "configurator/apis/generate-configuration", world.gateway.admin_key,
                    files={name: (None, value) for name, value in parts.items()})

    made = generate(definition=DEFINITION, apiType="REST")
    assert made.status_code == 200 and made.headers["Content-Type"].startswith("application/yaml"), made.text
    wanted = yaml.safe_load(made.text)
    assert wanted["basePath"] == "/UGV0czEuMA" and [one["verb"] for one in wanted["operations"]] == ["GET", "POST"]
    answer = call(world, "deployer/apis/deploy", world.gateway.admin_key, files={"apkConfiguration": made.text})
    assert answer.status_code == 200, answer.text
    for parts, said in (({}, "either"), ({"url": "http://127.0.0.1/x"}, "not fetched"), ({"definition": "openapi: 4\n"}, "Invalid API"),
                        ({"definition": DEFINITION, "apiType": "GRAPHQL"}, "Invalid API Type"), ({"definition": "a: ["}, "line")):
        refused = generate(**parts) if parts else call(world, "configurator/apis/generate-configuration", world.gateway.admin_key,
                                                       files={"apiType": (None, "REST")})
        assert refused.status_code == 400 and said in refused.text, refused.text
    assert call(world, "configurator/apis/generate-k8s-resources", world.gateway.admin_key).status_code == 404
    assert call(world, "configurator/apis/generate-configuration", "wrong").status_code == 403
