"""What was put, by each dialect, is read back so that it can be put again: on the same system, where nothing changes, and on an
empty one, which then decides alike. Private keys are never read out: whoever moves brings them along."""

import base64
import hashlib
import json
import pathlib

import pytest
import requests
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519

from cluster import tls_secret
from conftest import World
from gateway import DEADLINE, classic, oas, session
from test_apk_dialect import EMPLOYEE, config_map, indented
from tokens import TokenServer, bearer

KINDS = ("certificate", "trustbundle", "tokenissuer", "listener", "settings", "configmap", "secret", "dialectobject", "api", "policy",
         "key")


class Installation(World):
    """With one data plane; what it serves its clients and upstreams know of another one it knows too."""

    def __init__(self, directory, like=None):
        self._like, self.folder = like, pathlib.Path(directory)
        super().__init__(directory)

    def start(self):
        if self._like is not None:
            (self.trust / "any name.pem").write_bytes(self._like.upstream_ca.pem)
        self.gateway.start_authsvc()
        self.a = self.gateway.start_dataplane(system_trust=self.trust)

    def apply(self, text, *options, code=0):
        file = self.folder / "documents.yaml"
        file.write_text(text)
        done = self.gateway.run_ctl("apply", "-f", str(file), *options)
        assert done.returncode == code, done.stdout + done.stderr
        self.gateway.settle()
        return done

    def read_back(self, *kinds):
        """Everything of these kinds, as the documents that `get` prints."""
        texts = [self.gateway.run_ctl("get", kind, "-o", "yaml").stdout.strip() for kind in kinds or KINDS]
        text = "\n---\n".join(text for text in texts if text)
        assert "PRIVATE KEY" not in text and "hush" not in text
        return text

    def rest(self, method, path, body=None, **more):
        answer = self.gateway.rest(method, path, body, **more)
        assert answer.status_code in (200, 201), (path, answer.text)
        return answer.json()

    def apisix(self, method, path, body=None):
        answer = requests.request(method, f"https://127.0.0.1:{self.gateway.admin_port}/apisix/admin{path}", json=body, verify=False,
                                  headers={"X-API-KEY": self.gateway.admin_key}, timeout=2 * DEADLINE)
        assert answer.status_code in (200, 201), (path, answer.text)
        assert "PRIVATE KEY" not in answer.text
        return answer.json()

    def deployer(self, conf):
        answer = requests.post(f"https://127.0.0.1:{self.gateway.admin_port}/api/deployer/apis/deploy", verify=False,
                               headers={"Authorization": f"Bearer {self.gateway.admin_key}"}, timeout=2 * DEADLINE,
                               files={"apkConfiguration": ("a.apk-conf", conf, "application/octet-stream")})
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    made = Installation(tmp_path_factory.mktemp("here"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def parties(here):
    """Who calls, with what the gateway presents upstream, and the upstream."""
    class Parties:
        listed, keyed, tyks, other, ours = (here.client(name) for name in ("listed", "keyed", "keyed by Tyk", "other", "ours"))
        origin = here.tls_origin("upstream", client_ca=here.client_ca)
        issuer = TokenServer(here, "issuer")
        signs = here.pki.issue("signs", private=issuer.keys[0].private)
        open = here.origin("upstream without mutual TLS")
        url = f"https://localhost:{origin.port}/"
    return Parties


def certificate_id(pair):
    return "default" + pair.fingerprint


def bring(world, parties, *callers):
    """What is never read out: the gateway's own key pair; and the callers' certificates."""
    for pem in (parties.ours.pem + parties.ours.key_pem, *(pair.pem for pair in callers)):
        answer = world.gateway.rest("POST", "/tyk/certs", pem)
        assert answer.status_code == 200 or "already exists" in answer.text, answer.text


def decisions(world, parties, host, **more):
    """For each caller the status, the refusal's text without its id, and which certificate the upstream was shown."""
    seen = {}
    for name, client in (("listed", parties.listed), ("keyed", parties.keyed), ("tyks", parties.tyks), ("other", parties.other), ("nobody", None)):
        before = len(parties.origin.requests)
        path = "/employee/3.14/employee" if host == APK else "/x"
        answer = world.a.curl(path, host=host, client=client, **more)
        shown = parties.origin.last().peer == parties.ours.der if len(parties.origin.requests) > before else None
        told = None if answer.status == 200 else answer.body.replace(answer.headers.get("x-request-id", "no id"), "ID")
        seen[name] = answer.status, told, shown
    return seen


def admitted(seen):
    """Whom they let in, always with our certificate where the upstream asks for one."""
    assert all(shown in (None, True) for _, _, shown in seen.values()), seen
    return {name for name, (status, _, _) in seen.items() if status == 200}


# --- what each dialect puts; answers who is let in where

TOKEN = "hush-hush-token-of-a-partner"
EVERYBODY = {"listed", "keyed", "tyks", "other", "nobody"}


def put_native(world, parties):
    bring(world, parties)
    upstream = {"targets": [{"url": parties.url}], "clientCertificates": {"certificateIds": {"*": certificate_id(parties.ours)}}}

    def document(kind, called, **spec):
        return json.dumps({"apiVersion": "sallyport/v1", "kind": kind, "metadata": {"name": called}, "spec": spec})

    def api(name, **spec):
        return document("Api", name, name=name, hosts=[f"{name}.gw.test"], listenPath="/", upstream=upstream, **spec)
    documents = [
        document("Certificate", "", pem=parties.listed.pem.decode()), document("Certificate", "", pem=parties.keyed.pem.decode()),
        document("Certificate", "", pem=parties.signs.pem.decode()), document("Certificate", "root", pem=world.client_ca.pem.decode()),
        document("TrustBundle", "clients", certificateIds=["name:root"]),
        document("TokenIssuer", "idp", issuer=parties.issuer.issuer, certificateIds=[certificate_id(parties.signs)]),
        document("GatewaySettings", "gateway", trustedProxies=["127.0.0.9"], clientCertificateHeaders=["X-SSL-Cert"]),
        api("nat-static", keyless=True, clientTls={"staticMtls": "REQUIREMENT_MANDATORY",
                                                   "allowlist": [{"certificateId": certificate_id(parties.listed)}]}),
        api("nat-root", keyless=True, clientTls={"staticMtls": "REQUIREMENT_MANDATORY", "allowlist": [{"certificateId": "name:root"}]}),
        api("nat-key", clientTls={"dynamicMtls": True}),
        api("nat-jwt", jwts=[{"requirement": "REQUIREMENT_MANDATORY"}]),
        api("nat-token", token={"enabled": True, "headerName": "X-Token"}),
        document("Key", "tokened", token=TOKEN, accessRights=[{"apiId": "nat-token", "apiName": "nat-token", "versions": ["Default"]}]),
        document("Policy", "gold", name="gold", accessRights=[{"apiId": "nat-key", "apiName": "nat-key", "versions": ["Default"]}]),
        document("Key", "keyed", alias="partner", certificateIds=[certificate_id(parties.keyed)], policyIds=["gold"]),
    ]
    world.apply("\n---\n".join(documents))
    return {"nat-static.gw.test": {"listed"}, "nat-root.gw.test": {"listed", "keyed", "tyks", "other"}, "nat-key.gw.test": {"keyed"},
            "nat-jwt.gw.test": set(), "nat-token.gw.test": set()}


def put_classic(world, parties):
    bring(world, parties, parties.listed, parties.tyks)
    upstream = {"upstream_certificates": {"*": certificate_id(parties.ours)}}
    for definition in (
            classic("cl-static", parties.url, domain="cl-static.gw.test", use_keyless=True, use_mutual_tls_auth=True,
                    client_certificates=[certificate_id(parties.listed)], **upstream),
            classic("cl-key", parties.url, domain="cl-key.gw.test", auth_configs={"authToken": {"use_certificate": True}}, **upstream)):
        world.rest("POST", "/tyk/apis", definition)
    rights = {"cl-key": {"api_id": "cl-key", "api_name": "cl-key", "versions": ["Default"]}}
    world.rest("POST", "/tyk/policies", {"id": "silver", "org_id": "default", "name": "silver", "rate": 0, "per": 0, "quota_max": -1,
                                         "active": True, "access_rights": rights})
    world.gateway.create_key(session("cl-key", certificate_id(parties.tyks), apply_policies=["silver"], alias="partner"))
    world.gateway.settle()
    return {"cl-static.gw.test": {"listed"}, "cl-key.gw.test": {"tyks"}}


def put_oas(world, parties):
    bring(world, parties, parties.listed)
    world.rest("POST", "/tyk/apis/oas", oas(
        "oas-static", parties.url, server={"clientCertificates": {"enabled": True, "allowlist": [certificate_id(parties.listed)]}},
        upstream={"mutualTLS": {"enabled": True, "domainToCertificateMapping": [
            {"domain": "localhost", "certificate": certificate_id(parties.ours)}]}}))
    world.gateway.settle()
    return {"oas-static.gw.test": {"listed"}}


def put_operator(world, parties):
    definition = oas("x", parties.url)
    extension = definition["x-tyk-api-gateway"]
    extension["info"].pop("id")
    extension["server"]["customDomain"]["name"] = "op-oas.gw.test"
    config_map_of = json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "op-oas"},
                                "data": {"oas.json": json.dumps(definition)}})
    by_oas = {"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "TykOasApiDefinition", "metadata": {"name": "op-oas"}, "spec": {
        "tykOAS": {"configmapRef": {"name": "op-oas", "keyName": "oas.json"}},
        "clientCertificate": {"enabled": True, "allowlist": ["callers"]},
        "mutualTLS": {"enabled": True, "domainToCertificateMapping": [{"domain": "localhost", "certificateRef": "ours"}]}}}
    by_classic = classic("x", parties.url, domain="op-classic.gw.test", use_keyless=True, use_mutual_tls_auth=True,
                         client_certificate_refs=["callers"], upstream_certificate_refs={"*": "ours"})
    del by_classic["api_id"]
    world.apply("\n---\n".join([
        tls_secret("callers", parties.listed.pem), tls_secret("ours", parties.ours.pem, parties.ours.key_pem),
        json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "opaque"}, "stringData": {"token": "hush-hush"}}),
        config_map_of, json.dumps(by_oas),
        json.dumps({"apiVersion": "tyk.tyk.io/v1alpha1", "kind": "ApiDefinition", "metadata": {"name": "op-classic"}, "spec": by_classic})]))
    return {"op-oas.gw.test": {"listed"}, "op-classic.gw.test": {"listed"}}


