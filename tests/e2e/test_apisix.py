"""APISIX's Admin API: its scripts run with only address and key changed, and what they ask for holds (reference apisix.md A1 to
A4). Real curl, requests and python scripts."""

import json
import ssl
import subprocess

import grpc
import pytest
import requests

from apisix_world import ApisixWorld
from gateway import DEADLINE, wait_for
from origins import free_port
from pki import CLIENT, SERVER
from raw import Connection
from raw_http2 import Http2
from test_grpc import Service, serve

WORLD = ApisixWorld
MTLS = "mtls.test.com"

CREATE_SSL = """
import sys
import requests

if len(sys.argv) < 4:
    print("bad argument")
    sys.exit(1)
with open(sys.argv[1]) as f:
    cert = f.read()
with open(sys.argv[2]) as f:
    key = f.read()
sni = sys.argv[3]
api_key = "{key}"

reqParam = {{
    "cert": cert,
    "key": key,
    "snis": [sni],
}}
if len(sys.argv) >= 5:
    print("Setting mTLS")
    reqParam["client"] = {{}}
    with open(sys.argv[4]) as f:
        clientCert = f.read()
        reqParam["client"]["ca"] = clientCert
    if len(sys.argv) >= 6:
        reqParam["client"]["depth"] = int(sys.argv[5])
resp = requests.put("http://127.0.0.1:{port}/apisix/admin/ssls/1", json=reqParam, headers={{
    "X-API-KEY": api_key,
}})
print(resp.status_code)
print(resp.text)
"""

PATCH_UPSTREAM = """
import sys
import requests

if len(sys.argv) < 4:
    print("bad argument")
    sys.exit(1)
with open(sys.argv[2]) as f:
    cert = f.read()
with open(sys.argv[3]) as f:
    key = f.read()
id = sys.argv[1]
api_key = "{key}"

reqParam = {{
    "tls": {{
        "client_cert": cert,
        "client_key": key,
    }},
}}

resp = requests.patch("http://127.0.0.1:{port}/apisix/admin/upstreams/"+id, json=reqParam, headers={{
    "X-API-KEY": api_key,
}})
print(resp.status_code)
print(resp.text)
"""


def pem(pair):
    return pair.pem.decode()


# --- the examples of the documentation

def test_create_ssl_with_mtls(clean):
    world, origin = clean, clean.origin("hello")
    world.put("/routes/1", {"uri": "/hello", "upstream": {"type": "roundrobin", "nodes": world.node(origin)}})
    server, client = world.server(MTLS), world.client("client")
    out = world.script(CREATE_SSL, server.cert, server.key, MTLS, world.client_ca.cert, 10)
    assert out.startswith("Setting mTLS\n201\n"), out
    body = json.loads(out.split("\n", 2)[2])
    assert body["key"] == "/apisix/ssls/1" and body["value"]["client"] == {"ca": pem(world.client_ca), "depth": 10}
    assert "key" not in body["value"]
    world.gateway.settle()
    assert world.a.curl("/hello", client=client, host=MTLS).status == 200
    assert origin.last().target == "/hello"
    before = len(origin.requests)
    for refused in (world.a.curl("/hello", host=MTLS),
                    world.a.curl("/hello", client=world.client("stranger", world.pki.issue("Other CA", ca=True)), host=MTLS),
                    world.a.curl("/hello", client=world.client("old", days=(-9, -1)), host=MTLS)):
        assert refused.status == 400 and "400 Bad Request" in refused.body, refused
    assert len(origin.requests) == before


def test_grpc_upstreams_and_where_requests_are_hashed(clean):
    world = clean
    upstream = world.pki.issue("grpcs", world.upstream_ca, usages=[SERVER], sans=["localhost"])
    client, caller = world.client("gateway to grpcs"), world.client("grpc caller")
    credentials = grpc.ssl_server_credentials([(upstream.key_pem, upstream.pem)], world.client_ca.pem, True)
    services = [serve(Service()), serve(Service(), credentials)]
    world.ssl("1", "g.test.com", client={"ca": pem(world.client_ca)})
    world.put("/routes/1", {"uri": "/in.Clear/*", "upstream": {"scheme": "grpc", "nodes": {f"127.0.0.1:{services[0][1]}": 1}}})
    world.put("/routes/2", {"uri": "/by.Tls/*", "upstream": {
        "scheme": "grpcs", "pass_host": "node", "nodes": {f"localhost:{services[1][1]}": 1},
        "tls": {"client_cert": pem(client), "client_key": client.key_pem.decode()}}})
    names = [("grpc.ssl_target_name_override", "g.test.com"), ("grpc.default_authority", "g.test.com")]

    def call(method, *pair):
        trust = grpc.ssl_channel_credentials(world.gateway.server_ca.pem, *pair)
        with grpc.secure_channel(f"127.0.0.1:{world.a.port}", trust, names) as channel:
            try:
                return channel.unary_unary(method)(b"abc", timeout=DEADLINE)
            except grpc.RpcError as refused:
                return refused.code()
    assert call("/in.Clear/Unary", caller.key_pem, caller.pem) == call("/by.Tls/Unary", caller.key_pem, caller.pem) == b"cba"
    assert call("/in.Clear/Unary") == grpc.StatusCode.UNAUTHENTICATED
    for server, _ in services:
        server.stop(0).wait()
    origins = [world.origin(name) for name in ("first", "second")]
    nodes = {name: weight for origin in origins for name, weight in world.node(origin).items()}
    world.put("/routes/3", {"uri": "/hash", "upstream": {"type": "chash", "hash_on": "header", "key": "X-A", "nodes": nodes}})

    def served(value):
        return world.a.curl("/hash", client=caller, host="g.test.com", headers=[f"X-A: {value}"]).json()["origin"]
    first = [served(value) for value in range(20)]
    assert set(first) == {"first", "second"} and [served(value) for value in range(5)] == first[:5]


def test_health_checks_show_the_upstreams_client_certificate(clean):
    world, pair = clean, clean.client("for checks")
    origins = [world.tls_origin(f"checked {number}", client_ca=world.client_ca) for number in (1, 2)]
    nodes = {name: weight for origin in origins for name, weight in world.node(origin).items()}
    world.ssl("1", "checks.test.com")
    world.put("/ssls/c", {"type": "client", "cert": pem(pair), "key": pair.key_pem.decode()})
    world.put("/upstreams/u", {"scheme": "https", "pass_host": "node", "nodes": nodes, "tls": {"client_cert_id": "c"}, "checks": {
        "active": {"type": "https", "http_path": "/health", "healthy": {"interval": 1, "successes": 1},
                   "unhealthy": {"interval": 1, "http_failures": 1}}}})
    world.put("/routes/1", {"uri": "/*", "upstream_id": "u"})
    for origin in origins:
        seen = wait_for(lambda: [one for one in origin.requests if one.target == "/health"], "it is asked")
        assert {one.peer for one in seen} == {pair.der}
    assert world.a.curl("/", host="checks.test.com").status == 200


def test_patch_an_upstream_with_a_client_certificate(clean):
    world = clean
    origin = world.tls_origin("wants-a-certificate", client_ca=world.client_ca)
    world.put("/upstreams/testmtls", {"type": "roundrobin", "scheme": "https", "nodes": world.node(origin), "pass_host": "node"})
    world.put("/routes/1", {"uri": "/*", "upstream_id": "testmtls"})
    world.ssl("1", "up.test.com")
    assert world.a.curl("/x", host="up.test.com").status == 502
    pair = world.client("gateway to upstream")
    out = world.script(PATCH_UPSTREAM, "testmtls", pair.cert, pair.key)
    assert out.startswith("200\n") and json.loads(out.split("\n", 1)[1])["value"]["tls"] == {"client_cert": pem(pair)}
    world.gateway.settle()
    assert world.a.curl("/x", host="up.test.com").status == 200
    assert origin.last().peer == pair.der
    assert "client_key" not in world.call("GET", "/upstreams/testmtls").text


def test_the_admin_api_with_client_certificates(world):
    """Its own authsvc: such a listener asks for them on all paths, and serves no plain HTTP."""
    gateway = world.gateway
    authorities = gateway.role_directory("authsvc")
    command = ["--set", "admin.require_client_certificate=true"]
    other = gateway.start_another_authsvc(options=command)
    admin = gateway.role_directory("admin")

    def curl(*options):
        done = subprocess.run(["curl", "-sS", "-i", "--cacert", str(admin / "ca.crt"), *options,
                               "--connect-to", f"::127.0.0.1:{other.admin_port}",
                               f"https://localhost:{other.admin_port}/apisix/admin/routes"], capture_output=True, text=True,
                              timeout=DEADLINE)
        return done.stdout
    key = ["-H", f"X-API-KEY: {gateway.admin_key}"]
    certificate = ["--cert", str(admin / "tls.crt"), "--key", str(admin / "tls.key")]
    assert authorities.exists()
    assert curl(*certificate, *key).startswith("HTTP/1.1 200")
    assert curl(*certificate).startswith("HTTP/1.1 401")
    refused = curl(*key)
    assert refused.startswith("HTTP/1.1 400") and "No required SSL certificate was sent" in refused
    both = subprocess.run(gateway.authsvc_command(*command, "--set", "admin.apisix_plain_http_port=1", "--check-config"),
                          capture_output=True, text=True, timeout=DEADLINE)
    assert both.returncode == 2 and "plain HTTP carries no certificate" in both.stderr


