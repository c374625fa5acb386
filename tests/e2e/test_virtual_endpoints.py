"""Virtual endpoints: JavaScript that answers in place of the upstream, in processes that have no keys; with which
certificates and pins its requests go out; what scripts that hang, throw or take all memory do to others: nothing."""

import base64
import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import threading
import time

import pytest

from forward_proxies import TinyProxy
from gateway import DEADLINE, classic, oas, session, wait_for
from origins import free_port
from pki import SERVER
from test_access import TOKEN, versions

ECHO = """function echo(request, session, config) {
  return TykJsResponse({Body: JSON.stringify({request: request, session: session, config: config}),
                        Headers: {"Content-Type": "application/json", "X-Made-By": "script"}, Code: 201}, session.meta_data);
}"""
HANGS = "function hangs() { for (;;) {} }"
QUICK = 'function quick() { return TykJsResponse({Body: "quick", Code: 200}, {}); }'


def blob(source, function, path, method="GET", **more):
    return {"response_function_name": function, "function_source_type": "blob", "path": path, "method": method,
            "function_source_uri": base64.b64encode(source.encode()).decode(), **more}


def add(world, name, *scripts, target="http://127.0.0.1:1", **more):
    definition = classic(name, target, "/base", domain=f"{name}.gw.test",
                         **{"use_keyless": True, **versions(virtual=list(scripts)), **more})
    world.gateway.add_api(definition)
    return definition


def call(world, name, path, headers=(), **more):
    return world.a.curl(f"/base{path}", host=f"{name}.gw.test", headers=headers, **more)


def children(pid):
    """Of any thread of it."""
    return {int(child) for tasks in pathlib.Path(f"/proc/{pid}/task").glob("*/children") for child in tasks.read_text().split()}


def failures(replica, event="script.failed"):
    return [json.loads(line) for line in replica.lines(event)]


def test_a_script_answers_with_what_it_is_told(world):
    origin = world.origin("echo")
    add(world, "echo", blob(ECHO, "echo", "^/echo", "POST", use_session=True), target=origin.url, config_data={"colour": "blau"},
        use_keyless=False, strip_auth_data=True, **TOKEN)
    made = world.gateway.create_key(session("echo", meta_data={"team": "red"}, alias="alice"))
    world.gateway.settle()
    headers = [f"Authorization: {made['key']}", "X-Two: a", "X-Two: b", "X-Client-Dn: CN=admin",
               "Content-Type: application/x-www-form-urlencoded"]
    answer = call(world, "echo", "/echo?q=1&q=%C3%BC", headers, method="POST", data="name=J%C3%B6rg+M")
    assert answer.status == 201 and answer.headers["x-made-by"] == "script" and "x-request-id" in answer.headers, answer
    told = answer.json()
    assert told["request"]["URL"] == "/base/echo?q=1&q=%C3%BC" and told["request"]["Scheme"] == "https"
    assert told["request"]["Body"] == "name=J%C3%B6rg+M" and told["request"]["Method"] == "POST"
    assert told["request"]["Params"] == {"name": ["Jörg M"], "q": ["1", "ü"]}
    assert told["request"]["Headers"]["X-Two"] == ["a", "b"]
    assert "Authorization" not in told["request"]["Headers"] and made["key"] not in answer.body
    assert "X-Client-Dn" not in told["request"]["Headers"], "who calls is not what anybody says"
    assert told["session"]["meta_data"] == {"team": "red"} and told["session"]["alias"] == "alice"
    assert told["config"] == {"OrgID": "default", "APIID": "echo", "config_data": {"colour": "blau"}}
    assert origin.requests == [], "the upstream was not asked"
    assert call(world, "echo", "/echo", method="POST", data="x", options=["--http1.1"]).status == 401, "who may call is decided before"
    assert call(world, "echo", "/echo", headers).status == 200 and origin.last().target == "/echo", "a GET is the upstream's"


