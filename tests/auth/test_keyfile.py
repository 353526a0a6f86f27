"""Key files as Google's libraries read them."""

from __future__ import annotations

import json

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from google.auth import crypt
from google.oauth2.service_account import Credentials

from kumotasks.auth.keyfile import key_file, make_key_pair, read_key_file
from kumotasks.domain.account import ServiceAccount
from kumotasks.domain.clock import SECOND
from tests.factory import NOW

UNTIMED = {"verify_exp": False, "verify_iat": False}
ACCOUNT = ServiceAccount("p", "robot@p.iam.gserviceaccount.com", "100000000000000000001")
PRIVATE, CERTIFICATE = make_key_pair(ACCOUNT.unique_id, NOW)
FILE = key_file(ACCOUNT, "a" * 40, PRIVATE, token_uri="https://oauth2.googleapis.com/token")


def test_a_key_file_has_googles_fields_in_googles_order() -> None:
    fields = json.loads(FILE)
    assert list(fields.items()) == [
        ("type", "service_account"),
        ("project_id", "p"),
        ("private_key_id", "a" * 40),
        ("private_key", PRIVATE),
        ("client_email", "robot@p.iam.gserviceaccount.com"),
        ("client_id", "100000000000000000001"),
        ("auth_uri", "https://accounts.google.com/o/oauth2/auth"),
        ("token_uri", "https://oauth2.googleapis.com/token"),
        ("auth_provider_x509_cert_url", "https://www.googleapis.com/oauth2/v1/certs"),
        (
            "client_x509_cert_url",
            "https://www.googleapis.com/robot/v1/metadata/x509/robot%40p.iam.gserviceaccount.com",
        ),
        ("universe_domain", "googleapis.com"),
    ]


def test_googles_library_signs_with_it_and_the_certificate_verifies() -> None:
    credentials = Credentials.from_service_account_info(json.loads(FILE))
    signature = credentials.sign_bytes(b"message")
    assert crypt.verify_signature(b"message", signature, CERTIFICATE)
    assert not crypt.verify_signature(b"another", signature, CERTIFICATE)


def test_a_pair_is_rsa_2048_in_the_forms_that_libraries_take() -> None:
    assert PRIVATE.startswith("-----BEGIN PRIVATE KEY-----\n")  # PKCS#8
    assert load_pem_private_key(PRIVATE.encode(), None).key_size == 2048


def test_a_certificate_names_its_subject_and_has_no_end() -> None:
    certificate = x509.load_pem_x509_certificate(CERTIFICATE.encode())
    assert certificate.subject.rfc4514_string() == f"CN={ACCOUNT.unique_id}"
    assert certificate.not_valid_before_utc.isoformat() == "2026-01-01T00:00:00+00:00"
    assert certificate.not_valid_after_utc.isoformat() == "9999-12-31T23:59:59+00:00"
    certificate.verify_directly_issued_by(certificate)


def test_a_pair_is_made_anew_each_time_and_may_go_without_a_name() -> None:
    private, certificate = make_key_pair()
    assert private != PRIVATE
    assert x509.load_pem_x509_certificate(certificate.encode()).not_valid_before_utc.year == 1970


def test_a_long_subject_is_cut_to_what_a_certificate_holds() -> None:
    _, certificate = make_key_pair("s" * 100)
    assert x509.load_pem_x509_certificate(certificate.encode()).subject.rfc4514_string() == "CN=" + "s" * 64


def test_a_file_that_was_written_is_read_again_and_signs() -> None:
    held = read_key_file(FILE)
    proof = held.assertion("http://127.0.0.1:8123", NOW)
    assert held.email == ACCOUNT.email
    assert jwt.get_unverified_header(proof) == {"alg": "RS256", "typ": "JWT", "kid": "a" * 40}
    public = x509.load_pem_x509_certificate(CERTIFICATE.encode()).public_key()
    claims = jwt.decode(proof, public, algorithms=["RS256"], audience="http://127.0.0.1:8123", options=UNTIMED)
    assert claims["iss"] == claims["sub"] == ACCOUNT.email
    assert (claims["iat"], claims["exp"]) == (NOW // SECOND, NOW // SECOND + 3600)
    assert PRIVATE.splitlines()[3] not in repr(held)


def test_a_private_key_of_another_kind_is_refused_and_not_shown() -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for private in (pem.decode(), PRIVATE[:-60], "", 7):
        content = json.dumps({**json.loads(FILE), "private_key": private}).encode()
        with pytest.raises(ValueError, match="its private key") as refused:
            read_key_file(content)
        assert refused.value.__cause__ is None