def test_a_port_of_its_own(world):
    port = free_port()
    other = world.gateway.start_another_authsvc(options=["--set", "admin.apisix_address=127.0.0.1", "--set", f"admin.apisix_port={port}",
                                                         "--set", "admin.apisix_require_client_certificate=true"])
    admin = world.gateway.role_directory("admin")

    def ask(at, path="/apisix/admin/routes", header="X-API-KEY", cert=None):
        return requests.get(f"https://127.0.0.1:{at}{path}", headers={header: world.gateway.admin_key}, verify=False, cert=cert,
                            timeout=DEADLINE).status_code
    ours, stranger = (str(admin / "tls.crt"), str(admin / "tls.key")), world.client("no administrator")
    assert ask(port, cert=ours) == 200 and ask(port) == 400 and ask(port, cert=(str(stranger.cert), str(stranger.key))) == 400
    assert ask(other.admin_port, "/tyk/apis", "X-Tyk-Authorization") == 200 and ask(other.admin_port, cert=ours) == 404
    for wrong, words in ((["admin.apisix_port=1", "admin.apisix_plain_http_port=1"], "is the port of another"),
                         (["admin.apisix_require_client_certificate=true"], "needs apisix_port"),
                         (["admin.apisix_port=1", "admin.apisix_plain_http_port=2", "admin.apisix_require_client_certificate=true"],
                          "plain HTTP carries no certificate")):
        options = [part for setting in wrong for part in ("--set", setting)]
        done = subprocess.run(world.gateway.authsvc_command(*options), capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 2 and words in done.stderr, done.stderr


def test_the_keys_that_everybody_knows_are_refused(world):
    import hashlib
    for known in ("edd1c9f034335f136f87ad84b625c8f1", "4054f7cf07e344346cd3f287985e76a2"):
        assert world.call("GET", "/routes", key=known).status_code == 401
        sha256 = hashlib.sha256(known.encode()).hexdigest()
        done = subprocess.run(world.gateway.authsvc_command("--set", "admin.keys.0.name=x", "--set", f"admin.keys.0.sha256={sha256}"),
                              capture_output=True, text=True, timeout=DEADLINE)
        assert done.returncode == 2 and "which everybody knows" in done.stderr


# --- tokens, envelope, statuses

def test_places_of_the_token(world):
    key = world.gateway.admin_key
    assert world.call("GET", "/routes", headers={}, params={"api_key": key}).status_code == 200
    assert world.call("GET", "/routes", headers={}, cookies={"x_api_key": key}).status_code == 200
    for none in ({}, {"X-API-KEY": ""}, {"X-API-KEY": key + "x"}, {"X-Tyk-Authorization": key}):
        answer = world.call("GET", "/routes", headers=none)
        assert (answer.status_code, answer.json()) == (401, {"error_msg": "failed to check token"})
    assert world.call("HEAD", "", headers={}).status_code == 200
    assert world.call("DELETE", "/routes/1", headers={}).status_code == 401


def test_a_viewer_reads_and_nothing_else(world):
    import hashlib
    sha256 = hashlib.sha256(b"the viewer's key").hexdigest()
    other = world.gateway.start_another_authsvc(options=["--set", "admin.keys.1.name=viewer", "--set", "admin.keys.1.role=viewer",
                                                         "--set", f"admin.keys.1.sha256={sha256}"])
    url = f"https://127.0.0.1:{other.admin_port}"
    def ask(method, path, **headers):
        return requests.request(method, url + path, headers=headers, verify=False, timeout=DEADLINE).status_code
    viewer = {"X-API-KEY": "the viewer's key"}
    assert ask("GET", "/apisix/admin/routes", **viewer) == 200
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        assert ask(method, "/apisix/admin/routes/1", **viewer) == 401
    assert ask("GET", "/tyk/apis", **{"X-Tyk-Authorization": "the viewer's key"}) == 403


def test_envelope_of_every_method(clean):
    world, upstream = clean, {"type": "roundrobin", "nodes": {"127.0.0.1:9": 1}}
    first = world.call("PUT", "/upstreams/1", upstream)
    assert first.status_code == 201 and first.headers["X-API-VERSION"] == "v3"
    assert first.json()["key"] == "/apisix/upstreams/1" and first.json()["value"]["id"] == "1"
    assert world.call("PUT", "/upstreams/1", {**upstream, "retries": 1}).status_code == 200
    one = world.call("GET", "/upstreams/1").json()
    assert one["modifiedIndex"] > one["createdIndex"] and one["value"]["nodes"] == upstream["nodes"]
    made = world.call("POST", "/upstreams", upstream)
    assert made.status_code == 201 and len(made.json()["value"]["id"]) == 20
    listed = world.call("GET", "/upstreams").json()
    assert listed["total"] == 2 and [item["value"]["id"] for item in listed["list"]] == ["1", made.json()["value"]["id"]]
    patched = world.call("PATCH", "/upstreams/1", {"nodes": {"127.0.0.1:9": None, "127.0.0.1:10": 2}, "desc": "x"})
    assert patched.json()["value"]["nodes"] == {"127.0.0.1:10": 2}
    assert world.call("PATCH", "/upstreams/1/nodes", {"127.0.0.1:11": 1}).json()["value"]["nodes"] == {"127.0.0.1:11": 1}
    gone = world.call("DELETE", "/upstreams/1")
    assert gone.json() == {"deleted": "1", "key": "/apisix/upstreams/1"}
    for method in ("GET", "DELETE", "PATCH"):
        answer = world.call(method, "/upstreams/1", {} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()) == (404, {"message": "Key not found"})


def test_what_was_put_is_read_back(clean):
    world, pair, other = clean, clean.server("back.test.com"), clean.server("back.test.com")
    ssl = {"cert": pem(pair), "snis": ["back.test.com", "*.back.test.com"], "labels": {"a": "b"}, "status": 1, "type": "server",
           "client": {"ca": pem(world.client_ca), "depth": 3, "skip_mtls_uri_regex": ["^/a"]}, "ssl_protocols": ["TLSv1.2", "TLSv1.3"]}
    upstream = {"type": "chash", "hash_on": "header", "key": "X-A", "nodes": [{"host": "127.0.0.1", "port": 9, "weight": 2}], "retries": 2,
                "timeout": {"connect": 1, "send": 2.5, "read": 3}, "checks": {"active": {"http_path": "/h"}}, "scheme": "https",
                "keepalive_pool": {"size": 4}, "tls": {"verify": True, "ca_certs": [pem(world.client_ca)]}}
    route = {"uris": ["/a", "/b*"], "hosts": ["back.test.com"], "methods": ["GET"], "priority": 3, "vars": [["arg_a", "==", "1"]],
             "plugins": {"key-auth": {"header": "x"}}, "upstream_id": "1", "name": "n", "desc": "d", "enable_websocket": True}
    for path, document in (("/ssls/1", {**ssl, "key": pair.key_pem.decode()}), ("/upstreams/1", upstream), ("/routes/1", route)):
        world.put(path, document)
        value = world.call("GET", path).json()["value"]
        assert value.pop("create_time") <= value.pop("update_time")
        expected = ssl if path == "/ssls/1" else document
        assert value == {**expected, "id": "1"}
        assert world.call("GET", path.rpartition("/")[0]).json()["list"][0]["value"].items() >= value.items()
    assert world.call("PATCH", "/ssls/1/snis", ["back.test.com"]).json()["value"]["snis"] == ["back.test.com"]
    assert world.call("PATCH", "/ssls/1/key", json.dumps(pair.key_pem.decode())).status_code == 200
    wrong = world.call("PATCH", "/ssls/1/key", json.dumps(other.key_pem.decode()))
    assert wrong.status_code == 400 and "failed to parse key" in wrong.json()["error_msg"]
    assert world.call("PATCH", "/ssls/1/nothing/there", "1").json()["error_msg"] == "invalid sub-path: /nothing/there"
    assert world.call("PATCH", "/ssls/1/snis", "").json()["error_msg"] == "missing new configuration"


@pytest.mark.parametrize("method, path, body, status, message", [
    ("PUT", "/upstreams", {"nodes": {"a:1": 1}}, 400, "missing upstream id"),
    ("PUT", "/upstreams/1", {"id": "2", "nodes": {"a:1": 1}}, 400, "wrong upstream id"),
    ("POST", "/upstreams", {"id": "2", "nodes": {"a:1": 1}}, 400, "wrong upstream id, do not need it"),
    ("PUT", "/upstreams/1", "", 400, "missing configurations"),
    ("PUT", "/upstreams/1", "{", 400, "invalid request body: "),
    ("PUT", "/upstreams/1", '{"nodes":{"a:1":1},"nodes":{}}', 400, "invalid request body: "),
    ("PUT", "/upstreams/1", "[" * 100_000, 400, "invalid request body: "),
    ("PUT", "/upstreams/1", "x" * 1_572_865, 400, "invalid request body: request size 1572865 is greater than the maximum size"),
    ("PUT", "/upstreams/1", {"nodes": {"a:1": 1}, "create_time": 1}, 400, "the property is forbidden:  create_time"),
    ("PUT", "/upstreams/1", {"nodes": {"a:1": 1}, "tpye": 1}, 400, "additional properties forbidden, found tpye"),
    ("PUT", "/upstreams/1", {"nodes": {"a:1": 1}, "retries": "1"}, 400, 'property "retries" validation failed: wrong type'),
    ("PUT", "/upstreams/1", {"nodes": {"a:1": 1}, "name": ""}, 400, 'property "name" validation failed: string too short'),
    ("PUT", "/upstreams/1", {"nodes": {"a:1": 1}, "desc": "x" * 257}, 400, "string too long, expected at most 256, got 257"),
    ("PUT", "/upstreams/1", {"nodes": {"a:1": 1}, "labels": {"a": "b c"}}, 400, "failed to validate a: failed to match pattern"),
    ("PUT", "/upstreams/1", {"nodes": {"a:1": 1}, "labels": {"a": 1}}, 400, "expected string, got number"),
    ("PUT", "/upstreams/1?ttl=x", {"nodes": {"a:1": 1}}, 400, "invalid argument ttl: should be a number"),
    ("PUT", "/upstreams/b%20d", {"nodes": {"a:1": 1}}, 400, 'property "id" validation failed'),
    ("PUT", "/nonsense/1", {}, 404, "Unsupported resource type: nonsense"),
    ("PUT", "/stream_routes/1", {}, 400, "stream mode is disabled"),
    ("POST", "/consumers", {}, 405, "not supported `POST` method for consumer"),
    ("PATCH", "/consumers/x", {}, 405, "not supported `PATCH` method for consumer"),
    ("POST", "/global_rules", {}, 405, "not supported `POST` method for global_rule"),
    ("PUT", "/routes/1", {"uri": "/", "upstream_id": "no"}, 400, "failed to fetch upstream info by upstream id [no], response code: 404"),
    ("PUT", "/routes/1", {"uri": "/", "service_id": "no"}, 400, "failed to fetch service info by service id [no], response code: 404"),
])
def test_what_is_wrong_is_refused_with_its_words(world, method, path, body, status, message):
    answer = world.call(method, path, body)
    assert answer.status_code == status and message in answer.json()["error_msg"], answer.text
    assert world.call("GET", "/upstreams").json()["total"] == 0


def test_pages_and_filters(clean):
    world = clean
    for number in range(12):
        world.put(f"/upstreams/u{number}", {"nodes": {"127.0.0.1:9": 1}, "name": f"name-{number}",
                                            **({"labels": {"team": "a"}} if number < 3 else {})}, settle=False)
    def ids(query):
        answer = world.call("GET", f"/upstreams?{query}").json()
        return answer["total"], [item["value"]["id"] for item in answer["list"]]
    assert ids("page=1&page_size=10") == (12, [f"u{n}" for n in range(10)])
    assert ids("page=2&page_size=10") == (12, ["u10", "u11"])
    assert ids("page=9223372036854775807&page_size=10") == (12, [])
    assert ids("label=team") == (3, ["u0", "u1", "u2"])
    assert ids("name=-1$") == (1, ["u1"]) and ids("name=-1$&label=team") == (1, ["u1"]) and ids("name=-9$&label=team") == (0, [])
    for id, uris in (("a", {"uri": "/abc"}), ("b", {"uris": ["/x", "/abd"]})):
        world.put(f"/routes/{id}", {**uris, "upstream_id": "u1"}, settle=False)
    for uri, expected in (("ab", ["a", "b"]), ("c$", ["a"]), ("^/x", ["b"]), ("z", [])):
        listed = world.call("GET", "/routes", params={"uri": uri}).json()
        assert (listed["total"], [item["value"]["id"] for item in listed["list"]]) == (len(expected), expected)
    answer = world.call("GET", "/upstreams?page_size=9")
    assert (answer.status_code, answer.text) == (400, "page_size must be between 10 and 500")
    assert world.call("GET", "/upstreams?name=(").status_code == 400


def test_what_is_in_use_stays_unless_forced(clean):
    world, origin = clean, clean.origin("in use")
    world.ssl("1", "use.test.com")
    world.put("/upstreams/u", {"nodes": world.node(origin)})
    world.put("/routes/1", {"uri": "/x", "upstream_id": "u"})
    answer = world.call("DELETE", "/upstreams/u")
    assert (answer.status_code, answer.json()["error_msg"]) == (
        400, "can not delete this upstream, route [1] is still using it now")
    assert world.call("DELETE", "/upstreams/u?force=yes").status_code == 400
    assert world.a.curl("/x", host="use.test.com").status == 200
    assert world.call("DELETE", "/upstreams/u?force=true").status_code == 200
    assert world.a.curl("/x", host="use.test.com").status == 502
    world.put("/upstreams/u", {"nodes": world.node(origin)})
    assert world.a.curl("/x", host="use.test.com").status == 200


def test_what_was_taken_by_force_leaves_its_place_closed(clean):
    """A route without what it needs is no gap through which a wider one serves what it guarded."""
    world, inner, outer = clean, clean.origin("guarded"), clean.tls_origin("outer", client_ca=clean.client_ca)
    pair, host = world.client("force client"), "force.test.com"
    world.ssl("1", host)
    world.put("/ssls/c", {"type": "client", "cert": pem(pair), "key": pair.key_pem.decode()})
    upstream = {"scheme": "https", "pass_host": "node", "nodes": world.node(outer), "tls": {"client_cert_id": "c"}}
    world.put("/upstreams/u", {"nodes": world.node(inner)})
    world.put("/plugin_configs/p", {"plugins": {"key-auth": {}}})
    world.put("/services/s", {"plugins": {"key-auth": {}}, "client": {"ca": pem(world.client_ca)}, "upstream": {"nodes": world.node(inner)}})
    world.put("/consumers", {"username": "jack", "plugins": {"key-auth": {"key": "auth-one-of-jack"}}})
    guards = {"/upstream/*": {"upstream_id": "u", "plugins": {"key-auth": {}}}, "/service/*": {"service_id": "s"},
              "/config/*": {"plugin_config_id": "p", "upstream": {"nodes": world.node(inner)}}, "/client/*": {"upstream": upstream}}
    for number, (uri, body) in enumerate(guards.items()):
        world.put(f"/routes/{number}", {"uri": uri, **body})
    world.put("/routes/all", {"uri": "/*", "upstream": {"nodes": world.node(inner)}})
    key = ["apikey: auth-one-of-jack"]

    def statuses(headers=key):
        return [world.a.curl(uri[:-1] + "x", client=pair, host=host, headers=headers).status for uri in guards]
    assert statuses() == [200] * 4 and statuses([]) == [401, 401, 401, 200] and outer.last().peer == pair.der
    seen = len(inner.requests), len(outer.requests)
    for path in ("/upstreams/u", "/services/s", "/plugin_configs/p", "/ssls/c"):
        gone = world.call("DELETE", f"{path}?force=true")
        assert gone.status_code == 200 and "serves nothing now" in gone.headers["X-Sallyport-Warning"]
    closed = [502, 400, 502, 502]  # with the service went who issues the certificates that it asks for
    assert statuses() == closed and statuses([]) == [401, 400, 401, 502]
    assert (len(inner.requests), len(outer.requests)) == seen
    world.ssl("2", "another.test.com")  # other writes go on beside them
    world.put("/global_rules/1", {"plugins": {"ip-restriction": {"blacklist": ["10.0.0.1"]}}})
    assert statuses() == closed
    assert "failed to fetch upstream info" in world.refused("/routes/0", {"uri": "/upstream/*", "upstream_id": "u"})
    world.put("/ssls/c", {"type": "client", "cert": pem(pair), "key": pair.key_pem.decode()})
    world.put("/upstreams/u", {"nodes": world.node(inner)})
    assert statuses() == [200, 400, 502, 200]
    assert world.call("DELETE", "/routes/1").status_code == 200 and world.a.curl("/service/x", host=host).status == 200


@pytest.mark.parametrize("name, names", [("n.example", "n.example"), ("n.wild.example", "*.wild.example")])
def test_what_is_closed_is_closed_under_names_that_come_later_too(clean, name, names):
    """A new SSL object with `client` places all routes anew: a closed one stays before those that it stood before."""
    world, inner, pair = clean, clean.origin("guarded"), clean.client("of later names")
    hosts = {} if name == names else {"hosts": [names]}
    world.put("/upstreams/u", {"nodes": world.node(inner)})
    world.put("/routes/a", {"uri": "/pay", "priority": 10, "upstream_id": "u", "plugins": {"key-auth": {}}, **hosts})
    world.put("/routes/b", {"uri": "/pay", "upstream": {"nodes": world.node(inner)}, **hosts})
    assert world.call("DELETE", "/upstreams/u?force=true").status_code == 200
    client = {"client": {"ca": pem(world.client_ca)}}
    world.ssl("1", name, **client)
    assert world.a.curl("/pay", client=pair, host=name).status == 401
    assert world.a.curl("/pay", host=name).status != 200
    world.put("/upstreams/u", {"nodes": world.node(inner)})
    assert world.a.curl("/pay", client=pair, host=name).status == 401
    assert world.call("DELETE", "/routes/a").status_code == 200
    assert world.a.curl("/pay", client=pair, host=name).status == 200, "the other one was there"


# --- SSL objects

def test_ssl_objects_are_checked_when_they_are_written(clean):
    world = clean
    good, other = world.server("ok.test.com"), world.server("other.test.com")
    def ssl(**more):
        return {"cert": pem(good), "key": good.key_pem.decode(), "sni": "ok.test.com", **more}
    old = world.pki.issue("old server", world.gateway.server_ca, usages=[SERVER], sans=["ok.test.com"], days=(-9, -1))
    for body, message in [
            (ssl(key=other.key_pem.decode()), "failed to parse key: "),
            (ssl(cert="x" * 200), "failed to parse cert: "),
            (ssl(cert=pem(old), key=old.key_pem.decode()), "expired"),
            (ssl(snis=["ok.test.com"]), "then clause did not match"),
            ({"sni": "ok.test.com", "cert": pem(good)}, "then clause did not match"),
            (ssl(certs=[pem(other)], keys=[]), ""),
            (ssl(certs=[pem(other)], keys=["a", "b"]), "mismatched number of certs and keys"),
            (ssl(certs=[pem(other)], keys=[good.key_pem.decode()]), "failed to handle cert-key pair[1]: failed to parse key"),
            (ssl(sni="a*.test.com"), "SNI a*.test.com is refused"),
            (ssl(client={}), 'property "ca" is required'),
            (ssl(client={"ca": pem(good)}), "failed to validate client_cert: certificate 1"),
            (ssl(client={"ca": pem(world.client_ca), "depth": 0}), "client.depth 0 is refused"),
            (ssl(client={"ca": pem(world.client_ca), "skip_mtls_uri_regex": ["(?=x)"]}), "skip_mtls_uri_regex[1] is not an RE2"),
            (ssl(ssl_protocols=["TLSv1.1", "TLSv1.2"]), "TLSv1.1 is not supported"),
            (ssl(ssl_protocols=["TLSv1.3", "TLSv1.3"]), "expected unique items"),
            (ssl(key="$secret://vault/1/key"), "$secret:// is refused"),
            (ssl(key="$env://KEY"), "$env://KEY is refused"),
            (ssl(status=2), 'property "status" validation failed')]:
        assert message in world.refused("/ssls/1", body), body.keys()


def test_a_renewed_certificate_and_a_key_that_is_left_out(clean):
    world, origin = clean, clean.origin("renewed")
    world.put("/routes/1", {"uri": "/*", "upstream": {"nodes": world.node(origin)}})
    first, second = world.server("renew.test.com"), world.server("renew.test.com")
    world.ssl("1", "renew.test.com", pair=first)
    assert world.a.curl("/", host="renew.test.com").status == 200
    same = world.put("/ssls/1", {"cert": pem(first), "snis": ["renew.test.com"], "labels": {"a": "b"}})
    assert same["labels"] == {"a": "b"}
    assert world.a.curl("/", host="renew.test.com").status == 200
    assert "belongs to another certificate" in world.refused("/ssls/1", {"cert": pem(second), "snis": ["renew.test.com"]})
    world.ssl("1", "renew.test.com", pair=second)
    assert world.a.curl("/", host="renew.test.com").status == 200
    certificates = world.gateway.run_ctl("get", "certificate", "-o", "json").stdout
    assert second.fingerprint in certificates and first.fingerprint not in certificates
    assert world.call("PATCH", "/ssls/1", {"status": 0}).status_code == 200
    assert world.a.curl("/", host="renew.test.com").status == 0, "no object serves the name"


def test_two_objects_of_one_name(clean):
    world = clean
    world.ssl("1", "dup.test.com")
    pair = world.server("dup.test.com")
    body = {"cert": pem(pair), "key": pair.key_pem.decode(), "sni": "dup.test.com"}
    assert "SNI dup.test.com is that of ssl [1]: ?force=true" in world.refused("/ssls/2", body)
    asks = {**body, "client": {"ca": pem(world.client_ca)}}
    for path in ("/ssls/2", "/ssls/2?force=true"):
        answer = world.call("PUT", path, asks)
        assert answer.status_code == 400 and "asks for other client certificates" in answer.text
    assert world.call("PUT", "/ssls/2?force=true", body).status_code == 201

    def served():
        shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{world.a.port}", "-servername", "dup.test.com"],
                               input="", capture_output=True, text=True, timeout=DEADLINE).stdout
        return shown[shown.index("-----BEGIN"):shown.index("-----END")]
    newer = pem(pair)[:pem(pair).index("-----END")]
    assert served() == newer
    old = world.pki.issue("older", world.gateway.server_ca, usages=[SERVER], sans=["dup.test.com"], days=(-30, 30))
    world.call("PUT", "/ssls/3?force=true", {"cert": pem(old), "key": old.key_pem.decode(), "sni": "dup.test.com"})
    assert served() == pem(old)[:pem(old).index("-----END")], "the object is newer, whatever its certificate is"
    assert world.call("DELETE", "/ssls/3").status_code == 200 and served() == newer


