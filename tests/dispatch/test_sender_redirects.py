"""Following redirects from worker to worker."""

from __future__ import annotations

import asyncio

import pytest

from kumotasks.domain.attempt import Answered, Barred, TimedOut, Unreachable
from kumotasks.domain.clock import ManualClock
from tests.dispatch.scripted import Script, answering, silent, worker
from tests.dispatch.sending import DEADLINE, START, post, sender, until

ANSWERED = Answered(200, None, b"ok")


def leading(location: str, status: int = 307) -> Script:
    return answering(f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())


async def test_a_redirect_is_followed_to_another_worker() -> None:
    async with worker(answering()) as there, worker(leading(f"{there.url}/x", 302)) as here, sender() as s:
        headers = (("Content-Type", "text/plain"), ("Authorization", "Bearer t"), ("X-CloudTasks-TaskName", "t"))
        for _ in range(2):  # over a new connection, and over one that is used again
            assert await s.send(post(here.url, b"body", *headers)) == ANSWERED
        assert here.requests[0].startswith(b"POST / HTTP/1.1\r\n")
        assert there.requests[0] == there.requests[1]
        assert there.requests[0] == (
            b"GET /x HTTP/1.1\r\nHost: localhost:%d\r\nX-CloudTasks-TaskName: t\r\nAccept: */*\r\n"
            b"Accept-Encoding: gzip, deflate, br\r\n\r\n" % there.port
        )


async def test_a_redirect_that_keeps_the_method_keeps_body_and_own_credentials() -> None:
    async with worker(answering()) as w, sender() as s:
        w.script = leading("/second", 308)
        sending = asyncio.ensure_future(s.send(post(f"{w.url}/first", b"body", ("Authorization", "Bearer t"))))
        await until(lambda: len(w.requests) >= 1)
        await sending
        assert w.requests[1].startswith(b"POST /second HTTP/1.1\r\n")
        assert w.requests[1].endswith(b"\r\n\r\nbody")
        assert b"Authorization: Bearer t\r\n" in w.requests[1]


@pytest.mark.parametrize("warm", [False, True])
async def test_after_five_hops_the_redirect_is_the_outcome(warm: bool) -> None:
    async with worker(leading("/again")) as w, sender() as s:
        if warm:
            await s.send(post(w.url, follow_redirects=False))
            w.requests.clear()
        assert await s.send(post(w.url)) == Answered(307)
        assert len(w.requests) == 6


@pytest.mark.parametrize("location", ["ftp://x/", "http://", "http://[::1"])
async def test_a_redirect_that_cannot_be_followed_is_the_outcome(location: str) -> None:
    async with worker(leading(location)) as w, sender() as s:
        assert await s.send(post(w.url)) == Answered(307)


async def test_a_redirect_is_the_outcome_where_none_are_followed() -> None:
    async with worker(leading("/again")) as w, sender() as s:
        assert await s.send(post(w.url, follow_redirects=False)) == Answered(307)
        assert await s.send(post(w.url, follow_redirects=False)) == Answered(307)
        assert len(w.requests) == 2


async def test_every_hop_is_judged() -> None:
    async with worker(leading("http://0xa9fea9fe/computeMetadata/v1/")) as w, sender() as s:
        assert await s.send(post(w.url)) == Barred(
            "0xa9fea9fe (169.254.169.254) is refused by the egress policy: metadata services are always refused"
        )


async def test_a_hop_that_cannot_be_reached_is_the_outcome() -> None:
    async with worker(leading("http://nowhere.test/")) as w, sender() as s:
        assert isinstance(await s.send(post(w.url)), Unreachable)


@pytest.mark.parametrize("warm", [False, True])
async def test_the_deadline_covers_all_hops(warm: bool) -> None:
    clock = ManualClock(START)
    async with worker(silent) as there, worker(leading(there.url)) as here, sender(clock=clock) as s:
        if warm:
            await s.send(post(here.url, follow_redirects=False))
        sending = asyncio.ensure_future(s.send(post(here.url)))
        await until(lambda: bool(there.requests))
        clock.turn(START + DEADLINE - 1)
        await asyncio.sleep(0)
        assert not sending.done()
        clock.turn(START + DEADLINE)
        assert await sending == TimedOut()
