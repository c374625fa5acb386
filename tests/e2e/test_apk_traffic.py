"""Where an apk-conf is served, and what callers with and without the listed certificate get there: with a real data plane."""

import base64
import json

import pytest

from pki import CLIENT, SERVER
from test_apk_dialect import Store, config_map, indented

OPEN = "authentication: [{authType: OAuth2, enabled: false}]\n"


@pytest.fixture
def store(world, tmp_path):
    return Store(world.gateway, tmp_path)


def conf(name, target, **more):
    lines = {"id": name, "name": name, "basePath": f"/{name}", "version": '"2.0"', "type": "REST",
             "endpointConfigurations": f"{{production: {{endpoint: '{target}'}}}}",
             "operations": "[{target: /orders, verb: GET}, {target: '/files/*', verb: GET}, "
                           "{target: '/orders/{id}', verb: DELETE}]", **more}
    return "".join(f"{key}: {value}\n" for key, value in lines.items())


def put(store, world, *texts):
    done = store.apply(*texts)
    world.gateway.settle()
    return done


def paths(origin):
    return [request.target for request in origin.requests]


def test_a_version_is_served_below_its_path_alone(store, world):
    origin = world.origin("apk version")
    put(store, world, conf("one-version", f"{origin.url}/v3/base") + OPEN)
    assert world.a.curl("/one-version/2.0/orders?x=1").status == 200
    assert paths(origin) == ["/v3/base/orders?x=1"], "behind the path of the endpoint"
    assert world.a.curl("/one-version/orders").status == 404
    assert world.a.curl("/one-version/1.0/orders").status == 404
    assert world.a.curl("/one-version/2.0/other").status == 404
    assert world.a.curl("/one-version/2.0/orders", method="PUT").status == 405
    assert world.a.curl("/one-version/2.0/orders/7", method="DELETE").status == 200
    for path in ("/files", "/files/", "/files/a/b"):
        assert world.a.curl("/one-version/2.0" + path).status == 200, path


def test_the_default_version_is_served_at_both_with_the_same_rules(store, world):
    origin = world.origin("apk default")
    put(store, world, conf("two-places", origin.url, defaultVersion="true") + OPEN)
    for base in ("/two-places/2.0", "/two-places"):
        assert world.a.curl(base + "/orders").status == 200, base
        assert world.a.curl(base + "/other").status == 404, base
        assert world.a.curl(base + "/orders", method="DELETE").status == 405, base
    assert paths(origin) == ["/orders", "/orders"], "without base path and version"
    assert world.a.curl("/two-places/1.0/orders").status == 404, "another version"
    older = world.origin("apk older")
    put(store, world, conf("older", older.url, basePath="/two-places", version='"1.0"') + OPEN)
    assert world.a.curl("/two-places/1.0/orders").status == 200 and paths(older) == ["/orders"]
    assert world.a.curl("/two-places/orders").status == 200 and len(origin.requests) == 3


def test_the_listed_certificate_and_no_other(store, world):
    origin = world.origin("apk mtls")
    listed, inline, other = world.client("apk listed"), world.client("apk inline"), world.client("apk other")
    put(store, world, config_map(listed.pem), conf("apk-mtls", origin.url), f"""
apiVersion: dp.wso2.com/v1alpha2
kind: Authentication
metadata: {{name: apk-mtls}}
spec:
  default:
    authTypes:
      oauth2: {{disabled: true}}
      mtls:
        required: mandatory
        configMapRefs: [{{name: mtls-configmap, key: tls.crt}}]
        certificatesInline:
          - |
{indented(inline.pem, 12)}
  targetRef: {{kind: API, name: apk-mtls}}
""")
    path = "/apk-mtls/2.0/orders"
    assert world.a.curl(path, client=listed).status == 200
    assert world.a.curl(path, client=inline).status == 200
    for client in (None, other):
        refused = world.a.curl(path, client=client)
        assert refused.status == 401 and '"900901"' in refused.body, refused
    store.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: mtls-configmap}\ndata: {}\n")
    world.gateway.settle()
    assert world.a.curl(path, client=listed).status == 401, "what stands there now is what counts"
    assert world.a.curl(path, client=inline).status == 200


