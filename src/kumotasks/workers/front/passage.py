"""A request through to an instance over HTTP/1.1, and its answer back, in pieces as they come.

The usual case is short: a body that came whole, one write, one answer. It knows nothing of who may come in, of slots
or of time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import cast

from kumotasks.workers.front.asgi import TUNNEL, Receive, extensions_of
from kumotasks.workers.front.connection import SWITCHING, Connection, InstanceLost, Unreached
from kumotasks.workers.front.forwarding import added, lines, returned
from kumotasks.workers.front.upstream import Upstream
from kumotasks.workers.front.visit import Visit
from kumotasks.workers.instances.running import Slot

REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})  # RFC 9110 section 9.2.2
_BODILESS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "DELETE"})
# Makes a tunnel of the client's connection: the instance's, the head of its answer, what followed that already.
Tunnel = Callable[[asyncio.Transport, bytes, bytes], Awaitable[None]]


class ClientLeft(Exception):
    """The client went away before all of its request was here."""


class Passage:
    """Carries requests to instances."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream

    async def carry(self, visit: Visit, slot: Slot, receive: Receive) -> None:
        """All of one request and its answer. Raises ClientLeft; InstanceLost, or Unreached, after which it may be
        carried to another instance."""
        if visit.begun is None:
            visit.begun = await received(visit, receive)
        body, more = visit.begun
        head = _head(visit, None if more else len(body))
        data = head + (_framed(visit, body) if more else body)
        connection = await self._upstream.connection(slot.host, slot.port)
        try:
            try:
                connection.ask(data, bodiless=visit.method == "HEAD")
                await (self._both_ways(visit, connection, receive) if more else self._back(visit, connection))
            except InstanceLost as lost:
                if lost.unread and not more:
                    raise Unreached from lost
                if more or not (lost.untouched and connection.used and visit.method in REPEATABLE):
                    raise
                # It was closed while it lay idle: a request that may be made twice is made again.
                connection = await self._upstream.connection(slot.host, slot.port, fresh=True)
                connection.ask(data, bodiless=visit.method == "HEAD")
                await self._back(visit, connection)
        finally:
            self._upstream.give_back(connection, slot.host, slot.port)

    async def _back(self, visit: Visit, connection: Connection) -> None:
        """The answer, as it comes."""
        status = await connection.answer()
        if status == SWITCHING:
            await self._switch(visit, connection)
            return
        await visit.begin(status, returned(status, connection.headers))
        more = True
        while more:
            body, more = await connection.piece()
            await visit.say(body, more=more)

    async def _both_ways(self, visit: Visit, connection: Connection, receive: Receive) -> None:
        if not await both_ways(self._back(visit, connection), _send_rest(visit, connection, receive)):
            connection.keeps = False

    async def _switch(self, visit: Visit, connection: Connection) -> None:
        """Both sides speak another protocol from here on: a WebSocket."""
        tunnel = cast("Tunnel | None", extensions_of(visit.scope).get(TUNNEL))
        if tunnel is None or b"upgrade" not in visit.fields.noted:
            raise InstanceLost("an upgrade that was not asked for")
        visit.status = SWITCHING
        upgrade = [(b"connection", b"Upgrade"), *connection.headers_but_connection()]
        head = b"HTTP/1.1 101 Switching Protocols\r\n" + lines(upgrade) + b"\r\n"
        await tunnel(connection.release(), head, connection.early)


async def both_ways(answering: Coroutine[None, None, None], asking: Coroutine[None, None, None]) -> bool:
    """The answer may begin, and end, before the request does. Whether all of the request went out."""
    sending = asyncio.create_task(asking)
    try:
        await answering
        return sending.done()
    except InstanceLost:
        if sending.done() and isinstance(sending.exception(), ClientLeft):
            raise ClientLeft from None
        raise
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def received(visit: Visit, receive: Receive) -> tuple[bytes, bool]:
    """The next piece of a request's body, and whether more follow. Raises ClientLeft."""
    event = await receive()
    if event["type"] != "http.request":
        raise ClientLeft
    body = cast("bytes", event.get("body", b""))
    visit.received += len(body)
    return body, bool(event.get("more_body", False))


async def _send_rest(visit: Visit, connection: Connection, receive: Receive) -> None:
    """The rest of a body, no faster than the instance takes it."""
    more = True
    try:
        while more:
            await connection.room()
            body, more = await received(visit, receive)
            connection.send(_framed(visit, body, last=not more))
    except ClientLeft:
        connection.abort()
        raise


def _framed(visit: Visit, body: bytes, *, last: bool = False) -> bytes:
    """A piece of a body that comes in pieces: bare if its length was told before, else a chunk."""
    if b"content-length" in visit.fields.noted:
        return body
    chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    return chunk + b"0\r\n\r\n" if last else chunk


def _head(visit: Visit, length: int | None) -> bytes:
    """The request's head; `length` None is that of a body that comes in pieces."""
    fields = visit.fields
    own = added(fields, peer=visit.peer, scheme=visit.scheme, trace=visit.trace, unsigned=visit.unsigned)
    told = fields.noted.get(b"content-length")
    if b"upgrade" in fields.noted and TUNNEL in extensions_of(visit.scope):
        own += [(b"connection", b"Upgrade"), (b"upgrade", fields.noted[b"upgrade"])]
    elif length is None:
        own.append((b"transfer-encoding", b"chunked") if told is None else (b"content-length", told))
    elif length or visit.method not in _BODILESS:
        own.append((b"content-length", b"%d" % length))
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (visit.method.encode(), visit.target, lines([*own, *fields.others]))
