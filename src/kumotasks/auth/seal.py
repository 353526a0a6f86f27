"""Sealed text: a few values in plain sight that only this installation can have written.

A seal is an HMAC over the text as it stands, its kind included, so that one kind never passes for another and no second
spelling of a text is believed. What the values mean, and until when they hold, is unknown here.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Sequence

MAX_TEXT = 16 * 1024  # characters; what is longer fits into no header


def seal(kind: str, values: Sequence[str | int], secret: bytes) -> str:
    """`values` as `KIND BODY . SEAL`; `kind` is a prefix, no kind the beginning of another."""
    body = kind.encode() + _encode(json.dumps(values, separators=(",", ":")).encode())
    return (body + b"." + _mac(body, secret)).decode()


def unseal(kind: str, text: str, secrets: Sequence[bytes]) -> list[object] | None:
    """The values in `text`, or None if it was not sealed as `kind` under one of `secrets`."""
    if len(text) > MAX_TEXT or not text.startswith(kind) or not text.isascii():
        return None
    body, _, given = text.encode().rpartition(b".")
    for secret in secrets:
        if hmac.compare_digest(_mac(body, secret), given):
            values: list[object] = json.loads(base64.urlsafe_b64decode(body[len(kind) :] + b"==").decode())
            return values
    return None


def _mac(body: bytes, secret: bytes) -> bytes:
    return _encode(hmac.digest(secret, body, "sha256"))


def _encode(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")
