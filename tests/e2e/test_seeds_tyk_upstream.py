"""The pages about mutual TLS towards upstreams, example by example: manifests and shell commands as they are printed, by
`sallyctl` in place of kubectl, with hosts of the tests' own."""

import base64
import json

import pytest

from cluster import api_definition
from forward_proxies import OwnProxy
from gateway import classic, wait_for
from pki import SERVER
from shell import sallyctl, shell

KEY_PAIR = "openssl req -new -newkey rsa:4096 -x509 -sha256 -days 365 -nodes -out tls.crt -keyout tls.key -subj /CN=gateway"


def wanting(world, folder):
    """An upstream that takes tls.crt of this directory and no other certificate."""
    pair = world.pki.issue(f"wants {folder.name}", world.upstream_ca, usages=[SERVER], sans=["localhost"])
    return world.origin("wants tls.crt", pair=pair, client_ca=folder / "tls.crt")


def der_of(folder):
    return base64.b64decode("".join(line for line in (folder / "tls.crt").read_text().splitlines() if "---" not in line))


def target(origin):
    return f"https://localhost:{origin.port}"


# --- Operator, Classic definitions

def test_upstream_certificate_refs_step_by_step(world, cluster, tmp_path):
    """The manifest first; then a Secret of the key pair, printed as YAML, and that applied."""
    shell(tmp_path, KEY_PAIR)
    wants = wanting(world, tmp_path)
    fields = '  upstream_certificate_refs:\n    "*": my-test-tls'
    done = cluster.apply(api_definition("stepwise", target(wants), fields))
    assert "Api/default.stepwise created" in done.stdout and "my-test-tls (tls.crt) is not there yet" in done.stderr, done.stderr
    assert cluster.get("stepwise").status == 500 and wants.requests == []
    ctl = sallyctl(world.gateway)
    printed = shell(tmp_path, f'{ctl} create secret tls my-test-tls --key="tls.key" --cert="tls.crt" -n default -o yaml '
                          "--dry-run=client")
    shell(tmp_path, f"{ctl} apply -f -", input=printed)
    world.gateway.settle()
    assert cluster.get("stepwise").status == 200 and wants.last().peer == der_of(tmp_path)


def test_over_plain_http_no_certificate_is_presented_and_a_warning_says_so(world, cluster):
    """The pages' target is http://."""
    plain = world.origin("plain")
    done = cluster.apply(api_definition("plain", plain.url, '  upstream_certificate_refs:\n    "*": my-test-tls'))
    assert "a certificate is never sent over plain http" in done.stderr
    assert cluster.get("plain").status == 200


def test_upstream_certificates_by_the_id_of_an_upload(world, cluster, tmp_path):
    shell(tmp_path, KEY_PAIR.replace("4096", "2048"))
    shell(tmp_path, "cat tls.crt tls.key > cert.pem")
    wants = wanting(world, tmp_path)
    certificate_id = world.gateway.add_certificate((tmp_path / "cert.pem").read_bytes())
    cluster.apply(api_definition("uploaded", target(wants), f'  upstream_certificates:\n    "*": {certificate_id}'))
    assert cluster.get("uploaded").status == 200 and wants.last().peer == der_of(tmp_path)
    shown = world.gateway.rest("GET", f"/tyk/certs/{certificate_id}")
    assert shown.status_code == 200 and "PRIVATE" not in shown.text


def test_the_unfilled_placeholder_is_refused_naming_its_key(world, cluster):
    """`"*": #INSERT UPLOADED CERTIFICATE NAME...#` is a comment: the id is empty."""
    text = api_definition("unfilled", "https://localhost:1", '  upstream_certificates:\n    "*": #INSERT UPLOADED CERTIFICATE ID HERE#')
    said = cluster.apply(text, code=1)
    assert 'spec.upstream_certificates["*"] (line 23): a certificate id is missing' in said.stdout, said.stdout


# --- domains

