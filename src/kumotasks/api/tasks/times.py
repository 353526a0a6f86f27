"""Timestamps and Durations of protobuf as microseconds, and back. What a caller sent is judged first."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import InvalidArgument

_TIMESTAMP_SECONDS = range(-62_135_596_800, 253_402_300_800)  # 0001-01-01 to 9999-12-31
_DURATION_SECONDS = range(-315_576_000_000, 315_576_000_001)
_NANOS = 1_000_000_000


def instant(stamp: Timestamp, field: str) -> int:
    """Microseconds since the epoch; nanoseconds are cut."""
    if stamp.seconds not in _TIMESTAMP_SECONDS or not 0 <= stamp.nanos < _NANOS:
        raise InvalidArgument(f"{field} is not a valid timestamp.")
    return stamp.seconds * SECOND + stamp.nanos // 1_000


def duration(message: Duration, field: str) -> int:
    """Microseconds; nanoseconds are cut."""
    seconds, nanos = message.seconds, message.nanos
    if seconds not in _DURATION_SECONDS or not -_NANOS < nanos < _NANOS or seconds * nanos < 0:
        raise InvalidArgument(f"{field} is not a valid duration.")
    return seconds * SECOND + abs(nanos) // 1_000 * (1 if nanos >= 0 else -1)


def set_instant(stamp: Timestamp, microseconds: int) -> None:
    stamp.seconds, rest = divmod(microseconds, SECOND)
    stamp.nanos = rest * 1_000


def set_duration(message: Duration, microseconds: int) -> None:
    message.seconds = microseconds // SECOND
    message.nanos = microseconds % SECOND * 1_000
