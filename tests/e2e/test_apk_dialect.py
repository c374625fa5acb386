"""WSO2 APK: apk-conf, Authentication and the ConfigMaps and Secrets beside them, by `sallyctl apply` and by the deployer's
own REST calls. What is stored, read back and refused; what traffic meets is another file's."""

import base64
import json

import pytest
import requests
import yaml

from gateway import DEADLINE, Gateway

# The pages of APK's documentation, with the indentation put back.
EMPLOYEE = """
name: "EmployeeServiceAPI"
basePath: "/employee"
version: "3.14"
type: "REST"
defaultVersion: false
id: "mtls-api"
endpointConfigurations:
  production:
    endpoint: "https://run.mocky.io/v3/1327c339-354b-4080-8296-f6268365e67b"
operations:
  - target: "/employee"
    verb: "GET"
    secured: true
    scopes: []
  - target: "/employee"
    verb: "POST"
    secured: true
    scopes: []
"""
MTLS = """
authentication:
  - authType: mTLS
    required: mandatory # Indicates whether mTLS is mandatory or optional
    certificates:
      - name: mtls-configmap
        key: tls.crt
"""
BOTH = """
authentication:
  - authType: OAuth2
    required: optional
  - authType: mTLS
    required: mandatory
    certificates:
      - name: mtls-configmap        # Name of the ConfigMap containing your mTLS certificate
        key: tls.crt                # Key of the ConfigMap containing your mTLS certificate
"""
AUTHENTICATION = """
apiVersion: "dp.wso2.com/v1alpha2"
kind: "Authentication"
metadata:
  name: "mtls-authentication"
spec:
  default:
    mtls:
      required: mandatory
      configMapRefs: # List of ConfigMaps
        - name: mtls-configmap
          key: tls.crt
      secretRefs: # List of Secrets
        - name: mtls-secret
          key: tls.crt
      certificatesInline: # List of inline certificates
        - |
INLINE
  targetRef:
    group: "gateway.networking.k8s.io"
    kind: "API"
    name: "mtls-api" # API to apply mTLS for
"""
CONFIGMAP_PLACE = "name:configmap/default/mtls-configmap/tls.crt"
SECRET_PLACE = "name:secret/default/mtls-secret/tls.crt"


def indented(pem, blanks):
    return "\n".join(" " * blanks + line for line in pem.decode().splitlines())


def config_map(pem, name="mtls-configmap"):
    return (f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  tls.crt: |\n" + indented(pem, 4) + "\n")


def secret(pem, name="mtls-secret"):
    return json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "Opaque",
                       "data": {"tls.crt": base64.b64encode(pem).decode()}})


class Store:
    def __init__(self, gateway, folder):
        self.gateway = gateway
        self.folder = folder

    def apply(self, *texts, options=(), code=0):
        file = self.folder / "documents.yaml"
        file.write_text("\n---\n".join(texts))
        done = self.gateway.run_ctl("apply", "-f", str(file), *options)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def refused(self, *texts, options=()):
        done = self.apply(*texts, options=options, code=1)
        return done.stdout + done.stderr

    def get(self, kind, name):
        done = self.gateway.run_ctl("get", kind, name, "-o", "json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    def api(self, name="mtls-api"):
        return self.get("api", name)

    def allowlist(self, name="mtls-api"):
        entries = self.api(name).get("clientTls", {}).get("allowlist", [])
        assert all(entry["exact"] for entry in entries)
        return [entry["certificateId"] for entry in entries]

    def clear(self):
        for kind, names in (("dialectobject", ["apk/default/Authentication/mtls-authentication"]),
                            ("api", ["mtls-api"]), ("configmap", ["default/mtls-configmap"]),
                            ("secret", ["default/mtls-secret"])):
            for name in names:
                self.gateway.run_ctl("delete", kind, name, "--force")


@pytest.fixture(scope="module")
def apk_gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("apk"))
    with gateway.stopped_on_failure():
        gateway.start_authsvc()
    yield gateway
    gateway.stop()


@pytest.fixture
def store(apk_gateway, tmp_path):
    store = Store(apk_gateway, tmp_path)
    yield store
    store.clear()


@pytest.fixture(scope="module")
def people(apk_gateway):
    return [apk_gateway.pki.self_signed(f"apk {name}") for name in ("one", "two", "three")]


