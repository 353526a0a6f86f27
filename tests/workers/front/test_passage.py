"""Requests and answers in pieces, over real sockets: framing, back-pressure, connections used again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

from kumotasks.domain.clock import SECOND
from tests.dispatch.scripted import OK, Visit, answering
from tests.dispatch.sending import until
from tests.workers.fronting import HOST, Stage, connected, read_answer, stage, unguarded

MIB = 1024 * 1024


def get(*fields: str, method: str = "GET") -> bytes:
    return "\r\n".join([f"{method} / HTTP/1.1", f"Host: {HOST}", *fields, "", ""]).encode()


Reading = Callable[[asyncio.StreamReader], Awaitable[bytes]]


async def whole(reader: asyncio.StreamReader) -> bytes:
    """An answer with a length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(read_answer(head).headers["content-length"])
    return head + await reader.readexactly(length)


async def test_connections_to_the_worker_are_used_again(tmp_path: Path) -> None:
    async with stage(tmp_path, service=unguarded()) as s, connected(s.port) as (reader, writer):
        for _ in range(3):
            writer.write(get())
            assert (await whole(reader)).endswith(b"ok")
        assert (s.worker.visits, len(s.worker.requests)) == (1, 3)


@pytest.mark.parametrize(("method", "visits", "status"), [("GET", 2, 200), ("POST", 1, 503)])
async def test_a_request_is_made_twice_only_if_that_does_no_harm(
    tmp_path: Path, method: str, visits: int, status: int
) -> None:
    """The worker closes its kept connection in the moment the next request is on its way."""

    async def once_and_then_away(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await visit.request()

    async with stage(tmp_path, once_and_then_away, service=unguarded()) as s, connected(s.port) as (reader, writer):
        writer.write(get())
        await whole(reader)
        if method == "GET":
            s.worker.script = answering()
        writer.write(get("Content-Length: 0", method=method))
        assert read_answer(await whole(reader)).status == status
        assert s.worker.visits == visits


async def test_a_body_goes_on_as_it_comes_and_the_answer_may_begin_before_its_end(tmp_path: Path) -> None:
    async def conversing(visit: Visit) -> None:
        head = await visit._reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding: chunked\r\n" in head
        assert await visit._reader.readexactly(8) == b"3\r\none\r\n"
        await visit.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nONE\r\n")
        assert await visit._reader.readexactly(13) == b"3\r\ntwo\r\n0\r\n\r\n"
        await visit.send(b"3\r\nTWO\r\n0\r\nX-Trailer: dropped\r\n\r\n")

    async with stage(tmp_path, conversing, service=unguarded()) as s, connected(s.port) as (reader, writer):
        writer.write(get("Transfer-Encoding: chunked", method="POST") + b"3\r\none\r\n")
        assert (await reader.readuntil(b"ONE\r\n")).startswith(b"HTTP/1.1 200")
        writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
        assert await reader.readuntil(b"0\r\n\r\n") == b"3\r\nTWO\r\n0\r\n\r\n"
        assert s.log.entries[0][1].request_size == 6


async def test_a_worker_that_does_not_read_holds_its_client_up(tmp_path: Path) -> None:
    go = asyncio.Event()

    async def slow(visit: Visit) -> None:
        await visit._reader.readuntil(b"\r\n\r\n")
        await go.wait()
        await visit._reader.readexactly(24 * MIB)
        await visit.send(OK)

    async with stage(tmp_path, slow, service=unguarded()) as s, connected(s.port) as (reader, writer):
        writer.write(get(f"Content-Length: {24 * MIB}", method="POST"))
        sending = asyncio.ensure_future(pour(writer, 24))
        await until(lambda: s.worker.visits == 1)
        for _ in range(200):
            await asyncio.sleep(0)
        assert not sending.done()
        go.set()
        await sending
        assert (await whole(reader)).endswith(b"ok")


async def pour(writer: asyncio.StreamWriter, mib: int) -> None:
    for _ in range(mib):
        writer.write(bytes(MIB))
        await writer.drain()


@pytest.mark.parametrize("told", [True, False])
async def test_more_than_32_mib_is_too_large(tmp_path: Path, told: bool) -> None:
    async def taking(visit: Visit) -> None:
        await visit.gone()

    async with stage(tmp_path, taking, service=unguarded()) as s, connected(s.port) as (reader, writer):
        size = 32 * MIB + 1
        if told:
            writer.write(get(f"Content-Length: {size}", method="POST"))
        else:
            writer.write(get("Transfer-Encoding: chunked", method="POST") + b"%x\r\n" % size)
            writer.write(bytes(size))
        assert (await reader.readline()).startswith(b"HTTP/1.1 413")


async def test_an_answer_that_nobody_takes_stops_the_worker(tmp_path: Path) -> None:
    sent: list[int] = []

    async def endless(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await visit.send(bytes(MIB))
            sent.append(1)

    async with stage(tmp_path, endless, service=unguarded()) as s:
        async with connected(s.port) as (reader, writer):
            writer.write(get())
            await reader.readuntil(b"\r\n\r\n")
            before = -1
            while before != len(sent):
                before = len(sent)
                for _ in range(200):
                    await asyncio.sleep(0)
            assert len(sent) < 64
        await until(lambda: bool(s.log.entries))


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304, b""),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", 200, b"ok"),
        (b"HTTP/1.1 200 OK\r\nConnection: X-Own, close\r\nContent-Length: 0\r\n\r\n", 200, b""),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", 503, None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk", 503, None),
        (b"HTTP/1.1 200 OK\r\nX: " + bytes(70_000).replace(b"\0", b"x"), 503, None),
    ],
)
async def test_odd_answers(tmp_path: Path, answer: bytes, status: int, body: bytes | None) -> None:
    async with stage(tmp_path, answering(answer), service=unguarded()) as s:
        got = await s.ask()
        assert got.status == status
        assert body is None or got.body == body
        assert (await s.ask()).status == status


