"""What a task says of itself in the headers of its request, as values.

Anybody who reaches a worker can write these headers: what makes them worth believing is that only a queue may call it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Headers: TypeAlias = "Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]"

PREFIXES = ("x-cloudtasks-", "x-appengine-")  # of HTTP targets, of App Engine's
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class NotATask(ValueError):
    """The request has no task's headers, or some that no queue writes."""


@dataclass(frozen=True, slots=True)
class TaskRequest:
    """One attempt of a task.

    `retry_count` is how often it was sent before; `execution_count` how often a worker answered it, failures of the
    worker itself not counted. `previous_response` is the HTTP status of the last attempt, None before there was one.
    """

    queue_name: str
    task_name: str
    retry_count: int
    execution_count: int
    eta: datetime
    previous_response: int | None = None
    retry_reason: str = ""

    @classmethod
    def from_headers(cls, headers: Headers) -> TaskRequest:
        """The task of a request, from any framework's headers: a mapping, or pairs of text or bytes. NotATask."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        fields = {_text(name).lower(): _text(value) for name, value in pairs}
        prefix = next((each for each in PREFIXES if f"{each}queuename" in fields), "")
        if not prefix:
            raise NotATask("the request has no header X-CloudTasks-QueueName")
        try:
            return _read({name.removeprefix(prefix): value for name, value in fields.items()})
        except (KeyError, ValueError, OverflowError) as error:
            raise NotATask(f"a header of the task is missing or malformed: {error}") from error

    @classmethod
    def from_environ(cls, environ: Mapping[str, object]) -> TaskRequest:
        """The task of a WSGI request. NotATask."""
        pairs = ((name[5:].replace("_", "-"), str(value)) for name, value in environ.items() if name[:5] == "HTTP_")
        return cls.from_headers(dict(pairs))


def _read(fields: Mapping[str, str]) -> TaskRequest:
    previous = fields.get("taskpreviousresponse", "")
    return TaskRequest(
        queue_name=fields["queuename"],
        task_name=fields["taskname"],
        retry_count=_count(fields["taskretrycount"]),
        execution_count=_count(fields["taskexecutioncount"]),
        eta=_instant(fields["tasketa"]),
        previous_response=_count(previous) if previous else None,
        retry_reason=fields.get("taskretryreason", ""),
    )


def _count(written: str) -> int:
    if not (written.isascii() and written.isdecimal()):
        raise ValueError(f"{written!r} is no number")
    return int(written)


def _instant(written: str) -> datetime:
    """Seconds since 1970, with up to six digits behind the point; a float would lose the last."""
    seconds, _, fraction = written.partition(".")
    micros = _count(f"{fraction[:6]:0<6}")
    return _EPOCH + timedelta(seconds=_count(seconds), microseconds=micros)


def _text(written: str | bytes) -> str:
    return written.decode("latin-1") if isinstance(written, bytes) else written
