"""TLS handshakes that fail: what the log, the metric and `sallyctl explain --handshakes` tell of them."""

import contextlib
import json
import socket
import ssl
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway import DEADLINE, wait_for
from pki import Pair
from test_identity_headers import api_document

HOST = "shaken.gw.test"


@pytest.fixture(scope="module", autouse=True)
def ready(world):
    world.ca_id = world.gateway.add_certificate(world.client_ca.pem)
    world.gateway.apply(api_document(world, "shaken", "http://127.0.0.1:9/"),
                        api_document(world, "shaken-wide", "http://127.0.0.1:9/", host="*.shaken.gw.test"))


def s_client(replica, *options, sni=HOST):
    """What openssl says; it ends with the handshake."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{replica.port}", "-servername", sni,
                           "-CAfile", str(replica.gateway.server_ca.cert), *options],
                          input=b"", capture_output=True, timeout=2 * DEADLINE)
    return (done.stdout + done.stderr).decode(errors="replace")


def reported(world, **query):
    """What authsvc knows of the failures that fit, the newest first."""
    options = [word for name, value in query.items() for word in (f"--{name}", value)]

    def told():
        done = world.gateway.run_ctl("explain", "--handshakes", "--output", "json", *options)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return wait_for(told, f"a failure is reported: {query}")


def logged(replica, attempt, **fields):
    """The log's line about a failed handshake of that kind; lines of a kind come once a second at most."""
    def line():
        attempt()
        return next((one for one in map(json.loads, replica.lines("tls.handshake_failed"))
                     if all(one[name] == value for name, value in fields.items())), None)
    return wait_for(line, f"the log has {fields}")