def test_without_use_session_a_script_is_not_told_who_calls(world):
    add(world, "nobody", blob(ECHO, "echo", "^/x"), use_keyless=False, **TOKEN)
    made = world.gateway.create_key(session("nobody", meta_data={"team": "red"}, alias="alice"))
    world.gateway.settle()
    assert call(world, "nobody", "/x", [f"Authorization: {made['key']}"]).json()["session"] == {"meta_data": {}}


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2"])
def test_answers_on_both_versions_of_http(world, protocol):
    name = f"forms{protocol.strip('-').replace('.', '')}"
    add(world, name, blob('function f(r) { return TykJsResponse({Body: "body", Code: Number(r.Params.code[0]), Headers: '
                          '{"Connection": "close", "Content-Length": "999", "Transfer-Encoding": "chunked", "X-A": ["1"]}}, {}); }',
                          "f", "^/f"),
        blob('function f(r) { return TykJsResponse({Body: r.Body, Code: 200}, {}); }', "f", "^/f", "POST"),
        blob('function f(r) { return TykJsResponse({Body: r.Method, Code: 200}, {}); }', "f", "^/f", "HEAD"))
    head = call(world, name, "/f", method="HEAD", options=[protocol])
    assert head.status == 200 and head.body == "" and head.headers["content-length"] == "4"
    for code, body in ((200, "body"), (204, ""), (304, ""), (404, "body"), (503, "body")):
        answer = call(world, name, f"/f?code={code}", options=[protocol])
        assert (answer.status, answer.body, answer.headers["x-a"]) == (code, body, "1"), answer
        assert "999" not in answer.headers.get("content-length", "") and "transfer-encoding" not in answer.headers
    file = world.gateway.directory / "body"

    def posted(body, *options):
        file.write_text(body)
        return call(world, name, "/f", method="POST", data=f"@{file}", options=[protocol, *options])
    body = "ü\U0001F600" * 100_000
    answer = posted(body)
    assert answer.status == 200 and answer.body == body
    assert posted("x" * (1 << 20)).status == 200
    if protocol == "--http1.1":  # an answer that comes before the body is an error to this curl on HTTP/2
        assert posted("x" * (1 << 20) + "y").status == 413
        assert posted("x" * (1 << 20) + "y", "-H", "Transfer-Encoding: chunked").status == 413
    chunked = call(world, name, "/f", method="POST", data="in pieces", options=[protocol, "-H", "Transfer-Encoding: chunked"])
    assert chunked.status == 200 and chunked.body == "in pieces"
    patient = call(world, name, "/f", ["Expect: 100-continue"], method="POST", data="after a 100", options=[protocol])
    assert patient.status == 200 and patient.body == "after a 100"


ASKS = """function asks(request, session, config) {
  var got = TykMakeHttpRequest(JSON.stringify({Method: "POST", Domain: config.config_data.origin, Resource: "/inner?x=1", Body: "told",
                                               Headers: {"X-Script": "yes", "X-Forwarded-Client-Cert": "Hash=1"}}));
  if (got === undefined) return TykJsResponse({Body: "undefined", Code: 200}, {});
  got = JSON.parse(got);
  return TykJsResponse({Body: JSON.stringify([got.Code, got.code, JSON.parse(got.Body).origin, got.Headers["X-Origin"], got.headers !== undefined]),
                        Code: 200}, {});
}"""


def test_its_requests_go_out_with_the_certificate_and_pins_of_the_api(world):
    issuer = world.pki.issue("CA of scripts", ca=True)
    pair = world.client("script's certificate", issuer)
    server = world.pki.issue("inner", world.upstream_ca, usages=[SERVER], sans=["127.0.0.1"])
    origin = world.origin("inner", pair=server, client_ca=issuer.cert)
    other = world.pki.self_signed("another key", sans=["127.0.0.1"])
    certificate = world.gateway.add_certificate(pair.pem + pair.key_pem)
    pin, wrong = (world.gateway.add_certificate(one.public_key_pem) for one in (server, other))
    host = f"127.0.0.1:{origin.port}"

    def asks(name, **more):
        add(world, name, blob(ASKS, "asks", "^/ask"), config_data={"origin": origin.url}, **more)
        world.gateway.settle()
        answer = call(world, name, "/ask")
        assert answer.status == 200, answer
        return answer.body
    assert json.loads(asks("with-certificate", upstream_certificates={host: certificate}, pinned_public_keys={host: pin})) == \
        [200, 200, "inner", ["inner"], True]
    seen = origin.last()
    assert seen.peer == pair.der and (seen.method, seen.target, seen.body) == ("POST", "/inner?x=1", b"told")
    assert seen.one("X-Script") == "yes" and seen.one("X-Forwarded-Client-Cert") is None and seen.one("Host") == host
    count = len(origin.requests)
    assert asks("without-certificate") == "undefined", "the upstream demands one"
    assert asks("of-another-host", upstream_certificates={"other.test": certificate}) == "undefined"
    assert asks("pinned-otherwise", upstream_certificates={host: certificate}, pinned_public_keys={host: wrong}) == "undefined"
    assert len(origin.requests) == count, "nothing was sent"
    failed = [line for line in failures(world.a, "script.call_failed") if line["api_id"] == "pinned-otherwise"]
    assert [(line["reason"], line["port"]) for line in failed] == [("UPSTREAM_PIN_MISMATCH", origin.port)], failed


