"""A private key of this installation that signs, with the certificate under which others know it.

What it signs for, and where it is kept, is unknown here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jwt.algorithms import RSAAlgorithm

from kumotasks.auth.self_signed import self_signed
from kumotasks.domain.clock import DAY

EXPONENT = 65537
KEY_BITS = 2048
LIFETIME = 3650 * DAY  # of the certificate; a key is retired long before, by rotation
_KEY_ID_LENGTH = 40
_JWS = jwt.PyJWS(algorithms=["RS256"])


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key. `created` in microseconds; `certificate` is PEM and signed by the key itself."""

    key_id: str  # 40 hex digits
    private: RSAPrivateKey = field(repr=False, compare=False)
    certificate: str = field(repr=False)
    created: int

    def jwk(self) -> dict[str, str]:
        """The public half as a JSON Web Key."""
        numbers = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.key_id, "n": numbers["n"], "e": numbers["e"]}

    def jwt(self, payload: bytes) -> str:
        """A JWT over `payload`, JSON text that is signed as it stands. A millisecond of CPU: call it in a thread."""
        return _JWS.encode(payload, self.private, "RS256", headers={"kid": self.key_id})


def make_private() -> RSAPrivateKey:
    """A new key pair. Takes a tenth of a second: call it in a thread."""
    return rsa.generate_private_key(EXPONENT, KEY_BITS)


def make(subject: str, now: int) -> SigningKey:
    """A new key, its certificate made out to `subject`. As slow as `make_private`."""
    private = make_private()
    certificate = self_signed(private, subject, since=now, until=now + LIFETIME)
    return SigningKey(_key_id(private.public_key()), private, certificate, now)


def to_pem(private: RSAPrivateKey) -> str:
    """The private half, PKCS#8 in PEM. For private files only."""
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def to_document(key: SigningKey) -> dict[str, object]:
    """The key as JSON keeps it. For private files only."""
    private = to_pem(key.private)
    return {"key_id": key.key_id, "private": private, "certificate": key.certificate, "created": key.created}


def from_document(document: object) -> SigningKey:
    """The key that `to_document` wrote; ValueError if it is not one."""
    match document:
        case {"key_id": str(key_id), "private": str(pem), "certificate": str(certificate), "created": int(created)}:
            # The numbers were good when they were made, and to prove it again takes fifty milliseconds a key.
            private = load_pem_private_key(pem.encode(), None, unsafe_skip_rsa_key_validation=True)
            if isinstance(private, RSAPrivateKey):
                return SigningKey(key_id, private, certificate, created)
    raise ValueError("This is not a signing key.")


def _key_id(public: RSAPublicKey) -> str:
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()[:_KEY_ID_LENGTH]
