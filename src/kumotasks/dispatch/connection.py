"""One connection to a worker: a request out in one write, its answer in, then back to its owner or closed.

Nothing is ever sent twice: once a request was handed to the transport, losing the connection is the attempt's end. A
connection that was closed while it lay idle is noticed before that (`usable`). Bytes that arrive while no answer is
expected close it, so that they cannot pass for the answer to the next request. It must never know where it leads, or
when an attempt's time is over.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Protocol, cast

from kumotasks.dispatch.answer import AnswerReader, Reply

CLOSED_EARLY = "the worker closed the connection before its answer was whole"


class Owner(Protocol):
    """Who keeps the connection."""

    def release(self, connection: Connection) -> None:
        """Its answer is read, it can carry another request."""

    def forget(self, connection: Connection) -> None:
        """It is gone, its socket is free."""


class Connection(asyncio.Protocol):
    """Carries one request at a time. `key` tells which are interchangeable, `idle_since` is its owner's."""

    __slots__ = ("_answered", "_open", "_owner", "_reader", "_transport", "idle_since", "key")

    def __init__(self, owner: Owner, key: str) -> None:
        self.key = key
        self.idle_since = 0
        self._open = False
        self._owner = owner
        self._reader = AnswerReader()
        self._answered: Callable[[Reply], None] | None = None
        self._transport: asyncio.Transport | None = None

    def usable(self) -> bool:
        """Whether a request can be handed over. A transport may know that it is lost before it says so."""
        return self._open and self._transport is not None and not self._transport.is_closing()

    def exchange(self, request: bytes, answered: Callable[[Reply], None], *, bodiless: bool) -> None:
        """Send a request; `answered` is told the answer, or why there is none, unless it is abandoned."""
        assert self._transport is not None
        assert self._answered is None
        self._reader.expect(bodiless=bodiless)
        self._answered = answered
        self._transport.write(request)

    def abandon(self) -> None:
        """Nobody waits for the answer any more: no other one can be told from it."""
        self._answered = None
        self.abort()

    def abort(self) -> None:
        """Close at once; what the peer has not taken is dropped (a graceful close could wait for it for ever)."""
        self._open = False
        if self._transport is not None:
            self._transport.abort()

    def peer(self) -> str:
        """The address at the other end."""
        name = self._transport.get_extra_info("peername") if self._transport is not None else None
        return str(name[0]) if name else ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open = True

    def data_received(self, data: bytes) -> None:
        if self._answered is None:
            self.abort()
            return
        answer = self._reader.feed(data)
        if answer is not None:
            self._settle(answer)

    def eof_received(self) -> None:
        """Also half a close: no answer can come any more, though the transport may long be busy with the request."""
        self._open = False
        if self._answered is not None:
            self._settle(self._reader.end(CLOSED_EARLY))

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = False
        if self._answered is not None:
            self._settle(self._reader.end(CLOSED_EARLY) if exc is None else self._reader.cut(reason_of(exc)))
        self._transport = None
        self._owner.forget(self)

    def _settle(self, reply: Reply) -> None:
        answered, self._answered = self._answered, None
        assert answered is not None
        # An early answer leaves a part of the request unsent.
        unsent = self._transport.get_write_buffer_size() if self._transport is not None else 0
        if self._reader.reusable and not unsent:
            self._owner.release(self)
        else:
            self.abort()
        answered(reply)


def reason_of(error: Exception) -> str:
    """What happened to a connection, in one line."""
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the worker reset the connection"
    if isinstance(error, OSError) and error.errno:
        return f"the connection was lost: {os.strerror(error.errno).lower()}"
    return f"the connection was lost: {str(error) or type(error).__name__}"
