"""Upgrade over HTTP/1.1 (RFC 9110 7.8, RFC 6455): decided like any request, switched only by the upstream's own
101, tunnelled both ways, and cut when its caller is."""

import asyncio
import contextlib
import itertools
import json
import os
import queue
import signal
import socket
import ssl
import struct
import threading
import time

import pytest
import websockets

from gateway import DEADLINE, SLOWER, classic, lines_of, session, wait_for
from pki import SERVER
from raw import Connection
from test_balancing import native
from tunnels import ACCEPT, KEY, asked, switching

_numbers = itertools.count()


class Echo:
    """A real WebSocket server on a thread: sends back what it gets."""

    def __init__(self, context=None):
        self.handshakes, self._loop, started = [], asyncio.new_event_loop(), threading.Event()

        async def echo(peer):
            transport = peer.transport
            tls = transport.get_extra_info("ssl_object")
            self.handshakes.append((peer.path, dict(peer.request_headers.raw_items()),
                                    tls and tls.getpeercert(binary_form=True), tls and tls.selected_alpn_protocol()))
            async for message in peer:
                await peer.send(message)

        async def serve():
            self._server = await websockets.serve(echo, "127.0.0.1", 0, ssl=context, max_size=None)
            self.port = self._server.sockets[0].getsockname()[1]
            started.set()
            await self._server.wait_closed()

        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(serve(),), daemon=True)
        self._thread.start()
        assert started.wait(DEADLINE)

    def close(self):
        self._loop.call_soon_threadsafe(self._server.close)
        self._thread.join(DEADLINE)
        self._loop.close()


def keyless(world, url, **more):
    name = f"upgrade{next(_numbers)}"
    world.gateway.add_api(classic(name, url, domain=f"{name}.gw.test", use_keyless=True, **more))
    return f"{name}.gw.test"


def registered(world, url):
    """An API of one caller by her certificate: (host, pair, certificate id)."""
    name = f"upgrade{next(_numbers)}"
    world.gateway.add_api(classic(name, url, domain=f"{name}.gw.test",
                                  auth_configs={"authToken": {"use_certificate": True}}))
    pair = world.pki.self_signed(name)
    certificate_id = world.gateway.add_certificate(pair.pem)
    world.gateway.create_key(session(name, certificate_id))
    world.gateway.settle()
    return f"{name}.gw.test", pair, certificate_id


def connected(world, host, pair=None, replica=None):
    """A real WebSocket client, to be awaited."""
    context = ssl.create_default_context(cafile=str(world.gateway.server_ca.cert))
    if pair is not None:
        context.load_cert_chain(pair.cert, pair.key)
    return websockets.connect(f"wss://{host}/chat?room=1", ssl=context, server_hostname=host, host="127.0.0.1",
                              port=(replica or world.a).port, open_timeout=DEADLINE, max_size=None)


@pytest.fixture()
def started(world):
    """Starts replicas with settings of their own."""
    made = []

    def start(*settings, **more):
        options = [word for setting in settings for word in ("--set", setting)]
        made.append(world.gateway.start_dataplane(system_trust=world.trust, options=options, **more))
        return made[-1]
    yield start
    for replica in made:
        if replica in world.gateway.replicas:
            replica.stop()
            world.gateway.replicas.remove(replica)


def log_line(world, replica, host):
    """The first line of the access log about this host."""
    path = world.gateway.directory / f"{replica.log.stem}.access.log"

    def found():
        mine = [json.loads(line) for line in lines_of(path) if f'"{host}"' in line]
        return mine and mine[0]
    return wait_for(found, "the access log tells of it")


def switch(replica, host, pair=None, early=b""):
    """A client whose connection was switched."""
    client = Connection(replica, host, pair)
    client.send(asked(host).encode() + early)
    assert client.interim_answer() == 101
    return client