def test_versions_of_a_name(clean):
    world, origin = clean, clean.origin("versions")
    world.put("/routes/1", {"uri": "/*", "upstream": {"nodes": world.node(origin)}})

    def statuses():
        return [world.a.curl("/", host="tls.test.com", options=options).status
                for options in (["--tls-max", "1.2"], ["--tlsv1.3"], [])]
    pair = world.server("tls.test.com")
    world.ssl("1", "tls.test.com", pair=pair)
    world.ssl("2", "both.test.com")
    assert statuses() == [200, 200, 200]
    for versions, expected in ((["TLSv1.3"], [0, 200, 200]), (["TLSv1.2"], [200, 0, 200]), (["TLSv1.3", "TLSv1.2"], [200, 200, 200])):
        value = world.call("PATCH", "/ssls/1", {"ssl_protocols": versions}).json()["value"]
        assert value["ssl_protocols"] == versions and statuses() == expected, versions
    assert world.a.curl("/", host="both.test.com", options=["--tls-max", "1.2"]).status == 200


def test_versions_of_a_name_hold_for_the_host_of_each_request(clean):
    """Whatever name the handshake was for, and whenever it was."""
    world, origin = clean, clean.origin("versions of hosts")
    world.put("/routes/1", {"uri": "/*", "upstream": {"nodes": world.node(origin)}})
    world.ssl("1", "pay.test.com", "*.pay.test.com", ssl_protocols=["TLSv1.3"])
    world.ssl("2", "both.test.com")
    world.ssl("3", "shop.pay.test.com", ssl_protocols=["TLSv1.2"])
    world.ssl("4", "open.pay.test.com")

    def status(host, sni, *options):
        return world.a.curl("/", host=host, sni=sni, options=list(options)).status
    for http in ("--http1.1", "--http2"):
        before = len(origin.requests)
        for host in ("pay.test.com", "PAY.test.com.", "sub.pay.test.com"):
            assert status(host, "both.test.com", http, "--tls-max", "1.2") == 421, host
        assert status("shop.pay.test.com", "both.test.com", http) == 421
        assert len(origin.requests) == before
        assert status("pay.test.com", "both.test.com", http) == 200, "over TLS 1.3"
        assert status("shop.pay.test.com", "both.test.com", http, "--tls-max", "1.2") == 200
        assert status("both.test.com", "pay.test.com", http) == 200
        # An exact name's certificate, which says nothing, is before that of "*.".
        assert status("open.pay.test.com", "open.pay.test.com", http, "--tls-max", "1.2") == 200
        assert status("sub.pay.test.com", "open.pay.test.com", http, "--tls-max", "1.2") == 421
    # Connections that live while the rule changes; the certificate fits both names.
    world.ssl("5", "one.fit.test.com", "two.fit.test.com")
    old = {"most": ssl.TLSVersion.TLSv1_2}
    with Connection(world.a, "one.fit.test.com", **old) as http1, Http2(world.a, "one.fit.test.com", **old) as http2:
        def expect(status):
            names = ("one.fit.test.com", "two.fit.test.com", "both.test.com")
            streams = [http2.request("/x", authority=name) for name in names]
            assert [http2.answer(stream).status for stream in streams] == [status, status, 200]
            assert http1.get()[0] == status
        expect(200)
        for versions, expected in ((["TLSv1.2"], 200), (["TLSv1.2", "TLSv1.3"], 200), (["TLSv1.3"], 421)):
            assert world.call("PATCH", "/ssls/5", {"ssl_protocols": versions}).status_code == 200
            expect(expected)
        assert http1.ended()
    assert status("two.fit.test.com", "both.test.com", "--tls-max", "1.2") == 421
    assert world.call("DELETE", "/ssls/5").status_code == 200
    assert status("two.fit.test.com", "both.test.com", "--tls-max", "1.2") == 200, "no rule is left of it"


