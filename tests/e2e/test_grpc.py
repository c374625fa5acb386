"""gRPC through the gateway, with gRPC's own client and server: all four kinds of calls, deadlines, cancellation, and what
its callers see when the gateway refuses (gRPC: doc/PROTOCOL-HTTP2.md, doc/statuscodes.md)."""

import concurrent.futures
import threading

import grpc
import pytest

from gateway import DEADLINE, session
from h2_origin import Http2Origin
from pki import SERVER
from raw_http2 import CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR, Http2
from test_balancing import native
from test_http2_upstream import record

Code = grpc.StatusCode


class Service(grpc.GenericRpcHandler):
    """Messages are bytes; what a call does is in its name."""

    def __init__(self):
        self.seen, self.cancelled = {}, threading.Event()

    def service(self, details):
        name = details.method.rpartition("/")[2]
        self.seen[name] = dict(details.invocation_metadata)
        kinds = {"Unary": grpc.unary_unary_rpc_method_handler(self.unary),
                 "Slow": grpc.unary_unary_rpc_method_handler(self.slow),
                 "Fail": grpc.unary_unary_rpc_method_handler(self.fail),
                 "Down": grpc.unary_stream_rpc_method_handler(self.down),
                 "Endless": grpc.unary_stream_rpc_method_handler(self.endless),
                 "Up": grpc.stream_unary_rpc_method_handler(self.up),
                 "Both": grpc.stream_stream_rpc_method_handler(self.both)}
        return kinds.get(name)

    def unary(self, message, context):
        context.send_initial_metadata([("x-early", "1")])
        context.set_trailing_metadata([("x-late", "2"), ("x-late-bin", b"\0\1")])
        return message[::-1]

    def slow(self, message, context):
        done = threading.Event()
        context.add_callback(done.set)
        done.wait(DEADLINE)
        self.cancelled.set()
        return b""

    def fail(self, message, context):
        context.abort(Code.FAILED_PRECONDITION, "not \u00fc today")

    def down(self, message, context):
        for n in range(int(message)):
            yield b"%d" % n

    def endless(self, message, context):
        context.add_callback(self.cancelled.set)
        while context.is_active():
            yield message

    def up(self, messages, context):
        return b"%d" % sum(len(message) for message in messages)

    def both(self, messages, context):
        for message in messages:
            yield message.upper()


def serve(service, credentials=None):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(16), handlers=[service])
    port = server.add_secure_port("127.0.0.1:0", credentials) if credentials else server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


@pytest.fixture(scope="module")
def service(world):
    """Plain at grpc.gw.test, with mTLS and a pin at grpc-mtls.gw.test."""
    made = Service()
    pair = world.pki.issue("grpc server", world.upstream_ca, usages=[SERVER], sans=["localhost"])
    secure = grpc.ssl_server_credentials([(pair.key_pem, pair.pem)], world.client_ca.pem, require_client_auth=True)
    plain, secured = serve(made), serve(made, secure)
    native(world, "grpc", [f"h2c://127.0.0.1:{plain[1]}"])
    client = world.client("to grpc")
    entry = world.gateway.add_certificate(client.pem + client.key_pem)
    place = f"localhost:{secured[1]}"
    native(world, "grpc-mtls", [f"https://{place}"], tls=[(place, entry, pair.spki_sha256)], protocol="h2")
    yield made
    plain[0].stop(None)
    secured[0].stop(None)


class Client:
    def __init__(self, world, host, replica=None, pair=None):
        gateway = world.gateway
        files = (pair.key_pem, pair.pem) if pair else (None, None)
        self.channel = grpc.secure_channel(
            f"127.0.0.1:{(replica or world.a).port}",
            grpc.ssl_channel_credentials(gateway.server_ca.pem, *files),
            [("grpc.ssl_target_name_override", host), ("grpc.default_authority", host), ("grpc.enable_retries", 0)])

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.channel.close()

    def __getattr__(self, name):
        kind = {"Down": "unary_stream", "Endless": "unary_stream", "Up": "stream_unary", "Both": "stream_stream"}
        return getattr(self.channel, kind.get(name, "unary_unary"))(f"/test.Service/{name}")


@pytest.fixture(params=["grpc", "grpc-mtls"])
def client(world, service, request):
    with Client(world, f"{request.param}.gw.test") as made:
        yield made


