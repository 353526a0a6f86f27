"""Many deadlines under one timer."""

from __future__ import annotations

from kumotasks.domain.clock import DAY, MILLISECOND, SECOND, ManualClock
from kumotasks.domain.deadlines import Deadlines

START = 1_750_000_000 * SECOND


class Wait:
    """Notes when it is cancelled."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.cancelled_at: int | None = None

    def cancel(self) -> None:
        self.cancelled_at = self._clock.now() - START


def run(clock: ManualClock, length: int) -> int:
    """Let time pass; how many events there were."""
    events = 0
    while clock.turn(clock.now() + length):
        events += 1
    return events


def test_a_wait_is_cancelled_at_its_very_instant() -> None:
    clock = ManualClock(START)
    deadlines, wait = Deadlines(clock), Wait(clock)
    deadlines.add(wait, START + 15 * SECOND + 1)
    clock.turn(START + 15 * SECOND)
    assert wait.cancelled_at is None
    clock.turn(START + 16 * SECOND)
    assert wait.cancelled_at == 15 * SECOND + 1
    assert not deadlines.discard(wait)


def test_each_of_many_waits_has_its_own_instant() -> None:
    clock = ManualClock(START)
    deadlines = Deadlines(clock)
    lengths = [(i * 7919) % 1000 + 1 for i in range(500)]
    waits = [Wait(clock) for _ in lengths]
    for wait, length in zip(waits, lengths, strict=True):
        deadlines.add(wait, START + length * MILLISECOND)
    run(clock, SECOND)
    assert [wait.cancelled_at for wait in waits] == [length * MILLISECOND for length in lengths]
    assert len(deadlines) == 0


def test_an_earlier_deadline_added_later_comes_first() -> None:
    clock = ManualClock(START)
    deadlines, late, early = Deadlines(clock), Wait(clock), Wait(clock)
    deadlines.add(late, START + 20 * SECOND)
    deadlines.add(early, START + 10 * SECOND)
    run(clock, 30 * SECOND)
    assert (early.cancelled_at, late.cancelled_at) == (10 * SECOND, 20 * SECOND)


def test_a_discarded_wait_is_left_alone_whether_young_or_old() -> None:
    clock = ManualClock(START)
    deadlines, first, young, old = Deadlines(clock), Wait(clock), Wait(clock), Wait(clock)
    deadlines.add(young, START + 5 * SECOND)
    assert deadlines.discard(young)
    deadlines.add(first, START + 10 * SECOND)
    deadlines.add(old, START + 20 * SECOND)
    clock.turn(START + 10 * SECOND)
    assert deadlines.discard(old)
    run(clock, DAY)
    assert (first.cancelled_at, young.cancelled_at, old.cancelled_at) == (10 * SECOND, None, None)


def test_no_timer_is_left_when_nothing_waits() -> None:
    clock = ManualClock(START)
    deadlines, wait = Deadlines(clock), Wait(clock)
    for _ in range(100):
        deadlines.add(wait, clock.now() + SECOND)
        deadlines.discard(wait)
    assert clock.next_event() is None


def test_the_timer_moves_little_while_short_waits_come_and_go_under_a_long_one() -> None:
    clock = ManualClock(START)
    deadlines, long = Deadlines(clock), Wait(clock)
    deadlines.add(long, START + 600 * SECOND)
    for _ in range(1000):
        short = Wait(clock)
        deadlines.add(short, clock.now() + 600 * SECOND)
        deadlines.discard(short)
    assert run(clock, 601 * SECOND) == 1
    assert long.cancelled_at == 600 * SECOND


def test_what_hung_and_was_discarded_leaves_no_garbage_for_long() -> None:
    clock = ManualClock(START)
    deadlines, anchor = Deadlines(clock), Wait(clock)
    deadlines.add(anchor, START + DAY)
    for _ in range(50):
        hanging = [Wait(clock) for _ in range(20)]
        trigger = Wait(clock)
        for wait in hanging:
            deadlines.add(wait, START + DAY)
        deadlines.add(trigger, clock.now() + SECOND)
        clock.turn(clock.now() + SECOND)
        assert trigger.cancelled_at is not None
        for wait in hanging:
            assert deadlines.discard(wait)
    assert len(deadlines) == 1
    assert len(deadlines._heap) < 100


def test_cancel_all_ends_everything_now() -> None:
    clock = ManualClock(START)
    deadlines, young, old, first = Deadlines(clock), Wait(clock), Wait(clock), Wait(clock)
    deadlines.add(first, START + SECOND)
    deadlines.add(old, START + DAY)
    clock.turn(START + SECOND)
    deadlines.add(young, START + DAY)
    deadlines.cancel_all()
    assert (young.cancelled_at, old.cancelled_at) == (SECOND, SECOND)
    assert clock.next_event() is None
