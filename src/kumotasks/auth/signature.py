"""A signature over bytes that a caller chose, by an account's own key. Whether he may have it is judged elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from kumotasks.auth.signing_key import SigningKey


def sign(key: SigningKey, payload: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 with SHA-256. A millisecond of CPU: call it in a thread."""
    return key.private.sign(payload, PKCS1v15(), SHA256())
