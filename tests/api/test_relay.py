"""A tunnel's two connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from kumotasks.api import relay
from kumotasks.api.relay import Tunnel
from tests.api.peer import both_loops


class Ends:
    """The two programs that a tunnel joins."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.tunnel = Tunnel(self.done.set)

    async def open(self) -> None:
        loop: Any = asyncio.get_running_loop()
        self.near, near = socket.socketpair()
        self.far, far = socket.socketpair()
        for side, own in ((self.tunnel.near, near), (self.tunnel.far, far)):
            await loop.connect_accepted_socket(lambda side=side: side, own)
        for each in (self.near, self.far):
            each.setblocking(False)


@asynccontextmanager
async def ends() -> AsyncIterator[Ends]:
    pair = Ends()
    await pair.open()
    try:
        yield pair
    finally:
        pair.tunnel.abort()
        await pair.done.wait()
        pair.near.close()
        pair.far.close()


async def take(end: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (piece := await asyncio.get_running_loop().sock_recv(end, 65_536)):
        found += piece
    return found


@both_loops
async def test_bytes_go_both_ways() -> None:
    async with ends() as pair:
        pair.tunnel.join()
        pair.near.send(b"question")
        assert await take(pair.far, 8) == b"question"
        pair.far.send(b"answer")
        assert await take(pair.near, 6) == b"answer"


@both_loops
async def test_what_the_far_side_says_first_waits_for_the_near_one() -> None:
    async with ends() as pair:
        pair.far.send(b"220 hello")
        pair.far.shutdown(socket.SHUT_WR)
        await asyncio.sleep(0)
        pair.tunnel.join()
        assert await take(pair.near, 100) == b"220 hello"


@both_loops
async def test_a_far_side_that_was_lost_before_the_near_one_came_ends_it() -> None:
    async with ends() as pair:
        pair.far.send(b"go away")
        pair.far.close()
        assert pair.tunnel.far.transport is not None
        pair.tunnel.far.transport.abort()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        pair.tunnel.join()
        await take(pair.near, 100)
        await pair.done.wait()


@both_loops
async def test_an_end_of_one_direction_is_passed_on_and_the_other_goes_on() -> None:
    async with ends() as pair:
        pair.tunnel.join()
        pair.near.send(b"all of it")
        pair.near.shutdown(socket.SHUT_WR)
        assert await take(pair.far, 100) == b"all of it"
        pair.far.send(b"thanks")
        assert await take(pair.near, 6) == b"thanks"
        pair.far.shutdown(socket.SHUT_WR)
        await pair.done.wait()
        assert await take(pair.near, 1) == b""


@both_loops
async def test_a_side_that_takes_nothing_stops_the_other() -> None:
    async with ends() as pair:
        pair.tunnel.join()
        assert pair.tunnel.near.transport is not None
        total = 16 * 1024 * 1024
        sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(pair.near, b"x" * total))
        while pair.tunnel.near.transport.is_reading():  # noqa: ASYNC110 - the transport tells nobody
            await asyncio.sleep(0)
        assert not sending.done()
        assert await take(pair.far, total) == b"x" * total
        await sending


@both_loops
async def test_a_side_that_is_lost_ends_the_other() -> None:
    async with ends() as pair:
        pair.tunnel.join()
        pair.near.send(b"last words")
        pair.near.close()
        assert await take(pair.far, 100) == b"last words"
        pair.far.close()
        await pair.done.wait()


@both_loops
async def test_a_tunnel_on_which_nothing_moves_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "IDLE_SECONDS", 0.05)
    async with ends() as pair:
        pair.tunnel.join()
        await pair.done.wait()


@both_loops
async def test_a_half_closed_tunnel_is_closed_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "HALF_CLOSED_SECONDS", 0.05)
    async with ends() as pair:
        pair.tunnel.join()
        pair.near.shutdown(socket.SHUT_WR)
        await pair.done.wait()