def certificate_id(pair):
    return "default" + pair.fingerprint


# --- the pages of the documentation

def test_a_config_map_and_an_apk_conf_that_names_it(store, people):
    done = store.apply(config_map(people[0].pem), EMPLOYEE + BOTH)
    assert "Api/mtls-api created" in done.stdout and "ConfigMap/default/mtls-configmap created" in done.stdout
    api = store.api()
    assert api["listenPath"] == "/employee/3.14" and api["style"] == "apk"
    assert api["clientTls"]["staticMtls"] == "REQUIREMENT_MANDATORY"
    assert api["jwts"][0]["requirement"] == "REQUIREMENT_OPTIONAL"
    assert store.allowlist() == [CONFIGMAP_PLACE]
    table = store.gateway.run_ctl("get", "api", "mtls-api").stdout
    assert "static" in table and "/employee/3.14" in table


def test_the_final_file_has_no_oauth2_which_is_then_mandatory(store, people):
    store.apply(config_map(people[0].pem), EMPLOYEE + MTLS)
    assert store.api()["jwts"][0]["requirement"] == "REQUIREMENT_MANDATORY"


def test_an_authentication_with_config_map_secret_and_inline_certificates(store, people):
    one, two, three = people
    documents = [EMPLOYEE, config_map(one.pem), secret(two.pem), AUTHENTICATION.replace("INLINE", indented(three.pem, 10))]
    done = store.apply(*reversed(documents))
    assert "DialectObject/apk/default/Authentication/mtls-authentication created" in done.stdout
    assert "pending: allowlist" not in done.stderr
    assert sorted(store.allowlist()) == sorted([CONFIGMAP_PLACE, SECRET_PLACE, certificate_id(three)])
    again = store.apply(*documents)
    assert "created" not in again.stdout and "updated" not in again.stdout, again.stdout


# --- order, changes, reading back

def test_parts_may_come_in_any_order(store, people):
    one, two, three = people
    authentication = AUTHENTICATION.replace("INLINE", indented(three.pem, 10))
    assert "pending: API mtls-api is not there yet" in store.apply(authentication).stderr
    done = store.apply(EMPLOYEE)
    assert "pending: allowlist: ConfigMap default/mtls-configmap (tls.crt) is not there yet" in done.stderr
    assert len(store.allowlist()) == 3, "what is not there yet is not left out"
    assert "pending" in store.refused(EMPLOYEE, options=("--strict",))
    store.apply(config_map(one.pem), secret(two.pem))
    assert "pending: allowlist" not in store.apply(EMPLOYEE).stderr


def test_an_authentication_changes_an_api_that_is_there_and_replaces_what_it_says(store, people):
    store.apply(config_map(people[0].pem), EMPLOYEE + MTLS)
    off = """
apiVersion: dp.wso2.com/v1alpha2
kind: Authentication
metadata: {name: mtls-authentication}
spec:
  default: {authTypes: {apiKey: {required: mandatory, keys: [{in: Header, name: X-Key}]}}}
  override: {authTypes: {oauth2: {disabled: true}}}
  targetRef: {kind: API, name: mtls-api}
"""
    done = store.apply(off)
    assert "Api/mtls-api updated" in done.stdout
    api = store.api()
    assert api["token"]["headerName"] == "X-Key" and "jwts" not in api and store.allowlist() == []
    store.apply(EMPLOYEE.replace("/v3/", "/v4/") + MTLS)
    assert store.allowlist() == [], "the resource counts as long as it is there"


def test_what_was_put_is_read_back_and_can_be_put_again(store, people):
    three = people[2]
    store.apply(EMPLOYEE, AUTHENTICATION.replace("INLINE", indented(three.pem, 10)))
    name = "apk/default/Authentication/mtls-authentication"
    shown = store.get("dialectobject", name)
    assert shown["spec"]["targetRef"]["name"] == "mtls-api"
    assert shown["spec"]["default"]["mtls"]["certificatesInline"] == [certificate_id(three)]
    assert "unchanged" in store.apply(json.dumps(shown)).stdout


