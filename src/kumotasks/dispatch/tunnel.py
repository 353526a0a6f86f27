"""A tunnel through an HTTP proxy: CONNECT, its answer, and then the bare transport for TLS to run over."""

from __future__ import annotations

import asyncio
from typing import cast

from kumotasks.dispatch.answer import AnswerReader, Reply
from kumotasks.dispatch.route import Proxy
from kumotasks.domain.attempt import HTTP_OK, Answered, Unreachable

HEAD_END = b"\r\n\r\n"


class Tunnel(asyncio.Protocol):
    """Speaks with the proxy until the tunnel stands; `transport` is then free for another protocol."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._reader = AnswerReader()
        self._answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def ask(self, host: str, port: int, proxy: Proxy) -> Unreachable | None:
        """Ask for a tunnel to `host` and `port`; None once it stands."""
        assert self.transport is not None
        there = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._reader.expect(bodiless=True)
        self.transport.write(f"CONNECT {there} HTTP/1.1\r\nHost: {there}\r\n{proxy.authorization}\r\n".encode())
        answer = await self._answer
        if isinstance(answer, Unreachable):
            return Unreachable(f"the proxy opened no tunnel: {answer.reason}")
        if isinstance(answer, Answered) and answer.status in HTTP_OK:
            return None
        status = answer.status if isinstance(answer, Answered) else answer.answered.status
        return Unreachable(f"the proxy opened no tunnel: HTTP status code {status}")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        answer = self._reader.feed(data)
        if answer is not None:
            early = not isinstance(answer, Unreachable) and not data.endswith(HEAD_END)
            self._conclude(Unreachable("bytes came before the tunnel stood") if early else answer)

    def eof_received(self) -> None:
        self._conclude(Unreachable("it closed the connection"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._conclude(Unreachable("it closed the connection"))

    def _conclude(self, answer: Reply) -> None:
        if not self._answer.done():
            self._answer.set_result(answer)
