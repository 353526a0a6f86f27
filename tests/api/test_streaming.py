"""Answers of many messages over a real connection: their ends, and clients that leave their side open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from hyperframe.frame import DataFrame, HeadersFrame, RstStreamFrame

from kumotasks.api.asgi import Application
from kumotasks.api.call import Caller, StreamRoute
from kumotasks.api.exchange import MAX_BODY
from kumotasks.api.guard import guard_of
from kumotasks.api.limits import Limits
from kumotasks.domain.errors import InvalidArgument, PermissionDenied
from kumotasks.domain.principal import Need, Principal
from tests.api.peer import GRPC, Peer, both_loops, greeted, serving
from tests.api.surface import framed

CALL = {**GRPC, ":path": "/of.our.Own/Tail", ":authority": "localhost"}
REQUEST = framed(StringValue(value="go"))
ANNA = Need("own.tail", "projects/go")


class Teller:
    """A surface of one call: it tells what is put, until None ends it or an error is put."""

    def __init__(self) -> None:
        self.to_tell: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        self.closed = asyncio.Event()
        self.needed: list[Need] = []
        self.refusal: Exception | None = None
        route = StreamRoute("of.our.Own", "Tail", StringValue, StringValue, self._needs, self._open)
        self.app = Application(
            routes=[route], pages=[], guard=guard_of(any_host=True), through=self._through, identity=None
        )

    def _needs(self, request: Any) -> tuple[Need, ...]:
        return (Need("own.tail", f"projects/{request.value}"),)

    async def _through(
        self, method: str, principal: Principal, needs: Sequence[Need], call: Callable[[], Awaitable[Any]], /
    ) -> Any:
        self.needed += needs
        if self.refusal is not None:
            raise self.refusal
        return await call()

    async def _open(self, request: Any, caller: Caller) -> AsyncGenerator[StringValue, None]:
        return self._tell()

    async def _tell(self) -> AsyncGenerator[StringValue, None]:
        try:
            while (told := await self.to_tell.get()) is not None:
                if isinstance(told, Exception):
                    raise told
                yield StringValue(value=told)
        finally:
            self.closed.set()


async def heard(peer: Peer, stream: int = 1) -> str:
    """The next message of an answer."""
    while True:
        frame = await peer.until(DataFrame, stream)
        if frame.data:
            return str(StringValue.FromString(frame.data[5:]).value)


@both_loops
async def test_each_message_is_told_as_it_comes_and_the_trailers_at_the_end() -> None:
    teller = Teller()
    async with serving(teller.app) as port, greeted(port) as peer:
        peer.send(peer.head(1, CALL), peer.data(1, REQUEST, end=True))
        for word in ("a", "b"):
            teller.to_tell.put_nowait(word)
            assert await heard(peer) == word
        teller.to_tell.put_nowait(None)
        answer = await peer.answer(1)
        assert answer.grpc == ("0", "")
        assert teller.closed.is_set()


@both_loops
async def test_the_head_goes_ahead_of_the_first_message() -> None:
    teller = Teller()
    async with serving(teller.app) as port, greeted(port) as peer:
        peer.send(peer.head(1, CALL), peer.data(1, REQUEST))
        await peer.until(HeadersFrame, 1)
        assert peer.answers[1].status == 200


@both_loops
async def test_a_client_may_leave_its_side_open_for_as_long_as_it_likes() -> None:
    teller = Teller()
    async with serving(teller.app, Limits(stall_seconds=0.02)) as port, greeted(port) as peer:
        peer.send(peer.head(1, CALL), peer.data(1, REQUEST[:3]), peer.data(1, REQUEST[3:]))
        await peer.until(HeadersFrame, 1)
        peer.send(peer.head(3, CALL), peer.data(3, REQUEST[:3]))
        assert (await peer.until(RstStreamFrame, 3)).error_code == 8  # this one stands still while it asks
        teller.to_tell.put_nowait("still here")
        assert await heard(peer) == "still here"


@both_loops
async def test_a_client_that_begins_and_asks_nothing_is_cut() -> None:
    teller = Teller()
    async with serving(teller.app, Limits(stall_seconds=0.02)) as port, greeted(port) as peer:
        peer.send(peer.head(1, CALL), peer.data(1, REQUEST[:3]))
        assert (await peer.until(RstStreamFrame, 1)).error_code == 8
        assert teller.needed == []


@both_loops
async def test_a_client_that_leaves_ends_the_call() -> None:
    teller = Teller()
    async with serving(teller.app) as port, greeted(port) as peer:
        peer.send(peer.head(1, CALL), peer.data(1, REQUEST))
        await peer.until(HeadersFrame, 1)
        peer.send(peer.reset(1))
        await teller.closed.wait()
        peer.send(peer.head(3, CALL), peer.data(3, REQUEST))
        teller.closed.clear()
        teller.to_tell.put_nowait("x")
        assert await heard(peer, 3) == "x"
    await teller.closed.wait()


@both_loops
async def test_a_refusal_is_said_in_trailers_before_and_in_the_middle() -> None:
    teller = Teller()
    async with serving(teller.app) as port, greeted(port) as peer:
        teller.refusal = PermissionDenied("own.tail", "projects/go")
        answer = await peer.call(1, CALL, REQUEST)
        assert answer.grpc[0] == "7"
        assert teller.needed == []
        teller.refusal = None
        teller.to_tell.put_nowait("a")
        teller.to_tell.put_nowait(InvalidArgument("enough"))
        answer = await peer.call(3, CALL, REQUEST)
        assert answer.grpc == ("3", "enough")


@both_loops
async def test_a_fault_in_the_middle_is_internal() -> None:
    teller = Teller()
    async with serving(teller.app) as port, greeted(port) as peer:
        teller.to_tell.put_nowait("a")
        teller.to_tell.put_nowait(ZeroDivisionError())
        answer = await peer.call(1, CALL, REQUEST)
        assert answer.grpc[0] == "13"


@both_loops
async def test_a_second_request_is_refused() -> None:
    teller = Teller()
    async with serving(teller.app) as port, greeted(port) as peer:
        peer.send(peer.head(1, CALL), peer.data(1, REQUEST))
        await peer.until(HeadersFrame, 1)
        peer.send(peer.data(1, REQUEST))
        assert (await peer.answer(1)).grpc == ("3", "The call carried more than one request message.")
        assert teller.closed.is_set()


@both_loops
async def test_a_stop_of_the_server_ends_every_answer() -> None:
    teller = Teller()
    async with serving(teller.app) as port, greeted(port) as peer:
        peer.send(peer.head(1, CALL), peer.data(1, REQUEST))
        await peer.until(HeadersFrame, 1)
        teller.app.health.end()
        assert (await peer.answer(1)).grpc == ("14", "The server is stopping.")
        assert (await peer.call(3, CALL, REQUEST)).grpc[0] == "14"


@both_loops
async def test_a_deadline_ends_the_answer() -> None:
    teller = Teller()
    async with serving(teller.app) as port, greeted(port) as peer:
        answer = await peer.call(1, {**CALL, "grpc-timeout": "30m"}, REQUEST)
        assert answer.grpc[0] == "4"
        await teller.closed.wait()


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (b"", "3", "ended without a request message"),
        (b"\0\0\0\0\5abc", "3", "shorter than it says"),
        (REQUEST * 2, "3", "more than one request message"),
        (b"\0\0\0\0\1\xff", "3", "parsing"),
        (b"\1\0\0\0\1x", "3", "no known compression"),
        (b"\0" + (MAX_BODY + 1).to_bytes(4, "big"), "8", "larger than max"),
    ],
)
async def test_a_request_that_is_none_is_refused(body: bytes, code: str, words: str) -> None:
    teller = Teller()
    async with serving(teller.app) as port, greeted(port) as peer:
        answer = await peer.call(1, CALL, body)
        assert answer.grpc[0] == code
        assert words in answer.grpc[1]


async def test_a_slow_client_holds_up_nobody_but_itself() -> None:
    teller = Teller()
    async with serving(teller.app) as port, greeted(port, window=100) as peer:
        peer.grow = False
        peer.send(peer.head(1, CALL), peer.data(1, REQUEST))
        for _ in range(1_000):
            teller.to_tell.put_nowait("x" * 1_000)
        await peer.until(HeadersFrame, 1)
        await peer.pong()
        assert teller.to_tell.qsize() > 0
        peer.send(peer.reset(1))
        await teller.closed.wait()
