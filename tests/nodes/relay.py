"""A way to PostgreSQL over TCP, for a program that is in another network: the server itself listens on a file only."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from urllib.parse import parse_qs, urlsplit

from tests.postgres import PostgresServer


class Relay:
    """Passes bytes on, in a thread; a context manager."""

    def __init__(self, host: str, server: PostgresServer) -> None:
        self._host = host
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._port = 0

    def __enter__(self) -> Relay:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, database: str) -> str:
        user = urlsplit(self._server.url(database)).username or "postgres"
        return f"postgresql://{user}@{self._host}:{self._port}/{database}"

    async def _listen(self) -> None:
        self._listening = await asyncio.start_server(self._pass, self._host, 0)
        self._port = self._listening.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._listening.close()
        passing = asyncio.all_tasks() - {asyncio.current_task()}
        for each in passing:
            each.cancel()
        await asyncio.gather(*passing, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(self._server.url())
        directory = parse_qs(parts.query)["host"][0]
        far_reader, far_writer = await asyncio.open_unix_connection(f"{directory}/.s.PGSQL.{parts.port or 5432}")
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, far_writer))
                both.create_task(_copy(far_reader, writer))
        finally:
            writer.transport.abort()
            far_writer.transport.abort()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
    target.transport.abort()
