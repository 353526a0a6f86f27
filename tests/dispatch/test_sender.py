"""Sending to workers that behave, and to those that do not, over real sockets on both event loops."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from kumotasks.dispatch.answer import HEAD_LIMIT
from kumotasks.dispatch.egress import Egress
from kumotasks.dispatch.pool import SenderLimits
from kumotasks.domain.attempt import Answered, Barred, Outcome, TimedOut, Unreachable
from kumotasks.domain.clock import ManualClock
from tests.dispatch.scripted import OK, Script, Visit, answering, closing, silent, worker
from tests.dispatch.sending import DEADLINE, START, asking, post, sender, until

BROKE_OFF = Unreachable("the worker closed the connection before its answer was whole")
ANSWERED = Answered(200, None, b"ok")


async def test_a_request_arrives_as_it_was_meant() -> None:
    async with worker(answering()) as w, sender() as s:
        url = f"{w.url}/päth?a=b c#frag"
        assert await s.send(post(url, b"\x00body", ("X-A", "1"))) == ANSWERED
        assert w.requests == [
            b"POST /p%%C3%%A4th?a=b%%20c HTTP/1.1\r\nHost: localhost:%d\r\nX-A: 1\r\nAccept: */*\r\n"
            b"Accept-Encoding: gzip, deflate, br\r\nContent-Length: 5\r\n\r\n\x00body" % w.port
        ]


def half_closing(answer: bytes) -> Script:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(answer)
        visit.half_close()
        await visit.gone()

    return script


async def resetting(visit: Visit) -> None:
    await visit.request()
    await visit.send(b"HTTP/1.1 200 OK\r\nConte")
    visit.reset()


async def dropping(visit: Visit) -> None:
    visit.close()


async def dripping_to_the_end(visit: Visit) -> None:
    await visit.request()
    for i in range(len(OK)):
        await visit.send(OK[i : i + 1])
        await asyncio.sleep(0)
    await visit.gone()


async def interrupting(visit: Visit) -> None:
    """Answer before the request is read."""
    await visit.send(OK)
    await visit.gone()


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        pytest.param(answering(), ANSWERED, id="answer"),
        pytest.param(closing(), ANSWERED, id="answer and close"),
        pytest.param(closing(b"HTTP/1.1 200 OK\r\n\r\nok"), ANSWERED, id="close is the end"),
        pytest.param(half_closing(b"HTTP/1.1 200 OK\r\n\r\nok"), ANSWERED, id="half a close is the end"),
        pytest.param(half_closing(OK), ANSWERED, id="half a close after the answer"),
        pytest.param(half_closing(b""), BROKE_OFF, id="half a close without answer"),
        pytest.param(half_closing(OK[:-1]), BROKE_OFF, id="half a close too early"),
        pytest.param(closing(b""), BROKE_OFF, id="close without answer"),
        pytest.param(closing(OK[:20]), BROKE_OFF, id="close within the head"),
        pytest.param(closing(OK[:-1]), BROKE_OFF, id="close within the body"),
        pytest.param(
            closing(b"HTTP/1.1 503 Slow\r\nRetry-After: 5\r\nContent-Length: 9\r\n\r\nno"),
            Answered(503, "5", b"no"),
            id="close within a failure's body",
        ),
        pytest.param(resetting, Unreachable("the worker reset the connection"), id="reset"),
        pytest.param(
            closing(b"hello"),
            Unreachable("the worker's answer is not HTTP: Expected HTTP/, RTSP/ or ICE/"),
            id="garbage",
        ),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\nX: " + b"x" * HEAD_LIMIT),
            Unreachable("the answer's header is too large: more than 65536 bytes"),
            id="flood of headers",
        ),
        pytest.param(
            answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n" + b"x" * 4_000_000),
            Answered(200, None, b"x" * 1024),
            id="flood of body",
        ),
        pytest.param(
            answering(b"HTTP/1.1 102 Processing\r\n\r\n" * 100),
            Unreachable("the worker sent too many interim answers"),
            id="flood of interim answers",
        ),
        pytest.param(dripping_to_the_end, ANSWERED, id="drips"),
        pytest.param(interrupting, ANSWERED, id="answer before the request is read"),
        pytest.param(
            answering(b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
            Unreachable("the worker switched protocols"),
            id="switch of protocols",
        ),
    ],
)
async def test_what_a_worker_does_decides_the_outcome(script: Script, outcome: Outcome) -> None:
    async with worker(script) as w, sender() as s:
        assert await s.send(post(w.url)) == outcome


async def test_a_worker_that_drops_connections_at_once_is_unreachable() -> None:
    async with worker(dropping) as w, sender() as s:
        assert isinstance(await s.send(post(w.url)), Unreachable)
        await until(lambda: s.connections_open == 0)


async def test_an_early_answer_counts_and_ends_the_connection() -> None:
    async def refusing(visit: Visit) -> None:
        await visit.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await asyncio.Event().wait()  # never reads on, never closes

    async with worker(refusing) as w, sender() as s:
        assert await s.send(post(w.url, b"x" * 30_000_000)) == Answered(413)
        await until(lambda: s.connections_open == 0)


async def test_half_a_close_ends_a_request_that_the_worker_does_not_read() -> None:
    async def refusing(visit: Visit) -> None:
        visit.half_close()
        await asyncio.Event().wait()

    async with worker(refusing) as w, sender() as s:
        assert await s.send(post(w.url, b"x" * 30_000_000)) == BROKE_OFF
        await until(lambda: s.connections_open == 0)


async def test_a_refused_connection_is_unreachable_and_says_where() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plug:
        port = plug.getsockname()[1]
    async with sender() as s:
        assert await s.send(post(f"http://127.0.0.1:{port}/")) == Unreachable(
            f"cannot connect to 127.0.0.1 (127.0.0.1 port {port}): connection refused"
        )
        assert s.connections_open == 0


async def test_the_next_address_is_tried_where_one_refuses() -> None:
    async with worker(answering()) as w, sender(look_up=lambda _: ("127.0.0.2", "127.0.0.1")) as s:
        assert await s.send(post(f"http://worker.test:{w.port}/")) == ANSWERED


async def test_where_every_address_refuses_the_first_one_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as plug:
        port = plug.getsockname()[1]
    async with sender(look_up=lambda _: ("127.0.0.2", "127.0.0.3")) as s:
        assert await s.send(post(f"http://worker.test:{port}/")) == Unreachable(
            f"cannot connect to worker.test (127.0.0.2 port {port}): connection refused"
        )


async def test_a_name_that_nobody_knows_is_unreachable() -> None:
    async with sender() as s:
        assert await s.send(post("http://worker.test/")) == Unreachable(
            "the name worker.test cannot be looked up: tests know no names"
        )


@pytest.mark.parametrize("url", ["http://", "http://a b/", "http://h:99999/", "http://[::1/"])
async def test_a_url_that_leads_nowhere_is_unreachable(url: str) -> None:
    async with sender() as s:
        outcome = await s.send(post(url))
        assert isinstance(outcome, Unreachable)
        assert outcome.reason.startswith("the URL's") or outcome.reason.startswith("the URL ")


async def test_a_header_that_could_smuggle_is_refused_before_a_byte_is_sent() -> None:
    async with worker(answering()) as w, sender() as s:
        assert await s.send(post(w.url)) == ANSWERED
        for header in [("X", "1\r\nEvil: 1"), ("X\r\nEvil", "1"), ("X", "\0")]:
            assert isinstance(await s.send(post(w.url, b"", header)), Unreachable)
        assert s.connections_idle == 1
        assert len(w.requests) == 1


async def test_a_connection_is_used_again_last_in_first_out() -> None:
    async with worker(answering()) as w, sender() as s:
        await asyncio.gather(*(s.send(post(w.url)) for _ in range(5)))
        assert (w.visits, s.connections_open, s.connections_idle) == (5, 5, 5)
        for _ in range(10):
            assert await s.send(post(w.url)) == ANSWERED
        assert (w.visits, len(w.requests)) == (5, 15)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"H",
        OK + b"HTTP/1.1 500 Poisoned\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_a_connection_that_must_not_be_used_again_is_closed(answer: bytes) -> None:
    async with worker(answering(answer)) as w, sender() as s:
        assert await s.send(post(w.url)) == ANSWERED
        assert await s.send(post(w.url)) == ANSWERED
        assert w.visits == 2
        assert s.connections_idle == 0


async def test_bytes_on_an_idle_connection_are_not_the_next_answer() -> None:
    go = asyncio.Event()

    async def poisoning(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await go.wait()
        await visit.send(b"HTTP/1.1 500 Poisoned\r\nContent-Length: 0\r\n\r\n")
        await visit.gone()

    async with worker(poisoning) as w, sender() as s:
        assert await s.send(post(w.url)) == ANSWERED
        go.set()
        await until(lambda: s.connections_open == 0)
        assert await s.send(post(w.url)) == ANSWERED
        assert w.visits == 2


async def test_a_connection_closed_while_idle_costs_the_next_request_nothing() -> None:
    async with worker(closing()) as w, sender() as s:
        for _ in range(3):
            assert await s.send(post(w.url)) == ANSWERED
            await until(lambda: s.connections_open == 0)
        assert len(w.requests) == 3


async def test_a_request_that_was_handed_over_is_never_sent_again() -> None:
    async def once(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await visit.request()

    async with worker(once) as w, sender() as s:
        assert await s.send(post(w.url, b"first")) == ANSWERED
        assert await s.send(post(w.url, b"second")) == BROKE_OFF
        assert [request[-6:] for request in w.requests] == [b"\nfirst", b"second"]


async def test_the_answer_to_head_has_no_body() -> None:
    async with worker(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")) as w, sender() as s:
        for _ in range(3):
            assert await s.send(asking("HEAD", w.url)) == Answered(200)
        assert w.visits == 1


async def test_an_idle_connection_is_closed_after_its_time() -> None:
    gone = asyncio.Event()

    async def watching(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await visit.gone()
        gone.set()

    async with worker(watching) as w, sender(limits=SenderLimits(idle_seconds=0.02)) as s:
        assert await s.send(post(w.url)) == ANSWERED
        await asyncio.wait_for(gone.wait(), 10)
        await until(lambda: s.connections_open == 0)


async def test_idle_connections_of_an_origin_are_bounded() -> None:
    async with worker(answering()) as w, sender(limits=SenderLimits(max_idle_per_origin=3)) as s:
        await asyncio.gather(*(s.send(post(w.url)) for _ in range(8)))
        await until(lambda: s.connections_open == 3)
        assert s.connections_idle == 3


async def test_open_connections_are_bounded_and_the_rest_wait_for_room() -> None:
    async with worker(answering()) as w, sender(limits=SenderLimits(max_connections=3)) as s:
        outcomes = await asyncio.gather(*(s.send(post(w.url)) for _ in range(50)))
        assert outcomes == [ANSWERED] * 50
        assert (w.visits, s.connections_open) == (3, 3)


async def test_an_idle_connection_makes_room_for_another_origin() -> None:
    limits = SenderLimits(max_connections=2)
    async with worker(answering()) as a, worker(answering()) as b, sender(limits=limits) as s:
        for _ in range(3):
            outcomes = await asyncio.gather(*(s.send(post(w.url)) for w in (a, b) for _ in range(4)))
            assert outcomes == [ANSWERED] * 8
            assert s.connections_open <= 2


async def test_room_is_given_back_by_connections_that_fail() -> None:
    async with worker(closing(b"")) as w, sender(limits=SenderLimits(max_connections=2)) as s:
        assert await asyncio.gather(*(s.send(post(w.url)) for _ in range(20))) == [BROKE_OFF] * 20


async def expiring(clock: ManualClock, sending: asyncio.Future[Outcome]) -> Outcome:
    """The outcome after the deadline has passed; it must be the deadline that ends it."""
    clock.turn(START + DEADLINE - 1)
    await asyncio.sleep(0)
    assert not sending.done()
    clock.turn(START + DEADLINE)
    return await sending


async def dripping(visit: Visit) -> None:
    await visit.request()
    await visit.send(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        await visit.send(b"x")
        await asyncio.sleep(0)


async def endless(visit: Visit) -> None:
    await visit.request()
    await visit.send(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        await visit.send(b"x")
        await asyncio.sleep(0)


@pytest.mark.parametrize("script", [silent, dripping, endless])
async def test_a_worker_that_keeps_one_waiting_costs_no_more_than_the_deadline(script: Script) -> None:
    clock, gone = ManualClock(START), asyncio.Event()

    async def watched(visit: Visit) -> None:
        try:
            await script(visit)
        finally:
            gone.set()

    async with worker(watched) as w, sender(clock=clock) as s:
        sending = asyncio.ensure_future(s.send(post(w.url)))
        await until(lambda: bool(w.requests))
        assert await expiring(clock, sending) == TimedOut()
        await asyncio.wait_for(gone.wait(), 10)
        await until(lambda: s.connections_open == 0)


async def test_the_deadline_covers_a_connection_that_is_used_again() -> None:
    clock = ManualClock(START)

    async def once(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await silent(visit)

    async with worker(once) as w, sender(clock=clock) as s:
        assert await s.send(post(w.url)) == ANSWERED
        sending = asyncio.ensure_future(s.send(post(w.url)))
        await until(lambda: len(w.requests) == 2)
        assert await expiring(clock, sending) == TimedOut()
        assert w.visits == 1
        await until(lambda: s.connections_open == 0)


async def test_the_deadline_covers_a_worker_that_does_not_read() -> None:
    clock = ManualClock(START)

    async def deaf(visit: Visit) -> None:
        await asyncio.Event().wait()

    async with worker(deaf) as w, sender(clock=clock) as s:
        sending = asyncio.ensure_future(s.send(post(w.url, b"x" * 30_000_000)))
        await until(lambda: w.visits == 1)
        assert await expiring(clock, sending) == TimedOut()
        await until(lambda: s.connections_open == 0)


async def test_the_deadline_covers_waiting_for_room() -> None:
    clock = ManualClock(START)
    async with worker(silent) as w, sender(clock=clock, limits=SenderLimits(max_connections=1)) as s:
        sendings = [asyncio.ensure_future(s.send(post(w.url))) for _ in range(3)]
        await until(lambda: bool(w.requests))
        assert await expiring(clock, sendings[2]) == TimedOut()
        assert await asyncio.gather(*sendings) == [TimedOut()] * 3
        assert len(w.requests) == 1
        await until(lambda: s.connections_open == 0)


async def test_the_deadline_covers_the_look_up() -> None:
    clock = ManualClock(START)
    asked, answer = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def slow(_: str) -> tuple[str, ...]:
        loop.call_soon_threadsafe(asked.set)
        answer.wait()
        return ("127.0.0.1",)

    async with sender(clock=clock, look_up=slow) as s:
        sending = asyncio.ensure_future(s.send(post("http://worker.test/")))
        await asyncio.wait_for(asked.wait(), 10)
        assert await expiring(clock, sending) == TimedOut()
        assert s.connections_open == 0
        answer.set()


async def test_a_deadline_that_is_over_at_once_times_out() -> None:
    clock = ManualClock(START)
    async with worker(silent) as w, sender(clock=clock) as s:
        sending = asyncio.ensure_future(s.send(post(w.url)))
        await asyncio.sleep(0)
        clock.turn(START + DEADLINE)
        assert await sending == TimedOut()
        await until(lambda: s.connections_open == 0)


async def test_cancelling_a_send_closes_its_connection_and_nothing_else() -> None:
    async with worker(answering()) as w, sender() as s:
        await asyncio.gather(*(s.send(post(w.url)) for _ in range(2)))
        w.script = silent
        async with worker(silent) as mute:
            sending = asyncio.ensure_future(s.send(post(mute.url)))
            await until(lambda: bool(mute.requests))
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            await until(lambda: s.connections_open == 2)


async def test_a_send_cancelled_on_a_used_connection_closes_it() -> None:
    async def once(visit: Visit) -> None:
        await visit.request()
        await visit.send(OK)
        await silent(visit)

    async with worker(once) as w, sender() as s:
        assert await s.send(post(w.url)) == ANSWERED
        sending = asyncio.ensure_future(s.send(post(w.url)))
        await until(lambda: len(w.requests) == 2)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await until(lambda: s.connections_open == 0)


async def test_a_send_cancelled_when_its_answer_is_there_leaves_the_connection_to_others() -> None:
    async with worker(answering()) as w, sender() as s:
        assert await s.send(post(w.url)) == ANSWERED
        sending = asyncio.ensure_future(s.send(post(w.url)))
        await until(lambda: s.connections_idle == 0)
        await until(lambda: s.connections_idle == 1)  # the answer is in, its sender has not been woken yet
        other = asyncio.ensure_future(s.send(post(w.url)))
        sending.cancel()
        assert await other == ANSWERED
        assert w.visits == 1


async def test_stop_ends_what_is_under_way_and_twice_is_fine() -> None:
    stopped = Unreachable("the dispatcher was stopped")
    async with worker(answering()) as w, worker(silent) as mute, sender(limits=SenderLimits(max_connections=3)) as s:
        assert await s.send(post(w.url)) == ANSWERED
        sendings = [asyncio.ensure_future(s.send(post(mute.url))) for _ in range(5)]
        await until(lambda: len(mute.requests) == 3)
        await asyncio.gather(s.stop(), s.stop())
        assert await asyncio.gather(*sendings) == [stopped] * 5
        assert (s.connections_open, s.connections_idle) == (0, 0)
        await s.stop()
        assert await s.send(post(w.url)) == stopped
        await s.start()
        assert await s.send(post(w.url)) == ANSWERED


@pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.1", "localhost", "[::ffff:7f00:1]"])
async def test_loopback_is_refused_in_every_spelling(host: str) -> None:
    async with worker(answering()) as w, sender(egress=Egress(loopback_allowed=False)) as s:
        outcome = await s.send(post(f"http://{host}:{w.port}/"))
        assert isinstance(outcome, Barred)
        assert "loopback addresses are not allowed" in outcome.reason
        assert (w.visits, s.connections_open) == (0, 0)


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "http://0xa9fea9fe/", "http://[::ffff:a9fe:a9fe]/", "http://0/", "http://[::]/"]
)
async def test_metadata_and_unspecified_addresses_are_always_refused(url: str) -> None:
    async with sender() as s:
        assert isinstance(await s.send(post(url)), Barred)


async def test_of_several_addresses_only_the_allowed_ones_are_tried() -> None:
    found = ("169.254.169.254", "127.0.0.1")
    async with worker(answering()) as w, sender(look_up=lambda _: found) as s:
        assert await s.send(post(f"http://worker.test:{w.port}/")) == ANSWERED


async def test_a_name_that_leads_only_to_refused_addresses_is_barred() -> None:
    async with sender(look_up=lambda _: ("169.254.169.254", "fe80::1")) as s:
        assert await s.send(post("http://rebound.test/")) == Barred(
            "rebound.test (169.254.169.254) is refused by the egress policy: metadata services are always refused"
        )
