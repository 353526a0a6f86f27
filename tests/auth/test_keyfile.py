"""Key files as Google's libraries read them."""

from __future__ import annotations

import json

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from google.auth import crypt
from google.oauth2.service_account import Credentials

from kumotasks.auth.keyfile import key_file, make_key_pair
from kumotasks.domain.account import ServiceAccount
from tests.factory import NOW

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
