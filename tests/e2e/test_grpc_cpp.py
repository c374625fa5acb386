"""gRPC's client in C++ (tests/fakes/grpc_probe.cc) through the gateway, with its client certificate: every kind of call, deadlines,
and what it makes of refusals. Python's client, which test_grpc.py has, is the same core with another surface; what it does not show
is how calls end that are written and read one by one."""

import concurrent.futures
import json
import os
import pathlib
import subprocess

import grpc
import pytest

from gateway import DEADLINE, session
from test_grpc import Service, serve

BUILD = pathlib.Path(os.environ["BUILD_UNDER_TEST"])
PROBE = BUILD / "tests/fakes/grpc_probe"
pytestmark = pytest.mark.skipif(BUILD.name in ("asan", "tsan"), reason="not built for sanitisers")
HOST = "cpp.gw.test"
Code = {code.name: code.value[0] for code in grpc.StatusCode}


@pytest.fixture(scope="module")
def service(world):
    made = Service()
    server, port = serve(made)
    made.caller = world.client("caller in C++")
    entry = world.gateway.add_certificate(made.caller.pem)
    for name, keys in (("cpp", {"auth_configs": {"authToken": {"use_certificate": True}}, "use_standard_auth": True}),
                       ("cpp-static", {"use_keyless": True, "use_mutual_tls_auth": True})):
        more = {"client_certificates": [entry]} if "static" in name else {}
        world.gateway.add_api({
            "name": name, "api_id": name, "org_id": "default", "active": True, "domain": f"{name}.gw.test", **keys, **more,
            "proxy": {"listen_path": "/", "target_url": f"h2c://127.0.0.1:{port}"},
            "version_data": {"not_versioned": True, "default_version": "Default", "versions": {"Default": {"name": "Default"}}}})
    world.gateway.create_key(session("cpp", certificate=entry))
    world.gateway.settle()
    yield made
    server.stop(None)


def probe(world, pair, method, count=1, size=100, host=HOST, timeout_ms=None):
    gateway = world.gateway
    command = [str(PROBE), "--target", f"127.0.0.1:{world.a.port}", "--authority", host, "--ca", str(gateway.server_ca.cert)]
    if pair is not None:
        command += ["--cert", str(pair.cert), "--key", str(pair.key)]
    if timeout_ms is not None:
        command += ["--timeout-ms", str(timeout_ms)]
    done = subprocess.run([*command, method, str(count), str(size)], capture_output=True, text=True, timeout=2 * DEADLINE)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("host", [HOST, "cpp-static.gw.test"])
def test_every_kind_of_call(world, service, host):
    def call(*what):
        told = probe(world, service.caller, *what, host=host)
        assert told["code"] == Code["OK"], told
        return told
    unary = call("Unary", 1, 200_000)
    assert (unary["received"], unary["bytes"], unary["late"]) == (1, 200_000, 1)
    assert call("Up", 300, 5000)["last"] == "1500000"
    down = call("Down", 400)
    assert (down["received"], down["last"]) == (400, "399")
    both = call("Both", 100, 2000)
    assert (both["received"], both["bytes"], both["last"]) == (100, 200_000, "X" * 40)


def test_deadlines_and_failures_of_the_service(world, service):
    service.cancelled.clear()
    assert probe(world, service.caller, "Slow", timeout_ms=700)["code"] == Code["DEADLINE_EXCEEDED"]
    assert service.cancelled.wait(DEADLINE), "the service hears of it"
    service.cancelled.clear()
    endless = probe(world, service.caller, "Endless", timeout_ms=700)
    assert endless["code"] == Code["DEADLINE_EXCEEDED"] and endless["received"] > 0
    assert service.cancelled.wait(DEADLINE)
    failed = probe(world, service.caller, "Fail")
    assert failed["code"] == Code["FAILED_PRECONDITION"] and failed["message"].startswith("not ")
    assert probe(world, service.caller, "Unknown")["code"] == Code["UNIMPLEMENTED"]


def test_what_the_gateway_refuses_is_a_status(world, service):
    seen = set(service.seen)
    stranger = world.client("stranger in C++")
    for method, count, size in (("Unary", 1, 10), ("Unary", 1, 3_000_000), ("Up", 400, 10_000), ("Down", 5, 1), ("Both", 5, 10)):
        told = probe(world, None, method, count, size)
        assert told["code"] == Code["UNAUTHENTICATED"] and told["message"], (method, told)
        assert told["received"] == 0
        told = probe(world, stranger, method, count, size)
        assert told["code"] in (Code["UNAUTHENTICATED"], Code["PERMISSION_DENIED"]), (method, told)
        told = probe(world, stranger, method, count, size, host="cpp-static.gw.test")
        assert told["code"] == Code["PERMISSION_DENIED"], (method, told)
        assert probe(world, None, method, count, size, host="nowhere.gw.test")["code"] == Code["UNIMPLEMENTED"]
    assert set(service.seen) == seen


def test_callers_side_by_side(world, service):
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(probe, world, service.caller if n % 2 else None, "Both", 20, 1000) for n in range(16)]
    codes = [call.result()["code"] for call in calls]
    assert codes == [Code["OK"] if n % 2 else Code["UNAUTHENTICATED"] for n in range(16)]
