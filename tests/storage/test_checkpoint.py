"""Checkpoints: begun only behind a whole transaction of after the last, and the log stays bounded."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path

import pytest

from kumotasks.storage.checkpoint import Checkpointer
from kumotasks.storage.sqlitefile import SqliteFile

FRAME = 4096 + 24
CACHE = 1024 * 1024


@pytest.fixture
def file(tmp_path: Path) -> Iterator[SqliteFile]:
    file = SqliteFile(tmp_path / "kumo.db")
    file.open()
    yield file
    file.close()


@pytest.fixture
def writer(file: SqliteFile) -> Iterator[sqlite3.Connection]:
    connection = file.connect(cache_bytes=CACHE)
    yield connection
    connection.close()


def log_pages(file: SqliteFile) -> int:
    return Path(f"{file.path}-wal").stat().st_size // FRAME


def write_pages(writer: sqlite3.Connection, count: int) -> None:
    """Commit about `count` pages."""
    put = "INSERT OR REPLACE INTO record VALUES ('k', ?, zeroblob(4000), '', 0)"
    writer.execute("BEGIN")
    writer.executemany(put, [(str(key),) for key in range(count)])
    writer.execute("COMMIT")


class Later(Executor):
    """Runs what it is given when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def submit(self, fn: Callable[[], object], /) -> Future[object]:  # type: ignore[override]
        self.waiting.append(fn)
        return Future()

    def run(self) -> int:
        """Do what waits; how much that was."""
        waiting, self.waiting = self.waiting, []
        for work in waiting:
            work()
        return len(waiting)


@pytest.fixture
def later() -> Later:
    return Later()


@pytest.fixture
def checkpointer(file: SqliteFile, later: Later) -> Iterator[Checkpointer]:
    """A checkpoint every 10 pages; the log is long with 40."""
    checkpointer = Checkpointer(file.connect(cache_bytes=CACHE), later, every=10, long=40)
    yield checkpointer
    checkpointer.stop()


def test_a_commit_is_on_the_disk_when_it_returns(writer: sqlite3.Connection) -> None:
    assert writer.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert writer.execute("PRAGMA wal_autocheckpoint").fetchone() == (0,)


def test_a_checkpoint_is_begun_once_enough_was_written(checkpointer: Checkpointer, later: Later) -> None:
    checkpointer.wrote(9, checkpointer.ended)
    assert later.run() == 0
    checkpointer.wrote(1, checkpointer.ended)
    assert later.run() == 1
    checkpointer.wrote(9, checkpointer.ended)
    assert later.run() == 0


def test_pages_are_moved_into_the_file(
    checkpointer: Checkpointer, later: Later, writer: sqlite3.Connection, file: SqliteFile
) -> None:
    before = file.path.stat().st_size
    write_pages(writer, 50)
    assert file.path.stat().st_size == before
    checkpointer.wrote(50, checkpointer.ended)
    later.run()
    assert file.path.stat().st_size >= before + 50 * 4000


def test_what_began_before_the_last_checkpoint_ended_begins_none(checkpointer: Checkpointer, later: Later) -> None:
    """It may be in the file already: then the log could be reset while a checkpoint begins."""
    since = checkpointer.ended
    checkpointer.wrote(10, since)
    later.run()
    checkpointer.wrote(100, since)
    assert later.run() == 0
    checkpointer.wrote(10, checkpointer.ended)
    assert later.run() == 1


def test_what_is_committed_during_a_checkpoint_begins_none(checkpointer: Checkpointer, later: Later) -> None:
    checkpointer.wrote(10, checkpointer.ended)
    checkpointer.wrote(100, checkpointer.ended)
    assert later.run() == 1
    checkpointer.wrote(9, checkpointer.ended)
    assert later.run() == 0


def test_a_long_log_begins_anew_in_the_room_it_has(
    checkpointer: Checkpointer, later: Later, writer: sqlite3.Connection, file: SqliteFile
) -> None:
    """Under steady load no checkpoint catches up; the writer lets the log begin anew, and it stays bounded."""
    longest = []
    for _ in range(30):
        since = checkpointer.ended
        write_pages(writer, 10)
        checkpointer.wrote(10, since)
        write_pages(writer, 3)
        later.run()
        if checkpointer.is_long:
            checkpointer.reset_log(writer)
            assert not checkpointer.is_long
        longest.append(log_pages(file))
    assert longest[-1] == longest[5] < 100


def test_a_log_is_not_reset_under_a_checkpoint(
    checkpointer: Checkpointer, later: Later, writer: sqlite3.Connection
) -> None:
    checkpointer.wrote(10, checkpointer.ended)
    ended = checkpointer.ended
    checkpointer.reset_log(writer)
    assert checkpointer.ended == ended
    later.run()
    assert checkpointer.ended == ended + 1


def test_a_log_far_too_long_gives_its_room_back(
    checkpointer: Checkpointer, later: Later, writer: sqlite3.Connection, file: SqliteFile
) -> None:
    write_pages(writer, 170)
    checkpointer.wrote(170, checkpointer.ended)
    later.run()
    assert checkpointer.is_long
    checkpointer.reset_log(writer)
    assert log_pages(file) == 0


def test_at_the_stop_everything_is_in_the_file(
    checkpointer: Checkpointer, writer: sqlite3.Connection, file: SqliteFile
) -> None:
    write_pages(writer, 5)
    checkpointer.stop()
    assert log_pages(file) == 0


def test_a_reader_of_the_log_does_not_hold_up_the_writer(
    checkpointer: Checkpointer, later: Later, writer: sqlite3.Connection, file: SqliteFile
) -> None:
    with contextlib.closing(file.connect(cache_bytes=CACHE)) as reader:
        write_pages(writer, 50)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM record").fetchone()
        write_pages(writer, 50)
        checkpointer.wrote(100, checkpointer.ended)
        later.run()
        assert checkpointer.is_long
        resetting = threading.Thread(target=checkpointer.reset_log, args=(writer,), daemon=True)
        resetting.start()
        resetting.join(10)  # its patience with others is 30 s
        assert not resetting.is_alive()
        assert reader.execute("SELECT count(*) FROM record").fetchone() == (50,)
    assert writer.execute("PRAGMA busy_timeout").fetchone() == (30_000,)


def test_the_log_begins_anew_once_the_reader_is_gone(
    checkpointer: Checkpointer, later: Later, writer: sqlite3.Connection, file: SqliteFile
) -> None:
    with contextlib.closing(file.connect(cache_bytes=CACHE)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM record").fetchone()
        for _ in range(4):
            write_pages(writer, 60)
            checkpointer.wrote(60, checkpointer.ended)
            later.run()
            checkpointer.reset_log(writer)
        assert log_pages(file) >= 240
        reader.execute("COMMIT")
    write_pages(writer, 60)
    checkpointer.wrote(60, checkpointer.ended)
    later.run()
    checkpointer.reset_log(writer)
    write_pages(writer, 1)
    assert log_pages(file) <= 80
