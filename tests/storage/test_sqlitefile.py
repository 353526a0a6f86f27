"""Whose file it is, and what is said of one that cannot be used: one sentence, and the file as it was."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from kumotasks.storage.migrate import latest_version
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.store import StoreUnusable
from tests.factory import NOW, a_queue, a_task, queue_name


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store will be; the folder is there."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "kumo.db"


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def forbid(folder: Path) -> None:
    folder.chmod(0o500)


def remove(path: Path) -> None:
    path.unlink()


async def make(path: Path) -> None:
    """A store with a queue and a few tasks, stopped."""
    store = SqliteStore(path)
    await store.start()
    await store.create_queue(a_queue(), NOW)
    await store.add_tasks([a_task() for _ in range(200)])
    await store.stop()


def contents(path: Path) -> dict[str, bytes]:
    """Every file beside `path` but the lock, which says nothing."""
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if file.suffix != ".lock"}


async def refusal(path: Path) -> str:
    """Why the store cannot be opened; whatever lies there is the same afterwards."""
    before = contents(path)
    with pytest.raises(StoreUnusable) as refused:
        await SqliteStore(path).start()
    assert contents(path) == before
    return str(refused.value)


def names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


async def test_a_new_store_is_made_with_its_folder(tmp_path: Path) -> None:
    await make(tmp_path / "a" / "b" / "kumo.db")
    assert names(tmp_path / "a" / "b") == ["kumo.db", "kumo.db.lock"]


async def test_only_the_owner_can_read_it(path: Path) -> None:
    store = SqliteStore(path)
    await store.start()
    await store.create_queue(a_queue(), NOW)
    assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    await store.stop()


async def test_an_empty_file_becomes_a_store(path: Path) -> None:
    write(path, b"")
    await make(path)


async def test_a_second_server_on_the_same_store_is_refused(path: Path) -> None:
    await make(path)
    first = SqliteStore(path)
    await first.start()
    with pytest.raises(StoreUnusable, match=re.escape(f"Another server is using the store at {path}.")):
        await SqliteStore(path).start()
    assert await first.get_queue(queue_name())
    await first.stop()
    second = SqliteStore(path)
    await second.start()
    await second.stop()


def text(path: Path) -> None:
    path.write_text("This is my diary, and not a database at all.\n" * 50)


def short(path: Path) -> None:
    path.write_bytes(b"x")


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE diary (day TEXT)")
    connection.close()


def foreign_with_a_log(path: Path) -> None:
    connection = sqlite3.connect(path.with_name("other.db"))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE diary (day TEXT)")
    connection.commit()
    shutil.copy(path.with_name("other.db"), path)
    shutil.copy(path.with_name("other.db-wal"), f"{path}-wal")
    connection.close()


@pytest.mark.parametrize("make_file", [text, short, foreign, foreign_with_a_log])
async def test_a_file_of_somebody_else_is_refused(path: Path, make_file: Callable[[Path], None]) -> None:
    make_file(path)
    assert await refusal(path) == f"The file {path} is not a store of Kumo Tasks."
    assert "kumo.db.lock" not in names(path.parent)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def scribble(path: Path) -> None:
    """Overwrite every page but the first few with noise."""
    with path.open("r+b") as file:
        file.seek(4 * 4096)
        file.write(b"\xa5" * (path.stat().st_size - 4 * 4096))


def truncate_to_the_header(path: Path) -> None:
    os.truncate(path, 100)


@pytest.mark.parametrize("damage", [truncate, scribble, truncate_to_the_header])
async def test_a_damaged_file_is_refused(path: Path, damage: Callable[[Path], None]) -> None:
    await make(path)
    damage(path)
    sentence = await refusal(path)
    assert sentence.startswith(f"The store at {path} is damaged: ")
    assert "\n" not in sentence


async def test_a_newer_schema_is_refused(path: Path) -> None:
    await make(path)
    newer = latest_version("sqlite") + 1
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {newer}")
    connection.close()
    expected = (
        f"The store at {path} was written by a newer version of Kumo Tasks: "
        f"its schema is {newer}, this version knows {newer - 1}."
    )
    assert await refusal(path) == expected


async def test_a_newer_schema_that_is_still_in_the_log_is_refused(path: Path, tmp_path: Path) -> None:
    await make(path)
    crashed = tmp_path / "crashed" / "kumo.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    shutil.copytree(path.parent, crashed.parent)
    connection.close()
    remove(crashed.with_name("kumo.db-shm"))
    assert "its schema is 999" in await refusal(crashed)


async def test_a_log_without_its_file_is_refused(path: Path) -> None:
    write(path.with_name("kumo.db-wal"), b"what is left")
    assert await refusal(path) == f"The store at {path} is missing, though its log {path}-wal is there."


async def test_a_folder_that_cannot_be_is_refused(path: Path) -> None:
    write(path, b"")
    with pytest.raises(StoreUnusable, match="cannot be used: Not a directory"):
        await SqliteStore(path / "kumo.db").start()


async def test_a_folder_in_the_place_of_the_file_is_refused(path: Path) -> None:
    with pytest.raises(StoreUnusable, match="cannot be used: Is a directory"):
        await SqliteStore(path.parent).start()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_that_cannot_be_written_is_refused(path: Path) -> None:
    forbid(path.parent)
    assert await refusal(path) == f"The store at {path} cannot be used: Permission denied."


async def test_what_a_crash_left_of_making_the_file_is_no_obstacle(path: Path) -> None:
    write(path.with_name("kumo.db.new"), b"half")
    await make(path)
    assert names(path.parent) == ["kumo.db", "kumo.db.lock"]


async def test_a_refused_store_can_be_started_later(path: Path) -> None:
    text(path)
    store = SqliteStore(path)
    with pytest.raises(StoreUnusable):
        await store.start()
    remove(path)
    await store.start()
    await store.create_queue(a_queue(), NOW)
    await store.stop()


async def test_a_stopped_store_can_be_started_again(path: Path) -> None:
    store = SqliteStore(path)
    for _ in range(2):
        await store.start()
        await store.stop()
    assert names(path.parent) == ["kumo.db", "kumo.db.lock"]
