"""What an API changes of requests and answers by path: URL rewrites with triggers, headers, methods, sizes, timeouts
(Tyk Classic extended_paths); and with which certificate a rewritten request goes out."""

import concurrent.futures
import json
import threading

from gateway import DEADLINE, classic, session
from test_access import TOKEN, versions


def add(world, name, target, lists, **more):
    definition = classic(name, target, "/base", domain=f"{name}.gw.test", **{"use_keyless": True, **more, **versions(**lists)})
    world.gateway.add_api(definition)


def call(world, name, path, headers=(), **more):
    return world.a.curl(path, host=f"{name}.gw.test", headers=headers, **more)


def rewrite(pattern, to, *triggers, path="/", method="GET"):
    return {"path": path, "method": method, "match_pattern": pattern, "rewrite_to": to, "triggers": list(triggers)}


def trigger(on, to, **options):
    return {"on": on, "rewrite_to": to, "options": {kind: {name: {"match_rx": rx} for name, rx in of.items()}
                                                     for kind, of in options.items()}}


def test_a_path_is_rewritten_once_rights_have_looked_at_what_was_asked_for(world):
    origin = world.origin("rewritten")
    add(world, "rewritten", origin.url, {
        "url_rewrites": [rewrite(r"^/widgets/(\w+)/(\w+)", "/svc?a=$1&b=$2", path="^/widgets/"),
                         rewrite(r"^/old(.*)$", "/new$1", path="^/old")],
        "black_list": [{"path": "^/svc"}]})
    assert call(world, "rewritten", "/base/widgets/x/y").status == 200
    assert origin.last().target == "/svc?a=x&b=y"
    assert call(world, "rewritten", "/base/old/a?k=v").status == 200 and origin.last().target == "/new/a?k=v"
    assert call(world, "rewritten", "/base/widgets/x").status == 200 and origin.last().target == "/widgets/x"
    assert call(world, "rewritten", "/base/widgets/x/y", method="POST").status == 200
    assert origin.last().target == "/widgets/x/y", "the rule is of GET"
    assert call(world, "rewritten", "/base/svc").status == 403, "nobody asks for it directly"


def test_triggers(world):
    origin = world.origin("triggered")
    add(world, "triggered", origin.url, {"url_rewrites": [rewrite(
        "(.*)", "/stable$1",
        trigger("all", "/beta/$tyk_context.trigger-0-X-Ring-0-0", header_matches={"X-Ring": "^ring-(.)$"},
                query_val_matches={"q": "^1$"}),
        trigger("any", "/v/$tyk_context.trigger-1-v-0", path_part_matches={"v": "^v[0-9]$"},
                header_matches={"X-Any": "."}))]})

    def seen(path, *headers):
        assert call(world, "triggered", path, headers).status == 200
        return origin.last().target
    assert seen("/base/x") == "/stable/x"
    assert seen("/base/x?q=1", "X-Ring: ring-7") == "/beta/7"
    assert seen("/base/x?q=2", "X-Ring: ring-7") == "/stable/x?q=2"
    assert seen("/base/a/v3") == "/v/v3"


def test_what_a_caller_says_stays_one_piece(world):
    origin = world.origin("pieces")
    definition = {"url_rewrites": [rewrite("^/t/(.*)$", "/tenant/$tyk_meta.team/$tyk_context.headers_X_User?q=$1", path="^/t/"),
                                   rewrite(r"\?to=(.*)$", "/inner/$1", path="^/raw")]}
    add(world, "pieces", origin.url, definition, use_keyless=False, **TOKEN)
    made = world.gateway.create_key(session("pieces", meta_data={"team": "blue/green"}))
    world.gateway.settle()
    token = f"Authorization: {made['key']}"
    assert call(world, "pieces", "/base/t/x", [token, "X-User: a?admin=1&b#c"]).status == 200
    assert origin.last().target == "/tenant/blue%2Fgreen/a%3Fadmin%3D1%26b%23c?q=x"
    assert call(world, "pieces", "/base/raw?to=ok", [token]).status == 200 and origin.last().target == "/inner/ok"
    count = len(origin.requests)
    assert call(world, "pieces", "/base/t/x", [token, "X-User: ../../red"]).status == 400
    for value in ("../outside", "..%2Foutside", "%2e%2e/outside", "a/./b", "..", "a%00b"):
        assert call(world, "pieces", f"/base/raw?to={value}", [token]).status == 400, value
    assert len(origin.requests) == count, "nothing left the place that the operator gave it"


