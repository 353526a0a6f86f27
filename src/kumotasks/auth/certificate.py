"""The X.509 certificate around the public half of an account's key: let in with suspicion, shown in its other forms.

What is kept of an upload is the certificate written anew, so that nothing else that stood in the file is stored. It
knows neither accounts nor the wire.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PublicFormat,
    load_pem_private_key,
    pkcs12,
)

from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import InvalidArgument

MAX_BYTES = 64 * 1024  # a certificate has about two thousand; what is larger is not parsed
# What a signature costs to judge grows with the square of the key's length, and with its exponent.
_BITS = range(2048, 4097)
_MAX_EXPONENT = 1 << 32
_REFUSED = "The public key must be an RSA public key that is wrapped in an X.509 v3 certificate, in PEM form."
_PASSWORD = b"notasecret"  # the one password that Google's PKCS12 files have
_FRIENDLY_NAME = b"privatekey"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of an RSA key. Instants in microseconds; `key_id` is 40 hex digits that follow from the key."""

    pem: str
    key_id: str
    bits: int
    valid_after: int
    valid_before: int


def read_certificate(text: bytes) -> Certificate:
    """The certificate in a PEM file, if it is one that an account's key may come in. InvalidArgument."""
    if len(text) > MAX_BYTES or b"PRIVATE KEY" in text:
        raise InvalidArgument(_REFUSED)
    try:
        found = x509.load_pem_x509_certificate(text)
        key = found.public_key()
        valid_after, valid_before = _instant(found.not_valid_before_utc), _instant(found.not_valid_after_utc)
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise InvalidArgument(_REFUSED) from error
    if not isinstance(key, RSAPublicKey) or found.version is not x509.Version.v3:
        raise InvalidArgument(_REFUSED)
    if key.key_size not in _BITS or key.public_numbers().e >= _MAX_EXPONENT:
        raise InvalidArgument(f"The RSA key must have {_BITS[0]} to {_BITS[-1]} bits and an exponent of at most 32.")
    pem = found.public_bytes(Encoding.PEM).decode()
    return Certificate(pem, _key_id(key), key.key_size, valid_after, valid_before)


def raw_public_key(certificate_pem: str) -> str:
    """The key of a certificate by itself: `BEGIN PUBLIC KEY`."""
    key = x509.load_pem_x509_certificate(certificate_pem.encode()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def pkcs12_file(private_pem: str, certificate_pem: str) -> bytes:
    """Both halves as a PKCS12 file with the password that Google gives to all of its."""
    key = load_pem_private_key(private_pem.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
    locked = BestAvailableEncryption(_PASSWORD)
    return pkcs12.serialize_key_and_certificates(_FRIENDLY_NAME, key, certificate, None, locked)


def _key_id(key: RSAPublicKey) -> str:
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha1(der, usedforsecurity=False).hexdigest()


def _instant(moment: datetime) -> int:
    return int(moment.timestamp()) * SECOND
