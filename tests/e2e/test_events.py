"""Webhooks: who is told of refusals, expiring certificates and used quotas, and what the answers about a key show."""

import http.server
import json
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
