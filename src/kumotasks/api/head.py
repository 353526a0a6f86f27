"""The head of a request by HTTP/2, the scope that ASGI makes of it, and how long gRPC's caller will wait.

Pure: it knows no stream and no engine.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from kumotasks.api.exchange import BODY, FIELDS, Header
from kumotasks.domain.value import value

Scope = dict[str, Any]

PSEUDO_FIELDS = 4  # of a request, at most: nghttp2 has seen to it that they come first

# gRPC over HTTP/2: the unit of a timeout, in nanoseconds.
TIMEOUT_UNITS = {
    b"H": 3_600_000_000_000,
    b"M": 60_000_000_000,
    b"S": 1_000_000_000,
    b"m": 1_000_000,
    b"u": 1_000,
    b"n": 1,
}
TIMEOUT_DIGITS = 8


@lru_cache(1024)  # clients with a default timeout repeat themselves
def parse_timeout(value: bytes) -> int | None:
    """The microseconds of a `grpc-timeout` field, rounded up; None if it is malformed, which means no deadline."""
    digits, unit = value[:-1], TIMEOUT_UNITS.get(value[-1:])
    if unit is None or not digits.isdigit() or len(digits) > TIMEOUT_DIGITS:
        return None
    return -(-int(digits) * unit // 1_000)


# What a scope has of its request; a copy of a dict with all its keys is cheaper than one that grows.
BLANK: Scope = {
    "method": "",
    "path": "",
    "raw_path": b"",
    "query_string": b"",
    "headers": [],
    FIELDS: {},
    BODY: None,
}


@value
class Head:
    """What a request says before its body."""

    method: str
    raw: bytes  # its target, as it came
    fields: list[Header]  # the host first; names in lower case
    known: dict[bytes, bytes]  # the same; the last one of a name wins

    @property
    def path(self) -> str:
        path = self.raw.partition(b"?")[0].decode("utf-8", "replace")
        return unquote(path) if "%" in path else path


def head_of(headers: tuple[Header, ...]) -> Head | None:
    """The head of a request; None of a CONNECT, which has no path. `headers` begin with the pseudo-fields."""
    head = dict(headers[:PSEUDO_FIELDS])
    raw, authority = head.get(b":path"), head.get(b":authority")
    if raw is None:
        return None
    fields = list(headers[3:]) if authority is None else [(b"host", authority), *headers[4:]]
    known = dict(fields)
    if authority is not None and known[b"host"] is not authority:
        fields[1:] = [field for field in fields[1:] if field[0] != b"host"]
        known[b"host"] = authority
    return Head(head[b":method"].decode(), raw, fields, known)


def scope_of(base: Scope, head: Head, body: bytes | None) -> Scope:
    """The ASGI scope of a request; `body` if it came whole."""
    scope = base.copy()
    scope["method"] = head.method
    scope["path"] = head.path
    scope["raw_path"], _, scope["query_string"] = head.raw.partition(b"?")
    scope["headers"] = head.fields
    scope[FIELDS] = head.known
    scope[BODY] = body
    return scope
