"""Certificate files of running services are swapped on disk: new handshakes show the new one, living connections
and requests see nothing of it, and a broken file changes nothing but the log."""

import os
import socket
import ssl
import threading

import pytest
import requests

import stubs
from gateway import DEADLINE, classic, wait_for
from pki import CLIENT, SERVER
from raw import Connection

HOST = "swap.gw.test"


def put(path, content):
    """As careful tools do it: the name changes hands at once."""
    beside = path.with_suffix(".new")
    beside.write_bytes(content)
    os.chmod(beside, 0o600)
    os.replace(beside, path)


def shown(port, name, tls=None):
    """The DER of the server certificate that a new handshake shows, whoever issued it; None without a handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if tls is not None:
        context.load_cert_chain(tls / "tls.crt", tls / "tls.key")
        context.set_alpn_protocols(["h2"])
    try:
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as raw:
            with context.wrap_socket(raw, server_hostname=name) as connection:
                return connection.getpeercert(binary_form=True)
    except OSError:
        return None


class Traffic:
    """Requests without pause, each on a new connection; what fails is kept."""

    def __init__(self, request):
        self._request, self._end, self.count, self.failed = request, threading.Event(), 0, []
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._end.is_set():
            try:
                self._request()
                self.count += 1
            except Exception as error:  # noqa: BLE001: whatever it is, it counts
                self.failed.append(repr(error))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exception):
        self._end.set()
        self._thread.join(2 * DEADLINE)
        if exception[0] is None:
            assert self.failed == [] and self.count > 0, self.failed[:3]


def server_pair(world, name="gateway server"):
    return world.pki.issue(name, world.gateway.server_ca, usages=[SERVER], sans=["*.gw.test", "localhost", "127.0.0.1"])


class Files:
    """A certificate and its key on disk, as a service is told to read them."""

    def __init__(self, certificate, key, pair):
        self.certificate, self.key, self.pair = certificate, key, pair

    def swap(self, pair):
        put(self.key, pair.key_pem)
        put(self.certificate, pair.pem)
        self.pair = pair


@pytest.fixture(scope="module")
def dataplane(world, tmp_path_factory):
    directory = tmp_path_factory.mktemp("files")
    pair = server_pair(world)
    files = Files(directory / "tls.crt", directory / "tls.key", pair)
    files.swap(pair)
    files.cert = files.certificate
    origin = world.origin("swap")
    world.gateway.add_api(classic("swap", origin.url, domain=HOST, use_keyless=True))
    files.replica = world.gateway.start_dataplane(system_trust=world.trust, threads=2, server=files)
    files.origin = origin
    return files


def every_loop_shows(replica, pair):
    """Connections spread over the loops: not one of many shows another certificate."""
    return all(shown(replica.port, HOST) == pair.der for _ in range(16))


def test_the_data_plane_shows_a_swapped_certificate(world, dataplane):
    replica, renewed = dataplane.replica, server_pair(world, "renewed server")

    def request():
        with Connection(replica, HOST) as client:
            assert client.get()[0] == 200
    with Connection(replica, HOST) as living, Traffic(request):
        assert living.get()[0] == 200
        dataplane.swap(renewed)
        wait_for(lambda: every_loop_shows(replica, renewed), "new handshakes show the new certificate")
        assert living.get()[0] == 200, "the connection of before lives on"


BROKEN = {
    "garbage": lambda pair, other: (b"no certificate", pair.key_pem),
    "half a certificate": lambda pair, other: (pair.pem[:300], pair.key_pem),
    "empty": lambda pair, other: (b"", pair.key_pem),
    "key of another": lambda pair, other: (pair.pem, other.key_pem),
    "garbage for a key": lambda pair, other: (pair.pem, b"no key"),
}


@pytest.mark.parametrize("how", sorted(BROKEN))
def test_the_data_plane_keeps_its_certificate_when_the_new_file_is_broken(world, dataplane, how):
    replica, before = dataplane.replica, dataplane.pair
    certificate, key = BROKEN[how](server_pair(world, "to be broken"), server_pair(world, "other"))
    errors = len(replica.lines("listen.certificate_reload"))

    def request():
        with Connection(replica, HOST) as client:
            assert client.get()[0] == 200
    with Traffic(request):
        put(dataplane.key, key)
        put(dataplane.certificate, certificate)
        wait_for(lambda: len(replica.lines("listen.certificate_reload")) >= errors + 2, "each loop logs it")
        assert every_loop_shows(replica, before)
    line = replica.lines("listen.certificate_reload")[-1]
    assert '"error"' in line and str(dataplane.certificate) in line, line
    assert "PRIVATE KEY" not in replica.text()
    healed = server_pair(world, "healed")
    dataplane.swap(healed)
    wait_for(lambda: every_loop_shows(replica, healed), "a good file is taken again")


@pytest.fixture(scope="module")
def grpc_files(world):
    """What `sallyctl init` made for authsvc: one directory for gRPC and the admin listener."""
    directory = world.gateway.role_directory("authsvc")
    found = Files(directory / "tls.crt", directory / "tls.key", None)
    found.original = (found.certificate.read_bytes(), found.key.read_bytes())
    found.original_der = ssl.PEM_cert_to_DER_cert(found.original[0].decode())
    yield found
    put(found.key, found.original[1])
    put(found.certificate, found.original[0])


def both_show(world, der):
    """Both listeners of authsvc, asked by who may."""
    admin = world.gateway.role_directory("admin")
    return shown(world.gateway.admin_port, "localhost") == der and shown(world.gateway.grpc_port, "localhost", admin) == der


def control_server(world):
    """A new certificate for authsvc by the control CA, made by the tool that operators use."""
    done = world.gateway.run_ctl("pki", "renew", str(world.gateway.home), context=False)
    assert done.returncode == 0, done.stdout + done.stderr


def ask(world):
    messages, services = stubs.load("admin")
    with stubs.channel(world.gateway.grpc_port, world.gateway.role_directory("admin")) as channel:
        services.AdminStub(channel).Status(messages.StatusRequest(), timeout=DEADLINE)


def test_authsvc_keeps_its_certificate_when_the_new_file_is_broken(world, grpc_files):
    other = world.pki.issue("no control certificate", world.client_ca, usages=[SERVER, CLIENT], sans=["localhost"])
    for certificate, key in ((b"no certificate", grpc_files.original[1]), (grpc_files.original[0][:200], grpc_files.original[1]),
                             (grpc_files.original[0], other.key_pem), (grpc_files.original[0], b"")):
        said = {event: world.gateway.authsvc.text().count(event) for event in ("admin_http.certificate_reload", "rpc.certificate_reload")}
        put(grpc_files.key, key)
        put(grpc_files.certificate, certificate)
        for event, before in said.items():
            wait_for(lambda: world.gateway.authsvc.text().count(event) > before, f"{event} is logged")
        assert both_show(world, grpc_files.original_der)
        ask(world)
    assert "PRIVATE KEY" not in world.gateway.authsvc.text()
    put(grpc_files.key, grpc_files.original[1])
    put(grpc_files.certificate, grpc_files.original[0])


def test_authsvc_shows_a_swapped_certificate(world, grpc_files):
    admin = requests.Session()
    admin.headers["X-Tyk-Authorization"] = world.gateway.admin_key

    def living():
        return admin.get(f"https://127.0.0.1:{world.gateway.admin_port}/tyk/policies", verify=False, timeout=DEADLINE).status_code
    assert living() == 200
    wait_for(lambda: world.a.metric("sallyport_stream_healthy") == 1, "the stream is there")
    ended = len(world.a.lines("sync.stream_ended"))
    with Traffic(lambda: ask(world)):
        control_server(world)
        renewed = ssl.PEM_cert_to_DER_cert(grpc_files.certificate.read_text())
        assert renewed != grpc_files.original_der
        wait_for(lambda: both_show(world, renewed), "both listeners show the new certificate")
        assert living() == 200
    wait_for(lambda: world.a.metric("sallyport_stream_healthy") == 1, "the stream is there still")
    assert len(world.a.lines("sync.stream_ended")) == ended, "and was so all the time"
    grpc_files.original, grpc_files.original_der = (grpc_files.certificate.read_bytes(), grpc_files.key.read_bytes()), renewed
