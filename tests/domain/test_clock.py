"""The two clocks: one follows the wall, one stands still until it is moved, event by event."""

import asyncio
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.clock import (
    DAY,
    HOUR,
    LONGEST_WAIT,
    MICROSECOND,
    MILLISECOND,
    MINUTE,
    SECOND,
    LongTimer,
    ManualClock,
    SystemClock,
)


def test_the_units_are_those_of_microseconds() -> None:
    assert (MICROSECOND, MILLISECOND, SECOND) == (1, 10**3, 10**6)
    assert (MINUTE, HOUR, DAY) == (60 * 10**6, 3_600 * 10**6, 86_400 * 10**6)


def test_the_system_clock_tells_microseconds_since_the_epoch() -> None:
    before = datetime.now(UTC).timestamp()
    told = SystemClock().now() / SECOND
    assert before - 1 < told < before + 3_600


async def test_the_system_clock_calls_back_and_not_early() -> None:
    clock, rung = SystemClock(), asyncio.Event()
    instant = clock.now() + 3 * MILLISECOND
    clock.call_at(instant, rung.set)
    await rung.wait()
    assert clock.now() >= instant - MILLISECOND  # the loop's clock and the wall's are two


async def test_an_instant_that_has_passed_is_called_at_once() -> None:
    rung = asyncio.Event()
    SystemClock().call_at(0, rung.set)
    await rung.wait()


async def test_a_cancelled_call_is_not_made() -> None:
    clock, calls, rung = SystemClock(), [], asyncio.Event()
    clock.call_at(0, lambda: calls.append("cancelled")).cancel()
    clock.call_at(0, rung.set)
    await rung.wait()
    assert calls == []


def test_a_long_timer_looks_at_the_wall_now_and_then() -> None:
    clock, rung = ManualClock(0), []
    LongTimer(clock, 3 * LONGEST_WAIT + 5, lambda: rung.append(clock.now()))
    looks = []
    while (instant := clock.next_event()) is not None:
        looks.append(instant)
        clock.turn(instant)
    assert looks == [LONGEST_WAIT, 2 * LONGEST_WAIT, 3 * LONGEST_WAIT, 3 * LONGEST_WAIT + 5]
    assert rung == [3 * LONGEST_WAIT + 5]


def test_a_long_timer_that_finds_the_wall_past_its_instant_rings_at_once() -> None:
    """A machine that slept: the loop's timer comes up late, and the wall has gone on meanwhile."""
    clock, rung = ManualClock(0), []
    LongTimer(clock, DAY, lambda: rung.append(clock.now()))
    clock.call_at(LONGEST_WAIT, lambda: None)
    slept = ManualClock(2 * DAY)
    clock.now, clock.call_at = slept.now, slept.call_at  # type: ignore[method-assign]
    clock.turn(LONGEST_WAIT)
    assert slept.next_event() is not None
    slept.turn(2 * DAY)
    assert rung == [2 * DAY]


def test_a_cancelled_long_timer_does_not_ring() -> None:
    clock, rung = ManualClock(0), []
    timer = LongTimer(clock, 2 * LONGEST_WAIT, lambda: rung.append(1))
    clock.turn(LONGEST_WAIT)
    timer.cancel()
    while clock.next_event() is not None and clock.turn(DAY):
        pass
    assert rung == []


def test_the_manual_clock_stands_still() -> None:
    clock = ManualClock(100)
    assert [clock.now(), clock.now()] == [100, 100]
    assert clock.next_event() is None


def test_it_moves_from_event_to_event_and_then_to_the_limit() -> None:
    clock, seen = ManualClock(0), []
    for instant in (30, 10, 20):
        clock.call_at(instant, lambda: seen.append(clock.now()))
    while clock.turn(25):
        pass
    assert (seen, clock.now(), clock.next_event()) == ([10, 20], 25, 30)
    assert clock.turn(30)
    assert not clock.turn(30)
    assert (seen, clock.now()) == ([10, 20, 30], 30)


def test_what_is_due_at_one_instant_runs_in_the_order_it_was_asked_for() -> None:
    clock, seen = ManualClock(0), []
    for name in "abc":
        clock.call_at(5, lambda name=name: seen.append(name))
    assert clock.turn(5)
    assert seen == ["a", "b", "c"]


def test_a_callback_may_ask_for_more_and_the_past_is_now() -> None:
    clock, seen = ManualClock(50), []
    clock.call_at(60, lambda: clock.call_at(0, lambda: seen.append(clock.now())))
    assert clock.turn(60)
    assert clock.next_event() == 60
    assert clock.turn(60)
    assert seen == [60]


def test_a_callback_may_cancel_one_of_the_same_instant() -> None:
    clock, seen = ManualClock(0), []
    timers = [clock.call_at(5, lambda: timers[1].cancel()), clock.call_at(5, lambda: seen.append("never"))]
    assert clock.turn(5)
    assert seen == []


def test_a_cancelled_event_moves_nothing() -> None:
    clock = ManualClock(0)
    clock.call_at(5, lambda: None).cancel()
    assert clock.next_event() is None
    assert not clock.turn(9)
    assert clock.now() == 9


def test_it_never_goes_back() -> None:
    clock = ManualClock(100)
    assert not clock.turn(50)
    assert clock.now() == 100


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=20), st.integers(0, 60))
def test_every_wanted_call_is_made_once_at_its_instant(calls: list[tuple[int, bool]], limit: int) -> None:
    clock, seen = ManualClock(10), []
    for instant, wanted in calls:
        timer = clock.call_at(instant, lambda instant=instant: seen.append((max(instant, 10), clock.now())))
        if not wanted:
            timer.cancel()
    while clock.turn(limit):
        pass
    due = sorted(max(instant, 10) for instant, wanted in calls if wanted and max(instant, 10) <= limit)
    assert seen == [(instant, instant) for instant in due]
    assert clock.now() == max(10, limit)


def test_the_time_since_the_start_of_the_machine_only_rises() -> None:
    clock = SystemClock()
    before = clock.boot()
    assert 0 < before <= clock.boot()


def test_by_hand_the_time_since_the_start_rises_with_the_other() -> None:
    clock = ManualClock(7)
    before = clock.boot()
    clock.turn(12)
    assert clock.boot() - before == 5