def test_each_name_has_its_own_authorities(clean):
    world, origin = clean, clean.origin("two names")
    other_ca = world.pki.issue("Second client CA", ca=True)
    world.put("/routes/1", {"uri": "/*", "upstream": {"nodes": world.node(origin)}})
    world.ssl("a", "a.test.com", client={"ca": pem(world.client_ca)})
    world.ssl("b", "*.b.test.com", client={"ca": pem(other_ca)})
    world.ssl("c", "open.b.test.com")
    mine, theirs = world.client("mine"), world.client("theirs", other_ca)
    assert world.a.curl("/", client=mine, host="a.test.com").status == 200
    assert world.a.curl("/", client=theirs, host="a.test.com").status == 400
    assert world.a.curl("/", client=theirs, host="x.b.test.com").status == 200
    assert world.a.curl("/", client=mine, host="x.b.test.com").status == 400
    assert world.a.curl("/", host="open.b.test.com").status == 200, "the exact name has an object of its own"
    for sni, host in (("open.b.test.com", "a.test.com"), ("a.test.com", "x.b.test.com"), ("open.b.test.com", "x.b.test.com")):
        assert world.a.curl("/", client=mine, sni=sni, host=host).status == 421


def test_depth_counts_the_certificates_between(clean):
    world, origin = clean, clean.origin("depth")
    middle = world.pki.issue("Middle", world.client_ca, ca=True)
    lower = world.pki.issue("Lower", middle, ca=True)
    leaf = world.client("deep", lower)
    world.put("/routes/1", {"uri": "/*", "upstream": {"nodes": world.node(origin)}})
    for depth, status in ((1, 400), (2, 200)):
        world.ssl("1", "deep.test.com", client={"ca": pem(world.client_ca), "depth": depth})
        assert world.a.curl("/", client=leaf, chain=leaf.chain, host="deep.test.com").status == status


