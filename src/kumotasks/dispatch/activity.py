"""What happens to tasks, told to the activity log: of each operation the fraction that its queue asks for.

Creations and deletions are told by the node that took the call, wherever the queue is at home; they are heard from the
store. Attempts come from the delivery. How entries read is the log's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from typing import Protocol

from kumotasks.dispatch.home import Homes
from kumotasks.domain.attempt import Outcome
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import KumoError
from kumotasks.domain.queue import Queue
from kumotasks.domain.task import Task, expires_at
from kumotasks.logs import activity as wording
from kumotasks.logs.entry import InsertIds, LogEntry
from kumotasks.storage.store import Store, TaskAdded, TaskDeleted, Wake

Told = TaskAdded | TaskDeleted
_TOLD = (TaskAdded, TaskDeleted)  # a tuple, for this is asked of every wake


class Log(Protocol):
    """Takes entries, and makes nobody wait."""

    @property
    def ids(self) -> InsertIds: ...
    def write(self, entries: Sequence[LogEntry]) -> None: ...


class Activity:
    """Component: it starts behind the scheduler, whose lanes know each queue's fraction."""

    def __init__(
        self, *, store: Store, homes: Homes, log: Log, clock: Clock, chance: Callable[[], float] = random.random
    ) -> None:
        self._store = store
        self._homes = homes
        self._log = log
        self._clock = clock
        self._chance = chance
        self._asking: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._store.listen(self._on_wakes)

    async def stop(self) -> None:
        """The store tells nothing any more once it has stopped."""
        await asyncio.gather(*self._asking, return_exceptions=True)

    def dispatched(self, queue: Queue, task: Task, now: int, *, asked_for: bool) -> None:
        """An attempt on `task`, which has it counted, begins."""
        if self._wanted(queue):
            entry = wording.dispatch(queue, task, asked_for=asked_for, at=now, insert_id=self._log.ids.next(now))
            self._log.write((entry,))

    def ended(self, queue: Queue, task: Task, outcome: Outcome, now: int, *, retry_at: int | None) -> None:
        """The attempt that `task` was dispatched for has ended; it is sent again at `retry_at`, if at all."""
        if self._wanted(queue):
            insert_id = self._log.ids.next(now)
            self._log.write((wording.response(queue, task, outcome, retry_at=retry_at, at=now, insert_id=insert_id),))

    def _on_wakes(self, wakes: Sequence[Wake]) -> None:
        berths = self._homes.berths
        entries: list[LogEntry] = []
        strange: list[Told] = []
        for wake in wakes:
            if isinstance(wake, _TOLD):
                berth = berths.get(wake.number)
                if berth is None:
                    strange.append(wake)
                elif berth.lane.queue.stackdriver_logging_config is not None:
                    self._hear(berth.lane.queue, wake, self._clock.now(), entries)
        if entries:
            self._log.write(entries)
        if strange:
            asking = asyncio.get_running_loop().create_task(self._ask(strange, self._clock.now()))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)

    async def _ask(self, wakes: Sequence[Told], now: int) -> None:
        """Of queues that are at home elsewhere, how much is told."""
        entries: list[LogEntry] = []
        for wake in wakes:
            with contextlib.suppress(KumoError):  # a queue that is gone, or cannot be asked for: nobody waits for this
                self._hear((await self._store.get_queue(wake.task.name.queue)).queue, wake, now, entries)
        if entries:
            self._log.write(entries)

    def _hear(self, queue: Queue, wake: Told, now: int, entries: list[LogEntry]) -> None:
        if not self._wanted(queue):
            return
        task = wake.task
        insert_id = self._log.ids.next(now)
        if isinstance(wake, TaskAdded):
            entries.append(wording.creation(queue, task, at=now, insert_id=insert_id))
        elif expires_at(task) > now:  # else nobody has called for it
            entries.append(wording.deletion(queue, task, at=now, insert_id=insert_id))

    def _wanted(self, queue: Queue) -> bool:
        """Each operation is drawn by itself."""
        config = queue.stackdriver_logging_config
        return config is not None and self._chance() < config.sampling_ratio
