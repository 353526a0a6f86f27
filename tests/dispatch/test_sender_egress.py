"""The egress policy over real sockets: spellings, names that change their address, redirects.

The worker that may be reached is at 127.0.0.1 and the one that may not at 127.0.0.2, on the same port: what gets there
by any way is a visit.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

import pytest

from kumotasks.dispatch.egress import Egress, EgressRule
from kumotasks.dispatch.resolver import Found
from kumotasks.domain.attempt import Answered, Barred, Unreachable
from kumotasks.domain.clock import SECOND, ManualClock
from tests.dispatch.scripted import Script, Worker, answering, closing, worker
from tests.dispatch.sending import START, post, sender
from tests.running import missing

ANSWERED = Answered(200, None, b"ok")
OPEN = "127.0.0.1"
SECRET = "127.0.0.2"
ONE_OPEN = Egress(loopback_allowed=False, rules=(EgressRule.parse(OPEN, allow=True),))
CLOSED = Egress(loopback_allowed=False, private_allowed=False)
REFUSED = "is refused by the egress policy: loopback addresses are not allowed without a rule"


@contextlib.asynccontextmanager
async def pair(script: Script) -> AsyncIterator[tuple[Worker, Worker]]:
    """The open worker, with a script, and the secret one."""
    async with worker(script) as reachable, contextlib.AsyncExitStack() as stack:
        try:
            secret = await stack.enter_async_context(worker(answering(), where=(SECRET, reachable.port)))
        except OSError:
            pytest.skip(missing(f"a second loopback address, {SECRET},"))
        yield reachable, secret


def naming(*answers: str | tuple[str, ...]) -> Callable[[str], Found]:
    """Each look-up, of whatever name, gets the next of these answers, the last one for ever."""
    left = [(answer,) if isinstance(answer, str) else answer for answer in answers]
    return lambda host: left.pop(0) if len(left) > 1 else left[0]


def redirecting(location: str) -> Script:
    return answering(f"HTTP/1.1 307 Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())


# spellings

SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "0x7f000001",
    "0x7F.1",
    "0177.0.0.1",
    "0177.0.0.01",
    "017700000001",
    "localhost",
    "LocalHost.",
    "anything.localhost",
    "%31%32%37.0.0.1",
    "%6cocalhost",
    "user:password@127.0.0.1",
    "good.example@127.0.0.1",
    "good.example:80@127.0.0.1",
    "１２７.0.0.1",
    "127。0。0。1",
    "ⓛocalhost",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:FFFF:7F00:0001]",
]


@pytest.mark.parametrize("host", SPELLINGS)
async def test_however_an_address_is_spelled_it_is_refused(host: str) -> None:
    async with worker(answering()) as w, sender(egress=CLOSED) as s:
        outcome = await s.send(post(f"http://{host}:{w.port}/"))
        assert isinstance(outcome, Barred)
        assert outcome.reason.endswith(REFUSED)
        assert w.visits == 0


@pytest.mark.parametrize("host", SPELLINGS)
async def test_all_of_these_spellings_would_get_there(host: str) -> None:
    async with worker(answering()) as w, sender() as s:
        assert await s.send(post(f"http://{host}:{w.port}/")) == ANSWERED


@pytest.mark.parametrize("host", ["0.0.0.0", "0", "0x0", "[::]", "[::ffff:0.0.0.0]", "169.254.1", "0xa9fea9fe"])
async def test_some_are_refused_whatever_is_allowed(host: str) -> None:
    everything = tuple(EgressRule.parse(text, allow=True) for text in ("*", "0.0.0.0/0", "::/0"))
    async with worker(answering()) as w, sender(egress=Egress(loopback_allowed=True, rules=everything)) as s:
        outcome = await s.send(post(f"http://{host}:{w.port}/"))
        assert isinstance(outcome, Barred)
        assert outcome.reason.endswith("always refused")
        assert w.visits == 0


@pytest.mark.parametrize("url", ["http://127.0.0.1\\@good.example:{}/", "http://127.0.0.1:{}\\@good.example/"])
async def test_what_parsers_read_differently_reaches_nothing_that_was_not_judged(url: str) -> None:
    async with worker(answering()) as w, sender(egress=CLOSED) as s:
        assert isinstance(await s.send(post(url.format(w.port))), Barred | Unreachable)
        assert w.visits == 0


# names that change their address


async def test_a_name_that_changes_its_address_between_two_attempts_is_judged_anew() -> None:
    clock = ManualClock(START)
    async with (
        pair(closing()) as (reachable, secret),
        sender(clock=clock, egress=ONE_OPEN, look_up=naming(OPEN, SECRET)) as s,
    ):
        url = f"http://rebound.example:{reachable.port}/"
        assert await s.send(post(url)) == ANSWERED
        clock.turn(START + 31 * SECOND)
        assert await s.send(post(url)) == Barred(f"rebound.example ({SECRET}) {REFUSED}")
        assert (reachable.visits, secret.visits) == (1, 0)


async def test_the_answer_that_was_judged_is_the_one_that_is_connected_to() -> None:
    asked: list[str] = []
    answers = naming(OPEN, SECRET)

    def look_up(host: str) -> Found:
        asked.append(host)
        return answers(host)

    async with pair(closing()) as (reachable, secret), sender(egress=ONE_OPEN, look_up=look_up) as s:
        assert await s.send(post(f"http://rebound.example:{reachable.port}/")) == ANSWERED
        assert asked == ["rebound.example"]
        assert (reachable.visits, secret.visits) == (1, 0)


@pytest.mark.parametrize("addresses", [(SECRET, OPEN), (OPEN, SECRET), (SECRET, "::ffff:127.0.0.2", OPEN, SECRET)])
async def test_of_several_addresses_only_those_allowed_are_tried(addresses: tuple[str, ...]) -> None:
    async with pair(closing()) as (reachable, secret), sender(egress=ONE_OPEN, look_up=naming(addresses)) as s:
        for _ in range(2):
            assert await s.send(post(f"http://several.example:{reachable.port}/")) == ANSWERED
        assert (reachable.visits, secret.visits) == (2, 0)


async def test_an_allowed_address_that_is_down_does_not_open_the_way_to_the_others() -> None:
    async with pair(closing()) as (reachable, _), worker(answering(), where=(SECRET, 0)) as secret:
        egress, look_up = ONE_OPEN, naming((OPEN, SECRET))
        assert secret.port != reachable.port
        async with sender(egress=egress, look_up=look_up) as s:
            assert isinstance(await s.send(post(f"http://several.example:{secret.port}/")), Unreachable)
        assert secret.visits == 0


async def test_a_connection_that_was_judged_serves_on_while_its_name_changes() -> None:
    clock = ManualClock(START)
    async with (
        pair(answering()) as (reachable, secret),
        sender(clock=clock, egress=ONE_OPEN, look_up=naming(OPEN, SECRET)) as s,
    ):
        for _ in range(2):
            assert await s.send(post(f"http://rebound.example:{reachable.port}/")) == ANSWERED
            clock.turn(clock.now() + 31 * SECOND)
        assert (reachable.visits, secret.visits) == (1, 0)


# redirects


@pytest.mark.parametrize("host", ["127.0.0.2", "127.2", "0x7f.2", "0177.0.0.2", "[::ffff:127.0.0.2]", "inside.example"])
@pytest.mark.parametrize("warm", [False, True])
async def test_a_redirect_does_not_lead_where_the_task_itself_may_not_go(host: str, warm: bool) -> None:
    async with pair(answering()) as (reachable, secret), sender(egress=ONE_OPEN, look_up=naming(SECRET)) as s:
        reachable.script = redirecting(f"http://{host}:{secret.port}/admin")
        url = f"http://{OPEN}:{reachable.port}/"
        if warm:
            assert await s.send(post(url, follow_redirects=False)) == Answered(307)
        outcome = await s.send(post(url))
        assert isinstance(outcome, Barred)
        assert outcome.reason.endswith(REFUSED)
        assert secret.visits == 0


async def test_each_hop_of_a_redirect_is_judged_by_its_own_name() -> None:
    rules = tuple(EgressRule.read(line) for line in ("deny denied.example", f"allow {OPEN}"))
    egress = Egress(loopback_allowed=False, rules=rules)
    async with worker(answering()) as last, sender(egress=egress, look_up=naming(OPEN)) as s:
        onward = redirecting(f"http://denied.example:{last.port}/")
        async with worker(onward) as second, worker(redirecting(f"http://fine.example:{second.port}/")) as first:
            assert await s.send(post(f"http://{OPEN}:{first.port}/")) == Barred(
                f"denied.example ({OPEN}) is refused by the egress policy: denied by the rule denied.example"
            )
        assert (first.visits, second.visits, last.visits) == (1, 1, 0)


async def test_a_redirect_back_to_a_name_that_has_changed_meanwhile_is_judged_anew() -> None:
    clock = ManualClock(START)
    async with (
        pair(closing()) as (reachable, secret),
        sender(clock=clock, egress=ONE_OPEN, look_up=naming(OPEN, SECRET)) as s,
    ):

        async def turning(visit: object) -> None:
            clock.turn(START + 29 * SECOND)  # within the deadline
            clock.turn(START + 31 * SECOND)
            script = closing(b"HTTP/1.1 307 Go\r\nLocation: /again\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            await script(visit)  # type: ignore[arg-type]

        reachable.script = turning
        request = post(f"http://rebound.example:{reachable.port}/")
        outcome = await s.send(type(request)("POST", request.url, (), b"", 60 * SECOND))
        assert outcome == Barred(f"rebound.example ({SECRET}) {REFUSED}")
        assert (reachable.visits, secret.visits) == (1, 0)
