"""What a settlement leaves behind beside the task itself: a record of the attempt, a dead letter.

Records of attempts give way where there is no space: a result is worth more than what is remembered of it. A dead
letter does not, for it is the task.
"""

from __future__ import annotations

from kumotasks.storage.history import ATTEMPTS, ATTEMPTS_OF_TASK
from kumotasks.storage.operation import Ask, Asking, Row
from kumotasks.storage.rows import pack_attempt, pack_definition, pack_progress
from kumotasks.storage.store import Settlement


def attempt_row(settlement: Settlement) -> Row:
    """The six columns of an attempt."""
    task, record = settlement.task, settlement.attempt
    assert record is not None
    return settlement.number, task.name.task, task.serial, record.number, record.ended, pack_attempt(record)


def outlived_row(settlement: Settlement) -> Row | None:
    """The key of the attempt that is one too many with this one."""
    task, record = settlement.task, settlement.attempt
    assert record is not None
    if record.number <= ATTEMPTS_OF_TASK:
        return None
    return settlement.number, task.name.task, task.serial, record.number - ATTEMPTS_OF_TASK


def letter_row(settlement: Settlement) -> Row:
    """The ten columns of a dead letter."""
    task, last = settlement.task, settlement.dead
    assert last is not None
    return (
        settlement.number,
        task.name.task,
        task.serial,
        task.schedule_time,
        task.create_time,
        task.named,
        pack_definition(task),
        pack_progress(task.progress),
        last.ended,
        pack_attempt(last),
    )


def surplus_row(added: int) -> Row:
    """How many attempts may stay, and how many of the oldest go at most after so many came: slowly, but faster."""
    return ATTEMPTS, 2 * added


def leave_behind(settlement: Settlement) -> Asking[None]:
    """Write what an effective settlement leaves."""
    if settlement.dead is not None:
        yield Ask("add_dead_letter", letter_row(settlement))
    if settlement.attempt is not None:
        outlived = outlived_row(settlement)
        if outlived is not None:
            yield Ask("forget_attempt", outlived)
        yield Ask("add_attempt", attempt_row(settlement))
        yield Ask("forget_surplus", surplus_row(1))
