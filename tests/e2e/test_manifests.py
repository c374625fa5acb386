"""What `sallyctl apply` makes of the files that it is given: paths of certificates in them are read where it runs, and never where
authsvc does; and what goes with an object that is deleted by hand."""

import json

import pytest
import requests
import yaml

from gateway import DEADLINE, classic, oas, session
from pki import SERVER
from test_apk_dialect import API, BACKEND, EMPLOYEE, ROUTE, SCOPE, config_map

FORBIDDEN = "a file path is not taken as a certificate"


@pytest.fixture
def folder(world, tmp_path):
    """Certificates in files, beside manifests in a directory."""
    class Folder:
        path = tmp_path / "manifests"
        ours, partner, pinned = (world.client(name) for name in ("ours of a file", "partner of a file", "pinned"))
        server = world.pki.issue(f"of files {tmp_path.name}", world.upstream_ca, usages=[SERVER], sans=["localhost", "127.0.0.1"])
        origin = world.origin(f"of files {tmp_path.name}", pair=server, client_ca=world.client_ca.cert)

        def write(self, name, document):
            file = self.path / name
            file.write_text(document if isinstance(document, str) else json.dumps(document))
            return file

        def apply(self, name, document, *options, code=0):
            done = world.gateway.run_ctl("apply", "-f", str(self.write(name, document)), *options)
            assert done.returncode == code, done.stdout + done.stderr
            assert "PRIVATE KEY" not in done.stdout + done.stderr
            world.gateway.settle()
            return done.stdout + done.stderr
    made = Folder()
    (made.path / "certs").mkdir(parents=True)
    (made.path / "certs" / "ours.pem").write_bytes(made.ours.pem + made.ours.key_pem)
    (made.path / "certs" / "partner.crt").write_bytes(made.partner.pem + made.partner.key_pem)
    (tmp_path / "pin.pem").write_bytes(made.server.pem)
    return made


def has_key(world, pair):
    details = world.gateway.rest("GET", f"/tyk/certs/default{pair.fingerprint}").json()
    return details.get("has_private", False)


def test_paths_are_read_beside_the_manifest(world, folder):
    """With the private key where it is used, without it elsewhere."""
    place = f"localhost:{folder.origin.port}"
    told = folder.apply("classic.json", classic(
        "filed", f"https://{place}/", domain="filed.gw.test", use_keyless=True, use_mutual_tls_auth=True,
        client_certificates=["certs/partner.crt"], upstream_certificates={place: "./certs/ours.pem"},
        pinned_public_keys={place: f"certs/ours.pem,{folder.path.parent / 'pin.pem'}"}), "--files-from", str(folder.path.parent))
    assert "Api/filed created" in told and "the private key in" in told and "ours.pem is sent" in told and "partner.crt is sent" not in told
    answer = world.a.curl("/", host="filed.gw.test", client=folder.partner)
    assert answer.status == 200 and folder.origin.last().peer == folder.ours.der, answer
    assert world.a.curl("/", host="filed.gw.test", client=world.client("nobody of a file")).status == 403
    assert has_key(world, folder.ours) and not has_key(world, folder.partner)
    kept = world.gateway.rest("GET", "/tyk/apis/filed").text
    assert "certs/" not in kept and f"default{folder.ours.fingerprint}" in kept


def test_the_same_in_yaml_oas_and_among_others(world, folder):
    definition = oas("filed-oas", folder.origin.url.replace("127.0.0.1", "localhost"), server={
        "clientCertificates": {"enabled": True, "allowlist": ["../manifests/certs/partner.crt"]}}, upstream={
        "mutualTLS": {"enabled": True, "domainToCertificateMapping": [{"domain": "localhost", "certificate": "certs/ours.pem"}]}})
    text = yaml.safe_dump(definition) + "\n---\n" + yaml.safe_dump(classic("filed-other", folder.origin.url, domain="other.gw.test", use_keyless=True))
    told = folder.apply("several.yaml", text)
    assert "Api/filed-oas" in told and "Api/filed-other" in told
    assert world.a.curl("/x", host="filed-oas.gw.test", client=folder.partner).status == 200
    assert folder.origin.last().peer == folder.ours.der
    assert folder.apply("several.yaml", text).count(" unchanged") >= 2


def test_a_gateway_configuration(world, folder):
    told = folder.apply("tyk.conf", {"security": {"certificates": {"apis": ["certs/partner.crt"], "upstream": {"filed.test": "certs/ours.pem"}}}},
                        "--as", "tyk-gateway", "--dry-run")
    assert f"default{folder.partner.fingerprint}" in told and f"default{folder.ours.fingerprint}" in told


def test_a_path_that_leads_nowhere_is_told_with_its_place(world, folder):
    (folder.path / "certs" / "empty.pem").write_text("")
    for path, what in (("certs/missing.pem", "there is no file"), ("certs/empty.pem", "pem"), ("/dev/zero.pem", "there is no file"),
                       ("certs", None), ("certs/", "there is no file")):
        told = folder.apply("bad.json", classic("bad", "http://127.0.0.1:1/", use_keyless=True, use_mutual_tls_auth=True,
                                                client_certificates=[path]), "--dry-run", code=0 if what is None else 1)
        assert what is None or ("client_certificates[0]" in told and what in told), told


