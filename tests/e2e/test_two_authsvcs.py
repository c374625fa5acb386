"""Two authsvc processes on one store: what one writes, the other decides by and pushes."""

import concurrent.futures
import time

import grpc
import pytest

import stubs
from gateway import DEADLINE, SLOWER, best_of, classic, session, wait_for
from raw import Connection


def start_another(world, name):
    """Another authsvc, and a data plane of this name that knows only that one."""
    other = world.gateway.start_another_authsvc()
    other.replica = world.gateway.start_dataplane(
        system_trust=world.trust, name=name, options=["--set", f"authsvc.targets.0=127.0.0.1:{other.grpc_port}"])
    return other


@pytest.fixture(scope="module")
def second(world):
    return start_another(world, "of-the-second")


@pytest.fixture(scope="module")
def origin(world, second):
    made = world.origin("pair")
    world.gateway.add_api(classic("pair", made.url, domain="pair.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}))
    return made


def call(replica, pair):
    return replica.curl("/x", client=pair, host="pair.gw.test").status


def test_a_write_by_one_is_decided_by_the_other(world, second, origin):
    for port in (None, second.admin_port):
        pair = world.pki.self_signed("of both")
        answer = world.gateway.rest("POST", "/tyk/certs?org_id=default", pair.pem, port=port)
        assert answer.status_code == 200, answer.text
        made = world.gateway.rest("POST", "/tyk/keys/create", session("pair", answer.json()["id"]), port=port)
        assert made.status_code == 200, made.text
        for replica in (world.a, second.replica):
            wait_for(lambda: call(replica, pair) == 200, "the other's data plane knows the key")


def test_a_deletion_at_one_is_pushed_to_the_data_planes_of_the_other(world, second, origin):
    def seconds_until_refused(writer, replica):
        pair = world.pki.self_signed("cut off")
        certificate_id = world.gateway.add_certificate(pair.pem)
        world.gateway.create_key(session("pair", certificate_id))
        wait_for(lambda: call(replica, pair) == 200, "registered")
        with Connection(replica, "pair.gw.test", pair) as client:
            assert client.get()[0] == 200
            deleted = world.gateway.rest("DELETE", f"/tyk/certs/{certificate_id}", port=writer)
            assert deleted.status_code == 200, deleted.text
            accepted, answer = time.monotonic(), (200,)
            while answer is not None and answer[0] == 200:
                assert time.monotonic() - accepted < DEADLINE, "still served"
                try:
                    answer = client.get()
                except OSError:
                    answer = None
            took = time.monotonic() - accepted
            assert answer is None or answer[0] in (401, 403), "refused, or the connection was cut"
        assert call(replica, pair) in (401, 403)
        return took
    for writer, replica in ((None, second.replica), (second.admin_port, world.a)):
        took = best_of(5, lambda: seconds_until_refused(writer, replica), 2 * SLOWER)
        assert took < 2 * SLOWER, f"still served {took:.1f} seconds after the deletion"


def test_explain_asks_the_data_planes_of_one_authsvc(world, second, origin, tmp_path):
    pair = world.pki.self_signed("explained by one")
    world.gateway.create_key(session("pair", world.gateway.add_certificate(pair.pem)))
    answer = wait_for(lambda: (got := second.replica.curl("/x", client=pair, host="pair.gw.test")).status == 200 and got,
                      "the second's data plane knows the key")
    request_id = answer.headers["x-request-id"]
    first = world.gateway.explain(request_id)
    assert first.returncode == 4 and "asked 2 data planes connected to this auth service" in first.stderr, first
    context = tmp_path / "second.yaml"
    context.write_text(f'endpoint: "127.0.0.1:{second.grpc_port}"\ntls_dir: "{world.gateway.role_directory("admin")}"\n')
    other = world.gateway.explain(request_id, "--context", str(context))
    assert other.returncode == 0 and "data plane of-the-second" in other.stdout, other


def test_of_concurrent_compare_and_swaps_one_wins(world, second):
    messages, services = stubs.load("admin")
    tls = world.gateway.role_directory("admin")
    with stubs.channel(world.gateway.grpc_port, tls) as one, stubs.channel(second.grpc_port, tls) as two:
        admins = [services.AdminStub(one), services.AdminStub(two)]

        def put(admin, name, revision):
            request = messages.PutRequest(expected_revision=revision)
            request.resource.policy.id = "contended"
            request.resource.policy.org_id = "default"
            request.resource.policy.name = name
            while True:
                try:
                    return admin.Put(request, timeout=DEADLINE).revision
                except grpc.RpcError as error:
                    if error.code() == grpc.StatusCode.ABORTED:
                        return None
                    # The other one had held the store for two seconds.
                    assert error.code() == grpc.StatusCode.UNAVAILABLE and "locked" in error.details(), error

        revision = put(admins[0], "first", 0)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for number in range(20):
                calls = [pool.submit(put, admins[n % 2], f"{number}-{n}", revision) for n in range(8)]
                won = {n: one.result() for n, one in enumerate(calls) if one.result() is not None}
                assert len(won) == 1, f"round {number}: {won}"
                (winner, revision), = won.items()
                for admin in admins:
                    held = wait_for(lambda: (got := admin.Get(messages.GetRequest(
                        kind="Policy", id="contended"), timeout=DEADLINE).resource).revision >= revision and got, "it is seen")
                    assert (held.policy.name, held.revision) == (f"{number}-{winner}", revision)


def test_unconditional_writes_at_both_all_count(world, second):
    policy = {"org_id": "default", "name": "p", "rate": 0, "per": 0, "quota_max": -1, "active": True, "access_rights": {
        "pair": {"api_id": "pair", "api_name": "pair", "versions": ["Default"]}}}

    def write(number):
        port = second.admin_port if number % 2 else None

        def taken():
            answer = world.gateway.rest("POST", "/tyk/policies", {**policy, "id": f"both-{number}"}, port=port)
            return answer if answer.status_code != 503 or "locked" not in answer.text else None
        return wait_for(taken, "the store is not held by the other one for two seconds").status_code
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(40))) == {200}
    wanted = {f"both-{number}" for number in range(40)}
    for port in (None, second.admin_port):
        wait_for(lambda: wanted <= {entry["id"] for entry in world.gateway.rest("GET", "/tyk/policies", port=port).json()},
                 "each knows all of them")


def test_one_ends_and_the_other_goes_on(world, origin):
    leaving = start_another(world, "of-the-leaving")
    leaving.stop()
    try:
        pair = world.pki.self_signed("written meanwhile")
        world.gateway.create_key(session("pair", world.gateway.add_certificate(pair.pem)))
        wait_for(lambda: call(world.a, pair) == 200, "decided by the one that is left")
        assert call(leaving.replica, pair) == 503, "nobody decides for a data plane that knows only the other"
        assert leaving.replica.ready()
    finally:
        leaving.replica.stop()
        world.gateway.replicas.remove(leaving.replica)
