"""The public half of an account's key, out of its certificate: what it verifies and how the world may see it.

RS256 is the only algorithm there is, so none is ever read from a token. It knows neither accounts nor claims.
"""

from __future__ import annotations

import base64
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

_REMEMBERED = 1024  # parsed certificates: parsing one costs more than a verification


@lru_cache(maxsize=_REMEMBERED)
def public_key(certificate: str) -> RSAPublicKey | None:
    """The RSA key of a PEM certificate; None if it holds another kind of key."""
    found = x509.load_pem_x509_certificate(certificate.encode("ascii")).public_key()
    return found if isinstance(found, RSAPublicKey) else None


def verifies(certificate: str, signed: bytes, signature: bytes) -> bool:
    """Whether `signature` is RS256 over `signed` by the key of `certificate`."""
    key = public_key(certificate)
    if key is None:
        return False
    try:
        key.verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True


def jwk(key_id: str, certificate: str) -> dict[str, str] | None:
    """The key as a member of a JWK set (RFC 7517)."""
    key = public_key(certificate)
    if key is None:
        return None
    numbers = key.public_numbers()
    return {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": key_id, "n": _number(numbers.n), "e": _number(numbers.e)}


def _number(value: int) -> str:
    """Base64urlUInt (RFC 7518 section 2)."""
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode("ascii")
