"""Looks at services: one at a time, carried out by who took the change, or after a while by who only heard of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kumotasks.domain.clock import ManualClock
from kumotasks.domain.run.service import ServiceName
from kumotasks.workers.instances.rollout import Overtaken
from kumotasks.workers.instances.turns import PATIENCE, Turns
from tests.factory import NOW

NAME, OTHER = (ServiceName("p", "us-central1", each) for each in ("worker", "other"))


class Looking:
    """Looks that end when they are told to; `left` is what they answer."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.turns = Turns(self._look, self.clock)
        self.begun: list[tuple[str, bool]] = []
        self.ended: list[tuple[str, bool]] = []
        self.left = False
        self.overtaken = 0
        self.go = asyncio.Event()
        self.go.set()

    async def _look(self, name: ServiceName, carry: bool) -> bool:
        self.begun.append((name.service, carry))
        if self.overtaken:
            self.overtaken -= 1
            raise Overtaken
        await self.go.wait()
        self.ended.append((name.service, carry))
        return self.left

    async def settle(self) -> None:
        """Let everything run that can."""
        for _ in range(20):
            await asyncio.sleep(0)


@pytest.fixture
async def looking() -> AsyncIterator[Looking]:
    looking = Looking()
    yield looking
    await looking.turns.stop()


async def test_who_took_a_change_carries_it_out_and_who_heard_of_it_does_not(looking: Looking) -> None:
    looking.turns.wake(NAME)
    looking.turns.hear(OTHER)
    await looking.settle()
    assert looking.ended == [("worker", True), ("other", False)]


async def test_a_change_breaks_off_what_is_under_way(looking: Looking) -> None:
    looking.go.clear()
    looking.turns.wake(NAME)
    await looking.settle()
    looking.turns.wake(NAME)
    await looking.settle()
    looking.go.set()
    await looking.settle()
    assert looking.begun == [("worker", True)] * 2
    assert looking.ended == [("worker", True)]


async def test_what_is_heard_breaks_nothing_off_and_is_looked_at_afterwards_once(looking: Looking) -> None:
    looking.go.clear()
    looking.turns.wake(NAME)
    await looking.settle()
    for _ in range(3):
        looking.turns.hear(NAME)
    await looking.settle()
    assert looking.begun == [("worker", True)]
    looking.go.set()
    await looking.settle()
    assert looking.ended == [("worker", True), ("worker", False)]


async def test_what_nobody_carries_out_is_carried_out_after_a_while(looking: Looking) -> None:
    looking.left = True
    looking.turns.hear(NAME)
    await looking.settle()
    looking.clock.turn(NOW + PATIENCE - 1)
    await looking.settle()
    assert looking.ended == [("worker", False)]
    looking.left = False
    looking.clock.turn(NOW + PATIENCE)
    await looking.settle()
    assert looking.ended == [("worker", False), ("worker", True)]
    assert looking.clock.next_event() is None


async def test_news_of_progress_begin_the_wait_anew_and_of_the_end_end_it(looking: Looking) -> None:
    looking.left = True
    looking.turns.hear(NAME)
    await looking.settle()
    looking.clock.turn(NOW + PATIENCE // 2)
    looking.turns.hear(NAME)
    await looking.settle()
    assert looking.clock.next_event() == NOW + PATIENCE // 2 + PATIENCE
    looking.left = False
    looking.turns.hear(NAME)
    await looking.settle()
    assert looking.clock.next_event() is None


async def test_who_was_overtaken_looks_again(looking: Looking) -> None:
    looking.overtaken = 2
    looking.turns.wake(NAME)
    await looking.settle()
    assert looking.begun == [("worker", True)] * 3
    assert looking.ended == [("worker", True)]


async def test_after_a_stop_nothing_begins(looking: Looking) -> None:
    looking.go.clear()
    looking.left = True
    looking.turns.hear(NAME)
    await looking.settle()
    looking.turns.hear(NAME)
    await looking.turns.stop()
    looking.turns.wake(OTHER)
    await looking.settle()
    assert looking.begun == [("worker", False)]
    assert looking.clock.next_event() is None
