"""What waits for the writer, and what it comes to: the work, and who waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from kumotasks.domain.task import Task
from kumotasks.domain.value import value
from kumotasks.storage.operation import Begin, Done
from kumotasks.storage.rows import pack_definition
from kumotasks.storage.rumour import Rumour
from kumotasks.storage.store import RunRequested, Settlement, TaskAdded, TaskDeleted, Waiter, Wake


@value
class Adding:
    """Tasks of one queue, with their definitions packed already; `size` is the bytes of those."""

    waiter: Waiter
    tasks: Sequence[Task]
    definitions: Sequence[bytes]
    size: int


def adding(waiter: Waiter, tasks: Sequence[Task]) -> Adding:
    """The job of adding `tasks`, of which there is one at least."""
    if len(tasks) == 1:  # nearly always, and on the hot path
        definition = pack_definition(tasks[0])
        return Adding(waiter, tasks, (definition,), len(definition))
    definitions = [pack_definition(task) for task in tasks]
    return Adding(waiter, tasks, definitions, sum(map(len, definitions)))


@value
class Settling:
    waiter: Waiter
    settlement: Settlement
    size: ClassVar[int] = 0


@dataclass(slots=True, eq=False)
class Operating:
    """Any other operation. `hearsay`: it looks at what another node did, who has told everybody already."""

    waiter: Waiter
    begin: Begin[object]
    hearsay: bool = False
    size: ClassVar[int] = 0


Job = Adding | Settling | Operating


@dataclass(slots=True)
class Outcome:
    """What a transaction came to: wakes in their order, and each waiter's own answer or refusal.

    `changes` are those of the wakes that tell of queues.
    """

    wakes: list[Wake] = field(default_factory=list)
    changes: list[Wake] = field(default_factory=list)
    rumours: list[Rumour] = field(default_factory=list)
    answers: list[tuple[Waiter, object]] = field(default_factory=list)
    refusals: list[tuple[Waiter, Exception]] = field(default_factory=list)

    def note(self, waiter: Waiter, done: Done[object]) -> None:
        """An operation was done."""
        self.changes += [wake for wake in done.wakes if not isinstance(wake, TaskAdded | TaskDeleted | RunRequested)]
        self.wakes += done.wakes
        self.rumours += done.rumours
        self.answers.append((waiter, done.value))

    def hand_out(self) -> None:
        """Answer everybody who still waits; on the event loop."""
        for waiter, answer in self.answers:
            try:
                if not waiter.done():
                    waiter.set_result(answer)
            except Exception as fault:  # noqa: BLE001 - it is that waiter's; the others have their answers all the same
                _report(fault)
        for waiter, refusal in self.refusals:
            try:
                if not waiter.done():
                    waiter.set_exception(refusal)
            except Exception as fault:  # noqa: BLE001 - as above
                _report(fault)


def _report(fault: Exception) -> None:
    told = {"message": "a result of the store could not be taken in", "exception": fault}
    asyncio.get_running_loop().call_exception_handler(told)
