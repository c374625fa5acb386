"""Tyk Operator's manifests and the Secrets and ConfigMaps beside them, by `sallyctl apply` and `create` (the manifests
of Tyk's own pages, with hosts rewritten)."""

import base64
import json

import pytest

from cluster import api_definition, tls_secret
from pki import SERVER
from shell import shell

PETSTORE = """
apiVersion: v1
data:
  test_oas.json: |-
    {
        "info": {
          "title": "Petstore",
          "version": "1.0.0"
        },
        "openapi": "3.0.3",
        "components": {},
        "paths": {},
        "x-tyk-api-gateway": {
          "info": {
            "name": "Petstore",
            "state": {
              "active": true
            }
          },
          "upstream": {
            "url": "TARGET"
          },
          "server": {
            "listenPath": {
              "value": "/PATH/",
              "strip": true
            }
          }
        }
      }
kind: ConfigMap
metadata:
  name: CM
  namespace: default
"""

OAS = """
apiVersion: tyk.tyk.io/v1alpha1
kind: TykOasApiDefinition
metadata:
  name: NAME
spec:
  tykOAS:
    configmapRef:
      name: CM
      namespace: default
      keyName: test_oas.json
"""


def test_client_mtls_by_an_api_definition(world, cluster):
    origin = world.tls_origin("op-classic", client_ca=None)
    client, other = world.client("op client"), world.client("op other")
    created = cluster.create_tls("my-test-tls", client)
    assert "Secret/default/my-test-tls created" in created.stdout
    done = cluster.apply(api_definition("op-classic", f"https://localhost:{origin.port}",
                                        "  use_mutual_tls_auth: true\n  client_certificate_refs:\n    - my-test-tls"))
    assert "Api/default.op-classic created" in done.stdout
    assert cluster.get("op-classic", client=client).status == 200
    assert cluster.get("op-classic", client=other).status == 403
    assert cluster.get("op-classic").status == 403


def test_a_secret_that_is_not_there_is_pending_and_admits_nobody_until_it_comes_or_changes(world, cluster):
    origin = world.tls_origin("op-pending", client_ca=None)
    first, second = world.client("op first"), world.client("op second")
    manifest = (PETSTORE + "---" + OAS + "  clientCertificate:\n    enabled: true\n    allowlist: [tls-cert]\n")
    manifest = (manifest.replace("NAME", "op-pending").replace("CM", "op-pending").replace("PATH", "op-pending")
                .replace("TARGET", f"https://localhost:{origin.port}/"))
    strict = cluster.apply(manifest, "--strict", code=1)
    assert "tls-cert" in strict.stdout + strict.stderr
    done = cluster.apply(manifest)
    assert "pending: allowlist: Secret default/tls-cert (tls.crt) is not there yet" in done.stderr
    assert cluster.get("op-pending", client=first).status == 403, "never a shorter allowlist"
    assert cluster.get("op-pending").status == 403
    cluster.create_tls("tls-cert", first)
    assert cluster.get("op-pending", client=first).status == 200
    assert cluster.get("op-pending", client=second).status == 403
    done = cluster.apply(tls_secret("tls-cert", second.pem, second.key_pem))
    assert "Secret/default/tls-cert updated" in done.stdout
    assert cluster.get("op-pending", client=second).status == 200
    assert cluster.get("op-pending", client=first).status == 403, "the old certificate lets nobody in any more"
    gone = world.gateway.rest("GET", f"/tyk/certs/default{first.fingerprint}")
    assert gone.status_code == 404, "a private key that nobody uses does not stay"
    assert world.gateway.run_ctl("delete", "secret", "tls-cert", "-n", "default").returncode == 0
    world.gateway.settle()
    assert cluster.get("op-pending", client=second).status == 403


