"""One timer for many queues."""

from __future__ import annotations

import random
from collections.abc import Callable

from kumotasks.dispatch.alarms import Alarms
from kumotasks.domain.clock import ManualClock, ManualTimer, Timer


class Bell:
    """Alarms that ring into a list, under a clock that stands at 0."""

    def __init__(self) -> None:
        self.clock = ManualClock(0)
        self.rung: list[tuple[int, int]] = []
        self.alarms = Alarms(self.clock, lambda keys: self.rung.extend((self.clock.now(), key) for key in keys))

    def wait(self, until: int) -> None:
        while self.clock.turn(until):
            pass


def test_an_alarm_rings_once_at_its_instant() -> None:
    bell = Bell()
    bell.alarms.set(1, 10)
    bell.alarms.arm()
    bell.wait(9)
    assert bell.rung == []
    bell.wait(100)
    assert bell.rung == [(10, 1)]


def test_alarms_ring_in_order_whatever_the_order_they_were_set_in() -> None:
    bell = Bell()
    for key, instant in ((1, 30), (2, 10), (3, 20)):
        bell.alarms.set(key, instant)
        bell.alarms.arm()
    bell.wait(100)
    assert bell.rung == [(10, 2), (20, 3), (30, 1)]


def test_a_later_set_replaces_an_earlier_one() -> None:
    bell = Bell()
    for instant in (10, 30, 20):
        bell.alarms.set(1, instant)
        bell.alarms.arm()
    bell.wait(100)
    assert bell.rung == [(20, 1)]


def test_a_cleared_alarm_does_not_ring() -> None:
    bell = Bell()
    bell.alarms.set(1, 10)
    bell.alarms.set(2, 20)
    bell.alarms.arm()
    bell.alarms.clear(1)
    bell.alarms.clear(3)
    bell.wait(100)
    assert bell.rung == [(20, 2)]


def test_an_alarm_set_again_after_it_was_cleared_rings_once() -> None:
    bell = Bell()
    bell.alarms.set(1, 10)
    bell.alarms.clear(1)
    bell.alarms.set(1, 10)
    bell.alarms.arm()
    bell.wait(100)
    assert bell.rung == [(10, 1)]


def test_whoever_rings_may_set_the_next_alarm() -> None:
    clock = ManualClock(0)
    rung: list[int] = []

    def ring(keys: list[int]) -> None:
        rung.append(clock.now())
        if clock.now() < 30:
            alarms.set(1, clock.now() + 10)

    alarms = Alarms(clock, ring)
    alarms.set(1, 10)
    alarms.arm()
    while clock.turn(100):
        pass
    assert rung == [10, 20, 30]


def test_a_wall_that_is_set_back_holds_up_no_alarm() -> None:
    timers: list[Callable[[], None]] = []

    class Wall(ManualClock):
        """A clock that may be set back, whose timers run on regardless."""

        def now(self) -> int:
            return 100 if timers else 1_000

        def call_at(self, instant: int, callback: Callable[[], None]) -> Timer:
            timers.append(callback)
            return ManualTimer(callback)

    rung: list[list[int]] = []
    alarms = Alarms(Wall(0), rung.append)
    alarms.set(1, 1_010)
    alarms.set(2, 2_000)
    alarms.arm()
    timers[0]()
    assert rung == [[1]]


def test_nothing_rings_after_the_stop() -> None:
    bell = Bell()
    bell.alarms.set(1, 10)
    bell.alarms.arm()
    bell.alarms.stop()
    bell.wait(100)
    assert bell.rung == []
    assert bell.clock.next_event() is None


def test_alarms_that_were_replaced_leave_nothing_in_memory() -> None:
    bell = Bell()
    for step in range(10_000):
        bell.alarms.set(1, 10**9)
        bell.alarms.set(2, 10**9 - step)
        bell.alarms.clear(1)
    assert len(bell.alarms._heap) < 100


def test_alarms_keep_to_what_was_asked_whatever_was_asked() -> None:
    chance = random.Random(7)
    for _ in range(200):
        bell, wanted = Bell(), {}
        for _ in range(chance.randrange(200)):
            key, instant = chance.randrange(5), chance.randrange(1_000)
            if chance.random() < 0.2:
                bell.alarms.clear(key)
                wanted.pop(key, None)
            else:
                bell.alarms.set(key, instant)
                wanted[key] = instant
            if chance.random() < 0.5:
                bell.alarms.arm()
        bell.alarms.arm()
        bell.wait(1_000)
        assert sorted(bell.rung) == sorted((instant, key) for key, instant in wanted.items())
