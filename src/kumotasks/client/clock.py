"""The only reading of time in client/, which imports nothing of ours: how long a list of keys was kept, when a task
is due."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> float:
    """Seconds that only ever grow."""
    return time.monotonic()


def instant() -> datetime:
    """The wall's time, in UTC."""
    return datetime.now(UTC)
