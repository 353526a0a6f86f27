"""Records that are kept for a while: now and then the oldest are forgotten. What they hold is their keeper's."""

from __future__ import annotations

from kumotasks.domain.clock import Clock
from kumotasks.storage.records import Records

_SHARE = 2  # as many as were added, and as many again: what has gathered is worked off


class Retention:
    """Of the records of one kind, those that were not touched for `kept` microseconds go; looked at once in `every`."""

    def __init__(self, records: Records, clock: Clock, kind: str, *, kept: int, every: int) -> None:
        self._records = records
        self._clock = clock
        self._kind = kind
        self._kept = kept
        self._every = every
        self._since = every  # what the last process left is looked at with the first

    async def added(self) -> None:
        """One more of them was put."""
        self._since += 1
        if self._since < self._every:
            return
        self._since = 0
        before = self._clock.now() - self._kept
        await self._records.forget_records(self._kind, before=before, limit=_SHARE * self._every)