def test_its_requests_go_through_the_forward_proxy_of_the_api(world, tmp_path):
    origin = world.tls_origin("beyond")
    proxy = TinyProxy(tmp_path)
    try:
        definition = classic("proxied", "https://proxied.example", "/base", domain="proxied.gw.test", use_keyless=True,
                             config_data={"origin": origin.url}, **versions(virtual=[blob(ASKS, "asks", "^/ask")]))
        definition["proxy"]["transport"] = {"proxy_url": proxy.url()}
        world.gateway.add_api(definition)
        assert json.loads(call(world, "proxied", "/ask").body)[0] == 200 and proxy.asked() == [f"127.0.0.1:{origin.port}"]
        definition["proxy"]["transport"] = {"proxy_url": proxy.url(password="wrong")}
        world.gateway.update_api(definition)
        assert call(world, "proxied", "/ask").body == "undefined", "never past it"
        assert len(origin.requests) == 1
    finally:
        proxy.stop()


def test_answers_that_are_too_large_or_never_come(world):
    over = threading.Event()

    def answer(handler, request):
        if request.target == "/silent":
            over.wait(DEADLINE)
        size = int(request.target.strip("/") or 0) if request.target != "/silent" else 0
        handler.send_response(200)
        handler.send_header("Content-Length", str(size))
        handler.end_headers()
        handler.wfile.write(b"x" * size)
    origin = world.origin("sizes", answer=answer)
    source = """function sized(request, session, config) {
      var got = TykMakeHttpRequest({Domain: config.config_data.origin, Resource: "/" + request.Params.at[0]});
      return TykJsResponse({Body: got === undefined ? "undefined" : String(JSON.parse(got).Body.length), Code: 200}, {});
    }"""
    add(world, "sizes", blob(source, "sized", "^/s"), config_data={"origin": origin.url})
    assert call(world, "sizes", f"/s?at={900_000}").body == "900000"
    assert call(world, "sizes", f"/s?at={(1 << 20) + 1}").body == "undefined"
    assert call(world, "sizes", "/s?at=silent").status == 500
    over.set()
    assert [line["detail"] for line in failures(world.a) if line["api_id"] == "sizes"] == ["time"]


