"""A JWT as it came from outside: taken apart by the letter, and not yet believed.

Two readers of one token must never see two different things, so everything that parsers disagree on is refused here:
loose base64, repeated names, words that are not JSON, extensions that change what is signed. It knows no key, no
account and no claim by name.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

MAX_TOKEN = 16 * 1024  # bytes; the longest that clients send are below 4 KiB
_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)", re.ASCII)
# RFC 7515 section 4.1.11 and RFC 7797: both change what the signature means.
_EXTENSIONS = ("crit", "b64")


class Malformed(Exception):
    """The text is not a JWT that can be read in one way only."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The parts of a JWT; `signed` is what `signature` stands for."""

    header: Mapping[str, object]
    claims: Mapping[str, object]
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)


def open_envelope(text: str) -> Envelope:
    """The parts of `text`. Raises Malformed, whatever it is given."""
    found = _FORM.fullmatch(text) if len(text) <= MAX_TOKEN else None
    if found is None:
        raise Malformed("not three parts of base64url")
    header, claims, signature = found.groups()
    opened = Envelope(
        _members(_unpacked(header)),
        _members(_unpacked(claims)),
        text[: found.end(2)].encode("ascii"),
        _unpacked(signature),
    )
    if any(name in opened.header for name in _EXTENSIONS):
        raise Malformed("an extension that is not understood")
    return opened


def _unpacked(part: str) -> bytes:
    """Bytes of base64url as RFC 7515 writes it: no padding, no loose bits at the end."""
    try:
        found = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise Malformed("not base64url") from error
    if base64.urlsafe_b64encode(found).rstrip(b"=") != part.encode("ascii"):
        raise Malformed("loose bits at the end")
    return found


def _members(text: bytes) -> Mapping[str, object]:
    try:
        found: object = json.loads(text.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(found, dict):
        raise Malformed("not a JSON object")
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("a name stands twice")
    return found


def _no_constant(word: str) -> object:
    raise Malformed(f"{word} is not JSON")
