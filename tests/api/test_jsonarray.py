"""Answers of many messages over REST and a real connection: what an array holds when, and how it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from kumotasks.api.asgi import Application
from kumotasks.api.call import Caller, StreamRoute
from kumotasks.api.guard import guard_of
from kumotasks.api.logging import messages as m
from kumotasks.domain.errors import InvalidArgument, PermissionDenied
from kumotasks.domain.principal import Need, Principal
from tests.api.peer import both_loops, serving

Lines = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Teller:
    """A surface of one call: it tells what is put, until None ends it or an error is put."""

    def __init__(self) -> None:
        self.to_tell: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        self.closed = asyncio.Event()
        self.refusal: Exception | None = None
        self.asked: list[str] = []
        route = StreamRoute(
            "of.our.Own",
            "Tail",
            m.TailLogEntriesRequest,
            m.DeleteLogRequest,
            _needs,
            self._open,
            "POST",
            "/x:tail",
            "*",
        )
        self.app = Application(
            routes=[route], pages=[], guard=guard_of(any_host=True), through=self._through, identity=None
        )

    async def _through(
        self, method: str, principal: Principal, needs: Sequence[Need], call: Callable[[], Awaitable[Any]], /
    ) -> Any:
        if self.refusal is not None:
            raise self.refusal
        return await call()

    async def _open(self, request: Any, caller: Caller) -> AsyncGenerator[Any, None]:
        self.asked.append(request.filter)
        return self._tell()

    async def _tell(self) -> AsyncGenerator[Any, None]:
        try:
            while (told := await self.to_tell.get()) is not None:
                if isinstance(told, Exception):
                    raise told
                yield m.DeleteLogRequest(log_name=told)
        finally:
            self.closed.set()


def _needs(request: Any) -> tuple[Need, ...]:
    return ()


@asynccontextmanager
async def asked(teller: Teller, query: str = "", body: bytes = b'{"filter": "f"}') -> AsyncIterator[Lines]:
    """A connection on which the call was made."""
    async with serving(teller.app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
        head = f"POST /x:tail{query} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        yield reader, writer
        writer.close()


async def content(reader: asyncio.StreamReader) -> bytes:
    """What is left of an answer in chunks."""
    found = b""
    while size := int(await reader.readline() or b"0", 16):
        found += await reader.readexactly(size)
        await reader.readexactly(2)
    return found


async def status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    return int(head.split()[1])


@both_loops
async def test_an_element_arrives_when_it_is_told_and_the_end_makes_it_an_array() -> None:
    teller = Teller()
    async with asked(teller, "?prettyPrint=false") as (reader, _):
        assert await status(reader) == 200
        for word, text in (("a", b'[{"logName":"a"}'), ("b", b',{"logName":"b"}')):
            teller.to_tell.put_nowait(word)
            assert await reader.readexactly(len(text) + 6) == b"%x\r\n%s\r\n" % (len(text), text)
        teller.to_tell.put_nowait(None)
        assert await content(reader) == b"]"
    assert teller.asked == ["f"]


@both_loops
async def test_an_answer_of_nothing_is_an_array_of_nothing() -> None:
    teller = Teller()
    teller.to_tell.put_nowait(None)
    async with asked(teller) as (reader, _):
        assert await status(reader) == 200
        assert json.loads(await content(reader)) == []


@both_loops
async def test_a_refusal_before_the_first_element_is_an_error_like_any_other() -> None:
    teller = Teller()
    teller.refusal = PermissionDenied("own.tail", "projects/go")
    async with asked(teller) as (reader, _):
        assert await status(reader) == 403
    teller.refusal = None
    async with asked(teller, body=b'{"filters": 1}') as (reader, _):
        assert await status(reader) == 400
    async with asked(teller, "?alt=proto") as (reader, _):
        assert await status(reader) == 400
    assert teller.asked == []


@both_loops
async def test_an_error_in_the_middle_is_the_last_element() -> None:
    teller = Teller()
    for each in ("a", InvalidArgument("enough")):
        teller.to_tell.put_nowait(each)
    async with asked(teller) as (reader, _):
        assert await status(reader) == 200
        first, last = json.loads(await content(reader))
        assert first == {"logName": "a"}
        assert last["error"] == {"code": 400, "message": "enough", "status": "INVALID_ARGUMENT"}


@both_loops
async def test_a_client_that_leaves_ends_the_call() -> None:
    teller = Teller()
    async with asked(teller) as (reader, writer):
        assert await status(reader) == 200
        writer.close()
        await teller.closed.wait()


@both_loops
async def test_a_stop_of_the_server_ends_the_answer() -> None:
    teller = Teller()
    async with asked(teller) as (reader, _):
        assert await status(reader) == 200
        teller.app.health.end()
        (last,) = json.loads(await content(reader))
        assert last["error"]["status"] == "UNAVAILABLE"
