"""The metadata server's connections: GET requests over HTTP/1.1, read by hand because they have no bodies.

It lets in only who a metadata server lets in: with the header that no browser sends by itself, not through a proxy, not
by somebody else's name, and where the system tells it, not from another user's program. What is answered is unknown.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from kumotasks.workers.metadata.metadata_tree import Page
from kumotasks.workers.metadata.neighbour import is_ours

FLAVOR = "metadata-flavor"
MAX_HEAD = 16 * 1024  # bytes
IDLE = 60.0  # seconds that a connection may be silent
_REQUEST = re.compile(r"([A-Z]+) (\S+) HTTP/1\.([01])")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(?::\d*)?")
_HOSTS = frozenset({"", "localhost", "metadata", "metadata.google.internal"})
_REASONS = {200: "OK", 301: "Moved Permanently", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}
_HEADERS = "Metadata-Flavor: Google\r\nServer: Metadata Server for Serverless\r\nX-Frame-Options: SAMEORIGIN\r\n"

BAD = Page(400, "Your client has issued a malformed or illegal request.\n")
UNFLAVORED = Page(403, "Missing Metadata-Flavor:Google header.\n")
FORWARDED = Page(403, "Requests with X-Forwarded-For are not served here.\n")
STRANGE_HOST = Page(403, "No metadata server goes by this name.\n")
FOREIGN = Page(403, "These are the metadata of another user's program.\n")
ONLY_GET = Page(405, "Only GET and HEAD are served here.\n")

Look = Callable[[str, Mapping[str, str]], Awaitable[Page]]


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names in lower case."""

    verb: str
    target: str
    headers: Mapping[str, str]
    lasting: bool  # the connection stays


async def converse(reader: StreamReader, writer: StreamWriter, look: Look) -> None:
    """Answer what comes until the client has done, is silent for too long, or sends what is no request."""
    try:
        ours = is_ours(writer.get_extra_info("peername"), writer.get_extra_info("sockname"))
        while True:
            async with asyncio.timeout(IDLE):
                head = await reader.readuntil(b"\r\n\r\n")
            request = read(head)
            page = await _answered(request, look) if ours else FOREIGN
            writer.write(_written(page, request))
            async with asyncio.timeout(IDLE):
                await writer.drain()
            if request is None or not request.lasting:
                return
    except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
        return  # whoever asked has gone, or never asked
    finally:
        writer.close()


def read(head: bytes) -> Request | None:
    """A request from the octets up to its empty line; None if it is none."""
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    start = _REQUEST.fullmatch(first)
    fields = [line.partition(":") for line in lines]
    if start is None or not all(name and colon and name == name.strip() for name, colon, _ in fields):
        return None
    headers = {name.lower(): value.strip() for name, _, value in fields}
    with_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    lasting = start[3] == "1" and headers.get("connection", "").lower() != "close" and not with_body
    return Request(start[1], start[2], headers, lasting)


async def _answered(request: Request | None, look: Look) -> Page:
    if request is None:
        return BAD
    if request.verb not in ("GET", "HEAD"):
        return ONLY_GET
    if "x-forwarded-for" in request.headers:
        return FORWARDED
    if not is_own_name(request.headers.get("host", "")):
        return STRANGE_HOST
    target = urlsplit(request.target)
    # The root is what a client looks at first, to see from the header of the answer whom it has before it.
    if target.path not in ("", "/") and request.headers.get(FLAVOR, "").lower() != "google":
        return UNFLAVORED
    return await look(unquote(target.path) or "/", dict(parse_qsl(target.query)))


def is_own_name(host: str) -> bool:
    """Whether a Host is an address or a name of the metadata server: a page of the network that had its name lead here
    has a name of its own."""
    found = _AUTHORITY.fullmatch(host)
    if found is None:
        return False
    name = found[1].lower().removesuffix(".")
    if name in _HOSTS:
        return True
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _written(page: Page, request: Request | None) -> bytes:
    body = page.body.encode()
    lasting = request is not None and request.lasting
    head = (
        f"HTTP/1.1 {page.status} {_REASONS.get(page.status, 'Error')}\r\n{_HEADERS}"
        f"Content-Type: {page.content_type}\r\nContent-Length: {len(body)}\r\n"
        f"{f'Location: {page.location}' + chr(13) + chr(10) if page.location else ''}"
        f"Connection: {'keep-alive' if lasting else 'close'}\r\n\r\n"
    )
    return head.encode("latin-1", "replace") + (b"" if request is not None and request.verb == "HEAD" else body)