def test_exempt_paths_and_nothing_beside_them(clean):
    world, origin = clean, clean.origin("exempt")
    world.put("/routes/1", {"uri": "/*", "upstream": {"nodes": world.node(origin)}})
    world.ssl("1", "skip.test.com", client={"ca": pem(world.client_ca), "skip_mtls_uri_regex": ["^/open(/|$)", "^/health$"]})
    for path in ("/open", "/open/x", "/health", "/health?x=/"):
        assert world.a.curl(path, host="skip.test.com").status == 200
    for path in ("/", "/opens", "/x/open", "/health/x", "/open/../secret", "/open/%2e%2e/secret", "/secret?/open/", "//secret"):
        answer = world.a.curl(path, host="skip.test.com", options=["--path-as-is"])
        assert answer.status == 400, path
    assert world.a.curl("/secret", client=world.client("skips not"), host="skip.test.com").status == 200


def test_a_change_of_the_ca_holds_at_once(clean):
    world, origin = clean, clean.origin("change")
    world.put("/routes/1", {"uri": "/*", "hosts": ["change.test.com"], "upstream": {"nodes": world.node(origin)}})
    client, other = world.client("before"), world.pki.issue("Next client CA", ca=True)
    pair = world.server("change.test.com")
    world.ssl("1", "change.test.com", pair=pair)
    assert world.a.curl("/", host="change.test.com").status == 200
    world.ssl("1", "change.test.com", pair=pair, client={"ca": pem(world.client_ca)})
    assert world.a.curl("/", host="change.test.com").status == 400
    assert world.a.curl("/", client=client, host="change.test.com").status == 200
    world.ssl("1", "change.test.com", pair=pair, client={"ca": pem(other)})
    assert world.a.curl("/", client=client, host="change.test.com").status == 400
    assert world.call("PATCH", "/ssls/1", {"client": None}).status_code == 200
    assert world.a.curl("/", host="change.test.com").status == 200


# --- routes

def test_which_route_serves(clean):
    world = clean
    world.ssl("1", "r.test.com", "other.test.com")
    origins = {name: world.origin(name) for name in ("exact", "prefix", "all", "post", "vip", "host", "two")}
    def route(name, **body):
        world.put(f"/routes/{name}", {**body, "upstream": {"nodes": world.node(origins[name])}}, settle=False)
    route("exact", uri="/a")
    route("prefix", uri="/a/*")
    route("all", uri="/*")
    route("post", uri="/a", methods=["POST"])
    route("vip", uri="/*", priority=1, vars=[["arg_vip", "==", "1"], ["http_x_not", "!", "~~", "^no"]])
    route("host", uri="/h*", host="other.test.com")
    route("two", uris=["/one", "/two"], methods=["GET"], remote_addrs=["127.0.0.0/8"])
    world.gateway.settle()
    def served(path, **more):
        answer = world.a.curl(path, **{"host": "r.test.com", **more})
        return answer.json()["origin"] if answer.status == 200 else answer.status
    assert served("/a") == "exact" and served("/a", method="POST", data="x") == "post"
    assert served("/a/") == "prefix" and served("/a/b") == "prefix"
    assert served("/ab") == "all" and served("/") == "all"
    assert served("/z?vip=1") == "vip" and served("/z?vip=2") == "all"
    assert served("/z?vip=1", headers=["X-Not: nobody"]) == "all"
    assert served("/hello") == "all" and served("/hello", host="other.test.com") == "host"
    assert served("/one") == "two" and served("/two") == "two" and served("/one", method="PUT", data="x") == "all"
    world.call("DELETE", "/routes/all")
    missing = world.a.curl("/nothing", host="r.test.com")
    assert (missing.status, missing.json()) == (404, {"error_msg": "404 Route Not Found"})
    world.call("PATCH", "/routes/exact", {"status": 0})
    assert served("/a") == 404


@pytest.mark.parametrize("change, message", [
    ({"uri": "/a*b"}, "a * can only be its end"),
    ({"uri": "a"}, "must begin with /"),
    ({"uri": None}, "value should match only one schema"),
    ({"uris": ["/a"]}, "value should match only one schema"),
    ({"host": "*a.com"}, "host *a.com is refused"),
    ({"host": "a.com", "hosts": ["b.com"]}, "only one of host or hosts is allowed"),
    ({"methods": ["get"]}, "matches none of the enum values"),
    ({"vars": [["uri", "has", "x"]]}, "operator has is refused"),
    ({"vars": [["geoip", "==", "x"]]}, "vars: geoip is refused"),
    ({"vars": ["OR", ["uri", "==", "x"]]}, "vars: each is"),
    ({"vars": [["uri", "~~", "(?=x)"]]}, "is not an RE2 expression"),
    ({"filter_func": "function() return true end"}, "filter_func is refused"),
    ({"plugins": {"openid-connect": {}}}, "unknown plugin [openid-connect]"),
    ({"plugins": {"basic-auth": {}}}, "unknown plugin [basic-auth]"),
    ({"plugins": {"key-auth": {"headr": "x"}}}, "additional properties forbidden, found headr"),
    ({"upstream": {"nodes": {}}}, "no node with a weight over 0"),
    ({"upstream": {"nodes": {"a:1": 1}, "scheme": "kafka"}}, "kafka is refused"),
    ({"upstream": {"nodes": {"a:1": 1}, "type": "ewma"}}, "ewma is refused"),
    ({"upstream": {"nodes": {"a:1": 1}, "pass_host": "rewrite"}}, "`upstream_host` can't be empty"),
    ({"upstream": {"service_name": "x", "discovery_type": "dns"}}, "service discovery does not exist here"),
    ({"upstream": {"nodes": {"a:1": 1}, "tls": {"client_cert_id": "9999999"}}},
     "failed to fetch ssl info by ssl id [9999999], response code: 404"),
    ({"upstream": {"nodes": {"a:1": 1}, "timeout": {"connect": 1}}}, 'property "timeout" validation failed'),
    ({"upstream": None}, "a route without upstream"),
])
def test_what_the_gateway_cannot_do_is_refused_by_name(world, change, message):
    body = {"uri": "/x", "upstream": {"nodes": {"127.0.0.1:9": 1}}, **change}
    assert message in world.refused("/routes/1", {name: value for name, value in body.items() if value is not None})


