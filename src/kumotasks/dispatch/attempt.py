"""An attempt that is open, and what is counted of those that are over. What is done with either is the delivery's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from kumotasks.dispatch.home import Berth
from kumotasks.domain.deadlines import Wait
from kumotasks.domain.lane import Open
from kumotasks.domain.task import Task
from kumotasks.domain.value import entry
from kumotasks.storage.store import Settlement


@dataclass(slots=True)
class AttemptCounts:
    """What `/metrics` says of attempts: how many ended with which code, and how late they were sent in all."""

    ended: Counter[str] = field(default_factory=Counter)
    delay: int = 0  # microseconds, summed over every attempt
    sent: int = 0


@entry
class Attempt:
    """One that is open. `run`: asked for by RunTask, outside the slots. `task` is as it was sent, `before` as it was
    before that. `answered`: yet to be committed; `settling`: its result is with the store. `handed_over` is its id for
    other nodes. `token` is what the request was signed with, `wait` what it waits for. `young_since`: when it was
    sent, until it is looked at whether it is still open."""

    number: int
    berth: Berth
    opened: Open
    task: Task
    before: Task
    run: bool
    answered: bool = False
    settling: bool = False
    handed_over: str | None = None
    token: str | None = None
    wait: Wait | None = None
    young_since: int | None = None


@entry
class Settling:
    """Waits for the store in its attempt's stead, and tells `ended`; it is done once the attempt is not `open`."""

    attempt: Attempt
    settlement: Settlement
    open: dict[int, Attempt]
    ended: Callable[[Attempt, Settlement, object], None]

    def done(self) -> bool:
        return self.attempt.number not in self.open

    def set_result(self, kept: object) -> None:
        self.ended(self.attempt, self.settlement, kept)

    def set_exception(self, failure: Exception) -> None:
        self.ended(self.attempt, self.settlement, failure)