def test_what_goes_with_its_set_no_longer_counts(store, people):
    store.apply(EMPLOYEE)
    store.apply(AUTHENTICATION.replace("INLINE", indented(people[2].pem, 10)), options=("--set", "apk"))
    assert len(store.allowlist()) == 3
    done = store.apply(config_map(people[0].pem), options=("--set", "apk", "--prune"))
    assert "DialectObject/apk/default/Authentication/mtls-authentication pruned" in done.stdout
    assert "Api/mtls-api updated" in done.stdout and store.allowlist() == []


def test_the_namespace_is_that_of_the_apply(store, people):
    store.apply(EMPLOYEE.replace("mtls-api", "elsewhere").replace("/employee", "/else") + MTLS, options=("-n", "apk"))
    assert store.allowlist("elsewhere") == ["name:configmap/apk/mtls-configmap/tls.crt"]
    store.gateway.run_ctl("delete", "api", "elsewhere")


def test_a_directory_of_files_as_users_have_them(store, people):
    directory = store.folder / "employee"
    directory.mkdir()
    (directory / "mtls-configmap.yaml").write_text(config_map(people[0].pem))
    (directory / "EmployeeServiceAPI.apk-conf").write_text(EMPLOYEE + MTLS)
    done = store.gateway.run_ctl("apply", "-f", str(directory))
    assert done.returncode == 0 and "Api/mtls-api created" in done.stdout, done
    assert store.allowlist() == [CONFIGMAP_PLACE]


# --- refusals

@pytest.mark.parametrize("old, new, said", [
    ("    required: mandatory # Indicates whether mTLS is mandatory or optional\n    certificates:\n"
     "      - name: mtls-configmap\n        key: tls.crt\n", "", "invalid mTLS configuration - certificates not provided"),
    ("authType: mTLS", "authType: MTLS", 'did you mean "mTLS"'),
    ("required: mandatory", "require: mandatory", 'did you mean "required"'),
    ('verb: "POST"', 'verb: "POST"\n    secureed: false', 'did you mean "secured"'),
    ("production:", "sandbox:", "sandbox"),
    ('type: "REST"', 'type: "REST"\nsubscriptionValidation: true', "subscriptions do not exist here"),
    ("    endpoint:", "    endpointSecurity: {enabled: true}\n    endpoint:", "endpointSecurity"),
    ('verb: "POST"', 'verb: "POST"\n    operationPolicies: {request: [{policyName: Interceptor}]}', "Interceptor"),
])
def test_what_cannot_be_enforced_is_refused_by_name(store, old, new, said):
    text = (EMPLOYEE + MTLS).replace(old, new)
    assert text != EMPLOYEE + MTLS
    assert said in store.refused(text, options=("--as", "apk-conf"))
    assert store.api() is None


@pytest.mark.parametrize("old, new, said", [
    ('kind: "API"', 'kind: "Resource"', "invalid authentication - mTLS can only be added for APIs"),
    ('    name: "mtls-api" # API to apply mTLS for\n', "", "targetRef.name"),
    ("  default:", "  defaults:", 'did you mean "default"'),
    ("certificatesInline:", "certificateInline:", 'did you mean "certificatesInline"'),
    ("INLINE", "          not a certificate", "certificate"),
])
def test_wrong_authentications_are_refused(store, people, old, new, said):
    text = AUTHENTICATION.replace(old, new).replace("INLINE", indented(people[2].pem, 10))
    assert said in store.refused(EMPLOYEE, text)
    assert store.api() is None, "all or nothing"


def test_a_second_authentication_for_an_api_is_refused(store, people):
    text = AUTHENTICATION.replace("INLINE", indented(people[2].pem, 10))
    store.apply(EMPLOYEE, text)
    assert "has Authentication mtls-authentication already" in store.refused(
        text.replace('"mtls-authentication"', "second"))


@pytest.mark.parametrize("kind", ["BackendJWT", "InterceptorService", "AIProvider", "GQLRoute"])
def test_other_resources_are_refused_by_name(store, kind):
    said = store.refused(f"apiVersion: dp.wso2.com/v1alpha3\nkind: {kind}\nmetadata: {{name: x}}\nspec: {{}}\n")
    assert kind in said


