"""Page tokens: where a listing goes on, for whom, and until when. Opaque to callers, readable to any node.

A token names the last key that was shown, so inserts and deletions never shift a page. It holds for two hours, and only
for the listing it came from. Nothing in it is secret; its checksum is against accidents.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from kumotasks.domain.clock import HOUR
from kumotasks.domain.errors import InvalidArgument

LIFETIME = 2 * HOUR  # Cloud Tasks: a page token lives two hours
_INSTANT = 8
_DIGEST = 8
INVALID = "The page token is invalid or has expired."


def encode(scope: str, after: str, now: int) -> str:
    """The token of the page behind the key `after` in the listing `scope`."""
    content = (now + LIFETIME).to_bytes(_INSTANT, "big") + after.encode()
    return base64.urlsafe_b64encode(_digest(scope, content) + content).decode().rstrip("=")


def decode(scope: str, token: str, now: int) -> str:
    """The key to go on behind; "" for the first page."""
    if not token:
        return ""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        digest, content = raw[:_DIGEST], raw[_DIGEST:]
        after = content[_INSTANT:].decode()
    except (binascii.Error, ValueError) as error:
        raise InvalidArgument(INVALID) from error
    if len(content) < _INSTANT or digest != _digest(scope, content) or int.from_bytes(content[:_INSTANT], "big") < now:
        raise InvalidArgument(INVALID)
    return after


def _digest(scope: str, content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=_DIGEST, key=hashlib.blake2b(scope.encode()).digest()).digest()


def page_size(asked: int, most: int) -> int:
    """How many to show: 0 means as many as allowed, more than allowed is cut."""
    if asked < 0:
        raise InvalidArgument("The page size cannot be negative.")
    return min(asked or most, most)
