"""Hears what other nodes tell. Where the connection is lost it makes another, by itself, and says what may be missed.

What is heard goes to `hear`; `unheard` is called whenever something may not have been.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.postgres.link import FAILURES, Connection, Server

_AGAIN = 0.25  # seconds between two tries; the server bounds them further
_POLL = 10.0  # seconds


class Ears:
    """A connection of its own that listens to `channels`."""

    def __init__(
        self, server: Server, channels: Sequence[str], hear: Callable[[str], None], unheard: Callable[[], None]
    ) -> None:
        self._server = server
        self._channels = channels
        self._hear = hear
        self._unheard = unheard
        self._listening: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()

    async def start(self) -> None:
        """Listen from here on. StorageUnavailable."""
        connection = await self._open()
        self._listening = asyncio.get_running_loop().create_task(self._listen(connection))

    async def stop(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def _open(self) -> Connection:
        connection = await self._server.connect()
        self._lost.clear()
        connection.add_termination_listener(lambda _: self._lost.set())
        try:
            for channel in self._channels:
                await connection.add_listener(channel, lambda _, __, ___, text: self._hear(text))
        except FAILURES as failure:
            connection.terminate()
            raise StorageUnavailable from failure
        return connection

    async def _listen(self, connection: Connection) -> None:
        while True:
            try:
                await self._until_lost()
            finally:
                connection.terminate()
            connection = await self._reopen()
            self._unheard()

    async def _until_lost(self) -> None:
        while not self._lost.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_POLL):
                    await self._lost.wait()
            if not self._lost.is_set():
                self._unheard()

    async def _reopen(self) -> Connection:
        while True:
            try:
                return await self._open()
            except StorageUnavailable:
                await asyncio.sleep(_AGAIN)