@pytest.mark.parametrize("config_map_first", [True, False])
def test_upstream_mtls_by_an_oas_definition_in_any_order(world, cluster, config_map_first):
    name = f"op-up-{int(config_map_first)}"
    origin = world.tls_origin(name, client_ca=world.client_ca)
    pair, renewed = world.client(name), world.client(f"{name} renewed")
    parts = [PETSTORE, OAS + "  mutualTLS:\n    enabled: true\n    domainToCertificateMapping:\n"
             "      - domain: \"localhost\"\n        certificateRef: petstore-domain-" + name + "\n"]
    if not config_map_first:
        parts.reverse()
    manifest = ("---".join(parts).replace("NAME", name).replace("CM", name).replace("PATH", name)
                .replace("TARGET", f"https://localhost:{origin.port}/"))
    cluster.apply(manifest)
    assert cluster.get(name).status == 500, "no certificate yet: closed, not without one"
    cluster.create_tls(f"petstore-domain-{name}", pair)
    assert cluster.get(name).status == 200
    assert origin.last().peer == pair.der
    cluster.apply(tls_secret(f"petstore-domain-{name}", renewed.pem, renewed.key_pem))
    assert cluster.get(name).status == 200
    assert origin.last().peer == renewed.der, "a changed Secret is used at once"
    refused = world.gateway.run_ctl("delete", "secret", f"default/petstore-domain-{name}")
    assert refused.returncode == 1 and f"Api default.{name}" in refused.stderr


def test_upstream_certificate_refs_of_an_api_definition(world, cluster):
    origin = world.tls_origin("op-refs", client_ca=world.client_ca)
    pair = world.client("op refs")
    cluster.apply(api_definition("op-refs", f"https://localhost:{origin.port}", "  upstream_certificate_refs:\n    \"*\": op-refs-tls"))
    cluster.create_tls("op-refs-tls", pair)
    assert cluster.get("op-refs").status == 200
    assert origin.last().peer == pair.der


def test_pins_from_a_secret_with_a_public_key(world, cluster):
    server = world.pki.issue("op-pins", world.upstream_ca, usages=[SERVER], sans=["localhost"])
    origin = world.origin("op-pins", pair=server)
    other = world.client("op other pin")
    manifest = api_definition("op-pins", f"https://localhost:{origin.port}", "  pinned_public_keys_refs:\n    \"*\": httpbin-secret")
    cluster.apply(tls_secret("httpbin-secret", server.public_key_pem) + "---" + manifest)
    assert cluster.get("op-pins").status == 200
    cluster.apply(tls_secret("httpbin-secret", other.public_key_pem))
    assert cluster.get("op-pins").status == 500


def test_server_certificates_of_both_kinds_from_secrets(world, cluster):
    def server(name):
        return world.pki.issue(f"{name} server", world.client_ca, usages=[SERVER], sans=[f"{name}.custom.test"])

    def shown(name):
        return shell(cluster.folder, f"openssl s_client -connect 127.0.0.1:{world.a.port} -servername {name}.custom.test </dev/null "
                                     "2>/dev/null | openssl x509 -noout -subject 2>/dev/null || true")
    classic, oas, renewed = server("op-own"), server("op-oas"), server("op-own")
    origin = world.tls_origin("op-domain", client_ca=world.client_ca)
    ours = world.client("op by id")
    ours_id = world.gateway.add_certificate(ours.pem + ours.key_pem)
    cluster.apply(api_definition("op-own", "https://localhost:1", "  domain: op-own.custom.test\n  certificate_secret_names: [op-own-tls]"))
    manifest = PETSTORE + "---" + OAS + ("  customDomain:\n    enabled: true\n    name: op-domain.gw.test\n    certificatesRef: [op-oas-tls]\n"
                                         "  mutualTLS:\n    enabled: true\n    domainToCertificateMapping:\n"
                                         f"      - {{domain: localhost, certificateID: {ours_id}}}\n")
    cluster.apply(manifest.replace("NAME", "op-domain").replace("CM", "op-domain").replace("PATH", "op-domain")
                  .replace("TARGET", f"https://localhost:{origin.port}/"))
    assert "op-own server" not in shown("op-own"), "pending: it is not there yet"
    for name, pair in (("op-own-tls", classic), ("op-oas-tls", oas)):
        cluster.create_tls(name, pair)
    assert "op-own server" in shown("op-own") and "op-oas server" in shown("op-oas")
    assert world.a.curl("/op-domain/x", host="op-domain.gw.test").status == 200 and origin.last().peer == ours.der
    cluster.apply(tls_secret("op-own-tls", renewed.pem, renewed.key_pem))
    serial = shell(cluster.folder, f"openssl s_client -connect 127.0.0.1:{world.a.port} -servername op-own.custom.test </dev/null "
                                   "2>/dev/null | openssl x509 -outform DER | sha256sum").split()[0]
    assert serial == renewed.fingerprint, "a changed Secret is shown at once"


