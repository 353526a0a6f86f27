"""The head of an answer waits for the first piece of its body, so that both leave in one write.

Each write is a system call, which costs as much as everything else about a small answer. What follows in the same turn
of the event loop is waited for, and nothing else. It knows bytes, not HTTP.
"""

from __future__ import annotations

import asyncio


class Cork:
    """Stands in a transport's place, for one answer."""

    __slots__ = ("_held", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: bytes | None = b""  # None once something was written

    def write(self, data: bytes) -> None:
        held = self._held
        if held is None:
            self._transport.write(data)
        elif held:
            self._held = None
            self._transport.write(held + data)
        elif data:
            self._held = data
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        if self._held:
            self._transport.write(self._held)
            self._held = None

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self.flush()
        self._transport.close()
