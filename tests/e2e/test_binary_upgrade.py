"""SIGUSR2: a new process takes the place of the old one, and no client notices; or it does not, and nothing changes."""

import re
import signal
import socket
import threading

import pytest
import requests

from gateway import DEADLINE, classic, wait_for
from callers import Callers, Curl, FastOrigin, H2load, fresh, keep_alive
from origins import free_port
from pki import SERVER
from raw import Connection
from raw_http2 import Http2
from tunnels import Scripted, asked, switching

HOST = "upgraded.gw.test"
REAL = {"timeouts.drain_idle": "500ms"}


@pytest.fixture(scope="module")
def origin(world):
    made = FastOrigin(world.gateway.directory)
    world.gateway.add_api(classic("upgraded", made.url, domain=HOST, use_keyless=True))
    yield made
    made.close()


def start(world, **more):
    options = [word for name, value in {**REAL, **more.pop("settings", {})}.items() for word in ("--set", f"{name}={value}")]
    return world.gateway.start_dataplane(system_trust=world.trust, options=options, **more)


def told_ready(replica):
    """The old one may close a connection on which nobody has asked yet; it tells nobody that this place is not ready."""
    try:
        return replica.get("/readyz").status_code == 200
    except requests.ConnectionError:
        return replica.ready()


def ended(world, replica):
    replica.stop()
    world.gateway.replicas.remove(replica)


def test_five_upgrades_under_load_lose_nothing(world, origin):
    replica = start(world, threads=2)
    loads = [H2load(replica.port, HOST, 3, "--h1", "-c6"), Curl(replica, HOST, 400, "-H", "Connection: close")]
    callers = Callers(replica, HOST)
    for _ in range(5):
        callers.some_more()
        replica.upgrade()
        assert told_ready(replica), "whoever asks meets the new one"
    callers.some_more()
    seen, done = callers.stop(), [load.result() for load in loads]
    assert all(count > 100 for count in done), done
    assert all(count > 60 for count in seen.values()), seen
    replica.predecessors_end()
    assert len(replica.lines("upgrade.handing_over")) == 5 and not replica.lines("upgrade.failed")
    ended(world, replica)


def answers(place, host=HOST):
    with Connection(place, host) as client:
        return client.get()[0] == 200


