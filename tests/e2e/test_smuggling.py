"""Request smuggling: bytes that two parsers could read differently get one refusal, and nothing after them is
read as a request (RFC 9112 5, 6 and 11.2)."""

import pytest

from gateway import classic
from raw import Connection

HOST = "smuggle.gw.test"
SMUGGLED = f"GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n"


@pytest.fixture(scope="module")
def origin(world):
    made = world.origin("smuggle")
    world.gateway.add_api(classic("smuggle", made.url, domain=HOST, use_keyless=True))
    return made


def head(fields, line="POST / HTTP/1.1", host=HOST):
    return "\r\n".join([line, f"Host: {host}", *fields, "", ""])


def chunked(body):
    return head(["Transfer-Encoding: chunked"]) + body


HEADS = {
    "length hides behind chunked": (400, head(["Content-Length: 6", "Transfer-Encoding: chunked"]) + "0\r\n\r\nX"),
    "chunked hides behind length": (400, head(["Transfer-Encoding: chunked", "Content-Length: 3"]) + "1\r\nA\r\n0\r\n\r\n"),
    "equal lengths": (400, head(["Content-Length: 1", "Content-Length: 1"]) + "A"),
    "different lengths": (400, head(["Content-Length: 1", "Content-Length: 0"]) + "A"),
    "lengths in one field": (400, head(["Content-Length: 1, 1"]) + "A"),
    "length in hexadecimal": (400, head(["Content-Length: 0x1"]) + "A"),
    "length with a blank inside": (400, head(["Content-Length: 1 0"]) + "A"),
    "negative length": (400, head(["Content-Length: -1"])),
    "empty length": (400, head(["Content-Length: "])),
    "length that wraps 64 bits": (400, head(["Content-Length: 18446744073709551617"]) + "A"),
    "chunked twice in one field": (400, head(["Transfer-Encoding: chunked, chunked"]) + "0\r\n\r\n"),
    "chunked before gzip": (400, head(["Transfer-Encoding: chunked, gzip"]) + "0\r\n\r\n"),
    "gzip before chunked": (400, head(["Transfer-Encoding: gzip, chunked"]) + "0\r\n\r\n"),
    "coding with a parameter": (400, head(["Transfer-Encoding: chunked;q=1"]) + "0\r\n\r\n"),
    "coding in quotes": (400, head(['Transfer-Encoding: "chunked"']) + "0\r\n\r\n"),
    "identity": (400, head(["Transfer-Encoding: identity"])),
    "empty coding": (400, head(["Transfer-Encoding:", "Content-Length: 1"]) + "A"),
    "blank before the colon": (400, head(["Transfer-Encoding : chunked"]) + "0\r\n\r\n"),
    "tab before the colon": (400, head(["Content-Length\t: 1"]) + "A"),
    "folded coding": (400, head(["Transfer-Encoding:\r\n chunked"]) + "0\r\n\r\n"),
    "folded with a tab": (400, head(["X-A: 1\r\n\t2"])),
    "first field is folded": (400, f"POST / HTTP/1.1\r\n X-A: 1\r\nHost: {HOST}\r\n\r\n"),
    "bare line feed hides a field": (400, head(["X-A: 1\nTransfer-Encoding: chunked"]) + "0\r\n\r\n"),
    "bare line feeds end the head": (400, f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1\n\nA"),
    "bare carriage return in a value": (400, head(["X-A: 1\rTransfer-Encoding: chunked"])),
    "NUL in a name": (400, head(["X-\0A: 1"])),
    "NUL in a value": (400, head(["X-A: 1\0"])),
    "NUL in the coding": (400, head(["Transfer-Encoding: chunked\0"]) + "0\r\n\r\n"),
    "NUL in the target": (400, head([], "POST /\0 HTTP/1.1")),
    "NUL in the method": (400, head([], "PO\0ST / HTTP/1.1")),
    "no colon": (400, head(["Transfer-Encoding chunked"])),
    "empty name": (400, head([": 1"])),
    "absolute form names another host": (400, head([], "GET http://other.gw.test/ HTTP/1.1")),
    "absolute form with user": (400, head([], f"GET http://x@{HOST}/ HTTP/1.1")),
    "absolute form of another scheme": (400, head([], f"GET ftp://{HOST}/ HTTP/1.1")),
    "authority form": (400, head([], f"GET {HOST}:443 HTTP/1.1")),
    "tunnel": (501, head([], f"CONNECT {HOST}:443 HTTP/1.1")),
    "two hosts": (400, head([f"Host: {HOST}"])),
    "hosts in one field": (400, head([], host=f"{HOST}, other.gw.test")),
    "host with a path": (400, head([], host=f"{HOST}/x")),
    "blank in the target": (505, head([], "GET / HTTP/1.1 HTTP/1.1")),
    "no version": (400, head([], "GET /")),
    "version 2": (505, head([], "GET / HTTP/2.0")),
    "chunked on version 1.0": (400, head(["Transfer-Encoding: chunked"], "POST / HTTP/1.0") + "0\r\n\r\n"),
    "unknown expectation": (417, head(["Expect: 200-ok"])),
}

CHUNKS = {
    "size that wraps 64 bits": "10000000000000001\r\nA\r\n0\r\n\r\n",
    "size of 64 bits": "ffffffffffffffff\r\nA\r\n0\r\n\r\n",
    "size of leading zeros without end": "0" * 70000 + "1\r\nA\r\n0\r\n\r\n",
    "sign": "+1\r\nA\r\n0\r\n\r\n",
    "hexadecimal prefix": "0x1\r\nA\r\n0\r\n\r\n",
    "underscore": "1_0\r\nA\r\n0\r\n\r\n",
    "no size": "\r\nA\r\n0\r\n\r\n",
    "no size but an extension": ";x=1\r\nA\r\n0\r\n\r\n",
    "blank before the size": " 1\r\nA\r\n0\r\n\r\n",
    "bare line feed after the size": "1\nA\r\n0\r\n\r\n",
    "bare line feed in an extension": "1;x=1\n2\r\nA\r\n0\r\n\r\n",
    "carriage return in an extension": "1;x=\r2\r\nA\r\n0\r\n\r\n",
    "NUL in an extension": "1;x=\0\r\nA\r\n0\r\n\r\n",
    "extension without end": "1;x=" + "y" * 70000,
    "extensions that add up": ("1;" + "x" * 900 + "\r\nA\r\n") * 100 + "0\r\n\r\n",
    "data longer than the size": "1\r\nAB\r\n0\r\n\r\n",
    "bare line feed after the data": "1\r\nA\n0\r\n\r\n",
    "bare line feed at the end": "1\r\nA\r\n0\n\n",
    "folded trailer": "0\r\nX-A: 1\r\n 2\r\n\r\n",
    "trailer with NUL": "0\r\nX-A: \0\r\n\r\n",
    "trailer without end": "0\r\nX-A: " + "y" * 70000,
}


def expect_refusal(world, origin, text, status):
    before = len(origin.requests)
    with Connection(world.a, HOST) as client:
        client.send((text + SMUGGLED).encode("latin-1"))
        answer = client.answer()
        assert answer is not None and answer[0] == status, answer
        assert answer[1].get("connection") == "close", answer
        assert client.answer() is None, "one refusal and the end: nothing after it is read as a request"
    assert origin.requests[before:] == []


@pytest.mark.parametrize("name", sorted(HEADS))
def test_a_head_with_two_readings(world, origin, name):
    status, text = HEADS[name]
    expect_refusal(world, origin, text, status)


@pytest.mark.parametrize("name", sorted(CHUNKS))
def test_a_chunk_with_two_readings(world, origin, name):
    expect_refusal(world, origin, chunked(CHUNKS[name]), 400)


def test_an_absolute_form_of_the_same_host_is_one_reading(world, origin):
    with Connection(world.a, HOST) as client:
        client.send(f"GET https://{HOST.upper()}/absolute?x=1 HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
        assert client.answer()[0] == 200
    assert origin.last().target == "/absolute?x=1", "forwarded in origin form"


def test_a_body_that_looks_like_a_request_is_a_body(world, origin):
    before = len(origin.requests)
    with Connection(world.a, HOST) as client:
        client.send(head([f"Content-Length: {len(SMUGGLED)}"]) + SMUGGLED)
        assert client.answer()[0] == 200
        client.send(chunked(f"{len(SMUGGLED):x}\r\n{SMUGGLED}\r\n0\r\nX-Trailer: 1\r\n\r\n"))
        assert client.answer()[0] == 200
        assert client.get("/after")[0] == 200
    assert [request.target for request in origin.requests[before:]] == ["/", "/", "/after"]
    assert [request.body for request in origin.requests[before:]] == [SMUGGLED.encode()] * 2 + [b""]
