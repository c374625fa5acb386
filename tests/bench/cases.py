"""The cases that only differ in their numbers."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    mode: str  # of bench_load, or h2load
    connections: int
    upstream: str = "plain"
    key: str = "ec"
    tickets: bool = False
    body: int = 128  # bytes

    @property
    def http2(self):
        return self.mode == "h2load"


CASES = {
    "h1_keepalive_plain": Case("keepalive", 32),
    "h1_keepalive_mtls_upstream": Case("keepalive", 32, upstream="mtls"),
    "h1_64k": Case("keepalive", 32, body=64 << 10),
    "handshake_p256": Case("handshake", 8),
    "handshake_rsa2048": Case("handshake", 8, key="rsa"),
    "handshake_get_p256": Case("handshake_get", 8, tickets=True),
    "resumed_tls13": Case("resumed", 8, tickets=True),
    "h2_32streams": Case("h2load", 4),
}
