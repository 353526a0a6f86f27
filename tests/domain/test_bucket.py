"""The token bucket: never more than burst + rate·t in any window, never starved, over restarts and clocks set back."""

import itertools
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.bucket import Bucket, empty, full
from tests.domain.factory import NOW, SECOND

# Rounding may cost or give a billionth of a token; over the takes of a test that stays far below this.
_DUST = 1e-6


@pytest.mark.parametrize(
    ("rate", "elapsed", "tokens"),
    [
        (1, 0, 0),
        (1, SECOND - 1, 0),
        (1, SECOND, 1),
        (500, SECOND, 10),
        (500, 2_000, 1),
        (500, 1_999, 0),
        (0.1, 10 * SECOND, 1),
        (0.1, 10 * SECOND - 1, 0),
        (1 / 3, 3 * SECOND, 1),
        (0.001, 1_000 * SECOND, 1),
        (0, 10**15, 0),
    ],
)
def test_tokens_accrue_at_the_rate_up_to_the_burst(rate: float, elapsed: int, tokens: int) -> None:
    assert empty(rate, 10, NOW).whole_tokens(NOW + elapsed) == tokens


def test_a_new_queue_may_burst_at_once_and_then_waits() -> None:
    bucket = full(500, 100, NOW)
    assert bucket.whole_tokens(NOW) == 100
    assert bucket.take(NOW, 100).whole_tokens(NOW) == 0
    assert bucket.take(NOW, 100).next_token(NOW) == NOW + 2_000
    assert bucket.next_token(NOW) == NOW


def test_after_a_crash_it_starts_from_nothing() -> None:
    assert empty(500, 100, NOW).whole_tokens(NOW) == 0


def test_a_long_rest_fills_it_once() -> None:
    assert empty(500, 100, NOW).whole_tokens(NOW + 10**15) == 100


@pytest.mark.parametrize(("rate", "interval"), [(0.1, 10 * SECOND), (3, 333_334), (7, 142_858), (500, 2_000)])
def test_at_its_rate_it_gives_a_token_an_interval(rate: float, interval: int) -> None:
    bucket, now, gaps = empty(rate, 10, NOW), NOW, []
    for _ in range(200):
        following = bucket.next_token(now)
        gaps.append(following - now)
        bucket, now = bucket.take(following), following
    assert max(gaps) <= interval
    assert 200 / rate <= (now - NOW) / SECOND <= 200 / rate + 200 / SECOND


def test_an_update_keeps_the_tokens_that_fit() -> None:
    bucket = full(500, 100, NOW)
    assert bucket.reshape(NOW, rate=5, burst=10) == Bucket(5, 10, 10, NOW)
    assert bucket.take(NOW, 97).reshape(NOW, rate=5, burst=10) == Bucket(5, 10, 3, NOW)
    later = empty(500, 100, NOW).reshape(NOW + SECOND // 10, rate=1, burst=100)
    assert later == Bucket(1, 100, 50, NOW + SECOND // 10)


def test_a_rate_of_nothing_never_gives_one_and_is_looked_at_again() -> None:
    bucket = empty(0, 10, NOW)
    assert bucket.next_token(NOW) > NOW + 365 * 86_400 * SECOND
    assert bucket.whole_tokens(bucket.next_token(NOW)) == 0


_RATES = st.floats(0.001, 500, allow_nan=False) | st.sampled_from([0.1, 1 / 3, 0.7, 1, 3, 7, 50, 333.3, 500])
_BURSTS = st.integers(1, 100)
_LEVELS = st.floats(0, 1)


@dataclass
class _Taken:
    """What was taken, and when."""

    at: list[tuple[int, int]] = field(default_factory=list)

    def check(self, rate: float, burst: float) -> None:
        """No window, from any take to any later one, holds more than burst + rate·t."""
        for first, last in itertools.combinations_with_replacement(range(len(self.at)), 2):
            count = sum(tokens for _, tokens in self.at[first : last + 1])
            span = (self.at[last][0] - self.at[first][0]) / SECOND
            assert count <= burst + rate * span + _DUST


_STEPS = st.lists(
    st.tuples(st.sampled_from(["wait", "take", "next", "save", "crash", "reshape"]), st.integers(0, 20 * SECOND)),
    min_size=1,
    max_size=25,
)


@given(_RATES, _BURSTS, _STEPS)
def test_no_window_holds_more_than_burst_and_rate_allow(rate: float, burst: int, steps: list[tuple[str, int]]) -> None:
    """Whatever is done in between: waits, greedy takes, hand-overs, crashes, updates that change nothing."""
    bucket, now, taken = full(rate, burst, NOW), NOW, _Taken()
    for step, amount in steps:
        match step:
            case "wait":
                now += amount
            case "next":
                now = min(bucket.next_token(now), now + 10_000 * SECOND)
            case "save":
                bucket = Bucket(bucket.rate, bucket.burst, bucket.level, bucket.at)
            case "crash":
                bucket = empty(rate, burst, now)
            case "reshape":
                bucket = bucket.reshape(now, rate=rate, burst=burst)
            case _:
                tokens = bucket.whole_tokens(now)
                bucket = bucket.take(now, tokens)
                taken.at.append((now, tokens))
    taken.check(rate, burst)


@given(_RATES, _BURSTS, _LEVELS, st.integers(0, 10**9))
def test_it_never_starves(rate: float, burst: int, level: float, elapsed: int) -> None:
    """At the instant it names there is a token; two microseconds before (one is rounding's) there was none."""
    bucket, now = Bucket(rate, burst, level * burst, NOW), NOW + elapsed
    following = bucket.next_token(now)
    assert following >= now
    assert bucket.whole_tokens(following) >= 1
    if following - 2 >= now:
        assert bucket.level_at(following - 2) < 1


@given(_RATES, _BURSTS, _LEVELS, st.integers(0, 10**9), st.integers(0, 10**9))
def test_taking_later_never_leaves_less(rate: float, burst: int, level: float, soon: int, later: int) -> None:
    bucket = Bucket(rate, burst, level * burst, NOW)
    assert 0 <= bucket.level_at(NOW + soon) <= bucket.level_at(NOW + soon + later) <= burst


@given(_RATES, _BURSTS, st.integers(1, 86_400 * SECOND))
def test_a_clock_set_back_gives_no_tokens(rate: float, burst: int, back: int) -> None:
    spent = full(rate, burst, NOW).take(NOW, burst)
    assert spent.whole_tokens(NOW - back) == 0
    assert spent.reshape(NOW - back, rate=rate, burst=burst).whole_tokens(NOW - back) == 0


@given(_RATES, _BURSTS, st.integers(1, 86_400 * SECOND))
def test_a_clock_set_back_between_two_takes_does_not_starve(rate: float, burst: int, back: int) -> None:
    bucket = full(rate, burst + 1, NOW).take(NOW, burst).take(NOW - back)
    following = bucket.next_token(NOW - back)
    assert bucket.whole_tokens(following) == 1


def test_an_empty_bucket_is_not_starved_by_a_clock_set_back() -> None:
    back = NOW - 3_600 * SECOND
    spent = full(1, 1, NOW).take(NOW).seen(back)
    following = spent.next_token(back)
    assert following == back + SECOND
    assert spent.whole_tokens(following) == 1