def stolen(world, pair):
    """`pair`'s certificate with a key that only claims to belong to it: OpenSSL compares public halves and signs with ours."""
    public = pair.private.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    secret = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")
    curve = bytes.fromhex("a00a06082a8648ce3d030107")
    body = b"\x02\x01\x01\x04\x20" + secret + curve + b"\xa1\x44\x03\x42\x00" + public
    der = b"\x30" + bytes([len(body)]) + body
    key = world.gateway.directory / f"{pair.cert.stem}.stolen.key"
    key.write_text(ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE", "EC PRIVATE KEY"))
    return key


@pytest.mark.parametrize("version, read", [("-tls1_2", "decrypt error"), ("-tls1_3", "decrypt error")])
def test_a_certificate_that_is_somebody_elses(world, version, read):
    sni = f"stolen{version[-1]}.shaken.gw.test"
    victim = world.client(f"victim{version}", sans=["spiffe://corp/victim"])
    key = stolen(world, victim)
    attempt = lambda: s_client(world.b, version, "-cert", str(victim.cert), "-key", str(key), sni=sni)  # noqa: E731
    before = world.b.metric("sallyport_handshake_failures_total", reason="bad_client_signature")
    line = logged(world.b, attempt, sni=sni)
    assert (line["reason"], line["alert"], line["level"]) == ("bad_client_signature", f"sent {read} (51)", "warning")
    assert line["unproven_subject"] == f"CN=victim{version}" and line["unproven_sha256"] == victim.fingerprint
    assert line["client"] == "127.0.0.1" and line["listener"]
    assert world.b.metric("sallyport_handshake_failures_total", reason="bad_client_signature") > before
    (failure, *_) = reported(world, sni=sni)
    assert failure["presented_not_proven"]["sha256"] == victim.fingerprint
    assert failure["presented_not_proven"]["issuer"] == "CN=Client CA" and failure["reason"] == "bad_client_signature"
    assert reported(world, sha256=victim.fingerprint)[0]["sni"] == sni
    text = world.gateway.run_ctl("explain", "--handshakes", "--sni", sni).stdout
    assert f"it sent, without proof that it is its own: CN=victim{version}" in text
    # The certificate itself works for whom it belongs to: nothing is held against it.
    assert world.b.curl("/x", client=victim, host=HOST).status == 502


def test_no_certificate_is_told_of_where_none_came(world):
    sni = "version.shaken.gw.test"
    line = logged(world.b, lambda: s_client(world.b, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0", sni=sni), sni=sni)
    assert (line["reason"], line["alert"]) == ("protocol_version", "sent protocol version (70)")
    assert line["unproven_subject"] == "" and line["unproven_sha256"] == ""
    assert "presented_not_proven" not in reported(world, sni=sni)[0]


def test_no_common_cipher(world):
    sni = "cipher.shaken.gw.test"
    line = logged(world.b, lambda: s_client(world.b, "-tls1_2", "-cipher", "AES128-SHA", sni=sni), sni=sni)
    assert (line["reason"], line["alert"]) == ("no_shared_cipher", "sent handshake failure (40)")


def test_a_client_that_distrusts_our_certificate(world):
    sni = "distrust.shaken.gw.test"

    def attempt():
        with socket.create_connection(("127.0.0.1", world.b.port), DEADLINE) as plain, pytest.raises(ssl.SSLError):
            ssl.create_default_context().wrap_socket(plain, server_hostname=sni)
    line = logged(world.b, attempt, sni=sni)
    assert (line["reason"], line["alert"]) == ("client_refused_our_certificate", "received unknown CA (48)")
    assert reported(world, sni=sni, address="127.0.0.1")[0]["alert"] == "received unknown CA (48)"


def test_a_name_that_nobody_serves(world):
    replica = world.gateway.start_dataplane(system_trust=world.trust, name="nameless", default_certificate=False)
    line = logged(replica, lambda: s_client(replica, sni="nobody.example"), sni="nobody.example")
    assert (line["reason"], line["alert"]) == ("no_server_certificate", "sent unrecognized name (112)")
    assert reported(world, sni="nobody.example")[0]["replica"]


def plain_http(replica):
    with socket.create_connection(("127.0.0.1", replica.port), DEADLINE) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while plain.recv(4096):
                pass


def test_plain_http_and_a_flood_of_it(world):
    line = logged(world.b, lambda: plain_http(world.b), reason="plain_http")
    assert line["sni"] == "" and line["unproven_sha256"] == ""
    lines = len(world.b.lines("tls.handshake_failed"))
    before = world.b.metric("sallyport_handshake_failures_total", reason="plain_http")
    for _ in range(200):
        plain_http(world.b)
    wait_for(lambda: world.b.metric("sallyport_handshake_failures_total", reason="plain_http") >= before + 200, "all are counted")
    assert len(world.b.lines("tls.handshake_failed")) - lines < 100, "a second for each line"
    # A line tells how many before it were left out.
    def told():
        plain_http(world.b)
        return any(json.loads(one)["left_out"] > 0 for one in world.b.lines("tls.handshake_failed") if "plain_http" in one)
    wait_for(told, "the next line counts those that were left out")


def test_who_says_nothing_is_counted_and_not_logged(world):
    before = world.b.metric("sallyport_handshake_failures_total", reason="closed_by_client")
    socket.create_connection(("127.0.0.1", world.b.port), DEADLINE).close()
    wait_for(lambda: world.b.metric("sallyport_handshake_failures_total", reason="closed_by_client") > before, "it is counted")
    lines = len(world.b.lines("tls.handshake_failed"))
    wait_for(lambda: plain_http(world.b) or len(world.b.lines("tls.handshake_failed")) > lines, "what came later is logged")
    assert not any("closed_by_client" in line for line in world.b.lines("tls.handshake_failed"))


def test_a_hostile_subject_breaks_no_line(world):
    sni = "hostile.shaken.gw.test"
    pair = world.client("hostile shake", subject='x"}\n{"event":"audit",\u001b[31m\u00e9' + "y" * 30)
    key = stolen(world, pair)
    attempt = lambda: s_client(world.b, "-cert", str(pair.cert), "-key", str(key), sni=sni)  # noqa: E731
    line = logged(world.b, attempt, sni=sni)
    assert line["unproven_sha256"] == pair.fingerprint and line["unproven_subject"].startswith("CN=x")
    assert line["unproven_subject"].isprintable() and line["unproven_subject"].isascii()
    assert reported(world, sni=sni)[0]["presented_not_proven"]["subject"] == line["unproven_subject"]
    done = world.gateway.run_ctl("explain", "--handshakes", "--sni", sni)
    assert "\x1b" not in done.stdout


def test_a_long_subject_is_cut(world):
    from cryptography import x509
    sni = "long.shaken.gw.test"
    made = world.client("long shake")
    name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, f"{n:03}" + "u" * 60) for n in range(40)])
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(made.private.public_key())
                   .serial_number(7).not_valid_before(made.certificate.not_valid_before)
                   .not_valid_after(made.certificate.not_valid_after)
                   .sign(made.private, made.certificate.signature_hash_algorithm))
    pair = Pair(world.gateway.directory, "long-shake", certificate, made.private)
    key = stolen(world, pair)
    attempt = lambda: s_client(world.b, "-cert", str(pair.cert), "-key", str(key), sni=sni)  # noqa: E731
    line = logged(world.b, attempt, sni=sni)
    assert len(line["unproven_subject"]) == 512 and line["unproven_subject"].endswith("...")
    assert line["unproven_sha256"] == pair.fingerprint
