"""One API, two hosts that demand different clients and have different keys (DESIGN 7): by whatever way a request or a health
check comes to a host, it presents that host's certificate or nothing, also under load and while the definition changes. A
host with another's key is refused before anything is presented to it."""

import concurrent.futures
import itertools
import ssl
import threading

import pytest

from gateway import wait_for
from origins import Origin
from pki import CLIENT, SERVER
from test_balancing import LONG_MS, Caller, native

THREADS, LEAST, CHANGES = 8, 400, 4
_numbers = itertools.count()
CHECKS = {"enabled": True, "path": "/healthz", "intervalMs": 200, "timeoutMs": LONG_MS}


class Demanding:
    """Of a host: trusts clients of its own authority alone, and notes every handshake."""

    def __init__(self, world, name, what, address="localhost", pair=None):
        """`what` is what such a host is made with first."""
        self.tried, self.refused = 0, []
        self.authority = world.pki.issue(f"clients of {name}", ca=True)
        self.client = world.pki.issue(f"gateway at {name}", self.authority, usages=[CLIENT])
        self.entry = world.gateway.add_certificate(self.client.pem + self.client.key_pem)
        pair = pair or world.pki.issue(name, world.upstream_ca, usages=[SERVER], sans=["localhost", "127.0.0.1"])
        super().__init__(what, pair=pair, client_ca=self.authority.cert)
        self.pair, self.place = pair, f"{address}:{self.port}"
        self.target = f"https://{self.place}/"

    def shake(self, connection):
        self.tried += 1
        try:
            super().shake(connection)
        except ssl.SSLEOFError:
            raise  # who asked has no more use for it
        except ssl.SSLError as failure:
            self.refused.append(str(failure))
            raise


class Host(Demanding, Origin):
    def __init__(self, world, name, address="localhost", pair=None):
        self.presented = []
        super().__init__(world, name, name, address, pair)

    def shake(self, connection):
        super().shake(connection)
        self.presented.append(connection.getpeercert(binary_form=True))

    def seen(self, path=None):
        return [request for request in list(self.requests) if path is None or request.target == path]


@pytest.fixture()
def hosts(world):
    """Two hosts, and one at which the first one is expected that has the second one's key."""
    name = f"host-{next(_numbers)}"
    made = [Host(world, f"{name}-a"), Host(world, f"{name}-b", "127.0.0.1")]
    made.append(Host(world, f"{name}-impostor", pair=made[1].pair))
    yield made
    for host in made:
        host.close()


def identities(hosts):
    """What is presented to and expected of each place; the impostor's are the first one's."""
    a, b, impostor = hosts
    return [(a.place, a.entry, a.spki), (b.place, b.entry, b.spki), (impostor.place, a.entry, a.spki)]


def under_load(world, name, ask, change=lambda number: None):
    """What `ask(call, number)` gives, from connections to both replicas at once, while `change` is called some times."""
    over, numbers = threading.Event(), itertools.count()

    def some(thread):
        got = []
        with Caller(world, name, (world.a, world.b)[thread % 2]) as call:
            while not over.is_set():
                got.append(ask(call, next(numbers)))
        return got
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        running = [pool.submit(some, thread) for thread in range(THREADS)]
        try:
            for number in range(CHANGES):
                change(number)
            wait_for(lambda: next(numbers) >= LEAST or any(one.done() for one in running), "enough was asked")
        finally:
            over.set()
        return [one for part in running for one in part.result()]


def require_own_clients(a, b, impostor):
    for host in (a, b):
        assert host.refused == [], f"{host.name} was shown another client"
        assert set(host.presented) == {host.client.der}
        assert host.requests and {request.peer for request in host.seen()} == {host.client.der}
    assert impostor.presented == [] and impostor.requests == []


def moved_on(world):
    return sum(replica.metric("sallyport_upstream_retries_total", kind="target") for replica in (world.a, world.b))


