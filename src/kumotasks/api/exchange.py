"""One HTTP exchange as ASGI shows it: what came, reading the body, sending the answer.

Both transports and the plain pages stand on it. It knows nothing of calls, paths or messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from kumotasks.domain.errors import PayloadTooLarge
from kumotasks.domain.value import value

Scope: TypeAlias = MutableMapping[str, Any]
Event: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]
Header: TypeAlias = tuple[bytes, bytes]
# All of an answer: the head as the wire has it (the status first, nothing of the connection's own), the body, the
# trailers.
Answer: TypeAlias = Callable[[list[Header], bytes, list[Header]], None]

# Entries of our own in a scope, each for what ASGI takes several steps to say; a server may leave them out.
FIELDS = "kumo.fields"  # the header fields as a dict: names in lower case, the last one of a name wins
BODY = "kumo.body"  # the request's body, if it came whole and in one piece; `receive` would give it as well
MAX_BODY = 16 * 1024 * 1024  # bytes, before and after unpacking


class ClientGone(Exception):
    """The client left before its request was complete; there is nobody to answer."""


@value
class Exchange:
    """A request that came, and the way back."""

    scope: Scope
    headers: dict[bytes, bytes]  # names in lower case; the last one of a name wins
    receive: Receive
    send: Send

    async def body(self, limit: int = MAX_BODY) -> bytes:
        """All of the request's body. Raises PayloadTooLarge, ClientGone."""
        body: bytes | None = self.scope.get(BODY)
        if body is None:
            event = await self.receive()
            if event["type"] != "http.request":
                raise ClientGone
            body = event.get("body", b"")
            if event.get("more_body", False):
                body = await self._rest_of(body, limit)
        if len(body) > limit:
            raise PayloadTooLarge
        return body

    async def _rest_of(self, first: bytes, limit: int) -> bytes:
        chunks, size, more = [first], len(first), True
        while more:
            if size > limit:
                raise PayloadTooLarge
            event = await self.receive()
            if event["type"] != "http.request":
                raise ClientGone
            chunks.append(event.get("body", b""))
            size += len(chunks[-1])
            more = event.get("more_body", False)
        return b"".join(chunks)

    async def answer(self, status: int, headers: list[Header], body: bytes) -> None:
        """Send a whole answer; a HEAD request gets the same without the body."""
        length = (b"content-length", b"%d" % len(body))
        await self.send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
        await self.send({"type": "http.response.body", "body": b"" if self.scope["method"] == "HEAD" else body})
