"""Upstreams that take a connection, or not even that, and then say nothing."""

import contextlib
import json
import threading

import pytest

from gateway import DEADLINE, SLOWER, classic, lines_of, wait_for
from h2_origin import Http2Origin
from origins import full_backlog
from raw import Connection
from test_balancing import native


def hurried(world, setting):
    """A data plane that is short of time for this alone."""
    return world.gateway.start_dataplane(system_trust=world.trust, name=f"hurried-{len(world.gateway.replicas)}",
                                         options=["--set", f"timeouts.{setting}={SLOWER}s"])


@pytest.fixture()
def gate():
    made = threading.Event()
    yield made
    made.set()


def access_line(world, replica, request_id):
    log = world.gateway.directory / f"{replica.log.stem}.access.log"
    return json.loads(wait_for(lambda: next((line for line in lines_of(log) if request_id in line), None),
                               "the access log has the request"))


def timeouts(replica, api, reason):
    return replica.metric("sallyport_requests_total", api=api, reason=reason, fault="upstream")


def check_504(world, replica, api, reason, method="GET"):
    with Connection(replica, f"{api}.gw.test") as client:
        body = "Content-Length: 2\r\n\r\nxy" if method == "POST" else "\r\n"
        client.send(f"{method} /x HTTP/1.1\r\nHost: {client.host}\r\n{body}")
        status, headers, text = client.answer()
        assert status == 504 and json.loads(text)["error"] == "Upstream service reached hard timeout."
        assert access_line(world, replica, headers["x-request-id"])["reason"] == reason
        assert "127.0.0.1" not in text.decode(), "nothing about the inside"
        wait_for(lambda: timeouts(replica, api, reason) >= 1, "the metric tells whose fault it was")
        client.send(f"GET /again HTTP/1.1\r\nHost: {client.host}\r\n\r\n")
        assert client.answer()[0] == 504, "the connection of the caller goes on"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_upstream_that_never_answers(world, gate, method):
    replica, api = hurried(world, "upstream_first_byte"), f"mute-{method.lower()}"
    origin = world.origin(api, answer=lambda handler, request: gate.wait(10 * DEADLINE))
    world.gateway.add_api(classic(api, origin.url, domain=f"{api}.gw.test", use_keyless=True))
    check_504(world, replica, api, "UPSTREAM_TIMEOUT", method)
    wait_for(lambda: len(origin.requests) >= 2, "the upstream has them")
    assert [request.target for request in origin.requests] == ["/x", "/again"], "asked once each, never again"


def test_an_upstream_that_takes_no_connection(world):
    replica = hurried(world, "upstream_connect")
    with full_backlog() as port:
        world.gateway.add_api(classic("backlog", f"http://127.0.0.1:{port}/", domain="backlog.gw.test", use_keyless=True))
        check_504(world, replica, "backlog", "UPSTREAM_CONNECT_TIMEOUT")


def test_an_answer_that_stops_never_looks_complete(world, gate):
    replica = hurried(world, "upstream_idle")

    def half(handler, request):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")  # in one piece
        gate.wait(10 * DEADLINE)
    origin = world.origin("stops", answer=half)
    world.gateway.add_api(classic("stops", origin.url, domain="stops.gw.test", use_keyless=True))
    with Connection(replica, "stops.gw.test") as client:
        client.send(f"GET /x HTTP/1.1\r\nHost: {client.host}\r\n\r\n")
        assert client.body_begins(b"half")
        with pytest.raises(AssertionError, match="ended in a body"):
            client.rest()
    wait_for(lambda: timeouts(replica, "stops", "UPSTREAM_TIMEOUT") == 1, "the metric tells of it")


@pytest.mark.parametrize("protocol", ["http1", "h2c"])
def test_clients_that_dawdle_cost_the_upstream_nothing(world, protocol):
    """As many as would put the target aside, if it were to blame."""
    replica, api = hurried(world, "upstream_total"), f"dawdle-{protocol}"
    origin = world.origin(api) if protocol == "http1" else Http2Origin()
    native(world, api, [origin.url + "/"], ejection={"failures": 2, "baseMs": 600_000, "maxMs": 600_000})
    with contextlib.ExitStack() as stack:
        if protocol == "h2c":
            stack.callback(origin.close)
        clients = [stack.enter_context(Connection(replica, f"{api}.gw.test")) for _ in range(6)]
        for client in clients:
            client.send(f"POST /x HTTP/1.1\r\nHost: {client.host}\r\nContent-Length: 100\r\n\r\nx")
        for client in clients:
            status, headers, _ = client.answer()
            line = access_line(world, replica, headers["x-request-id"])
            assert (status, line["reason"]) == (408, "REQUEST_TIMEOUT")
        assert replica.metric("sallyport_upstream_ejections_total", api=api, cause="answer") == 0
        client = stack.enter_context(Connection(replica, f"{api}.gw.test"))
        client.send(f"GET /well HTTP/1.1\r\nHost: {client.host}\r\n\r\n")
        assert client.answer()[0] == 200
