"""A token issuer: signs JSON Web Tokens (RFC 7519) and serves its key set (RFC 7517) over real HTTPS."""

import base64
import hashlib
import hmac
import json
import threading
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=None):
    return b64(value.to_bytes(size or (value.bit_length() + 7) // 8, "big"))


class SigningKey:
    """One key pair with a key id: ES256, or RS256 with `kind` "rsa"."""

    def __init__(self, kid, kind="ec"):
        self.kid = kid
        self.private = (rsa.generate_private_key(public_exponent=65537, key_size=2048) if kind == "rsa"
                        else ec.generate_private_key(ec.SECP256R1()))
        self.algorithm = "RS256" if kind == "rsa" else "ES256"

    def jwk(self):
        numbers = self.private.public_key().public_numbers()
        if self.algorithm == "RS256":
            return {"kty": "RSA", "kid": self.kid, "use": "sig", "n": number(numbers.n), "e": number(numbers.e)}
        return {"kty": "EC", "crv": "P-256", "kid": self.kid, "use": "sig", "x": number(numbers.x, 32),
                "y": number(numbers.y, 32)}

    def sign(self, data):
        if self.algorithm == "RS256":
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def signing_input(algorithm, claims, header=()):
    """A claim that is None is left out."""
    head = {"alg": algorithm, "typ": "JWT", **dict(header)}
    said = {name: value for name, value in claims.items() if value is not None}
    return f"{b64(json.dumps(head).encode())}.{b64(json.dumps(said).encode())}"


def signed_token(claims, key, header=()):
    text = signing_input(key.algorithm, claims, header)
    return f"{text}.{b64(key.sign(text.encode()))}"


def mac_token(claims, secret, algorithm="HS256"):
    """One that a shared secret signed."""
    text = signing_input(algorithm, claims)
    secret = secret.encode() if isinstance(secret, str) else secret
    return f"{text}.{b64(hmac.digest(secret, text.encode(), 'sha' + algorithm[2:]))}"


class TokenServer:
    """An issuer whose key set an origin of `world` serves under a certificate of its own."""

    def __init__(self, world, name, issuer="https://idp.test", pair=None):
        self.issuer, self.keys, self._lock = issuer, [SigningKey("first")], threading.Lock()
        self.status = 200
        self.origin = world.origin(name, pair=pair, answer=self._answer)
        self.jwks_url = self.origin.url + "/keys"

    def _answer(self, handler, request):
        with self._lock:
            body, status = json.dumps({"keys": [key.jwk() for key in self.keys]}).encode(), self.status
        handler.send_response(status)
        handler.send_header("Content-Type", "application/jwk-set+json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def rotate(self, key):
        with self._lock:
            self.keys = [key]

    def token(self, key=None, header=None, **claims):
        """A claim that is None is left out."""
        key = key or self.keys[0]
        now = int(time.time())
        said = {"iss": self.issuer, "sub": "alice", "azp": "shop", "iat": now - 1, "exp": now + 3600, **claims}
        return signed_token(said, key, {"kid": key.kid, **(header or {})})


def bearer(token):
    return f"Authorization: Bearer {token}"


def thumbprint(pair):
    """cnf of a token that is bound to this certificate (RFC 8705 section 3.1)."""
    return {"x5t#S256": b64(hashlib.sha256(pair.der).digest())}