class Gate:
    """An origin at which scripts wait until it is opened."""

    script = """function waits(request, session, config) {
      for (var i = 0; i < 2; i++) TykMakeHttpRequest({Domain: config.config_data.origin, Resource: "/" + i});
      return TykJsResponse({Code: 200}, {}); }"""

    def __init__(self, world, name):
        self.reached, self.open = threading.Event(), threading.Event()
        self.origin = world.origin(name, answer=self._answer)

    def _answer(self, handler, _):
        self.reached.set()
        self.open.wait(DEADLINE)
        handler.send_response(200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2"])
def test_callers_that_leave(world, protocol):
    over, name = threading.Event(), f"leave{protocol[-1]}"
    silent = world.origin(f"silent{name}", answer=lambda handler, request: over.wait(DEADLINE))
    asks = "function asks(request, session, config) { TykMakeHttpRequest({Domain: config.config_data.origin}); return TykJsResponse({Code: 200}, {}); }"
    add(world, name, blob(HANGS, "hangs", "^/hang"), blob(asks, "asks", "^/ask"), blob(QUICK, "quick", "^/quick"),
        config_data={"origin": silent.url})
    for path in ("/hang", "/ask"):
        before = world.a.metric("sallyport_scripts_total", outcome="abandoned")
        assert call(world, name, path, options=[protocol, "--max-time", "0.5"]).exit_code == 28
        wait_for(lambda: world.a.metric("sallyport_scripts_total", outcome="abandoned") > before, f"{path} is not waited out")
    over.set()
    assert call(world, name, "/quick", options=[protocol]).body == "quick"
    assert not [line for line in failures(world.a) if line["api_id"] == name], "nobody is told of a limit"


def test_its_lines_do_not_fill_the_log(world):
    source = 'function talks(r) { for (var i = 0; i < 100; i++) log("line " + i); return TykJsResponse({Code: 200}, {}); }'
    add(world, "talks", blob(source, "talks", "^/t"))
    assert call(world, "talks", "/t?n=[1-40]").status == 200
    lines = wait_for(lambda: [line for line in failures(world.a, "script.log") if line["api_id"] == "talks"], "they are logged")
    assert [line["text"] for line in lines[:64]] == [f"line {n}" for n in range(64)] and lines[0]["function"] == "talks"
    assert 100 <= len(lines) < 40 * 64


def test_its_calls_that_fail_do_not_fill_the_log(world):
    """Ten lines a second and loop for each API and reason; the next one says how many were left out."""
    source = """function fails(r, s, config) {
      for (var i = 0; i < 8; i++) TykMakeHttpRequest(JSON.stringify({Domain: config.config_data.origin}));
      return TykJsResponse({Code: 200}, {}); }"""
    add(world, "fails", blob(source, "fails", "^/f"), config_data={"origin": f"http://127.0.0.1:{free_port()}"})
    began, before = time.monotonic(), world.a.metric("sallyport_script_calls_total", outcome="failed")
    assert call(world, "fails", "/f?n=[1-40]").status == 200
    wait_for(lambda: world.a.metric("sallyport_script_calls_total", outcome="failed") == before + 320, "all calls have failed")
    lines = [line for line in failures(world.a, "script.call_failed") if line["api_id"] == "fails"]
    assert 0 < len(lines) <= 2 * 10 * (time.monotonic() - began + 1)
    assert {line["reason"] for line in lines} == {"UPSTREAM_CONNECT"}
    assert len(lines) + sum(line["left_out"] for line in lines) <= 320


def test_pages_of_other_origins(world):
    add(world, "cors", blob('function c() { return TykJsResponse({Headers: {"Access-Control-Allow-Origin": "*"}, Code: 200}, {}); }',
                            "c", "^/c"), CORS={"enable": True, "allowed_origins": ["https://good.example"]})
    answer = call(world, "cors", "/c", ["Origin: https://good.example"])
    assert answer.headers["access-control-allow-origin"] == "https://good.example"
    assert "access-control-allow-origin" not in call(world, "cors", "/c", ["Origin: https://bad.example"]).headers


def test_an_untrusted_server_is_not_spoken_to(world):
    origin = world.origin("untrusted", pair=world.pki.self_signed("nobody's", sans=["127.0.0.1"]))
    add(world, "untrusted", blob(ASKS, "asks", "^/ask"), config_data={"origin": origin.url})
    assert call(world, "untrusted", "/ask").body == "undefined" and origin.requests == []


def test_a_batch(world):
    one, other = world.origin("one"), world.origin("other")
    source = """function batch(request, session, config) {
      var urls = config.config_data.urls;
      var answers = JSON.parse(TykBatchRequest(JSON.stringify({suppress_parallel_execution: request.Params.turn !== undefined,
        requests: urls.map(function (url) { return {method: "GET", relative_url: url, body: "", headers: {"X-Batch": "1"}}; })})));
      return TykJsResponse({Body: JSON.stringify(answers.map(function (a) { return [a.code, a.relative_url, a.body && JSON.parse(a.body).origin]; })), Code: 200}, {});
    }"""
    urls = [f"{one.url}/a", f"{other.url}/b", "http://127.0.0.1:1/refused", "ftp://x/", f"{one.url}/c d"]
    add(world, "batch", blob(source, "batch", "^/b"), config_data={"urls": urls})
    expected = [[200, urls[0], "one"], [200, urls[1], "other"], [0, "", ""], [0, "", ""], [0, "", ""]]
    assert call(world, "batch", "/b").json() == expected
    assert call(world, "batch", "/b?turn=1").json() == expected
    assert one.last().one("X-Batch") == "1" and len(one.requests) == len(other.requests) == 2


def test_what_a_script_may_not_send(world):
    origin = world.origin("guarded")
    source = """function sends(request, session, config) {
      var bad = [{Headers: {"X-A": "b\\r\\nX-Smuggled: 1"}}, {Headers: {"Bad Name": "1"}}, {Headers: {Host: "elsewhere.test"}},
                 {Method: "GET / HTTP/1.1\\r\\nX: "}, {Method: "CONNECT"}, {Resource: "/a b"}, {Resource: "/\\r\\nX-Smuggled: 1"},
                 {Domain: "file:///etc/passwd"}, {Domain: "http://user@127.0.0.1"}, {Domain: ""}];
      var got = bad.map(function (one) {
        return TykMakeHttpRequest({Method: one.Method || "GET", Domain: one.Domain === undefined ? config.config_data.origin : one.Domain,
                                   Resource: one.Resource || "/", Headers: one.Headers}) === undefined; });
      var good = TykMakeHttpRequest({Method: "POST", Domain: config.config_data.origin, Resource: "/ok", Body: "x",
                                     Headers: {"Content-Length": "5", "Transfer-Encoding": "chunked", "Connection": "X-Kept"}});
      return TykJsResponse({Body: JSON.stringify([got, JSON.parse(good).code]), Code: 200}, {});
    }"""
    add(world, "guarded", blob(source, "sends", "^/s"), config_data={"origin": origin.url})
    assert call(world, "guarded", "/s").json() == [[True] * 10, 200]
    assert [(request.target, request.body) for request in origin.requests] == [("/ok", b"x")]
    many = 'function many(r, s, c) { var n = 0; for (var i = 0; i < 40; i++) if (TykMakeHttpRequest({Domain: c.config_data.origin, Resource: "/m"})) n++; ' \
        'return TykJsResponse({Body: String(n), Code: 200}, {}); }'
    add(world, "many", blob(many, "many", "^/m"), config_data={"origin": origin.url})
    assert call(world, "many", "/m").body == "16", "one request of a caller is not any number of others"


def test_what_goes_wrong_has_a_reason_and_says_nothing(world):
    broken = {"throws": "\n\nfunction throws() {\n  throw new Error('secret');\n}", "syntax": "function syntax({",
              "nothing": "function nothing() {}", "keys": "function keys() { return TykSetKeyData('a', '{}', 1); }",
              "header": 'function header() { return TykJsResponse({Headers: {"X-A": "a\\r\\nSet-Cookie: b"}, Code: 200}, {}); }',
              "code": 'function code() { return TykJsResponse({Code: 99}, {}); }',
              "deep": "function deep() { return 1 + deep(); }",
              "memory": "function memory() { var all = []; for (;;) all.push({n: all.length}); }",
              "bomb": 'function bomb() { var s = "x"; for (;;) s += s; }'}
    add(world, "broken", *(blob(source, name, f"^/{name}") for name, source in broken.items()))
    for name in broken:
        answer = call(world, "broken", f"/{name}")
        assert answer.status == 500 and answer.json() == {"error": answer.message}, (name, answer)
        assert "secret" not in answer.body and "line" not in answer.body
    def told():
        lines = {line["function"]: line for line in failures(world.a) if line["api_id"] == "broken"}
        return lines if len(lines) == len(broken) else None
    logged = wait_for(told, "each failure is in the log")
    assert logged["throws"]["line"] == 4 and logged["throws"]["detail"] == "Error: secret"
    assert "TykSetKeyData" in logged["keys"]["detail"] and "SyntaxError" in logged["syntax"]["detail"]
    assert all(logged[name]["detail"].startswith("memory") for name in ("memory", "bomb"))
    reasons = {name: wait_for(lambda: world.a.metric("sallyport_requests_total", api="broken", reason=name), f"{name} is counted")
               for name in ("SCRIPT_FAILED", "SCRIPT_LIMIT")}
    assert reasons == {"SCRIPT_FAILED": 7, "SCRIPT_LIMIT": 2}


def test_the_upstream_answers_where_a_script_fails(world):
    origin = world.origin("behind")
    scripts = {"throws": "function throws() { throw 1; }", "refuses": 'function refuses() { return TykJsResponse({Code: 418}, {}); }',
               "answers": 'function answers() { return TykJsResponse({Code: 399}, {}); }'}
    add(world, "behind", *(blob(source, name, f"^/{name}", "POST", proxy_on_error=True) for name, source in scripts.items()),
        target=origin.url)
    for protocol in ("--http1.1", "--http2"):
        for name in ("throws", "refuses"):
            answer = call(world, "behind", f"/{name}", ["Expect: 100-continue"], method="POST", data="the body", options=[protocol])
            assert answer.status == 200 and answer.json()["origin"] == "behind", answer
            assert origin.last().target == f"/{name}" and origin.last().body == b"the body"
        assert call(world, "behind", "/answers", method="POST", data="x", options=[protocol]).status == 399
    assert len(origin.requests) == 4


def test_scripts_that_hang_are_ended_and_hurt_nobody(world):
    origin = world.origin("meanwhile")
    add(world, "hangs", blob(HANGS, "hangs", "^/hang"))
    add(world, "quick", blob(QUICK, "quick", "^/quick"), target=origin.url)
    before, began = children(world.a.pid), threading.Event()

    def hang(_):
        began.set()
        return call(world, "hangs", "/hang").status
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        hanging = [pool.submit(hang, n) for n in range(10)]
        assert began.wait(DEADLINE)
        wait_for(lambda: world.a.metric("sallyport_script_processes", state="busy") >= 4, "they hang")
        assert all(call(world, "quick", "/quick").body == "quick" for _ in range(3)), "other scripts run"
        assert call(world, "quick", "/x").status == 200, "requests without scripts too"
        hung = children(world.a.pid) - before
        assert not all(one.done() for one in hanging), "all that while they hung"
        assert [one.result() for one in hanging] == [500] * 10
    details = {line["detail"] for line in failures(world.a) if line["api_id"] == "hangs"}
    assert "time" in details and details <= {"time", "the API's scripts are all busy (scripts.helpers_per_api)"}
    wait_for(lambda: len(hung & children(world.a.pid)) <= 1, "who hung is gone, and attended")


def test_a_process_that_ends_is_replaced(world):
    add(world, "killed", blob(HANGS, "hangs", "^/hang"), blob(QUICK, "quick", "^/quick"))
    before = children(world.a.pid)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(call, world, "killed", "/hang")
        new = wait_for(lambda: children(world.a.pid) - before, "it runs")
        wait_for(lambda: world.a.metric("sallyport_script_processes", state="busy") >= 1, "it is busy")
        for pid in new:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        assert hanging.result().status == 500
    assert "ended" in [line["detail"] for line in failures(world.a) if line["api_id"] == "killed"][0]
    assert call(world, "killed", "/quick").body == "quick"
    for pid in children(world.a.pid):  # an idle one, too
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)
    assert wait_for(lambda: call(world, "killed", "/quick").body == "quick", "another one")


