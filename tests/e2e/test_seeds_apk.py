"""The page about WSO2 APK's mutual TLS, from its first file to its last curl: `kubectl apply` is `sallyctl apply`, the deployer is
asked as it is in APK. Access tokens are of an issuer of the tests."""

import contextlib
import json
import urllib.parse

import pytest
import requests

from gateway import DEADLINE
from shell import sallyctl, shell
from test_apk_dialect import AUTHENTICATION, BOTH, EMPLOYEE, MTLS, Store, config_map, indented, secret
from tokens import TokenServer

HEADER = "X-WSO2-CLIENT-CERTIFICATE"
PATH = "/employee/3.14/employee"


@pytest.fixture(scope="module")
def origin(world):
    return world.origin("employees")


@pytest.fixture(scope="module")
def token(world, tmp_path_factory):
    """An access token of the one issuer, whose certificate is in its resource."""
    server = TokenServer(world, "identity provider")
    signs = world.pki.issue("token signer", private=server.keys[0].private)
    store = Store(world.gateway, tmp_path_factory.mktemp("issuer"))
    store.apply(f"""
apiVersion: dp.wso2.com/v1alpha2
kind: TokenIssuer
metadata: {{name: identity}}
spec:
  name: identity
  issuer: {server.issuer}
  consumerKeyClaim: azp
  scopesClaim: scope
  signatureValidation:
    certificate:
      certificateInline: |
{indented(signs.pem, 8)}
""")
    return server.token()


@pytest.fixture(scope="module")
def people(world):
    return [world.pki.self_signed(f"employee {name}") for name in ("one", "two", "three", "other")]


@pytest.fixture
def store(world, tmp_path):
    made = Store(world.gateway, tmp_path)
    yield made
    made.clear()
    for name in ("configmap", "secret"):
        world.gateway.run_ctl("delete", name, f"apk/mtls-{name}", "--force")
    world.gateway.run_ctl("delete", "dialectobject", "apk/apk/Authentication/mtls-authentication")
    world.gateway.settle()


def employee(origin, more=""):
    return EMPLOYEE.replace("https://run.mocky.io", origin.url) + more


def status(world, token=None, client=None, **more):
    headers = ([f"Authorization: bearer {token}"] if token else []) + more.pop("headers", [])
    return world.a.curl(PATH, client=client, headers=headers, **more).status


def test_the_api_before_mutual_tls(world, store, origin, token, people):
    store.apply(employee(origin))
    world.gateway.settle()
    assert status(world, token) == 200 and origin.last().target.endswith("/employee")
    assert status(world, token, method="POST", data="{}") == 200
    assert status(world, client=people[0]) == 401 and status(world) == 401
    assert status(world, token, method="DELETE") == 405


def test_a_directory_in_a_namespace(world, store, origin, token, people):
    """`kubectl apply -f . -n <namespace>` with the ConfigMap of the page, and the file with mTLS mandatory and OAuth2 optional."""
    text = config_map(people[0].pem).replace("  name: mtls-configmap\n",
                                             "  name: mtls-configmap # Provide this name to the apk-conf file.\n  namespace: apk\n")
    (store.folder / "configmap.yaml").write_text(text.replace("tls.crt: |", "tls.crt: | # Provide this key to the apk-conf file."))
    (store.folder / "EmployeeServiceAPI.apk-conf").write_text(employee(origin, BOTH))
    told = shell(store.folder, f"{sallyctl(world.gateway)} apply -f . -n apk")
    assert "ConfigMap/apk/mtls-configmap created" in told and "Api/mtls-api created" in told
    world.gateway.settle()
    assert store.allowlist() == ["name:configmap/apk/mtls-configmap/tls.crt"]
    assert status(world, client=people[0]) == 200 and status(world, token, people[0]) == 200
    for client in (None, people[3]):
        assert status(world, client=client) == 401 and status(world, token, client) == 401


def deploy(world, conf):
    answer = requests.post(f"https://127.0.0.1:{world.gateway.admin_port}/api/deployer/apis/deploy", verify=False,
                           headers={"Authorization": f"Bearer {world.gateway.admin_key}"}, timeout=2 * DEADLINE,
                           files={"apkConfiguration": ("EmployeeServiceAPI.apk-conf", conf, "application/octet-stream")})
    assert answer.status_code == 200, answer.text
    world.gateway.settle()


def test_the_final_file_by_the_deployer(world, store, origin, token, people):
    """Without OAuth2 in the list it is mandatory: certificate and token are both needed."""
    store.apply(config_map(people[0].pem))
    deploy(world, employee(origin, MTLS))
    assert status(world, token, people[0]) == 200
    before = len(origin.requests)
    assert [status(world, token), status(world, token, people[3]), status(world, client=people[0]), status(world)] == [401] * 4
    assert len(origin.requests) == before


def test_optional_means_that_a_certificate_that_is_sent_must_be_valid(world, store, origin, token, people):
    store.apply(config_map(people[0].pem))
    deploy(world, employee(origin, MTLS).replace("required: mandatory", "required: optional"))
    assert status(world, token) == 200 and status(world, token, people[0]) == 200
    assert status(world, token, people[3]) == 401 and status(world, client=people[0]) == 401


def test_an_authentication_resource_with_certificates_of_three_places(world, store, origin, token, people):
    one, two, three, other = people
    authentication = AUTHENTICATION.replace("INLINE", indented(two.pem, 10) + "\n        - |\n" + indented(three.pem, 10))
    extra = world.pki.self_signed("employee of the Secret")
    store.apply(employee(origin), config_map(one.pem), secret(extra.pem), authentication, options=("-n", "apk"))
    world.gateway.settle()
    assert [status(world, token, client) for client in (one, two, three, extra)] == [200] * 4
    assert [status(world, token, other), status(world, token), status(world, client=one)] == [401] * 3


@contextlib.contextmanager
def proxies(store, *addresses):
    document = {"apiVersion": "sallyport/v1", "kind": "GatewaySettings",
                "spec": {"trustedProxies": list(addresses), "clientCertificateHeaders": [HEADER]}}
    store.apply(json.dumps(document))
    store.gateway.settle()
    try:
        yield
    finally:
        store.apply(json.dumps({**document, "spec": {}}))
        store.gateway.settle()


def test_the_certificate_in_the_header_from_a_trusted_proxy_and_nobody_else(world, store, origin, token, people):
    """The page's last curl."""
    listed, other = people[0], people[3]
    store.apply(config_map(listed.pem), employee(origin, MTLS))
    world.gateway.settle()

    def curl(certificate, credential=token):
        port = world.a.port
        return shell(store.folder, f"curl -s -k -o answer -w '%{{http_code}}' --location 'https://localhost:{port}{PATH}' "
                     f"--header 'Host: localhost' --header 'Authorization: bearer {credential}' --header '{HEADER}: {certificate}'")
    one_line, escaped = (listed.pem.decode().strip().replace("\n", " "), urllib.parse.quote(listed.pem.decode()))
    with proxies(store, "127.0.0.2"):
        assert curl(one_line) == curl(escaped) == "401", "from an address that is none of a proxy"
    with proxies(store, "127.0.0.1"):
        assert curl(one_line) == curl(escaped) == "200"
        assert origin.last().one(HEADER) is None
        assert curl(urllib.parse.quote(other.pem.decode())) == "401" and curl(escaped, "none") == "401"
        assert curl("rubbish") == "401"
