"""The writer when the disk fails: nothing is half done, what can be done alone is, and the next batch starts anew."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from kumotasks.domain.errors import QueueNotFound, StorageFull, StorageUnavailable
from kumotasks.domain.task import Task
from kumotasks.storage import sqlite
from kumotasks.storage.checkpoint import Checkpointer
from kumotasks.storage.session import Session
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.storage.store import StoredQueue, Wake
from tests.factory import NOW, a_named_task, a_queue, a_task, ended, ids, queue_name

Row = Sequence[object]


class Disk:
    """A connection that fails where it is told to; before a commit reaches the file, or in any statement."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._failures: list[tuple[str, int]] = []

    def fail(self, statement: str, *, code: int = sqlite3.SQLITE_IOERR, times: int = 1) -> None:
        """The next `times` that a statement begins so, it fails."""
        self._failures += [(statement, code)] * times

    def execute(self, statement: str, parameters: Row = ()) -> sqlite3.Cursor:
        self._check(statement)
        return self._connection.execute(statement, parameters)

    def executemany(self, statement: str, parameters: Sequence[Row]) -> sqlite3.Cursor:
        self._check(statement)
        return self._connection.executemany(statement, parameters)

    def close(self) -> None:
        self._connection.close()

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    @property
    def total_changes(self) -> int:
        return self._connection.total_changes

    def _check(self, statement: str) -> None:
        for failure in self._failures:
            if statement.startswith(failure[0]):
                self._failures.remove(failure)
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = failure[1]
                raise error


@pytest.fixture
async def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[SqlStore, Disk]]:
    """A store, and the disk under its writer."""
    disks: list[Disk] = []

    def session(connection: sqlite3.Connection, statements: dict[str, str]) -> Session:
        disks.append(Disk(connection))
        return Session(disks[-1], statements)  # type: ignore[arg-type]

    monkeypatch.setattr(sqlite, "Session", session)
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    yield store, disks[0]
    await store.stop()


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the checkpointer is told, commit by commit."""
    told: list[int] = []
    monkeypatch.setattr(Checkpointer, "wrote", lambda self, pages, since: told.append(pages))
    return told


@pytest.fixture
def store(opened: tuple[SqlStore, Disk]) -> SqlStore:
    return opened[0]


@pytest.fixture
def disk(opened: tuple[SqlStore, Disk]) -> Disk:
    return opened[1]


@pytest.fixture
async def q(store: SqlStore) -> StoredQueue:
    return await store.create_queue(a_queue(), NOW)


@pytest.fixture
def wakes(store: SqlStore, q: StoredQueue) -> list[Wake]:
    heard: list[Wake] = []
    store.listen(heard.extend)
    return heard


async def there(store: SqlStore) -> list[str]:
    return ids(await store.list_tasks(queue_name(), after="", limit=100, max_bytes=10**9))


async def test_only_a_commit_that_wrote_counts_towards_a_checkpoint(
    store: SqlStore, q: StoredQueue, written: list[int]
) -> None:
    """Otherwise one could begin while the whole log is in the file already, and be overtaken by its reset."""
    await store.settle(ended(q, a_task()))
    await store.add_tasks([a_task(queue="nowhere")])
    assert written == []
    task, gone = a_task(), a_task()
    await store.add_tasks([task, gone])
    await store.delete_task(gone.name, now=NOW, name_until=NOW)
    assert len(written) == 2
    assert await store.settle(ended(q, gone)) is False
    assert len(written) == 2
    assert await store.settle(ended(q, task)) is True
    assert len(written) == 3


@pytest.mark.parametrize("statement", ["BEGIN IMMEDIATE", "INSERT INTO task", "COMMIT"])
async def test_a_batch_that_fails_once_is_done_in_the_second_attempt(
    store: SqlStore, disk: Disk, wakes: list[Wake], statement: str
) -> None:
    disk.fail(statement)
    task = a_task()
    assert list(await store.add_tasks([task])) == [task]
    assert len(wakes) == 1


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        (sqlite3.SQLITE_FULL, StorageFull),
        (sqlite3.SQLITE_IOERR, StorageUnavailable),
        (sqlite3.SQLITE_IOERR_FSYNC, StorageUnavailable),
        (sqlite3.SQLITE_READONLY, StorageUnavailable),
    ],
)
async def test_a_batch_that_fails_again_is_refused_and_the_next_starts_anew(
    store: SqlStore, disk: Disk, wakes: list[Wake], code: int, refusal: type[Exception]
) -> None:
    disk.fail("COMMIT", code=code, times=2)
    with pytest.raises(refusal):
        await store.add_tasks([a_named_task("lost")])
    assert (await there(store), wakes) == ([], [])
    assert ids(await store.add_tasks([a_named_task("lost")])) == ["lost"]


async def test_what_fails_leaves_the_others_of_its_batch_alone(store: SqlStore, disk: Disk, q: StoredQueue) -> None:
    await store.add_tasks([old := a_named_task("old")])
    disk.fail("INSERT INTO task", times=2)
    answers = await asyncio.gather(
        store.settle(ended(q, old)),
        store.add_tasks([a_named_task("new")]),
        store.create_queue(a_queue("other"), NOW),
        return_exceptions=True,
    )
    assert answers[0] is True
    assert isinstance(answers[1], StorageUnavailable)
    assert isinstance(answers[2], StoredQueue)
    assert await there(store) == []


async def test_an_operation_that_meets_a_damaged_row_fails_alone(store: SqlStore, disk: Disk, q: StoredQueue) -> None:
    await store.add_tasks([damaged := a_named_task("damaged"), sound := a_named_task("sound")])
    disk.execute("UPDATE task SET definition = x'00' WHERE id = 'damaged'")
    answers = await asyncio.gather(
        store.delete_task(damaged.name, now=NOW, name_until=NOW),
        store.delete_task(sound.name, now=NOW, name_until=NOW),
        store.get_task(damaged.name, NOW),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [StorageUnavailable, Task, StorageUnavailable]


async def test_a_queue_that_could_not_be_made_is_not_there(store: SqlStore, disk: Disk, q: StoredQueue) -> None:
    disk.fail("COMMIT", times=2)
    with pytest.raises(StorageUnavailable):
        await store.create_queue(a_queue("other"), NOW)
    with pytest.raises(QueueNotFound):
        await store.get_queue(queue_name("other"))
    assert ids(await store.add_tasks([a_task(queue="other")])) == ["QueueNotFound"]


async def test_a_purge_that_failed_purges_nothing(store: SqlStore, disk: Disk, q: StoredQueue) -> None:
    await store.add_tasks([task := a_named_task("n")])
    disk.fail("COMMIT", times=2)
    with pytest.raises(StorageUnavailable):
        await store.purge_queue(queue_name(), now=NOW, names_until=NOW)
    assert await store.get_queue(queue_name()) == q
    assert await there(store) == ["n"]
    assert await store.settle(ended(q, task)) is True


async def test_a_fault_in_the_writer_leaves_nobody_waiting(
    store: SqlStore, disk: Disk, q: StoredQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours ends the writer, loudly; whoever waits, and whoever comes, is refused."""
    faults: list[BaseException | None] = []
    monkeypatch.setattr("threading.excepthook", lambda fault: faults.append(fault.exc_value))
    monkeypatch.setattr(disk, "execute", lambda *_: 1 // 0)
    with pytest.raises(StorageUnavailable):
        await store.add_tasks([a_task()])
    with pytest.raises(StorageUnavailable):
        await store.settle(ended(q, a_task()))
    await store.stop()
    assert [type(fault) for fault in faults] == [ZeroDivisionError]