def refused(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Place:
    def __init__(self, replica, port):
        self.gateway, self.port = replica.gateway, port


def test_loops_and_listeners_may_change_with_it(world, origin):
    """More sockets than loops, fewer, another port, one less: connections meet nobody's queue."""
    config = world.gateway.home / "dataplane.yaml"
    text = config.read_text()
    added, removed = free_port(), free_port()
    pair = world.pki.issue("gateway server", world.gateway.server_ca, usages=[SERVER], sans=["*.gw.test"])

    def configure(threads, port):
        item = re.search(r"^listeners:\n((?:  .*\n)+)", text, re.M).group(1)
        other = item
        for name, value in (("port", port), ("address", '"127.0.0.1"'), ("certificate_file", pair.cert), ("key_file", pair.key)):
            other = re.sub(rf"\b{name}: .*", f"{name}: {value}", other)
        config.write_text(f"threads: {threads}\n" + text.replace(item, item + other))
    try:
        configure(3, removed)
        replica = start(world, threads=None)
        assert answers(Place(replica, removed))
        callers = Callers(replica, HOST, kinds=(keep_alive, fresh), each=2)
        for threads in (1, 4):
            configure(threads, added)
            callers.some_more()
            replica.upgrade()
            assert all(answers(replica) for _ in range(24)), "every queue is attended"
            assert all(answers(Place(replica, added)) for _ in range(4))
            assert refused(removed)
        callers.stop()
        config.write_text("threads: 2\n" + text)
        replica.upgrade()
        replica.predecessors_end()
        assert refused(added) and answers(replica)
        ended(world, replica)
    finally:
        config.write_text(text)


def script(path, text):
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


def test_a_successor_that_fails_changes_nothing(world, origin, tmp_path):
    program, good = tmp_path / "sallyport-dataplane", world.gateway.binary("sallyport-dataplane")
    program.symlink_to(good)
    replica = start(world, threads=2, program=str(program))
    pid, callers = replica.pid, Callers(replica, HOST, kinds=(keep_alive, fresh))
    bad = {"exit 7": "ended with 7",
           f"exec {good} --set listeners.0.port=x": "ended with 2",
           # Ports that are in use: found out before it accepts anything.
           f'exec {good} "$@" --set metrics.port={origin.port}': "ended with 1",
           "exec 3>&-; exec sleep 600": "ended by signal 9"}
    for number, (what, told) in enumerate(bad.items()):
        program.unlink()
        script(program, what)
        callers.some_more()
        replica.send(signal.SIGUSR2)
        wait_for(lambda: len(replica.lines("upgrade.failed")) > number, what)
        assert told in replica.lines("upgrade.failed")[-1]
    program.unlink()
    replica.send(signal.SIGUSR2)
    wait_for(lambda: "No such file" in "".join(replica.lines("upgrade.failed")), "no program")
    callers.some_more()
    assert replica.popen.pid == pid and replica.ready()
    program.symlink_to(good)
    replica.upgrade()
    callers.some_more()
    callers.stop()
    ended(world, replica)


def test_a_successor_that_is_never_ready_is_ended(world, origin, tmp_path):
    script(tmp_path / "never", f'test -z "$SALLYPORT_INHERITED_SOCKETS" || exec sleep 600\n'
                               f'exec -a "$0" {world.gateway.binary("sallyport-dataplane")} "$@"')
    replica = start(world, program=str(tmp_path / "never"), settings={"timeouts.upgrade": "1s"})
    replica.send(signal.SIGUSR2)
    wait_for(lambda: replica.lines("upgrade.started"), "it is on")
    replica.send(signal.SIGUSR2)
    wait_for(lambda: replica.lines("upgrade.refused"), "one at a time")
    wait_for(lambda: replica.lines("upgrade.failed"), "it is late")
    assert "not ready within 1s" in replica.lines("upgrade.failed")[0]
    assert answers(replica) and replica.ready()
    ended(world, replica)


def test_what_is_under_way_is_finished_by_the_old_process(world, origin, tmp_path):
    gate = threading.Event()

    def answer(handler, request):
        gate.wait(10 * DEADLINE)
        handler.send_response(200)
        handler.send_header("Content-Length", "4")
        handler.end_headers()
        handler.wfile.write(b"done")

    def echo(taken):
        assert taken.head()
        taken.send(switching())
        while piece := taken.read(4):
            taken.send(piece)
    slow, tunnel = world.origin("slow", answer=answer), Scripted(echo, DEADLINE)
    world.gateway.add_api(classic("slow", slow.url, domain="slow.gw.test", use_keyless=True))
    world.gateway.add_api(classic("echo", tunnel.url, domain="echo.gw.test", use_keyless=True))
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.settimeout(DEADLINE)
    manager.bind(str(tmp_path / "notify"))
    replica = start(world, threads=2, settings={"timeouts.drain": f"{10 * DEADLINE:.0f}s"},
                    env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
    assert manager.recv(100) == b"READY=1"
    with Connection(replica, "slow.gw.test") as client, Connection(replica, "echo.gw.test") as switched, \
            Http2(replica, "slow.gw.test") as h2, socket.create_connection(("127.0.0.1", replica.port), DEADLINE):
        client.send("GET /x HTTP/1.1\r\nHost: slow.gw.test\r\n\r\n")
        stream = h2.request("/x")
        switched.send(asked("echo.gw.test"))
        assert switched.interim_answer() == 101
        wait_for(lambda: len(slow.requests) == 2, "the upstream has both")
        replica.upgrade()
        old = replica.predecessors[0]
        assert manager.recv(100).decode() == f"MAINPID={replica.pid}"
        assert answers(replica), "the new one serves"
        assert old.poll() is None, "the old one has work to do"
        h2.wait(lambda: h2.goaways, "it says that it goes")
        switched.send("ping")
        assert switched.rest() == b"ping"
        gate.set()
        assert client.answer()[2] == b"done" and client.ended()
        assert h2.answer(stream).body == b"done" and h2.end() == 0
        switched.send("pong")
        assert switched.rest() == b"pong"
        assert old.poll() is None, "a tunnel is open"
    replica.predecessors_end()
    assert answers(replica)
    ended(world, replica)
    assert manager.recv(100) == b"STOPPING=1", "of the new one, and nothing of the old one"
    tunnel.close()
    manager.close()
