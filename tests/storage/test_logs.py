"""The shelf of log entries in a file: who may read it, a full disk, and files that are not as they should be."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.storage.logs import SqliteShelf
from tests.storage.shelving import LOG, OTHER, a_row, a_stretch, ids


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[SqliteShelf]:
    shelf = SqliteShelf(tmp_path / "logs.db")
    await shelf.start()
    yield shelf
    await shelf.stop()


async def test_rows_outlive_the_process(tmp_path: Path) -> None:
    for each in "ab":
        shelf = SqliteShelf(tmp_path / "logs.db")
        await shelf.start()
        await shelf.append([a_row(each)])
        await shelf.stop()
    again = SqliteShelf(tmp_path / "logs.db")
    assert ids(await again.scan(a_stretch())) == "ab"  # also where nobody has started it
    await again.stop()
    await again.stop()


async def test_the_file_is_nobody_elses_to_read(tmp_path: Path, shelf: SqliteShelf) -> None:
    await shelf.append([a_row("a")])
    assert modes(tmp_path) == [
        ("logs.db", 0o600),
        ("logs.db-shm", 0o600),
        ("logs.db-wal", 0o600),
    ]


def modes(directory: Path) -> list[tuple[str, int]]:
    return [(path.name, path.stat().st_mode & 0o777) for path in sorted(directory.iterdir())]


async def test_a_full_disk_is_said_and_ends(tmp_path: Path) -> None:
    shelf = SqliteShelf(tmp_path / "logs.db", max_pages=64)
    await shelf.start()
    await shelf.append([a_row("a", content=bytes(100_000))])
    with pytest.raises(StorageFull):
        await shelf.append([a_row("b", log=OTHER, content=bytes(300_000))])
    assert ids(await shelf.scan(a_stretch(LOG, OTHER))) == "a"
    await shelf.delete(LOG)
    await shelf.append([a_row("c", log=OTHER, content=bytes(100_000))])
    assert ids(await shelf.scan(a_stretch(LOG, OTHER))) == "c"
    await shelf.stop()


@pytest.mark.parametrize("content", [b"not a database at all " * 100, b"SQLite format 3\0" + b"\xff" * 5_000])
async def test_a_damaged_file_is_said_and_another_one_taken_up(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "logs.db"
    path.write_bytes(content)
    shelf = SqliteShelf(path)
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await shelf.append([a_row("a")])
    with pytest.raises(StorageUnavailable):
        await shelf.scan(a_stretch())
    assert path.read_bytes() == content
    path.unlink()
    await shelf.append([a_row("b")])
    assert ids(await shelf.scan(a_stretch())) == "b"
    await shelf.stop()


async def test_pages_that_are_damaged_under_way_are_said(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"
    shelf = SqliteShelf(path)
    await shelf.append([a_row(str(each), content=bytes(1_000)) for each in range(1_000)])
    await shelf.stop()
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xa5" * (len(whole) - 8192))
    shelf = SqliteShelf(path)
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            await shelf.append([a_row(str(each), 1) for each in range(1_000)])
        with pytest.raises(StorageUnavailable):
            await shelf.scan(a_stretch())
    path.unlink()
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    await shelf.append([a_row("b")])
    assert ids(await shelf.scan(a_stretch())) == "b"
    await shelf.stop()


async def test_writer_and_reader_may_both_come_first(tmp_path: Path) -> None:
    for each in range(20):
        shelf = SqliteShelf(tmp_path / f"{each}.db")
        await asyncio.gather(shelf.scan(a_stretch()), shelf.append([a_row("a")]), shelf.names("p"))
        assert ids(await shelf.scan(a_stretch())) == "a"
        await shelf.stop()


async def test_the_file_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "logs.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE entry (x)")
    other.close()
    shelf = SqliteShelf(path)
    with pytest.raises(StorageUnavailable) as refusal:
        await shelf.start()
    assert "does not hold log entries" in str(refusal.value.__cause__)
    await shelf.stop()


async def test_a_newer_schema_is_refused(tmp_path: Path, shelf: SqliteShelf) -> None:
    with sqlite3.connect(tmp_path / "logs.db") as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    later = SqliteShelf(tmp_path / "logs.db")
    with pytest.raises(StorageUnavailable) as refusal:
        await later.start()
    assert "newer version" in str(refusal.value.__cause__)
    await later.stop()


async def test_a_directory_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "logs.db").mkdir()
    shelf = SqliteShelf(tmp_path / "logs.db")
    with pytest.raises(StorageUnavailable):
        await shelf.start()
    await shelf.stop()