def test_who_calls_is_not_what_anybody_says(world):
    """Headers that only a trusted proxy may send, and credentials, are not there for templates and triggers."""
    origin = world.origin("said")
    add(world, "said", origin.url, {"url_rewrites": [
        rewrite("(.*)", "/plain?who=$tyk_context.headers_X_Client_Dn&token=$tyk_context.headers_Authorization",
                trigger("all", "/verified", header_matches={"X-Client-Verify": "SUCCESS"}))]}, use_keyless=False, **TOKEN)
    made = world.gateway.create_key(session("said"))
    world.gateway.settle()
    headers = [f"Authorization: {made['key']}", "X-Client-Verify: SUCCESS", "X-Client-Dn: CN=admin"]
    assert call(world, "said", "/base/x", headers).status == 200
    assert origin.last().target == "/plain?who=&token="


def test_a_stripped_token_is_not_moved_by_a_rewrite(world):
    origin = world.origin("token-kept")
    auth = {"auth_configs": {"authToken": {"use_param": True, "param_name": "token"}}, "use_standard_auth": True,
            "strip_auth_data": True, "use_keyless": False}
    add(world, "token-kept", origin.url, {"url_rewrites": [rewrite("(.*)", "/all$1")]}, **auth)
    made = world.gateway.create_key(session("token-kept"))
    world.gateway.settle()
    assert call(world, "token-kept", f"/base/x?a=1&token={made['key']}&b=2").status == 200
    assert origin.last().target == "/all/x?a=1&b=2"
    assert made["key"] not in json.dumps(origin.last().headers)


def test_headers_methods_sizes_and_timeouts_by_path(world):
    over = threading.Event()

    def answer(handler, request):
        if "slow" in request.target:
            over.wait(DEADLINE)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.send_header("Server", "secret/1.0")
        handler.send_header("X-Internal", "yes")
        handler.end_headers()
    origin = world.origin("by-path", answer=answer)
    add(world, "by-path", origin.url, {
        "transform_headers": [{"path": "^/h", "method": "GET", "delete_headers": ["X-Gone"], "add_headers": {"X-New": "1"}}],
        "transform_response_headers": [{"path": "^/h", "method": "GET", "delete_headers": ["X-Internal", "Server"],
                                        "add_headers": {"X-Answer": "2"}}],
        "method_transforms": [{"path": "^/m", "method": "GET", "to_method": "POST"}],
        "size_limits": [{"path": "^/s", "method": "POST", "size_limit": 10}],
        "mock_response": [{"path": "^/mock", "method": "GET", "code": 203, "body": "made up", "headers": {"X-Mock": "1"}}],
        "hard_timeouts": [{"path": "^/slow", "method": "GET", "timeout": 1}]})
    mock = call(world, "by-path", "/base/mock")
    assert (mock.status, mock.body, mock.headers["x-mock"]) == (203, "made up", "1") and not origin.requests
    reply = call(world, "by-path", "/base/h", ["X-Gone: a", "X-New: spoofed", "X-Kept: b"])
    assert reply.status == 200 and (origin.last().one("X-Gone"), origin.last().all("X-New"), origin.last().one("X-Kept")) == (None, ["1"], "b")
    assert reply.headers.get("x-answer") == "2" and "x-internal" not in reply.headers and "server" not in reply.headers
    other = call(world, "by-path", "/base/other", ["X-Gone: a"])
    assert origin.last().one("X-Gone") == "a" and other.headers["x-internal"] == "yes" and "x-answer" not in other.headers
    assert call(world, "by-path", "/base/m").status == 200 and origin.last().method == "POST"
    assert call(world, "by-path", "/base/m", method="DELETE").status == 200 and origin.last().method == "DELETE"
    assert call(world, "by-path", "/base/s", method="POST", data="0123456789").status == 200
    assert call(world, "by-path", "/base/s", method="POST", data="0123456789a", options=["--http1.1"]).status == 413
    assert call(world, "by-path", "/base/t", method="POST", data="0123456789a").status == 200
    assert call(world, "by-path", "/base/slow").status == 504
    over.set()


