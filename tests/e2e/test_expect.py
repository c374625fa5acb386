"""Expect: 100-continue (RFC 9110 10.1.1): a body that would be thrown away is never asked for, and a request
that is refused is refused on its head alone."""

import time

import pytest

from gateway import classic, session, wait_for
from raw import Connection

HOST = "expect.gw.test"


@pytest.fixture(scope="module")
def api(world):
    origin = world.origin("expect")
    world.gateway.add_api(classic("expect", origin.url, domain=HOST,
                                  auth_configs={"authToken": {"use_certificate": True}}))
    origin.pair = world.pki.self_signed("expect caller")
    world.gateway.create_key(session("expect", world.gateway.add_certificate(origin.pair.pem)))
    world.gateway.settle()
    return origin


def head(framing, path="/x"):
    return f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nExpect: 100-continue\r\n{framing}\r\n\r\n"


FRAMINGS = ["Content-Length: 4", "Content-Length: 100000000", "Transfer-Encoding: chunked"]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_refused_request_is_never_asked_for_its_body(world, api, framing):
    before = len(api.requests)
    with Connection(world.a, HOST, world.pki.self_signed("expect stranger")) as client:
        client.send(head(framing))
        status, headers, _ = client.answer()
        assert (status, client.interim) == (401, [])
        assert headers["connection"] == "close", "a body may follow or not: what comes next has two readings"
        assert client.ended()
    assert len(api.requests) == before


def test_nothing_after_a_refused_expectation_is_read_as_a_request(world, api):
    before = len(api.requests)
    smuggled = f"GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
    with Connection(world.a, HOST, world.pki.self_signed("expect smuggler")) as client:
        client.send(head(f"Content-Length: {len(smuggled)}") + smuggled)
        assert client.answer()[0] == 401
        assert client.answer() is None
    assert len(api.requests) == before


@pytest.mark.parametrize("framing, body", [("Content-Length: 4", b"body"),
                                           ("Transfer-Encoding: chunked", b"4\r\nbody\r\n0\r\n\r\n")])
def test_an_allowed_request_is_asked_for_its_body_and_gets_it_through(world, api, framing, body):
    with Connection(world.a, HOST, api.pair) as client:
        client.send(head(framing))
        assert client.interim_answer() == 100, "before a byte of the body was sent"
        client.send(body)
        assert client.answer()[0] == 200
        assert client.get()[0] == 200, "and the connection goes on"
    assert api.requests[-2].body == b"body"


def test_a_body_that_never_comes_holds_nothing_up(world, api):
    before = len(api.requests)
    with Connection(world.a, HOST, api.pair) as client:
        client.send(head("Content-Length: 4"))
        assert client.interim_answer() == 100
    with Connection(world.a, HOST, api.pair) as client:
        assert client.get("/next")[0] == 200
    assert [request.target for request in api.requests[before:]] == ["/next"], "half a request is none"


def test_an_upstream_that_refuses_is_heard_before_the_body(world):
    origin = world.origin("expect-refusing")
    origin.refuse_expectations = True
    world.gateway.add_api(classic("expect-refusing", origin.url, domain="expect-refusing.gw.test", use_keyless=True))

    def interim():
        began = time.monotonic()
        with Connection(world.a, "expect-refusing.gw.test") as client:
            client.send(head("Content-Length: 4").replace(HOST, "expect-refusing.gw.test"))
            status, headers, _ = client.answer()
            assert (status, headers["connection"]) == (413, "close")
            # An upstream that says nothing for a second is not waited for.
            return (client.interim,) if time.monotonic() - began < 1 else None
    assert wait_for(interim, "it is heard within a second") == ([],)


def test_without_a_body_there_is_nothing_to_ask_for(world, api):
    with Connection(world.a, HOST, api.pair) as client:
        client.send(f"GET /x HTTP/1.1\r\nHost: {HOST}\r\nExpect: 100-continue\r\n\r\n")
        assert (client.answer()[0], client.interim) == (200, [])


def test_a_client_of_version_1_0_gets_no_interim_answer(world, api):
    with Connection(world.a, HOST, api.pair) as client:
        client.send(f"POST /x HTTP/1.0\r\nHost: {HOST}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody")
        assert (client.answer()[0], client.interim) == (200, [])