async def test_an_answer_to_head_has_no_body(tmp_path: Path) -> None:
    async with stage(tmp_path, answering(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"), service=unguarded()) as s:
        answers = [await s.ask(method="HEAD") for _ in range(2)]
        assert [(each.status, each.headers["content-length"], each.body) for each in answers] == [(200, "5", b"")] * 2
        assert s.worker.visits == 1


async def test_an_answer_may_end_with_its_connection(tmp_path: Path) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\n\r\nto the end")
        visit.half_close()
        await visit.gone()

    async with stage(tmp_path, script, service=unguarded()) as s, connected(s.port) as (reader, writer):
        writer.write(get())
        assert (await reader.readuntil(b"0\r\n\r\n")).endswith(b"a\r\nto the end\r\n0\r\n\r\n")


# WebSockets


async def echo(socket: ServerConnection) -> None:
    async for message in socket:
        await socket.send(message)


def url(s: Stage) -> str:
    return f"ws://{HOST}:{s.port}/chat?x=1"


async def test_a_websocket_goes_through_untouched(tmp_path: Path) -> None:
    async with serve(echo, "127.0.0.1", 0, subprotocols=["chat"]) as server:  # type: ignore[list-item]
        port = next(iter(server.sockets)).getsockname()[1]
        async with (
            stage(tmp_path, service=unguarded(), port=port) as s,
            connect(url(s), host="127.0.0.1", port=s.port, subprotocols=["chat"]) as socket,  # type: ignore[list-item]
        ):
            for message in ("text", b"bytes", "x" * 100_000):
                await socket.send(message)
                assert await socket.recv() == message
            assert socket.subprotocol == "chat"
            assert socket.response is not None
            assert "permessage-deflate" in socket.response.headers["Sec-WebSocket-Extensions"]
            await (await socket.ping())
            await socket.close(4001, "done")
            assert socket.close_code == 4001
            await until(lambda: bool(s.log.entries))
            assert s.log.statuses == [101]


async def test_a_websocket_needs_a_token_too(tmp_path: Path) -> None:
    async with serve(echo, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with stage(tmp_path, port=port) as s:
            with pytest.raises(InvalidStatus) as refused:
                await connect(url(s), host="127.0.0.1", port=s.port)
            assert refused.value.response.status_code == 403
            token = {"Authorization": f"Bearer {await s.token(await s.caller('ann'))}"}
            async with connect(url(s), host="127.0.0.1", port=s.port, additional_headers=token) as socket:
                await socket.send("in")
                assert await socket.recv() == "in"


async def test_a_websocket_ends_with_the_request_timeout(tmp_path: Path) -> None:
    async with serve(echo, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        async with (
            stage(tmp_path, service=unguarded(), port=port) as s,
            connect(url(s), host="127.0.0.1", port=s.port) as socket,
        ):
            await socket.send("in")
            await socket.recv()
            s.world.clock.turn(s.world.clock.now() + 300 * SECOND)
            with pytest.raises(ConnectionClosed):
                await socket.recv()


async def test_what_follows_a_websocket_that_was_refused_is_no_request(tmp_path: Path) -> None:
    async with stage(tmp_path, answering(b"HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\nno"), service=unguarded()) as s:
        upgrade = get("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: eA==")
        heard = await s.say(upgrade + get())
        assert heard.count(b"HTTP/1.1") == 1
        assert len(s.worker.requests) == 1


async def test_other_hosts_have_no_websockets(tmp_path: Path) -> None:
    async with stage(tmp_path, service=unguarded()) as s:
        offer = b"GET / HTTP/1.1\r\nHost: other\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\n\r\n"
        assert (await s.say(offer)).startswith(b"HTTP/1.1 418")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_request_that_nobody_has_read_is_brought_again(tmp_path: Path, method: str) -> None:
    """A reset says that its bytes lay there unread; so it does no harm, whatever the method."""

    async def resetting(visit: Visit) -> None:
        if s.worker.visits == 2:
            s.worker.script = answering()
        visit.reset()

    async with stage(tmp_path, resetting, service=unguarded()) as s:
        answered = await s.ask(method=method, body=b"work" if method == "POST" else b"")
        assert (answered.status, s.worker.visits, len(s.worker.requests)) == (200, 3, 1)
        assert s.log.statuses == [200]


async def test_a_request_of_which_some_may_have_been_read_is_not(tmp_path: Path) -> None:
    async def reading_the_head(visit: Visit) -> None:
        await visit._reader.readuntil(b"\r\n\r\n")
        visit.reset()

    async with stage(tmp_path, reading_the_head, service=unguarded()) as s:
        assert (await s.ask(method="POST", body=bytes(64 * 1024))).status == 503
        assert s.worker.visits == 1


async def test_where_nobody_listens_it_is_not_tried_for_ever(tmp_path: Path) -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # and never listens
        async with stage(tmp_path, service=unguarded(), port=unheard.getsockname()[1]) as s:
            assert (await s.ask()).status == 503