@pytest.mark.parametrize("checked", [False, True], ids=["unchecked", "checked"])
@pytest.mark.parametrize("policy", ["round_robin", "least_requests", "consistent_hash"])
def test_a_list_of_targets(world, hosts, policy, checked):
    a, b, impostor = hosts
    name = f"hosts-{policy.replace('_', '-')}-{'checked' if checked else 'unchecked'}"
    balancing = {"policy": policy, "slowStartMs": 1}
    if policy == "consistent_hash":
        balancing.update(hashOn="header", hashName="X-User")

    def apply(number):
        native(world, name, [host.target for host in hosts], tls=identities(hosts), balancing=balancing,
               ejection={"disabled": True}, retries={"budgetPercent": 100 - number % 2},
               **({"healthCheck": CHECKS} if checked else {}))
    apply(0)
    before = moved_on(world)
    answers = under_load(world, name, lambda call, number: call(X_User=f"user-{number % 40}"), apply)
    assert {answer.status for answer in answers} == {200}
    assert {answer.headers["X-Origin"] for answer in answers} == {a.name, b.name}
    if checked:
        for replica in (world.a, world.b):
            wait_for(lambda: replica.metric("sallyport_upstream_targets", api=name, state="down") == 1, "the impostor is down")
        wait_for(lambda: all(len(host.seen("/healthz")) >= 3 for host in (a, b)), "both are checked")
    else:
        assert moved_on(world) - before >= impostor.tried, "the next host has every request that came to the impostor"
    assert impostor.tried > 0
    require_own_clients(*hosts)


def test_a_version_with_a_target_of_its_own(world, hosts):
    a, b, impostor = hosts
    targets = {"a": a.target, "b": b.target, "x": impostor.target}

    def apply(number):
        native(world, "hosts-version", [a.target, b.target], tls=identities(hosts), healthCheck=CHECKS,
               retries={"budgetPercent": 100 - number % 2},
               spec={"versioning": {"enabled": True, "location": "header", "key": "X-Version", "defaultVersion": "base"},
                     "versions": [{"name": "base"}, *({"name": name, "overrideTarget": url} for name, url in targets.items())]})

    def ask(call, number):
        version = ("base", "a", "b", "x")[number % 4]
        answer = call(f"/{version}", X_Version=version)
        return version, answer.status, answer.headers["X-Origin"]
    apply(0)
    answers = set(under_load(world, "hosts-version", ask, apply))
    assert answers == {("base", 200, a.name), ("base", 200, b.name), ("a", 200, a.name), ("b", 200, b.name), ("x", 502, None)}
    wait_for(lambda: all(len(host.seen("/healthz")) >= 3 for host in (a, b)), "both are checked")
    assert impostor.tried > 0
    require_own_clients(*hosts)


def test_no_path_chooses_the_host(world, hosts):
    """The listen path is cut off and the target's own put before the rest: nothing of a request gets beyond that."""
    a, b, impostor = hosts
    native(world, "hosts-path-a", [a.target + "base"], tls=identities(hosts), healthCheck=CHECKS, spec={"listenPath": "/in/"})
    native(world, "hosts-path-b", [b.target + "base"], tls=identities(hosts), healthCheck=CHECKS, spec={"listenPath": "/in/"})
    other = {"hosts-path-a": (a, b), "hosts-path-b": (b, a)}
    for name, (own, wrong) in other.items():
        paths = [text.format(place=wrong.place) for text in (
            "/in/x", "/in//{place}/x", "/in/%2f%2f{place}/x", "/in/@{place}/x", "/in/:@{place}/x", "/in/..//{place}/x",
            "/in/x/../../{place}", "/in/https://{place}/x", "/in/?https://{place}/x", "/in\\{place}/x",
            "https://{place}/in/x", "//{place}/in/x")]

        def ask(call, number):
            path = paths[number % len(paths)]
            # An answer to what is malformed ends the connection.
            with Caller(world, name, (world.a, world.b)[number % 2]) as alone:
                answer = alone(path)
            return path, answer.status, answer.headers["X-Origin"]
        answers = set(under_load(world, name, ask))
        assert {path for path, _, _ in answers} == set(paths)
        assert (paths[0], 200, own.name) in answers
        for path, status, origin in answers:
            assert (status, origin) == (200, own.name) or (origin is None and status in (400, 404, 421)), (path, status, origin)
        forwarded = {request.target.partition("?")[0] for request in own.seen() if request.target != "/healthz"}
        assert {path for path in forwarded if f"{path}/"[:6] != "/base/"} == set()
    wait_for(lambda: all(len(host.seen("/healthz")) >= 3 for host in (a, b)), "both are checked")
    require_own_clients(*hosts)
    assert impostor.tried == 0


