"""A transaction of many jobs: done in their order, in bulk or one by one to the same end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from kumotasks.domain.task import Task
from kumotasks.storage import queues, tasks
from kumotasks.storage.bulk import Surprised
from kumotasks.storage.directory import Directory
from kumotasks.storage.ended import Ended
from kumotasks.storage.history import KEEP
from kumotasks.storage.job import Adding, Job, Operating, Outcome, Settling
from kumotasks.storage.operation import Begin
from kumotasks.storage.rows import pack_definition
from kumotasks.storage.session import Session
from kumotasks.storage.sqlitefile import SqliteFile
from kumotasks.storage.statements import read_statements
from kumotasks.storage.store import Settlement, StoredQueue
from kumotasks.storage.sweep import sweep
from kumotasks.storage.transaction import Transaction
from tests.factory import NOW, a_named_task, a_queue, a_record, a_task, ended, failed, ids, queue_name

TABLES = ("queue", "retired_queue", "task", "task_name", "doomed", "run_request", "record", "attempt", "dead_letter")


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    file = SqliteFile(tmp_path / "kumo.db")
    file.open()
    session = Session(file.connect(cache_bytes=1024 * 1024), read_statements("sqlite"))
    yield session
    session.close()
    file.close()


@pytest.fixture
def q(session: Session) -> StoredQueue:
    return session.drive(queues.create_queue(a_queue(), NOW)).value


@pytest.fixture(params=[True, False], ids=["bulk", "one-by-one"])
def hopeful(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def adding(*added: Task) -> Adding:
    return Adding(asyncio.Future(), added, [pack_definition(task) for task in added], 0)


def settling(settlement: Settlement) -> Settling:
    return Settling(asyncio.Future(), settlement)


def operating(begin: Begin[object]) -> Operating:
    return Operating(asyncio.Future(), begin)


def run(session: Session, q: StoredQueue, jobs: Sequence[Job], *, hopeful: bool = True) -> Outcome:
    return Transaction(session, Directory([q]), Ended(), hopeful=hopeful).run(jobs)


def count(session: Session, table: str) -> int:
    return int(session.connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


async def test_jobs_are_done_in_their_order(session: Session, q: StoredQueue, hopeful: bool) -> None:
    task, other = a_named_task("n"), a_task()
    delete = partial(tasks.delete_task, task.name, NOW, NOW, Ended())
    again = a_named_task("n")
    jobs = [adding(task), operating(delete), adding(again), adding(other), settling(ended(q, again))]
    outcome = run(session, q, [*jobs, operating(partial(tasks.get_task, other.name, NOW, Ended()))], hopeful=hopeful)
    assert [answer for _, answer in outcome.answers] == [[task], task, [again], [other], True, other]
    assert [waiter for waiter, _ in outcome.answers][: len(jobs)] == [job.waiter for job in jobs]
    assert count(session, "task") == 1


async def test_bulk_and_one_by_one_leave_the_same_rows(session: Session, q: StoredQueue) -> None:
    first = [a_task() for _ in range(90)] + [a_named_task(f"n{n}") for n in range(10)]
    rows = {}
    for hopeful in (True, False):
        session.connection.execute("BEGIN")
        run(session, q, [adding(*first), adding(a_named_task("n0", serial=NOW + 1))], hopeful=hopeful)
        settlements = [ended(q, task, name_until=NOW + 5) for task in first[::3]]
        settlements += [failed(q, task, attempt=a_record(number)) for number, task in enumerate(first[1::3], 90)]
        settlements += [ended(q, task, attempt=a_record(1), dead=a_record(1)) for task in first[2:30:3]]
        run(session, q, [settling(settlement) for settlement in settlements], hopeful=hopeful)
        rows[hopeful] = {table: session.connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
        session.connection.execute("ROLLBACK")
    assert rows[True] == rows[False]
    assert [len(rows[True][table]) for table in ("task", "attempt", "dead_letter")] == [56, 43, 10]


async def test_an_id_that_is_taken_is_a_surprise(session: Session, q: StoredQueue) -> None:
    task = a_task()
    run(session, q, [adding(task)])
    with pytest.raises(Surprised):
        run(session, q, [adding(task)])


async def test_a_task_that_is_gone_is_a_surprise(session: Session, q: StoredQueue) -> None:
    for settlement in (ended(q, a_task()), failed(q, a_task())):
        with pytest.raises(Surprised):
            run(session, q, [settling(settlement)])


async def test_a_name_used_before_is_none(session: Session, q: StoredQueue) -> None:
    run(session, q, [adding(a_named_task("n"))])
    outcome = run(session, q, [adding(a_named_task("n"), a_named_task("m"))])
    ((_, answer),) = outcome.answers
    assert ids(answer) == ["TaskExists", "m"]  # type: ignore[arg-type]


async def test_nothing_is_left_of_what_was_purged_and_deleted(session: Session, q: StoredQueue) -> None:
    named = a_named_task("n")
    jobs: list[Job] = [adding(a_task(), named), operating(partial(tasks.request_run, named.name, NOW, Ended()))]
    run(session, q, jobs)
    session.drive(queues.purge_queue(queue_name(), NOW, NOW))
    session.drive(queues.delete_queue(queue_name(), NOW))
    while session.drive(sweep(NOW, 10, Ended(), KEEP)).value.more:
        pass
    assert {table: count(session, table) for table in TABLES} == dict.fromkeys(TABLES, 0)