OAUTH2_OFF = """
apiVersion: dp.wso2.com/v1alpha2
kind: Authentication
metadata: {name: mtls-authentication}
spec:
  default:
    authTypes:
      oauth2: {disabled: true}
      mtls:
        required: mandatory
        configMapRefs: [{name: mtls-configmap, key: tls.crt}]
        certificatesInline:
          - |
INLINE
  targetRef: {group: gateway.networking.k8s.io, kind: API, name: mtls-api}
"""
APK = "apk.gw.test"  # any name: an apk-conf names none


def put_apk(world, parties):
    """An Authentication says who may call the API of an apk-conf. Its upstream takes anybody's certificate, and none."""
    conf = EMPLOYEE.replace("https://run.mocky.io", parties.open.url)
    world.apply(conf + "\n---\n" + config_map(parties.listed.pem) + "\n---\n" + OAUTH2_OFF.replace("INLINE", indented(parties.keyed.pem, 12)))
    return {APK: {"listed", "keyed"}}


# --- by `get`, for all dialects together

@pytest.fixture(scope="module")
def filled(here, parties):
    expected = {}
    for put in (put_native, put_operator, put_apk):
        expected.update(put(here, parties))
    return expected


def test_what_get_prints_changes_nothing_where_it_is_put_again(here, parties, filled):
    """At first each is written once more: it was put in another dialect, or in other words."""
    before, seen = here.read_back(), {host: decisions(here, parties, host) for host in filled}
    assert before.count("kind: ") > 20
    assert "created" not in here.apply(before).stdout
    assert here.read_back() == before
    lines = here.apply(before).stdout.splitlines()
    assert lines and all(line.endswith(" unchanged") for line in lines), lines
    assert {host: decisions(here, parties, host) for host in filled} == seen
    assert admitted(decisions(here, parties, "nat-token.gw.test", headers=[f"X-Token: {TOKEN}"])) == EVERYBODY, "a token is kept"


