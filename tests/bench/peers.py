"""nginx, HAProxy, nghttpx, Caddy and Envoy configured for the job of the data plane: mutual TLS required, the
certificate's identity in a header to the upstream, access log on, upstream keep-alive of 256, on one core."""

import json
import os
import pathlib
import signal
import subprocess
import time

from servers import BUILD


def _wait_for_port(port, process):
    import socket
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args[0]} ended with {process.returncode}")
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
    raise RuntimeError(f"{process.args[0]} does not listen on {port}")


def cpu_seconds(pid):
    """(user, system) of a process and its children, all threads, living and ended."""
    ticks = os.sysconf("SC_CLK_TCK")
    user = system = 0.0
    for member in family(pid):
        try:
            fields = pathlib.Path(f"/proc/{member}/stat").read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            continue
        user += int(fields[11]) / ticks
        system += int(fields[12]) / ticks
    return user, system


def cpu_exact(pid):
    """Seconds on a CPU, from the scheduler's nanosecond account of the living threads."""
    total = 0
    for member in family(pid):
        for task in pathlib.Path(f"/proc/{member}/task").glob("*/schedstat"):
            try:
                total += int(task.read_text().split()[0])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return total / 1e9


def family(pid):
    """A process and its children."""
    members = [pid]
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid:
            members.append(int(stat.parent.name))
    return members


