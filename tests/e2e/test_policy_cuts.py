"""What runs for long ends when a change of policy alone takes away what let it in (DESIGN 4): connections to TCP APIs, WebSockets
and streams of HTTP/2, each beside one of another caller that goes on."""

import base64
import contextlib
import itertools
import socket
import threading

import pytest

from gateway import DEADLINE, classic, session
from raw_http2 import Http2
from test_tcp_apis import _ports, client_context, definition, exactly, is_cut, start
from tunnels import asked, switching

_numbers = itertools.count()


@pytest.fixture(scope="module")
def replica(world):
    return start(world, "policy-cuts", threads=2)


def echo(taken):
    with contextlib.suppress(ConnectionError):
        while piece := taken.read(1):
            taken.send(piece)


def switch(taken):
    if taken.head():
        taken.send(switching())
        echo(taken)


class Line:
    """Bytes come back."""

    def __init__(self, world, port, host, pair):
        self.socket = client_context(world, pair).wrap_socket(
            socket.create_connection(("127.0.0.1", port), DEADLINE), server_hostname=host, suppress_ragged_eofs=False)

    def lives(self):
        self.socket.sendall(b"ping")
        return exactly(self.socket, 4) == b"ping"

    def is_cut(self):
        return is_cut(self.socket)

    def close(self):
        self.socket.close()