def test_what_get_prints_makes_an_empty_system_decide_alike(here, parties, filled, tmp_path):
    empty = Installation(tmp_path, like=here)
    try:
        text = here.read_back()
        bring(empty, parties)
        refused = empty.apply(text, code=1)
        assert "opaque" in refused.stdout and "write its value under data" in refused.stdout, "what nobody reads out must be brought"
        given = json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "opaque"}, "stringData": {"token": "hush-hush"}})
        empty.apply(given)
        # A private key is given through a Secret only where the Secret brought it.
        empty.apply(tls_secret("ours", parties.ours.pem, parties.ours.key_pem))
        empty.apply(text)
        for host, expected in filled.items():
            seen = decisions(here, parties, host)
            assert admitted(seen) == expected, host
            assert decisions(empty, parties, host) == seen, host
        token = [bearer(parties.issuer.token())]
        for world in (here, empty):
            assert admitted(decisions(world, parties, "nat-jwt.gw.test", headers=token)) == EVERYBODY
        known, token = "nat-token.gw.test", {"headers": [f"X-Token: {TOKEN}"]}
        assert admitted(decisions(empty, parties, known, **token)) == set(), "a token is no part of what is read out"
        key = next(one for one in yaml.safe_load_all(text) if one["kind"] == "Key" and one["id"] == "tokened")
        empty.apply(json.dumps({**key, "token": TOKEN}))
        assert decisions(empty, parties, known, **token) == decisions(here, parties, known, **token)
        assert empty.read_back() == text
    finally:
        empty.close()


