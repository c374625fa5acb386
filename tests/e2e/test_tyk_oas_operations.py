"""What operations of Tyk OAS definitions change of requests and answers, through the data plane; what cannot be done is refused."""

import json

import pytest

from gateway import oas, session

PATHS = {"/pets": {"get": {"operationId": "list"}, "post": {"operationId": "add"}},
         "/pets/{id}": {"get": {"operationId": "one"}, "delete": {"operationId": "drop"}},
         "/mock": {"get": {"operationId": "mock"}}, "/slow": {"get": {"operationId": "slow"}}}
REWRITE = {"enabled": True, "pattern": "/pets/(\\d+)", "rewriteTo": "/animals/$1", "triggers": [
    {"condition": "all", "rules": [{"in": "header", "name": "X-Beta", "pattern": "^yes$"},
                                   {"in": "query", "name": "n", "pattern": "^\\d+$", "negate": True}],
     "rewriteTo": "/beta/$tyk_context.trigger-0-X-Beta-0"}]}
OPERATIONS = {
    "list": {"transformRequestHeaders": {"enabled": True, "add": [{"name": "X-Added", "value": "1"}], "remove": ["X-Gone"]},
             "transformResponseHeaders": {"enabled": True, "add": [{"name": "X-Answer", "value": "2"}], "remove": ["X-Origin"]}},
    "add": {"requestSizeLimit": {"enabled": True, "value": 10}},
    "one": {"urlRewrite": REWRITE},
    "drop": {"transformRequestMethod": {"enabled": True, "toMethod": "POST"}},
    "mock": {"mockResponse": {"enabled": True, "code": 418, "body": "{\"te\": \"\u00e9\u2028\"}",
                              "headers": [{"name": "Content-Type", "value": "application/json"}]}},
    "slow": {"enforceTimeout": {"enabled": True, "value": 1}}}


@pytest.fixture(scope="module")
def origin(world):
    return world.origin("operations")


def definition(origin, name="operations", strip=True, operations=None, **more):
    made = oas(name, origin.url, paths=PATHS, **more)
    made["x-tyk-api-gateway"]["server"]["listenPath"] = {"value": "/base/", "strip": strip}
    made["x-tyk-api-gateway"]["middleware"] = {
        "operations": OPERATIONS if operations is None else operations,
        "global": {"transformResponseHeaders": {"enabled": True, "add": [{"name": "X-Everywhere", "value": "3"}]}}}
    return made


@pytest.fixture(scope="module")
def call(world, origin):
    world.gateway.add_oas(definition(origin))
    return lambda path, **more: world.a.curl(f"/base{path}", host="operations.gw.test", **more)


def test_headers(call, origin):
    answer = call("/pets", headers=["X-Gone: a", "X-Stays: b"])
    sent = {name.lower(): value for name, value in origin.last().headers}
    assert (sent["x-added"], sent["x-stays"]) == ("1", "b") and "x-gone" not in sent
    assert answer.headers["x-answer"] == "2" and answer.headers["x-everywhere"] == "3" and "x-origin" not in answer.headers
    for path in ("/pets/x", "/x/pets", "/petsx"):
        other = call(path, headers=["X-Gone: a"])
        assert "x-answer" not in other.headers and other.headers["x-everywhere"] == "3"
        assert "x-gone" in {name.lower() for name, _ in origin.last().headers}


def test_rewrites_and_their_triggers(call, origin):
    assert call("/pets/7").status == 200 and origin.last().target == "/animals/7"
    assert call("/pets/x").status == 200 and origin.last().target == "/pets/x"
    assert call("/pets/7", headers=["X-Beta: yes"]).status == 200 and origin.last().target == "/beta/yes"
    assert call("/pets/7?n=1", headers=["X-Beta: yes"]).status == 200 and origin.last().target.startswith("/animals/7")
    assert call("/pets/7", headers=["X-Beta: yes/../x"]).status == 200 and origin.last().target == "/animals/7"