def failure(call, *arguments, **more):
    with pytest.raises(grpc.RpcError) as raised:
        call(*arguments, timeout=more.pop("timeout", DEADLINE), **more)
    return raised.value


def test_unary_with_metadata_both_ways(world, service, client):
    answer, call = client.Unary.with_call(b"hello", timeout=DEADLINE, metadata=[
        ("x-mine", "1"), ("x-mine-bin", b"\xff"), ("x-forwarded-client-cert", "Hash=0"), ("x-forwarded-for", "6.6.6.6")])
    assert answer == b"olleh" and call.code() == Code.OK
    assert dict(call.initial_metadata())["x-early"] == "1"
    assert dict(call.trailing_metadata())["x-late"] == "2" and dict(call.trailing_metadata())["x-late-bin"] == b"\0\1"
    seen = service.seen["Unary"]
    assert seen["x-mine"] == "1" and seen["x-mine-bin"] == b"\xff" and seen["x-forwarded-for"] == "127.0.0.1"
    assert seen.get("x-forwarded-client-cert") != "Hash=0"
    line = record(world, dict(call.initial_metadata())["x-request-id"])
    assert (line["status"], line["grpc_status"], line["upstream_http2"]) == (200, 0, True)


def test_the_three_kinds_of_streams(client):
    assert [int(n) for n in client.Down(b"500", timeout=DEADLINE)] == list(range(500))
    assert client.Up((b"x" * 1000 for _ in range(500)), timeout=DEADLINE) == b"500000"
    assert client.Unary(b"x" * 3_000_000, timeout=DEADLINE) == b"x" * 3_000_000


def test_both_directions_take_turns(client):
    more = threading.Semaphore(0)

    def messages():
        for n in range(50):
            yield b"m%d" % n
            assert more.acquire(timeout=DEADLINE)  # the answer to this one came first

    for n, answer in enumerate(client.Both(messages(), timeout=DEADLINE)):
        assert answer == b"M%d" % n
        more.release()
    assert n == 49


def test_a_status_of_the_service_passes_as_it_is(world, client):
    error = failure(client.Fail, b"")
    assert (error.code(), error.details()) == (Code.FAILED_PRECONDITION, "not \u00fc today")
    line = record(world, dict(error.initial_metadata() or error.trailing_metadata())["x-request-id"])
    assert (line["grpc_status"], line["reason"]) == (9, "ALLOWED")
    assert failure(client.Unknown, b"").code() == Code.UNIMPLEMENTED


def test_a_deadline_ends_the_call_on_both_sides(service, client):
    service.cancelled.clear()
    assert failure(client.Slow, b"", timeout=0.5).code() == Code.DEADLINE_EXCEEDED
    assert service.cancelled.wait(DEADLINE)


def test_a_caller_that_cancels_ends_the_call_of_the_service(service, client):
    service.cancelled.clear()
    call = client.Endless(b"x" * 1000, timeout=DEADLINE)
    assert next(call) == b"x" * 1000
    call.cancel()
    assert service.cancelled.wait(DEADLINE)


def test_many_calls_of_many_callers_at_once(world, service):
    with Client(world, "grpc.gw.test") as one, Client(world, "grpc.gw.test") as two, \
            concurrent.futures.ThreadPoolExecutor(32) as pool:
        calls = [pool.submit((one, two)[n % 2].Unary, b"n%d" % n, timeout=DEADLINE) for n in range(500)]
        assert [call.result() for call in calls] == [(b"n%d" % n)[::-1] for n in range(500)]


# What the gateway says by itself.

def test_the_gateway_ends_a_call_at_its_callers_deadline(world):
    """By a caller that does not end it itself."""
    origin = Http2Origin(answer=lambda request: None)
    native(world, "grpc-silent", [origin.url])
    with Http2(world.a, "grpc-silent.gw.test") as h2:
        reply = h2.get("/test.Service/Slow", method="POST", more=[
            ("content-type", "application/grpc+proto"), ("te", "trailers"), ("grpc-timeout", "300m")])
    assert reply.status == 200 and reply.headers["grpc-status"] == "4" and "content-length" not in reply.headers
    assert len(reply.heads) == 1 and reply.body == b""
    origin.wait(lambda: origin.requests[0].reset == CANCEL, "the upstream is told")
    assert origin.requests[0].one("te") == "trailers" and origin.requests[0].one("grpc-timeout") == "300m"
    origin.close()


