"""REST load: keep-alive connections with one call at a time each, as an HTTP/1.1 client without pipelining makes."""

from __future__ import annotations

import asyncio
from typing import cast

import httptools


class _Connection(asyncio.Protocol):
    def __init__(self, load: RestLoad) -> None:
        self._load = load
        self._parser = httptools.HttpResponseParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.next()

    def next(self) -> None:
        if self._load.take():
            self._transport.write(self._load.request)
        else:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() != 200:
            raise SystemExit(f"a REST call was answered {self._parser.get_status_code()}")
        self._parser = httptools.HttpResponseParser(self)
        self._load.ended()
        self.next()


class RestLoad:
    """`count` times the same POST."""

    def __init__(self, port: int, path: str, body: bytes, count: int) -> None:
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        self.request = head.encode() + body
        self._port = port
        self._to_begin = self._to_end = count
        self._done = asyncio.get_running_loop().create_future()

    async def run(self, connections: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            await loop.create_connection(lambda: _Connection(self), "127.0.0.1", self._port)
        await self._done

    def take(self) -> bool:
        self._to_begin -= 1
        return self._to_begin >= 0

    def ended(self) -> None:
        self._to_end -= 1
        if self._to_end == 0:
            self._done.set_result(None)
