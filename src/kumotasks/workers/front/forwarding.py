"""A request's head as an instance gets it: what belongs to one connection left out, what Cloud Run adds put in. Pure.

Nothing a client sends can pass for what the front says: of its own Forwarded fields the front appends to the client's,
of the token that was checked it writes the one it checked, and the body's length is told by whoever sends the body.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from kumotasks.workers.front.asgi import Header

_TRACE = re.compile(rb"([0-9a-fA-F]{32})(?:/(\d+))?(?:;o=[0-9]+)?")
_PARENT = re.compile(rb"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_NO_TRACE = b"0" * 32
# RFC 9110 section 7.6.1, and what is answered for here: Expect by the server in front, HTTP2-Settings by nobody. The
# last one opens doors of this server, and no worker needs to see it.
_LEFT_OUT = frozenset(
    {
        b"connection",
        b"expect",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"x-kumo-run-secret",
    }
)
TOKENS = (b"x-serverless-authorization", b"authorization")  # the first that is there is the one to check
# Fields of which something depends here: kept aside, and written again as they are to be.
_NOTED = frozenset(
    {
        *TOKENS,
        b"content-length",
        b"cookie",
        b"forwarded",
        b"host",
        b"traceparent",
        b"upgrade",
        b"user-agent",
        b"x-cloud-trace-context",
        b"x-forwarded-for",
        b"x-forwarded-proto",
    }
)
_ANSWER_LEFT_OUT = _LEFT_OUT | {b"upgrade"}
_BODILESS = frozenset({204, 304})
_JOINED = {b"cookie": b"; ", b"x-forwarded-for": b",", b"forwarded": b","}


@dataclass(slots=True)
class Fields:
    """A request's headers, read once: `noted` by name, all others as lines for the wire."""

    noted: dict[bytes, bytes] = field(default_factory=dict)
    others: list[Header] = field(default_factory=list)
    doubtful: bool = False  # more than one of a field of which only one can be meant

    @property
    def token(self) -> bytes:
        """The name of the header that is checked."""
        return TOKENS[0] if TOKENS[0] in self.noted else TOKENS[1]


@dataclass(frozen=True, slots=True)
class Trace:
    """Which trace a request belongs to and its span in it, in hexadecimal."""

    trace: str
    span: str


def read(headers: list[Header]) -> Fields:
    """Sort a request's headers; names are in lower case, as ASGI has them."""
    fields = Fields()
    noted, others = fields.noted, fields.others
    connection = b""
    for header in headers:
        name, value = header
        if name in _NOTED:
            if name in noted:
                fields.doubtful = fields.doubtful or name not in _JOINED
                value = noted[name] + _JOINED.get(name, b",") + value
            noted[name] = value
        elif name == b"connection":
            connection = value.lower()
        elif name not in _LEFT_OUT:
            others.append(header)
    if connection and connection not in (b"keep-alive", b"close"):
        named = {each.strip() for each in connection.split(b",")}
        fields.others = [header for header in others if header[0] not in named]
    return fields


def trace_of(fields: Fields) -> Trace:
    """The trace that a client names, with a span of our own; else a new one."""
    noted = fields.noted
    found = None
    if b"traceparent" in noted:
        found = _PARENT.fullmatch(noted[b"traceparent"])
    if found is None and b"x-cloud-trace-context" in noted:
        found = _TRACE.fullmatch(noted[b"x-cloud-trace-context"])
    fresh = os.urandom(24).hex()
    if found is None or found[1] == _NO_TRACE:
        return Trace(fresh[:32], fresh[32:])
    return Trace(found[1].decode().lower(), fresh[32:])


def added(fields: Fields, *, peer: str, scheme: str, trace: Trace, unsigned: bytes) -> list[Header]:
    """The noted fields as the instance gets them. `unsigned` stands in place of the checked token, unless empty."""
    noted = fields.noted
    made = [(b"host", noted.get(b"host", b""))]
    made += [(name, noted[name]) for name in (*TOKENS, b"cookie", b"user-agent") if name in noted]
    if unsigned:
        made = [(name, unsigned if name == fields.token else value) for name, value in made]
    way, address = scheme.encode(), peer.encode()
    said = b'for="%b";proto=%b' % (b"[%b]" % address if b":" in address else address, way)
    made += [
        (b"x-forwarded-for", _after(noted.get(b"x-forwarded-for"), address)),
        (b"x-forwarded-proto", way),
        (b"forwarded", _after(noted.get(b"forwarded"), said)),
        (b"x-cloud-trace-context", f"{trace.trace}/{int(trace.span, 16)};o=1".encode()),
        (b"traceparent", f"00-{trace.trace}-{trace.span}-01".encode()),
    ]
    return made


def _after(given: bytes | None, own: bytes) -> bytes:
    return own if given is None else given + b"," + own


def lines(headers: list[Header]) -> bytes:
    """Headers as HTTP/1.1 writes them."""
    return b"".join([b"%b: %b\r\n" % header for header in headers])


def returned(status: int, headers: list[Header]) -> list[Header]:
    """An instance's headers as the client gets them; names in lower case."""
    bodiless = status in _BODILESS
    return [
        header
        for header in headers
        if header[0] not in _ANSWER_LEFT_OUT and not (bodiless and header[0] == b"content-length")
    ]
