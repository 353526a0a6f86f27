"""Which unnamed tasks ended a while ago, so that asking for one is answered "no longer exists". Memory only, bounded.

Named tasks need no place here: their name rests in the store.
"""

from __future__ import annotations

LIMIT = 10_000


class Ended:
    """Remembers at least the last `limit` tasks, and at most twice as many: a full half pushes the older half out."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._young: set[tuple[int, str]] = set()
        self._old: set[tuple[int, str]] = set()

    def remember(self, number: int, task: str) -> None:
        """The task of the queue `number` has ended."""
        self._young.add((number, task))
        if len(self._young) >= self._limit:
            self._old, self._young = self._young, set()

    def remembers(self, number: int, task: str) -> bool:
        key = (number, task)
        return key in self._young or key in self._old