class Far:
    """Upstreams of any name: a proxy leads to one origin, whose certificate has these names."""

    def __init__(self, world, *names):
        pair = world.pki.issue(names[0], world.upstream_ca, usages=[SERVER], sans=list(names))
        self.world, self.origin = world, world.origin(names[0], pair=pair, client_ca=world.client_ca.cert)
        self.proxy = OwnProxy(port=self.origin.port)

    def presented(self, name, url, ids):
        """The certificate that the upstream at `url` is shown with this map; None where the upstream refused."""
        definition = classic(name, url, domain=f"{name}.gw.test", use_keyless=True, upstream_certificates=ids)
        definition["proxy"]["transport"] = {"proxy_url": f"http://127.0.0.1:{self.proxy.port}"}
        self.world.gateway.add_api(definition)
        before = len(self.origin.requests)
        status = self.world.a.curl("/", host=f"{name}.gw.test").status
        assert (status == 200) == (len(self.origin.requests) == before + 1)
        return self.origin.last().peer if status == 200 else None


@pytest.fixture(scope="module")
def far(world):
    made = Far(world, "api.production.upstream.test")
    yield made
    made.proxy.close()


@pytest.fixture(scope="module")
def mapped(world):
    made = world.client("mapped")
    return made, world.gateway.add_certificate(made.pem + made.key_pem)


@pytest.mark.parametrize("number, domain, matches", [
    (0, "api.production.upstream.test:8443", True),
    (1, "*.production.upstream.test:8443", True),
    (2, "api.*.upstream.test:8443", True),
    (3, "*.upstream.test:8443", False),
    (4, "api.production.upstream.test", True),
    (5, "*.production.upstream.test", True),
    (6, "*.upstream.test", False),
    (7, "*", True),
    (8, "api.production.upstream.test:443", False),
])
def test_domains_of_the_pages(far, mapped, number, domain, matches):
    pair, certificate_id = mapped
    shown = far.presented(f"domain-{number}", "https://api.production.upstream.test:8443", {domain: certificate_id})
    assert shown == (pair.der if matches else None)


def test_a_domain_with_its_protocol_is_refused(world):
    definition = classic("protocol", "https://localhost:1", domain="protocol.gw.test", use_keyless=True,
                         upstream_certificates={"https://api.production.upstream.test": "default" + "0" * 64})
    answer = world.gateway.rest("POST", "/tyk/apis", definition)
    assert answer.status_code == 400 and answer.json()["message"].endswith('has a scheme: write "api.production.upstream.test"')


def test_api_before_gateway_specific_before_default(world, cluster):
    """The order of the pages, by `security.certificates.upstream` of a tyk.conf and the API's own map."""
    wants = world.tls_origin("order", client_ca=world.client_ca)
    ids, ders = {}, {}
    for name in ("api host", "api default", "gateway host", "gateway default"):
        one = world.client(f"order {name}")
        ids[name], ders[name] = world.gateway.add_certificate(one.pem + one.key_pem), one.der
    host = f"localhost:{wants.port}"

    def conf(maps):
        file = cluster.file("tyk.conf", json.dumps({"security": {"certificates": {"upstream": maps}}}))
        done = world.gateway.run_ctl("apply", "--as", "tyk-gateway", "-f", file)
        assert done.returncode == 0, done

    def presented(own):
        answer = world.gateway.rest("PUT" if presented.made else "POST", "/tyk/apis" + ("/order" if presented.made else ""),
                                    classic("order", target(wants), domain="order.gw.test", use_keyless=True,
                                            upstream_certificates=own))
        assert answer.status_code == 200, answer.text
        presented.made = True
        world.gateway.settle()
        assert world.a.curl("/", host="order.gw.test").status == 200
        return next(name for name, der in ders.items() if der == wants.last().peer)
    presented.made = False
    conf({host: ids["gateway host"], "*": ids["gateway default"]})
    try:
        assert presented({host: ids["api host"], "*": ids["api default"]}) == "api host"
        assert presented({"*": ids["api default"]}) == "api default"
        assert presented({"elsewhere.test": ids["api host"]}) == "gateway host"
        conf({"*": ids["gateway default"]})
        assert presented({}) == "gateway default"
    finally:
        conf({})


# --- Operator, OAS definitions

