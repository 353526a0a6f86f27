from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kumotasks.auth.projects import Projects
from kumotasks.domain.clock import HOUR, SECOND, ManualClock
from kumotasks.domain.errors import EntityNotFound, InvalidArgument
from tests.service.logkeeping import Kept, blank


@pytest.fixture
async def kept(tmp_path: Path, clock: ManualClock, projects: Projects) -> AsyncIterator[Kept]:
    async with Kept(tmp_path, clock, projects) as kept:
        yield kept


async def test_entries_come_in_order_of_time_oldest_first_unless_asked_otherwise(
    kept: Kept, clock: ManualClock
) -> None:
    now = clock.now()
    await kept.put(blank("b", timestamp=now - 1), blank("c", timestamp=now), blank("a", timestamp=now - 2))
    assert await kept.said() == ["a", "b", "c"]
    assert await kept.said(order_by="timestamp") == ["a", "b", "c"]
    assert await kept.said(order_by="timestamp asc") == ["a", "b", "c"]
    assert await kept.said(order_by="timestamp desc") == ["c", "b", "a"]


@pytest.mark.parametrize("order_by", ["severity", "timestamp down", "timestamp desc, severity", "asc"])
async def test_there_is_no_other_order(kept: Kept, order_by: str) -> None:
    with pytest.raises(InvalidArgument, match="order_by"):
        await kept.page(order_by=order_by)


@pytest.mark.parametrize("order_by", ["timestamp asc", "timestamp desc"])
async def test_pages_hold_every_entry_once(kept: Kept, order_by: str) -> None:
    await kept.put(*(blank(str(number)) for number in range(7)))
    found: list[object] = []
    token = ""
    sizes = []
    while True:
        page = await kept.page(order_by=order_by, page_size=3, page_token=token)
        found += [entry.payload for entry in page.entries]
        sizes.append(len(page.entries))
        token = page.next_page_token
        if not token:
            break
    assert sizes == [3, 3, 1]
    assert found == sorted(map(str, range(7)), reverse="desc" in order_by)


async def test_a_page_has_fifty_entries_unless_asked_for_and_a_thousand_at_most(kept: Kept) -> None:
    await kept.put(*(blank("x") for _ in range(1_001)))
    assert len((await kept.page()).entries) == 50
    assert len((await kept.page(page_size=5_000)).entries) == 1_000
    with pytest.raises(InvalidArgument):
        await kept.page(page_size=-1)


@pytest.mark.parametrize(
    "other", [{"filter": "x"}, {"order_by": "timestamp desc"}, {"of": ("projects/p", "projects/q")}]
)
async def test_a_token_holds_for_its_own_request(kept: Kept, other: dict[str, object]) -> None:
    await kept.put(blank("1"), blank("2"))
    token = (await kept.page(page_size=1)).next_page_token
    with pytest.raises(InvalidArgument, match="page_token doesn't match arguments from the request"):
        await kept.page(**{"page_token": token, **other})  # type: ignore[arg-type]
    assert [entry.payload for entry in (await kept.page(page_token=token, page_size=9)).entries] == ["2"]


@pytest.mark.parametrize("token", ["x", "AAAA", "ü", "a" * 1_000])
async def test_what_is_no_token_is_refused(kept: Kept, token: str) -> None:
    with pytest.raises(InvalidArgument, match="page_token"):
        await kept.page(page_token=token)


async def test_an_id_of_any_characters_is_paged_over(kept: Kept, clock: ManualClock) -> None:
    ids = ["a b", "a\nb", "ü", "\0", "z" * 512]
    await kept.put(*(blank(each, insert_id=each, timestamp=clock.now()) for each in ids))
    found, token = [], ""
    for _ in ids:
        page = await kept.page(page_size=1, page_token=token)
        found += [entry.payload for entry in page.entries]
        token = page.next_page_token
    assert sorted(found) == sorted(ids)  # type: ignore[type-var]
    assert token == ""


async def test_entries_of_the_projects_asked_for_come_and_no_others(kept: Kept) -> None:
    await kept.put(blank("p"), blank("q", log_name="projects/q/logs/l"), blank("r", log_name="projects/r/logs/l"))
    assert await kept.said(of=("projects/q",)) == ["q"]
    assert await kept.said(of=("projects/q", "projects/p", "projects/p")) == ["p", "q"]
    assert await kept.said(of=("projects/r/locations/global/buckets/_Default/views/_AllLogs",)) == ["r"]
    assert await kept.said(of=("organizations/1",)) == []
    assert await kept.said('logName="projects/q/logs/l"', of=("projects/p",)) == []


async def test_a_project_may_be_named_by_its_number(kept: Kept, projects: Projects) -> None:
    number = await projects.number("p")
    await kept.put(blank("by number", log_name=f"projects/{number}/logs/l"))
    (entry,) = (await kept.page(of=(f"projects/{number}",))).entries
    assert entry.log_name == "projects/p/logs/l"
    assert entry.resource_labels == {"project_id": "p"}


@pytest.mark.parametrize("names", [(), ("p",), ("projects/p", "nonsense"), ("projects/p",) * 101])
async def test_resource_names_must_be_some_and_be_names(kept: Kept, names: tuple[str, ...]) -> None:
    with pytest.raises(InvalidArgument, match="esource name"):
        await kept.page(of=names)


async def test_a_filter_that_cannot_be_read_is_refused_in_googles_words(kept: Kept) -> None:
    with pytest.raises(InvalidArgument, match="Unparseable filter: syntax error at line 1, column 3, token '='"):
        await kept.page("a==b")


async def test_names_are_those_of_logs_with_entries_sorted_and_paged(kept: Kept) -> None:
    logs = ["b", "a", "c%2Fd"]
    await kept.put(*(blank("x", log_name=f"projects/p/logs/{log}") for log in logs))
    await kept.put(blank("x", log_name="projects/q/logs/z"))
    page = await kept.logging.names(("projects/p",), 2, "")
    rest = await kept.logging.names(("projects/p",), 2, page.next_page_token)
    assert [*page.names, *rest.names] == [f"projects/p/logs/{log}" for log in sorted(logs)]
    assert rest.next_page_token == ""
    both = await kept.logging.names(("projects/p", "projects/q"), 0, "")
    assert len(both.names) == 4
    with pytest.raises(InvalidArgument, match="page_token"):
        await kept.logging.names(("projects/q",), 2, page.next_page_token)


async def test_a_log_is_deleted_with_all_its_entries_and_lives_on_with_new_ones(kept: Kept, clock: ManualClock) -> None:
    await kept.put(blank("a", log_name="projects/p/logs/a%2Fb"), blank("other"))
    await kept.logging.delete("projects/p/logs/a%2Fb")
    assert await kept.said() == ["other"]
    with pytest.raises(EntityNotFound):
        await kept.logging.delete("projects/p/logs/a%2Fb")
    clock.turn(clock.now() + SECOND)
    await kept.put(blank("new", log_name="projects/p/logs/a%2Fb"))
    assert await kept.said() == ["other", "new"]


async def test_a_token_goes_on_for_two_hours(kept: Kept, clock: ManualClock) -> None:
    await kept.put(blank("1"), blank("2"))
    token = (await kept.page(page_size=1)).next_page_token
    clock.turn(clock.now() + 3 * HOUR)
    with pytest.raises(InvalidArgument):
        await kept.page(page_token=token)
