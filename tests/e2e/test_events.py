"""Webhooks: who is told of refusals, expiring certificates and used quotas, and what the answers about a key show."""

import base64
import http.server
import json
import pathlib
import threading

import pytest

from gateway import classic, oas, session, wait_for


class Hook:
    """A real HTTP server that keeps what it is told."""

    def __init__(self, status=200):
        self.messages, self.status, self.failures, outer = [], status, 0, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.messages.append((self.command, self.path, dict(self.headers.items()), body))
                failing, outer.failures = outer.failures > 0, max(0, outer.failures - 1)
                self.send_response(503 if failing else outer.status)
                self.send_header("content-length", "0")
                self.end_headers()

            do_PUT = do_POST

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self, event):
        return [json.loads(body) for _, _, _, body in list(self.messages) if json.loads(body)["event"] == event]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def hook():
    hook = Hook()
    yield hook
    hook.close()


def handlers(hook, *events, **meta):
    return {"events": {event: [{"handler_name": "eh_web_hook_handler", "handler_meta": {
        "method": "POST", "target_path": hook.url + "/told", "header_map": {"X-Team": "edge"}, **meta}}]
        for event in events}}


def test_a_refusal_is_told_once_and_without_the_token(world, hook):
    origin = world.origin("behind events")
    world.gateway.add_api(classic("events", origin.url, domain="events.gw.test", use_standard_auth=True,
                                  event_handlers=handlers(hook, "AuthFailure")))
    for _ in range(3):
        assert world.a.curl("/secret?token=hush-in-query", host="events.gw.test",
                            headers=["Authorization: hush-hush-hush"]).status == 403
    told = wait_for(lambda: hook.told("AuthFailure"), "the message")[0]
    assert told["reason"] == "TOKEN_UNKNOWN" and told["api_id"] == "events" and told["path"] == "/secret"
    method, path, headers, body = hook.messages[0]
    assert (method, path, headers["X-Team"], headers["Content-Type"]) == ("POST", "/told", "edge", "application/json")
    assert b"hush" not in body
    # Another reason is told as well; by then the three above are one message.
    assert world.a.curl("/x", host="events.gw.test").status == 401
    wait_for(lambda: len(hook.told("AuthFailure")) == 2, "the second message")
    assert [one["reason"] for one in hook.told("AuthFailure")] == ["TOKEN_UNKNOWN", "TOKEN_REQUIRED"]


def test_who_has_no_handler_for_it_hears_nothing(world, hook):
    origin = world.origin("deaf")
    world.gateway.add_api(classic("deaf", origin.url, domain="deaf.gw.test", use_standard_auth=True,
                                  event_handlers=handlers(hook, "QuotaExceeded")))
    world.gateway.add_api(classic("hears", origin.url, domain="hears.gw.test", use_standard_auth=True,
                                  event_handlers=handlers(hook, "AuthFailure")))
    assert world.a.curl("/x", host="deaf.gw.test").status == 401
    assert world.a.curl("/x", host="hears.gw.test").status == 401
    wait_for(lambda: hook.told("AuthFailure"), "the message of the other")
    assert [one["api_id"] for one in hook.told("AuthFailure")] == ["hears"]


def test_a_message_that_did_not_arrive_comes_again(world, hook):
    origin = world.origin("retried hook")
    hook.failures = 1

    def count(outcome):
        return world.gateway.authsvc_metric("sallyport_events_total", outcome=outcome)
    before = {outcome: count(outcome) for outcome in ("retried", "sent")}
    world.gateway.add_api(classic("retried-hook", origin.url, domain="retried-hook.gw.test", use_standard_auth=True,
                                  event_handlers=handlers(hook, "AuthFailure")))
    assert world.a.curl("/x", host="retried-hook.gw.test").status == 401
    wait_for(lambda: len(hook.messages) == 2, "the second attempt")
    assert hook.messages[0] == hook.messages[1]
    wait_for(lambda: count("retried") > before["retried"] and count("sent") > before["sent"], "the counts")
    assert world.a.curl("/x", host="retried-hook.gw.test").status == 401 and len(hook.messages) == 2


