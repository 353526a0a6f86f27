"""The shelf of log entries: order, places, size, and files that are not as they should be."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.domain.log_row import LogRow, Place, Stretch
from kumotasks.storage.logs import SqliteShelf
from tests.factory import NOW

LOG, OTHER = "projects/p/logs/l", "projects/p/logs/o"
FOREVER = 1 << 62


def a_row(insert_id: str, at: int = 0, log: str = LOG, severity: int = 0, content: bytes = b"{}") -> LogRow:
    return LogRow(NOW + at, log.split("/")[1], log, severity, insert_id, content)


def a_stretch(
    *logs: str,
    low: int = -FOREVER,
    high: int = FOREVER,
    severity: int = 0,
    newest_first: bool = False,
    after: Place | None = None,
    limit: int = 100,
) -> Stretch:
    return Stretch(logs or (LOG,), low, high, severity, newest_first, after, limit)


def ids(found: tuple[list[LogRow], bool]) -> str:
    return "".join(row.insert_id for row in found[0])


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[SqliteShelf]:
    shelf = SqliteShelf(tmp_path / "logs.db")
    await shelf.start()
    yield shelf
    await shelf.stop()


async def test_rows_come_in_order_of_time_and_id(shelf: SqliteShelf) -> None:
    await shelf.append([a_row("c", 1), a_row("b", 0), a_row("a", 0)])
    assert ids(await shelf.scan(a_stretch())) == "abc"
    assert ids(await shelf.scan(a_stretch(newest_first=True))) == "cba"


async def test_a_row_comes_back_whole(shelf: SqliteShelf) -> None:
    row = a_row("ä\0ö", 5, severity=500, content=b'{"x":1}')
    await shelf.append([row])
    assert await shelf.scan(a_stretch()) == ([row], False)


async def test_of_two_rows_at_one_place_the_first_stays(shelf: SqliteShelf) -> None:
    await shelf.append([a_row("a", content=b"1"), a_row("a", content=b"2")])
    await shelf.append([a_row("a", content=b"3"), a_row("a", log=OTHER, content=b"4")])
    rows, _ = await shelf.scan(a_stretch(LOG, OTHER))
    assert [row.content for row in rows] == [b"1", b"4"]


async def test_logs_are_merged_in_order_of_time(shelf: SqliteShelf) -> None:
    await shelf.append([a_row("a", 0), a_row("b", 1, OTHER), a_row("c", 2), a_row("d", 3, "projects/q/logs/l")])
    assert ids(await shelf.scan(a_stretch(LOG, OTHER))) == "abc"
    assert ids(await shelf.scan(a_stretch(LOG, OTHER, "projects/q/logs/l", newest_first=True))) == "dcba"
    assert ids(await shelf.scan(a_stretch("projects/p/logs/unknown"))) == ""


async def test_a_stretch_has_both_its_ends(shelf: SqliteShelf) -> None:
    await shelf.append([a_row(each, at) for at, each in enumerate("abcde")])
    for newest_first, found in ((False, "bcd"), (True, "dcb")):
        assert ids(await shelf.scan(a_stretch(low=NOW + 1, high=NOW + 3, newest_first=newest_first))) == found


async def test_a_stretch_has_a_least_severity(shelf: SqliteShelf) -> None:
    await shelf.append([a_row("a", severity=200), a_row("b", severity=500), a_row("c", severity=400)])
    assert ids(await shelf.scan(a_stretch(severity=400))) == "bc"


@pytest.mark.parametrize("newest_first", [False, True])
async def test_pages_meet_without_gap_or_overlap(shelf: SqliteShelf, newest_first: bool) -> None:
    rows = [a_row(each, at, log) for log in (LOG, OTHER) for at in range(3) for each in "abc"]
    await shelf.append(rows)
    places: list[Place] = []
    more, after = True, None
    while more:
        page, more = await shelf.scan(a_stretch(LOG, OTHER, newest_first=newest_first, after=after, limit=4))
        after = page[-1].place
        places += [row.place for row in page]
    assert places == sorted([row.place for row in rows], reverse=newest_first)


async def test_an_answer_is_bounded_in_bytes(shelf: SqliteShelf) -> None:
    await shelf.append([a_row(str(each), content=bytes(1024 * 1024)) for each in range(8)])
    rows, more = await shelf.scan(a_stretch())
    assert len(rows) == 5
    assert more


async def test_only_logs_with_rows_have_a_name(shelf: SqliteShelf) -> None:
    await shelf.append([a_row("a", log=OTHER), a_row("b"), a_row("c", log="projects/q/logs/l")])
    assert await shelf.names("p") == [LOG, OTHER]
    while await shelf.delete(OTHER):
        pass
    assert await shelf.names("p") == [LOG]
    assert not await shelf.delete("projects/p/logs/unknown")


async def test_a_large_log_is_deleted_in_passes(shelf: SqliteShelf) -> None:
    await shelf.append([a_row(str(each)) for each in range(2_500)])
    passes = 1
    while await shelf.delete(LOG):
        passes += 1
    assert passes == 3
    assert ids(await shelf.scan(a_stretch())) == ""


async def test_what_is_older_is_pruned(shelf: SqliteShelf) -> None:
    await shelf.append([a_row("a", -1), a_row("b", 0), a_row("c", -1, OTHER)])
    assert not await shelf.prune(before=NOW, max_bytes=1 << 30)
    assert ids(await shelf.scan(a_stretch(LOG, OTHER))) == "b"


async def test_what_came_first_is_pruned_until_the_rest_is_small_enough(shelf: SqliteShelf) -> None:
    rows = [a_row(f"{each:05}", -each, content=bytes(1_000)) for each in range(4_000)]
    await shelf.append(rows)
    while await shelf.prune(before=-FOREVER, max_bytes=3_000_000):
        pass
    kept, _ = await shelf.scan(a_stretch(limit=5_000))
    assert 1_000 <= len(kept) < 3_000
    assert {row.insert_id for row in kept} == {row.insert_id for row in rows[-len(kept) :]}


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