PETS = """
apiVersion: v1
kind: ConfigMap
metadata:
  name: NAME
  namespace: default
data:
  pets.json: |-
    {
      "info": {
        "title": "NAME",
        "version": "1.0.0"
      },
      "openapi": "3.0.3",
      "components": {},
      "paths": {},
      "x-tyk-api-gateway": {
        "info": {
          "name": "NAME",
          "state": {
            "active": true
          }
        },
        "upstream": {
          "url": "TARGET/"
        },
        "server": {
          "listenPath": {
            "value": "/NAME/",
            "strip": true
          }
        }
      }
    }
"""
MUTUAL_TLS = """---
apiVersion: tyk.tyk.io/v1alpha1
kind: TykOasApiDefinition
metadata:
  name: NAME
  namespace: default
spec:
  tykOAS:
    configmapRef:
      name: NAME
      namespace: default
      keyName: pets.json
  mutualTLS:
    enabled: true
    domainToCertificateMapping:
      - domain: "localhost"
        certificateRef: pets-domain
      - domain: "pets.co.test"
        certificateRef: pets-uk-domain
"""
PINNING = """---
apiVersion: v1
kind: Secret
metadata:
  name: domain-secret
type: kubernetes.io/tls # The secret needs to be a type of kubernetes.io/tls
data:
  tls.crt: PUBLIC_KEY
  tls.key: ""
---
apiVersion: tyk.tyk.io/v1alpha1
kind: TykOasApiDefinition
metadata:
  name: "NAME"
spec:
  tykOAS:
    configmapRef:
      keyName: pets.json
      name: NAME
  certificatePinning:
    enabled: true
    domainToPublicKeysMapping:
      - domain: "localhost"
        publicKeyRefs:
          - domain-secret
"""


def oas(text, name, url):
    return (PETS + text).replace("NAME", name).replace("TARGET", url)


def test_mutual_tls_of_an_oas_definition(world, cluster):
    wants = world.tls_origin("pets", client_ca=world.client_ca)
    here, there = world.client("pets domain"), world.client("pets uk domain")
    cluster.create_tls("pets-domain", here)
    cluster.create_tls("pets-uk-domain", there)
    cluster.apply(oas(MUTUAL_TLS, "pets-mtls", target(wants)))
    assert cluster.get("pets-mtls").status == 200 and wants.last().peer == here.der


def test_mutual_tls_as_it_is_printed_one_blank_too_far_says_the_line(cluster):
    """The page's YAML has `kind` one blank to the right of `apiVersion`, which is no YAML."""
    done = cluster.apply("apiVersion: tyk.tyk.io/v1alpha1\n kind: TykOasApiDefinition\n metadata:\n   name: pets\n", code=1)
    assert "line 2: not valid YAML" in done.stdout


def public_key(world, origin):
    """As the pages take it from a server."""
    return shell(world.gateway.directory, f"openssl s_client -connect localhost:{origin.port} -servername localhost </dev/null "
                                          "2>/dev/null | openssl x509 -pubkey -noout")


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def test_pins_of_an_oas_definition(world, cluster):
    pinned, other = world.tls_origin("pinned"), world.tls_origin("other")
    text = PINNING.replace("PUBLIC_KEY", encoded(public_key(world, pinned)))
    done = cluster.apply(oas(text, "oas-pinned", target(pinned)))
    assert "Secret/default/domain-secret created" in done.stdout
    assert cluster.get("oas-pinned").status == 200
    cluster.apply(oas(text, "oas-pinned", target(other)))
    assert cluster.get("oas-pinned").status == 500 and other.requests == []
    key = world.pki.issue("private too")
    cluster.apply(tls_secret("domain-secret", encoded(public_key(world, other)), encoded(key.key_pem.decode())), code=1)


# --- pins of Classic definitions

def tls_secret(name, certificate, key='""'):
    return ("apiVersion: v1\nkind: Secret\nmetadata:\n  name: " + name + "\ntype: kubernetes.io/tls\ndata:\n"
            f"  tls.crt: {certificate} # Use tls.crt field for the public key.\n  tls.key: {key}\n")