class WebSocket(Line):
    def __init__(self, world, port, host, pair):
        super().__init__(world, port, host, pair)
        self.socket.sendall(asked(host).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += exactly(self.socket, 1)
        assert b" 101 " in head, head


class Stream:
    """A download over HTTP/2 that has begun."""

    def __init__(self, world, replica, host, pair):
        self.h2 = Http2(replica, host, pair)
        self.h2.__enter__()
        self.stream = self.h2.request()
        self.h2.wait(lambda: self.reply.body == b"half" or self.reply.over, "the download begins")
        assert self.reply.body == b"half", self.reply.body

    @property
    def reply(self):
        return self.h2.reply(self.stream)

    def lives(self):
        stream = self.h2.request("/short")
        return self.h2.answer(stream).status == 200 and self.reply.reset is None

    def is_cut(self):
        self.h2.wait(lambda: self.reply.reset is not None or self.h2.ended, "it is cut")
        return not self.reply.ended

    def close(self):
        self.h2.__exit__(None, None, None)


def download(handler, request):
    handler.send_response(200)
    handler.send_header("Content-Length", "8")
    handler.end_headers()
    if request.target.endswith("/short"):
        handler.wfile.write(b"in short")
        return
    handler.wfile.write(b"half")
    handler.wfile.flush()
    download.over.wait(10 * DEADLINE)


download.over = threading.Event()


class Api:
    """One of a kind, with the ways to it."""

    def __init__(self, world, replica, scripted, kind, **auth):
        self.world, self.replica, self.kind = world, replica, kind
        self.name = f"cuts-{kind}-{next(_numbers)}"
        self.host = f"{self.name}.gw.test"
        if kind == "tcp":
            self.port = _ports.pop()
            self.definition = definition(self.name, f"tcp://localhost:{scripted(echo).port}", self.port)
        else:
            url = scripted(switch).url if kind == "websocket" else world.origin(self.name, answer=download).url
            self.definition = classic(self.name, url, domain=self.host, use_keyless=True)
        self.definition.update(auth)
        world.gateway.add_api(self.definition)

    def put(self, **changed):
        self.definition.update(changed)
        self.world.rest("PUT", f"/tyk/apis/{self.name}", self.definition)

    def connect(self, pair):
        if self.kind == "tcp":
            return Line(self.world, self.port, "db.gw.test", pair)
        if self.kind == "websocket":
            return WebSocket(self.world, self.replica.port, self.host, pair)
        return Stream(self.world, self.replica, self.host, pair)


def rest(world, method, path, body=None):
    answer = world.gateway.rest(method, path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


class Apis:
    """One of each kind, for the same callers."""

    def __init__(self, world, replica, scripted, **auth):
        self.world = world
        self.apis = [Api(world, replica, scripted, kind, **auth) for kind in ("tcp", "websocket", "http2")]

    def put(self, **changed):
        for api in self.apis:
            api.put(**changed)

    def rights(self):
        return {name: right for api in self.apis for name, right in session(api.name)["access_rights"].items()}


def rest(world, method, path, body=None):
    answer = world.gateway.rest(method, path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def make(world, replica, scripted):
    world.rest = lambda *what: rest(world, *what)
    download.over.clear()
    yield lambda **auth: Apis(world, replica, scripted, **auth)
    download.over.set()


def ends_for(apis, alice, bob, change):
    """`change` ends what alice has, not what bob has; she does not come back."""
    with contextlib.ExitStack() as stack:
        hers, his = ([stack.enter_context(contextlib.closing(api.connect(pair))) for api in apis.apis] for pair in (alice, bob))
        assert all(line.lives() for line in (*hers, *his))
        change()
        for api, line in zip(apis.apis, hers):
            assert line.is_cut(), api.kind
        assert all(line.lives() for line in his)
        apis.world.gateway.settle()
        for api in apis.apis:
            with pytest.raises((OSError, AssertionError)):
                with contextlib.closing(api.connect(alice)) as again:
                    assert again.lives()
        assert all(line.lives() for line in his)


def pairs(world):
    number = next(_numbers)
    return [world.pki.self_signed(f"{name} {number}") for name in ("alice", "bob")]


def test_an_entry_is_taken_out_of_the_allowlist(world, make):
    alice, bob = pairs(world)
    ids = [world.gateway.add_certificate(pair.pem) for pair in (alice, bob)]
    apis = make(use_mutual_tls_auth=True, client_certificates=ids)
    ends_for(apis, alice, bob, lambda: apis.put(client_certificates=ids[1:]))


def test_a_ca_is_taken_out_of_the_allowlist(world, make):
    number = next(_numbers)
    authorities = [world.pki.issue(f"clients {name} {number}", ca=True) for name in ("one", "two")]
    alice, bob = (world.client(f"of {ca.name}", ca) for ca in authorities)
    ids = [world.gateway.add_certificate(ca.pem) for ca in authorities]
    apis = make(use_mutual_tls_auth=True, client_certificates=ids)
    ends_for(apis, alice, bob, lambda: apis.put(client_certificates=ids[1:]))


def test_a_certificate_is_revoked(world, make):
    alice, bob = pairs(world)
    ids = [world.gateway.add_certificate(pair.pem) for pair in (alice, bob)]
    apis = make(use_mutual_tls_auth=True, client_certificates=ids)
    spki = base64.b64encode(bytes.fromhex(alice.spki_sha256)).decode()
    settings = {"apiVersion": "sallyport/v1", "kind": "GatewaySettings", "id": "gateway"}
    try:
        ends_for(apis, alice, bob, lambda: world.gateway.apply({**settings, "revoked": [{"spkiSha256": spki}]}))
    finally:
        world.gateway.apply(settings)


def dynamic(world, make, *policies):
    """APIs of two keys; each policy is made with the right to them."""
    alice, bob = pairs(world)
    apis = make(use_keyless=False, auth_configs={"authToken": {"use_certificate": True}})
    keys = []
    for pair, policy in zip((alice, bob), policies or (None, None)):
        if policy is not None:
            world.rest("POST", "/tyk/policies", {"id": policy, "name": policy, "org_id": "default", "rate": 0, "per": 0, "quota_max": -1,
                                                 "active": True, "access_rights": apis.rights()})
        body = session("", world.gateway.add_certificate(pair.pem), access_rights=apis.rights(),
                       **({"apply_policies": [policy]} if policy else {}))
        keys.append((world.gateway.create_key(body)["key"], body))
    world.gateway.settle()
    return apis, alice, bob, keys


def test_a_key_is_switched_off(world, make):
    apis, alice, bob, keys = dynamic(world, make)
    key, body = keys[0]
    ends_for(apis, alice, bob, lambda: world.rest("PUT", f"/tyk/keys/{key}", {**body, "is_inactive": True}))


def test_a_policy_is_switched_off(world, make):
    names = [f"cut-policy-{next(_numbers)}" for _ in range(2)]
    apis, alice, bob, _ = dynamic(world, make, *names)
    policy = world.rest("GET", f"/tyk/policies/{names[0]}")
    ends_for(apis, alice, bob, lambda: world.rest("PUT", f"/tyk/policies/{names[0]}", {**policy, "active": False, "is_inactive": True}))


def other_rights(world):
    name = f"cuts-other-{next(_numbers)}"
    world.gateway.add_api(classic(name, "http://127.0.0.1:1/", domain=f"{name}.gw.test", use_keyless=True))
    return session(name)["access_rights"]


def test_a_key_loses_its_right(world, make):
    apis, alice, bob, keys = dynamic(world, make)
    key, body = keys[0]
    rights = other_rights(world)
    ends_for(apis, alice, bob, lambda: world.rest("PUT", f"/tyk/keys/{key}", {**body, "access_rights": rights}))


def test_a_policy_loses_its_right(world, make):
    names = [f"cut-policy-{next(_numbers)}" for _ in range(2)]
    apis, alice, bob, _ = dynamic(world, make, *names)
    policy, rights = world.rest("GET", f"/tyk/policies/{names[0]}"), other_rights(world)
    ends_for(apis, alice, bob, lambda: world.rest("PUT", f"/tyk/policies/{names[0]}", {**policy, "access_rights": rights}))
