"""The head of a request by HTTP/2, as ASGI shows it: its scope, and how long gRPC's caller will wait.

Pure: it knows no stream and no engine.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from kumotasks.api.exchange import ANSWER, BODY, FIELDS, Header

Scope = dict[str, Any]

QUESTION_MARK = ord("?")
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
    ANSWER: None,
}


def scope_of(base: Scope, headers: tuple[Header, ...]) -> Scope | None:
    """The ASGI scope of a request; None of a CONNECT, which has no path. `headers` begin with the pseudo-fields."""
    head = dict(headers[:PSEUDO_FIELDS])
    raw, query, authority = head.get(b":path"), b"", head.get(b":authority")
    if raw is None:
        return None
    if QUESTION_MARK in raw:
        raw, _, query = raw.partition(b"?")
    path = raw.decode("utf-8", "replace")
    fields = list(headers[3:]) if authority is None else [(b"host", authority), *headers[4:]]
    known = dict(fields)
    if authority is not None and known[b"host"] is not authority:
        fields[1:] = [field for field in fields[1:] if field[0] != b"host"]
        known[b"host"] = authority
    scope = base.copy()
    scope["method"] = head[b":method"].decode()
    scope["path"] = unquote(path) if "%" in path else path
    scope["raw_path"] = raw
    scope["query_string"] = query
    scope["headers"] = fields
    scope[FIELDS] = known
    return scope
