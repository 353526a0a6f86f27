"""Instants as Cloud Tasks writes them in one of its sentences: RFC 3339 in US Pacific time. Knows nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from kumotasks.domain.clock import SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STANDARD = timedelta(hours=-8)


def pacific_time(instant: int) -> str:
    """2099-12-31T16:00:00-08:00; beyond the calendar the last instant it can write."""
    moment = datetime.max.replace(tzinfo=UTC) if instant > _LAST else _EPOCH + timedelta(microseconds=instant)
    try:
        local = moment.astimezone(ZoneInfo("America/Los_Angeles"))
    except (ZoneInfoNotFoundError, OverflowError):
        return (moment + _STANDARD).replace(tzinfo=None).isoformat(timespec="seconds") + "-08:00"
    return local.isoformat(timespec="seconds")


_LAST = int((datetime.max.replace(tzinfo=UTC) - _EPOCH).total_seconds()) * SECOND
