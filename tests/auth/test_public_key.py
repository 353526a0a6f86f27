"""A certificate's key: what it verifies, and how it is shown."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from kumotasks.auth.public_key import jwk, verifies
from tests.auth.proving import pair


def elliptic() -> str:
    """A certificate of a key of another kind."""
    private, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    begin, end = datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, private.public_key(), 1, begin, end).sign(private, hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


def test_a_signature_is_of_one_key_over_one_text() -> None:
    signature = pair(1).sign(b"text")
    assert verifies(pair(1).certificate, b"text", signature)
    assert not verifies(pair(2).certificate, b"text", signature)
    assert not verifies(pair(1).certificate, b"texts", signature)
    assert not verifies(pair(1).certificate, b"text", b"")
    assert not verifies(elliptic(), b"text", signature)


def test_a_jwk_has_the_numbers_of_the_key() -> None:
    shown, numbers = jwk("k", pair(1).certificate), pair(1).private.public_key().public_numbers()
    assert shown is not None
    assert int.from_bytes(base64.urlsafe_b64decode(shown["n"] + "=="), "big") == numbers.n
    assert (shown["e"], shown["kid"], shown["alg"], shown["use"]) == ("AQAB", "k", "RS256", "sig")
    assert jwk("k", elliptic()) is None
