"""The pages about client mTLS, example by example: the shell's commands as they are printed, manifests by `sallyctl apply` in
place of `kubectl apply`, the dashboard's clicks by the REST calls behind them. Hosts are the tests' own."""

import pytest

from gateway import classic, session
from shell import sallyctl, shell

SELF_SIGNED = "openssl req -x509 -newkey rsa:4096 -keyout key.pem -out cert.pem -days 365 -nodes"


def subject(name):
    return f" -subj /CN={name}"  # what the command would ask for


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory):
    """The directory in which a newcomer has made key.pem and cert.pem, and that of somebody else."""
    folders = tmp_path_factory.mktemp("newcomer"), tmp_path_factory.mktemp("stranger")
    for folder, command in zip(folders, (SELF_SIGNED, SELF_SIGNED.replace("4096", "2048"))):
        shell(folder, command + subject(folder.name))
    return folders


# --- dynamic: the certificate is the key

def call(world, folder, options="--cert cert.pem --key key.pem", path="/mtls-api/my-endpoint"):
    """The page's curl."""
    return shell(folder, f"curl -k -s -w ' %{{http_code}}' {options} https://localhost:{world.a.port}{path}").rpartition(" ")


def test_quickstart(world, newcomer):
    """Auth Token with Enable Client Certificate, a key for the certificate, and curl with certificate and private key."""
    folder, stranger = newcomer
    origin = world.origin("my endpoint")
    world.gateway.add_api(classic("mtls-api", origin.url, domain="", listen_path="/mtls-api/", use_standard_auth=True,
                                  auth={"auth_header_name": "Authorization", "use_certificate": True}))
    before = call(world, folder)
    assert before[2] == "401" and origin.requests == [], "nobody has a key yet"
    certificate_id = world.gateway.add_certificate((folder / "cert.pem").read_bytes())
    assert certificate_id.startswith("default")
    world.gateway.create_key(session("mtls-api", certificate_id))
    world.gateway.settle()
    assert call(world, folder)[2] == "200" and origin.last().target == "/my-endpoint"
    assert call(world, folder, options="")[2] == "401"
    assert call(world, stranger)[2] == "401"
    assert call(world, folder, options=f"-H 'Authorization: {certificate_id}'")[2] == "401", "an id is no credential"
    assert len(origin.requests) == 1


def test_a_developers_own_certificate_by_a_policy(world, newcomer):
    """What the portal does for a catalogue's policy: the developer's public certificate becomes a key of that policy. Certificate
    and private key in one file are taken at this place, too, and identify the same caller."""
    folder, stranger = newcomer
    origin = world.origin("catalogue")
    world.gateway.add_api(classic("catalogue", origin.url, domain="", listen_path="/catalogue/",
                                  auth_configs={"authToken": {"use_certificate": True}}))
    answer = world.gateway.rest("POST", "/tyk/policies", {
        "id": "self-serve", "org_id": "default", "name": "self-serve", "rate": 0, "per": 0, "quota_max": -1, "active": True,
        "access_rights": {"catalogue": {"api_id": "catalogue", "api_name": "catalogue", "versions": ["Default"]}}})
    assert answer.status_code == 200, answer.text
    both = (stranger / "cert.pem").read_bytes() + (stranger / "key.pem").read_bytes()
    certificate_id = world.gateway.add_certificate(both)
    made = world.gateway.create_key({"org_id": "default", "certificate": certificate_id, "apply_policies": ["self-serve"],
                                     "access_rights": {}})
    world.gateway.settle()
    assert call(world, stranger, path="/catalogue/x")[2] == "200"
    assert call(world, folder, path="/catalogue/x")[2] != "200"
    assert world.gateway.rest("DELETE", f"/tyk/keys/{made['key']}").status_code == 200
    world.gateway.settle()
    assert call(world, stranger, path="/catalogue/x")[2] == "401"


def test_header_not_found_is_what_an_api_without_the_switch_says(world, newcomer):
    """The page's first question: an API that takes tokens alone does not look at certificates."""
    folder, _ = newcomer
    origin = world.origin("tokens alone")
    world.gateway.add_api(classic("tokens-alone", origin.url, domain="", listen_path="/tokens-alone/", use_standard_auth=True))
    answer, _, status = call(world, folder, path="/tokens-alone/x")
    assert status == "401" and "Authorization field missing" in answer and origin.requests == []


# --- static: the API lists whom it accepts