def test_a_hook_that_refuses_is_counted_and_hurts_nobody(world, hook):
    origin = world.origin("failing hook")
    hook.status = 410

    def failed():
        return world.gateway.authsvc_metric("sallyport_events_total", outcome="failed")
    before = failed()
    world.gateway.add_api(classic("failing-hook", origin.url, domain="failing-hook.gw.test", use_standard_auth=True,
                                  event_handlers=handlers(hook, "AuthFailure")))
    assert world.a.curl("/x", host="failing-hook.gw.test").status == 401
    wait_for(lambda: hook.messages, "the message")
    wait_for(lambda: failed() > before, "the count")
    assert world.a.curl("/x", host="failing-hook.gw.test").status == 401


def test_quota_and_its_triggers_and_what_is_left(world, hook):
    origin = world.origin("with a quota")
    world.gateway.add_api(classic("quota-events", origin.url, domain="quota-events.gw.test", use_standard_auth=True,
                                  event_handlers=handlers(hook, "QuotaExceeded", "TriggerExceeded")))
    key = world.gateway.create_key(session(
        "quota-events", quota_max=4, quota_renewal_rate=3600, monitor={"trigger_limits": [50, 100]}))["key"]
    world.gateway.settle()
    assert world.gateway.rest("GET", f"/tyk/keys/{key}").json()["quota_remaining"] == 4

    def call():
        return world.a.curl("/x", host="quota-events.gw.test", headers=[f"Authorization: {key}"]).status
    assert [call() for _ in range(3)] == [200] * 3
    shown = wait_for(lambda: (lambda one: one if one.get("usage", {}).get("allowed") == 3 else None)(
        world.gateway.rest("GET", f"/tyk/keys/{key}").json()), "the use of the key")
    assert shown["quota_remaining"] == 1 and shown["quota_renews"] > 0
    assert wait_for(lambda: hook.told("TriggerExceeded"), "the trigger")[0]["percent"] == "50"
    assert call() == 200 and call() == 403
    wait_for(lambda: hook.told("QuotaExceeded"), "the quota")
    wait_for(lambda: len(hook.told("TriggerExceeded")) == 2, "the other trigger")
    shown = wait_for(lambda: (lambda one: one if one["usage"]["refused"] == 1 else None)(
        world.gateway.rest("GET", f"/tyk/keys/{key}").json()), "the refusal")
    assert shown["quota_remaining"] == 0 and key not in json.dumps(hook.told("TriggerExceeded"))