def test_services_and_hosts_of_upstreams(clean):
    world, origin = clean, clean.origin("service")
    world.ssl("1", "s.test.com", "t.test.com")
    world.put("/services/1", {"hosts": ["s.test.com"], "upstream": {"nodes": world.node(origin)}})
    world.put("/routes/1", {"uri": "/*", "service_id": "1"})
    assert world.a.curl("/", host="s.test.com").status == 200 and origin.last().one("host") == "s.test.com"
    assert world.a.curl("/", host="t.test.com").status == 404
    for pass_host, expected in (({"pass_host": "node"}, f"127.0.0.1:{origin.port}"),
                                ({"pass_host": "rewrite", "upstream_host": "inner.example"}, "inner.example")):
        world.put("/services/1", {"hosts": ["s.test.com"], "upstream": {"nodes": world.node(origin), **pass_host}})
        assert world.a.curl("/", host="s.test.com").status == 200 and origin.last().one("host") == expected


def test_upstreams_are_verified_unless_told_otherwise(clean):
    world = clean
    unknown = world.pki.issue("Private upstream CA", ca=True)
    origin = world.origin("private", pair=world.pki.issue("private", unknown, usages=[SERVER], sans=["127.0.0.1", "inner.example"]))
    world.ssl("1", "v.test.com")
    def status(**tls):
        world.put("/routes/1", {"uri": "/*", "upstream": {"scheme": "https", "pass_host": "node", "nodes": world.node(origin),
                                                          **({"tls": tls} if tls else {})}})
        return world.a.curl("/", host="v.test.com").status
    assert status() == 502
    said = wait_for(lambda: world.a.lines("upstream_tls.setting"), "the first refusal names the setting that cures it")
    about = [json.loads(line) for line in said if "UPSTREAM_CERT_UNTRUSTED" in line][-1]
    assert about["api_id"] == "apisix.routes.1" and all(
        name in about["hint"] for name in ("tls.ca_certs", "ssl_trusted_certificate", "tls.verify: false"))
    assert status(verify=True) == 502
    assert status(ca_certs=[pem(world.client_ca)]) == 502
    assert status(ca_certs=[pem(world.client_ca), pem(unknown)]) == 200
    assert status() == 502, "the trust went with the field"
    assert status(verify=False) == 200
    loud = world.call("PATCH", "/routes/1", {"desc": "again", "upstream": {"tls": {"verify": False}, "retries": 0}})
    assert "upstream certificates are not verified" in loud.headers["X-Sallyport-Warning"], loud.headers


def test_a_client_certificate_by_id(clean):
    world = clean
    origin = world.tls_origin("by id", client_ca=world.client_ca)
    pair = world.client("named client")
    world.ssl("1", "i.test.com")
    world.put("/ssls/c", {"type": "client", "cert": pem(pair), "key": pair.key_pem.decode()})
    body = {"uri": "/*", "upstream": {"scheme": "https", "pass_host": "node", "nodes": world.node(origin)}}
    world.put("/routes/1", {**body, "upstream": {**body["upstream"], "tls": {"client_cert_id": "c"}}})
    assert world.a.curl("/", host="i.test.com").status == 200 and origin.last().peer == pair.der
    assert "wrong ssl type" in world.refused("/routes/2", {**body, "upstream": {**body["upstream"], "tls": {"client_cert_id": "1"}}})
    assert "route [1] is still using it now" in world.call("DELETE", "/ssls/c").text
    other = world.client("other client")
    world.put("/ssls/c", {"type": "client", "cert": pem(other), "key": other.key_pem.decode()})
    assert world.a.curl("/", host="i.test.com").status == 200 and origin.last().peer == other.der


# --- consumers and rules for all

def test_key_auth_and_its_consumers(clean):
    world, origin = clean, clean.origin("keys")
    world.ssl("1", "k.test.com")
    world.put("/routes/1", {"uri": "/*", "plugins": {"key-auth": {}}, "upstream": {"nodes": world.node(origin)}})
    assert world.call("PUT", "/consumers", {"username": "jack"}).json()["error_msg"] == "require one auth plugin"
    put = world.call("PUT", "/consumers", {"username": "jack", "plugins": {"key-auth": {"key": "auth-one-of-jack"}}})
    assert put.status_code == 201 and put.json()["key"] == "/apisix/consumers/jack"
    for text in (put.text, world.call("GET", "/consumers/jack").text, world.call("GET", "/consumers").text,
                 world.gateway.run_ctl("get", "dialectobject", "-o", "json").stdout):
        assert "auth-one-of-jack" not in text
    def status(*headers, path="/"):
        return world.a.curl(path, host="k.test.com", headers=headers)
    assert status("apikey: auth-one-of-jack").status == 200
    assert status(path="/?apikey=auth-one-of-jack").status == 200
    missing, wrong = status(), status("apikey: another one")
    assert (missing.status, missing.json()) == (401, {"message": "Missing API key found in request"})
    assert (wrong.status, wrong.json()) == (401, {"message": "Invalid API key in request"})
    world.put("/consumers", {"username": "jack", "desc": "kept", "plugins": {"key-auth": {}}})
    assert status("apikey: auth-one-of-jack").status == 200, "a key that is left out is kept"
    caller = world.client("jack's certificate")
    world.put("/consumers", {"username": "jack", "plugins": {"mtls-auth": {"certs": [pem(caller)]}}})
    assert status("apikey: auth-one-of-jack").status == 401, "the plugin is gone, and its key with it"
    world.put("/consumers", {"username": "jack", "plugins": {"key-auth": {"key": "auth-two-of-jack"}}})
    assert status("apikey: auth-two-of-jack").status == 200
    assert world.call("DELETE", "/consumers/jack").status_code == 200
    assert status("apikey: auth-two-of-jack").status == 401


def test_a_consumer_of_this_dialect_opens_no_other_dialects_api(clean):
    from gateway import classic
    world, origin = clean, clean.origin("tyk beside")
    world.ssl("1", "tyk.test.com")
    world.gateway.add_api(classic("beside", origin.url, domain="tyk.test.com", use_standard_auth=True,
                                  auth_configs={"authToken": {"auth_header_name": "apikey"}}))
    world.put("/consumers", {"username": "jill", "plugins": {"key-auth": {"key": "auth-one-of-jill"}}})
    assert world.a.curl("/", host="tyk.test.com", headers=["apikey: auth-one-of-jill"]).status == 403
    assert origin.requests == []


def test_a_certificate_is_the_consumer(clean):
    world, origin = clean, clean.origin("mtls consumer")
    world.ssl("1", "m.test.com")
    world.put("/routes/1", {"uri": "/*", "plugins": {"mtls-auth": {}}, "upstream": {"nodes": world.node(origin)}})
    known = world.client("known")
    assert world.a.curl("/", client=known, host="m.test.com").status == 400
    world.put("/consumers", {"username": "known", "plugins": {"mtls-auth": {"certs": [pem(known)]}}})
    assert world.a.curl("/", client=known, host="m.test.com").status == 200
    assert world.a.curl("/", client=world.client("unknown"), host="m.test.com").status == 400
    assert world.a.curl("/", host="m.test.com").status == 400
    assert "already" in world.refused("/consumers/second", {"username": "second",
                                                            "plugins": {"mtls-auth": {"certs": [pem(known)]}}})
    world.call("DELETE", "/consumers/known")
    assert world.a.curl("/", client=known, host="m.test.com").status == 400


def test_a_key_and_a_certificate_are_of_one_consumer(clean):
    world, origin = clean, clean.origin("one consumer")
    world.ssl("1", "o.test.com")
    world.put("/routes/1", {"uri": "/*", "plugins": {"mtls-auth": {}, "key-auth": {}}, "upstream": {"nodes": world.node(origin)}})
    callers = {name: world.client(name) for name in ("jack", "jill")}
    for name, caller in callers.items():
        world.put("/consumers", {"username": name, "plugins": {"mtls-auth": {"certs": [pem(caller)]},
                                                               "key-auth": {"key": f"auth-one-of-{name}"}}})
    for name, caller in callers.items():
        for other in callers:
            answer = world.a.curl("/", client=caller, host="o.test.com", headers=[f"apikey: auth-one-of-{other}"])
            assert answer.status == (200 if name == other else 401), (name, other, answer)
            assert name == other or answer.json() == {"message": "The credentials are not of one consumer"}
    assert len(origin.requests) == 2


def test_global_rules_and_plugin_configs(clean):
    world, origin = clean, clean.origin("rules")
    world.ssl("1", "g.test.com")
    world.put("/plugin_configs/p", {"plugins": {"key-auth": {}}})
    world.put("/routes/1", {"uri": "/a", "plugin_config_id": "p", "upstream": {"nodes": world.node(origin)}})
    world.put("/routes/2", {"uri": "/b", "upstream": {"nodes": world.node(origin)}})
    def statuses():
        return [world.a.curl(path, host="g.test.com").status for path in ("/a", "/b")]
    assert statuses() == [401, 200]
    assert "route [1]: plugin key-auth" in world.refused("/global_rules/1", {"plugins": {"key-auth": {}}})
    world.put("/global_rules/1", {"plugins": {"ip-restriction": {"blacklist": ["127.0.0.0/8"]}}})
    assert statuses() == [403, 403]
    assert world.a.curl("/b", host="g.test.com").json() == {"message": "Your IP address is not allowed"}
    world.put("/global_rules/1", {"plugins": {"ip-restriction": {"_meta": {"disable": True}, "blacklist": ["127.0.0.0/8"]}}})
    assert statuses() == [401, 200]
    world.put("/plugin_configs/p", {"plugins": {"key-auth": {"_meta": {"disable": True}}}})
    assert statuses() == [200, 200]


