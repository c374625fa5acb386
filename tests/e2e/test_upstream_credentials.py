"""A header that the upstream asks for: written by the gateway, for the API's own targets, in place of what the caller sent."""

import base64

import pytest

from gateway import classic, oas

VALUE = "Basic " + base64.b64encode(b"gateway:hush-hush").decode()


def api(name, targets, value=VALUE, header="Authorization", **more):
    credential = {"header": header}
    if value is not None:
        credential["value"] = value
    upstream = {"targets": [{"url": url} for url in targets], "credential": credential, **more.pop("upstream", {})}
    return {"apiVersion": "sallyport/v1", "kind": "Api", "metadata": {"name": name}, "spec": {
        "orgId": "default", "name": name, "hosts": [f"{name}.gw.test"], "listenPath": "/", "keyless": True,
        "upstream": upstream, **more}}


def apply(world, document, code=0):
    said = world.gateway.apply(document, code=code)
    assert "hush" not in said
    return said


@pytest.fixture(scope="module")
def origin(world):
    return world.tls_origin("asks for a password")


@pytest.fixture(scope="module")
def closed(world, origin):
    apply(world, api("closed", [origin.url]))


def test_it_is_sent_in_place_of_the_callers(world, origin, closed):
    answer = world.a.curl("/x", host="closed.gw.test", headers=["Authorization: Basic bWFsbG9yeTp4", "AUTHORIZATION: two"])
    assert answer.status == 200, answer.body
    assert origin.last().all("Authorization") == [VALUE]
    assert world.a.curl("/y", host="closed.gw.test", options=["--http2"]).status == 200
    assert origin.last().all("Authorization") == [VALUE]


def test_it_is_never_shown(world, closed):
    for arguments in (("get", "api", "closed", "-o", "yaml"), ("get", "apis", "-o", "json")):
        shown = world.gateway.run_ctl(*arguments).stdout
        assert "closed" in shown and VALUE not in shown and "hush" not in shown


def test_it_stays_with_its_targets_and_follows_to_no_other(world, origin, closed):
    other = world.tls_origin("somebody else's")
    assert "unchanged" in apply(world, api("closed", [origin.url]))
    apply(world, api("closed", [origin.url], value=None, tags=["renamed"]))
    assert world.a.curl("/x", host="closed.gw.test").status == 200
    assert origin.last().all("Authorization") == [VALUE]
    said = apply(world, api("closed", [other.url], value=None), code=1)
    assert "a target is new" in said
    said = apply(world, api("closed", [origin.url, other.url], value=None), code=1)
    assert "a target is new" in said


def test_a_rewrite_that_leads_elsewhere_does_not_take_it_along(world, origin):
    other = world.tls_origin("where a rewrite leads")
    apply(world, api("leads", [origin.url], versions=[{"endpoints": [
        {"rule": {"path": "^/away"}, "rewrite": {"pattern": ".*", "target": other.url + "/away"}}]}]))
    assert world.a.curl("/here", host="leads.gw.test").status == 200
    assert origin.last().all("Authorization") == [VALUE]
    assert world.a.curl("/away", host="leads.gw.test", headers=["Authorization: callers"]).status == 200
    assert other.last().all("Authorization") == ["callers"]


def test_a_version_cannot_take_it_out(world, origin):
    apply(world, api("taken", [origin.url], versions=[{"requestHeaders": {
        "remove": ["Authorization"], "set": {"authorization": "set by the version"}}}]))
    assert world.a.curl("/x", host="taken.gw.test").status == 200
    assert origin.last().all("Authorization") == [VALUE]


def test_plain_http_is_warned_of_and_works(world):
    plain = world.origin("plain and closed")
    said = apply(world, api("plain-closed", [plain.url], header="X-Key", value="hush-hush"))
    assert "plain HTTP" in said
    assert world.a.curl("/x", host="plain-closed.gw.test", headers=["X-Key: mine"]).status == 200
    assert plain.last().all("X-Key") == ["hush-hush"]


def test_it_is_for_targets_and_for_no_rewrites_server_of_the_same_origin(world):
    for name, one in (("plain-same", world.origin("plain same")), ("tls-same", world.tls_origin("tls same"))):
        moved = {"rule": {"path": "^/moved"}, "rewrite": {"pattern": "^/moved", "target": f"{one.url}/other"}}
        apply(world, api(name, [one.url], header="X-Key", value="hush-hush", versions=[{"endpoints": [moved]}]))
        for path, sent in (("/x", ["hush-hush"]), ("/moved", []), ("/x", ["hush-hush"])):
            assert world.a.curl(path, host=f"{name}.gw.test").status == 200
            assert one.last().all("X-Key") == sent, (name, path)


@pytest.mark.parametrize("header, value, said", [
    ("Host", "x", "written by the gateway"), ("X-Forwarded-Client-Cert", "x", "written by the gateway"),
    ("A B", "x", "not a valid name"), ("Authorization", "", "empty"), ("Authorization", None, "is required"),
    ("Authorization", "a\r\nb: c", "control character")])
def test_what_is_refused(world, origin, header, value, said):
    assert said in apply(world, api("refused", [origin.url], header=header, value=value), code=1)


def test_tyks_forms(world, origin):
    login = {"enabled": True, "username": "gateway", "password": "hush-hush"}
    definition = classic("tyk-closed", origin.url, domain="tyk-closed.gw.test", use_keyless=True,
                         upstream_auth={"enabled": True, "basic_auth": login})
    world.gateway.add_api(definition)
    world.gateway.add_oas(oas("oas-closed", origin.url, upstream={"authentication": {"enabled": True, "basicAuth": {
        **login, "header": {"enabled": True, "name": "X-Login"}}}}))
    assert world.a.curl("/x", host="tyk-closed.gw.test").status == 200
    assert origin.last().all("Authorization") == [VALUE]
    assert world.a.curl("/x", host="oas-closed.gw.test", headers=["X-Login: mine"]).status == 200
    assert origin.last().all("X-Login") == [VALUE]
    for path in ("/tyk/apis/tyk-closed", "/tyk/apis/oas/oas-closed"):
        read = world.gateway.rest("GET", path)
        assert read.status_code == 200 and "hush" not in read.text
        assert world.gateway.rest("PUT", path, read.json()).status_code == 200, "as it was read"
    world.gateway.settle()
    assert world.a.curl("/x", host="tyk-closed.gw.test").status == 200
    assert origin.last().all("Authorization") == [VALUE]
    definition["upstream_auth"]["oauth"] = {"enabled": True, "client_credentials": {"client_id": "x"}}
    refused = world.gateway.rest("PUT", "/tyk/apis/tyk-closed", definition)
    assert refused.status_code == 400 and "upstream_auth.oauth" in refused.text and "hush" not in refused.text