def test_oas_handlers(world, hook):
    origin = world.origin("oas events")
    world.gateway.add_oas(oas(
        "oas-events", origin.url, security=[{"key": []}],
        components={"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "Authorization"}}},
        server={"authentication": {"enabled": True, "securitySchemes": {"key": {"enabled": True}}},
                "eventHandlers": [{"enabled": True, "trigger": "AuthFailure", "type": "webhook", "name": "x",
                                   "url": hook.url, "method": "PUT", "cooldownPeriod": "5s",
                                   "headers": [{"name": "X-Team", "value": "oas"}]}]}))
    assert world.a.curl("/x", host="oas-events.gw.test").status == 401
    wait_for(lambda: hook.told("AuthFailure"), "the message")
    assert hook.messages[0][0] == "PUT" and hook.messages[0][2]["X-Team"] == "oas"


def test_a_hooks_credentials_are_sent_and_never_shown(world, hook):
    origin = world.origin("secret hook")
    definition = classic("secret-hook", origin.url, domain="secret-hook.gw.test", use_standard_auth=True, event_handlers=handlers(
        hook, "AuthFailure", header_map={"X-Team": "edge", "Authorization": "Bearer hush-hush", "X-Api-Key": "hush-key"}))
    world.gateway.add_api(definition)

    def sent(count):
        assert world.a.curl(f"/{count}", host="secret-hook.gw.test", headers=[f"Authorization: wrong-{count}"] * (count % 2)).status
        told = wait_for(lambda: len(hook.messages) == count and hook.messages[-1], f"message {count}")
        return told[2].get("Authorization"), told[2].get("X-Api-Key")
    assert sent(1) == ("Bearer hush-hush", "hush-key")
    shown = world.gateway.rest("GET", "/tyk/apis/secret-hook")
    meta = shown.json()["event_handlers"]["events"]["AuthFailure"][0]["handler_meta"]
    assert meta["header_map"] == {"X-Team": "edge", "Authorization": "", "X-Api-Key": ""}
    for words in (["-o", "yaml"], ["-o", "json"], ["--original"]):
        assert "hush" not in world.gateway.run_ctl("get", "api", "secret-hook", *words).stdout
    assert "hush" not in world.gateway.rest("GET", "/tyk/apis").text
    world.gateway.update_api(shown.json())
    assert sent(2) == ("Bearer hush-hush", "hush-key"), "what is put back as it was shown changes nothing"
    elsewhere = json.loads(json.dumps(shown.json()).replace("/told", "/elsewhere"))
    refused = world.gateway.rest("PUT", "/tyk/apis/secret-hook", elsewhere)
    assert refused.status_code == 400 and "none is stored for that url" in refused.text, "a credential follows to no other place"
    read = world.gateway.run_ctl("get", "api", "secret-hook", "-o", "yaml").stdout
    assert world.gateway.run_ctl("apply", "-f", "-", stdin=read).returncode == 0
    world.gateway.update_api(json.loads(json.dumps(definition).replace("hush-key", "new-key")))
    world.gateway.settle()
    store = b"".join(path.read_bytes() for path in (world.gateway.home / "data").rglob("*") if path.is_file())
    assert b"hush-hush" not in store and b"new-key" not in store


def test_a_native_hooks_credentials(world, hook):
    handler = {"event": "AuthFailure", "url": hook.url, "headers": {"X-Team": "edge", "Authorization": "Bearer hush-native"}}
    api = {"apiVersion": "sallyport/v1", "kind": "Api", "id": "native-hook", "hosts": ["native-hook.gw.test"], "listenPath": "/",
           "token": {"enabled": True}, "upstream": {"targets": [{"url": "http://127.0.0.1:1"}]}, "eventHandlers": [handler]}
    world.gateway.apply(api)
    for words in (["-o", "yaml"], ["--original"], ["--original", "-o", "json"]):
        read = world.gateway.run_ctl("get", "api", "native-hook", *words).stdout
        assert "hush" not in read and "X-Team" in read
    assert "unchanged" in world.gateway.apply(api), "the same again"
    handler["headers"]["Authorization"] = ""
    world.gateway.apply(api)
    assert world.a.curl("/x", host="native-hook.gw.test").status == 401
    assert wait_for(lambda: hook.messages, "the message")[0][2]["Authorization"] == "Bearer hush-native"
    store = b"".join(path.read_bytes() for path in (world.gateway.home / "data").rglob("*") if path.is_file())
    assert b"hush-native" not in store


def test_an_export_brings_a_hooks_credential_along_where_it_is_sealed(world, hook, tmp_path):
    world.gateway.add_api(classic("exported-hook", "http://127.0.0.1:1", domain="exported-hook.gw.test", use_standard_auth=True,
                                  event_handlers=handlers(hook, "AuthFailure", header_map={"Authorization": "Bearer hush-export"})))
    phrase = tmp_path / "phrase"
    phrase.write_text("correct horse battery staple\n")

    def exported(name, *options):
        done = world.gateway.run_ctl("export", str(world.gateway.home), "--out", str(tmp_path / name), *options)
        assert done.returncode == 0, done
        assert "hush" not in (tmp_path / name).read_text()
        assert world.gateway.rest("DELETE", "/tyk/apis/exported-hook").status_code == 200
        return str(tmp_path / name)
    sealed = exported("sealed", "--seal-to", f"passphrase:{phrase}")
    done = world.gateway.run_ctl("apply", "-f", sealed, "--open-with", f"passphrase:{phrase}")
    assert done.returncode == 0 and "Api/exported-hook created" in done.stdout, done
    world.gateway.settle()
    assert world.a.curl("/x", host="exported-hook.gw.test").status == 401
    assert wait_for(lambda: hook.messages, "the message")[0][2]["Authorization"] == "Bearer hush-export"
    without = exported("without")
    done = world.gateway.run_ctl("apply", "-f", without)
    assert done.returncode == 1 and "the value of header Authorization is required" in done.stdout, done
    # As versions before named it: by header and URL alone.
    lines = [json.loads(line) for line in pathlib.Path(without).read_text().splitlines()]
    stored = next(line for line in lines if line.get("kind") == "Stored" and line["resource"].get("api", {}).get("id") == "exported-hook")
    handler, = stored["resource"]["api"]["eventHandlers"]
    stored["secrets"] = {f"event_handlers/authorization {handler['url']}": base64.b64encode(b"Bearer hush-before").decode()}
    twice = {**stored, "resource": {"api": {**stored["resource"]["api"], "eventHandlers": [handler, {**handler, "event": "QuotaExceeded"}]}}}
    done = world.gateway.run_ctl("apply", "--as", "stored", "-f", "-", stdin=json.dumps(twice))
    assert done.returncode == 1 and "export again with this version" in done.stdout + done.stderr, done
    done = world.gateway.run_ctl("apply", "--as", "stored", "-f", "-", stdin=json.dumps(stored))
    assert done.returncode == 0 and "hush" not in done.stdout + done.stderr, done
    world.gateway.settle()
    hook.messages.clear()
    assert world.a.curl("/y", host="exported-hook.gw.test", headers=["Authorization: wrong"]).status == 403
    assert wait_for(lambda: hook.messages, "the message")[0][2]["Authorization"] == "Bearer hush-before"


def test_certificates_that_expire_are_told(world, hook):
    """Of an allowlist, and one that is a key by itself; at once, since the look at them comes with a start, too."""
    soon, later = world.client("expiring", days=(-1, 9)), world.client("not yet", days=(-1, 25))
    ids = [world.gateway.add_certificate(one.pem) for one in (soon, later)]
    conf = {"security": {"certificate_expiry_monitor": {"warning_threshold_days": 10}}}
    assert world.gateway.run_ctl("apply", "-f", "-", stdin=json.dumps(conf)).returncode == 0
    told = handlers(hook, "CertificateExpiringSoon")
    world.gateway.add_api(classic("expiring-list", "http://127.0.0.1:1", domain="expiring-list.gw.test", use_keyless=True,
                                  use_mutual_tls_auth=True, client_certificates=ids, event_handlers=told))
    world.gateway.add_api(classic("expiring-key", "http://127.0.0.1:1", domain="expiring-key.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}, event_handlers=told))
    world.gateway.create_key(session("expiring-key", ids[0]))
    world.gateway.authsvc.stop()
    world.gateway.start_authsvc()
    wait_for(lambda: len(hook.told("CertificateExpiringSoon")) == 2, "both are told")
    messages = {one["api_id"]: one for one in hook.told("CertificateExpiringSoon")}
    assert set(messages) == {"expiring-list", "expiring-key"}
    assert {(one["cert_id"], one["cert_role"], one["days_remaining"]) for one in messages.values()} == {(ids[0], "client", "8")}


@pytest.mark.parametrize("meta, said", [
    ({"target_path": "ftp://x/"}, "https:// or http://"), ({"target_path": "http://user:pw@x/"}, "user or password"),
    ({"method": "CONNECT"}, "POST, PUT"), ({"header_map": {"Host": "x"}}, "connection's own"),
    ({"header_map": {"A": "b\r\nc: d"}}, "control character"), ({"event_timeout": -1}, "seconds")])
def test_what_is_refused(world, hook, meta, said):
    answer = world.gateway.rest("POST", "/tyk/apis", classic(
        "bad-hook", "http://127.0.0.1:1/", domain="bad-hook.gw.test", use_keyless=True,
        event_handlers=handlers(hook, "AuthFailure", **meta)))
    assert answer.status_code == 400 and said in answer.text, answer.text


def test_what_does_not_exist_here_is_said(world, hook):
    made = handlers(hook, "BreakerTripped")
    made["events"]["AuthFailure"] = [{"handler_name": "eh_dynamic_handler", "handler_meta": {"path": "x.js"}}]
    answer = world.gateway.rest("POST", "/tyk/apis", classic(
        "odd-hook", "http://127.0.0.1:1/", domain="odd-hook.gw.test", use_keyless=True, event_handlers=made))
    warning = answer.headers["X-Sallyport-Warning"]
    assert answer.status_code == 200 and "BreakerTripped" in warning and "eh_dynamic_handler" in warning
