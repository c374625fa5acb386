"""Two data planes behind a real HAProxy that passes TLS on and asks /readyz, restarted one after the other."""

import csv
import signal
import socket

from gateway import DEADLINE, Process, wait_for
from callers import Callers, Curl, H2load
from origins import free_port

NOTICE = "300ms"  # longer than HAProxy takes to notice
HOST = "rolling.gw.test"


class Balancer(Process):
    def __init__(self, gateway, replicas):
        self.gateway, self.port = gateway, free_port()
        self._stats = gateway.directory / "haproxy.stats"
        config = gateway.directory / "balancer.cfg"
        servers = "".join(f"  server {name} 127.0.0.1:{port} check port {metrics} inter 100ms fall 1 rise 1\n"
                          for name, (port, metrics) in replicas.items())
        config.write_text(f"""
global
  maxconn 5000
  stats socket {self._stats}
defaults
  mode tcp
  timeout client 300s
  timeout server 300s
  timeout connect 5s
  timeout check 5s
frontend all
  bind 127.0.0.1:{self.port}
  default_backend sallyport
backend sallyport
  option httpchk GET /readyz
  option redispatch
{servers}""")
        super().__init__("haproxy", ["/usr/sbin/haproxy", "-db", "-f", str(config)], gateway.directory / "balancer.log")

    def sees_up(self):
        """The names of the servers that it sends connections to."""
        self.require_alive()
        with socket.socket(socket.AF_UNIX) as stats:
            stats.settimeout(DEADLINE)
            try:
                stats.connect(str(self._stats))
            except (FileNotFoundError, ConnectionRefusedError):
                return set()
            stats.sendall(b"show stat\n")
            text = b""
            while piece := stats.recv(65536):
                text += piece
        rows = csv.DictReader(text.decode().lstrip("# ").splitlines())
        return {row["svname"] for row in rows if row["pxname"] == "sallyport" and row["svname"] != "BACKEND" and row["status"] == "UP"}


def start(world, ports):
    settings = {"timeouts.drain_notice": NOTICE, "timeouts.drain_idle": "500ms"}
    return world.gateway.start_dataplane(
        system_trust=world.trust, threads=2, port=ports[0], metrics_port=ports[1],
        options=[word for name, value in settings.items() for word in ("--set", f"{name}={value}")])


def roll(world, rounds, seconds, curls):
    """Restarts each of two data planes so often under load; returns what was done meanwhile. The API of HOST is there."""
    places = {name: (free_port(), free_port()) for name in ("a", "b")}
    replicas = {name: start(world, ports) for name, ports in places.items()}
    balancer = Balancer(world.gateway, places)
    try:
        wait_for(lambda: balancer.sees_up() == {"a", "b"}, "HAProxy sees both")
        loads = [H2load(balancer.port, HOST, seconds, "--h1", "-c6"),
                 Curl(balancer, HOST, curls), Curl(balancer, HOST, curls // 5, "-H", "Connection: close")]
        callers = Callers(balancer, HOST)
        for _ in range(rounds):
            for name in places:
                callers.some_more()
                replicas[name].send(signal.SIGTERM)
                replicas[name].wait()
                world.gateway.replicas.remove(replicas[name])
                replicas[name] = start(world, places[name])
                wait_for(lambda: balancer.sees_up() == {"a", "b"}, "HAProxy sees both again")
        callers.some_more()
        seen = callers.stop()
        done = [load.result() for load in loads]
    finally:
        balancer.kill()
    for replica in replicas.values():
        replica.stop()
        world.gateway.replicas.remove(replica)
    return seen, done