API_DEFINITION = """
apiVersion: tyk.tyk.io/v1alpha1
kind: ApiDefinition
metadata:
  name: orders-client-mtls
spec:
  name: Orders Client MTLS
  protocol: http
  active: true
  proxy:
    target_url: TARGET
    listen_path: /orders
    strip_listen_path: true
  version_data:
    default_version: Default
    not_versioned: true
    versions:
      Default:
        name: Default
  use_mutual_tls_auth: true
  client_certificate_refs:
    - my-test-tls
"""


def test_api_definition_of_the_operator(world, cluster, newcomer):
    """As printed it does not say `use_keyless`, so a token is needed beside the certificate: a warning says so."""
    folder, stranger = newcomer
    origin = world.origin("orders")
    shell(folder, f"{sallyctl(world.gateway)} create secret tls my-test-tls --cert cert.pem --key key.pem")
    manifest = API_DEFINITION.replace("TARGET", origin.url)
    done = cluster.apply(manifest)
    assert "Api/default.orders-client-mtls created" in done.stdout and "use_keyless: true" in done.stderr
    certificate = "--cert cert.pem --key key.pem"
    assert call(world, folder, certificate, "/orders/x")[2] == "401"
    made = world.gateway.create_key(session("default.orders-client-mtls"))["key"]
    world.gateway.settle()
    token = f" -H 'Authorization: {made}'"
    assert call(world, folder, certificate + token, "/orders/x")[2] == "200"
    assert call(world, stranger, certificate + token, "/orders/x")[2] == "403"
    assert call(world, folder, token, "/orders/x")[2] == "403"
    assert len(origin.requests) == 1
    cluster.apply(manifest + "  use_keyless: true\n")
    assert call(world, folder, certificate, "/orders/x")[2] == "200"
    assert call(world, stranger, certificate, "/orders/x")[2] == "403"
    assert call(world, folder, "", "/orders/x")[2] == "403"


OAS_DEFINITION = """
# Secret is not created in this manifest.
# Please store client certificate in k8s TLS secret `tls-cert`.

apiVersion: v1
data:
  shop_oas.json: |-
    {
        "info": {
          "title": "Pets",
          "version": "1.0.0"
        },
        "openapi": "3.0.3",
        "components": {},
        "paths": {},
        "x-tyk-api-gateway": {
          "info": {
            "name": "Pets",
            "state": {
              "active": true
            }
          },
          "upstream": {
            "url": "TARGET/v2"
          },
          "server": {
            "listenPath": {
              "value": "/pets/",
              "strip": true
            }
          }
        }
      }    \x20
kind: ConfigMap
metadata:
  name: cm
  namespace: default
---
apiVersion: tyk.tyk.io/v1alpha1
kind: TykOasApiDefinition
metadata:
  name: pets
spec:
  tykOAS:
    configmapRef:
      name: cm
      namespace: default
      keyName: shop_oas.json
  clientCertificate:\x20
      enabled: true
      allowlist: [tls-cert]
"""


def test_oas_definition_of_the_operator(world, cluster):
    origin = world.tls_origin("pets")
    listed, other = world.client("pets listed"), world.client("pets other")
    done = cluster.apply(OAS_DEFINITION.replace("TARGET", origin.url))
    assert "Api/default.pets created" in done.stdout and "tls-cert (tls.crt) is not there yet" in done.stderr
    assert cluster.get("pets", client=listed).status == 403, "pending is closed"
    cluster.create_tls("tls-cert", listed)
    assert cluster.get("pets", client=listed).status == 200 and origin.last().target == "/v2/x"
    assert cluster.get("pets", client=other).status == 403
    assert cluster.get("pets").status == 403


def test_a_root_authority_is_a_client_certificate_of_static_mtls_and_no_key(world):
    """The page's last question."""
    origin = world.origin("authority")
    root = world.pki.issue("Partner root", ca=True)
    middle = world.pki.issue("Partner issuing", root, ca=True)
    issued, outside = world.client("issued", middle), world.client("outside")
    root_id = world.gateway.add_certificate(root.pem)
    world.gateway.add_api(classic("by-root", origin.url, domain="root.gw.test", use_keyless=True, use_mutual_tls_auth=True,
                                  client_certificates=[root_id]))
    world.gateway.add_api(classic("not-by-root", origin.url, domain="dynroot.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}))
    world.gateway.create_key(session("not-by-root", root_id))
    world.gateway.settle()
    assert world.a.curl("/", client=issued, chain=issued.chain, host="root.gw.test").status == 200
    assert world.a.curl("/", client=outside, host="root.gw.test").status == 403
    refused = world.a.curl("/", client=issued, chain=issued.chain, host="dynroot.gw.test")
    assert refused.status == 401, "who was issued by a key's certificate is not that key"
    assert len(origin.requests) == 1
