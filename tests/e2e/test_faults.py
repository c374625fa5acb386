"""What happens when authsvc dies, freezes or comes back, and how fast a change is enforced."""

import signal
import threading
import time

import pytest

from gateway import DEADLINE, SLOWER, best_of, classic, session, wait_for
from raw import Connection


@pytest.fixture()
def caller(world):
    """A registered client of an API of its own, and its certificate's id."""
    caller.count = getattr(caller, "count", 0) + 1
    name = f"fault{caller.count}"
    origin = world.origin(name)
    world.gateway.add_api(classic(name, origin.url, domain=f"{name}.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}))
    pair = world.pki.self_signed(name)
    certificate_id = world.gateway.add_certificate(pair.pem)
    world.gateway.create_key(session(name, certificate_id))
    world.gateway.settle()
    return f"{name}.gw.test", pair, certificate_id


def test_a_deleted_certificate_is_refused_on_living_connections_of_every_replica(world, caller):
    host, _, _ = caller

    def seconds_until_refused():
        pair = world.pki.self_signed("to be deleted")
        certificate_id = world.gateway.add_certificate(pair.pem)
        world.gateway.create_key(session(host.partition(".")[0], certificate_id))
        world.gateway.settle()
        connections = [Connection(replica, host, pair) for replica in (world.a, world.b)]
        for connection in connections:
            assert connection.get()[0] == 200
        assert world.gateway.delete_certificate(certificate_id).status_code == 200
        deleted = time.monotonic()
        for connection in connections:
            wait_for(lambda: refused(connection), "refused, or the connection was cut")
            connection.close()
        return time.monotonic() - deleted
    assert best_of(5, seconds_until_refused, 2 * SLOWER) < 2 * SLOWER


def refused(connection):
    try:
        answer = connection.get()
    except OSError:
        return True
    assert answer is None or answer[0] in (200, 401, 403), answer
    return answer is None or answer[0] != 200


def test_a_frozen_authsvc_leaves_cached_callers_and_answers_others_at_once(world, caller):
    host, pair, _ = caller
    replica = world.gateway.start_dataplane(system_trust=world.trust, name="hasty", options=[
        "--set", f"authsvc.authorize_deadline={500 * SLOWER:.0f}ms"])
    wait_for(lambda: replica.curl("/x", client=pair, host=host).status == 200, "known")
    stranger = world.pki.self_signed("while frozen")

    def refuse_eight():
        answers, started = [], time.monotonic()
        for _ in range(8):
            answers.append(replica.curl("/x", client=stranger, host=host))
        assert {answer.status for answer in answers} == {503}
        assert all("retry-after" in answer.headers for answer in answers)
        return time.monotonic() - started
    world.gateway.authsvc.freeze()
    try:
        for _ in range(3):
            assert replica.curl("/x", client=pair, host=host).status == 200
        assert best_of(3, refuse_eight, 8 * 2 * SLOWER) < 8 * 2 * SLOWER, "bounded by the deadline, then by the breaker"
        assert replica.get("/healthz").status_code == 200
    finally:
        world.gateway.authsvc.thaw()
    wait_for(lambda: replica.curl("/x", client=stranger, host=host).status == 401, "decided again after the thaw")
    replica.stop()
    world.gateway.replicas.remove(replica)


def test_a_frozen_authsvc_holds_no_loop_up(world, caller):
    """Strangers wait for a decision on every loop; what needs none is answered meanwhile by the same loops."""
    host, _, _ = caller
    replica = world.gateway.start_dataplane(system_trust=world.trust, threads=2, name="patient", options=[
        "--set", "authsvc.breaker_failures=1000"])
    world.gateway.add_api(classic(f"open-{host}", world.origin("open").url, "/open/", domain=f"open-{host}", use_keyless=True))
    # That one of two loops has none of 16 connections: 3e-5.
    strangers = [Connection(replica, host, world.pki.self_signed(f"waits {number}")) for number in range(16)]
    others = [Connection(replica, f"open-{host}") for _ in range(16)]
    world.gateway.authsvc.freeze()
    try:
        for stranger in strangers:
            stranger.send(f"GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n")
        assert [other.get("/no/such/path")[0] for other in others * 2] == [404] * 32
        assert all(stranger.still_open() for stranger in strangers), "all that time every stranger was waiting"
    finally:
        world.gateway.authsvc.thaw()
    assert {stranger.answer()[0] for stranger in strangers} <= {401, 503}
    wait_for(lambda: replica.curl("/x", client=world.pki.self_signed("decided"), host=host).status == 401, "decided again")
    for connection in strangers + others:
        connection.close()
    replica.stop()
    world.gateway.replicas.remove(replica)


def test_authsvc_killed_and_started_again(world, caller):
    host, pair, certificate_id = caller
    assert world.b.curl("/x", client=pair, host=host).status == 200
    world.gateway.authsvc.kill()
    assert world.b.curl("/x", client=pair, host=host).status == 200
    assert world.b.curl("/x", client=world.pki.self_signed("new while down"), host=host).status == 503
    assert world.b.ready(), "a running replica stays ready"
    world.gateway.start_authsvc()
    wait_for(lambda: world.b.curl("/x", client=world.pki.self_signed("x"), host=host).status == 401,
             "an authsvc answers again")
    assert world.gateway.rest("GET", f"/tyk/certs/{certificate_id}").status_code == 200, "nothing was lost"
    world.gateway.settle()
    assert world.gateway.delete_certificate(certificate_id).status_code == 200
    world.gateway.settle()
    assert world.b.curl("/x", client=pair, host=host).status in (401, 403)


def test_a_client_revoked_while_the_replica_was_cut_off_loses_its_download(world):
    gate = threading.Event()

    def answer(handler, request):
        handler.send_response(200)
        handler.send_header("Content-Length", "8")
        handler.end_headers()
        handler.wfile.write(b"half")
        gate.wait(10 * DEADLINE)
        handler.wfile.write(b"rest")
    origin = world.origin("download", answer=answer)
    world.gateway.add_api(classic("download", origin.url, domain="download.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}))
    revoked, spared = world.pki.self_signed("revoked"), world.pki.self_signed("spared")
    ids = {pair: world.gateway.add_certificate(pair.pem) for pair in (revoked, spared)}
    for certificate_id in ids.values():
        world.gateway.create_key(session("download", certificate_id))
    world.gateway.settle()
    other = world.gateway.start_another_authsvc()  # no replica knows it
    try:
        with Connection(world.b, "download.gw.test", revoked, timeout=DEADLINE) as victim, \
                Connection(world.b, "download.gw.test", spared, timeout=DEADLINE) as client:
            for connection in (victim, client):
                connection.send("GET /x HTTP/1.1\r\nHost: download.gw.test\r\n\r\n")
                assert connection.body_begins(b"half")
            world.gateway.authsvc.kill()
            gone = world.gateway.rest("DELETE", f"/tyk/certs/{ids[revoked]}?force=true", port=other.admin_port)
            assert gone.status_code == 200, gone.text
            assert victim.still_open() and client.still_open(), "nobody could tell the replica"
            world.gateway.start_authsvc()  # without the history of the change: a snapshot
            started = time.monotonic()
            assert victim.ended()
            assert time.monotonic() - started < 15 * SLOWER, "a reconnect, and sever_grace"
            assert client.still_open()
            gate.set()
            assert client.rest() == b"rest", "whoever is allowed still gets all of it"
        assert world.b.curl("/x", client=revoked, host="download.gw.test").status in (401, 403)
    finally:
        gate.set()
        other.stop()
        if not world.gateway.authsvc.alive():
            world.gateway.start_authsvc()


def test_a_replica_is_not_ready_before_its_first_snapshot(world):
    world.gateway.authsvc.kill()
    replica = world.gateway.start_dataplane(system_trust=world.trust, ready=False)
    try:
        wait_for(lambda: replica.answers("/healthz"), "it is alive")
        assert replica.get("/readyz").status_code == 503
    finally:
        world.gateway.start_authsvc()
    wait_for(replica.ready, "ready once it has its snapshot")
    replica.stop()
    world.gateway.replicas.remove(replica)


def test_drain_finishes_what_is_under_way(world):
    gate = threading.Event()

    def answer(handler, request):
        gate.wait(10 * DEADLINE)
        handler.send_response(200)
        handler.send_header("Content-Length", "4")
        handler.end_headers()
        handler.wfile.write(b"done")
    origin = world.origin("slow", answer=answer)
    world.gateway.add_api(classic("slow", origin.url, domain="slow.gw.test", use_keyless=True))
    replica = world.gateway.start_dataplane(system_trust=world.trust)
    with Connection(replica, "slow.gw.test") as client, Connection(replica, "slow.gw.test") as idle:
        client.send("GET /x HTTP/1.1\r\nHost: slow.gw.test\r\n\r\n")
        wait_for(lambda: origin.requests, "the upstream has the request")
        replica.send(signal.SIGTERM)
        assert idle.ended(), "idle connections are closed"
        wait_for(lambda: replica.alive() is False or replica.get("/readyz").status_code == 503, "not ready any more")
        gate.set()
        status, headers, body = client.answer()
        assert (status, body) == (200, b"done") and headers.get("connection") == "close"
    replica.wait()
    world.gateway.replicas.remove(replica)