def test_what_apks_own_configuration_says_of_certificates_is_named(store):
    text = """
apiVersion: v1
kind: ConfigMap
metadata: {name: adapter-config}
data:
  config.toml: |
    [adapter.server]
    enabled = true
    [enforcer.security.mutualSSL]
    certificateHeader = "X-OF-ITS-OWN"
    enableClientValidation = false
"""
    done = store.apply(text)
    said = done.stdout + done.stderr
    assert "line 4: enforcer.security.mutualssl.certificateheader" in said and "clientCertificateHeaders" in said, said
    assert "line 5: enforcer.security.mutualssl.enableclientvalidation" in said and "X-OF-ITS-OWN" not in said, said


ISSUER = """
apiVersion: dp.wso2.com/v1alpha2
kind: TokenIssuer
metadata: {name: signer}
spec:
  name: signer
  issuer: https://idp.example/token
  consumerKeyClaim: azp
  scopesClaim: scope
  signatureValidation:
    certificate: {configMapRef: {name: mtls-configmap, key: tls.crt}}
"""


def test_a_token_issuer_is_one_of_the_store_and_apis_without_one_say_so(store, people):
    done = store.apply(config_map(people[0].pem), EMPLOYEE)
    assert "token issuer" in done.stderr, "nobody could call it"
    assert "TokenIssuer/default.signer created" in store.apply(ISSUER).stdout
    issuer = store.get("tokenissuer", "default.signer")
    assert issuer["issuer"] == "https://idp.example/token" and issuer["certificateIds"] == [CONFIGMAP_PLACE]
    assert "token issuer" not in store.apply(EMPLOYEE).stderr
    assert "issuer" in store.refused(ISSUER.replace("  issuer: https", "  isuer: https"))
    store.gateway.run_ctl("delete", "tokenissuer", "default.signer", "--force")


def test_yaml_of_the_store_is_yaml(store, people):
    store.apply(config_map(people[0].pem), EMPLOYEE + MTLS)
    shown = yaml.safe_load(store.gateway.run_ctl("get", "api", "mtls-api", "-o", "yaml").stdout)
    assert shown


# --- the deployer's own calls

CONF = "apkConfiguration"


def call(gateway, path, key=None, method="POST", **more):
    headers = {"Authorization": f"Bearer {gateway.admin_key if key is None else key}", **more.pop("headers", {})}
    return requests.request(method, f"https://127.0.0.1:{gateway.admin_port}/api/deployer{path}", headers=headers,
                            verify=False, timeout=2 * DEADLINE, **more)


def deploy(gateway, conf=None, key=None, definition=None, files=None):
    parts = files if files is not None else {CONF: ("a.apk-conf", conf, "application/octet-stream")}
    if definition is not None:
        parts["definitionFile"] = ("a.yaml", definition)
    return call(gateway, "/apis/deploy", key, files=parts)


def undeploy(gateway, name, key=None):
    return call(gateway, "/apis/undeploy", key, params={"apiId": name})


def test_deployed_and_undeployed(store, people):
    gateway = store.gateway
    answer = deploy(gateway, EMPLOYEE + MTLS, definition="openapi: 3.0.1\n")
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("application/yaml"), answer.text
    assert yaml.safe_load(answer.text) == yaml.safe_load(EMPLOYEE + MTLS)
    assert "definitionFile" in answer.headers["X-Sallyport-Warning"]
    assert store.allowlist() == [CONFIGMAP_PLACE]
    changed = deploy(gateway, answer.text.replace("/v3/", "/v4/"))
    assert changed.status_code == 200 and "/v4/" in store.api()["upstream"]["targets"][0]["url"]
    gone = undeploy(gateway, "mtls-api")
    assert (gone.status_code, gone.json()) == (202, {"status": "API with id mtls-api undeployed successfully"})
    assert store.api() is None
    again = undeploy(gateway, "mtls-api")
    assert (again.status_code, again.json()["code"]) == (404, 909001)


def test_an_id_is_made_and_told(store):
    conf = EMPLOYEE.replace('id: "mtls-api"\n', "")
    made = yaml.safe_load(deploy(store.gateway, conf).text)["id"]
    assert len(made) == 40 and store.api(made)["name"] == "EmployeeServiceAPI"
    assert yaml.safe_load(deploy(store.gateway, conf).text)["id"] == made, "the same API again"
    assert undeploy(store.gateway, made).status_code == 202


def test_a_deployed_api_obeys_an_authentication_that_is_there(store, people):
    store.apply(AUTHENTICATION.replace("INLINE", indented(people[2].pem, 10)))
    assert deploy(store.gateway, EMPLOYEE).status_code == 200
    assert len(store.allowlist()) == 3