def test_a_callers_impatience_costs_the_target_nothing(world):
    origin = Http2Origin(answer=lambda request: request.answer() if request.one(":path") == "/test.Service/Good" else None)
    native(world, "grpc-hasty", [origin.url], ejection={"failures": 2, "baseMs": 600_000, "maxMs": 600_000})
    with Http2(world.a, "grpc-hasty.gw.test") as h2:
        for timeout in ["1n", "20m"] * 4:
            reply = h2.get("/test.Service/Slow", method="POST", more=[
                ("content-type", "application/grpc"), ("te", "trailers"), ("grpc-timeout", timeout)])
            assert reply.headers["grpc-status"] == "4"
        assert h2.get("/test.Service/Good").status == 200
    assert all(request.one("grpc-timeout") != "1n" for request in origin.requests), "too late before it begins"
    origin.close()
    assert sum(world.a.metric("sallyport_upstream_ejections_total", api="grpc-hasty", cause=cause)
               for cause in ("answer", "connect")) == 0


def test_what_the_upstream_resets_is_reset(world):
    codes = iter([CANCEL, ENHANCE_YOUR_CALM, INTERNAL_ERROR])
    origin = Http2Origin(answer=lambda request: request.cancel(next(codes)))
    native(world, "grpc-reset", [origin.url], retries={"disabled": True})
    with Client(world, "grpc-reset.gw.test") as client:
        assert failure(client.Unary, b"").code() == Code.CANCELLED
        assert failure(client.Unary, b"").code() == Code.RESOURCE_EXHAUSTED
        assert failure(client.Unary, b"").code() == Code.INTERNAL
    origin.close()


def test_refusals_are_statuses(world):
    service = Service()
    server, port = serve(service)
    world.gateway.add_api({
        "name": "grpc-keys", "api_id": "grpc-keys", "org_id": "default", "active": True, "domain": "grpc-keys.gw.test",
        "proxy": {"listen_path": "/", "target_url": f"h2c://127.0.0.1:{port}"}, "auth_configs": {"authToken": {"use_certificate": True}},
        "use_standard_auth": True,
        "version_data": {"not_versioned": True, "default_version": "Default", "versions": {"Default": {"name": "Default"}}}})
    pair = world.client("grpc caller")
    entry = world.gateway.add_certificate(pair.pem)
    world.gateway.create_key(session("grpc-keys", certificate=entry, rate=2, per=60))
    with Client(world, "grpc-keys.gw.test") as nobody:
        error = failure(nobody.Unary, b"")
        assert error.code() == Code.UNAUTHENTICATED and error.details()
        line = record(world, dict(error.initial_metadata() or error.trailing_metadata())["x-request-id"])
        assert (line["status"], line["grpc_status"]) == (200, 16) and line["reason"] != "ALLOWED"
    with Client(world, "grpc-keys.gw.test", pair=world.client("unknown caller")) as unknown:
        assert failure(unknown.Unary, b"").code() in (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)
    with Client(world, "grpc-keys.gw.test", pair=pair) as known:
        assert known.Unary(b"ab", timeout=DEADLINE) == b"ba"
        assert known.Unary(b"ab", timeout=DEADLINE) == b"ba"
        assert failure(known.Unary, b"").code() == Code.RESOURCE_EXHAUSTED
    assert set(service.seen) == {"Unary"}
    server.stop(None)
    with Client(world, "nowhere.gw.test") as nowhere:
        assert failure(nowhere.Unary, b"").code() == Code.UNIMPLEMENTED
    native(world, "grpc-down", [f"h2c://127.0.0.1:{port}"])
    with Client(world, "grpc-down.gw.test") as down:
        assert failure(down.Unary, b"").code() == Code.UNAVAILABLE


def test_over_http1_and_without_its_content_type_the_answer_is_the_usual_one(world):
    with Http2(world.a, "nowhere.gw.test") as h2:
        assert h2.get("/x", more=[("content-type", "application/grpc-web")]).status == 404
        assert h2.get("/x", more=[("content-type", "application/grpc")]).status == 200
    answer = world.a.curl("/x", host="nowhere.gw.test", headers=["Content-Type: application/grpc"], options=["--http1.1"])
    assert answer.status == 404 and answer.json()["reason"] == "NO_ROUTE" and "grpc-status" not in answer.headers