# --- by each dialect's own calls

@pytest.fixture(scope="module")
def twins(here, parties, tmp_path_factory):
    """Two of them: one that has everything, and an empty one."""
    made = Installation(tmp_path_factory.mktemp("twin"), like=here)
    yield here, made
    made.close()


def alike(twins, parties, expected, besides=()):
    """`besides`: callers that one of the two knows from elsewhere, so that it refuses them with other words."""
    for world in twins:
        world.gateway.settle()
    for host, whom in expected.items():
        seen = [decisions(world, parties, host) for world in twins]
        assert [admitted(one) for one in seen] == [whom, whom], host
        for name in besides:
            assert all(one.pop(name)[0] in (401, 403) for one in seen)
        assert seen[0] == seen[1], host


def test_tyk_classic_by_rest(twins, parties):
    """Definitions as a file of what GET answers, policies and keys by their own calls."""
    here, there = twins
    expected = put_classic(here, parties)
    bring(there, parties, parties.listed, parties.tyks)
    definitions = [one for one in here.rest("GET", "/tyk/apis") if one["api_id"].startswith("cl-")]
    assert len(definitions) == 2
    there.apply(json.dumps(definitions))
    for one in definitions:
        assert there.rest("GET", f"/tyk/apis/{one['api_id']}") == here.rest("GET", f"/tyk/apis/{one['api_id']}") == one
        here.rest("PUT", f"/tyk/apis/{one['api_id']}", one)
        assert here.rest("GET", f"/tyk/apis/{one['api_id']}") == one
    policy = here.rest("GET", "/tyk/policies/silver")
    there.rest("POST", "/tyk/policies", policy)
    assert there.rest("GET", "/tyk/policies/silver") == policy
    key = f"/tyk/keys/{certificate_id(parties.tyks)}"
    there.gateway.create_key(here.rest("GET", key))
    sessions = [world.rest("GET", key) for world in twins]
    for one in sessions:
        for name in ("date_created", "last_updated"):
            one.pop(name, None)
    assert sessions[0] == sessions[1]
    alike(twins, parties, expected, besides=["keyed"])


