"""How overload slows a queue down, in numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.dispatch.throttle import FLOOR, Throttle, overloaded
from kumotasks.domain.attempt import Answered, Barred, Outcome, TimedOut, Unreachable
from kumotasks.domain.clock import SECOND
from kumotasks.domain.target import Target
from tests.domain.factory import APP_ENGINE, HTTP, NOW

LIMIT = 100.0


def record(throttle: Throttle, *, ended: int, bad: int, now: int = NOW, limit: float = LIMIT) -> None:
    """So many attempts ended at `now`, the overloaded ones last."""
    for number in range(ended):
        throttle.record(now, bad=number >= ended - bad, limit=limit)


@pytest.mark.parametrize(
    ("outcome", "http", "app_engine"),
    [
        (Answered(429), True, False),
        (Answered(503), True, True),
        (Answered(500), False, False),
        (Answered(200), False, False),
        (TimedOut(), False, False),
        (Unreachable("refused"), False, False),
        (Barred("metadata"), False, False),
    ],
)
def test_overload_is_429_and_503_and_for_app_engine_503_only(outcome: Outcome, http: bool, app_engine: bool) -> None:
    def said(target: Target) -> bool:
        return overloaded(target, outcome)

    assert (said(HTTP), said(APP_ENGINE)) == (http, app_engine)


def test_a_queue_starts_at_its_limit() -> None:
    throttle = Throttle()
    assert throttle.effective is None
    assert throttle.rate(LIMIT) == LIMIT
    record(throttle, ended=1_000, bad=0)
    assert throttle.rate(LIMIT) == LIMIT


@pytest.mark.parametrize(
    ("ended", "bad", "rate"),
    [(9, 9, 100.0), (10, 1, 100.0), (10, 2, 50.0), (100, 10, 100.0), (100, 11, 50.0), (1_000, 1_000, 50.0)],
)
def test_more_than_a_tenth_of_at_least_ten_halves_the_rate(ended: int, bad: int, rate: float) -> None:
    throttle = Throttle()
    record(throttle, ended=ended, bad=bad)
    assert throttle.rate(LIMIT) == rate


def test_the_rate_halves_once_a_second_at_most() -> None:
    throttle = Throttle()
    record(throttle, ended=20, bad=20)
    record(throttle, ended=20, bad=20, now=NOW + SECOND - 1)
    assert throttle.rate(LIMIT) == 50.0
    record(throttle, ended=1, bad=1, now=NOW + SECOND)
    assert throttle.rate(LIMIT) == 25.0


def test_only_the_last_ten_seconds_count() -> None:
    throttle = Throttle()
    record(throttle, ended=9, bad=9)
    record(throttle, ended=1, bad=1, now=NOW + 10 * SECOND)
    assert throttle.rate(LIMIT) == LIMIT
    record(throttle, ended=9, bad=9, now=NOW + 19 * SECOND)
    assert throttle.rate(LIMIT) == 50.0


def test_the_rate_never_falls_below_a_tenth_a_second() -> None:
    throttle = Throttle()
    for second in range(100):
        record(throttle, ended=20, bad=20, now=NOW + second * SECOND)
    assert throttle.rate(LIMIT) == FLOOR == 0.1


def test_the_same_overload_counts_for_as_long_as_it_is_looked_back_on() -> None:
    throttle = Throttle()
    record(throttle, ended=20, bad=20, limit=1_024)
    rates = [throttle.rate(1_024)]
    for second in range(1, 12):
        throttle.judge(NOW + second * SECOND, 1_024)
        rates.append(throttle.rate(1_024))
    assert rates == pytest.approx([512, 256, 128, 64, 32, 16, 8, 4, 2, 1, 1.1, 1.21])


def test_without_overload_the_rate_grows_by_a_tenth_a_second_up_to_the_limit() -> None:
    throttle = Throttle(effective=1.0, judged=NOW)
    throttle.judge(NOW + SECOND - 1, 2.0)
    assert throttle.rate(2.0) == 1.0
    throttle.judge(NOW + SECOND, 2.0)
    assert throttle.rate(2.0) == pytest.approx(1.1)
    throttle.judge(NOW + 5 * SECOND, 2.0)
    assert throttle.rate(2.0) == pytest.approx(1.1**5)
    throttle.judge(NOW + 8 * SECOND, 2.0)
    assert throttle.rate(2.0) == 2.0
    assert throttle.effective is None


def test_a_long_silence_is_time_to_recover() -> None:
    throttle = Throttle(effective=FLOOR, judged=NOW)
    assert throttle.record(NOW + 90 * SECOND, bad=False, limit=LIMIT)
    assert throttle.rate(LIMIT) == LIMIT


def test_a_change_is_told_once() -> None:
    throttle = Throttle()
    told = [throttle.record(NOW, bad=True, limit=LIMIT) for _ in range(12)]
    assert told == [False] * 9 + [True, False, False]


def test_good_answers_to_a_queue_at_its_limit_are_only_counted() -> None:
    throttle = Throttle()
    assert not any(throttle.record(NOW + second * SECOND, bad=False, limit=LIMIT) for second in range(20))
    assert throttle.judged == 0


def test_a_healthy_queue_remembers_no_more_than_it_looks_back_on() -> None:
    throttle = Throttle()
    for second in range(1_000):
        throttle.record(NOW + second * SECOND, bad=False, limit=LIMIT)
    assert len(throttle._seconds) <= 11


def test_a_clock_that_is_set_back_holds_up_no_judgement() -> None:
    throttle = Throttle()
    record(throttle, ended=20, bad=20)
    hour_ago = NOW - 3_600 * SECOND
    record(throttle, ended=20, bad=20, now=hour_ago)
    assert throttle.rate(LIMIT) == pytest.approx(55.0)  # the first of them alone is no reason to slow down
    record(throttle, ended=1, bad=1, now=hour_ago + SECOND)
    assert throttle.rate(LIMIT) == pytest.approx(27.5)


def test_a_limit_that_was_lowered_holds_at_once() -> None:
    throttle = Throttle()
    record(throttle, ended=20, bad=20)
    assert throttle.rate(10.0) == 10.0
    record(throttle, ended=1, bad=1, now=NOW + SECOND, limit=10.0)
    assert throttle.rate(10.0) == 5.0


@given(st.lists(st.tuples(st.integers(0, 30), st.booleans(), st.sampled_from([0.1, 1.0, 500.0])), max_size=300))
def test_the_rate_stays_between_floor_and_limit(history: list[tuple[int, bool, float]]) -> None:
    throttle, now = Throttle(), NOW
    for step, bad, limit in history:
        now += step * SECOND // 10
        before = throttle.rate(limit)
        changed = throttle.record(now, bad=bad, limit=limit)
        assert min(FLOOR, limit) <= throttle.rate(limit) <= limit
        assert changed or throttle.rate(limit) == before
