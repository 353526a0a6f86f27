"""What a client of the proxy asks for: the head of its one request, read by llhttp and judged by its form alone.

`CONNECT host:port` in any version that clients still speak (Python's own library says HTTP/1.0), and nothing else. No
byte may follow the head before the answer: a proxy that took such bytes for the tunnel's could be made to speak for
somebody else. It knows no socket and no host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import httptools

AUTHORITY = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[\w-]{1,63}(?:\.[\w-]{1,63})*\.?)):(?P<port>\d{1,5})", re.ASCII
)
VERSIONS = frozenset({"1.0", "1.1"})
LONGEST_NAME = 253
MOST_HEADERS = 100
MOST_HEAD = 16 * 1024  # bytes
NOT_HTTP = "This is not a request that an HTTPS proxy understands."
ONLY_CONNECT = (
    "This port is an HTTPS proxy and takes CONNECT only. For plain HTTP set no proxy: "
    "the same API is on the server's plaintext port."
)
NO_TARGET = "CONNECT needs a host and a port, as in CONNECT cloudtasks.googleapis.com:443."
TOO_LARGE = "The head of the request is too large."
TOO_EARLY = "Nothing may follow CONNECT before its answer."
NO_BODY = "CONNECT has no body."


@dataclass(frozen=True, slots=True)
class Asked:
    """Where the client wants to go: `host` in lower case, without a last dot or brackets."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Why it does not go there: an HTTP status and one sentence, which repeats nothing that the client sent."""

    status: int
    sentence: str


class HeadReader:
    """Reads one request's head; made for one connection."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._fed = self._headers = 0
        self._refused: Refused | None = None
        self._complete = False

    def feed(self, data: bytes) -> Asked | Refused | None:
        """What is asked once the head is complete; None while it is not."""
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as end:
            return self._judge(early=end.args[0] < len(data))
        except httptools.HttpParserError:
            return self._refused or Refused(400, NOT_HTTP)
        if self._complete:
            return self._judge(early=False)
        return Refused(431, TOO_LARGE) if self._fed > MOST_HEAD else None

    # llhttp calls these.

    def on_url(self, part: bytes) -> None:
        self._url += part

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers += 1
        if self._headers > MOST_HEADERS:
            self._refused = self._refused or Refused(431, TOO_LARGE)
        if name.lower() == b"transfer-encoding" or (name.lower() == b"content-length" and value.strip(b"0 ")):
            self._refused = self._refused or Refused(400, NO_BODY)

    def on_headers_complete(self) -> None:
        self._complete = True

    def _judge(self, *, early: bool) -> Asked | Refused:
        if self._fed > MOST_HEAD and not early:
            return Refused(431, TOO_LARGE)
        if self._parser.get_http_version() not in VERSIONS:
            return Refused(400, NOT_HTTP)
        if self._parser.get_method() != b"CONNECT":
            return Refused(405, ONLY_CONNECT)
        if self._refused is not None:
            return self._refused
        return Refused(400, TOO_EARLY) if early else target(self._url)


def target(authority: bytes) -> Asked | Refused:
    """`host:port` as it stands in the request line."""
    found = AUTHORITY.fullmatch(authority.decode("latin-1"))
    if found is None or not 0 < int(found["port"]) < 65_536:
        return Refused(400, NO_TARGET)
    host = (found["six"] or found["name"]).lower().removesuffix(".")
    return Refused(400, NO_TARGET) if len(host) > LONGEST_NAME else Asked(host, int(found["port"]))
