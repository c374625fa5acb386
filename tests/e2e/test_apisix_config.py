"""APISIX's conf/config.yaml over authsvc's own settings (reference apisix.md A2 to A4): what of it a running service takes up, and
what it means to data planes."""

import hashlib
import json
import os
import subprocess

import pytest

from apisix_world import ApisixWorld
from gateway import DEADLINE, wait_for
from origins import free_port
from pki import SERVER
from test_import_apisix import sealed

FIRST, SECOND = "the first key of the file", "the second key of the file"


class Configured(ApisixWorld):
    """authsvc with --apisix-config, and a data plane at the listener that it names."""

    environment = {"ROUTE_KEY": "auth-one-of-jack", "PAIR": "{}", "NOT_NAMED": "a secret of nobody's business"}

    def __init__(self, directory):
        self.config, self.trusted = directory / "config.yaml", directory / "trusted.crt"
        self.write()
        super().__init__(directory)

    def write(self, key=FIRST, ssl=None):
        self.put_text(json.dumps({"deployment": {"admin": {"admin_key": [{"name": "file", "key": key, "role": "admin"}]}},
                                  "apisix": {"ssl": ssl or {}}}))

    def put_text(self, text, path=None):
        path = path or self.config
        new = path.with_suffix(".new")
        new.write_text(text)
        os.rename(new, path)

    def start(self):
        port = free_port()
        self.options = ["--set", f"admin.apisix_plain_http_port={self.plain_port}", "--apisix-config", str(self.config),
                        "--set", "admin.apisix_strict_address=127.0.0.1", "--set", f"admin.apisix_strict_port={port}",
                        "--set", "admin.apisix_environment.0=ROUTE_KEY", "--set", "admin.apisix_environment.1=PAIR",
                        "--set", "admin.apisix_environment.2=MISSING"]
        self.gateway.start_authsvc(options=self.options, env=self.environment)
        self.a = self.gateway.start_dataplane(system_trust=self.trust, default_certificate=False, port=port)

    def status(self, key):
        return self.call("GET", "/routes", key=key).status_code

    def without_sni(self, path="/", host="fall.test.com", **more):
        """curl sends no server name for an address."""
        return self.a.curl(path, host=host, sni="127.0.0.1", options=["-k"], **more)


WORLD = Configured


@pytest.fixture
def clean(world):
    yield world
    world.write()
    wait_for(lambda: world.status(FIRST) == 200, "the first configuration again")
    world.clear()


def test_keys_follow_the_file(clean):
    world = clean
    assert world.status(FIRST) == 200 and world.status(SECOND) == 401
    world.write(SECOND)
    wait_for(lambda: world.status(SECOND) == 200, "the file is read again")
    assert world.status(FIRST) == 401
    assert world.status(world.gateway.admin_key) == 200, "authsvc's own keys stay"
    assert world.gateway.rest("GET", "/tyk/keys", key=SECOND).status_code == 200
    assert world.gateway.rest("GET", "/tyk/keys", key=FIRST).status_code == 403
    log = world.gateway.authsvc.text()
    assert SECOND not in log and "apisix_config.read" in log


def test_a_broken_file_changes_nothing(clean):
    world = clean
    world.put_text("deployment: {admin: {admin_key: [{name: x, key: another secret key, role: amdin}]}}")
    complaints = wait_for(lambda: world.gateway.authsvc.lines("apisix_config.not_read"), "what is wrong is logged")
    assert "must be admin or viewer" in complaints[-1] and "another secret key" not in world.gateway.authsvc.text()
    assert world.status(FIRST) == 200 and world.status("another secret key") == 401
    assert world.status(world.gateway.admin_key) == 200


def test_a_key_that_is_taken_out_of_a_broken_file_is_gone(clean):
    world = clean
    world.write(SECOND, ssl={"ssl_trusted_certificate": str(world.trusted.with_suffix(".missing"))})
    wait_for(lambda: world.status(FIRST) == 401, "the key is gone, whatever else is wrong")
    assert world.gateway.rest("GET", "/tyk/keys", key=FIRST).status_code == 403
    assert world.status(SECOND) == 401, "nothing new is taken of such a file"
    assert world.status(world.gateway.admin_key) == 200
    assert "apisix_config.keys_withdrawn" in world.gateway.authsvc.text()


