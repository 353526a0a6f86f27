"""The messages of our own surface as JSON carries them. Shapes only; what they mean is said by their use cases.

Names are lowerCamel on the wire; a field that has its default is left out of an answer. `project`, `location`, `queue`,
`task` and `letter` come from the path. Tasks look as they do in google.cloud.tasks.v2.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kumotasks.api.jsonprint import Printers
from kumotasks.api.pages import stamp
from kumotasks.api.tasks import messages
from kumotasks.api.tasks.convert_task import task_message
from kumotasks.domain.clock import SECOND
from kumotasks.domain.history import AttemptRecord
from kumotasks.domain.task import Task
from kumotasks.service.dead_letters import letter_ident
from kumotasks.storage.history import DeadLetter, Past

FULL = "FULL"
_show_task = Printers(enum_ints=False).of(messages.Task.DESCRIPTOR)


class Asked(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """What every request is: a field that it does not have is refused."""

    project: str
    location: str
    queue: str

    @property
    def parent(self) -> str:
        return f"projects/{self.project}/locations/{self.location}/queues/{self.queue}"


class Shown(msgspec.Struct, rename="camel", omit_defaults=True):
    """What every answer is."""


class Nothing(Shown):
    """google.protobuf.Empty"""


class ListAttempts(Asked):
    task: str
    page_size: int = 0
    page_token: str = ""


class ListLetters(Asked):
    filter: str = ""
    page_size: int = 0
    page_token: str = ""
    response_view: str = ""


class GetLetter(Asked):
    letter: str
    response_view: str = ""


class OneLetter(Asked):
    """A call on a dead letter that says nothing more."""

    letter: str


class ManyLetters(Asked):
    """A call on the dead letters that the filter names: all, if there is none."""

    filter: str = ""


class Status(Shown):
    """google.rpc.Status"""

    code: int = 0
    message: str = ""


class Attempt(Shown):
    """An attempt that has ended. `http_status` is absent where nothing answered; `next_schedule_time` where no other
    attempt was due after it, and `reason` says why, or why it was due then."""

    number: int
    task_create_time: str = ""
    schedule_time: str = ""
    dispatch_time: str = ""
    end_time: str = ""
    duration: str = ""
    http_status: int | None = None
    response_status: Status = msgspec.field(default_factory=Status)
    response_excerpt: str = ""
    next_schedule_time: str = ""
    reason: str = ""


class AttemptList(Shown):
    attempts: list[Attempt] = []
    next_page_token: str = ""


class Letter(Shown):
    """A task that ran out of attempts, as the last one left it."""

    name: str
    task: dict[str, Any]
    death_time: str
    last_attempt: Attempt


class LetterList(Shown):
    dead_letters: list[Letter] = []
    next_page_token: str = ""


class Redriven(Shown):
    """`tasks_redriven` is of a call on many, `task` of a call on one."""

    task: dict[str, Any] = {}
    tasks_redriven: int | None = None


class Purged(Shown):
    dead_letters_purged: int | None = None


def attempt_message(record: AttemptRecord, serial: int) -> Attempt:
    """`serial` is the microsecond of the task's creation."""
    return Attempt(
        number=record.number,
        task_create_time=stamp(serial),
        schedule_time=stamp(record.due),
        dispatch_time=stamp(record.sent),
        end_time=stamp(record.ended),
        duration=_duration(record.ended - record.sent),
        http_status=record.status,
        response_status=Status(record.code, record.message),
        response_excerpt=record.excerpt.decode(errors="replace"),
        next_schedule_time="" if record.next_at is None else stamp(record.next_at),
        reason=record.reason,
    )


def past_message(past: Past) -> Attempt:
    return attempt_message(past.record, past.serial)


def letter_message(letter: DeadLetter, *, full: bool) -> Letter:
    task = letter.task
    return Letter(
        name=f"{task.name.queue.text}/deadLetters/{letter_ident(letter.key)}",
        task=shown_task(task, full=full),
        death_time=stamp(letter.last.ended),
        last_attempt=attempt_message(letter.last, task.serial),
    )


def shown_task(task: Task, *, full: bool = False) -> dict[str, Any]:
    """The task as v2's JSON has it."""
    shown: dict[str, Any] = _show_task(task_message(task, full=full))
    return shown


def _duration(microseconds: int) -> str:
    """As protobuf's JSON has it; a clock that was set back gives no negative one."""
    seconds, fraction = divmod(max(0, microseconds), SECOND)
    return f"{seconds}.{fraction:06d}".removesuffix("000").removesuffix(".000") + "s"
