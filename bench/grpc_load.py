"""gRPC load over libnghttp2: a tenth of what a call costs grpcio, so that the server stays what is measured.

It sends the header fields that Google's client sends, and counts an answer only with `grpc-status: 0`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import cast

import ngh2

SERVICE = "/google.cloud.tasks.v2.CloudTasks/"
WINDOW = 2**24


class Channel(asyncio.Protocol):
    """One connection. `call` begins a unary call; `ended(answer)` comes when it is over."""

    def __init__(self) -> None:
        self._engine = ngh2.Connection(ngh2.Role.CLIENT)
        self._open: dict[int, Callable[[bytes], None]] = {}
        self._answers: dict[int, bytes] = {}
        self._heads: dict[tuple[str, str], list[tuple[bytes, bytes]]] = {}
        self._scheduled = False
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._engine.initiate_connection({ngh2.Setting.INITIAL_WINDOW_SIZE: WINDOW})
        self._engine.set_local_window_size(WINDOW)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._engine.receive_data(data)
        for event in self._engine.events():
            match event:
                case ngh2.ResponseReceived(number, headers, end) | ngh2.DataReceived(number, headers, end) if not end:
                    if isinstance(event, ngh2.DataReceived):
                        self._answers[number] = self._answers.get(number, b"") + event.data
                case ngh2.TrailersReceived(number, headers) | ngh2.ResponseReceived(number, headers, _):
                    self._end(number, dict(headers))
                case ngh2.ConnectionClosed() | ngh2.GoAwayReceived():
                    raise SystemExit(f"the server closed the connection: {event}")
        self._flush()

    def call(self, method: str, about: str, request: bytes, ended: Callable[[bytes], None]) -> None:
        head = self._heads.get((method, about)) or self._head(method, about)
        number = self._engine.send_request(head)
        self._engine.send_data(number, b"\0" + len(request).to_bytes(4, "big") + request, end_stream=True)
        self._open[number] = ended
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._flush)

    def close(self) -> None:
        self._transport.abort()

    def _end(self, number: int, trailers: dict[bytes, bytes]) -> None:
        if trailers.get(b"grpc-status") != b"0":
            raise SystemExit(f"a call failed: {trailers}")
        self._open.pop(number)(self._answers.pop(number, b"")[5:])

    def _flush(self) -> None:
        self._scheduled = False
        data = self._engine.data_to_send()
        if data:
            self._transport.write(data)

    def _head(self, method: str, about: str) -> list[tuple[bytes, bytes]]:
        host, port = self._transport.get_extra_info("peername")[:2]
        head = [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", (SERVICE + method).encode()),
            (b":authority", f"{host}:{port}".encode()),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"grpc-python-asyncio/1.85.1 grpc-c/54.0.0 (linux; chttp2)"),
            (b"grpc-accept-encoding", b"identity, deflate, gzip"),
            (b"grpc-timeout", b"20S"),
            (b"x-goog-api-client", b"gl-python/3.11.7 grpc/1.85.1 gax/2.28.0 gapic/2.26.0 pb/6.33.0"),
            (b"x-goog-request-params", about.encode()),
        ]
        self._heads[method, about] = head
        return head


class GrpcLoad:
    """Some channels to one server; a context manager."""

    def __init__(self, port: int, *, channels: int = 4) -> None:
        self._port = port
        self._count = channels
        self._channels: list[Channel] = []

    async def __aenter__(self) -> GrpcLoad:
        loop = asyncio.get_running_loop()
        for _ in range(self._count):
            _, channel = await loop.create_connection(Channel, "127.0.0.1", self._port)
            self._channels.append(channel)
        return self

    async def __aexit__(self, *_: object) -> None:
        for channel in self._channels:
            channel.close()

    async def once(self, method: str, about: str, request: bytes) -> bytes:
        """One call and its answer."""
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._channels[0].call(method, about, request, answered.set_result)
        return await answered

    async def repeat(self, method: str, about: str, requests: Sequence[bytes], *, in_flight: int) -> None:
        """Every one of `requests`, `in_flight` at a time over all channels."""
        done = asyncio.get_running_loop().create_future()
        waiting, open_calls = iter(requests), len(requests)

        def begin(channel: Channel) -> None:
            request = next(waiting, None)
            if request is not None:
                channel.call(method, about, request, lambda answer: end(channel))

        def end(channel: Channel) -> None:
            nonlocal open_calls
            open_calls -= 1
            if open_calls == 0:
                done.set_result(None)
            begin(channel)

        for number in range(in_flight):
            begin(self._channels[number % len(self._channels)])
        await done

    def begin(self, method: str, about: str, request: bytes, ended: Callable[[bytes], None]) -> None:
        """One call now, on the first channel."""
        self._channels[0].call(method, about, request, ended)
