"""Upstreams that take a connection, or not even that, and then say nothing."""

import json
import threading

import pytest

from gateway import classic, wait_for
from origins import full_backlog
from raw import Connection

LONG = 30


@pytest.fixture(scope="module")
def replica(world):
    return world.gateway.start_dataplane(system_trust=world.trust, name="hurried", options=[
        "--set", "timeouts.upstream_first_byte=1s", "--set", "timeouts.upstream_idle=1s", "--set", "timeouts.upstream_connect=1s"])


@pytest.fixture()
def gate():
    made = threading.Event()
    yield made
    made.set()


def access_line(world, request_id):
    log = world.gateway.directory / "hurried.access.log"
    return json.loads(wait_for(lambda: next((line for line in log.read_text().splitlines() if request_id in line), None),
                               "the access log has the request"))


def timeouts(replica, api, reason):
    return replica.metric("sallyport_requests_total", api=api, reason=reason, fault="upstream")


def check_504(world, replica, api, reason, method="GET"):
    with Connection(replica, f"{api}.gw.test", timeout=LONG) as client:
        body = "Content-Length: 2\r\n\r\nxy" if method == "POST" else "\r\n"
        client.send(f"{method} /x HTTP/1.1\r\nHost: {client.host}\r\n{body}")
        status, headers, text = client.answer()
        assert status == 504 and json.loads(text)["error"] == "Upstream service reached hard timeout."
        assert access_line(world, headers["x-request-id"])["reason"] == reason
        assert "127.0.0.1" not in text.decode(), "nothing about the inside"
        wait_for(lambda: timeouts(replica, api, reason) >= 1, "the metric tells whose fault it was")
        client.send(f"GET /again HTTP/1.1\r\nHost: {client.host}\r\n\r\n")
        assert client.answer()[0] == 504, "the connection of the caller goes on"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_upstream_that_never_answers(world, replica, gate, method):
    api = f"mute-{method.lower()}"
    origin = world.origin(api, answer=lambda handler, request: gate.wait(60))
    world.gateway.add_api(classic(api, origin.url, domain=f"{api}.gw.test", use_keyless=True))
    check_504(world, replica, api, "UPSTREAM_TIMEOUT", method)
    assert [request.target for request in origin.requests] == ["/x", "/again"], "asked once each, never again"


def test_an_upstream_that_takes_no_connection(world, replica):
    with full_backlog() as port:
        world.gateway.add_api(classic("backlog", f"http://127.0.0.1:{port}/", domain="backlog.gw.test", use_keyless=True))
        check_504(world, replica, "backlog", "UPSTREAM_CONNECT_TIMEOUT")


def test_an_answer_that_stops_never_looks_complete(world, replica, gate):
    def half(handler, request):
        handler.send_response(200)
        handler.send_header("Content-Length", "8")
        handler.end_headers()
        handler.wfile.write(b"half")
        gate.wait(60)
    origin = world.origin("stops", answer=half)
    world.gateway.add_api(classic("stops", origin.url, domain="stops.gw.test", use_keyless=True))
    with Connection(replica, "stops.gw.test", timeout=LONG) as client:
        client.send(f"GET /x HTTP/1.1\r\nHost: {client.host}\r\n\r\n")
        assert client.body_begins(b"half")
        with pytest.raises(AssertionError, match="ended in a body"):
            client.rest()
    wait_for(lambda: timeouts(replica, "stops", "UPSTREAM_TIMEOUT") == 1, "the metric tells of it")