def test_a_changed_config_map_changes_its_api(world, cluster):
    first = world.tls_origin("op-map-1", client_ca=None)
    second = world.tls_origin("op-map-2", client_ca=None)

    def config_map(origin):
        return (PETSTORE.replace("CM", "op-map").replace("PATH", "op-map")
                .replace("TARGET", f"https://localhost:{origin.port}/"))
    cluster.apply(config_map(first) + "---" + OAS.replace("NAME", "op-map").replace("CM", "op-map"))
    assert cluster.get("op-map").status == 200 and len(first.requests) == 1
    shown = cluster.apply(config_map(second), "--dry-run")
    assert "Api/default.op-map updated (dry run)" in shown.stdout
    assert f"+ upstream.targets[0].url: \"https://localhost:{second.port}/\"" in shown.stdout
    done = cluster.apply(config_map(second))
    assert "Api/default.op-map updated" in done.stdout and "ConfigMap/default/op-map updated" in done.stdout
    assert cluster.get("op-map").status == 200 and len(second.requests) == 1
    again = cluster.apply(config_map(second))
    assert "ConfigMap/default/op-map unchanged" in again.stdout


def test_without_its_config_map_a_definition_is_refused(cluster):
    done = cluster.apply(OAS.replace("NAME", "op-none").replace("CM", "no-such-map"), code=1)
    assert "ConfigMap default/no-such-map is not there: apply it before or together with this" in done.stdout


def test_another_namespace_is_refused_and_n_gives_one(cluster):
    manifest = api_definition("op-space", "https://localhost:1")
    assert "Api/team.op-space created" in cluster.apply(manifest, "-n", "team").stdout
    done = cluster.apply(manifest + "  use_mutual_tls_auth: true\n  client_certificate_refs: [other/secret]\n", code=1)
    assert "same namespace" in done.stdout


def test_secrets_are_never_shown(world, cluster):
    pair = world.client("op shown")
    cluster.create_tls("op-shown", pair)
    done = world.gateway.run_ctl("create", "secret", "generic", "op-opaque", "--from-literal=token=hush-hush-hush",
                                 "--from-file", f"ca.crt={cluster.file('ca.pem', world.client_ca.pem)}")
    assert done.returncode == 0, done
    for arguments in (("get", "secrets"), ("get", "secret", "op-shown", "-o", "yaml"),
                      ("get", "secret", "default/op-opaque", "-o", "json"), ("get", "secrets", "-o", "yaml")):
        shown = world.gateway.run_ctl(*arguments)
        assert shown.returncode == 0, shown
        assert "hush" not in shown.stdout and "PRIVATE" not in shown.stdout
        assert base64.b64encode(pair.key_pem).decode()[:40] not in shown.stdout
    assert "op-opaque" in world.gateway.run_ctl("get", "secrets").stdout


def test_create_with_kubectls_flags(world, cluster):
    pair = world.client("op create")
    printed = cluster.create_tls("op-printed", pair, "-n", "default", "-o", "yaml", "--dry-run=client")
    assert "type: kubernetes.io/tls" in printed.stdout
    assert world.gateway.run_ctl("get", "secret", "default/op-printed").returncode == 4, "it was printed only"
    assert "Secret/default/op-printed created" in cluster.apply(printed.stdout).stdout
    again = cluster.create_tls("op-printed", pair, code=1)
    assert "exists" in again.stderr
    wrong = world.gateway.run_ctl("create", "secret", "tls", "op-wrong", "--cert", cluster.file("c.pem", pair.pem), "--key",
                                  cluster.file("k.pem", world.client("op else").key_pem))
    assert wrong.returncode == 1 and "private key does not match" in wrong.stderr
    made = world.gateway.run_ctl("create", "configmap", "op-map-file", f"--from-file={cluster.file('a.json', '{}')}",
                                 "--from-literal=b=c,d")
    assert made.returncode == 0 and "ConfigMap/default/op-map-file created" in made.stdout, made
    shown = json.loads(world.gateway.run_ctl("get", "configmap", "default/op-map-file", "-o", "json").stdout)
    assert shown["data"] == {"a.json": "{}", "b": "c,d"}


