"""The data plane as the benchmarks run it, and the certificates of all servers and callers."""

import functools
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
import gateway as gateway_module  # noqa: E402
from pki import CLIENT, SERVER, Pki  # noqa: E402

BUILD = pathlib.Path(os.environ["BUILD_UNDER_TEST"])
SERVER_CPU, LOAD_CPU = 0, 1
HOST = "api.bench.test"


def make_pki(directory):
    pki = Pki(directory)
    ca = pki.issue("Bench CA", ca=True)
    made = {"ca": ca, "origin": pki.issue("localhost", ca, usages=[SERVER], sans=["localhost", "127.0.0.1"]),
            "gateway": pki.issue("gateway", ca, usages=[CLIENT])}
    for kind in ("ec", "rsa"):
        made[f"server-{kind}"] = pki.issue(HOST, ca, usages=[SERVER], sans=[HOST], key=kind)
        made[f"client-{kind}"] = pki.issue(f"client {kind}", ca, usages=[CLIENT], key=kind,
                                           sans=["spiffe://bench.test/client"])
    return made


def definition(upstream, trusted_id=None, host=HOST, name="bench", client_certificate=None):
    """A Tyk API definition; with `trusted_id` its callers must have a certificate under that CA."""
    kind, port = upstream
    made = gateway_module.classic(name, f"{'http' if kind == 'plain' else 'https'}://localhost:{port}/", domain=host,
                                  use_keyless=True, use_mutual_tls_auth=trusted_id is not None,
                                  client_certificates=[trusted_id] if trusted_id else [])
    made["proxy"].update(strip_listen_path=False, preserve_host_header=True)
    if client_certificate is not None:
        made["upstream_certificates"] = {f"localhost:{port}": client_certificate}
    return made


class Ours:
    """authsvc beside the load, one data plane of `threads` threads on the measured core (or on `cpus`)."""

    name = "sallyport"

    def __init__(self, directory, pki, upstream, key_type, mutual=True, threads=1, cpus=SERVER_CPU, fill=None,
                 options=()):
        """`fill(gateway)`: called before the API is added."""
        self.gateway = gateway_module.Gateway(directory, build=BUILD)
        self.gateway.start_authsvc(cpu=LOAD_CPU)
        if fill is not None:
            fill(self.gateway)
        ca_id = self.gateway.add_certificate(pki["ca"].pem)
        pair = self.gateway.add_certificate(pki["gateway"].pem + pki["gateway"].key_pem) if upstream[0] == "mtls" else None
        self.gateway.add_api(definition(upstream, ca_id if mutual else None, client_certificate=pair))
        trust = directory / "trust"
        trust.mkdir()
        (trust / "ca.pem").write_bytes(pki["ca"].pem)
        self.start_dataplane = functools.partial(
            self.gateway.start_dataplane, cpu=cpus, threads=threads, server=pki[f"server-{key_type}"],
            system_trust=trust, options=list(options))
        self.replica = self.start_dataplane(access_log=directory / "access.log")
        self.pid, self.port = self.replica.pid, self.replica.port

    def stop(self):
        self.gateway.stop()
