"""Versions of Tyk OAS APIs that are APIs of their own: each is reached by its own client certificates, keys and upstream, and
nobody gets into one by asking for another."""

import copy
import json

import pytest

from gateway import oas, session

EXTENSION = "x-tyk-api-gateway"
TOKEN = {"authentication": {"enabled": True, "securitySchemes": {"token": {
    "enabled": True, "header": {"enabled": True, "name": "Authorization"}}}}}


def link(world, base, definition, name, base_name="v1", default=False):
    query = f"base_api_id={base}&base_api_version_name={base_name}&new_version_name={name}&set_default={str(default).lower()}"
    answer = world.gateway.rest("POST", f"/tyk/apis/oas?{query}", definition)
    assert answer.status_code == 200, answer.text


def rebase(world, base, **versioning):
    """Changes info.versioning of a base, as whoever edits its definition does."""
    definition = world.gateway.rest("GET", f"/tyk/apis/oas/{base}").json()
    definition[EXTENSION]["info"]["versioning"].update(versioning)
    answer = world.gateway.rest("PUT", f"/tyk/apis/oas/{base}", definition)
    assert answer.status_code == 200, answer.text
    world.gateway.settle()
    return definition


@pytest.fixture(scope="module")
def pets(world):
    """An open base; v2 takes one certificate, and shows another one to its upstream; v3 asks for a token."""
    class Pets:
        base, second, third = (world.origin(f"pets {name}") for name in ("v1", "v2", "v3"))
        listed, stranger, own = (world.client(f"pets {name}") for name in ("listed", "stranger", "upstream"))
        certificate_id = world.gateway.add_certificate(listed.pem)

        @staticmethod
        def call(path="/x", asks=None, **more):
            headers = ([f"x-api-version: {asks}"] if asks else []) + list(more.pop("headers", []))
            return world.a.curl(path, host="pets.gw.test", headers=headers, **more)

        @staticmethod
        def served(path="/x", asks=None, **more):
            answer = Pets.call(path, asks, **more)
            return json.loads(answer.body)["origin"] if answer.status == 200 else answer.status
    upstream = world.tls_origin("pets v2", client_ca=world.client_ca)
    Pets.second = upstream
    own_id = world.gateway.add_certificate(Pets.own.pem + Pets.own.key_pem)
    world.gateway.add_oas(oas("pets", Pets.base.url))
    Pets.two = oas("pets-two", f"https://localhost:{upstream.port}/",
                   server={"listenPath": {"value": "/two/", "strip": True},
                           "clientCertificates": {"enabled": True, "allowlist": [Pets.certificate_id]}},
                   upstream={"mutualTLS": {"enabled": True, "domainToCertificateMapping": [
                       {"domain": f"localhost:{upstream.port}", "certificate": own_id}]}})
    link(world, "pets", Pets.two, "v2")
    link(world, "pets", oas("pets-three", Pets.third.url, server={"listenPath": {"value": "/three/", "strip": True}, **TOKEN},
                            components={"securitySchemes": {"token": {"type": "apiKey", "in": "header",
                                                                      "name": "Authorization"}}},
                            security=[{"token": []}]), "v3")
    world.gateway.settle()
    return Pets


def test_each_version_by_its_own_checks(world, pets):
    assert pets.served() == pets.served(asks="v1") == "pets v1"
    refused = pets.call(asks="v2")
    assert (refused.status, refused.message) == (403, "Client TLS certificate is required")
    assert pets.call(asks="v2", client=pets.stranger).message == f"Certificate with SHA256 {pets.stranger.fingerprint} not allowed"
    assert pets.served(asks="v2", client=pets.listed) == "pets v2"
    assert pets.second.last().peer == pets.own.der
    assert pets.served(asks="v3") == 401 and pets.served(asks="v3", client=pets.listed) == 401
    # A right to the base is none to a version; one to a version is whatever versions it names.
    base_key = world.gateway.create_key(session("pets"))["key"]
    key = world.gateway.create_key(session("pets-three"))["key"]
    world.gateway.settle()
    assert pets.served(asks="v3", headers=[f"Authorization: {base_key}"]) == 403
    assert pets.served(asks="v3", headers=[f"Authorization: {key}"]) == "pets v3"
    assert pets.served(headers=[f"Authorization: {key}"]) == "pets v1"


def test_what_no_version_is(pets):
    for asks in ("v4", "V2", "v22", "self", "pets-two", "v1,v2", "v\xe92"):
        assert pets.served(asks=asks) in (403, 404), asks
    # Blanks around a field's value are none of it (RFC 9110 5.5).
    assert pets.call(asks="v2 ", options=["--http1.1"]).message == "Client TLS certificate is required"
    # Where a version's own listen path and host would be: nobody.
    assert pets.call("/two/x").status == 200, "a path of the base"


