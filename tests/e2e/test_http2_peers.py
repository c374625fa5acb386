"""HTTP/2 towards servers that others wrote: nginx and HAProxy, with and without TLS, and while they are reloaded."""

import concurrent.futures
import os
import signal
import socket
import threading

import pytest

from gateway import DEADLINE, Process, wait_for
from origins import free_port
from pki import SERVER
from raw_http2 import Http2
from test_balancing import native


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def peers(world):
    """{name: (plain port, TLS port with client certificates)}, and their processes."""
    directory = world.gateway.directory / "peers"
    directory.mkdir()
    pair = world.pki.issue("h2 peers", world.upstream_ca, usages=[SERVER], sans=["localhost"])
    origin = world.origin("behind peers")
    ports = {name: (free_port(), free_port()) for name in ("nginx", "haproxy")}
    (directory / "nginx.conf").write_text(f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/nginx.err info;
events {{ worker_connections 512; }}
http {{
  access_log off; client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/f;
  uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s; client_max_body_size 100m;
  keepalive_requests 100000;
  server {{
    listen 127.0.0.1:{ports["nginx"][0]} http2;
    listen 127.0.0.1:{ports["nginx"][1]} ssl http2;
    ssl_certificate {pair.cert}; ssl_certificate_key {pair.key};
    ssl_client_certificate {world.client_ca.cert}; ssl_verify_client on;
    location / {{ proxy_pass http://127.0.0.1:{origin.port}; }}
    location /short {{ return 200 "nginx $server_protocol"; }}
    location /big {{ alias {directory}/big; }}
  }}
}}
""")
    (directory / "big").write_bytes(b"0123456789abcdef" * 500_000)
    (directory / "haproxy.cfg").write_text(f"""
global
  maxconn 500
defaults
  mode http
  timeout client 30s
  timeout server 30s
  timeout connect 5s
frontend all
  bind 127.0.0.1:{ports["haproxy"][0]} proto h2
  bind 127.0.0.1:{ports["haproxy"][1]} ssl crt {pair.both} alpn h2 ca-file {world.client_ca.cert} verify required
  http-request return status 200 content-type text/plain string haproxy if {{ path /short }}
  default_backend origin
backend origin
  server origin 127.0.0.1:{origin.port}
""")
    running = {"nginx": Process("nginx", ["/usr/sbin/nginx", "-p", str(directory), "-c", str(directory / "nginx.conf")],
                                directory / "nginx.log"),
               "haproxy": Process("haproxy", ["/usr/sbin/haproxy", "-db", "-f", str(directory / "haproxy.cfg")],
                                  directory / "haproxy.log")}
    try:
        client = world.client("to peers")
        entry = world.gateway.add_certificate(client.pem + client.key_pem)
        for name, (plain, tls) in ports.items():
            wait_for(lambda: running[name].require_alive() and listens(plain), f"{name} listens")
            native(world, f"{name}-h2c", [f"h2c://127.0.0.1:{plain}/"])
            native(world, f"{name}-tls", [f"https://localhost:{tls}/"], tls=[(f"localhost:{tls}", entry, pair.spki_sha256)],
                   protocol="auto")
        yield running, origin
    finally:
        running["nginx"].stop()  # its workers would outlive it
        running["haproxy"].kill()


@pytest.mark.parametrize("option", ["--http1.1", "--http2"])
@pytest.mark.parametrize("name", ["nginx-h2c", "nginx-tls", "haproxy-h2c", "haproxy-tls"])
def test_requests_bodies_and_heads(world, peers, name, option):
    host, origin = f"{name}.gw.test", peers[1]
    answer = world.a.curl("/short", host=host, options=[option])
    assert answer.status == 200 and answer.body in ("nginx HTTP/2.0", "haproxy")
    assert world.a.curl("/x", host=host, options=[option]).json()["target"] == "/x"
    made = world.gateway.directory / "peer-upload.bin"
    made.write_bytes(b"x" * 3_000_000)
    answer = world.a.curl("/up", host=host, options=[option, "--data-binary", f"@{made}"])
    assert answer.json()["bytes"] == 3_000_000, "with Expect: 100-continue over HTTP/1.1, as curl does"
    answer = world.a.curl("/head", host=host, method="HEAD", options=[option])
    assert answer.status == 200 and int(answer.headers["content-length"]) > 0
    assert origin.last().one("X-Forwarded-Host").startswith(host)
    if name.startswith("nginx"):
        assert world.a.curl("/big", host=host, options=[option]).body == "0123456789abcdef" * 500_000


@pytest.mark.parametrize("name", ["nginx-h2c", "nginx-tls", "haproxy-h2c", "haproxy-tls"])
def test_many_at_once(world, peers, name):
    with Http2(world.a, f"{name}.gw.test") as h2:
        assert h2.get("/short").status == 200
        streams = [h2.request("/x") for _ in range(100)]
        assert all(h2.answer(stream).status == 200 for stream in streams)


def test_an_upstream_that_is_reloaded_loses_no_request(world, peers):
    """nginx tells its old connections to go (GOAWAY), and closes them."""
    nginx = peers[0]["nginx"]
    stop, counts, failures = threading.Event(), [0] * 4, []

    def calls(n):
        with Http2(world.a, "nginx-h2c.gw.test") as h2:
            while not stop.is_set():
                stream = h2.request("/short", method="POST" if n % 2 else "GET", end=n % 2 == 0)
                if n % 2:
                    h2.data(stream, b"x" * 3000, end=True)
                reply = h2.answer(stream)
                if reply.status != 200:
                    failures.append((n, reply.heads, reply.body, reply.reset))
                    return
                counts[n] += 1

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        running = [pool.submit(calls, n) for n in range(4)]
        for _ in range(8):
            before = list(counts)
            nginx.send(signal.SIGHUP)
            wait_for(lambda: failures or all(now >= then + 30 for now, then in zip(counts, before)), "calls go on", 2 * DEADLINE)
        stop.set()
        for one in running:
            one.result()
    assert not failures