def test_more_of_kubectls_flags(world, cluster, tmp_path):
    pair = world.client("op flags")
    files = [f"--cert={cluster.file('c.pem', pair.pem)}", f"--key={cluster.file('k.pem', pair.key_pem)}"]

    def create(*words, code=0):
        done = world.gateway.run_ctl("create", *words)
        assert done.returncode == code, done
        return done.stdout
    printed = create("secret", "tls", "op-flags", *files, "-nteam", "--save-config", "--dry-run", "-oyaml")
    assert "namespace: team" in printed and "type: kubernetes.io/tls" in printed
    assert create("secret", "tls", "op-flags", *files, "-nteam", "-oname", "--validate=false") == "secret/op-flags\n"
    assert world.gateway.run_ctl("get", "secret", "team/op-flags").returncode == 0
    assert "kind: ConfigMap" in create("cm", "op-flags", "--from-literal=a=b", "--field-manager=me", "-o", "yaml")
    assert world.gateway.run_ctl("get", "cm", "op-flags").returncode == 0, "it was created, and printed"
    name = create("configmap", "op-hash", "--from-literal=a=b", "--append-hash", "-oname").strip()
    assert len(name) == len("configmap/op-hash-") + 10
    binary = create("configmap", "op-binary", f"--from-file=der={cluster.file('c.der', pair.der)}", "--dry-run=client", "-ojson")
    assert base64.b64decode(json.loads(binary)["binaryData"]["der"]) == pair.der
    create("secret", "tls", "op-none", *files, "-oxml", code=2)


def test_a_manifest_is_read_back_as_it_was_put(world, cluster):
    origin = world.tls_origin("op-read")
    config_map = (PETSTORE.replace("CM", "op-read").replace("PATH", "op-read")
                  .replace("TARGET", f"https://localhost:{origin.port}/"))
    manifest = OAS.replace("NAME", "op-read").replace("CM", "op-read")
    cluster.apply(config_map + "---" + manifest)
    read = world.gateway.run_ctl("get", "api", "default.op-read", "--original")
    assert read.returncode == 0 and "kind: TykOasApiDefinition" in read.stdout, read
    shown = json.loads(world.gateway.run_ctl("get", "api", "default.op-read", "--original", "-ojson").stdout)
    assert shown["spec"]["tykOAS"]["configmapRef"] == {"name": "op-read", "namespace": "default", "keyName": "test_oas.json"}
    assert "Api/default.op-read unchanged" in cluster.apply(read.stdout).stdout
    classic = api_definition("op-read-classic", "https://localhost:1")
    cluster.apply(classic)
    read = world.gateway.run_ctl("get", "api", "default.op-read-classic", "--original")
    assert "kind: ApiDefinition" in read.stdout and "unchanged" in cluster.apply(read.stdout).stdout
    everything = world.gateway.run_ctl("get", "apis", "--original")
    assert everything.returncode == 0 and "PRIVATE KEY" not in everything.stdout


def test_prune_takes_what_is_no_longer_there(world, cluster):
    one = api_definition("op-prune-1", "https://localhost:1")
    two = api_definition("op-prune-2", "https://localhost:1")
    secret = tls_secret("op-prune", world.client("op prune").pem)
    cluster.apply(one + "---" + two + "---\n" + secret, "--set", "op-prune")
    done = cluster.apply(one, "--set", "op-prune", "--prune")
    assert "Api/default.op-prune-1 unchanged" in done.stdout
    assert "Api/default.op-prune-2 pruned" in done.stdout and "Secret/default/op-prune pruned" in done.stdout


def test_security_policy(cluster):
    done = cluster.apply("""
apiVersion: tyk.tyk.io/v1alpha1
kind: SecurityPolicy
metadata:
  name: op-gold
spec:
  name: Gold
  state: active
  active: true
  rate: 10
  per: 1
  access_rights_array:
    - name: op-classic
      namespace: default
      versions: [Default]
""")
    assert "Policy/default.op-gold created" in done.stdout
