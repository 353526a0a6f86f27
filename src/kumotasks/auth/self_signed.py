"""X.509 certificates that a key makes out for itself, because that is the form in which Google's libraries fetch keys.

Nobody builds a chain from them: they carry a key and a name. Whose key it is, is unknown here.
"""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from kumotasks.domain.clock import SECOND

FOREVER = 253_402_300_799 * SECOND  # 9999-12-31T23:59:59Z, RFC 5280's "no end", which Google's user-managed keys have
_MAX_COMMON_NAME = 64  # X.520
_SIGNS = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)


def self_signed(private: RSAPrivateKey, subject: str, *, since: int, until: int) -> str:
    """A PEM certificate, good from `since` to `until` (instants, cut to seconds)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject[:_MAX_COMMON_NAME])])
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_date(since))
        .not_valid_after(_date(until))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_SIGNS, critical=True)
        .sign(private, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


def _date(instant: int) -> datetime:
    return datetime.fromtimestamp(instant // SECOND, UTC)