def test_methods_and_sizes(call, origin):
    assert call("/pets/7", method="DELETE").status == 200 and origin.last().method == "POST"
    assert call("/pets", data="0123456789").status == 200
    before = len(origin.requests)
    for path in ("/pets", "/pets/7", "/x/pets"):  # as in Tyk wherever the path stands
        assert call(path, data="0123456789a", options=["--http1.1"]).status == 413, path
    assert len(origin.requests) == before
    assert call("/other", data="0123456789a").status == 200


def test_a_mock_answers_in_place_of_the_upstream(call, origin):
    before = len(origin.requests)
    answer = call("/mock")
    assert (answer.status, json.loads(answer.body)) == (418, {"te": "\u00e9\u2028"})
    assert answer.headers["content-type"] == "application/json" and len(origin.requests) == before
    assert call("/mock/x").status == 200 and len(origin.requests) == before + 1


def test_a_mock_comes_after_authentication(world, origin):
    world.gateway.add_oas(definition(
        origin, "guarded", operations={"mock": OPERATIONS["mock"]}, security=[{"key": []}],
        components={"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "Authorization"}}},
        server={"authentication": {"enabled": True, "securitySchemes": {"key": {"enabled": True}}}}))
    key = world.gateway.create_key(session("guarded"))["key"]
    world.gateway.settle()
    assert world.a.curl("/base/mock", host="guarded.gw.test").status == 401
    assert world.a.curl("/base/mock", host="guarded.gw.test", headers=[f"Authorization: {key}"]).status == 418


def test_where_the_listen_path_stays(world, origin):
    world.gateway.add_oas(definition(origin, "whole", strip=False))
    answer = world.a.curl("/base/pets", host="whole.gw.test")
    assert answer.headers["x-answer"] == "2" and origin.last().target == "/base/pets"
    assert world.a.curl("/base/mock", host="whole.gw.test").status == 418


def test_a_timeout(world):
    def sleepy(handler, request):
        handler.connection.settimeout(30)
        handler.rfile.read(1)  # until the gateway gives up
    slow = world.origin("slow operations", answer=sleepy)
    world.gateway.add_oas(definition(slow, "slow-operations"))
    assert world.a.curl("/base/slow", host="slow-operations.gw.test").status == 504


def test_round_trip(world, origin, call):
    made = definition(origin)
    assert world.gateway.rest("GET", "/tyk/apis/oas/operations").json() == made
    assert world.gateway.rest("PUT", "/tyk/apis/oas/operations", made).status_code == 200
    assert world.gateway.rest("GET", "/tyk/apis/oas/operations").json() == made


@pytest.mark.parametrize("operation, said", [
    ({"rateLimit": {"enabled": True, "rate": 1, "per": "1s"}}, "one.rateLimit"),
    ({"internal": {"enabled": True}}, "one.internal"),
    ({"validateRequest": {"enabled": True}}, "one.validateRequest"),
    ({"transformRequestBody": {"enabled": True, "format": "json"}}, "one.transformRequestBody"),
    ({"urlRewrite": {**REWRITE, "rewriteTo": "tyk://other/x"}}, "tyk://"),
    ({"urlRewrite": {**REWRITE, "rewriteTo": "http://user:pw@x/"}}, "validation"),
    ({"mockResponse": {"enabled": True, "fromOASExamples": {"enabled": True}}}, "examples"),
    ({"transformRequestHeaders": {"enabled": True, "add": [{"name": "X-Forwarded-Client-Cert", "value": "x"}]}}, "validation"),
    ({"transformRequestHeaders": {"enabled": True, "add": [{"name": "X", "value": "a\r\nb: c"}]}}, "validation")])
def test_what_is_refused(world, origin, operation, said):
    answer = world.gateway.rest("POST", "/tyk/apis/oas", definition(origin, "bad-operations", operations={"one": operation}))
    assert answer.status_code == 400 and said.lower() in answer.text.lower(), answer.text
    assert world.gateway.rest("GET", "/tyk/apis/oas/bad-operations").status_code == 404