def test_a_file_without_keys_has_none(clean):
    world = clean
    world.put_text(json.dumps({"apisix": {"ssl": {"ssl_trusted_certificate": str(world.trusted.with_suffix(".missing"))}}}))
    wait_for(lambda: world.status(FIRST) == 401, "the file no longer names it, whatever is wrong elsewhere")
    assert world.status(world.gateway.admin_key) == 200


def test_keys_that_apisix_sealed(clean):
    """The texts of the file open them; what is stored is sealed otherwise."""
    world, origin = clean, clean.origin("sealed")
    texts = ["our first keying", "our second keyed"]
    pair, other = world.server("sealed.test.com"), world.client("sealed client")
    ssl = {"cert": pair.pem.decode(), "sni": "sealed.test.com"}
    world.put("/routes/1", {"uri": "/*", "upstream": {"nodes": world.node(origin)}})
    mine = [sealed(pair.key_pem.decode(), text) for text in texts]
    for key in mine:
        assert world.refused("/ssls/1", {**ssl, "key": key}) == "failed to decrypt previous encrypted key"
    world.put("/ssls/1", {**ssl, "key": sealed(pair.key_pem.decode())})  # by the text that APISIX is shipped with
    world.put_text(json.dumps({"deployment": {"admin": {"admin_key": [{"name": "file", "key": SECOND, "role": "admin"}]}}, "apisix": {
        "ssl": {"key_encrypt_salt": texts[0]}, "data_encryption": {"enable": True, "keyring": texts[1:]}}}))
    wait_for(lambda: world.call("PUT", "/ssls/1", {**ssl, "key": mine[0]}).status_code == 200, "its texts are taken up")
    assert world.a.curl("/", host="sealed.test.com").status == 200
    assert world.call("PATCH", "/ssls/1/key", json.dumps(mine[1])).status_code == 200
    tls = {"client_cert": other.pem.decode(), "client_key": sealed(other.key_pem.decode(), texts[1])}
    value = world.put("/upstreams/u", {"scheme": "https", "nodes": world.node(origin), "tls": tls})
    assert "client_key" not in value["tls"]
    assert world.call("POST", "/schema/validate/ssls", {**ssl, "key": mine[0]}).status_code == 200
    log = world.gateway.authsvc.text()
    assert not any(text in log for text in (*texts, *mine))


def test_browsers_are_kept_out_where_the_file_says_so(clean):
    world = clean
    assert world.call("GET", "/routes").headers["Access-Control-Allow-Origin"] == "*"
    world.put_text(json.dumps({"deployment": {"admin": {"enable_admin_cors": False, "admin_key": [
        {"name": "file", "key": SECOND, "role": "admin"}]}}}))
    wait_for(lambda: world.status(SECOND) == 200, "the file is read again")
    assert "Access-Control-Allow-Origin" not in world.call("GET", "/routes").headers


def test_what_is_not_taken_up_is_said(clean):
    world = clean
    world.put_text(json.dumps({"deployment": {"admin": {
        "admin_key": [{"name": "file", "key": SECOND, "role": "admin"}], "admin_listen": {"ip": "127.0.0.1", "port": free_port()}}}}))
    wait_for(lambda: world.status(SECOND) == 200, "keys are taken up")
    assert "apisix_config.needs_restart" in world.gateway.authsvc.text()
    assert "deployment.admin.admin_listen" in world.gateway.authsvc.text()


def test_clients_without_server_name(clean):
    world, origin = clean, clean.origin("fallback")
    world.put("/routes/1", {"uri": "/*", "upstream": {"nodes": world.node(origin)}})
    world.ssl("1", "fall.test.com", client={"ca": world.client_ca.pem.decode(), "skip_mtls_uri_regex": ["^/free"]})
    world.ssl("2", "other.test.com")
    client = world.client("with a certificate")
    assert world.without_sni(client=client).status == 0, "no handshake: no name, and no listener's certificate"
    world.write(ssl={"fallback_sni": "fall.test.com"})
    wait_for(lambda: world.without_sni(client=client).status == 200, "handshakes without a name are for fall.test.com")
    shown = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{world.a.port}", "-noservername"], input="",
                           capture_output=True, text=True, timeout=DEADLINE)
    assert "fall.test.com" in shown.stdout
    assert world.without_sni().status == 400 and world.without_sni("/free").status == 200
    assert world.without_sni(host="other.test.com").status == 421, "it was another name's handshake"
    assert world.a.curl("/", host="nobody.test.com").status == 0, "a name that is sent and unknown is refused as ever"
    world.ssl("1", "fall.test.com", client={"ca": world.client_ca.pem.decode()})
    wait_for(lambda: world.without_sni().status == 0, "strict as the name itself")
    assert world.without_sni(client=client).status == 200
    assert world.call("DELETE", "/ssls/1").status_code == 200
    wait_for(lambda: world.without_sni(client=client).status == 0, "nobody serves that name")
    world.ssl("1", "fall.test.com")
    wait_for(lambda: world.without_sni().status == 200, "and again")
    world.write()
    wait_for(lambda: world.without_sni(client=client).status == 0, "none again")


