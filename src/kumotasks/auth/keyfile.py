"""Keys that leave the house: the JSON file that Google's libraries call a service-account key.

Which account owns which key, and where its public half is kept, is unknown here.
"""

from __future__ import annotations

import json
from urllib.parse import quote

from kumotasks.auth.self_signed import FOREVER, self_signed
from kumotasks.auth.signing_key import make_private, to_pem
from kumotasks.domain.account import ServiceAccount

_AUTH_URI = "https://accounts.google.com/o/oauth2/auth"
_PROVIDER_CERTIFICATES = "https://www.googleapis.com/oauth2/v1/certs"
_ACCOUNT_CERTIFICATES = "https://www.googleapis.com/robot/v1/metadata/x509/"


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
