"""Certificates of accounts' keys, as they come in from outside and as they are shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from kumotasks.auth.certificate import MAX_BYTES, pkcs12_file, raw_public_key, read_certificate
from kumotasks.auth.self_signed import self_signed
from kumotasks.domain.clock import DAY, SECOND
from kumotasks.domain.errors import InvalidArgument
from tests.auth import quick_keys
from tests.factory import NOW

KEY = quick_keys.key(0)
PEM = self_signed(KEY, "someone", since=NOW, until=NOW + DAY)


def certificate(key: RSAPrivateKey | EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=1))
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def private_pem() -> str:
    return KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_certificate_says_how_long_it_is_good_and_which_key_it_carries() -> None:
    found = read_certificate(PEM.encode())
    assert (found.valid_after, found.valid_before, found.bits) == (NOW, NOW + DAY, 2048)
    assert found.pem == PEM
    assert len(found.key_id) == 40
    assert found.key_id == read_certificate(certificate(KEY)).key_id
    assert found.key_id != read_certificate(certificate(quick_keys.key(1))).key_id


def test_what_else_stands_in_the_file_is_not_kept() -> None:
    assert read_certificate(b"a comment\n" + PEM.encode() + b"secret words").pem == PEM


def test_no_certificate_is_refused() -> None:
    public = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    broken = PEM.replace("MII", "MIJ", 1)
    for text in (b"", b"\xff\x00", public, broken.encode(), PEM.encode() + b" " * MAX_BYTES):
        with pytest.raises(InvalidArgument, match=r"wrapped in an X\.509 v3 certificate"):
            read_certificate(text)


def test_a_file_that_holds_the_private_half_too_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"wrapped in an X\.509 v3 certificate"):
        read_certificate(PEM.encode() + private_pem().encode())


def test_a_key_that_is_not_rsa_or_too_weak_or_too_dear_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="RSA public key"):
        read_certificate(certificate(ec.generate_private_key(ec.SECP256R1())))
    with pytest.raises(InvalidArgument, match="2048 to 4096 bits"):
        read_certificate(certificate(rsa.generate_private_key(65537, 1024)))


def test_a_public_key_is_shown_by_itself() -> None:
    shown = load_pem_public_key(raw_public_key(PEM).encode())
    assert shown == KEY.public_key()
    assert raw_public_key(PEM).startswith("-----BEGIN PUBLIC KEY-----\n")


def test_a_pkcs12_file_opens_with_googles_password() -> None:
    opened = pkcs12.load_pkcs12(pkcs12_file(private_pem(), PEM), b"notasecret")
    assert isinstance(opened.key, RSAPrivateKey)
    assert opened.key.private_numbers() == KEY.private_numbers()
    assert opened.cert is not None
    assert opened.cert.certificate.not_valid_before_utc.timestamp() * SECOND == NOW