@pytest.mark.skipif(os.geteuid() != 0, reason="what is looked at belongs to root: the process cannot be traced")
def test_its_process_has_nothing(world):
    add(world, "empty", blob(QUICK, "quick", "^/quick"))
    before = children(world.a.pid)
    assert call(world, "empty", "/quick").body == "quick"
    (pid,) = children(world.a.pid) - before
    process = pathlib.Path(f"/proc/{pid}")
    open_files = sorted(os.readlink(fd) for fd in (process / "fd").iterdir())
    assert len(open_files) == 3 and open_files[:2] == ["/dev/null"] * 2 and open_files[2].startswith("socket:"), open_files
    assert (process / "environ").read_bytes().strip(b"\0") == b""
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    assert all(int(status[name], 16) == 0 for name in ("CapPrm", "CapEff", "CapInh", "CapAmb"))
    limits = (process / "limits").read_text()
    assert "Max core file size        0" in limits and "Max processes             0" in limits
    maps = (process / "maps").read_text()
    assert "duktape" in maps and not any(name in maps for name in ("libssl", "libcrypto", "libgrpc"))
    add(world, "empty-too", blob(QUICK, "quick", "^/quick"))
    assert call(world, "empty-too", "/quick").body == "quick" and call(world, "empty", "/quick").body == "quick"
    assert len(children(world.a.pid) - before) == 2, "another API has another process"


