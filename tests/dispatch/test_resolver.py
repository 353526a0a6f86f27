"""Name look-ups: cached, one at a time for a host, bounded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from kumotasks.dispatch.resolver import Found, Resolver, ResolverLimits, literal, look_up
from kumotasks.domain.attempt import Unreachable
from kumotasks.domain.clock import SECOND, ManualClock
from tests.dispatch.sending import START, until


class Names:
    """A name service that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Found] = {}
        self._gate = threading.Event()

    def __call__(self, host: str) -> Found:
        self.asked.append(host)
        self._gate.wait()
        return self.answers.get(host, ("192.0.2.1",))

    def answer(self) -> None:
        self._gate.set()

    def hold(self) -> None:
        self._gate.clear()


@pytest.fixture
def names() -> Iterator[Names]:
    names = Names()
    yield names
    names.answer()


def make(names: Names, clock: ManualClock | None = None, **limits: float) -> Resolver:
    return Resolver(clock=clock or ManualClock(START), limits=ResolverLimits(**limits), look_up=names)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("127.0.0.1", ("127.0.0.1",)),
        ("2130706433", ("127.0.0.1",)),
        ("0177.1", ("127.0.0.1",)),
        ("0x7f.1", ("127.0.0.1",)),
        ("0xa9fea9fe", ("169.254.169.254",)),
        ("::1", ("::1",)),
        ("::ffff:7f00:1", ("::ffff:127.0.0.1",)),
        ("localhost", ("127.0.0.1", "::1")),
        ("localhost.", ("127.0.0.1", "::1")),
        ("svc-1.us-central1.run.localhost", ("127.0.0.1", "::1")),
    ],
)
async def test_no_one_is_asked_for_literals_and_localhost(names: Names, host: str, addresses: Found) -> None:
    assert await make(names).resolve(host) == addresses
    assert names.asked == []


@pytest.mark.parametrize("host", ["notlocalhost", "localhost.example", "1.2.3.4.example"])
async def test_names_that_only_look_like_these_are_looked_up(names: Names, host: str) -> None:
    names.answer()
    assert await make(names).resolve(host) == ("192.0.2.1",)
    assert names.asked == [host]


async def test_many_who_want_a_host_at_once_ask_once(names: Names) -> None:
    resolver = make(names)
    waiting = [asyncio.ensure_future(resolver.resolve("a.example")) for _ in range(50)]
    await until(lambda: bool(names.asked))
    names.answer()
    assert set(await asyncio.gather(*waiting)) == {("192.0.2.1",)}
    assert names.asked == ["a.example"]


async def test_an_answer_is_kept_thirty_seconds(names: Names) -> None:
    clock = ManualClock(START)
    resolver = make(names, clock)
    names.answer()
    await resolver.resolve("a.example")
    clock.turn(START + 30 * SECOND - 1)
    await resolver.resolve("a.example")
    assert names.asked == ["a.example"]
    clock.turn(START + 30 * SECOND)
    await resolver.resolve("a.example")
    assert names.asked == ["a.example"] * 2


async def test_a_failure_is_kept_one_second(names: Names) -> None:
    clock = ManualClock(START)
    resolver = make(names, clock)
    names.answers["a.example"] = Unreachable("no such name")
    names.answer()
    assert await resolver.resolve("a.example") == Unreachable("no such name")
    clock.turn(START + SECOND - 1)
    assert await resolver.resolve("a.example") == Unreachable("no such name")
    assert names.asked == ["a.example"]
    clock.turn(START + SECOND)
    names.answers["a.example"] = ("192.0.2.7",)
    assert await resolver.resolve("a.example") == ("192.0.2.7",)


async def test_a_known_host_never_waits_for_an_unknown_one(names: Names) -> None:
    resolver = make(names, threads=1)
    names.answer()
    await resolver.resolve("known.example")
    names.hold()
    stuck = [asyncio.ensure_future(resolver.resolve(f"{i}.example")) for i in range(5)]
    await until(lambda: len(names.asked) == 2)
    assert await resolver.resolve("known.example") == ("192.0.2.1",)
    assert await resolver.resolve("127.0.0.1") == ("127.0.0.1",)
    names.answer()
    await asyncio.gather(*stuck)


async def test_threads_are_bounded_and_the_rest_wait_in_line(names: Names) -> None:
    resolver = make(names, threads=2)
    waiting = [asyncio.ensure_future(resolver.resolve(f"{i}.example")) for i in range(6)]
    await until(lambda: len(names.asked) == 2)
    names.answer()
    assert await asyncio.gather(*waiting) == [("192.0.2.1",)] * 6
    assert sorted(names.asked) == [f"{i}.example" for i in range(6)]


async def test_look_ups_that_wait_are_bounded(names: Names) -> None:
    resolver = make(names, pending=2)
    waiting = [asyncio.ensure_future(resolver.resolve(f"{i}.example")) for i in range(2)]
    await until(lambda: len(names.asked) == 2)
    assert await resolver.resolve("one-more.example") == Unreachable(
        "the name one-more.example cannot be looked up: too many look-ups are waiting"
    )
    names.answer()
    await asyncio.gather(*waiting)


async def test_a_look_up_that_takes_too_long_fails_and_may_be_tried_again(names: Names) -> None:
    clock = ManualClock(START)
    resolver = make(names, clock, seconds=0.01, threads=2)
    assert await resolver.resolve("slow.example") == Unreachable(
        "the name slow.example cannot be looked up: no answer in 0.01 seconds"
    )
    clock.turn(START + SECOND)
    names.answer()
    resolver._limits = ResolverLimits()
    assert await resolver.resolve("slow.example") == ("192.0.2.1",)


async def test_a_look_up_that_is_overdue_in_line_is_not_begun() -> None:
    names = Names()
    resolver = make(names, seconds=0.01, threads=1)
    outcomes = await asyncio.gather(resolver.resolve("first.example"), resolver.resolve("second.example"))
    assert all(isinstance(outcome, Unreachable) for outcome in outcomes)
    names.answer()
    resolver._limits = ResolverLimits(threads=1)
    assert await resolver.resolve("third.example") == ("192.0.2.1",)
    assert names.asked == ["first.example", "third.example"]


async def test_hosts_in_the_cache_are_bounded(names: Names) -> None:
    resolver = make(names, hosts=3)
    names.answer()
    for i in range(10):
        await resolver.resolve(f"{i}.example")
    assert list(resolver._cache) == ["7.example", "8.example", "9.example"]


async def test_one_who_gives_up_leaves_the_look_up_to_the_others(names: Names) -> None:
    resolver = make(names)
    first, second = (asyncio.ensure_future(resolver.resolve("a.example")) for _ in range(2))
    await until(lambda: bool(names.asked))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    names.answer()
    assert await second == ("192.0.2.1",)
    assert names.asked == ["a.example"]


def test_the_system_knows_literals_and_says_why_it_knows_no_other() -> None:
    assert look_up("127.1") == ("127.0.0.1",)
    assert literal("worker.example") == ()
    found = look_up("a" * 63 + ".invalid")
    assert isinstance(found, Unreachable)
    assert "\n" not in found.reason