@pytest.mark.parametrize("http", ["--http1.1", "--http2"])
def test_a_version_that_is_said_twice(pets, http):
    """Nobody gets to an upstream that reads another one of them."""
    before = len(pets.base.requests), len(pets.second.requests)
    for first, second in (("v1", "v2"), ("v2", "v1"), ("v1", "v1"), ("v1", "v9")):
        headers = [f"x-api-version: {first}", f"X-Api-Version: {second}"]
        assert pets.served(headers=headers, client=pets.listed, options=[http]) == 400, headers
    assert (len(pets.base.requests), len(pets.second.requests)) == before


def test_operations_of_a_version_are_matched_where_it_is_served(world):
    upstream = world.origin("placed")
    base, two = oas("placed", upstream.url), oas("placed-two", upstream.url, paths={"/mock": {"get": {"operationId": "mock"}}})
    for definition, listen in ((base, "/orders/"), (two, "/orders-v2/")):
        definition[EXTENSION]["server"]["listenPath"] = {"value": listen}
    two[EXTENSION]["middleware"] = {"operations": {"mock": {
        "allow": {"enabled": True}, "mockResponse": {"enabled": True, "code": 418, "body": "tea"}}}}
    assert world.gateway.rest("POST", "/tyk/apis/oas", base).status_code == 200
    link(world, "placed", two, "v2")
    world.gateway.settle()
    asked = {path: world.a.curl(path, host="placed.gw.test", headers=["x-api-version: v2"]).status
             for path in ("/orders/mock", "/orders/x", "/orders-v2/mock")}
    assert asked == {"/orders/mock": 418, "/orders/x": 403, "/orders-v2/mock": 404}
    assert not upstream.requests


def test_a_version_has_no_place_of_its_own(world, pets):
    for api_id in ("pets-two", "pets-three"):
        assert world.a.curl("/x", host=f"{api_id}.gw.test", client=pets.listed).status == 404
        assert world.a.curl(f"/{api_id.split('-')[1]}/x", host=f"{api_id}.gw.test").status == 404


def test_who_asks_for_none_gets_the_default_and_its_checks(world, pets):
    before = rebase(world, "pets", default="v2")
    try:
        assert pets.served() == 403 and pets.served(client=pets.listed) == "pets v2"
        assert pets.served(asks="v1") == "pets v1" and pets.served(asks="v3") == 401
        assert pets.served(asks="v9", client=pets.listed) in (403, 404)
        rebase(world, "pets", fallbackToDefault=True)
        assert pets.served(asks="v9") == 403 and pets.served(asks="v9", client=pets.listed) == "pets v2"
        assert pets.served(asks="v1") == "pets v1" and pets.served(asks="v3") == 401
    finally:
        rebase(world, "pets", default="self", fallbackToDefault=False)
    assert pets.served() == "pets v1" and before


def test_a_version_that_is_not_active_is_nobody_elses(world, pets):
    rebase(world, "pets", fallbackToDefault=True)
    inactive = copy.deepcopy(pets.two)
    inactive[EXTENSION]["info"]["state"]["active"] = False
    try:
        assert world.gateway.rest("PUT", "/tyk/apis/oas/pets-two", inactive).status_code == 200
        world.gateway.settle()
        assert pets.served(asks="v2", client=pets.listed) == 403 and pets.served(asks="v9") == "pets v1"
    finally:
        assert world.gateway.rest("PUT", "/tyk/apis/oas/pets-two", pets.two).status_code == 200
        rebase(world, "pets", fallbackToDefault=False)
    assert pets.served(asks="v2", client=pets.listed) == "pets v2"


@pytest.mark.parametrize("strip", [False, True])
def test_in_the_path(world, pets, strip):
    rebase(world, "pets", location="url", stripVersioningData=strip)
    try:
        assert pets.served("/v1/x") == "pets v1" and pets.served("/v2/x") == 403 and pets.served("/v3/x") == 401
        assert pets.served("/v2/x", client=pets.listed) == "pets v2"
        assert pets.second.last().target == ("/x" if strip else "/v2/x")
        # In whatever form it is written, nobody gets there by another one.
        for path in ("/v1/../v2/x", "/%76%32/x", "/v1;/../v2/x", "//v2/x", "/./v2/x", "/v1/%2e%2e/v2/x", "/v2;a/x", "/v2%2fx"):
            assert pets.served(path, options=["--path-as-is"]) in (400, 403, 404), path
    finally:
        rebase(world, "pets", location="header", stripVersioningData=False)


def test_in_a_parameter(world, pets):
    rebase(world, "pets", location="url-param", key="v", stripVersioningData=True)
    try:
        assert pets.served("/x?v=v2") == 403 and pets.served("/x?v=v2&a=1", client=pets.listed) == "pets v2"
        assert pets.second.last().target == "/x?a=1"
        before = len(pets.base.requests)
        for query in ("v=v1&v=v2", "v=v2&v=v1", "v=v1&a=1&%76=v1", "v=v1&v"):
            assert pets.served(f"/x?{query}", client=pets.listed) == 400, query
        assert len(pets.base.requests) == before
        assert pets.served("/x?v=%762") == 403
    finally:
        rebase(world, "pets", location="header", key="x-api-version", stripVersioningData=False)


