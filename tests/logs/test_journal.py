"""The journal over a real shelf: everything written is found, in order, page by page; and it never hurts who writes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kumotasks.domain.clock import DAY, MINUTE, SECOND, ManualClock
from kumotasks.domain.errors import StorageFull, StorageUnavailable
from kumotasks.domain.log_row import LogRow
from kumotasks.logs import journal as journal_module
from kumotasks.logs import query as query_module
from kumotasks.logs.entry import ERROR, LogEntry
from tests.factory import NOW
from tests.logs.journaling import Open, ShakyShelf, an_entry, expected

OTHER = "projects/p/logs/other"


async def test_what_was_written_is_read_at_once(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        log.journal.write([an_entry("a", insert_id="1"), an_entry("b", insert_id="2")])
        assert await log.texts() == ["a", "b"]
        log.journal.write([an_entry("c", insert_id="3")])
        assert await log.texts(newest_first=True) == ["c", "b", "a"]


async def test_entries_are_kept_by_themselves_time_and_again(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        for count in (1, 2, journal_module._FLUSH_AT):
            kept = kept_next(log)
            log.journal.write([an_entry() for _ in range(count)])
            async with asyncio.timeout(20):
                assert await kept == count


def kept_next(log: Open) -> asyncio.Future[int]:
    """How many rows the shelf gets next, once it has them."""
    kept: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    append = ShakyShelf.append

    async def heard(rows: Sequence[LogRow]) -> None:
        await append(log.shelf, rows)
        kept.set_result(len(rows))

    log.shelf.append = heard  # type: ignore[method-assign]
    return kept


async def test_a_burst_is_kept_whole_and_in_order(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        for each in range(5_000):
            log.journal.write([an_entry(str(each))])
        assert [entry.payload for entry in await log.walk()] == [str(each) for each in range(5_000)]


async def test_what_was_written_last_is_kept_at_the_stop(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        log.journal.write([an_entry("a")])
    async with Open(tmp_path) as log:
        assert await log.texts() == ["a"]
    await log.journal.stop()


async def test_an_entry_gets_an_id_and_the_time_it_came(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        log.journal.write([an_entry("a"), an_entry("b"), an_entry("c", insert_id="own", receive_timestamp=5)])
        first, second, third = (await log.read()).entries
        assert 0 < len(first.insert_id) == len(second.insert_id)
        assert first.insert_id < second.insert_id
        assert first.receive_timestamp == NOW
        assert (third.insert_id, third.receive_timestamp) == ("own", 5)


async def test_ids_keep_the_order_of_what_happened_at_one_instant(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        for each in range(50):
            log.journal.write([an_entry(str(each))])
        assert await log.texts() == [str(each) for each in range(50)]


async def test_a_full_page_says_whether_it_is_the_last(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        log.journal.write([an_entry(each) for each in "abc"])
        page = await log.read(page_size=2)
        assert [entry.payload for entry in page.entries] == ["a", "b"]
        page = await log.read(page_size=2, after=page.next)
        assert [entry.payload for entry in page.entries] == ["c"]
        assert page.next is None
        assert (await log.read(page_size=3)).next is None


async def test_a_filter_and_projects_choose(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        log.journal.write(
            [
                an_entry("a", severity=ERROR),
                an_entry("b", log=OTHER, severity=ERROR),
                an_entry("c", at=NOW + SECOND, severity=ERROR),
                an_entry("d"),
                an_entry("e", log="projects/q/logs/l", severity=ERROR),
            ]
        )
        assert sorted(map(str, await log.texts("severity>=ERROR"))) == ["a", "b", "c"]
        assert await log.texts(f'severity>=ERROR log_id("l") timestamp<="{"2026-01-01T00:00:00Z"}"') == ["a"]
        assert await log.texts("severity>=ERROR", projects=("q",)) == ["e"]
        assert await log.texts("severity>=ERROR textPayload=(a OR e)", projects=("q", "p", "q")) == ["a", "e"]
        assert await log.texts('timestamp<"2020-01-01T00:00:00Z" timestamp>"2021-01-01T00:00:00Z"') == []
        assert await log.texts(projects=()) == []


async def test_a_rare_entry_is_found_over_empty_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query_module, "_BATCH", 10)
    monkeypatch.setattr(query_module, "_MOST_SCANNED", 30)
    async with Open(tmp_path) as log:
        log.journal.write([an_entry("no", at=NOW + each) for each in range(95)])
        log.journal.write([an_entry("yes", at=NOW + 99)])
        page = await log.read("textPayload=yes", page_size=5)
        assert page.entries == ()
        assert page.next is not None
        assert [entry.payload for entry in await log.walk("textPayload=yes", page_size=5)] == ["yes"]
        assert len(await log.walk(page_size=7)) == 96


async def test_a_page_of_large_entries_is_short(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        await log.journal.keep([an_entry("x" * 1_000_000, at=NOW + each) for each in range(8)])
        page = await log.read()
        assert len(page.entries) == 4
        assert len(await log.walk()) == 8


async def test_the_logs_of_a_project_have_names(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        log.journal.write([an_entry(), an_entry(log=OTHER), an_entry(log="projects/pp/logs/l")])
        assert await log.journal.names("p") == ["projects/p/logs/l", OTHER]
        assert await log.journal.names("p", "projects/p/logs/o") == [OTHER]
        assert await log.journal.names("none") == []


async def test_a_log_is_deleted_with_what_is_still_to_be_kept(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        log.journal.write([an_entry("a"), an_entry("b", log=OTHER)])
        assert await log.journal.delete(OTHER)
        assert not await log.journal.delete(OTHER)
        assert await log.texts() == ["a"]


async def test_a_listener_hears_what_is_taken(tmp_path: Path) -> None:
    heard: list[LogEntry] = []

    def listener(entries: Sequence[LogEntry]) -> None:
        heard.extend(entries)

    async with Open(tmp_path) as log:
        log.journal.subscribe(listener)
        log.journal.write([an_entry("a")])
        await log.journal.keep([an_entry("b")])
        log.journal.unsubscribe(listener)
        log.journal.write([an_entry("c")])
        assert [entry.payload for entry in heard] == ["a", "b"]
        assert all(entry.insert_id and entry.receive_timestamp for entry in heard)


# kept for a time, and up to a size


async def test_what_is_too_old_is_read_no_more_and_then_removed(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    async with Open(tmp_path, clock, keep=DAY) as log:
        log.journal.write([an_entry("a")])
        assert await log.texts() == ["a"]
        clock.turn(NOW + DAY + 1)
        assert await log.texts() == []
        log.journal.write([an_entry("b", at=clock.now())])
        assert await log.texts() == ["b"]
        await pruned(log)
        clock.turn(NOW)
    async with Open(tmp_path) as log:
        assert await log.texts() == ["b"]


async def pruned(log: Open) -> None:
    async with asyncio.timeout(20):
        while log.journal._pruning:  # noqa: ASYNC110 - there is no event for what tests wait for
            await asyncio.sleep(0)


async def test_the_first_entries_make_room_for_the_last(tmp_path: Path) -> None:
    async with Open(tmp_path, max_bytes=1_000_000) as log:
        for each in range(40):
            await log.journal.keep([an_entry("x" * 1_000, at=NOW + 100 * each + i) for i in range(100)])
        await pruned(log)
        found = await log.walk()
        assert 100 < len(found) <= 2_000
        assert found[-1].timestamp == NOW + 3_999


# it never hurts


async def test_a_full_disk_is_said_once_and_entries_are_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Open(tmp_path) as log:
        log.shelf.full = True
        for _ in range(3):
            log.journal.write([an_entry("lost")])
            assert await log.texts() == []
        assert [record.message for record in caplog.records] == ["log entries are dropped"]
        with pytest.raises(StorageFull):
            await log.journal.keep([an_entry("lost")])
        log.shelf.full = False
        log.clock.turn(NOW + MINUTE)
        log.journal.write([an_entry("kept")])
        assert await log.texts() == ["kept"]
        assert caplog.records[-1].message == "log entries are kept again"
        assert vars(caplog.records[-1])["dropped"] == 3


async def test_a_damaged_file_is_said_once_and_entries_are_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "logs.db").write_bytes(b"nonsense " * 1_000)
    async with Open(tmp_path) as log:
        log.journal.write([an_entry("lost")])
        with pytest.raises(StorageUnavailable):
            await log.read()
        with pytest.raises(StorageUnavailable):
            await log.journal.names("p")
        log.journal.write([an_entry("lost")])
    (said,) = caplog.records
    assert said.message == "log entries are dropped"
    assert "not a database" in vars(said)["reason"]


async def test_a_flood_is_dropped_above_the_brim(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_MOST_HELD", 100)
    async with Open(tmp_path) as log:
        for each in range(150):
            log.journal.write([an_entry(str(each))])
        assert await log.texts() == [str(each) for each in range(100)]
        assert log.journal.dropped == 50
        assert [record.message for record in caplog.records] == ["log entries are dropped"]


async def test_long_texts_are_bounded_by_their_length(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        for _ in range(5):
            log.journal.write([an_entry("x" * 10_000_000)])
        assert len(await log.walk()) == 3


async def test_a_reader_that_leaves_takes_nothing_away(tmp_path: Path) -> None:
    async with Open(tmp_path) as log:
        log.journal.write([an_entry(str(each), at=NOW + each) for each in range(500)])
        reading = asyncio.ensure_future(log.read())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert len(await log.walk()) == 500


async def test_a_row_that_is_damaged_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with Open(tmp_path) as log:
        log.journal.write([an_entry("a"), an_entry("b", insert_id="zzz"), an_entry("c", at=NOW + 1)])
        await log.texts()
        log.shelf._writing.run(lambda connection: connection.execute("UPDATE entry SET content = '{' WHERE number = 2"))
        assert await log.texts() == ["a", "c"]
        assert caplog.records[-1].levelno == logging.WARNING


# against a plain list

FILTERS = [
    "",
    "severity>=WARNING",
    'log_id("l")',
    "textPayload=(a OR b)",
    'timestamp>="2026-01-01T00:00:00.000002Z"',
    'timestamp<"2026-01-01T00:00:00.000003Z" severity=ERROR',
    'logName:other OR timestamp="2026-01-01T00:00:00.000001Z"',
    'NOT logName:other AND NOT textPayload="b"',
]
ENTRIES = st.lists(
    st.builds(
        lambda text, at, log, severity, insert_id: an_entry(
            text, at=NOW + at, log=log, severity=severity, insert_id=insert_id, receive_timestamp=NOW
        ),
        st.sampled_from("abc"),
        st.integers(0, 4),
        st.sampled_from(["projects/p/logs/l", OTHER, "projects/q/logs/l"]),
        st.sampled_from([0, 200, 400, 500]),
        st.sampled_from(["1", "2", "10", "é"]),
    ),
    max_size=30,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(ENTRIES, max_size=3),
    filter=st.sampled_from(FILTERS),
    projects=st.sampled_from([("p",), ("q", "p")]),
    newest_first=st.booleans(),
    page_size=st.integers(1, 9),
)
async def test_a_journal_answers_as_a_plain_list_would(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[LogEntry]],
    filter: str,
    projects: tuple[str, ...],
    newest_first: bool,
    page_size: int,
) -> None:
    async with Open(tmp_path_factory.mktemp("journal")) as log:
        for batch in batches:
            log.journal.write(batch)
            await log.texts()
        found = await log.walk(filter, projects=projects, newest_first=newest_first, page_size=page_size)
    written = [entry for batch in batches for entry in batch]
    assert found == expected(written, filter, projects, newest_first=newest_first)