def test_a_rewritten_request_goes_out_with_the_certificate_and_pins_of_its_host(world):
    """Two hosts that take only their own certificate and whose keys are pinned; requests for both at once."""
    hosts, certificates, pins = {}, {}, {}
    for name in ("127.0.0.1", "localhost"):
        issuer = world.pki.issue(f"CA of {name}", ca=True)
        server, pair = world.pki.self_signed(f"host {name}", sans=[name]), world.client(f"for {name}", issuer)
        origin = world.origin(f"host {name}", pair=server, client_ca=issuer.cert)
        key = f"{name}:{origin.port}"
        certificates[key] = world.gateway.add_certificate(pair.pem + pair.key_pem)
        pins[key] = world.gateway.add_certificate(server.public_key_pem)
        hosts[name] = (origin, pair)
    first, second = hosts["127.0.0.1"][0], hosts["localhost"][0]
    add(world, "two-hosts", f"https://127.0.0.1:{first.port}", {"url_rewrites": [
        rewrite("^/other/(.*)", f"https://localhost:{second.port}/second/$1", path="^/other")]},
        upstream_certificates=certificates, pinned_public_keys=pins)
    world.gateway.settle()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: call(world, "two-hosts", f"/base/other/{n}" if n % 2 else f"/base/{n}"), range(60)))
    assert [answer.status for answer in answers] == [200] * 60
    assert {request.peer for request in first.requests} == {hosts["127.0.0.1"][1].der} and len(first.requests) == 30
    assert {request.peer for request in second.requests} == {hosts["localhost"][1].der} and len(second.requests) == 30
    assert all(request.target.startswith("/second/") for request in second.requests)

    changed = classic("two-hosts", f"https://127.0.0.1:{first.port}", "/base", domain="two-hosts.gw.test", use_keyless=True,
                      upstream_certificates={key: value for key, value in certificates.items() if "localhost" not in key},
                      pinned_public_keys=pins, **versions(url_rewrites=[
                          rewrite("^/other/(.*)", f"https://localhost:{second.port}/second/$1", path="^/other")]))
    world.gateway.update_api(changed)
    assert call(world, "two-hosts", "/base/other/x").status == 500, "the other host's certificate is not this one's"
    assert call(world, "two-hosts", "/base/x").status == 200
    assert len(second.requests) == 30


def test_refusals_name_the_place(world):
    def refused(lists):
        definition = classic("refused", "http://127.0.0.1:1", domain="refused.gw.test", use_keyless=True, **versions(**lists))
        answer = world.gateway.rest("POST", "/tyk/apis", definition)
        assert answer.status_code == 400, answer.text
        return answer.json()["message"]
    assert "fixed text" in refused({"url_rewrites": [rewrite("(.*)", "https://$1/")]})
    assert "captures 1" in refused({"url_rewrites": [rewrite("(.*)", "/$2")]})
    assert "gateway's own" in refused({"transform_headers": [{"path": "x", "add_headers": {"X-Forwarded-Client-Cert": "Hash=1"}}]})
    assert "url_rewrites[0].rewrite_to" in refused({"url_rewrites": [rewrite("(.*)", "tyk://self/x")]})
