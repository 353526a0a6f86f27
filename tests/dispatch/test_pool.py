"""Idle connections and room for more, with transports that only note what is done to them."""

from __future__ import annotations

import asyncio

import pytest

from kumotasks.dispatch.answer import Reply
from kumotasks.dispatch.connection import Connection
from kumotasks.dispatch.pool import Pool, SenderLimits
from kumotasks.domain.attempt import Answered
from tests.dispatch.scripted import OK

A, B = "http://a", "http://b"


class Wire(asyncio.Transport):
    """A transport that leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.unsent = 0
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def abort(self) -> None:
        self.aborted = True

    def is_closing(self) -> bool:
        return self.aborted


def connect(pool: Pool, key: str) -> tuple[Connection, Wire]:
    """A connection that `pool` owns, and its wire; it is not idle yet."""
    connection, wire = Connection(pool, key), Wire()
    connection.connection_made(wire)
    assert pool.adopt(connection)
    return connection, wire


def exchange(connection: Connection) -> list[Reply]:
    """Send a request; what is answered."""
    replies: list[Reply] = []
    connection.exchange(b"request", replies.append, bodiless=False)
    return replies


def lose(connection: Connection) -> None:
    connection.connection_lost(None)


async def filled(pool: Pool, *keys: str) -> list[tuple[Connection, Wire]]:
    made = []
    for key in keys:
        assert await pool.admit(key) is None
        made.append(connect(pool, key))
    return made


async def in_line(pool: Pool, key: str) -> asyncio.Task[Connection | None]:
    task = asyncio.ensure_future(pool.admit(key))
    await asyncio.sleep(0)
    assert not task.done()
    return task


async def test_the_connection_used_last_is_taken_first() -> None:
    pool = Pool(SenderLimits())
    (first, _), (second, _) = await filled(pool, A, A)
    pool.release(first)
    pool.release(second)
    assert [pool.take(A), pool.take(A), pool.take(A)] == [second, first, None]
    assert pool.take(B) is None


async def test_a_connection_that_is_closing_is_not_taken() -> None:
    pool = Pool(SenderLimits())
    (first, _), (second, wire) = await filled(pool, A, A)
    pool.release(first)
    pool.release(second)
    second.data_received(b"unasked")
    assert wire.aborted
    assert pool.take(A) is first


async def test_a_connection_whose_transport_is_lost_is_not_taken_before_it_is_told() -> None:
    pool = Pool(SenderLimits())
    [(connection, wire)] = await filled(pool, A)
    pool.release(connection)
    wire.abort()
    assert pool.take(A) is None


async def test_room_goes_to_the_first_in_line() -> None:
    pool = Pool(SenderLimits(max_connections=1))
    [(connection, _)] = await filled(pool, A)
    first, second = await in_line(pool, B), await in_line(pool, B)
    lose(connection)
    assert await first is None
    assert not second.done()
    assert pool.connections_open == 1
    pool.leave()
    assert await second is None


async def test_nobody_jumps_the_line() -> None:
    pool = Pool(SenderLimits(max_connections=1))
    [(connection, _)] = await filled(pool, A)
    first = await in_line(pool, B)
    lose(connection)
    late = asyncio.ensure_future(pool.admit(B))
    assert await first is None
    await asyncio.sleep(0)
    assert not late.done()
    pool.leave()
    assert await late is None


async def test_a_connection_is_handed_to_the_first_in_line_if_it_leads_there() -> None:
    pool = Pool(SenderLimits(max_connections=1))
    [(connection, wire)] = await filled(pool, A)
    first = await in_line(pool, A)
    pool.release(connection)
    assert await first is connection
    assert not wire.aborted
    assert (pool.connections_open, pool.connections_idle) == (1, 0)


async def test_a_connection_that_leads_elsewhere_makes_room() -> None:
    pool = Pool(SenderLimits(max_connections=1))
    [(connection, wire)] = await filled(pool, A)
    first = await in_line(pool, B)
    pool.release(connection)
    assert wire.aborted
    assert not first.done()
    lose(connection)
    assert await first is None


async def test_the_longest_idle_connection_makes_room_for_another_place() -> None:
    pool = Pool(SenderLimits(max_connections=2))
    (old, old_wire), (young, young_wire) = await filled(pool, A, A)
    pool.release(old)
    pool.release(young)
    first = await in_line(pool, B)
    assert (old_wire.aborted, young_wire.aborted) == (True, False)
    lose(old)
    assert await first is None


async def test_what_one_was_given_as_it_gave_up_goes_to_the_next() -> None:
    pool = Pool(SenderLimits(max_connections=1))
    [(connection, _)] = await filled(pool, A)
    first, second, third = await in_line(pool, A), await in_line(pool, A), await in_line(pool, B)
    pool.release(connection)
    first.cancel()
    assert await second is connection
    lose(connection)
    third.cancel()
    await asyncio.gather(first, third, return_exceptions=True)
    assert pool.connections_open == 0


async def test_one_who_gave_up_is_passed_over() -> None:
    pool = Pool(SenderLimits(max_connections=1))
    [(connection, _)] = await filled(pool, A)
    first, second = await in_line(pool, A), await in_line(pool, B)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    lose(connection)
    assert await second is None


async def test_a_connection_is_kept_where_all_in_line_gave_up() -> None:
    pool = Pool(SenderLimits(max_connections=1))
    [(connection, wire)] = await filled(pool, A)
    first = await in_line(pool, B)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    pool.release(connection)
    assert not wire.aborted
    assert pool.take(A) is connection


async def test_a_connection_lost_before_it_is_adopted_gives_its_room_back() -> None:
    pool = Pool(SenderLimits())
    assert await pool.admit(A) is None
    connection = Connection(pool, A)
    connection.connection_made(Wire())
    lose(connection)
    assert not pool.adopt(connection)
    assert pool.connections_open == 0


# What a connection does with its owner.


async def test_an_answer_sends_the_connection_home() -> None:
    pool = Pool(SenderLimits())
    [(connection, wire)] = await filled(pool, A)
    replies = exchange(connection)
    assert wire.sent == b"request"
    connection.data_received(OK)
    assert replies == [Answered(200, None, b"ok")]
    assert pool.take(A) is connection


async def test_an_answer_that_nobody_waits_for_closes_the_connection() -> None:
    pool = Pool(SenderLimits())
    [(connection, wire)] = await filled(pool, A)
    replies = exchange(connection)
    connection.abandon()
    assert wire.aborted
    connection.data_received(OK)
    assert pool.take(A) is None
    assert replies == []


async def test_an_answer_before_the_request_is_sent_closes_the_connection() -> None:
    pool = Pool(SenderLimits())
    [(connection, wire)] = await filled(pool, A)
    replies = exchange(connection)
    wire.unsent = 1
    connection.data_received(OK)
    assert replies == [Answered(200, None, b"ok")]
    assert wire.aborted
    assert pool.take(A) is None


@pytest.mark.parametrize("error", [None, ConnectionResetError(), OSError(113, "No route to host")])
async def test_losing_a_connection_ends_its_exchange(error: Exception | None) -> None:
    pool = Pool(SenderLimits())
    [(connection, _)] = await filled(pool, A)
    replies = exchange(connection)
    connection.connection_lost(error)
    assert len(replies) == 1
    assert pool.connections_open == 0
