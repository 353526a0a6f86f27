"""Attempts on a queue's tasks that other nodes still carry on, since the queue was theirs: each a slot in use, and a
task to be left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable


class Elsewhere:
    """Attempt id -> serial of its task; a task may have several."""

    def __init__(self, attempts: Iterable[tuple[str, int]] = ()) -> None:
        self._attempts = dict(attempts)
        self.serials = Counter(self._attempts.values())

    def __len__(self) -> int:
        return len(self._attempts)

    @property
    def attempts(self) -> Collection[str]:
        return self._attempts.keys()

    def close(self, attempt: str) -> int | None:
        """It is over; the serial of its task, None if it was not known."""
        serial = self._attempts.pop(attempt, None)
        if serial is None:
            return None
        self.serials[serial] -= 1
        if not self.serials[serial]:
            del self.serials[serial]
        return serial
