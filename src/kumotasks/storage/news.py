"""What other processes do to the records: heard soon after the commit, by a look each second at the latest.

Whoever keeps records in memory asks `current` before he answers from it: a node that could not look for FRESH does not
know what holds, and has to `confirm` first. What the records mean is unknown here, and so are keys and callers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

from kumotasks.domain.clock import HOUR, MINUTE, SECOND, Enduring
from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.records import Touched

FRESH = 5 * SECOND
KEPT = 1 * HOUR  # what was touched is told for so long
_LOST = KEPT - 10 * MINUTE  # since the last look: some of it may have been forgotten
_LOOK = 1.0  # seconds between two looks, if nothing is overheard
_FORGET = 10 * MINUTE  # between two times of forgetting
_AT_ONCE = 1_000

ANY = ""  # a key: any record of the kind may have changed
Hear = Callable[[str], None]


class News(Protocol):
    """What others do to the records."""

    def watch(self, kind: str, hear: Hear) -> None:
        """Hand `hear` the key of each record of a kind that was put or deleted, once it was; ANY where it is not known
        which. One's own changes come as well, and what comes may be known already."""

    def current(self) -> bool:
        """Whether everything that was committed FRESH ago has been told."""

    async def confirm(self) -> None:
        """Everything that was committed before this call has been told. StorageUnavailable."""


class NoNews:
    """Of records that nobody else writes."""

    def watch(self, kind: str, hear: Hear) -> None:
        """There will be none."""

    def current(self) -> bool:
        return True

    async def confirm(self) -> None:
        """There is none."""


NO_NEWS = NoNews()


class SharedRecords(Protocol):
    """Records that say what was touched (`sqlrecords`)."""

    def overhear(self, listener: Callable[[], None]) -> None: ...
    async def touched(self, since: int | None) -> Touched: ...
    async def forget_touched(self, *, older: int, limit: int) -> int: ...


class Follower:
    """Component: the news of records that other nodes write too. It may be asked before it has started."""

    def __init__(self, records: SharedRecords, clock: Enduring) -> None:
        self._records = records
        self._clock = clock
        self._hearers: dict[str, list[Hear]] = {}
        self._horizon: int | None = None
        self._told: frozenset[int] = frozenset()  # places at or behind the horizon
        self._confirmed: int | None = None  # when the last look that succeeded was begun
        self._forgot = clock.boot()
        self._begun = self._succeeded = 0  # looks, counted
        self._turn = asyncio.Lock()
        self._stirred = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        records.overhear(self._stirred.set)

    async def start(self) -> None:
        """StorageUnavailable."""
        await self.confirm()
        self._following = asyncio.get_running_loop().create_task(self._follow())

    async def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    def watch(self, kind: str, hear: Hear) -> None:
        self._hearers.setdefault(kind, []).append(hear)

    def current(self) -> bool:
        return self._confirmed is not None and 0 <= self._clock.boot() - self._confirmed < FRESH

    async def confirm(self) -> None:
        begun = self._begun
        async with self._turn:
            if self._succeeded <= begun:  # else somebody who waited as well has looked
                await self._look()

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._stirred.wait()
            self._stirred.clear()
            with contextlib.suppress(StorageUnavailable):  # who needs to know meanwhile is told so by `confirm`
                await self.confirm()
                await self._forget()

    async def _look(self) -> None:
        self._begun += 1
        begun, now = self._begun, self._clock.boot()
        touched = await self._records.touched(self._horizon)
        lost = self._confirmed is not None and not 0 <= now - self._confirmed < _LOST
        self._horizon, self._confirmed, self._succeeded = touched.horizon, now, begun
        told, self._told = self._told, frozenset(place for place, _, _ in touched.records)
        if lost:
            self._tell_all()
        for kind, key in dict.fromkeys((kind, key) for place, kind, key in touched.records if place not in told):
            for hear in self._hearers.get(kind, ()):
                hear(key)

    def _tell_all(self) -> None:
        for hearers in self._hearers.values():
            for hear in hearers:
                hear(ANY)

    async def _forget(self) -> None:
        now = self._clock.boot()
        if 0 <= now - self._forgot < _FORGET:
            return
        self._forgot = now
        while await self._records.forget_touched(older=KEPT, limit=_AT_ONCE) == _AT_ONCE:
            pass
