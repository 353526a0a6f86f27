"""Workers that behave by script, on real sockets: each connection is a visit, and a script says what happens in it."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Visit:
    """One connection as the worker sees it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: list[bytes]) -> None:
        self._reader = reader
        self._writer = writer
        self._requests = requests

    async def request(self) -> bytes:
        """The next request, whole; b"" once the sender has closed."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return b""
        sizes = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await self._reader.readexactly(int(sizes[0].split(b":")[1])) if sizes else b""
        self._requests.append(head + body)
        return head + body

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def gone(self) -> None:
        """Wait until the sender has closed."""
        try:
            while await self._reader.read(65536):
                pass
        except ConnectionError:
            pass

    def half_close(self) -> None:
        self._writer.write_eof()

    def reset(self) -> None:
        plug = cast("socket.socket", self._writer.get_extra_info("socket"))
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    def close(self) -> None:
        self._writer.close()

    async def pour_into(self, upstream: asyncio.StreamWriter) -> None:
        """Pass on all that the sender sends."""
        while data := await self._reader.read(65536):
            upstream.write(data)
        upstream.write_eof()

    async def pour_from(self, upstream: asyncio.StreamReader) -> None:
        """Pass on to the sender all that comes from elsewhere."""
        while data := await upstream.read(65536):
            await self.send(data)
        self.half_close()


Script = Callable[[Visit], Awaitable[None]]


class Worker:
    """A listening worker: `requests` as their bytes came in, `visits` the number of connections made."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[bytes] = []
        self.visits = 0
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._secure = False

    @property
    def url(self) -> str:
        return f"{'https' if self._secure else 'http'}://localhost:{self.port}"

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self.script(Visit(reader, writer, self.requests))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def start(self, context: ssl.SSLContext | None, where: tuple[str, int]) -> asyncio.Server:
        self._secure = context is not None
        server = await asyncio.start_server(self._meet, *where, ssl=context)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def worker(
    script: Script, context: ssl.SSLContext | None = None, *, where: tuple[str, int] = ("127.0.0.1", 0)
) -> AsyncIterator[Worker]:
    """A worker that meets every connection with `script`."""
    listening = Worker(script)
    server = await listening.start(context, where)
    try:
        yield listening
    finally:
        server.close()
        await listening.stop()
        await server.wait_closed()


def answering(answer: bytes = OK) -> Script:
    """Answer each request with the same bytes and keep the connection."""

    async def script(visit: Visit) -> None:
        while await visit.request():
            await visit.send(answer)

    return script


def closing(answer: bytes = OK) -> Script:
    """Answer one request and close."""

    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(answer)

    return script


async def silent(visit: Visit) -> None:
    """Take requests and never answer."""
    while await visit.request():
        pass