def test_everything_is_there_after_a_restart(clean):
    world, origin = clean, clean.origin("restart")
    world.ssl("1", "again.test.com", client={"ca": pem(world.client_ca)})
    world.put("/routes/1", {"uri": "/*", "upstream": {"nodes": world.node(origin)}})
    before = [world.call("GET", path).text for path in ("/ssls", "/routes")]
    world.gateway.authsvc.stop()
    world.gateway.start_authsvc(options=["--set", f"admin.apisix_plain_http_port={world.plain_port}"])
    assert [world.call("GET", path).text for path in ("/ssls", "/routes")] == before
    wait_for(lambda: world.a.curl("/", client=world.client("again"), host="again.test.com").status == 200, "it serves again")
    assert world.a.curl("/", host="again.test.com").status == 400


# --- strict handshakes, and conf/config.yaml

def test_strict_handshakes(tmp_path_factory):
    """Where the data planes' listener is named for it, a client without a good certificate does not get as far as HTTP."""
    class Strict(ApisixWorld):
        def start(self):
            port = free_port()
            self.options = ["--set", f"admin.apisix_plain_http_port={self.plain_port}",
                            "--set", "admin.apisix_strict_address=127.0.0.1", "--set", f"admin.apisix_strict_port={port}"]
            self.gateway.start_authsvc(options=self.options)
            self.a = self.gateway.start_dataplane(system_trust=self.trust, default_certificate=False, port=port)
    world = Strict(tmp_path_factory.mktemp("apisix-strict"))
    try:
        origin, client = world.origin("strict"), world.client("good")
        middle = world.pki.issue("Strict middle", world.client_ca, ca=True)
        lower = world.pki.issue("Strict lower", middle, ca=True)
        world.put("/routes/1", {"uri": "/*", "upstream": {"nodes": world.node(origin)}})
        world.ssl("1", "strict.test.com", "*.strict.test.com", client={"ca": pem(world.client_ca)})
        world.ssl("2", "skips.test.com", client={"ca": pem(world.client_ca), "skip_mtls_uri_regex": ["^/open"]})
        def status(host, client=None, **more):
            return world.a.curl("/", client=client, host=host, **more).status
        assert status("strict.test.com", client) == 200 and status("a.strict.test.com", client) == 200
        deep = world.client("strict deep", lower)
        for refused in ({}, {"client": world.client("stranger", world.pki.issue("Strange CA", ca=True))},
                        {"client": deep, "chain": deep.chain}):
            before = len(origin.requests)
            answer = world.a.curl("/", host="strict.test.com", **refused)
            # In TLS 1.3 the client may have sent its request by then: what it sees is the alert, or the end.
            assert answer.status == 0 and answer.exit_code in (35, 55, 56), answer
            assert len(origin.requests) == before
        assert status("skips.test.com") == 400 and world.a.curl("/open", host="skips.test.com").status == 200
        world.ssl("3", "loose.strict.test.com")
        assert status("loose.strict.test.com") == 200, "a name with an object of its own is not held by the wildcard"
        assert status("a.strict.test.com") == 400, "and the wildcard is decided with each request from then on"
        assert status("strict.test.com") == 0
        assert world.call("DELETE", "/ssls/1").status_code == 200
        assert "strictClientTls" not in world.gateway.run_ctl("get", "listener", "-o", "json").stdout
        world.ssl("1", "strict.test.com", client={"ca": pem(world.client_ca)})
        world.gateway.authsvc.stop()
        world.gateway.start_authsvc(options=world.options[:2])
        wait_for(lambda: status("strict.test.com") == 400, "without the setting it is decided with each request")
    finally:
        world.close()


CONFIG = """
deployment:
  admin:
    admin_key:
      - {name: admin, key: %(key)s, role: admin}
    admin_listen:
      ip: 127.0.0.1
      port: %(port)s
    https_admin: true

    admin_api_mtls:
      admin_ssl_ca_cert: "%(ca)s"
      admin_ssl_cert: "%(cert)s"
      admin_ssl_cert_key: "%(cert_key)s"
"""


def test_the_configuration_of_the_admin_api(world):
    gateway = world.gateway
    admin_ca = world.pki.issue("mtls_ca", ca=True)
    server = world.pki.issue("mtls_server", admin_ca, usages=[SERVER], sans=["admin.apisix.dev"])
    client = world.pki.issue("mtls_client", admin_ca, usages=[CLIENT])
    values = {"key": "a key of the configuration file", "port": free_port(), "ca": admin_ca.cert, "cert": server.cert,
              "cert_key": server.key}
    path = gateway.directory / "config.yaml"
    path.write_text(CONFIG % values)
    other = gateway.start_another_authsvc(options=["--apisix-config", str(path)])

    def curl(*options, key=values["key"], path="/apisix/admin/routes"):
        command = ["curl", "-sS", "-i", "--cacert", str(admin_ca.cert), *options, "--connect-to", f"::127.0.0.1:{values['port']}",
                   f"https://admin.apisix.dev:{values['port']}{path}"]
        return subprocess.run(command + (["-H", f"X-API-KEY: {key}"] if key else []), capture_output=True, text=True,
                              timeout=DEADLINE).stdout
    certificate = ["--key", str(client.key), "--cert", str(client.cert)]
    assert curl(*certificate).startswith("HTTP/1.1 200")
    assert curl(*certificate, key=None).startswith("HTTP/1.1 401")
    assert curl().startswith("HTTP/1.1 400")
    assert "No required SSL certificate was sent" in curl()
    for wrong in (world.client("of another CA"), world.pki.issue("expired", admin_ca, usages=[CLIENT], days=(-9, -1)),
                  world.pki.issue("of no client", admin_ca, usages=[SERVER])):
        refused = curl("--key", str(wrong.key), "--cert", str(wrong.cert))
        assert refused.startswith("HTTP/1.1 400") and "400 The SSL certificate error" in refused, refused

    def other_surface(path, port, header, key=gateway.admin_key):
        return requests.get(f"https://127.0.0.1:{port}{path}", headers={header: key}, verify=False, timeout=DEADLINE).status_code
    # The rest is where it was, and the file's port has nothing of it; nor is there a way around its certificate.
    assert other_surface("/tyk/apis", other.admin_port, "X-Tyk-Authorization") == 200
    for of_file in ("/tyk/apis", "/api/deployer/apis"):  # its keys count where it asks for certificates
        assert other_surface(of_file, other.admin_port, "X-Tyk-Authorization", values["key"]) in (401, 403)
    assert other_surface("/apisix/admin/routes", other.admin_port, "X-API-KEY") == 404
    assert curl(*certificate, path="/tyk/apis").startswith("HTTP/1.1 404")

    def refusal(text):
        path.write_text(text)
        done = subprocess.run(gateway.authsvc_command("--apisix-config", str(path)), capture_output=True, text=True,
                              timeout=DEADLINE)
        assert done.returncode == 2, done.stderr
        assert values["key"] not in done.stderr
        return done.stderr
    assert "which everybody knows" in refusal(CONFIG % {**values, "key": "edd1c9f034335f136f87ad84b625c8f1"})
    assert "missing ssl cert for https admin" in refusal((CONFIG % values).replace("admin_ssl_cert:", "admin_ssl_ca_cert2:"))
    assert "etcd is not supported by this version" in refusal(
        "deployment:\n  role: traditional\n  role_traditional: {config_provider: etcd}\n"
        "  etcd: {tls: {cert: /data/certs/etcd_client.pem, key: /data/certs/etcd_client.key}}\n")
    assert "/path/to/certs/ca.crt" in refusal("apisix: {ssl: {ssl_trusted_certificate: /path/to/certs/ca.crt}}\n")
    assert "admin.apisix_strict_port" in refusal("apisix: {ssl: {fallback_sni: a.test.com}}\n")
    assert "an admin key is always required" in refusal("deployment: {admin: {admin_key_required: false}}\n")
    assert "127.0.0.1 alone" in refusal("deployment: {admin: {admin_listen: {ip: 0.0.0.0, port: 9180}}}\n")
    assert "did you mean" in refusal("deployment: {admin: {https_admn: true}}\n")


# --- client certificates of a route or service itself