def test_rewritten_urls(world, hosts):
    """By path and by a trigger; the hosts that only rewrites name are health-checked too."""
    a, b, impostor = hosts
    rewrites = [("^/to-b/(.*)$", f"{b.target}there/$1"), ("^/to-x/(.*)$", f"{impostor.target}there/$1")]
    endpoints = [{"rule": {"path": pattern}, "rewrite": {"pattern": pattern, "target": target}} for pattern, target in rewrites]
    endpoints.append({"rule": {"path": "^/by-header"}, "rewrite": {"pattern": "^(.*)$", "triggers": [
        {"conditions": [{"source": "header", "name": "X-Where", "pattern": "^b$"}], "target": f"{b.target}there$1"}]}})

    def apply(number):
        native(world, "hosts-rewrite", [a.target], tls=identities(hosts), healthCheck=CHECKS,
               retries={"budgetPercent": 100 - number % 2}, spec={"versions": [{"endpoints": endpoints}]})

    def ask(call, number):
        path, where = (("/x", "a"), ("/to-b/x", "a"), ("/to-x/x", "a"), ("/by-header", "a"), ("/by-header", "b"))[number % 5]
        answer = call(path, X_Where=where)
        return path, where, answer.status, answer.headers["X-Origin"]
    apply(0)
    answers = set(under_load(world, "hosts-rewrite", ask, apply))
    assert answers == {("/x", "a", 200, a.name), ("/to-b/x", "a", 200, b.name), ("/to-x/x", "a", 502, None),
                       ("/by-header", "a", 200, a.name), ("/by-header", "b", 200, b.name)}
    assert {request.target for request in b.seen()} <= {"/there/x", "/there/by-header", "/healthz"}
    wait_for(lambda: all(len(host.seen("/healthz")) >= 3 for host in (a, b)), "both are checked")
    assert impostor.tried > 0
    require_own_clients(*hosts)


class TwoNames(Host):
    """One listener that is another host by each name: by SNI, and without one by its address."""

    def __init__(self, world, name):
        super().__init__(world, name)
        self.by_name = world.pki.issue(f"{name} by name", world.upstream_ca, usages=[SERVER], sans=["localhost"])
        self.named = world.pki.issue(f"gateway at {name} by name", self.authority, usages=[CLIENT])
        self.named_entry = world.gateway.add_certificate(self.named.pem + self.named.key_pem)
        inner = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        inner.load_cert_chain(self.by_name.cert, self.by_name.key)
        inner.verify_mode = ssl.CERT_REQUIRED
        inner.load_verify_locations(self.authority.cert)

        def choose(connection, asked, _):
            connection.asked = asked
            if asked is not None:
                connection.context = inner
        self.context.sni_callback = choose

    def shake(self, connection):
        super().shake(connection)
        self.presented[-1:] = []
        self.presented.append((connection.asked, connection.getpeercert(binary_form=True)))


def test_two_names_of_one_address(world):
    host = TwoNames(world, "hosts-names")
    places = f"localhost:{host.port}", f"127.0.0.1:{host.port}"

    def apply(number):
        native(world, "hosts-names", [f"https://{place}/{kind}" for place, kind in zip(places, ("name", "address"))],
               tls=[(places[0], host.named_entry, host.by_name.spki_sha256), (places[1], host.entry, host.spki)],
               healthCheck=CHECKS, retries={"budgetPercent": 100 - number % 2})
    apply(0)
    answers = under_load(world, "hosts-names", lambda call, number: call(), apply)
    assert {answer.status for answer in answers} == {200}
    wait_for(lambda: len(host.seen("/healthz")) >= 6, "both are checked")
    assert host.refused == [] and set(host.presented) == {("localhost", host.named.der), (None, host.client.der)}
    assert {(request.target, request.peer) for request in host.seen() if request.target != "/healthz"} == {
        ("/name/x", host.named.der), ("/address/x", host.client.der)}
    assert {request.peer for request in host.seen("/healthz")} == {host.named.der, host.client.der}
    host.close()