def pumping(taken):
    """Answers 101 and sends everything back."""
    assert taken.head()
    taken.send(switching())
    with contextlib.suppress(ConnectionError):  # cut off between two words
        while piece := taken.read(1):
            taken.send(piece)


# Real peers ------------------------------------------------------------------------------------------------------

def test_a_real_client_and_a_real_server(world):
    echo = Echo()
    host, pair, _ = registered(world, f"http://127.0.0.1:{echo.port}")
    large = os.urandom(2 << 20)  # nothing that could be compressed

    async def talk():
        async with connected(world, host, pair) as client:
            await client.send("hello")
            assert await client.recv() == "hello"
            await client.send(large)
            assert await client.recv() == large
            await (await client.ping())
            assert world.a.metric("sallyport_tunnels") == 1
        return client.close_code
    assert asyncio.run(talk()) == 1000
    path, headers, _, _ = echo.handshakes[0]
    headers = {name.lower(): value for name, value in headers.items()}
    assert path == "/chat?room=1" and headers["x-forwarded-for"] == "127.0.0.1"
    assert f"Hash={pair.fingerprint}" in headers["x-forwarded-client-cert"]
    line = log_line(world, world.a, host)
    assert (line["status"], line["reason"], line["upgrade"], line["tunnel_end"]) == (101, "ALLOWED", "websocket", "closed")
    assert line["bytes_in"] > len(large) and line["bytes_out"] > len(large) and line["protocol"] == "HTTP/1.1"
    assert line["total_us"] >= line["upstream_us"]
    wait_for(lambda: world.a.metric("sallyport_tunnels") == 0, "the gauge comes back")
    assert world.a.metric("sallyport_tunnels_ended_total", end="closed") >= 1
    assert world.a.metric("sallyport_tunnel_bytes_total", direction="to_client") >= line["bytes_out"]
    echo.close()


