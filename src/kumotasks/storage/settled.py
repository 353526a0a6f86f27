"""The rows that results of attempts come to, by statement: collected while a batch is gathered, written in bulk.

Each result is taken to be effective; an engine that finds one was not does its jobs one by one instead. The statements'
own parameters say what a row is.
"""

from __future__ import annotations

from kumotasks.storage.ended import Ended
from kumotasks.storage.operation import Row
from kumotasks.storage.remains import attempt_row, letter_row, outlived_row
from kumotasks.storage.rows import pack_progress
from kumotasks.storage.store import Settlement
from kumotasks.storage.tasks import task_key


class Settled:
    """Rows by statement."""

    def __init__(self) -> None:
        self.retried: list[Row] = []
        self.ended: list[Row] = []
        self.rested: list[Row] = []
        self.answered: list[Row] = []
        self.buried: list[Row] = []
        self.outlived: list[Row] = []
        self.remembered: list[Row] = []

    def collect(self, settlement: Settlement, ended: Ended) -> None:
        """Whoever calls has seen that the queue's rows are in force."""
        number, task = settlement.number, settlement.task
        key = task_key(number, settlement.generation, task)
        if settlement.run:
            self.answered.append(key[:3])
        if settlement.attempt is not None or settlement.dead is not None:
            self._leave_behind(settlement)
        if not settlement.ended:
            self.retried.append((pack_progress(task.progress), task.schedule_time, *key))
            return
        self.ended.append(key)
        if task.named:
            self.rested.append((settlement.name_until, number, task.name.task, settlement.generation))
        else:
            ended.remember(number, task.name.task)

    def _leave_behind(self, settlement: Settlement) -> None:
        if settlement.dead is not None:
            self.buried.append(letter_row(settlement))
        if settlement.attempt is not None:
            self.remembered.append(attempt_row(settlement))
            outlived = outlived_row(settlement)
            if outlived is not None:
                self.outlived.append(outlived)