def test_pinned_public_keys_refs(world, cluster):
    pinned, other = world.tls_origin("refs pinned"), world.tls_origin("refs other")
    secret = tls_secret("pins-secret", encoded(public_key(world, pinned)))
    fields = '  pinned_public_keys_refs:\n    "*": pins-secret'
    cluster.apply(secret + "---" + api_definition("pinning", target(pinned), fields))
    assert cluster.get("pinning").status == 200
    cluster.apply(api_definition("pinning", target(other), fields))
    refused = cluster.get("pinning")
    assert refused.status == 500 and other.requests == []
    asked = refused.headers["x-request-id"]
    told = wait_for(lambda: (done := world.gateway.explain(asked)).returncode == 0 and done, "it was reported")
    assert "public key pinning error" in told.stdout, told.stdout


def test_pinned_public_keys_by_ids(world, cluster):
    """`"foo.com": "<id>"` and `"*": "<id>,<id>"`, without the commas behind the lines: with them it is no YAML."""
    pinned, other = world.tls_origin("ids pinned"), world.tls_origin("ids other")
    ids = [world.gateway.add_certificate(public_key(world, one)) for one in (pinned, other)]
    unused = world.gateway.add_certificate(world.pki.issue("never met").public_key_pem)
    fields = f'  pinned_public_keys:\n    "pins.elsewhere.test": "{unused}"\n    "*": "{unused},{ids[0]}"'
    cluster.apply(api_definition("pin-ids", target(pinned), fields))
    assert cluster.get("pin-ids").status == 200
    cluster.apply(api_definition("pin-ids", target(other), fields))
    assert cluster.get("pin-ids").status == 500 and other.requests == []
    printed = f'  pinned_public_keys:\n    "foo.test": "{unused}",\n    "*": "{unused},{ids[0]}"'
    done = cluster.apply(api_definition("pin-ids", target(pinned), printed), code=1)
    assert "not valid YAML" in done.stdout and "line 22" in done.stdout, done.stdout


def test_pins_of_the_gateway(world, cluster):
    pinned, other = world.tls_origin("gateway pinned"), world.tls_origin("gateway other")
    ids = [world.gateway.add_certificate(public_key(world, one)) for one in (pinned, other)]
    for name, one in (("gw-pinned", pinned), ("gw-other", other)):
        cluster.apply(api_definition(name, target(one)))

    def conf(pins):
        file = cluster.file("tyk.conf", json.dumps({"security": {"pinned_public_keys": pins}}))
        assert world.gateway.run_ctl("apply", "--as", "tyk-gateway", "-f", file).returncode == 0
        world.gateway.settle()
        return [cluster.get(name).status for name in ("gw-pinned", "gw-other")]
    try:
        assert conf({"localhost": ids[0]}) == [200, 500]
        assert conf({"*": f"{ids[1]}"}) == [500, 200]
        assert conf({"*": ",".join(ids)}) == [200, 200]
        assert conf({"elsewhere.test": ids[0]}) == [200, 200]
    finally:
        conf({})


# --- without verification

def test_verification_is_off_where_it_says_so_and_loud(world, cluster):
    """`proxy.transport.ssl_insecure_skip_verify` of one API, `proxy_ssl_insecure_skip_verify` of all."""
    unknown = world.origin("unknown", pair=world.pki.self_signed("unknown", sans=["elsewhere.test"]))
    cluster.apply(api_definition("insecure", target(unknown)))
    assert cluster.get("insecure").status == 500 and unknown.requests == []
    skipping = api_definition("insecure", target(unknown)).replace(
        "  proxy:\n", "  proxy:\n    transport:\n      ssl_insecure_skip_verify: true\n")
    assert "INSECURE" in cluster.apply(skipping).stderr
    assert cluster.get("insecure").status == 200
    cluster.apply(api_definition("insecure", target(unknown)))
    assert cluster.get("insecure").status == 500

    def conf(value):
        file = cluster.file("tyk.conf", json.dumps({"security": {}, "proxy_ssl_insecure_skip_verify": value}))
        done = world.gateway.run_ctl("apply", "--as", "tyk-gateway", "-f", file)
        assert done.returncode == 0
        world.gateway.settle()
        return done.stderr, cluster.get("insecure").status
    try:
        said, status = conf(True)
        assert "INSECURE" in said and status == 200
    finally:
        assert conf(False)[1] == 500
