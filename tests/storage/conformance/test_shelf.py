"""The shelf of log entries: order, places, size, on every engine."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kumotasks.domain.log_row import Place
from kumotasks.storage.logs import Shelf
from tests.factory import NOW
from tests.storage.conformance.places import Place as StorePlace
from tests.storage.shelving import FOREVER, LOG, OTHER, a_row, a_stretch, ids


@pytest.fixture
async def shelf(place: StorePlace) -> AsyncIterator[Shelf]:
    shelf = place.shelf()
    await shelf.start()
    yield shelf
    await shelf.stop()


async def test_rows_come_in_order_of_time_and_id(shelf: Shelf) -> None:
    await shelf.append([a_row("c", 1), a_row("b", 0), a_row("a", 0)])
    assert ids(await shelf.scan(a_stretch())) == "abc"
    assert ids(await shelf.scan(a_stretch(newest_first=True))) == "cba"


async def test_a_row_comes_back_whole(shelf: Shelf) -> None:
    row = a_row("ä\0ö", 5, severity=500, content=b'{"x":1}')
    await shelf.append([row])
    assert await shelf.scan(a_stretch()) == ([row], False)


async def test_of_two_rows_at_one_place_the_first_stays(shelf: Shelf) -> None:
    await shelf.append([a_row("a", content=b"1"), a_row("a", content=b"2")])
    await shelf.append([a_row("a", content=b"3"), a_row("a", log=OTHER, content=b"4")])
    rows, _ = await shelf.scan(a_stretch(LOG, OTHER))
    assert [row.content for row in rows] == [b"1", b"4"]


async def test_logs_are_merged_in_order_of_time(shelf: Shelf) -> None:
    await shelf.append([a_row("a", 0), a_row("b", 1, OTHER), a_row("c", 2), a_row("d", 3, "projects/q/logs/l")])
    assert ids(await shelf.scan(a_stretch(LOG, OTHER))) == "abc"
    assert ids(await shelf.scan(a_stretch(LOG, OTHER, "projects/q/logs/l", newest_first=True))) == "dcba"
    assert ids(await shelf.scan(a_stretch("projects/p/logs/unknown"))) == ""


async def test_a_stretch_has_both_its_ends(shelf: Shelf) -> None:
    await shelf.append([a_row(each, at) for at, each in enumerate("abcde")])
    for newest_first, found in ((False, "bcd"), (True, "dcb")):
        assert ids(await shelf.scan(a_stretch(low=NOW + 1, high=NOW + 3, newest_first=newest_first))) == found


async def test_a_stretch_has_a_least_severity(shelf: Shelf) -> None:
    await shelf.append([a_row("a", severity=200), a_row("b", severity=500), a_row("c", severity=400)])
    assert ids(await shelf.scan(a_stretch(severity=400))) == "bc"


@pytest.mark.parametrize("newest_first", [False, True])
async def test_pages_meet_without_gap_or_overlap(shelf: Shelf, newest_first: bool) -> None:
    rows = [a_row(each, at, log) for log in (LOG, OTHER) for at in range(3) for each in "abc"]
    await shelf.append(rows)
    places: list[Place] = []
    more, after = True, None
    while more:
        page, more = await shelf.scan(a_stretch(LOG, OTHER, newest_first=newest_first, after=after, limit=4))
        after = page[-1].place
        places += [row.place for row in page]
    assert places == sorted([row.place for row in rows], reverse=newest_first)


async def test_an_answer_is_bounded_in_bytes(shelf: Shelf) -> None:
    await shelf.append([a_row(str(each), content=bytes(1024 * 1024)) for each in range(8)])
    rows, more = await shelf.scan(a_stretch())
    assert 3 <= len(rows) <= 5
    assert more


async def test_only_logs_with_rows_have_a_name(shelf: Shelf) -> None:
    await shelf.append([a_row("a", log=OTHER), a_row("b"), a_row("c", log="projects/q/logs/l")])
    assert await shelf.names("p") == [LOG, OTHER]
    while await shelf.delete(OTHER):
        pass
    assert await shelf.names("p") == [LOG]
    assert not await shelf.delete("projects/p/logs/unknown")


async def test_a_large_log_is_deleted_in_passes(shelf: Shelf) -> None:
    await shelf.append([a_row(str(each)) for each in range(2_500)])
    passes = 1
    while await shelf.delete(LOG):
        passes += 1
    assert passes == 3
    assert ids(await shelf.scan(a_stretch())) == ""


async def test_what_is_older_is_pruned(shelf: Shelf) -> None:
    await shelf.append([a_row("a", -1), a_row("b", 0), a_row("c", -1, OTHER)])
    assert not await shelf.prune(before=NOW, max_bytes=1 << 30)
    assert ids(await shelf.scan(a_stretch(LOG, OTHER))) == "b"


async def test_what_came_first_is_pruned_until_the_rest_is_small_enough(shelf: Shelf) -> None:
    rows = [a_row(f"{each:05}", -each, content=bytes(1_000)) for each in range(4_000)]
    await shelf.append(rows)
    while await shelf.prune(before=-FOREVER, max_bytes=3_000_000):
        pass
    kept, _ = await shelf.scan(a_stretch(limit=5_000))
    assert 1_000 <= len(kept) < 3_000
    assert {row.insert_id for row in kept} == {row.insert_id for row in rows[-len(kept) :]}
