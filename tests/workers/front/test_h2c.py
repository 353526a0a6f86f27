"""Requests to instances that speak HTTP/2 without TLS, over real sockets: one connection for many, and its fate."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    RequestReceived,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from kumotasks.domain.clock import SECOND
from kumotasks.domain.run.template import Container, Template
from tests.dispatch.scripted import OK as OVER_HTTP_1
from tests.dispatch.scripted import answering
from tests.dispatch.sending import until
from tests.workers.far import OK, Far, kindly, over_h2
from tests.workers.fronting import HOST, Stage, connected, read_answer, stage, unguarded

MIB = 1024 * 1024
H2C = unguarded(template=Template((Container("image", port_name="h2c"),)))


def fields(event: RequestReceived) -> dict[str, str]:
    return {str(name): str(value) for name, value in event.headers}


class Near:
    """A client that speaks HTTP/2 to the front."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.h2 = H2Connection()
        self._reader, self._writer = reader, writer
        self.seen: list[Event] = []
        self.h2.initiate_connection()

    def ask(self, *, method: str = "POST", end: bool = True, body: bytes = b"") -> int:
        stream = self.h2.get_next_available_stream_id()
        head = [(":method", method), (":scheme", "http"), (":authority", HOST), (":path", "/a?b=c")]
        self.h2.send_headers(stream, [*head, ("te", "trailers")], end_stream=end and not body)
        if body:
            self.h2.send_data(stream, body, end_stream=end)
        self.flush()
        return stream

    def flush(self) -> None:
        self._writer.write(self.h2.data_to_send())

    async def until(self, wanted: type[Event], stream: int) -> Event:
        """The first such event of a stream, past those of others."""
        while True:
            for event in self.seen:
                if isinstance(event, wanted) and getattr(event, "stream_id", None) == stream:
                    self.seen.remove(event)
                    return event
            data = await self._reader.read(65_536)
            assert data, "the front closed the connection"
            for event in self.h2.receive_data(data):
                if isinstance(event, DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
                self.seen.append(event)
            self.flush()


@contextlib.asynccontextmanager
async def near(s: Stage) -> AsyncIterator[Near]:
    async with connected(s.port) as (reader, writer):
        yield Near(reader, writer)


async def test_a_request_arrives_as_http_2_writes_it(tmp_path: Path) -> None:
    heads: list[dict[str, str]] = []

    async def listening(far: Far, event: Event) -> None:
        if isinstance(event, RequestReceived):
            heads.append(fields(event))
        await kindly(far, event)

    async with stage(tmp_path, over_h2(listening), service=H2C) as s:
        answer = await s.ask("X-Own: 1", "Keep-Alive: 5", method="POST", target="/a%20b?c=d", body=b"body")
        assert (answer.status, answer.body) == (200, b"2\r\nok\r\n0\r\n\r\n")
        (head,) = heads
        assert head[":path"] == "/a%20b?c=d"
        assert (head[":authority"], head[":scheme"], head["te"]) == (HOST, "https", "trailers")
        assert (head["x-own"], head["content-length"], head["x-forwarded-for"]) == ("1", "4", "127.0.0.1")
        assert not head.keys() & {"host", "connection", "keep-alive"}


async def test_all_requests_of_an_instance_share_a_connection(tmp_path: Path) -> None:
    async with stage(tmp_path, over_h2(kindly), service=H2C) as s:
        answers = await asyncio.gather(*(s.ask() for _ in range(40)))
        assert {answer.status for answer in answers} == {200}
        assert s.worker.visits == 1


async def test_another_connection_is_made_where_one_takes_no_more(tmp_path: Path) -> None:
    waiting: list[tuple[Far, int]] = []

    async def together(far: Far, event: Event) -> None:
        if isinstance(event, StreamEnded):
            waiting.append((far, event.stream_id or 0))
            if len(waiting) == 3:
                for one, stream in waiting:
                    one.answer(stream)
                    await one.flush()
                waiting.clear()

    async with stage(tmp_path, over_h2(together, max_concurrent_streams=1), service=H2C) as s:
        first = asyncio.ensure_future(s.ask())
        await until(lambda: len(waiting) == 1)  # the worker's settings have come as well
        rest = [asyncio.ensure_future(s.ask()) for _ in range(2)]
        assert [answer.status for answer in await asyncio.gather(first, *rest)] == [200, 200, 200]
        assert s.worker.visits == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_a_worker_refuses_is_made_again(tmp_path: Path, method: str) -> None:
    """It says so only of what it did not begin."""
    times: list[int] = []

    async def busy(far: Far, event: Event) -> None:
        if isinstance(event, StreamEnded):
            times.append(event.stream_id or 0)
            if len(times) < 3:
                far.h2.reset_stream(event.stream_id or 0, ErrorCodes.REFUSED_STREAM)
            else:
                far.answer(event.stream_id or 0)

    async with stage(tmp_path, over_h2(busy), service=H2C) as s:
        assert (await s.ask(method=method)).status == 200
        assert (len(times), s.worker.visits) == (3, 1)


async def test_a_worker_that_leaves_ends_what_it_began_and_nothing_else(tmp_path: Path) -> None:
    """GOAWAY: the exchange below the last number goes on, the one above it is made again elsewhere."""
    begun: list[tuple[Far, int]] = []

    async def leaving(far: Far, event: Event) -> None:
        if s.worker.visits > 1:
            await kindly(far, event)
        elif isinstance(event, StreamEnded):
            begun.append((far, event.stream_id or 0))
            if len(begun) == 2:
                far.h2.close_connection(last_stream_id=begun[0][1])
                far.h2 = replaced(far, begun[0][1])
                await far.flush()

    def replaced(far: Far, stream: int) -> H2Connection:
        """Hyper-h2 says nothing after its GOAWAY: the frames of the answer that is still to come, by another one."""
        other = H2Connection(far.h2.config)
        data = far.h2.data_to_send()
        helper = H2Connection()
        helper.initiate_connection()
        helper.send_headers(
            1, [(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/")], end_stream=True
        )
        other.initiate_connection()
        other.receive_data(helper.data_to_send())
        other.data_to_send()
        assert stream == 1
        other.send_headers(1, OK)
        other.send_data(1, b"first", end_stream=True)
        far.visit._writer.write(data)
        return other

    async with stage(tmp_path, over_h2(leaving), service=H2C) as s:
        first = asyncio.ensure_future(s.ask(method="POST"))
        await until(lambda: len(begun) == 1)
        second = asyncio.ensure_future(s.ask(method="POST"))
        assert b"first" in (await first).body
        assert b"ok" in (await second).body
        assert s.worker.visits == 2
        assert (await s.ask()).status == 200
        await until(lambda: s.front._h2c.connections == 1)


async def test_a_stream_that_is_reset_harms_no_other(tmp_path: Path) -> None:
    async def partly(far: Far, event: Event) -> None:
        if isinstance(event, StreamEnded) and event.stream_id == 1:
            far.h2.reset_stream(1, ErrorCodes.INTERNAL_ERROR)
        else:
            await kindly(far, event)

    async with stage(tmp_path, over_h2(partly), service=H2C) as s:
        assert (await s.ask()).status == 503
        assert (await s.ask()).status == 200
        assert s.worker.visits == 1


async def test_an_answer_that_breaks_off_is_no_whole_one(tmp_path: Path) -> None:
    async def breaking(far: Far, event: Event) -> None:
        if isinstance(event, StreamEnded):
            far.h2.send_headers(event.stream_id or 0, OK)
            far.h2.send_data(event.stream_id or 0, b"half")
            await far.flush()
            far.visit.close()

    async with stage(tmp_path, over_h2(breaking), service=H2C) as s, near(s) as client:
        stream = client.ask()
        await client.until(ResponseReceived, stream)
        assert isinstance(await client.until(StreamReset, stream), StreamReset)
        assert b"0\r\n\r\n" not in (await s.ask()).body


@pytest.mark.parametrize("said", [OVER_HTTP_1, b"\0" * 200])
async def test_a_worker_that_speaks_no_http_2(tmp_path: Path, said: bytes) -> None:
    async with stage(tmp_path, answering(said), service=H2C) as s:
        assert (await s.ask(method="POST")).status == 503
        await until(lambda: s.front._h2c.connections == 0)


async def test_trailers_reach_whoever_can_take_them(tmp_path: Path) -> None:
    async def trailing(far: Far, event: Event) -> None:
        if isinstance(event, StreamEnded):
            far.answer(event.stream_id or 0, b"body", [("grpc-status", "0")])

    async with stage(tmp_path, over_h2(trailing), service=H2C) as s, near(s) as client:
        stream = client.ask()
        head = await client.until(ResponseReceived, stream)
        assert isinstance(head, ResponseReceived)
        assert dict(head.headers or [])[b":status"] == b"200"
        trailers = await client.until(TrailersReceived, stream)
        assert isinstance(trailers, TrailersReceived)
        assert trailers.headers == [(b"grpc-status", b"0")]
        assert (await s.ask()).body == b"4\r\nbody\r\n0\r\n\r\n"


async def test_an_answer_in_pieces_may_have_no_trailers(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def slowly(far: Far, event: Event) -> None:
        if isinstance(event, StreamEnded):
            stream = event.stream_id or 0
            far.h2.send_headers(stream, OK)
            far.h2.send_data(stream, b"one")
            await far.flush()
            await go.wait()
            far.h2.send_data(stream, b"two", end_stream=True)

    async with stage(tmp_path, over_h2(slowly), service=H2C) as s, near(s) as client:
        stream = client.ask()
        await client.until(DataReceived, stream)
        go.set()
        data = await client.until(DataReceived, stream)
        assert isinstance(data, DataReceived)
        assert data.data == b"two"
        await client.until(StreamEnded, stream)


async def test_the_worker_may_speak_before_its_client_does(tmp_path: Path) -> None:
    async def conversing(far: Far, event: Event) -> None:
        if isinstance(event, RequestReceived):
            far.h2.send_headers(event.stream_id or 0, OK)
            far.h2.send_data(event.stream_id or 0, b"you first?")
        elif isinstance(event, DataReceived):
            far.take(event)
            far.h2.send_data(event.stream_id, event.data.upper(), end_stream=event.stream_ended is not None)

    async with stage(tmp_path, over_h2(conversing), service=H2C) as s, near(s) as client:
        stream = client.ask(end=False)
        await client.until(DataReceived, stream)
        for word, last in ((b"one", False), (b"two", True)):
            client.h2.send_data(stream, word, end_stream=last)
            client.flush()
            data = await client.until(DataReceived, stream)
            assert isinstance(data, DataReceived)
            assert data.data == word.upper()
        await client.until(StreamEnded, stream)


async def test_an_answer_before_the_requests_end_stops_the_request(tmp_path: Path) -> None:
    reset = asyncio.Event()

    async def hasty(far: Far, event: Event) -> None:
        if isinstance(event, RequestReceived):
            far.answer(event.stream_id or 0)
        elif isinstance(event, StreamReset):
            reset.set()

    async with stage(tmp_path, over_h2(hasty), service=H2C) as s, near(s) as client:
        stream = client.ask(end=False)
        await client.until(StreamEnded, stream)
        await reset.wait()


async def test_a_client_that_leaves_takes_its_request_along(tmp_path: Path) -> None:
    begun, reset = asyncio.Event(), asyncio.Event()

    async def waiting(far: Far, event: Event) -> None:
        if isinstance(event, StreamEnded):
            begun.set()
        elif isinstance(event, StreamReset):
            assert event.error_code == ErrorCodes.CANCEL
            reset.set()

    async with stage(tmp_path, over_h2(waiting), service=H2C) as s, near(s) as client:
        stream = client.ask()
        await begun.wait()
        client.h2.reset_stream(stream, ErrorCodes.CANCEL)
        client.flush()
        await reset.wait()
        await until(lambda: s.log.statuses == [499])
        assert s.worker.visits == 1


async def test_the_request_timeout(tmp_path: Path) -> None:
    begun, reset = asyncio.Event(), asyncio.Event()

    async def waiting(far: Far, event: Event) -> None:
        if isinstance(event, StreamEnded):
            begun.set()
        elif isinstance(event, StreamReset):
            reset.set()

    async with stage(tmp_path, over_h2(waiting), service=H2C) as s:
        asked = asyncio.ensure_future(s.ask())
        await begun.wait()
        s.world.clock.turn(s.world.clock.now() + 300 * SECOND)
        assert ((await asked).status, (await asked).body) == (504, b"upstream request timeout")
        await reset.wait()


async def test_a_worker_that_does_not_read_holds_its_client_up(tmp_path: Path) -> None:
    go, size = asyncio.Event(), 24 * MIB
    held: list[DataReceived] = []

    async def slow(far: Far, event: Event) -> None:
        if isinstance(event, DataReceived):
            held.append(event)
        elif isinstance(event, StreamEnded):
            far.answer(event.stream_id or 0)
        if go.is_set():
            for each in held:
                far.take(each)
            held.clear()

    async with stage(tmp_path, over_h2(slow), service=H2C) as s, connected(s.port) as (reader, writer):
        writer.write(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n".encode())
        sending = asyncio.ensure_future(pour(writer, size))
        await until(lambda: sum(len(each.data) for each in held) == 65_535)
        for _ in range(200):
            await asyncio.sleep(0)
        assert not sending.done()
        assert sum(len(each.data) for each in held) == 65_535
        go.set()
        await s.ask()  # something for the worker to hear, so that it looks again
        await sending
        assert read_answer(await reader.read()).status == 200


async def pour(writer: asyncio.StreamWriter, size: int) -> None:
    for _ in range(size // MIB):
        writer.write(bytes(MIB))
        await writer.drain()


async def test_an_answer_that_nobody_takes_stops_the_worker_and_no_other_answer(tmp_path: Path) -> None:
    poured: list[int] = []

    async def endless(far: Far, event: Event) -> None:
        if isinstance(event, StreamEnded) and event.stream_id == 1:
            far.h2.send_headers(1, OK)
            poured.append(0)
        elif isinstance(event, StreamEnded):
            far.answer(event.stream_id or 0)
        while poured and (room := min(far.h2.local_flow_control_window(1), 16_384)):
            far.h2.send_data(1, bytes(room))
            poured.append(room)
            await far.flush()

    async with stage(tmp_path, over_h2(endless), service=H2C) as s, connected(s.port) as (reader, writer):
        writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        before = -1
        while before != len(poured):
            before = len(poured)
            for _ in range(50):
                assert (await s.ask()).status == 200
        assert sum(poured) < 64 * MIB


async def test_a_client_of_http_2_reaches_a_worker_of_http_1(tmp_path: Path) -> None:
    async with stage(tmp_path, answering(OVER_HTTP_1), service=unguarded()) as s, near(s) as client:
        stream = client.ask(body=b"body")
        head = await client.until(ResponseReceived, stream)
        assert isinstance(head, ResponseReceived)
        assert dict(head.headers or [])[b"content-length"] == b"2"
        await client.until(StreamEnded, stream)
        (asked,) = s.worker.requests
        assert asked.startswith(b"POST /a?b=c HTTP/1.1\r\nhost: " + HOST.encode())


async def test_nothing_is_left_open_at_the_end(tmp_path: Path) -> None:
    async with stage(tmp_path, over_h2(kindly), service=H2C) as s:
        await s.ask()
        assert s.front._h2c.connections == 1
        await s.front.stop()
        await until(lambda: s.front._h2c.connections == 0)