def test_round_trip_and_the_list(world, pets):
    assert world.gateway.rest("GET", "/tyk/apis/oas/pets-two").json() == pets.two
    shown = world.gateway.rest("GET", "/tyk/apis/oas/pets-two")
    assert shown.headers["x-tyk-base-api-id"] == "pets"
    listed = world.gateway.rest("GET", "/tyk/apis/oas/pets/versions").json()["apis"]
    assert [(one["id"], one["versionName"], one["isBaseVersion"]) for one in listed] == [
        ("pets", "v1", True), ("pets-two", "v2", False), ("pets-three", "v3", False)]
    base = world.gateway.rest("GET", "/tyk/apis/oas/pets").json()
    assert world.gateway.rest("PUT", "/tyk/apis/oas/pets", base).status_code == 200
    assert world.gateway.rest("GET", "/tyk/apis/oas/pets").json() == base


@pytest.mark.parametrize("how", ["rest", "sallyctl"])
def test_by_apply_in_any_order_and_deletes(world, tmp_path, how):
    first, second = world.origin("applied v1"), world.origin("applied v2")
    base = oas("applied", first.url)
    base[EXTENSION]["info"]["versioning"] = {"enabled": True, "name": "v1", "default": "self", "location": "header",
                                             "key": "X-V", "versions": [{"name": "v2", "id": "applied-two"}]}
    two = oas("applied-two", second.url, server={"listenPath": {"value": "/two/", "strip": True}})
    two[EXTENSION]["info"]["state"]["internal"] = True

    def apply(*definitions):
        file = tmp_path / "definitions.json"
        file.write_text(json.dumps(list(definitions)))
        done = world.gateway.run_ctl("apply", "-f", str(file))
        assert done.returncode == 0, done
        world.gateway.settle()
        return done.stdout

    def delete(api_id):
        if how == "rest":
            assert world.gateway.rest("DELETE", f"/tyk/apis/oas/{api_id}").status_code == 200
        else:
            done = world.gateway.run_ctl("delete", "api", api_id)
            assert done.returncode == 0 and f"Api/{api_id} deleted" in done.stdout, done
        world.gateway.settle()

    def served(*headers, path="/x", host="applied.gw.test"):
        answer = world.a.curl(path, host=host, headers=headers)
        return json.loads(answer.body)["origin"] if answer.status == 200 else answer.status
    apply(two)
    assert served(host="applied-two.gw.test", path="/two/x") == 404, "internal: nobody calls it"
    assert "Api/applied-two updated" in apply(base)
    assert served("X-V: v2") == "applied v2" and served() == "applied v1"
    assert "Api/applied-two unchanged" in apply(two, base)
    delete("applied-two")
    assert served("X-V: v2") in (403, 404)
    assert world.gateway.rest("GET", "/tyk/apis/oas/applied").json()[EXTENSION]["info"]["versioning"]["versions"] == []
    del two[EXTENSION]["info"]["state"]["internal"]
    apply(two, base)
    assert served("X-V: v2") == "applied v2" and served(host="applied-two.gw.test", path="/two/x") == 404
    delete("applied")
    assert served("X-V: v2") == 404 and served(host="applied-two.gw.test", path="/two/x") == "applied v2"
    delete("applied-two")


@pytest.mark.parametrize("query, said", [
    ("base_api_id=nobody&new_version_name=v2", "nobody is not a valid Base API version"),
    ("base_api_id=lonely&new_version_name=v2", "you need to provide a version name for the new Base API: lonely"),
    ("base_api_id=lonely&base_api_version_name=v1", "new_version_name is missing"),
    ("base_api_id=lonely&base_api_version_name=v1&new_version_name=self", "means the API itself"),
    ("base_api_id=lonely&base_api_version_name=v1&new_version_name=a%2Fb", "letters, digits"),
    ("base_api_id=lonely&base_api_version_name=v1&new_version_name=v1", "twice")])
def test_what_is_refused(world, query, said):
    lonely = oas("lonely", "http://127.0.0.1:1")
    assert world.gateway.rest("POST", "/tyk/apis/oas", lonely).status_code == 200
    answer = world.gateway.rest("POST", f"/tyk/apis/oas?{query}", oas("lonely-two", "http://127.0.0.1:1"))
    assert answer.status_code == 400 and said in answer.text
    assert world.gateway.rest("GET", "/tyk/apis/oas/lonely-two").status_code == 404
    assert world.gateway.rest("GET", "/tyk/apis/oas/lonely").json() == lonely