def test_what_is_refused(world):
    def refused(*scripts, **more):
        answer = world.gateway.rest("POST", "/tyk/apis", classic("refused", "http://127.0.0.1:1", domain="refused.gw.test",
                                                                use_keyless=True, **{**versions(virtual=list(scripts)), **more}))
        assert answer.status_code == 400, answer.text
        return answer.json()["message"]
    good = blob(QUICK, "quick", "^/x")
    assert "files of the gateway's machine" in refused({**good, "function_source_type": "file"})
    assert "is not Base64" in refused({**good, "function_source_uri": "%%%"})
    assert "name of a function" in refused(blob(QUICK, "quick(); other", "^/x"))
    assert "does not define" in refused(blob(QUICK, "slow", "^/x"))
    assert "at most 262144" in refused(blob(QUICK + " " * (256 << 10), "quick", "^/x"))
    assert "did you mean" in refused({**good, "proxy_on_eror": True})
    assert "custom_middleware.pre" in refused(good, custom_middleware={"pre": [{"name": "f", "path": "f.js"}]})
    assert "must be an object" in refused(good, config_data=[1])


def test_native_and_oas(world):
    document = {"apiVersion": "sallyport/v1", "kind": "Api", "id": "native-script", "org_id": "default", "hosts": ["native-script.gw.test"],
                "listen_path": "/base", "keyless": True, "upstream": {"targets": [{"url": "http://127.0.0.1:1"}]},
                "script_config_json": '{"n": 7}', "versions": [{"endpoints": [{
                    "rule": {"path": "/x$", "methods": ["GET"]},
                    "virtual_endpoint": {"function": "slow", "timeout_ms": 200, "source":
                                         "function slow(r, s, c) { if (r.Params.hang) for (;;) {} "
                                         "return TykJsResponse({Body: String(c.config_data.n), Code: 200}, {}); }"}}]}]}
    world.gateway.apply(document)
    good = call(world, "native-script", "/x")
    assert good.body == "7"
    explained = world.gateway.explain(good.headers["x-request-id"])
    assert "the script of a virtual endpoint answered 200" in explained.stdout, explained
    answer = call(world, "native-script", "/x?hang=1")
    assert answer.status == 500 and answer.json()["reason"] == "SCRIPT_LIMIT"
    assert answer.json() == {"error": "internal error", "reason": "SCRIPT_LIMIT", "request_id": answer.headers["x-request-id"]}
    wait_for(lambda: "SCRIPT_LIMIT" in world.gateway.explain(answer.headers["x-request-id"]).stdout, "the refusal is told")

    definition = oas("oas-script", "http://127.0.0.1:1", server={"listenPath": {"value": "/base", "strip": True}},
                     paths={"/quick": {"get": {"operationId": "q", "responses": {}}}})
    definition["x-tyk-api-gateway"]["middleware"] = {"operations": {"q": {"virtualEndpoint": {
        "enabled": True, "functionName": "quick", "body": base64.b64encode(QUICK.encode()).decode()}}}}
    world.gateway.add_oas(definition)
    assert call(world, "oas-script", "/quick").body == "quick"
    assert call(world, "oas-script", "/quick/more").status == 500, "another path is the upstream's"


