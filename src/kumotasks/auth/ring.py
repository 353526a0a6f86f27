"""The keys of an installation at one moment: which one signs, which are still believed, and how they take turns.

Verifiers keep lists of keys for hours, and some never look again for one they do not know. So a key is on the list
before it signs and stays on it for OVERLAP after it was retired. Files and threads are unknown here.
"""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass, field, replace

from kumotasks.auth import signing_key
from kumotasks.auth.signing_key import SigningKey
from kumotasks.domain.clock import HOUR

OVERLAP = 48 * HOUR
SUBJECT = "signing.kumo-tasks"
_FORMAT = 1
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A key that signs no more, since the instant `since`."""

    key: SigningKey
    since: int

    @property
    def until(self) -> int:
        """The instant from which it is no longer published."""
        return self.since + OVERLAP


@dataclass(frozen=True, slots=True)
class RetiredSecret:
    """A secret that seals no more, since the instant `since`."""

    secret: bytes = field(repr=False)
    since: int


@dataclass(frozen=True, slots=True)
class Ring:
    """`coming` is the key that signs after the next rotation, once a list that names it was asked for. What was retired
    is newest first."""

    current: SigningKey
    secret: bytes = field(repr=False)
    coming: SigningKey | None = None
    retired: tuple[RetiredKey, ...] = ()
    old_secrets: tuple[RetiredSecret, ...] = ()

    def published(self, now: int) -> tuple[SigningKey, ...]:
        """The keys that verifiers are to believe: the current one, the coming one, and those lately retired."""
        coming = () if self.coming is None else (self.coming,)
        return (self.current, *coming, *(each.key for each in self.still_believed(now)))

    def still_believed(self, now: int) -> tuple[RetiredKey, ...]:
        """The keys lately retired."""
        return tuple(each for each in self.retired if _lately(each.since, now))

    def secrets(self, now: int) -> tuple[bytes, ...]:
        """The secrets to believe seals of, the current one first."""
        return (self.secret, *(each.secret for each in self.old_secrets if _lately(each.since, now)))


def begun(ring: Ring | None, now: int) -> Ring:
    """`ring`, or the first one. Making a key is slow: this, `announced` and `rotated` are for a thread."""
    return ring or Ring(signing_key.make(SUBJECT, now), secrets.token_bytes(_SECRET_BYTES))


def announced(ring: Ring | None, now: int) -> Ring:
    """A ring that says which key comes next."""
    ring = begun(ring, now)
    return ring if ring.coming is not None else replace(ring, coming=signing_key.make(SUBJECT, now))


def rotated(ring: Ring | None, now: int) -> Ring:
    """The coming key signs and a new secret seals; what is too long retired to be believed is forgotten."""
    ring = begun(ring, now)
    return Ring(
        current=ring.coming or signing_key.make(SUBJECT, now),
        secret=secrets.token_bytes(_SECRET_BYTES),
        retired=(RetiredKey(ring.current, now), *ring.still_believed(now)),
        old_secrets=(RetiredSecret(ring.secret, now), *(e for e in ring.old_secrets if _lately(e.since, now))),
    )


def to_bytes(ring: Ring) -> bytes:
    """The ring as a private file holds it."""
    document = {
        "format": _FORMAT,
        "current": signing_key.to_document(ring.current),
        "coming": None if ring.coming is None else signing_key.to_document(ring.coming),
        "retired": [{"key": signing_key.to_document(each.key), "since": each.since} for each in ring.retired],
        "secret": base64.b64encode(ring.secret).decode(),
        "old_secrets": [
            {"secret": base64.b64encode(each.secret).decode(), "since": each.since} for each in ring.old_secrets
        ],
    }
    return json.dumps(document, indent=1).encode()


def from_bytes(content: bytes) -> Ring:
    """The ring that `to_bytes` wrote; ValueError if it is not one."""
    match json.loads(content):
        case {
            "format": 1,
            "current": current,
            "coming": coming,
            "retired": [*retired],
            "secret": str(secret),
            "old_secrets": [*old_secrets],
        }:
            return Ring(
                current=signing_key.from_document(current),
                secret=base64.b64decode(secret, validate=True),
                coming=None if coming is None else signing_key.from_document(coming),
                retired=tuple(_retired_key(each) for each in retired),
                old_secrets=tuple(_retired_secret(each) for each in old_secrets),
            )
    raise ValueError("This is not a key ring.")


def _lately(since: int, now: int) -> bool:
    return now - since < OVERLAP


def _retired_key(document: object) -> RetiredKey:
    match document:
        case {"key": key, "since": int(since)}:
            return RetiredKey(signing_key.from_document(key), since)
    raise ValueError("This is not a retired key.")


def _retired_secret(document: object) -> RetiredSecret:
    match document:
        case {"secret": str(secret), "since": int(since)}:
            return RetiredSecret(base64.b64decode(secret, validate=True), since)
    raise ValueError("This is not a retired secret.")
