"""The HTTP worker: as little as can answer a POST, so that it is never what is measured."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httptools

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Worker:
    """Counts requests; `arrived(body)` is told of each."""

    def __init__(self, arrived: Callable[[bytes], None] | None = None) -> None:
        self.arrived = arrived
        self.count = 0
        self.port = 0
        self._goal = 0
        self._reached: asyncio.Future[None] | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def wait_for(self, count: int, seconds: float = 300) -> None:
        """Until `count` requests have come in all."""
        if self.count < count:
            self._goal, self._reached = count, asyncio.get_running_loop().create_future()
            await asyncio.wait_for(self._reached, seconds)

    def take(self, body: bytes) -> None:
        self.count += 1
        if self.arrived is not None:
            self.arrived(body)
        if self.count == self._goal and self._reached is not None and not self._reached.done():
            self._reached.set_result(None)


class _Connection(asyncio.Protocol):
    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._parser = httptools.HttpRequestParser(self)
        self._body = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        body, self._body = self._body, b""
        self._transport.write(OK)
        self._worker.take(body)
