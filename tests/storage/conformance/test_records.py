"""Records: get, list, put if the etag still holds, delete."""

from __future__ import annotations

import asyncio

import pytest

from kumotasks.storage.records import ABSENT, Record, RecordChanged
from kumotasks.storage.sqlstore import SqlRecords, SqlStore
from tests.factory import NOW


@pytest.fixture
def records(store: SqlStore) -> SqlRecords:
    return store.records


async def put(records: SqlRecords, key: str, value: bytes = b"v", *, kind: str = "k") -> Record:
    return await records.put_record(kind, key, value, now=NOW, if_etag=None)


async def keys(records: SqlRecords, *, prefix: str = "", after: str = "", limit: int = 100) -> list[str]:
    return [record.key for record in await records.list_records("k", prefix=prefix, after=after, limit=limit)]


async def test_a_record_reads_back(records: SqlRecords) -> None:
    kept = await put(records, "a", b"\0\xff")
    assert (kept.kind, kept.key, kept.value, kept.updated) == ("k", "a", b"\0\xff", NOW)
    assert await records.get_record("k", "a") == kept
    assert await records.list_records("k", prefix="", after="", limit=9) == [kept]


async def test_what_was_never_put_is_none(records: SqlRecords) -> None:
    await put(records, "a")
    assert await records.get_record("k", "b") is None
    assert await records.get_record("other", "a") is None


async def test_every_put_gives_a_new_etag(records: SqlRecords) -> None:
    etags = [(await put(records, "a")).etag for _ in range(3)]
    await records.delete_record("k", "a")
    etags.append((await put(records, "a")).etag)
    assert len({*etags, ABSENT}) == 5


async def test_a_put_demands_the_etag_it_names(records: SqlRecords) -> None:
    first = await put(records, "a", b"1")
    second = await records.put_record("k", "a", b"2", now=NOW + 1, if_etag=first.etag)
    with pytest.raises(RecordChanged):
        await records.put_record("k", "a", b"3", now=NOW, if_etag=first.etag)
    with pytest.raises(RecordChanged):
        await records.put_record("k", "b", b"3", now=NOW, if_etag=first.etag)
    assert await records.get_record("k", "a") == second


async def test_a_put_may_demand_that_there_is_none(records: SqlRecords) -> None:
    await records.put_record("k", "a", b"1", now=NOW, if_etag=ABSENT)
    with pytest.raises(RecordChanged):
        await records.put_record("k", "a", b"2", now=NOW, if_etag=ABSENT)
    await records.delete_record("k", "a")
    await records.put_record("k", "a", b"2", now=NOW, if_etag=ABSENT)


async def test_of_many_that_read_the_same_etag_one_may_put(records: SqlRecords) -> None:
    etag = (await put(records, "a")).etag
    puts = [records.put_record("k", "a", b"%d" % n, now=NOW, if_etag=etag) for n in range(10)]
    answers = await asyncio.gather(*puts, return_exceptions=True)
    assert [isinstance(answer, Record) for answer in answers].count(True) == 1


async def test_a_deletion_says_whether_there_was_one(records: SqlRecords) -> None:
    await put(records, "a")
    assert await records.delete_record("k", "a") is True
    assert await records.delete_record("k", "a") is False
    assert await records.get_record("k", "a") is None


async def test_records_are_listed_by_key_within_a_prefix(records: SqlRecords) -> None:
    for key in ("p/b", "p/a", "q", "p", "p/\U0010fffe", "P/a"):
        await put(records, key)
    await put(records, "p/other", kind="other")
    assert await keys(records) == ["P/a", "p", "p/a", "p/b", "p/\U0010fffe", "q"]
    assert await keys(records, prefix="p/") == ["p/a", "p/b", "p/\U0010fffe"]
    assert await keys(records, prefix="p/", limit=1) == ["p/a"]
    assert await keys(records, prefix="p/", after="p/a") == ["p/b", "p/\U0010fffe"]
    assert await keys(records, after="p/b") == ["p/\U0010fffe", "q"]


async def put_at(records: SqlRecords, key: str, instant: int, *, kind: str = "k") -> None:
    await records.put_record(kind, key, b"v", now=instant, if_etag=None)


async def test_the_oldest_are_forgotten_a_share_at_a_time(records: SqlRecords) -> None:
    for number, key in enumerate("dcba"):
        await put_at(records, key, NOW + number)
    assert await records.forget_records("k", before=NOW + 3, limit=2) == 2
    assert await keys(records) == ["a", "b"]
    assert await records.forget_records("k", before=NOW + 3, limit=2) == 1
    assert await records.forget_records("k", before=NOW + 3, limit=2) == 0
    assert await keys(records) == ["a"]


async def test_what_was_put_again_is_young(records: SqlRecords) -> None:
    await put_at(records, "a", NOW)
    await put_at(records, "a", NOW + 5)
    assert await records.forget_records("k", before=NOW + 5, limit=9) == 0


async def test_other_kinds_are_not_forgotten(records: SqlRecords) -> None:
    await put_at(records, "a", NOW, kind="other")
    assert await records.forget_records("k", before=NOW + 5, limit=9) == 0
    assert await records.get_record("other", "a") is not None