def test_what_a_deployed_api_brings_goes_with_it(store):
    conf = EMPLOYEE.replace("    endpoint:", "    certificate: {secretName: ca, secretKey: ca.crt}\n    endpoint:")
    assert deploy(store.gateway, conf).status_code == 200
    assert store.get("trustbundle", "mtls-api.endpoint") is not None
    assert undeploy(store.gateway, "mtls-api").status_code == 202
    assert store.get("trustbundle", "mtls-api.endpoint") is None


def test_without_an_admin_key_nothing_is_read(store):
    for key in ("", "wrong"):
        for answer in (deploy(store.gateway, EMPLOYEE, key=key), undeploy(store.gateway, "mtls-api", key=key)):
            assert answer.status_code == 403 and store.gateway.admin_key not in answer.text
    answer = call(store.gateway, "/apis/deploy", key="", files={CONF: EMPLOYEE},
                  headers={"X-Tyk-Authorization": store.gateway.admin_key})
    assert answer.status_code == 403, "another surface's header"
    assert store.api() is None


@pytest.mark.parametrize("old, new, status, code, said", [
    ('type: "REST"', 'type: "REST"\ncorsConfiguration: {corsConfigurationEnabled: "true"}', 400, 909029,
     "#/corsConfiguration/corsConfigurationEnabled"),
    ("verb: \"POST\"", "verb: \"BREW\"", 400, 909029, "#/operations/1/verb"),
    ("name:", "nam:", 400, 909029, "#/name"),
    ("name:", "name: [", 400, 909029, "line"),
    ('type: "REST"', 'type: "REST"\nnickname: x', 400, 909029, "#/nickname"),
])
def test_wrong_apk_confs_are_refused_with_the_deployers_codes(store, old, new, status, code, said):
    answer = deploy(store.gateway, EMPLOYEE.replace(old, new))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert said in answer.text and store.api() is None


def test_the_deployers_other_codes(store):
    gateway = store.gateway
    none = deploy(gateway, EMPLOYEE[:EMPLOYEE.index("operations:")] + "operations: []\n")
    assert (none.status_code, none.json()["code"]) == (406, 909021)
    both = deploy(gateway, EMPLOYEE.replace('verb: "GET"', 'verb: "GET"\n    rateLimit: {requestsPerUnit: 1, unit: Day}')
                  + "rateLimit: {requestsPerUnit: 1, unit: Day}\n")
    assert (both.status_code, both.json()["code"]) == (406, 909026)
    missing = deploy(gateway, files={"definitionFile": "x"})
    assert (missing.status_code, missing.json()["code"]) == (406, 909018)
    assert deploy(gateway, EMPLOYEE).status_code == 200
    taken = deploy(gateway, EMPLOYEE.replace("mtls-api", "other-api"))
    assert (taken.status_code, taken.json()["code"]) == (409, 909012)
    store.apply("apiVersion: sallyport/v1\nkind: Api\nid: native\nlistenPath: /native\nkeyless: true\n"
                "upstream: {targets: [{url: 'http://up.example'}]}\n")
    other = deploy(gateway, EMPLOYEE.replace("mtls-api", "native"))
    assert (other.status_code, other.json()["code"]) == (409, 909011)
    assert undeploy(gateway, "native").status_code == 404, "not one of its own"
    gateway.run_ctl("delete", "api", "native")


def test_the_deployer_leaves_other_namespaces_alone(store):
    gateway = store.gateway
    store.apply(EMPLOYEE, options=("-n", "payments"))
    before = store.api()
    taken = deploy(gateway, EMPLOYEE.replace("/v3/", "/v4/"))
    assert (taken.status_code, taken.json()["code"]) == (409, 909011), taken.text
    assert undeploy(gateway, "mtls-api").status_code == 404
    assert store.api() == before


def test_other_paths_and_methods_of_the_deployer(store):
    gateway = store.gateway
    for path, status in (("/apis/deploy", 405), ("/apis", 404), ("", 404)):
        assert call(gateway, path, method="GET").status_code == status, path


# --- API, HTTPRoute, Backend, Scope

