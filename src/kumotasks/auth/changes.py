"""Changes that are made one at a time and to their end, whatever becomes of those who asked for them.

A write that nobody waits for any more is still made by the store; what is held in memory has to learn of it. What is
changed is not known here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


class Changes:
    """A row of changes."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._open: set[asyncio.Task[object]] = set()

    async def make(self, change: Callable[[], Awaitable[T]]) -> T:
        """Make `change` in its turn; one whose caller is cancelled is made all the same. It may not call `make`."""

        async def alone() -> T:
            async with self._turn:
                return await change()

        task = asyncio.ensure_future(alone())
        self._open.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._open.discard(task)
        if not task.cancelled():
            task.exception()  # seen, if nobody is left to be told
