import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import gateway as gateway_module  # noqa: E402
from cluster import Cluster  # noqa: E402
from origins import Origin  # noqa: E402
from pki import CLIENT, SERVER  # noqa: E402
from tunnels import Scripted  # noqa: E402


# The files that take longest: whoever runs several at a time begins with them, so that none is left alone at the end.
LONGEST = ("test_strict", "test_shared_tickets", "test_round_trip", "test_hostile_documents", "test_http2", "test_http2_upstream",
           "test_http2_floods", "test_stream_cut", "test_loops", "test_tcp_apis", "test_upstream_timeouts", "test_binary_upgrade",
           "test_bulk", "test_two_hosts", "test_nearly_good_answers", "test_certificate_files", "test_http2_peers", "test_denied",
           "test_faults", "test_slow_clients", "test_proxy_protocol", "test_rolling_restart", "test_seeds_tyk_client")


def pytest_collection_modifyitems(items):
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))


class World:
    """What most tests need: a gateway with two data planes, a client CA, a trusted upstream CA."""

    def __init__(self, directory):
        self.gateway = gateway_module.Gateway(directory)
        self.pki = self.gateway.pki
        self.client_ca = self.pki.issue("Client CA", ca=True)
        self.upstream_ca = self.pki.issue("Upstream CA", ca=True)
        self.trust = pathlib.Path(directory) / "trust"
        self.trust.mkdir()
        (self.trust / "any name.pem").write_bytes(self.upstream_ca.pem)
        self._origins = []
        with self.gateway.stopped_on_failure():
            self.start()

    def start(self):
        self.gateway.start_authsvc()
        self.a = self.gateway.start_dataplane(system_trust=self.trust, threads=2)
        self.b = self.gateway.start_dataplane(system_trust=self.trust)

    def origin(self, name="origin", **more):
        origin = Origin(name, **more)
        self._origins.append(origin)
        return origin

    def tls_origin(self, name, client_ca=None, sans=("localhost", "127.0.0.1"), **more):
        pair = self.pki.issue(name, self.upstream_ca, usages=[SERVER], sans=list(sans))
        return self.origin(name, pair=pair, client_ca=client_ca and client_ca.cert, **more)

    def client(self, name, issuer=None, **more):
        return self.pki.issue(name, issuer or self.client_ca, usages=[CLIENT], **more)

    def close(self):
        for origin in self._origins:
            origin.close()
        self.gateway.stop()


@pytest.fixture(scope="module", autouse=True)
def no_sanitizer_reports(tmp_path_factory):
    """What a sanitiser reports in any process fails the module: also in one that is killed, or whose exit code nobody
    looks at. Set up before everything else, so that it looks when all have ended."""
    directory = tmp_path_factory.mktemp("reports")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("TSAN_OPTIONS", "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"):
            patch.setenv(name, f"{os.environ.get(name, '')}:log_path={directory}/report")
        yield
    reports = sorted(directory.iterdir())
    for path in reports:
        print(path.read_text(errors="replace")[:8000])  # also when something else has failed the module already
    assert reports == [], "a sanitiser has reported: see the output"


@pytest.fixture()
def scripted():
    """Makes upstreams that run a script for each connection; what a script fails with fails the test."""
    made = []

    def make(script, context=None):
        made.append(Scripted(script, gateway_module.DEADLINE, context))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def world(request, tmp_path_factory):
    """A module that names another class as its WORLD gets one of those."""
    made = getattr(request.module, "WORLD", World)(tmp_path_factory.mktemp("world"))
    yield made
    made.close()


@pytest.fixture
def clean(world):
    """A world of which no object is left to the next test."""
    yield world
    world.clear()


@pytest.fixture
def cluster(world, tmp_path):
    return Cluster(world, tmp_path)