class Peer:
    """A running server: `pid`, `port`, `stop()`."""

    def __init__(self, name, command, port, cpu, log, env=None):
        self.name, self.port = name, port
        with open(log, "ab") as out:
            self.process = subprocess.Popen(["taskset", "-c", str(cpu)] + command, stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        self.pid = self.process.pid
        _wait_for_port(port, self.process)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def nginx_origin(directory, cpu, plain_port, tls_port, pki, body_bytes):
    """The upstream of all: plain on one port, mutual TLS on the other."""
    directory = pathlib.Path(directory)
    (directory / "body").write_bytes(b"x" * body_bytes)
    answer = f"return 200 \"{'x' * body_bytes}\";" if body_bytes < 2048 else (
        f"root {directory}; open_file_cache max=10; try_files /body =404;")
    (directory / "origin.conf").write_text(f"""
user root; daemon off; worker_processes 1; pid {directory}/origin.pid; error_log {directory}/origin.err;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s;
  server {{ listen 127.0.0.1:{plain_port}; location / {{ {answer} }} }}
  server {{
    listen 127.0.0.1:{tls_port} ssl; ssl_certificate {pki['origin'].cert}; ssl_certificate_key {pki['origin'].key};
    ssl_client_certificate {pki['ca'].cert}; ssl_verify_client on; ssl_protocols TLSv1.3;
    location / {{ {answer} }}
  }}
}}
""")
    return Peer("origin", ["nginx", "-p", str(directory), "-c", str(directory / "origin.conf")], plain_port,
                cpu, directory / "origin.log")


def floor(directory, cpu, port, pki, upstream, server, tickets, http2=False):
    """What decrypts, copies and encrypts, and nothing else; for HTTP/1.1, a plain upstream, and connections that stay."""
    del tickets
    if http2 or upstream[0] != "plain":
        raise RuntimeError("bench_floor copies: it can translate nothing")
    command = [str(BUILD / "tests/bench/bench_floor"), str(port), str(server.cert), str(server.key), str(pki["ca"].cert),
               str(upstream[1])]
    return Peer("floor", command, port, cpu, pathlib.Path(directory) / "floor.log")


def nginx(directory, cpu, port, pki, upstream, server, tickets, http2=False):
    """`upstream` is ("plain"|"mtls", port); `tickets` False: none in TLS 1.3; `http2`: without client certificates."""
    directory = pathlib.Path(directory)
    kind, upstream_port = upstream
    proxy_tls = "" if kind == "plain" else f"""
      proxy_ssl_certificate {pki['gateway'].cert}; proxy_ssl_certificate_key {pki['gateway'].key};
      proxy_ssl_trusted_certificate {pki['ca'].cert}; proxy_ssl_verify on; proxy_ssl_name localhost;
      proxy_ssl_server_name on; proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse on;"""
    (directory / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/nginx.err;
events {{ worker_connections 8192; }}
http {{
  log_format json escape=json '{{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method",'
    '"path":"$request_uri","status":$status,"bytes":$body_bytes_sent,"took":$request_time,'
    '"fingerprint":"$ssl_client_fingerprint","subject":"$ssl_client_s_dn"}}';
  access_log {directory}/nginx.access.log json buffer=64k flush=1s;
  keepalive_requests 100000000; keepalive_timeout 600s;
  upstream origin {{ server 127.0.0.1:{upstream_port}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port} ssl{" http2" if http2 else ""} backlog=4096; server_name api.bench.test;
    ssl_certificate {server.cert}; ssl_certificate_key {server.key};
    ssl_client_certificate {pki['ca'].cert}; ssl_verify_client {"off" if http2 else "on"}; ssl_protocols TLSv1.2 TLSv1.3;
    {'' if tickets else 'ssl_conf_command NumTickets 0; ssl_session_tickets off;'}
    ssl_session_cache off;
    location / {{
      proxy_pass {'http' if kind == 'plain' else 'https'}://origin; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https;
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header X-Forwarded-Client-Cert 'Hash=$ssl_client_fingerprint;Subject="$ssl_client_s_dn"';{proxy_tls}
    }}
  }}
}}
""")
    return Peer("nginx", ["nginx", "-p", str(directory), "-c", str(directory / "nginx.conf")], port, cpu,
                directory / "nginx.log")


def haproxy(directory, cpu, port, pki, upstream, server, tickets, http2=False):
    directory = pathlib.Path(directory)
    kind, upstream_port = upstream
    bundle = directory / "haproxy.pem"
    bundle.write_bytes(server.both.read_bytes())
    client = "alpn h2" if http2 else f"ca-file {pki['ca'].cert} verify required"
    server_tls = "" if kind == "plain" else (
        f" ssl verify required ca-file {pki['ca'].cert} crt {pki['gateway'].both} sni str(localhost)"
        " verifyhost localhost ssl-min-ver TLSv1.3")
    (directory / "haproxy.cfg").write_text(f"""
global
  nbthread 1
  maxconn 8192
  log stdout format raw local0
  tune.ssl.cachesize 0
defaults
  mode http
  log global
  option httplog
  timeout client 600s
  timeout server 600s
  timeout connect 5s
  timeout http-keep-alive 600s
frontend in
  bind 127.0.0.1:{port} ssl crt {bundle} {client} ssl-min-ver TLSv1.2{'' if tickets else ' no-tls-tickets'}
  http-request set-header X-Forwarded-Client-Cert "Hash=%[ssl_c_der,sha2(256),hex,lower];Subject=\\"%[ssl_c_s_dn]\\""
  http-request set-header X-Forwarded-Proto https
  http-request set-header X-Request-Id %[uuid]
  option forwardfor
  default_backend origin
backend origin
  http-reuse always
  server one 127.0.0.1:{upstream_port} pool-max-conn 256{server_tls}
""")
    return Peer("haproxy", ["haproxy", "-db", "-f", str(directory / "haproxy.cfg")], port, cpu,
                directory / "haproxy.log")


def nghttpx(directory, cpu, port, pki, upstream, server, tickets, http2=True):
    """Plain upstreams only. `--single-process`: one process to measure."""
    directory = pathlib.Path(directory)
    command = ["nghttpx", "--single-process", "--workers=1", f"--frontend=127.0.0.1,{port}",
               f"--backend=127.0.0.1,{upstream[1]};;proto=http/1.1", "--backend-keep-alive-timeout=600s",
               "--backend-connections-per-frontend=256", "--add-x-forwarded-for", "--http2-max-concurrent-streams=128",
               f"--accesslog-file={directory}/nghttpx.access.log", f"--errorlog-file={directory}/nghttpx.err",
               "--no-ocsp", "--no-server-push", "--conf=/dev/null", str(server.key), str(server.cert)]
    return Peer("nghttpx", command, port, cpu, directory / "nghttpx.log")


def caddy(directory, cpu, port, pki, upstream, server, tickets, http2=False):
    """Its tickets cannot be switched off: no peer where there are to be none."""
    directory = pathlib.Path(directory)
    kind, upstream_port = upstream
    client = "" if http2 else f"client_auth {{\n mode require_and_verify\n trusted_ca_cert_file {pki['ca'].cert}\n }}"
    transport = "" if kind == "plain" else (
        f"tls\n tls_client_auth {pki['gateway'].cert} {pki['gateway'].key}\n tls_trusted_ca_certs {pki['ca'].cert}\n"
        " tls_server_name localhost\n")
    (directory / "Caddyfile").write_text(f"""
{{
  admin off
  auto_https off
  storage file_system {directory}/caddy
  servers {{
    protocols h1 h2
  }}
}}
https://api.bench.test:{port} {{
  bind 127.0.0.1
  tls {server.cert} {server.key} {{
    protocols tls1.2 tls1.3
    {client}
  }}
  log {{
    output file {directory}/caddy.access.log
    format json
  }}
  reverse_proxy 127.0.0.1:{upstream_port} {{
    header_up X-Forwarded-Client-Cert "Hash={{tls_client_fingerprint}};Subject={{tls_client_subject}}"
    header_up X-Request-Id {{uuid}}
    transport http {{
      keepalive 600s
      keepalive_idle_conns_per_host 256
      versions 1.1
      {transport}
    }}
  }}
}}
""")
    return Peer("caddy", ["caddy", "run", "--adapter", "caddyfile", "--config", str(directory / "Caddyfile")], port, cpu,
                directory / "caddy.log", env={"GOMAXPROCS": "1", "HOME": str(directory)})


def _pem(path):
    return {"filename": str(path)}


def _envoy_cluster(name, port, tls=None, http2=False):
    cluster = {
        "name": name, "type": "STATIC", "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [{"max_connections": 100000, "max_requests": 100000, "max_pending_requests": 100000}]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {
            "socket_address": {"address": "127.0.0.1", "port_value": port}}}}]}]}}
    if http2:
        cluster["typed_extension_protocol_options"] = {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}}}}
    if tls is not None:
        cluster["transport_socket"] = {"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": "localhost", "common_tls_context": tls}}
    return cluster


def _envoy_listener(directory, port, pki, server, tickets, http2, authoriser):
    common = {"tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3"},
              "tls_certificates": [{"certificate_chain": _pem(server.cert), "private_key": _pem(server.key)}],
              "alpn_protocols": ["h2"] if http2 else ["http/1.1"]}
    if not http2:
        common["validation_context"] = {"trusted_ca": _pem(pki["ca"].cert)}
    tls = {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
           "require_client_certificate": not http2, "common_tls_context": common,
           "disable_stateful_session_resumption": True, "disable_stateless_session_resumption": not tickets}
    filters = [{"name": "router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]
    if authoriser is not None:
        filters.insert(0, {"name": "ext_authz", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3", "include_peer_certificate": True,
            "grpc_service": {"envoy_grpc": {"cluster_name": "authoriser"}, "timeout": "0.5s"}}})
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench", "http_filters": filters, "use_remote_address": True,
        "forward_client_cert_details": "SANITIZE_SET", "set_current_client_cert_details": {"subject": True, "uri": True, "dns": True},
        "access_log": [{"name": "file", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": f"{directory}/envoy.access.log"}}],
        "route_config": {"virtual_hosts": [{"name": "bench", "domains": ["*"], "routes": [
            {"match": {"prefix": "/"}, "route": {"cluster": "origin", "timeout": "0s"}}]}]}}
    return {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}, "filter_chains": [{
        "transport_socket": {"name": "tls", "typed_config": tls},
        "filters": [{"name": "http", "typed_config": manager}]}]}


def envoy(directory, cpu, port, pki, upstream, server, tickets, http2=False, authoriser=None):
    """`authoriser`: port of an ext_authz service that is asked about each request."""
    directory = pathlib.Path(directory)
    kind, upstream_port = upstream
    tls = None if kind == "plain" else {
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
        "tls_certificates": [{"certificate_chain": _pem(pki["gateway"].cert), "private_key": _pem(pki["gateway"].key)}],
        "validation_context": {"trusted_ca": _pem(pki["ca"].cert),
                               "match_typed_subject_alt_names": [{"san_type": "DNS", "matcher": {"exact": "localhost"}}]}}
    clusters = [_envoy_cluster("origin", upstream_port, tls)]
    if authoriser is not None:
        clusters.append(_envoy_cluster("authoriser", authoriser, http2=True))
    (directory / "envoy.json").write_text(json.dumps({"static_resources": {
        "listeners": [_envoy_listener(directory, port, pki, server, tickets, http2, authoriser)], "clusters": clusters}}))
    return Peer("envoy", [os.environ["ENVOY"], "-c", str(directory / "envoy.json"), "--concurrency", "1",
                          "--disable-hot-restart", "--log-level", "warn"], port, cpu, directory / "envoy.log")
