"""Few open files and many idle clients: the data plane stays alive, keeps what is its own, says so once and
does not spin."""

import json
import os
import pathlib
import resource
import socket
import time

import pytest

from gateway import DEADLINE, classic, wait_for
from raw import Connection

HOST = "crowded.gw.test"


def cpu_seconds(process):
    user, system = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def not_taken(replica, cause):
    return replica.metric("sallyport_connections_not_taken_total", cause=cause)


class Crowd:
    """Idle clients that say nothing."""

    def __init__(self, port):
        self._port, self._sockets = port, []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.leave()

    def come(self, count):
        for _ in range(count):
            self._sockets.append(socket.create_connection(("127.0.0.1", self._port), DEADLINE))

    def leave(self):
        for one in self._sockets:
            one.close()
        self._sockets = []


@pytest.fixture(scope="module")
def origin(world):
    made = world.origin("crowded")
    world.gateway.add_api(classic("crowded", made.url, domain=HOST, use_keyless=True))
    return made


@pytest.fixture()
def replica(world, origin):
    made = world.gateway.start_dataplane(system_trust=world.trust, threads=2, open_files=256)
    yield made
    made.stop()
    world.gateway.replicas.remove(made)


def test_clients_never_get_the_descriptors_that_the_rest_needs(world, origin, replica):
    warned = wait_for(lambda: replica.lines("listen.fewer_connections"), "the log says so")
    assert len(warned) == 1 and json.loads(warned[0])["open_files"] == 256, "said at start"
    with Connection(replica, HOST) as early, Crowd(replica.port) as crowd:
        crowd.come(400)
        wait_for(lambda: not_taken(replica, "limit") >= 200, "the surplus is turned away")
        assert replica.metric("sallyport_connections") <= 150
        assert not_taken(replica, "descriptors") == 0
        assert replica.ready(), "/readyz still answers"
        assert early.get()[0] == 200, "and who is in is served, upstream connection included"
        wait_for(lambda: replica.lines("listen.too_many_connections"), "the log says so")
        assert len(replica.lines("listen.too_many_connections")) == 1, "once, not once a connection"
    wait_for(lambda: replica.curl("/x", host=HOST).status == 200, "served again when the crowd has gone")


def test_without_any_descriptor_it_waits_and_recovers(world, origin, replica):
    used = len(list(pathlib.Path(f"/proc/{replica.pid}/fd").iterdir()))
    with Connection(replica, HOST) as early, Crowd(replica.port) as crowd:
        assert early.get()[0] == 200
        # Below what ConnectionLimits counted on at start: nothing is left for anybody.
        resource.prlimit(replica.pid, resource.RLIMIT_NOFILE, (used + 20, 256))
        crowd.come(200)
        wait_for(lambda: replica.lines("listen.no_descriptors"), "it says what is missing")
        before, began = cpu_seconds(replica), time.monotonic()
        wait_for(lambda: time.monotonic() - began > 2, "two seconds of it")
        spent = (cpu_seconds(replica) - before) / (time.monotonic() - began)
        print(f"{spent * 100:.1f} % of a core while no descriptor is left")
        assert spent < 0.25, "it does not spin"
        assert early.get()[0] == 200, "a living connection is served from the upstream pool"
        replica.require_alive()
        resource.prlimit(replica.pid, resource.RLIMIT_NOFILE, (256, 256))
        wait_for(lambda: not_taken(replica, "descriptors") > 0, "the metric tells of it")
    wait_for(lambda: replica.curl("/x", host=HOST).status == 200, "recovered")
    assert len(replica.lines("listen.no_descriptors")) == 1, "said once for all loops and attempts"
