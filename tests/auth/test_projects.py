"""Projects by id and by number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kumotasks.auth.projects import KIND, Projects
from kumotasks.domain.account import project_number
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.errors import StorageFull
from kumotasks.storage.records import Record, Records
from kumotasks.storage.sqlite import SqliteStore
from tests.factory import NOW


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    yield store.records
    await store.stop()


@pytest.fixture
def projects(records: Records) -> Projects:
    return Projects(records, ManualClock(NOW))


async def test_a_number_that_was_shown_leads_back_to_its_project(projects: Projects) -> None:
    number = await projects.number("shop")
    assert len(number) == 12
    assert await projects.resolve(number) == "shop"
    assert await projects.resolve("shop") == "shop"


async def test_a_number_that_nobody_saw_is_its_own(projects: Projects) -> None:
    assert await projects.resolve(project_number("shop")) == project_number("shop")
    assert await projects.number("123456") == "123456"
    assert await projects.seen() == []


async def test_what_was_seen_outlives_the_process(projects: Projects, records: Records) -> None:
    number = await projects.number("shop")
    again = Projects(records, ManualClock(NOW))
    assert await again.resolve(number) == "shop"
    assert await again.seen() == ["shop"]


async def test_another_process_learns_a_number_at_once(projects: Projects, records: Records) -> None:
    other = Projects(records, ManualClock(NOW))
    assert await other.seen() == []
    assert await other.resolve(await projects.number("shop")) == "shop"


async def test_a_number_stays_with_the_project_that_had_it_first(projects: Projects, records: Records) -> None:
    number = project_number("shop")
    await projects.seen()
    await records.put_record(KIND, number, b"first", now=NOW, if_etag=None)
    await projects.number("shop")
    assert await projects.resolve(number) == "first"
    assert await Projects(records, ManualClock(NOW)).resolve(number) == "first"


async def test_a_project_is_written_down_once(projects: Projects, records: Records) -> None:
    for name in ("shop", "mill", "shop", "mill"):
        await projects.number(name)
    assert await projects.seen() == ["shop", "mill"]
    assert len(await records.list_records(KIND, prefix="", after="", limit=9)) == 2


async def test_a_full_store_does_not_keep_a_number_back(records: Records) -> None:
    class Full:
        get_record = records.get_record
        list_records = records.list_records
        delete_record = records.delete_record

        async def put_record(self, kind: str, key: str, value: bytes, *, now: int, if_etag: str | None) -> Record:
            raise StorageFull

    projects = Projects(Full(), ManualClock(NOW))
    assert await projects.number("shop") == project_number("shop")
    assert await projects.seen() == []
