"""What became of work that was given to a queue: a closed union, and the two ways in which there is no answer.

`way` is a word for logs and for answers to a browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Generic, TypeAlias, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Scheduled:
    """The queue has the task: its full name, and when it is due."""

    way: ClassVar[str] = "scheduled"
    name: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RanNow(Generic[R]):
    """The work was done before the call returned; `result` is what it returned, `why` why no queue did it."""

    way: ClassVar[str] = "ran now"
    result: R
    why: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """The queue has, or had a short while ago, a task of the name that the caller chose: there is nothing to do."""

    way: ClassVar[str] = "dropped"
    why: str


@dataclass(frozen=True, slots=True)
class InBackground:
    """The work goes on in this process, and is lost with it."""

    way: ClassVar[str] = "in background"
    why: str


Outcome: TypeAlias = Scheduled | RanNow[R] | Dropped | InBackground


class NotScheduled(Exception):
    """There is no task, and nothing was to be done instead (Fallback.NONE)."""


class Uncertain(Exception):
    """Nobody knows whether the task `name` exists: it was sent, and no answer came. Doing its work now might do it
    twice; enqueueing it again under the same name cannot."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{name} may exist: {why}")
        self.name = name
        self.why = why
