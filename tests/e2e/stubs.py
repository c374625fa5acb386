"""Python stubs of the wire contracts, made from proto/ by protoc when they are first needed."""

import contextlib
import importlib
import pathlib
import subprocess
import sys
import tempfile

import grpc

from gateway import DEADLINE

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
_made = None


def load(name):
    """(messages, services) of proto/sallyport/v1/NAME.proto."""
    global _made
    if _made is None:
        _made = tempfile.TemporaryDirectory(prefix="sallyport-stubs-")
        plugin = subprocess.run(["which", "grpc_python_plugin"], capture_output=True, text=True, check=True)
        subprocess.run(["protoc", f"-I{PROTO}", f"--python_out={_made.name}", f"--grpc_out={_made.name}",
                        f"--plugin=protoc-gen-grpc={plugin.stdout.strip()}",
                        *(str(path) for path in sorted((PROTO / "sallyport" / "v1").glob("*.proto")))], check=True)
        sys.path.insert(0, _made.name)
    return (importlib.import_module(f"sallyport.v1.{name}_pb2"),
            importlib.import_module(f"sallyport.v1.{name}_pb2_grpc"))


@contextlib.contextmanager
def channel(port, tls):
    """A channel to authsvc; `tls` is a directory with tls.crt, tls.key and ca.crt, or with ca.crt alone."""
    files = [(tls / name).read_bytes() if (tls / name).exists() else None for name in ("ca.crt", "tls.key", "tls.crt")]
    with grpc.secure_channel(f"127.0.0.1:{port}", grpc.ssl_channel_credentials(*files)) as made:
        yield made


# grpc.health.v1.

SERVING, NOT_SERVING = 1, 2
DECIDING = ("", "sallyport.v1.Authorization", "sallyport.v1.Distribution", "sallyport.v1.Telemetry")
ADMIN = "sallyport.v1.Admin"


def health(made, service=""):
    """The status of one service; its two messages are a string and a number in field 1."""
    check = made.unary_unary("/grpc.health.v1.Health/Check",
                             request_serializer=lambda name: b"\x0a" + bytes([len(name)]) + name.encode(),
                             response_deserializer=lambda answer: answer[1] if answer[:1] == b"\x08" else 0)
    return check(service, timeout=DEADLINE)


def all_serving(made):
    return all(health(made, name) == SERVING for name in (*DECIDING, ADMIN))


def only_admin_is_down(made):
    assert all(health(made, name) == SERVING for name in DECIDING), "a store outage never becomes a decision outage"
    return health(made, ADMIN) == NOT_SERVING
