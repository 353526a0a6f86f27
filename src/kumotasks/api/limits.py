"""What one port accepts, and the one timer by which a connection keeps watch over it.

Both protocols of a port share these values. Nothing here knows HTTP or a socket.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB

NEVER = math.inf

# Event loops may wake a timer up to a millisecond early.
EARLY = 0.001


def nobody(host: bytes) -> bool:
    """No host is a guest's."""
    return False


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, patience in seconds (of the event loop's clock: it has nothing to do with the domain's time)."""

    max_body: int = 16 * MIB + 64 * KIB
    """A request's body. The little above 16 MiB is for gRPC's frame and for JSON around a payload."""
    guest: Callable[[bytes], bool] = nobody
    """Whether a Host header names somebody whom this server only leads to: his requests go by what he is promised."""
    max_guest_body: int = 32 * MIB
    """A request's body to a guest by HTTP/1.1 (Cloud Run: 32 MiB); by HTTP/2 there is no bound."""
    max_head: int = 64 * KIB
    """A request's line and headers, decoded."""
    max_streams: int = 1000
    """Calls that one HTTP/2 connection may have open."""
    max_pipelined: int = 16
    """Requests that one HTTP/1.1 connection may send ahead of its answers."""
    max_connections: int = 16_384
    """Connections of the port; one more is closed at once."""
    stream_window: int = 256 * KIB
    """Body bytes a client may send on a stream before the application has read them."""
    max_held: int = 64 * MIB
    """Body bytes of unfinished calls on a connection; beyond them one call at a time is let through."""
    first_byte_seconds: float = 10.0
    """From the connection to its first complete greeting."""
    head_seconds: float = 10.0
    """From a request's first byte to the end of its headers."""
    stall_seconds: float = 60.0
    """Without progress: of a request's body, or of an answer that the client does not take."""
    idle_seconds: float = 3600.0
    """An HTTP/2 connection without calls: gRPC clients hold their channels."""
    keep_alive_seconds: int = 75
    """An HTTP/1.1 connection between requests."""


class Watch:
    """One timer for a connection, moved often and fired seldom: `look(now)` does what is due and returns the instant
    of the next look (both in loop time; NEVER for none)."""

    __slots__ = ("_look", "_loop", "_timer", "when")

    def __init__(self, loop: asyncio.AbstractEventLoop, look: Callable[[float], float]) -> None:
        self._loop = loop
        self._look = look
        self._timer: asyncio.TimerHandle | None = None
        self.when = NEVER

    def by(self, when: float) -> None:
        """Look at `when` at the latest."""
        if when >= self.when:
            return
        if self._timer is not None:
            self._timer.cancel()
        self.when = when
        self._timer = self._loop.call_at(when, self._fire)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.when = None, NEVER

    def _fire(self) -> None:
        self._timer, self.when = None, NEVER
        self.by(self._look(self._loop.time() + EARLY))
