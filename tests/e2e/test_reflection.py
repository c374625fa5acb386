"""gRPC reflection: off unless switched on, and only for control certificates."""

import grpc
import pytest

import stubs
from gateway import DEADLINE

LIST_SERVICES = b"\x3a\x00"  # ServerReflectionRequest{list_services: ""}


def services(port, tls):
    """The raw answer to list_services; the status where it is refused."""
    with stubs.channel(port, tls) as channel:
        call = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        try:
            return b"".join(call(iter([LIST_SERVICES]), timeout=DEADLINE))
        except grpc.RpcError as error:
            return error.code()


@pytest.fixture(scope="module")
def reflecting(world):
    return world.gateway.start_another_authsvc(options=["--set", "grpc.reflection=true"])


@pytest.mark.parametrize("role", ["admin", "decision"])
def test_a_control_certificate_sees_the_services(world, reflecting, role):
    answer = services(reflecting.grpc_port, world.gateway.role_directory(role))
    assert isinstance(answer, bytes), answer
    for name in (b"sallyport.v1.Authorization", b"sallyport.v1.Admin", b"grpc.health.v1.Health"):
        assert name in answer


def test_without_a_control_certificate_nothing_is_seen(world, reflecting, tmp_path):
    (tmp_path / "ca.crt").write_bytes((world.gateway.role_directory("admin") / "ca.crt").read_bytes())
    assert services(reflecting.grpc_port, tmp_path) == grpc.StatusCode.UNAVAILABLE
    client = world.client("no control certificate")
    (tmp_path / "tls.crt").write_bytes(client.pem)
    (tmp_path / "tls.key").write_bytes(client.key_pem)
    assert services(reflecting.grpc_port, tmp_path) == grpc.StatusCode.UNAVAILABLE


def test_seeing_a_service_is_not_being_allowed_to_call_it(world, reflecting):
    messages, made = stubs.load("admin")
    with stubs.channel(reflecting.grpc_port, world.gateway.role_directory("decision")) as channel:
        with pytest.raises(grpc.RpcError) as refused:
            made.AdminStub(channel).List(messages.ListRequest(kind="Key"), timeout=DEADLINE)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_it_is_off_by_default(world):
    assert services(world.gateway.grpc_port, world.gateway.role_directory("admin")) == grpc.StatusCode.UNIMPLEMENTED
