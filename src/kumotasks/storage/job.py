"""What waits for the writer: the work, and the future of whoever asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from kumotasks.domain.task import Task
from kumotasks.storage.operation import Begin
from kumotasks.storage.store import Settlement

Waiter = asyncio.Future[object]  # the verb that made it knows what it is answered with


@dataclass(slots=True, eq=False)
class Adding:
    """Tasks of one queue, with their definitions packed already."""

    waiter: Waiter
    tasks: Sequence[Task]
    definitions: Sequence[bytes]


@dataclass(slots=True, eq=False)
class Settling:
    waiter: Waiter
    settlement: Settlement


@dataclass(slots=True, eq=False)
class Operating:
    """Any other operation."""

    waiter: Waiter
    begin: Begin[object]


Job = Adding | Settling | Operating


def job_bytes(job: Job) -> int:
    """How much a job brings along to be written."""
    return sum(map(len, job.definitions)) if isinstance(job, Adding) else 0