def test_a_route_asks_for_certificates_of_its_own(clean):
    world, origin = clean, clean.origin("route client")
    ours, theirs = world.pki.issue("Route CA", ca=True), world.pki.issue("Service CA", ca=True)
    good, other = world.client("by the route's", ours), world.client("by the host's")
    upstream = {"nodes": world.node(origin)}
    world.ssl("1", "rc.test.com", client={"ca": pem(world.client_ca)})
    world.ssl("2", "open.test.com")
    world.put("/services/s", {"client": {"ca": pem(theirs)}, "upstream": upstream})
    world.put("/routes/host", {"uri": "/host", "upstream": upstream})
    world.put("/routes/own", {"uri": "/own/*", "client": {"ca": pem(ours), "skip_mtls_uri_regex": ["/free$"]}, "upstream": upstream})
    world.put("/routes/service", {"uri": "/service", "service_id": "s"})
    of_service = world.client("by the service's", theirs)

    def statuses(path, host="rc.test.com"):
        return [world.a.curl(path, client=caller, host=host).status for caller in (good, other, of_service, None)]
    assert statuses("/host") == [400, 200, 400, 400]
    assert statuses("/own/x") == [200, 400, 400, 400]
    assert statuses("/own/free") == [200, 200, 200, 200]
    assert statuses("/service") == [400, 400, 200, 400]
    assert statuses("/own/x", "open.test.com") == [200, 400, 400, 400], "the name itself asks for nothing"
    assert statuses("/host", "open.test.com") == [200, 200, 200, 200]
    world.put("/routes/service", {"uri": "/service", "service_id": "s", "client": {"ca": pem(ours)}})
    assert statuses("/service") == [200, 400, 400, 400], "the route's own counts"
    answer = world.call("PATCH", "/services/s", {"client": None})
    assert answer.status_code == 200
    world.put("/routes/service", {"uri": "/service", "service_id": "s"})
    assert statuses("/service") == [400, 200, 400, 400], "the host's again"
    assert pem(theirs) not in world.call("GET", "/services/s").text


def test_client_of_a_route_beside_its_upstreams_authorities(clean):
    world = clean
    upstream_ca = world.pki.issue("CA of that upstream alone", ca=True)
    origin = world.origin("both", pair=world.pki.issue("both", upstream_ca, usages=[SERVER], sans=["127.0.0.1"]))
    world.ssl("1", "both.test.com")
    world.put("/routes/1", {"uri": "/*", "client": {"ca": pem(world.client_ca)}, "upstream": {
        "scheme": "https", "pass_host": "node", "nodes": world.node(origin), "tls": {"ca_certs": [pem(upstream_ca)]}}})
    assert world.a.curl("/", client=world.client("fine"), host="both.test.com").status == 200
    intruder = world.client("by the upstream's", upstream_ca)
    assert world.a.curl("/", client=intruder, host="both.test.com").status == 400
    exchanged = {"uri": "/*", "client": {"ca": pem(upstream_ca)}, "upstream": {
        "scheme": "https", "pass_host": "node", "nodes": world.node(origin), "tls": {"ca_certs": [pem(world.client_ca)]}}}
    world.put("/routes/1", exchanged)
    assert world.a.curl("/", client=intruder, host="both.test.com").status == 502, "clients' CAs are none of upstreams"


@pytest.mark.parametrize("client, message", [
    ({}, 'property "ca" is required'), ({"ca": "x"}, "failed to validate client_cert"),
    ({"ca": "leaf"}, "is not a CA"), ({"ca": "ca", "depth": 0}, "client.depth 0 is refused"),
    ({"ca": "ca", "depth": -1}, "to be at least 0"), ({"ca": "ca", "skip_mtls_uri_regex": ["("]}, "is not an RE2 expression"),
    ({"ca": "ca", "depht": 1}, "additional properties forbidden, found depht"), ({"ca": "$secret://v/1/ca"}, "$secret:// is refused"),
])
def test_a_client_of_a_route_is_checked_as_that_of_an_ssl_object(world, client, message):
    texts = {"leaf": pem(world.client("leaf")), "ca": pem(world.client_ca)}
    client = {**client, **({"ca": texts.get(client["ca"], client["ca"])} if "ca" in client else {})}
    for path, body in (("/routes/1", {"uri": "/", "upstream": {"nodes": {"127.0.0.1:9": 1}}}), ("/services/1", {})):
        assert message in world.refused(path, {**body, "client": client})


# --- what there is, and for whom

def test_schemas_of_resources_and_plugins(world):
    route = world.call("GET", "/schema/route").json()
    assert route["additionalProperties"] is False and route["properties"]["uris"]["type"] == "array"
    assert world.call("GET", "/schema/routes").json() == route
    assert "filter_func" not in route["properties"], "what is refused is not there"
    assert set(route["properties"]["client"]["properties"]) == {"ca", "depth", "skip_mtls_uri_regex"}
    active = route["properties"]["upstream"]["properties"]["checks"]["properties"]["active"]
    assert active["additionalProperties"] is False and "host" not in active["properties"]
    assert {"nodes", "tls"} <= set(world.call("GET", "/schema/upstream").json()["properties"])
    for singular in ("ssl", "service", "consumer", "global_rule", "plugin_config"):
        assert world.call("GET", f"/schema/{singular}").json()["type"] == "object"
    assert set(world.call("GET", "/schema/plugins/key-auth").json()["properties"]) >= {"header", "query", "hide_credentials"}
    assert "secret" in world.call("GET", "/schema/plugins/jwt-auth", params={"schema_type": "consumer"}).json()["properties"]
    assert {"key-auth", "jwt-auth"} <= set(world.call("GET", "/plugins/list").json())
    reload = world.call("PUT", "/plugins/reload", settle=False)
    assert (reload.status_code, reload.text.strip()) == (200, "done")
    assert world.call("GET", "/plugins/key-auth").json() == world.call("GET", "/schema/plugins/key-auth").json()
    for missing in ("/plugins/serverless", "/schema/stream_route", "/schema/plugins/serverless", "/schema/plugins/key-auth/x", "/schema/", "/schema"):
        assert world.call("GET", missing).status_code == 404, missing
    assert world.call("GET", "/schema/plugins/ip-restriction", params={"schema_type": "consumer"}).status_code == 404
    for call in ("/schema/route", "/schema/plugins/key-auth"):
        assert world.call("GET", call, headers={}).status_code == 401


def test_a_document_is_validated_and_not_written(clean):
    world = clean

    def validate(resource, body, key=None):
        return world.call("POST", f"/schema/validate/{resource}", body, key=key, settle=False)
    fine = {"uri": "/a", "upstream_id": "not there", "plugin_config_id": "neither", "plugins": {"jwt-auth": {}}}
    answer = validate("routes", fine)
    assert (answer.status_code, answer.text) == (200, "")
    assert world.call("GET", "/routes").json()["total"] == 0
    for resource, body, words in (
            ("routes", {"uri": "/a"}, "a route without upstream"), ("routes", {**fine, "uri": "a"}, "must begin with /"),
            ("routes", {**fine, "plugins": {"nobody": {}}}, "unknown plugin [nobody]"),
            ("routes", {**fine, "vars": [["x", "=", 1]]}, "vars"), ("routes", {**fine, "client": {}}, '"ca" is required'),
            ("consumers", {"username": "jack"}, "require one auth plugin"), ("ssls", {"sni": "a.test"}, "then clause did not match"),
            ("upstreams", {"nodes": {"a:1": 1}, "checks": {"active": {"host": "x"}}}, "checks.active.host is refused"),
            ("upstreams", {"nodes": {"a:1": 1}, "checks": {"activ": {}}}, "found activ"),
            ("upstreams", {"nodes": {"a:1": 1}, "checks": {"passive": {"unhealthy": {"http_failures": "2"}}}}, "wrong type")):
        answer = validate(resource, body)
        assert answer.status_code == 400 and words in answer.json()["error_msg"], answer.text
    assert validate("nothing", {}).status_code == 404
    assert validate("routes", fine, key="another key than the first").status_code == 401


def test_browsers_may_call_with_a_key_and_nothing_of_their_own(world):
    preflight = world.call("OPTIONS", "/routes/1", headers={"Origin": "https://dash.test", "Access-Control-Request-Method": "PUT",
                                                            "Access-Control-Request-Headers": "x-api-key"}, settle=False)
    assert (preflight.status_code, preflight.text) == (200, "")
    assert preflight.headers["Access-Control-Allow-Origin"] == "*" and "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    assert "X-API-KEY" in preflight.headers["Access-Control-Allow-Headers"]
    for answer in (preflight, world.call("GET", "/routes"), world.call("GET", "/routes", headers={"Origin": "https://dash.test"})):
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    body = world.call("OPTIONS", "/routes", "a stranger's body", headers={}, settle=False)
    assert body.status_code == 400
    root = f"http://127.0.0.1:{world.plain_port}/apisix"
    assert requests.get(f"{root}/status", timeout=DEADLINE).json() == {"status": "ok"}
    assert requests.head(f"{root}/status", timeout=DEADLINE).status_code == 200
    assert requests.head(f"{root}/admin", timeout=DEADLINE).status_code == 200
    assert requests.get(f"{root}/admin", timeout=DEADLINE).status_code == 401
    assert "Access-Control-Allow-Origin" not in requests.get(f"{root}/status", timeout=DEADLINE).headers