def test_a_file_elsewhere_is_not_read_unless_it_was_said(world, folder):
    outside = folder.path.parent / "outside.pem"
    outside.write_bytes(folder.ours.pem + folder.ours.key_pem)
    (folder.path / "link.pem").symlink_to(outside)
    for path in (str(outside), "../outside.pem", "link.pem"):
        document = classic("outside", "http://127.0.0.1:1/", use_keyless=True, upstream_certificates={"*": path})
        told = folder.apply("outside.json", document, "--dry-run", code=1)
        assert "--files-from" in told and "is sent" not in told, told
        told = folder.apply("outside.json", document, "--dry-run", "--files-from", str(folder.path.parent))
        assert f"{path.split('/')[-1]} is sent" in told, told


def test_no_path_is_taken_over_the_network(world, folder):
    """Not by REST, and not by sallyctl where Tyk takes none."""
    path = str(folder.path / "certs" / "ours.pem")
    plain = classic("netted", "http://127.0.0.1:1/", use_keyless=True)
    for more in ({"use_mutual_tls_auth": True, "client_certificates": [path]}, {"upstream_certificates": {"*": path}},
                 {"pinned_public_keys": {"*": path}}, {"certificates": [path]}):
        answer = world.gateway.rest("POST", "/tyk/apis", {**plain, **more})
        assert answer.status_code == 400 and FORBIDDEN in answer.text, answer.text
    body = session("netted")
    body["mtls_static_certificate_bindings"] = [path]
    answer = world.gateway.rest("POST", "/tyk/keys/create", body)
    assert answer.status_code >= 400 and "BEGIN" not in answer.text
    native = {"apiVersion": "sallyport/v1", "kind": "Api", "id": "netted", "listenPath": "/netted", "keyless": True, "upstream": {
        "targets": [{"url": "http://127.0.0.1:1"}], "clientCertificates": {"certificateIds": {"*": path}}}}
    told = folder.apply("native.json", native, "--dry-run", "--strict", code=1)
    assert "BEGIN" not in told


# --- objects that are deleted by hand

def get(world, kind, name):
    return world.gateway.run_ctl("get", kind, name, "-o", "json").stdout


def delete(world, name, *options, code=0):
    done = world.gateway.run_ctl("delete", "dialectobject", name, *options)
    assert done.returncode == code, done.stdout + done.stderr
    world.gateway.settle()
    return done.stdout + done.stderr


def test_an_apk_api_goes_with_the_object_that_it_is_made_of(world, cluster):
    names = ["apk/default/API/staff", "apk/default/HTTPRoute/staff-route", "apk/default/Backend/staff-backend", "apk/default/Scope/staff-read"]
    everything = "\n---\n".join([API, SCOPE, ROUTE, BACKEND])
    assert "Api/default.staff created" in cluster.apply(everything).stdout
    delete(world, names[0])
    assert not get(world, "api", "default.staff") and not get(world, "dialectobject", names[0])
    # A part of it: without it there is no such API, until it comes again.
    assert "Api/default.staff created" in cluster.apply(everything).stdout
    delete(world, names[2])
    assert not get(world, "api", "default.staff") and get(world, "dialectobject", names[0])
    assert "Api/default.staff created" in cluster.apply(BACKEND).stdout
    for name in names:
        delete(world, name)
    assert not get(world, "api", "default.staff")
    delete(world, names[0], code=4)


def test_what_an_authentication_said_goes_with_it(world, cluster):
    origin = world.origin("employees by hand")
    pair = world.client("employee by hand")
    conf = EMPLOYEE.replace("https://run.mocky.io", origin.url)
    said = """
apiVersion: dp.wso2.com/v1alpha2
kind: Authentication
metadata: {name: by-hand}
spec:
  default:
    authTypes:
      oauth2: {disabled: true}
      mtls: {required: mandatory, configMapRefs: [{name: mtls-configmap, key: tls.crt}]}
  targetRef: {group: gateway.networking.k8s.io, kind: API, name: mtls-api}
"""
    cluster.apply(conf + "\n---\n" + config_map(pair.pem) + "\n---\n" + said)
    before = json.loads(get(world, "api", "mtls-api"))
    delete(world, "apk/default/Authentication/by-hand")
    after = json.loads(get(world, "api", "mtls-api"))
    assert before != after and "jwts" not in before and after["jwts"], "OAuth2 is mandatory again, as the conf alone has it"
    cluster.apply(said)
    assert json.loads(get(world, "api", "mtls-api"))["clientTls"] == before["clientTls"]
    delete(world, "apk/default/Authentication/by-hand", "--force")
    assert json.loads(get(world, "api", "mtls-api"))["clientTls"] == before["clientTls"], "the object alone"


def test_an_apisix_object_goes_by_its_own_admin_api(world):
    def call(method, path, body=None):
        return requests.request(method, f"https://127.0.0.1:{world.gateway.admin_port}/apisix/admin{path}", json=body, verify=False,
                                headers={"X-API-KEY": world.gateway.admin_key}, timeout=2 * DEADLINE)
    route = {"uri": "/by-hand", "upstream": {"nodes": {"127.0.0.1:1": 1}}}
    assert call("PUT", "/routes/by-hand", route).status_code in (200, 201)
    told = delete(world, "apisix/routes/by-hand", code=1)
    assert "DELETE /apisix/admin/routes/by-hand" in told and get(world, "dialectobject", "apisix/routes/by-hand")
    assert call("DELETE", "/routes/by-hand").status_code == 200
    assert not get(world, "dialectobject", "apisix/routes/by-hand")
