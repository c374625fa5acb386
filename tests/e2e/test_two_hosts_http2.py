"""What test_two_hosts.py shows of HTTP/1.1, where many requests share one connection to an upstream: one API, two hosts that demand
different clients and have different keys, and one that has another's key. A stream never comes to a host over a connection that
was made for another, nor with another's certificate, also under load, while the definition changes and while a host ends its
connections."""

import itertools

import pytest

from gateway import wait_for
from h2_origin import Http2Origin
from pki import CLIENT
from raw_http2 import Http2
from test_balancing import native
from test_two_hosts import CHECKS, Demanding, identities, under_load

_numbers = itertools.count()
TURN = 40  # requests of a connection, until its host sends it away


class Host(Demanding, Http2Origin):
    """Its connections do not last."""

    def __init__(self, world, name, address="localhost", pair=None):
        self.name = name
        super().__init__(world, name, self._answer, address, pair)

    def _answer(self, request):
        request.answer(b"{}", [("x-origin", self.name)])
        if len(request.connection.requests) == TURN:
            request.connection.goaway(request.stream)

    def seen(self, path):
        return [request for request in self.requests if request.one(":path") == path]


@pytest.fixture()
def hosts(world):
    name = f"h2-host-{next(_numbers)}"
    made = [Host(world, f"{name}-a"), Host(world, f"{name}-b", "127.0.0.1")]
    made.append(Host(world, f"{name}-impostor", pair=made[1].pair))
    yield made
    for host in made:
        host.close()


def apply(world, name, hosts, number, targets=None, **more):
    native(world, name, [host.target for host in targets or hosts], tls=identities(hosts), protocol="h2",
           retries={"budgetPercent": 100 - number % 2}, **more)


def require_own_clients(a, b, impostor):
    for host in (a, b):
        assert host.refused == [], f"{host.name} was shown another client"
        assert host.requests and {connection.peer for connection in host.connections} == {host.client.der}
        assert len(host.connections) < len(host.requests), "connections are shared"
    assert impostor.connections == [] and impostor.requests == []


@pytest.mark.parametrize("policy", ["round_robin", "consistent_hash"])
def test_a_list_of_targets(world, hosts, policy):
    a, b, impostor = hosts
    name = f"h2-hosts-{policy.replace('_', '-')}"
    more = {"balancing": {"policy": policy, "slowStartMs": 1}, "ejection": {"disabled": True}}
    if policy == "consistent_hash":
        more["balancing"].update(hashOn="header", hashName="X-User")
    apply(world, name, hosts, 0, **more)
    answers = under_load(world, name, lambda call, number: call(X_User=f"user-{number % 40}"),
                         lambda number: apply(world, name, hosts, number, **more))
    assert {answer.status for answer in answers} == {200}
    assert {answer.headers["X-Origin"] for answer in answers} == {a.name, b.name}
    assert impostor.tried > 0
    require_own_clients(*hosts)


def test_versions_and_rewrites(world, hosts):
    """Targets that only a version or a rewrite names, beside those of the API; they are health-checked too."""
    a, b, impostor = hosts
    endpoint = {"rule": {"path": "^/to-b/"}, "rewrite": {"pattern": "^/to-b/(.*)$", "target": f"{b.target}there/$1"}}
    spec = {"versioning": {"enabled": True, "location": "header", "key": "X-Version", "defaultVersion": "base"},
            "versions": [{"name": "base", "endpoints": [endpoint]}, {"name": "b", "overrideTarget": b.target},
                         {"name": "x", "overrideTarget": impostor.target}]}

    def change(number):
        apply(world, "h2-hosts-ways", hosts, number, [a], spec=spec, healthCheck=CHECKS)

    def ask(call, number):
        path, version = (("/x", "base"), ("/to-b/x", "base"), ("/x", "b"), ("/x", "x"))[number % 4]
        answer = call(path, X_Version=version)
        return path, version, answer.status, answer.headers["X-Origin"]
    change(0)
    answers = set(under_load(world, "h2-hosts-ways", ask, change))
    assert answers == {("/x", "base", 200, a.name), ("/to-b/x", "base", 200, b.name), ("/x", "b", 200, b.name), ("/x", "x", 502, None)}
    wait_for(lambda: all(len(host.seen("/healthz")) >= 2 for host in (a, b)), "both are checked")
    assert impostor.tried > 0 and a.seen("/there/x") == []
    require_own_clients(*hosts)


def test_streams_of_one_client_side_by_side(world, hosts):
    """Two APIs whose streams are on one connection of a client, and whose hosts' connections have all of them."""
    a, b, _ = hosts
    for name, host in (("h2-hosts-one", a), ("h2-hosts-two", b)):
        apply(world, name, hosts, 0, [host])
    with Http2(world.a, "h2-hosts-one.gw.test") as h2:
        for _ in range(5):
            streams = [(h2.request("/s", authority=f"h2-hosts-{which}.gw.test"), host)
                       for which, host in (("one", a), ("two", b)) * 20]
            for stream, host in streams:
                reply = h2.answer(stream)
                assert (reply.status, reply.headers["x-origin"]) == (200, host.name)
    for host in (a, b):
        assert len(host.seen("/s")) == 100 and {request.connection.peer for request in host.requests} == {host.client.der}
        assert host.refused == []


def test_a_certificate_that_is_exchanged_is_presented_from_then_on(world, hosts):
    """Connections that were made with the one before are no longer used for new streams."""
    a, _, _ = hosts
    second = world.pki.issue(f"gateway at {a.name} renewed", a.authority, usages=[CLIENT])
    entry = world.gateway.add_certificate(second.pem + second.key_pem)
    name = "h2-hosts-renewed"
    for turn, (client, certificate) in enumerate(((a.client, a.entry), (second, entry), (a.client, a.entry))):
        native(world, name, [a.target], tls=[(a.place, certificate, a.spki)], protocol="h2")
        answers = under_load(world, name, lambda call, number: call())
        assert {answer.status for answer in answers} == {200}
        with Http2(world.a, f"{name}.gw.test") as h2:
            assert h2.get(f"/last-{turn}").status == 200
        assert [request.connection.peer for request in a.seen(f"/last-{turn}")] == [client.der]
    assert a.refused == []
