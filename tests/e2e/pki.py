"""A certificate authority for the end-to-end tests: everything is made at test time."""

import datetime
import hashlib
import ipaddress
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH


def _new_key(kind):
    if kind == "rsa":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


def _san(name):
    if "://" in name:
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


class Pair:
    """A certificate, its key and its issuer; `cert`, `key`, `chain` and `both` are PEM files."""

    def __init__(self, directory, name, certificate, key, issuer=None):
        self.name, self.certificate, self.private, self.issuer = name, certificate, key, issuer
        directory = pathlib.Path(directory)
        self.cert = directory / f"{name}.crt"
        self.key = directory / f"{name}.key"
        self.chain = directory / f"{name}.chain.pem"
        self.both = directory / f"{name}.both.pem"
        self.cert.write_bytes(self.pem)
        self.key.write_bytes(self.key_pem)
        self.both.write_bytes(self.pem + self.key_pem)
        above, pems = self, b""
        while above is not None:
            pems += above.pem
            above = above.issuer
        self.chain.write_bytes(pems)

    @property
    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self):
        return self.private.private_bytes(serialization.Encoding.PEM,
                                          serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption())

    @property
    def public_key_pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    @property
    def spki_sha256(self):
        spki = self.private.public_key().public_bytes(serialization.Encoding.DER,
                                                      serialization.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(spki).hexdigest()

    @property
    def fingerprint(self):
        return self.certificate.fingerprint(hashes.SHA256()).hex()


class Pki:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._count = 0

    def issue(self, common_name, issuer=None, *, ca=False, usages=None, sans=(), days=(-1, 30),
              key="ec", basic_constraints=True, private=None, path_length=None, subject=None):
        """A certificate: self-signed without `issuer`; `days` is its validity from now; `subject` is a common name that cannot
        be a file's."""
        self._count += 1
        private = private or _new_key(key)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject or common_name)])
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder()
                   .subject_name(name)
                   .issuer_name(issuer.certificate.subject if issuer else name)
                   .public_key(private.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=days[0]))
                   .not_valid_after(now + datetime.timedelta(days=days[1])))
        if basic_constraints:
            builder = builder.add_extension(x509.BasicConstraints(ca, path_length if ca else None), True)
        if usages:
            builder = builder.add_extension(x509.ExtendedKeyUsage(usages), False)
        if sans:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([_san(name) for name in sans]), False)
        signer = issuer.private if issuer else private
        algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
        certificate = builder.sign(signer, algorithm)
        return Pair(self.directory, f"{self._count:03d}-{common_name.replace(' ', '_')}", certificate,
                    private, issuer)

    def self_signed(self, common_name, **more):
        """What `openssl req -x509` makes: CA:TRUE, no EKU."""
        return self.issue(common_name, ca=True, **more)
