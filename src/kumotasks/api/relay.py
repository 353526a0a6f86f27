"""Bytes between two connections, untouched: a tunnel of the proxy.

Each side's end is passed on by itself (a half-close is no close), a side that does not take its bytes stops the other
from sending more, and a tunnel on which nothing moves is closed. It looks at no byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from kumotasks.api.limits import NEVER, Watch

IDLE_SECONDS = 3600.0  # nothing moves, both sides open: gRPC clients hold their channels
HALF_CLOSED_SECONDS = 60.0  # nothing moves, one side has ended


class Side(asyncio.Protocol):
    """One of the two connections. What comes before the other is there waits."""

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel
        self._early: list[bytes] = []
        self.transport: asyncio.Transport | None = None
        self.across: asyncio.Transport | None = None  # the other connection
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.pause_reading()

    def join(self, across: asyncio.Transport) -> None:
        self.across = across
        for each in self._early:
            across.write(each)
        self._early.clear()
        if self.ended and not across.is_closing():
            across.write_eof()
        if self.transport is not None:
            self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self._tunnel.moved()
        if self.across is None:
            self._early.append(data)
        else:
            self.across.write(data)

    def eof_received(self) -> bool:
        self.ended = True
        if self.across is not None and not self.across.is_closing():
            self.across.write_eof()
        return self._tunnel.half_closed()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tunnel.lost(self, broken=exc is not None)

    def pause_writing(self) -> None:
        if self.across is not None:
            self.across.pause_reading()

    def resume_writing(self) -> None:
        self._tunnel.moved()
        if self.across is not None:
            self.across.resume_reading()


class Tunnel:
    """Two sides; `done` is called once both are closed."""

    def __init__(self, done: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._done = done
        self._watch = Watch(self._loop, self._look)
        self._moved_at = self._loop.time()
        self.near, self.far = Side(self), Side(self)
        self._open = {self.near, self.far}

    def join(self) -> None:
        """Both connections are there: let bytes through."""
        assert self.near.transport is not None
        assert self.far.transport is not None
        self.near.join(self.far.transport)
        self.far.join(self.near.transport)
        if self.far not in self._open:  # it was lost while nobody was there
            self.near.transport.close()
        self._watch.by(self._moved_at + IDLE_SECONDS)

    def moved(self) -> None:
        self._moved_at = self._loop.time()

    def half_closed(self) -> bool:
        """True while the other direction goes on."""
        self.moved()
        self._watch.by(self._moved_at + HALF_CLOSED_SECONDS)
        return not (self.near.ended and self.far.ended)

    def lost(self, side: Side, *, broken: bool) -> None:
        self._open.discard(side)
        for each in self._open:
            if each.transport is not None:
                # What was sent before an orderly end is still delivered; a broken connection is passed on as one.
                (each.transport.abort if broken else each.transport.close)()
        if not self._open:
            self._watch.stop()
            self._done()

    def abort(self) -> None:
        for each in list(self._open):
            if each.transport is not None:
                each.transport.abort()

    def _look(self, now: float) -> float:
        halved = self.near.ended or self.far.ended
        limit = self._moved_at + (HALF_CLOSED_SECONDS if halved else IDLE_SECONDS)
        if limit > now:
            return limit
        self.abort()
        return NEVER