def test_tyk_oas_by_rest(twins, parties):
    here, there = twins
    expected = put_oas(here, parties)
    bring(there, parties, parties.listed)
    definition = here.rest("GET", "/tyk/apis/oas/oas-static")
    there.rest("POST", "/tyk/apis/oas", definition)
    assert there.rest("GET", "/tyk/apis/oas/oas-static") == definition
    alike(twins, parties, expected)


def test_apk_by_the_deployer(twins, parties):
    """The file that the deployer answers, and the resources as `get dialectobject` prints them."""
    here, there = twins
    put_apk(here, parties)
    conf = here.deployer(EMPLOYEE.replace("https://run.mocky.io", parties.open.url))
    there.apply(here.read_back("certificate", "configmap", "dialectobject"))
    assert there.deployer(conf) == conf and here.deployer(conf) == conf
    alike(twins, parties, {APK: {"listed", "keyed"}})


def test_apisix_by_its_admin_api(twins, parties):
    here, there = twins
    server = here.pki.issue("page", here.gateway.server_ca, sans=["ax.gw.test"])
    put = {
        "/ssls/1": {"cert": server.pem.decode(), "key": server.key_pem.decode(), "snis": ["ax.gw.test"],
                    "client": {"ca": parties.listed.issuer.pem.decode(), "depth": 3}},
        "/upstreams/1": {"type": "roundrobin", "scheme": "https", "pass_host": "node", "nodes": {f"localhost:{parties.origin.port}": 1},
                         "tls": {"client_cert": parties.ours.pem.decode(), "client_key": parties.ours.key_pem.decode()}},
        "/routes/1": {"uri": "/*", "host": "ax.gw.test", "upstream_id": "1", "plugins": {"key-auth": {}}},
        "/consumers": {"username": "jack", "plugins": {"key-auth": {"key": "hush-hush-hush"}}},
    }
    secrets = {"/ssls/1": ("key",), "/upstreams/1": ("tls", "client_key"), "/consumers": ("plugins", "key-auth", "key")}
    for path, document in put.items():
        here.apisix("PUT", path, document)
    for path, document in put.items():
        where = "/consumers/jack" if path == "/consumers" else path
        read = here.apisix("GET", where)["value"]
        for name in ("create_time", "update_time"):
            del read[name]
        assert "hush" not in json.dumps(read)
        here.apisix("PUT", path, read)
        again = here.apisix("GET", where)["value"]
        assert {name: again[name] for name in read} == read, "what is left out is kept"
        if path in secrets:
            *above, last = secrets[path]
            at, of = read, document
            for name in above:
                at, of = at.setdefault(name, {}), of[name]
            at[last] = of[last]
        there.apisix("PUT", path, read)
    jack = ["apikey: hush-hush-hush"]
    for world in twins:
        world.gateway.settle()
        world.a.gateway.server_ca = here.gateway.server_ca
    for more, whom in (({}, set()), ({"headers": jack}, {"listed", "keyed", "tyks", "other"})):
        seen = decisions(here, parties, "ax.gw.test", **more)
        assert admitted(seen) == whom and decisions(there, parties, "ax.gw.test", **more) == seen
    # As `get` prints them, by `apply`: alone, and again.
    objects = [one for one in json.loads(here.gateway.run_ctl("get", "dialectobject", "-o", "json").stdout) if one.get("kind") == "ApisixObject"]
    assert {one["id"] for one in objects} >= {"ssls/1", "upstreams/1", "routes/1", "consumers/jack"}
    lines = here.apply("\n---\n".join(yaml.safe_dump(one, sort_keys=False) for one in objects)).stdout.splitlines()
    assert len(lines) >= 4 and all(line.endswith(" unchanged") for line in lines), lines
    assert "unchanged" in here.apply(json.dumps(objects)).stdout
    there.apply(json.dumps(objects))
    assert decisions(there, parties, "ax.gw.test", headers=jack) == seen
    mixed = here.apply(json.dumps(objects) + "\n---\n" + json.dumps(classic("mixed", parties.url)), code=1)
    assert "are applied alone" in mixed.stderr and not here.gateway.run_ctl("get", "api", "mixed").stdout