def test_settings_of_one_machine(world, tmp_path):
    gate = Gate(world, "gate")
    add(world, "settings", blob(Gate.script, "waits", "^/waits", "POST"), blob(QUICK, "quick", "^/quick"),
        blob(QUICK, "quick", "^/quick", "POST"), config_data={"origin": gate.origin.url})

    def replica(*settings, **more):
        options = [word for setting in settings for word in ("--set", f"scripts.{setting}")]
        return world.gateway.start_dataplane(system_trust=world.trust, options=options, **more)

    def ask(of, path="/quick", **more):
        return of.curl(f"/base{path}", host="settings.gw.test", options=["--http1.1"], **more)
    alone = shutil.copy(world.gateway.binary("sallyport-dataplane"), tmp_path)
    none, without, small = replica("helpers=0"), replica(program=alone), replica("all_body_bytes=1048576", "body_bytes=800000")
    world.gateway.settle()
    assert ask(none).status == 500 and ask(without).status == 500 and ask(small).body == "quick"
    assert failures(none)[0]["detail"] == "scripts.helpers is 0"
    assert failures(without)[0]["detail"] == f"{tmp_path}/sallyport-script was not there at the start"
    assert len(without.lines("scripts.no_program")) == 1 and not none.lines("scripts.no_program")
    file = world.gateway.directory / "body of some size"
    file.write_text("x" * 700_000)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, small, "/waits", method="POST", data=f"@{file}")
        assert gate.reached.wait(DEADLINE)
        refused = ask(small, method="POST", data=f"@{file}")
        assert refused.status == 503 and refused.headers["retry-after"] == "1", refused
        gate.open.set()
        assert first.result().status == 200
    assert ask(small, method="POST", data=f"@{file}").status == 200, "it was given back"
    for one in (none, without, small):
        one.stop()
