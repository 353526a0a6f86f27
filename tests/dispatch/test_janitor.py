"""When the janitor sweeps: at the start, after a purge or a deletion, when something expires, and once a day."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kumotasks.dispatch.janitor import LONG_REST, PASS, REST, Janitor
from kumotasks.domain.clock import DAY, HOUR, MINUTE, SECOND, ManualClock
from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.history import KEEP, Keep
from kumotasks.storage.store import Listener, QueueDeleted, Swept, TaskAdded, TaskDeleted, Wake
from tests.factory import NOW, a_task

NOTHING = Swept(0, more=False, next_due=None)


class DirtyStore:
    """A store of which only the sweep is known: it answers by script, and then that nothing is left."""

    def __init__(self, clock: ManualClock, *script: Swept | Exception) -> None:
        self._clock = clock
        self._script = list(script)
        self._listener: Listener | None = None
        self.passes: list[int] = []

    def listen(self, listener: Listener) -> None:
        self._listener = listener

    async def sweep(self, *, now: int, limit: int, keep: Keep) -> Swept:
        assert (limit, keep) == (PASS, KEEP)
        self.passes.append(now - NOW)
        await asyncio.sleep(0)
        answer = self._script.pop(0) if self._script else NOTHING
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wake(self, *wakes: Wake) -> None:
        assert self._listener is not None
        self._listener(wakes)


class Household:
    """A janitor, its store, and a clock that is moved."""

    def __init__(self, *script: Swept | Exception) -> None:
        self.clock = ManualClock(NOW)
        self.store = DirtyStore(self.clock, *script)
        self.janitor = Janitor(self.store, self.clock)  # type: ignore[arg-type]

    async def __aenter__(self) -> Household:
        await self.janitor.start()
        await self.janitor.swept()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.janitor.stop()

    async def wait(self, duration: int) -> None:
        until = self.clock.now() + duration
        while self.clock.turn(until):
            await self.janitor.swept()

    def passes(self) -> Sequence[int]:
        return self.store.passes


async def test_what_the_last_process_left_is_swept_at_the_start() -> None:
    async with Household(Swept(PASS, more=True, next_due=None), Swept(3, more=False, next_due=None)) as house:
        assert house.passes() == [0, 0]


async def test_without_anything_to_do_it_looks_once_a_day() -> None:
    async with Household() as house:
        await house.wait(3 * DAY)
        assert house.passes() == [0, DAY, 2 * DAY, 3 * DAY]


async def test_it_comes_back_when_something_expires_but_not_for_each_single_thing() -> None:
    async with Household(
        Swept(0, more=False, next_due=NOW + HOUR), Swept(1, more=False, next_due=NOW + HOUR + 1)
    ) as house:
        await house.wait(2 * HOUR)
        assert house.passes() == [0, HOUR, HOUR + MINUTE]


async def test_what_expires_after_a_day_waits_for_the_daily_look() -> None:
    async with Household(Swept(0, more=False, next_due=NOW + 30 * DAY)) as house:
        await house.wait(DAY)
        assert house.passes() == [0, DAY]


async def test_a_deleted_queue_is_swept_at_once() -> None:
    async with Household() as house:
        house.store.wake(QueueDeleted(1))
        await house.janitor.swept()
        assert house.passes() == [0, 0]


async def test_a_deleted_task_leaves_nothing_to_sweep() -> None:
    async with Household() as house:
        house.store.wake(TaskDeleted(1, a_task()))
        await house.janitor.swept()
        assert house.passes() == [0]


async def test_what_is_deleted_during_a_sweep_is_swept_by_another_pass() -> None:
    async with Household() as house:
        house.store.wake(QueueDeleted(1))
        await asyncio.sleep(0)
        house.store.wake(QueueDeleted(2))
        house.store.wake(QueueDeleted(3))
        await house.janitor.swept()
        assert house.passes() == [0, 0, 0]


async def test_a_store_that_fails_is_left_alone_for_a_minute() -> None:
    async with Household(StorageUnavailable(), StorageUnavailable()) as house:
        await house.wait(MINUTE - 1)
        assert house.passes() == [0]
        await house.wait(MINUTE + 1)
        assert house.passes() == [0, MINUTE, 2 * MINUTE]


async def test_it_sweeps_no_more_once_stopped_and_stopping_twice_is_fine() -> None:
    async with Household() as house:
        await house.janitor.stop()
        house.store.wake(QueueDeleted(1))
        await house.wait(2 * DAY)
        assert house.passes() == [0]
        assert house.clock.next_event() is None


async def test_it_stops_in_the_middle_of_a_sweep() -> None:
    house = Household(Swept(PASS, more=True, next_due=None))
    await house.janitor.start()
    await asyncio.sleep(0)
    await house.janitor.stop()
    assert house.passes() == [0]


@pytest.mark.parametrize(
    ("doomed", "added", "rest"), [(True, 0, REST), (True, 1, LONG_REST), (False, 0, REST), (False, 1, REST)]
)
async def test_a_pass_that_took_time_is_followed_by_a_rest(doomed: bool, added: int, rest: int) -> None:
    """A longer one of a purge where others use the store: what expires has to keep up with what comes."""
    house = Household(Swept(PASS, more=True, next_due=None, doomed=doomed))
    await house.janitor.start()
    await asyncio.sleep(0)
    for _ in range(added):
        house.store.wake(TaskAdded(1, a_task()))
    house.clock.turn(NOW + SECOND // 100)  # the pass is under way
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert house.passes() == [0]
    house.clock.turn(NOW + SECOND)
    await house.janitor.swept()
    assert house.passes() == [0, SECOND * (1 + rest) // 100]
    await house.janitor.stop()