# --- by an export of the whole store

@pytest.fixture(scope="module")
def recipients(tmp_path_factory):
    """{name: (to seal to, to open with)}"""
    folder = tmp_path_factory.mktemp("recipients")
    made = {}
    for name, private in (("x25519", x25519.X25519PrivateKey.generate()), ("other", ec.generate_private_key(ec.SECP256R1()))):
        (folder / f"{name}.pub").write_bytes(private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
        (folder / f"{name}.key").write_bytes(private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        made[name] = str(folder / f"{name}.pub"), str(folder / f"{name}.key")
    (folder / "phrase").write_text("correct horse battery staple\n")
    made["phrase"] = (f"passphrase:{folder / 'phrase'}",) * 2
    return made


def export(world, *options, code=0):
    done = world.gateway.run_ctl("export", str(world.gateway.home), *options)
    assert done.returncode == code, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def exported(here, filled, recipients, tmp_path_factory):
    file = tmp_path_factory.mktemp("exported") / "system.export"
    done = export(here, "--seal-to", recipients["x25519"][0], "--out", str(file))
    assert "resources written" in done.stdout and not done.stderr and file.stat().st_mode & 0o777 == 0o600
    return file


def explained(world, api, pair):
    """What `explain` says, without what is the system's own."""
    done = world.gateway.run_ctl("explain", "--api", api, "--cert", str(pair.cert), "-o", "json")
    told = json.loads(done.stdout)
    return done.returncode, {name: told.get(name) for name in ("allowed", "reason", "identity", "keyId")}


def test_an_export_makes_an_empty_system_decide_alike(here, parties, filled, exported, recipients, tmp_path):
    """One that seals by another master key. Nothing is brought along: keys, tokens and passwords are in it."""
    empty = Installation(tmp_path, like=here)
    try:
        apply = ("apply", "-f", str(exported), "--open-with", recipients["x25519"][1])
        dry = empty.gateway.run_ctl(*apply, "--dry-run")
        assert dry.returncode == 0 and "Api/nat-static created (dry run)" in dry.stdout, dry.stdout + dry.stderr
        assert not empty.read_back("api")
        done = empty.gateway.run_ctl(*apply)
        assert done.returncode == 0 and "PRIVATE" not in done.stdout, done.stdout + done.stderr
        empty.gateway.settle()
        token = {"headers": [f"X-Token: {TOKEN}"]}
        assert admitted(decisions(empty, parties, "nat-token.gw.test", **token)) == EVERYBODY, "tokens are in it"
        apis = json.loads(here.gateway.run_ctl("get", "api", "-o", "json").stdout)
        others = {host for api in apis for host in api.get("hosts", [])} - {*filled}  # of the tests before this one
        for host in [*filled, *sorted(others, key=lambda host: (host == "ax.gw.test", host))]:
            if host == "ax.gw.test":  # the server's certificate came with it
                empty.gateway.server_ca = here.gateway.server_ca
            seen = decisions(here, parties, host)
            assert decisions(empty, parties, host) == seen, host
            assert admitted(seen) == filled.get(host, admitted(seen))
        for host, pair in (("nat-key.gw.test", parties.keyed), ("op-oas.gw.test", parties.listed), ("op-oas.gw.test", parties.other)):
            api = next(one["id"] for one in apis if host in one.get("hosts", []))
            assert explained(empty, api, pair) == explained(here, api, pair)
        assert empty.read_back() == here.read_back()
        again = empty.gateway.run_ctl(*apply)
        changed = [line for line in again.stdout.splitlines() if not line.endswith(" unchanged")]
        assert again.returncode == 0 and not changed, changed
        # Each is still what it came as: a ConfigMap makes what was made of it anew.
        assert json.loads(export(empty).stdout.splitlines()[1])["kind"] == "Stored"
    finally:
        empty.close()


def test_what_is_secret_stands_sealed_in_an_export_or_not_at_all(here, parties, exported, recipients):
    open_text = export(here)
    assert "secrets of" in open_text.stderr and "--seal-to" in open_text.stderr
    private = parties.ours.private.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    for text in (exported.read_text(), open_text.stdout):
        assert TOKEN not in text and "hush" not in text and "PRIVATE KEY" not in text and '"secrets"' not in text
        for secret in (private, hashlib.sha256(TOKEN.encode()).digest(), b"hush-hush"):
            assert base64.b64encode(secret).decode()[:-4] not in text
    assert '"sealed"' in exported.read_text() and '"sealed"' not in open_text.stdout
    assert export(here, "--seal-to", recipients["phrase"][0]).stdout.count('"sealed"') == exported.read_text().count('"sealed"')


def refused(here, file, *options, code=1):
    done = here.gateway.run_ctl("apply", "-f", str(file), *options, "--dry-run")
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_an_export_is_opened_by_its_recipient_alone_and_whole(here, exported, recipients, tmp_path):
    opens = ("--open-with", recipients["x25519"][1])
    assert "another key than the one" in refused(here, exported, "--open-with", recipients["other"][1])
    assert "sealed to a key, not to a passphrase" in refused(here, exported, "--open-with", recipients["phrase"][1])
    assert "is sealed: say --open-with" in refused(here, exported)
    assert "no private key" in refused(here, exported, "--open-with", recipients["x25519"][0])
    lines = exported.read_text().splitlines(keepends=True)

    def changed(*text):
        file = tmp_path / "changed.export"
        file.write_text("".join(text))
        return file

    def restated(*kept):
        """As somebody would who can count and hash, and has not the key."""
        end = json.loads(lines[-1])
        end.update(resources=len(kept) - 1, sha256=hashlib.sha256("".join(kept).encode()).hexdigest())
        return changed(*kept, json.dumps(end, separators=(",", ":")) + "\n")
    for cut in (lines[:-1], lines[:1], ["".join(lines)[:-40]]):
        assert "cut off" in refused(here, changed(*cut), *opens)
    assert "cut off, or lines" in refused(here, changed(*lines[:3], *lines[4:]), *opens)
    at = next(i for i, line in enumerate(lines) if '"nat-key"' in line)
    other = lines[at].replace("nat-key", "nat-yek")
    assert "its SHA-256 is another" in refused(here, changed(*lines[:at], other, *lines[at + 1:]), *opens)
    could_not = "by somebody who could not seal it"
    assert could_not in refused(here, restated(*lines[:at], other, *lines[at + 1:-1]), *opens)
    assert could_not in refused(here, restated(*lines[:3], *lines[4:-1]), *opens)
    # A document in its form is taken where that was said alone, and then without sealed values.
    sealed = next(line for line in lines if '"sealed":' in line)
    alone = changed(sealed)
    assert "--as stored" in refused(here, alone)
    assert "--open-with" in refused(here, alone, "--as", "stored")
    assert "there is none" in refused(here, alone, *opens)


def test_an_export_without_secrets_says_what_it_lacks(here, exported, tmp_path):
    file = tmp_path / "open.export"
    export(here, "--out", str(file))
    assert "exists" in export(here, "--out", str(file), code=1).stderr
    empty = Installation(tmp_path / "empty", like=here)
    try:
        done = empty.gateway.run_ctl("apply", "-f", str(file))
        assert done.returncode == 1 and "opaque" in done.stdout and "is not in the store" in done.stdout, done.stdout
        empty.gateway.authsvc.stop()  # it is read where it is, whether somebody serves it or not
        assert json.loads(export(empty).stdout.splitlines()[-1])["resources"] == 0
        assert "there is no store" in export(empty, "--store", f"sqlite:{tmp_path / 'nothing.db'}", code=4).stderr
        assert not (tmp_path / "nothing.db").exists()
        assert "master" in export(empty, "--master-key", str(tmp_path / "none"), "--seal-to", str(tmp_path / "none"), code=4).stderr
        assert empty.gateway.run_ctl("export", str(tmp_path / "nowhere")).returncode != 0
    finally:
        empty.close()
