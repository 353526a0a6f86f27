"""A request as bytes: head and body in one piece, ready for one write. Pure.

No header of a task can smuggle anything: a name that is no token, or a name or value with a line break or NUL, refuses
the whole request. What belongs to the connection and not to the message is this side's own to say and is left out.

The same names come again and again, so those that need no thought are known, with their colon. A request that has
others is looked at with care: names that are new, refused, left out, or stand for a header that is added otherwise.
"""

from __future__ import annotations

import re

from kumotasks.dispatch.request import Request
from kumotasks.dispatch.route import Route
from kumotasks.domain.attempt import Unreachable

KNOWN_NAMES = 4096
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
ADDED = {
    "accept": "Accept: */*\r\n",
    "accept-encoding": "Accept-Encoding: gzip, deflate, br\r\n",
}
OF_THE_CONNECTION = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
EVERY_ADDED = "".join(ADDED.values())
CRLF = "\r\n"
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class HeadWriter:
    """Writes requests."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def write(self, request: Request, route: Route) -> bytes | Unreachable:
        """The whole request, or why it cannot be sent."""
        known, added = self._known, EVERY_ADDED
        try:
            lines = [known[name] + value for name, value in request.headers]
        except KeyError:
            lines, added = self._careful(request.headers)
        whole = "".join(lines)
        if "\n" in whole or "\r" in whole or "\0" in whole:
            return Unreachable("a header is not valid: a name that is no token, a line break or NUL; nothing was sent")
        body = request.body
        size = f"Content-Length: {len(body)}\r\n" if body or request.method in WITH_BODY else ""
        own = CRLF.join([*lines, request.service]) if lines else request.service
        head = f"{request.method}{route.preamble}{own}{added}{size}\r\n"
        return head.encode("utf-8", "replace") + body

    def _careful(self, headers: tuple[tuple[str, str], ...]) -> tuple[list[str], str]:
        """The lines to send, and those to add; a name that is no token shows as a line break, which refuses all."""
        lines, given = [], set()
        for name, value in headers:
            lower = name.lower()
            given.add(lower)
            if not _TOKEN.fullmatch(name):
                lines.append(CRLF)
            elif lower not in OF_THE_CONNECTION:
                lines.append(f"{name}: {value}")
                self._learn(name, lower)
        return lines, "".join(line for name, line in ADDED.items() if name not in given)

    def _learn(self, name: str, lower: str) -> None:
        if len(self._known) >= KNOWN_NAMES:
            self._known.clear()
        if lower not in ADDED:
            self._known[name] = f"{name}: "