def test_graphql_is_one_path_and_headers_are_changed(store, world):
    origin = world.origin("apk graphql")
    put(store, world, conf("apk-graphql", f"{origin.url}/graphql", type="GRAPHQL",
                           operations="[{target: hero, verb: QUERY}]",
                           apiPolicies="{request: [{policyName: SetHeader, parameters: {headerName: X-Added, "
                                       "headerValue: one}}], response: [{policyName: AddHeader, parameters: "
                                       "{headerName: X-Answer, headerValue: two}}]}") + OPEN)
    answer = world.a.curl("/apk-graphql/2.0", method="POST", data='{"query": "{hero}"}')
    assert answer.status == 200 and answer.headers["x-answer"] == "two"
    assert origin.last().target.rstrip("/") == "/graphql" and origin.last().one("x-added") == "one"
    assert world.a.curl("/apk-graphql/2.0").status == 405
    assert world.a.curl("/apk-graphql/2.0/else", method="POST").status == 404


def test_grpc_services_are_found_by_their_whole_name(store, world):
    origin = world.origin("apk grpc")
    put(store, world, conf("apk-grpc", origin.url, basePath="/org.apk", version="v1", type="GRPC", defaultVersion="true",
                           operations="[{target: students.StudentService, verb: GetStudent}]") + OPEN)
    served = [route for route in ("/org.apk.v1.students.StudentService/GetStudent",
                                  "/org.apk.students.StudentService/GetStudent",
                                  "/org.apk.v1.students.StudentService/Drop", "/org.apk.v2.students.StudentService/GetStudent")
              if world.a.curl(route, method="POST").status not in (404, 405)]
    assert served == ["/org.apk.v1.students.StudentService/GetStudent", "/org.apk.students.StudentService/GetStudent"]


def secret(name, **data):
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque",
                       "data": {key.replace("_", "."): base64.b64encode(value).decode() for key, value in data.items()}})


def tls_secret(name, pair):
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/tls",
                       "data": {"tls.crt": base64.b64encode(pair.pem).decode(),
                                "tls.key": base64.b64encode(pair.key_pem).decode()}})


def private_origin(world, name, **more):
    """Its authority is known to nobody."""
    authority = world.pki.issue(f"{name} authority", ca=True)
    pair = world.pki.issue(name, authority, usages=[SERVER], sans=["localhost", "other.internal"])
    return authority, world.origin(name, pair=pair, **more)


def test_the_certificate_of_an_endpoint_is_what_its_server_is_held_to(store, world):
    authority, origin = private_origin(world, "apk endpoint")
    target = f"{{production: {{endpoint: 'https://localhost:{origin.port}', certificate: {{secretName: apk-ca, secretKey: ca.crt}}}}}}"
    done = put(store, world, conf("apk-endpoint", "", endpointConfigurations=target) + OPEN)
    assert "pending" in done.stderr and "apk-ca" in done.stderr
    assert world.a.curl("/apk-endpoint/2.0/orders").status == 502, "closed until it comes"
    put(store, world, secret("apk-ca", ca_crt=authority.pem))
    assert world.a.curl("/apk-endpoint/2.0/orders").status == 200
    stranger = world.pki.issue("apk stranger", ca=True)
    put(store, world, secret("apk-ca", ca_crt=stranger.pem))
    assert world.a.curl("/apk-endpoint/2.0/orders").status == 502, "a changed Secret counts at once"