def test_trusted_certificates_of_upstreams(clean):
    world = clean
    authority, other = (world.pki.issue(f"trusted by the file {number}", ca=True) for number in (1, 2))
    origin = world.origin("trusted", pair=world.pki.issue("trusted", authority, usages=[SERVER], sans=["127.0.0.1"]))
    upstream = {"scheme": "https", "pass_host": "node", "nodes": world.node(origin)}
    world.ssl("1", "t.test.com")
    world.put("/routes/1", {"uri": "/early", "upstream": upstream})
    world.put("/upstreams/own", {**upstream, "tls": {"ca_certs": [other.pem.decode()]}})
    world.put("/routes/own", {"uri": "/own", "upstream_id": "own"})
    world.put("/upstreams/gone", upstream)
    world.put("/routes/none", {"uri": "/none", "upstream_id": "gone"})
    assert world.call("DELETE", "/upstreams/gone?force=true").status_code == 200, "a route that serves nothing stands in nobody's way"

    def status(path="/early"):
        return world.a.curl(path, host="t.test.com").status
    assert status() == 502
    world.put_text(authority.pem.decode(), world.trusted)
    world.write(ssl={"ssl_trusted_certificate": str(world.trusted)})
    wait_for(lambda: status() == 200, "routes that are there already take it up")
    assert "route [none] serves nothing now" in world.gateway.authsvc.text()
    world.put("/routes/2", {"uri": "/late", "upstream": upstream})
    assert status("/late") == 200
    assert status("/own") == 502, "an upstream that names its own has those"
    world.put_text("broken", world.trusted)
    wait_for(lambda: any("ssl_trusted_certificate" in line for line in world.gateway.authsvc.lines("apisix_config.not_read")),
             "what is wrong is logged")
    assert status() == 200, "what was read before goes on"
    world.put_text(other.pem.decode(), world.trusted)
    wait_for(lambda: status() == 502, "the file alone changed")
    world.put_text(authority.pem.decode(), world.trusted)
    wait_for(lambda: status() == 200, "back again")
    world.write()
    wait_for(lambda: status("/late") == 502, "the setting is gone")
    assert hashlib.sha256(authority.der).hexdigest() not in world.gateway.run_ctl("get", "certificate", "-o", "json").stdout


def test_variables_of_the_environment(clean):
    world, origin = clean, clean.origin("environment")
    world.ssl("1", "env.test.com")
    world.put("/routes/1", {"uri": "/*", "plugins": {"key-auth": {}}, "upstream": {"nodes": world.node(origin)}})
    value = world.put("/consumers", {"username": "jack", "plugins": {"key-auth": {"key": "$env://ROUTE_KEY"}}})
    assert world.environment["ROUTE_KEY"] not in json.dumps(value)
    assert world.a.curl("/", host="env.test.com", headers=["apikey: auth-one-of-jack"]).status == 200
    assert world.a.curl("/", host="env.test.com", headers=["apikey: $env://ROUTE_KEY"]).status == 401

    def refused(reference):
        return world.refused("/consumers", {"username": "jack", "plugins": {"key-auth": {"key": reference}}})
    for words, reference in {"NOT_NAMED is refused": "$env://NOT_NAMED", "PATH is refused": "$ENV://PATH",
                             "MISSING is not set": "$env://MISSING", "needs the name": "$env://",
                             "no JSON object with this member": "$env://PAIR/key",
                             "secret managers": "$secret://vault/1/jack/key"}.items():
        text = refused(reference)
        assert words in text and world.environment["NOT_NAMED"] not in text, text