API = """
apiVersion: dp.wso2.com/v1alpha3
kind: API
metadata: {name: staff}
spec:
  apiName: StaffAPI
  apiType: REST
  apiVersion: "1.0"
  basePath: /staff/1.0
  production: [{routeRefs: [staff-route]}]
"""
ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: staff-route}
spec:
  hostnames: [staff.gw.test]
  parentRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: default}]
  rules:
    - matches: [{path: {type: PathPrefix, value: /people}, method: GET}]
      filters: [{type: ExtensionRef, extensionRef: {group: dp.wso2.com, kind: Scope, name: staff-read}}]
      backendRefs: [{group: dp.wso2.com, kind: Backend, name: staff-backend}]
"""
BACKEND = """
apiVersion: dp.wso2.com/v1alpha2
kind: Backend
metadata: {name: staff-backend}
spec:
  services: [{host: staff.internal, port: 8443}]
  protocol: https
  basePath: /v1
  tls:
    configMapRef: {name: staff-ca, key: ca.crt}
    clientCertificateRef: {name: staff-client}
"""
SCOPE = """
apiVersion: dp.wso2.com/v1alpha1
kind: Scope
metadata: {name: staff-read}
spec: {names: ["staff:read"]}
"""
STAFF = ["apk/default/API/staff", "apk/default/HTTPRoute/staff-route", "apk/default/Backend/staff-backend",
         "apk/default/Scope/staff-read"]


@pytest.fixture
def staff(store):
    yield store
    store.gateway.run_ctl("delete", "api", "default.staff", "--force")
    for name in STAFF:
        store.gateway.run_ctl("delete", "dialectobject", name)


def test_an_api_of_its_resources_serves_nothing_until_the_last_came(staff):
    for text, missing in ((API, "HTTPRoute staff-route"), (SCOPE, ""), (ROUTE, "Backend staff-backend")):
        done = staff.apply(text)
        assert missing in done.stderr and staff.api("default.staff") is None
    done = staff.apply(BACKEND)
    assert "Api/default.staff created" in done.stdout
    assert "pending: client certificate: Secret default/staff-client (tls.crt) is not there yet" in done.stderr
    api = staff.api("default.staff")
    assert api["listenPath"] == "/staff/1.0" and api["hosts"] == ["staff.gw.test"] and api["style"] == "apk"
    assert [one["path"] for one in api["versions"][0]["operations"]] == ["/people/*", "/people"]
    assert api["versions"][0]["operations"][0]["scopes"] == ["staff:read"]
    assert api["upstream"]["targets"][0]["url"] == "https://staff.internal:8443/v1"
    certificates = api["upstream"]["clientCertificates"]["certificateIds"]
    assert certificates == {"staff.internal:8443": "name:secret/default/staff-client/tls.crt"}
    bundle = staff.get("trustbundle", "default.staff.endpoint")
    assert bundle["certificateIds"] == ["name:configmap/default/staff-ca/ca.crt"]


def test_an_api_of_its_resources_follows_each_of_them(staff, people):
    staff.apply(API, ROUTE, BACKEND, SCOPE)
    again = staff.apply(SCOPE, API, BACKEND, ROUTE)
    assert "created" not in again.stdout and "updated" not in again.stdout, again.stdout
    assert "Api/default.staff updated" in staff.apply(BACKEND.replace("basePath: /v1", "basePath: /v2")).stdout
    authentication = AUTHENTICATION.replace('name: "mtls-api"', "name: staff").replace("INLINE", indented(people[2].pem, 10))
    staff.apply(authentication)
    assert len(staff.allowlist("default.staff")) == 3
    said = staff.refused(ROUTE.replace("type: PathPrefix", "type: Regex"))
    assert "Exact, PathPrefix or RegularExpression" in said


def test_an_api_goes_with_a_part_of_it_and_comes_back(staff):
    staff.apply(API, ROUTE, BACKEND)
    staff.apply(SCOPE, options=("--set", "staff-scopes"))
    assert staff.api("default.staff") is not None
    done = staff.apply(config_map_without_certificate(), options=("--set", "staff-scopes", "--prune"))
    assert "Api/default.staff deleted" in done.stdout and staff.api("default.staff") is None
    staff.apply(SCOPE)
    assert staff.api("default.staff") is not None
    staff.gateway.run_ctl("delete", "configmap", "default/nothing")


def config_map_without_certificate():
    return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nothing}\ndata: {a: b}\n"
