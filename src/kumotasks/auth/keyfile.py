"""Keys that leave the house: the JSON file that Google's libraries call a service-account key, written and read.

Which account owns which key, and where its public half is kept, is unknown here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import quote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from kumotasks.auth.self_signed import FOREVER, self_signed
from kumotasks.auth.signing_key import SigningKey, make_private, to_pem
from kumotasks.domain.account import ServiceAccount
from kumotasks.domain.clock import HOUR, SECOND

_AUTH_URI = "https://accounts.google.com/o/oauth2/auth"
_PROVIDER_CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"
_ACCOUNT_CERTIFICATES = "https://www.googleapis.com/robot/v1/metadata/x509/"


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key file that was read: whose it is, and what it signs with."""

    email: str
    key: SigningKey

    def assertion(self, audience: str, now: int) -> str:
        """A self-signed JWT that proves for an hour, to `audience` alone, that its bearer is the account."""
        issued = now // SECOND
        claims = {"iss": self.email, "sub": self.email, "aud": audience, "iat": issued, "exp": issued + HOUR // SECOND}
        return self.key.jwt(json.dumps(claims).encode())


def make_key_pair(subject: str = "service-account-key", since: int = 0) -> tuple[str, str]:
    """A new RSA key: its private half (PKCS#8) and a certificate that is good from `since` on, both PEM. Takes a tenth
    of a second; callers run it in a thread."""
    private = make_private()
    return to_pem(private), self_signed(private, subject, since=since, until=FOREVER)


def key_file(account: ServiceAccount, key_id: str, private_pem: str, *, token_uri: str) -> bytes:
    """The file that GOOGLE_APPLICATION_CREDENTIALS names, with the fields and the order that Google gives it."""
    fields = {
        "type": "service_account",
        "project_id": account.project,
        "private_key_id": key_id,
        "private_key": private_pem,
        "client_email": account.email,
        "client_id": account.unique_id,
        "auth_uri": _AUTH_URI,
        "token_uri": token_uri,
        "auth_provider_x509_cert_url": _PROVIDER_CERTIFICATES,
        "client_x509_cert_url": _ACCOUNT_CERTIFICATES + quote(account.email, safe=""),
        "universe_domain": "googleapis.com",
    }
    return json.dumps(fields, indent=2).encode() + b"\n"


def key_id_of(content: bytes) -> str:
    """Which key is in a file that `key_file` made."""
    return str(json.loads(content)["private_key_id"])


def addressed(content: bytes, token_uri: str) -> bytes:
    """The same file for somebody whose token endpoint is `token_uri`."""
    return json.dumps(json.loads(content) | {"token_uri": token_uri}, indent=2).encode() + b"\n"


def read_key_file(content: bytes) -> HeldKey:
    """The key in a file of a service account. ValueError says what it is instead."""
    try:
        document = json.loads(content)
    except ValueError:
        raise ValueError("it is not JSON") from None  # the cause holds what stood there
    match document:
        case {"type": "service_account", "client_email": str(email), "private_key_id": str(key_id), "private_key": pem}:
            return HeldKey(email, SigningKey(key_id, _private(str(pem)), certificate="", created=0))
        case {"type": str(kind)}:
            raise ValueError(f"it is of type {kind[:40]!r}, and a whole key of a service account is needed")
    raise ValueError("it is no key file")


def _private(pem: str) -> RSAPrivateKey:
    try:
        private = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("its private key cannot be read") from None
    if not isinstance(private, RSAPrivateKey):
        raise ValueError("its private key is not of RSA")  # noqa: TRY004 - the file's fault, not a caller's
    return private