def test_an_upstream_with_mutual_tls_that_would_rather_speak_http2(world):
    server = world.pki.issue("ws upstream", world.upstream_ca, usages=[SERVER], sans=["localhost"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server.cert, server.key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(world.client_ca.cert)
    context.set_alpn_protocols(["h2", "http/1.1"])
    echo = Echo(context)
    presented = world.client("ws gateway")
    certificate_id = world.gateway.add_certificate(presented.pem + presented.key_pem)
    name = f"upgrade{next(_numbers)}"
    native(world, name, [f"https://localhost:{echo.port}/"], protocol="auto",
           tls=[(f"localhost:{echo.port}", certificate_id, server.spki_sha256)])

    async def talk():
        async with connected(world, f"{name}.gw.test") as client:
            await client.send("over two doors")
            return await client.recv()
    assert asyncio.run(talk()) == "over two doors"
    assert echo.handshakes[0][2] == presented.der and echo.handshakes[0][3] != "h2"
    native(world, name, [f"https://localhost:{echo.port}/"], protocol="auto",
           tls=[(f"localhost:{echo.port}", certificate_id, "00" * 32)])
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        asyncio.run(talk())
    assert refused.value.status_code == 502 and len(echo.handshakes) == 1, "a pin holds for it as for any request"
    echo.close()


# Refused before anything is switched -----------------------------------------------------------------------------

def test_nobody_is_switched_who_would_not_be_let_in(world, scripted):
    origin = scripted(lambda taken: pytest.fail("the upstream was reached"))
    host, _, _ = registered(world, origin.url)
    for pair in (None, world.pki.self_signed("ws stranger")):
        with Connection(world.a, host, pair) as client:
            client.send(asked(host).encode() + b"\x81\x05early")
            status, headers, _ = client.answer()
            assert (status, headers["connection"]) == (401, "close") and client.ended()
    assert origin.taken == 0


def plain_request(taken):
    """Answers a request that must not ask for anything."""
    head = taken.head()
    if not head:
        return
    names = {line.partition(":")[0].lower() for line in head.split("\r\n")[1:]}
    assert not names & {"upgrade", "http2-settings", "connection"}, head
    length = int(next((line.partition(":")[2] for line in head.split("\r\n") if line.lower().startswith("content-length")), 0))
    assert taken.read(length) == b"b" * length
    taken.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    plain_request(taken)


NOT_ASKED = {
    "h2c": "GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    "h2c in other letters": "GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: H2C\r\n\r\n",
    "a list": "GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: h2c, websocket\r\n\r\n",
    "two fields": "GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n\r\n",
    "not in Connection": "GET /x HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " + KEY + "\r\n\r\n",
    "only in Connection": "GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\n\r\n",
    "no token": "GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: web socket\r\n\r\n",
    "no key": "GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "not by GET": "DELETE /x HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " + KEY + "\r\n\r\n",
    "with a body": "GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " + KEY
                   + "\r\nContent-Length: 4\r\n\r\nbbbb",
}


@pytest.mark.parametrize("how", NOT_ASKED)
def test_what_does_not_ask_as_it_should_is_a_request_like_any_other(world, scripted, how):
    host = keyless(world, scripted(plain_request).url)
    with Connection(world.a, host) as client:
        for _ in range(2):  # and the connection goes on
            client.send(NOT_ASKED[how].format(host=host))
            status, headers, body = client.answer()
            assert (status, body) == (200, b"ok") and "upgrade" not in headers


def test_a_protocol_that_is_not_allowed_is_not_asked_for(world, scripted, started):
    host = keyless(world, scripted(plain_request).url)
    none = started("upgrades=[]")
    for replica, protocol in ((world.a, "made-up/2"), (none, "websocket")):
        with Connection(replica, host) as client:
            client.send(asked(host).replace("websocket", protocol, 1))
            status, headers, _ = client.answer()
            assert (status, headers["connection"]) == (200, "close") and client.ended()


def test_other_protocols_where_they_are_allowed(world, scripted, started):
    def script(taken):
        assert "\r\nUpgrade: Chat/2\r\nConnection: Upgrade" in taken.head()
        taken.send("HTTP/1.1 101 Go\r\nupgrade: chat/2\r\nconnection: upgrade\r\n\r\nwelcome")
        assert taken.read(2) == b"hi"
    host = keyless(world, scripted(script).url)
    replica = started("upgrades=[chat/2]")
    with Connection(replica, host) as client:
        client.send(f"POST /x HTTP/1.1\r\nHost: {host}\r\nConnection: upgrade\r\nUpgrade: Chat/2\r\n\r\n")
        assert client.interim_answer() == 101
        assert client.rest(7) == b"welcome", "what follows 101 at once is the tunnel's"
        client.send("hi")
        assert client.ended()


BAD_SWITCHES = {
    "another protocol": switching(upgrade="h2c"),
    "no protocol": switching(upgrade=None),
    "two protocols": switching(fields="Upgrade: websocket\r\n"),
    "no Connection": switching(connection=None),
    "Connection: close": switching(connection="close"),
    "no proof": switching(accept=None),
    "a wrong proof": switching(accept="AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    "another's version": switching().replace("HTTP/1.1", "HTTP/1.0"),
    "a length": switching(fields="Content-Length: 0\r\n"),
    "a coding": switching(fields="Transfer-Encoding: chunked\r\n"),
}


@pytest.mark.parametrize("how", BAD_SWITCHES)
def test_an_answer_that_does_not_switch_as_it_should_is_a_bad_one(world, scripted, how):
    ends = queue.Queue()

    def script(taken):
        assert taken.head()
        taken.send(BAD_SWITCHES[how])
        ends.put(taken.end()[1])
    host = keyless(world, scripted(script).url)
    with Connection(world.a, host) as client:
        client.send(asked(host).encode() + b"GET /smuggled HTTP/1.1\r\nHost: internal\r\n\r\n")
        status, headers, _ = client.answer()
        assert (status, headers["connection"], client.interim) == (500, "close", []) and client.ended()
    assert ends.get(timeout=DEADLINE) == b"", "nothing of the caller goes out"
    assert log_line(world, world.a, host)["reason"] == "UPSTREAM_PROTOCOL"


def test_a_switch_that_nobody_asked_for(world, scripted):
    def script(taken):
        assert taken.head()
        taken.send(switching())
        assert taken.end()[1] == b""
    host = keyless(world, scripted(script).url)
    with Connection(world.a, host) as client:
        assert client.get()[0] == 500 and client.interim == []


@pytest.mark.parametrize("status", ["426 Upgrade Required", "200 OK", "403 Forbidden"])
def test_any_other_answer_is_an_answer_and_no_tunnel(world, scripted, status):
    """A proxy that opens its tunnel on any answer lets its client speak to the upstream past every rule."""
    ends = queue.Queue()

    def script(taken):
        assert "Upgrade: websocket" in taken.head()
        taken.send(f"HTTP/1.1 {status}\r\nSec-WebSocket-Version: 13\r\nContent-Length: 2\r\n\r\nno")
        ends.put(taken.end()[1])
    origin = scripted(script)
    host = keyless(world, origin.url)
    with Connection(world.a, host) as client:
        client.send(asked(host, version="777").encode() + f"GET /smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        code, headers, body = client.answer()
        assert (code, body, headers["connection"]) == (int(status[:3]), b"no", "close")
        assert headers["sec-websocket-version"] == "13" and "upgrade" not in headers
        assert client.ended() and client.answer() is None, "what was sent on is no request either"
    assert ends.get(timeout=DEADLINE) == b"", "and that connection serves nobody else"
    assert origin.taken == 1


def test_what_comes_before_the_switch_waits_for_it(world, scripted):
    def script(taken):
        assert taken.head()
        assert taken.silent(), "nothing but the request before 101"
        taken.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        assert taken.silent()
        taken.send(switching())
        assert taken.read(9) == b"earlylate"
        taken.send("seen")
    host = keyless(world, scripted(script).url)
    with Connection(world.a, host) as client:
        client.send(asked(host).encode() + b"early")
        assert [client.interim_answer(), client.interim_answer()] == [103, 101]
        client.send("late")
        assert client.rest(4) == b"seen" and client.ended()


def test_the_answer_that_switches_is_clean(world, scripted):
    def script(taken):
        assert taken.head()
        taken.send(switching(connection="Upgrade, X-Hop", fields="X-Hop: 1\r\nKeep-Alive: 5\r\nX-Mine: 2\r\n"))
        taken.end()
    host = keyless(world, scripted(script).url)
    with Connection(world.a, host) as client:
        client.send(asked(host))
        status, headers = client._head()
        assert status == 101 and headers["x-mine"] == "2" and headers["sec-websocket-accept"] == ACCEPT
        assert (headers["upgrade"], headers["connection"]) == ("websocket", "Upgrade")
        assert not {"x-hop", "keep-alive", "content-length", "transfer-encoding"} & set(headers)
        assert headers["x-request-id"]


def test_an_upstream_that_says_nothing_is_not_waited_for(world, scripted, started):
    host = keyless(world, scripted(lambda taken: taken.end()).url)
    replica = started("timeouts.upstream_first_byte=500ms")
    with Connection(replica, host) as client:
        client.send(asked(host))
        assert client.answer()[0] == 504


# The tunnel ------------------------------------------------------------------------------------------------------

def test_an_end_of_the_upstream_is_passed_on_and_the_client_may_go_on(world, scripted):
    heard = queue.Queue()

    def script(taken):
        assert taken.head()
        taken.send(switching() + "last words")
        taken.socket.shutdown(socket.SHUT_WR)
        heard.put(taken.end())
    host = keyless(world, scripted(script).url)
    with switch(world.a, host) as client:
        assert client.rest(10) == b"last words" and client.ended()
        client.send("still here")
        client.close()
    assert heard.get(timeout=DEADLINE) == ("end", b"still here")
    assert log_line(world, world.a, host)["tunnel_end"] == "closed"


def test_a_break_is_no_end(world, scripted):
    broken, heard = threading.Event(), queue.Queue()

    def script(taken):
        assert taken.head()
        taken.send(switching() + "x")
        if not broken.is_set():
            broken.set()
            taken.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        heard.put(taken.end())
    host = keyless(world, scripted(script).url)
    with switch(world.a, host) as client:
        client._socket.settimeout(DEADLINE)
        with pytest.raises((ConnectionResetError, BrokenPipeError, ssl.SSLError)):
            while client._socket.recv(100):
                pass
            client._socket.unwrap()  # Python reads a reset as an end: only close_notify lets this pass
    assert log_line(world, world.a, host)["tunnel_end"] == "upstream"

    client = switch(world.a, host)
    assert client.rest(1) == b"x"
    client._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert heard.get(timeout=DEADLINE)[0] == "reset"
    wait_for(lambda: world.a.metric("sallyport_tunnels_ended_total", end="client") >= 1, "counted")


@pytest.mark.parametrize("who", ["client", "upstream"])
def test_who_does_not_read_holds_up_who_sends_and_no_memory(world, scripted, started, who):
    replica, block, sent = started(), bytes(64 * 1024), [0]
    go_on, all_came = threading.Event(), threading.Event()
    total = 1024 * len(block)  # 64 MiB

    def pour(send_some):
        view = memoryview(block)
        while sent[0] < total:
            sent[0] += send_some(view[:min(len(block), total - sent[0])])

    def script(taken):
        assert taken.head()
        taken.send(switching())
        if who == "client":
            pour(taken.socket.send)
        else:
            assert go_on.wait(4 * DEADLINE)
            assert taken.discard(total) == total
            all_came.set()
    host = keyless(world, scripted(script).url)
    with switch(replica, host) as client:
        before = replica.memory_kb()
        pouring = threading.Thread(target=pour, args=(client.send_some,), daemon=True)
        if who == "upstream":
            pouring.start()

        seen, since = 0, time.monotonic()

        def stuck():
            nonlocal seen, since
            if sent[0] != seen:
                seen, since = sent[0], time.monotonic()
            return seen > 0 and time.monotonic() - since > 0.3
        wait_for(stuck, "the sender is held up")
        assert sent[0] < total and replica.memory_kb() - before < 8 * 1024
        if who == "client":
            read = 0
            while read < total:
                piece = client._socket.recv(1 << 20)
                assert piece
                read += len(piece)
        else:
            go_on.set()
            assert all_came.wait(4 * DEADLINE)
    assert sent[0] == total


def test_silence_ends_it_and_a_word_now_and_then_does_not(world, scripted, started):
    host = keyless(world, scripted(pumping).url)
    replica = started("timeouts.tunnel_idle=2s")
    with switch(replica, host) as silent, switch(replica, host) as talking:
        began = time.monotonic()
        while replica.metric("sallyport_tunnels_ended_total", end="idle") == 0:
            talking.send("x")
            assert talking.rest(1) == b"x"
            assert time.monotonic() - began < DEADLINE
        assert time.monotonic() - began > 1.5 and silent.ended()
        talking.send("y")
        assert talking.rest(1) == b"y"
    assert log_line(world, replica, host)["tunnel_end"] == "idle"


def test_the_longest_life(world, scripted, started):
    host = keyless(world, scripted(pumping).url)
    replica = started("timeouts.tunnel_total=1s")
    with switch(replica, host) as client, contextlib.suppress(OSError, AssertionError):
        began = time.monotonic()
        while time.monotonic() - began < DEADLINE:
            client.send("x")
            client.rest(1)
    assert log_line(world, replica, host)["tunnel_end"] == "total"


def test_no_more_than_are_allowed(world, scripted, started):
    host = keyless(world, scripted(pumping).url)
    replica = started("limits.tunnels=1")
    with switch(replica, host):
        with Connection(replica, host) as late:
            late.send(asked(host))
            status, headers, _ = late.answer()
            assert status == 503 and headers["retry-after"] == "1"
    wait_for(lambda: replica.metric("sallyport_tunnels") == 0, "its place is free")
    switch(replica, host).close()
    assert replica.metric("sallyport_requests_total", reason="OVERLOADED") == 1


def test_tunnels_leave_the_upstream_s_connections_to_requests(world, scripted, started):
    def script(taken):
        head = taken.head()
        if "Upgrade" in head:
            taken.send(switching())
            taken.end()
        else:
            taken.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    host = keyless(world, scripted(script).url)
    replica = started("limits.upstream_connections=1", "limits.upstream_waiting=0")
    with switch(replica, host), switch(replica, host), Connection(replica, host) as client:
        assert client.get()[0] == 200


# Revoked and stopped ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("flow", ["silent", "client does not read", "half closed"])
def test_a_tunnel_of_a_caller_that_is_cut_off_is_cut(world, scripted, started, flow):
    heard = queue.Queue()

    def script(taken):
        assert taken.head()
        taken.send(switching())
        try:
            while flow == "client does not read":
                taken.socket.sendall(bytes(65536))
            if flow == "half closed":
                taken.socket.shutdown(socket.SHUT_WR)
            heard.put(taken.end()[0])
        except ConnectionError:
            heard.put("reset")
    host, pair, certificate_id = registered(world, scripted(script).url)
    replica = started("timeouts.sever_grace=1s")
    with switch(replica, host, pair) as client, switch(replica, host, pair) as other:
        assert world.gateway.delete_certificate(certificate_id).status_code == 200
        began = time.monotonic()
        assert [heard.get(timeout=DEADLINE) for _ in range(2)] == ["reset", "reset"]
        assert time.monotonic() - began < 10 * SLOWER, "the grace, and not much more"
        assert client.ended() and other.ended()
    line = log_line(world, replica, host)
    assert (line["tunnel_end"], line["status"]) == ("cut", 101)
    assert replica.metric("sallyport_connections_severed_total") == 2
    with Connection(replica, host, pair) as again:
        again.send(asked(host))
        assert again.answer()[0] == 401


def test_a_tunnel_of_somebody_else_goes_on(world, scripted, started):
    origin = scripted(pumping)
    host, pair, certificate_id = registered(world, origin.url)
    other_host, other, _ = registered(world, origin.url)
    replica = started("timeouts.sever_grace=1ms")
    with switch(replica, host, pair) as client, switch(replica, other_host, other) as bystander:
        world.gateway.delete_certificate(certificate_id)
        assert client.ended()
        bystander.send("x")
        assert bystander.rest(1) == b"x"


def test_a_stop_waits_for_tunnels_and_not_for_ever(world, scripted, started):
    host = keyless(world, scripted(pumping).url)
    for drain, least, most in (("2s", 1, 10 * SLOWER), (f"{10 * DEADLINE:.0f}s", 0, DEADLINE)):
        replica = started(f"timeouts.drain={drain}")
        client = switch(replica, host)
        replica.send(signal.SIGTERM)
        wait_for(lambda: replica.get("/readyz").status_code == 503, "it drains")
        began = time.monotonic()
        client.send("x")
        assert client.rest(1) == b"x", "tunnels are in flight"
        if least == 0:
            client.close()
        replica.wait()
        assert least <= time.monotonic() - began < most
        assert least == 0 or client.ended()
        line = log_line(world, replica, host)
        assert line["tunnel_end"] == ("cut" if least else "client")
        world.gateway.replicas.remove(replica)
