"""Instants and durations as transforms and filters read and write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo

_STAMP = re.compile(
    r"(\d{4}-\d{2}-\d{2})([T ]\d{2}:\d{2}(?::\d{2})?(?:\.\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?", re.IGNORECASE
)
_ISO = re.compile(
    r"([+-]?)P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?", re.IGNORECASE
)
_SECONDS = re.compile(r"-?\d+(\.\d+)?s")
# A year has 365.2422 days; months have no length, and days they stay.
_UNITS = ((31_556_926, "Y"), (0, "M"), (86_400, "D"), (3_600, "H"), (60, "M"), (1, "S"))
_DAYS = 2  # where they stand among the units
_FRACTION = 6


def now() -> datetime:
    """The present, from the one place that reads time."""
    from kumotasks.domain.clock import SystemClock

    return datetime.fromtimestamp(SystemClock().now() / 1_000_000, UTC)


def instant(written: object, zone: tzinfo | None = None) -> datetime | None:
    """A time stamp; without a zone of its own it is in `zone`, or in this machine's. None if it is none."""
    found = _STAMP.fullmatch(written.strip()) if isinstance(written, str) else None
    if found is None:
        return None
    day, clock, offset = found.groups()
    whole, _, fraction = (clock or "T00:00:00")[1:].partition(".")
    try:
        read = datetime.fromisoformat(f"{day}T{whole}.{fraction[:_FRACTION]:0<6}{(offset or '').upper()}")
        return read if offset else read.replace(tzinfo=zone) if zone else read.astimezone()
    except (ValueError, OverflowError):
        return None


def relative(written: str) -> timedelta | None:
    """An ISO 8601 duration: -P2W."""
    found = _ISO.fullmatch(written)
    if found is None or not any(found.groups()[1:]):
        return None
    sign, years, months, weeks, days, hours, minutes, seconds = (each or "0" for each in found.groups())
    try:
        span = timedelta(
            days=int(years) * 365 + int(months) * 30 + int(weeks) * 7 + int(days),
            hours=int(hours),
            minutes=int(minutes),
            seconds=float(seconds),
        )
    except (ValueError, OverflowError):
        return None
    return -span if sign == "-" else span


def zone(name: str) -> tzinfo | None:
    """A zone by its name; LOCAL is this machine's. None if there is none of that name."""
    if name.upper() in ("LOCAL", ""):
        return now().astimezone().tzinfo
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


def span(value: object) -> float | None:
    """Seconds, from a number, "3600s", or since a time stamp."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and _SECONDS.fullmatch(value):
        return float(value[:-1])
    stamp = instant(value)
    return None if stamp is None else (now() - stamp).total_seconds()


def since_epoch(value: object, unit: float = 1) -> datetime | None:
    """The instant of a number, of which `unit` make a second, in this machine's zone. None if it is none."""
    if not isinstance(value, (int, float)):
        return None
    try:
        return datetime.fromtimestamp(value / unit, UTC).astimezone()
    except (ValueError, OverflowError, OSError, ZeroDivisionError):
        return None


def iso_duration(seconds: float, parts: int = 3) -> str:
    """PT1H20M: the largest unit that there is any of and those behind it, `parts` in all, the last one rounded."""
    left, minus = abs(seconds), "-" if seconds < 0 else ""
    first = next((at for at, (size, _) in enumerate(_UNITS) if size and left >= size), len(_UNITS) - 1)
    shown = _UNITS[first : first + max(parts, 1)]
    least = shown[-1][0]
    left = round(left, 3) if least <= 1 else round(left / least) * least
    date, clock = "", ""
    for at, (size, unit) in enumerate(shown, first):
        count, left = (left, 0.0) if size == 1 else divmod(left, size) if size else (0, left)
        written = f"{round(count, 3):g}{unit}" if round(count, 3) else ""
        date, clock = (date + written, clock) if at <= _DAYS else (date, clock + written)
    return f"{minus}P{date}{'T' + clock if clock else ''}" if date or clock else "P0"