def test_a_backend_has_a_client_certificate_of_its_own(store, world):
    ours = world.pki.issue("apk gateway", world.client_ca, usages=[CLIENT])
    authority, origin = private_origin(world, "apk backend", client_ca=world.client_ca.cert)
    backend = f"""
apiVersion: dp.wso2.com/v1alpha2
kind: Backend
metadata: {{name: pay}}
spec:
  services: [{{host: localhost, port: {origin.port}}}]
  protocol: https
  basePath: /base
  tls:
    certificateInline: |
{indented(authority.pem, 6)}
    clientCertificateRef: {{name: pay-client}}
"""
    api = """
apiVersion: dp.wso2.com/v1alpha3
kind: API
metadata: {name: pay}
spec: {apiName: Pay, apiVersion: "1", basePath: /pay/1, apiType: REST, production: [{routeRefs: [pay]}]}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: pay}
spec:
  rules:
    - matches: [{path: {type: Exact, value: /orders}, method: GET}]
      backendRefs: [{group: dp.wso2.com, kind: Backend, name: pay}]
---
apiVersion: dp.wso2.com/v1alpha2
kind: Authentication
metadata: {name: pay}
spec:
  default: {authTypes: {oauth2: {disabled: true}}}
  targetRef: {kind: API, name: pay}
"""
    put(store, world, api, backend)
    assert world.a.curl("/pay/1/orders").status == 502, "never without the certificate that is named"
    put(store, world, tls_secret("pay-client", ours))
    assert world.a.curl("/pay/1/orders").status == 200
    assert origin.last().peer == ours.der and origin.last().target == "/base/orders"
    assert world.a.curl("/pay/1/other").status == 404 and world.a.curl("/pay/1/orders", method="DELETE").status == 405
    named = backend.replace("host: localhost", "host: 127.0.0.1").replace(
        "    clientCertificateRef", "    allowedSANs: [other.internal]\n    clientCertificateRef")
    put(store, world, named)
    assert world.a.curl("/pay/1/orders").status == 200, "by the name that is written in place of the host's"
    put(store, world, named.replace("other.internal", "wrong.internal"))
    assert world.a.curl("/pay/1/orders").status == 502


def test_a_grpc_route_serves_the_methods_that_it_lists(store, world):
    origin = world.origin("apk grpc route")
    port = int(origin.url.rsplit(":", 1)[1])

    def document(kind, name, spec, version="dp.wso2.com/v1alpha3"):
        return json.dumps({"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec})

    rule = {"backendRefs": [{"group": "dp.wso2.com", "kind": "Backend", "name": "students"}]}
    no_token = {"type": "ExtensionRef", "extensionRef": {"group": "dp.wso2.com", "kind": "Authentication", "name": "no-token"}}
    put(store, world, document("Backend", "students", {"services": [{"host": "127.0.0.1", "port": port}], "protocol": "http"}),
        document("API", "students", {"apiName": "Students", "apiType": "GRPC", "apiVersion": "v1", "basePath": "/org.route.v1",
                                     "isDefaultVersion": True, "production": [{"routeRefs": ["students"]}]}),
        document("Authentication", "no-token", {"default": {"disabled": True}, "targetRef": {"kind": "Resource", "name": "x"}}),
        document("GRPCRoute", "students", {"rules": [
            {**rule, "matches": [{"method": {"service": "students.Open", "method": "Get"}}], "filters": [no_token]},
            {**rule, "matches": [{"method": {"service": "students.Closed"}}]}]}, "gateway.networking.k8s.io/v1"))
    statuses = {route: world.a.curl("/org.route" + route, method="POST").status for route in (
        ".v1.students.Open/Get", ".students.Open/Get", ".v1.students.Open/Drop", ".v1.students.Closed/Get", ".v2.students.Open/Get")}
    assert statuses[".v1.students.Closed/Get"] == 401 and statuses[".v1.students.Open/Drop"] in (404, 405)
    assert statuses[".v2.students.Open/Get"] in (404, 405)
    assert not {statuses[".v1.students.Open/Get"], statuses[".students.Open/Get"]} & {401, 404, 405}
