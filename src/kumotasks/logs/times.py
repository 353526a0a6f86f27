"""Instants and durations as protobuf's JSON form writes them, from and to microseconds. Knows nothing of entries."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from kumotasks.domain.clock import SECOND
from kumotasks.logs.values import instant_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)
_NANOSECONDS = 1_000


def rfc3339(instant: int) -> str:
    """2021-07-31T11:45:59.060021Z, with 0, 3 or 6 digits behind the point; beyond the calendar its last instant."""
    second, fraction = divmod(min(instant, _LAST), SECOND)
    return f"{_calendar(second)}{_decimals(fraction)}Z"


@lru_cache(maxsize=256)  # what happens together is written together
def _calendar(second: int) -> str:
    return (_EPOCH + timedelta(seconds=second)).isoformat()[:-6]


def from_rfc3339(text: str) -> int:
    """The instant that `text` writes, cut to microseconds. ValueError."""
    nanoseconds = instant_of(text)
    if nanoseconds is None:
        raise ValueError(f"{text} is no RFC 3339 time")
    return nanoseconds // _NANOSECONDS


def seconds_text(duration: int) -> str:
    """`10s`, `0.100s`, `0.001250s`."""
    whole, fraction = divmod(duration, SECOND)
    return f"{whole}{_decimals(fraction)}s"


def _decimals(microseconds: int) -> str:
    if microseconds % 1_000:
        return f".{microseconds:06d}"
    return f".{microseconds // 1_000:03d}" if microseconds else ""
