"""Values to and from the bytes and columns they are kept as. Pure; the only module that knows how a blob is made.

A task is two blobs: its definition, written once, and its progress, replaced with every failed attempt and absent
before the first. Dataclasses are kept by field name, so that a field added later, with a default, reads old rows; a
field is never renamed.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar, cast

import msgspec

from kumotasks.domain.bucket import Bucket
from kumotasks.domain.history import AttemptRecord
from kumotasks.domain.names import QueueName, TaskName
from kumotasks.domain.queue import Queue
from kumotasks.domain.target import AppEngineHttpRequest, HttpRequest, Target
from kumotasks.domain.task import FRESH, Progress, RetryOverride, Task
from kumotasks.storage.history import DeadLetter, Past
from kumotasks.storage.operation import Row, Value
from kumotasks.storage.records import Record
from kumotasks.storage.store import StoredQueue

# A union of dataclasses has no tag, so each kind of target has a place of its own: one is set, the other None.
_Definition = tuple[HttpRequest | None, AppEngineHttpRequest | None, int | None, RetryOverride | None]
_TaskRow = tuple[str, int, int, int, int, bytes, bytes | None]
NewTask = tuple[str, int, int, int, bytes]  # unnamed and fresh: id, serial, schedule_time, create_time, definition

_encode = msgspec.msgpack.Encoder().encode
_read_definition = msgspec.msgpack.Decoder(_Definition).decode
_read_progress = msgspec.msgpack.Decoder(Progress).decode
_read_new_tasks = msgspec.msgpack.Decoder(list[NewTask]).decode
_read_queue = msgspec.msgpack.Decoder(Queue).decode
_read_attempt = msgspec.msgpack.Decoder(AttemptRecord).decode

T = TypeVar("T")


class _QueueRow(NamedTuple):
    number: int
    generation: int
    settings: bytes


class RowDamaged(Exception):
    """A row is not what this program writes: the store was damaged, or edited."""


def columns(row: Row, shape: type[T]) -> T:
    """`row` as a tuple of the types that `shape` names; a NamedTuple costs a quarter of a bare `tuple[…]`."""
    try:
        return msgspec.convert(row, shape)
    except msgspec.ValidationError as flaw:
        raise RowDamaged(str(flaw)) from flaw


def pack_definition(task: Task) -> bytes:
    """What never changes of a task, without its name and instants."""
    target = task.target
    if isinstance(target, HttpRequest):
        return _encode((target, None, task.dispatch_deadline, task.retry_config))
    return _encode((None, target, task.dispatch_deadline, task.retry_config))


def pack_progress(progress: Progress) -> bytes | None:
    return None if progress is FRESH or progress == FRESH else _encode(progress)


def unpack_task(queue: QueueName, row: Row) -> Task:
    """A task of `queue` from the columns id, serial, schedule_time, create_time, named, definition, progress."""
    # Read by the thousand: the blobs are checked as they are decoded, the columns are taken at their word.
    task, serial, schedule_time, create_time, named, definition, progress = cast("_TaskRow", row)
    name = TaskName(queue, task)
    try:
        http, app_engine, deadline, retry = _read_definition(definition)
        done = FRESH if progress is None else _read_progress(progress)
    except msgspec.MsgspecError as flaw:
        raise RowDamaged(f"{name}: {flaw}") from flaw
    target: Target | None = http or app_engine
    if target is None:
        raise RowDamaged(f"{name} has no target")
    return Task(name, target, schedule_time, create_time, serial, bool(named), deadline, retry, done)


def new_task(task: Task, definition: bytes) -> NewTask:
    """An unnamed task that no attempt was made on yet, with its packed definition."""
    return task.name.task, task.serial, task.schedule_time, task.create_time, definition


def pack_new_tasks(tasks: list[NewTask]) -> bytes:
    """As they travel; they are not kept like this."""
    return _encode(tasks)


def unpack_new_tasks(packed: bytes) -> list[NewTask]:
    try:
        return _read_new_tasks(packed)
    except msgspec.MsgspecError as flaw:
        raise RowDamaged(f"tasks on their way: {flaw}") from flaw


def unpack_new_task(queue: QueueName, row: NewTask) -> Task:
    task, serial, schedule_time, create_time, definition = row
    return unpack_task(queue, (task, serial, schedule_time, create_time, 0, definition, None))


def pack_queue(queue: Queue) -> bytes:
    return _encode(queue)


def unpack_queue(row: Row) -> StoredQueue:
    """A queue from the columns number, generation, settings."""
    kept = columns(row, _QueueRow)
    try:
        return StoredQueue(_read_queue(kept.settings), kept.number, kept.generation)
    except msgspec.MsgspecError as flaw:
        raise RowDamaged(f"queue {kept.number}: {flaw}") from flaw


def unpack_bucket(row: Row) -> Bucket | None:
    """A bucket from the columns rate, burst, level, at; None where they are empty."""
    if row[0] is None:
        return None
    return Bucket(*columns(row, tuple[float, float, float, int]))


def pack_attempt(attempt: AttemptRecord) -> bytes:
    return _encode(attempt)


def _unpack_attempt(packed: Value) -> AttemptRecord:
    try:
        return _read_attempt(cast("bytes", packed))
    except msgspec.MsgspecError as flaw:
        raise RowDamaged(f"an attempt: {flaw}") from flaw


def unpack_past(row: Row) -> Past:
    """An ended attempt from the columns serial, record."""
    return Past(cast("int", row[0]), _unpack_attempt(row[1]))


def unpack_letter(queue: QueueName, row: Row) -> DeadLetter:
    """A dead letter of `queue` from the seven columns of a task and its last attempt's record."""
    return DeadLetter(unpack_task(queue, row[:7]), _unpack_attempt(row[7]))


def unpack_record(kind: str, row: Row) -> Record:
    """A record of `kind` from the columns key, value, etag, updated."""
    key, value, etag, updated = columns(row, tuple[str, bytes, str, int])
    return Record(kind, key, value, etag, updated)
