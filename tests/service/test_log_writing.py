from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from kumotasks.auth.projects import Projects
from kumotasks.domain.clock import HOUR, ManualClock
from kumotasks.domain.errors import EntriesRefused, InvalidArgument, KumoError, PermissionDenied, StorageFull
from kumotasks.domain.principal import Principal
from kumotasks.service.log_writing import CREATE, MAX_CALL, MAX_ENTRY, Batch, Draft, needed_at_the_gate
from tests.service.granting import Grants
from tests.service.logkeeping import Kept, blank

ANNA = Principal("anna@p.iam.gserviceaccount.com", "1" * 21)
GOOD = blank("good")


@pytest.fixture
async def kept(tmp_path: Path, clock: ManualClock, projects: Projects) -> AsyncIterator[Kept]:
    async with Kept(tmp_path, clock, projects) as kept:
        yield kept


async def test_an_entry_says_itself_what_it_says_and_the_call_the_rest(kept: Kept) -> None:
    own = blank(
        "own",
        log_name="projects/p/logs/own",
        resource_type="gae_app",
        resource_labels={"module_id": "m"},
        labels={"a": "own", "b": "own"},
    )
    await kept.put(own, blank("bare"), resource_labels={"zone": "z"}, labels={"a": "call", "c": "call"})
    first, second = (await kept.page()).entries
    assert (first.log_name, first.resource_type) == ("projects/p/logs/own", "gae_app")
    assert first.resource_labels == {"project_id": "p", "module_id": "m"}
    assert first.labels == {"a": "own", "b": "own", "c": "call"}
    assert (second.log_name, second.resource_type) == ("projects/p/logs/l", "global")
    assert second.resource_labels == {"project_id": "p", "zone": "z"}
    assert second.labels == {"a": "call", "c": "call"}


async def test_what_an_entry_leaves_out_is_now_a_new_id_and_the_default(kept: Kept, clock: ManualClock) -> None:
    await kept.put(blank("a"), blank("b"))
    first, second = (await kept.page()).entries
    assert (first.payload, first.timestamp, first.severity) == ("a", clock.now(), 0)
    assert first.receive_timestamp == clock.now()
    assert len({first.insert_id, second.insert_id, ""}) == 3


async def test_entries_without_a_time_keep_their_order_whatever_their_ids(kept: Kept) -> None:
    await kept.put(*(blank(each, insert_id=each) for each in "cab"))
    assert await kept.said() == ["c", "a", "b"]


async def test_the_time_of_receipt_is_the_servers(kept: Kept, clock: ManualClock) -> None:
    await kept.put(blank("a", receive_timestamp=1))
    assert (await kept.page()).entries[0].receive_timestamp == clock.now()


async def test_the_same_entry_written_twice_is_one(kept: Kept, clock: ManualClock) -> None:
    again = blank("a", insert_id="i", timestamp=clock.now())
    await kept.put(again)
    await kept.put(again)
    assert await kept.said() == ["a"]


BAD = {
    "no log": (replace(GOOD, log_name="nonsense"), "must be formatted"),
    "a log with an odd name": (replace(GOOD, log_name="projects/p/logs/a b"), "illegal character"),
    "far ahead": (replace(GOOD, timestamp=10**16), "24 hours in the future"),
    "a long id": (replace(GOOD, insert_id="i" * 513), "insert_id"),
}


@pytest.mark.parametrize("entry", [each[0] for each in BAD.values()], ids=BAD)
async def test_one_bad_entry_keeps_the_others_out(kept: Kept, entry: object) -> None:
    with pytest.raises(InvalidArgument):
        await kept.put(GOOD, entry)  # type: ignore[arg-type]
    assert await kept.said() == []


@pytest.mark.parametrize(("entry", "words"), BAD.values(), ids=BAD)
async def test_with_partial_success_the_good_ones_are_kept(kept: Kept, entry: object, words: str) -> None:
    with pytest.raises(EntriesRefused, match=words) as refused:
        await kept.put(blank("1"), entry, blank("3"), entry, partial=True)  # type: ignore[arg-type]
    assert sorted(refused.value.refusals) == [1, 3]
    assert await kept.said() == ["1", "3"]


async def test_where_nothing_is_kept_no_entry_is_named(kept: Kept) -> None:
    with pytest.raises(InvalidArgument, match="illegal"):
        await kept.put(BAD["a log with an odd name"][0], partial=True)


async def test_an_entry_of_no_resource_is_refused(kept: Kept) -> None:
    with pytest.raises(InvalidArgument, match=r"A monitored resource must be specified for each log entry\."):
        await kept.put(GOOD, resource_type="")


@pytest.mark.parametrize(
    ("size", "words"),
    [(MAX_ENTRY + 52, "256.1K"), (562_483, "549.3K"), (6_532_628, "6.23M")],
)
async def test_an_entry_that_is_too_large_is_refused_in_googles_words(kept: Kept, size: int, words: str) -> None:
    batch = Batch((Draft(GOOD, size),), size, log_name="projects/p/logs/l", resource_type="global")
    with pytest.raises(InvalidArgument, match=f"^Log entry with size {words} exceeds maximum size of 256.0K$"):
        await kept.writing.write(batch, ANNA)


async def test_a_call_that_is_too_large_or_empty_is_refused(kept: Kept) -> None:
    batch = Batch((Draft(GOOD, 1),), MAX_CALL + 1, log_name="projects/p/logs/l", resource_type="global")
    with pytest.raises(InvalidArgument, match="Request payload size exceeds the limit: 10485760 bytes"):
        await kept.writing.write(batch, ANNA)
    with pytest.raises(InvalidArgument, match="At least one"):
        await kept.put()


async def test_a_dry_run_says_what_would_be_and_keeps_nothing(kept: Kept) -> None:
    await kept.put(GOOD, dry_run=True)
    with pytest.raises(InvalidArgument):
        await kept.put(BAD["far ahead"][0], dry_run=True)
    with pytest.raises(EntriesRefused):
        await kept.put(GOOD, BAD["far ahead"][0], dry_run=True, partial=True)
    assert await kept.said() == []


async def test_a_caller_hears_that_nothing_could_be_kept(kept: Kept) -> None:
    kept.shelf.full = True
    with pytest.raises(StorageFull):
        await kept.put(GOOD)


async def test_nobody_writes_the_logs_of_an_organization(kept: Kept) -> None:
    with pytest.raises(PermissionDenied):
        await kept.put(blank(log_name="organizations/1/logs/l"))


async def test_with_partial_success_each_project_is_judged_by_itself(
    tmp_path: Path, clock: ManualClock, projects: Projects
) -> None:
    grants = Grants((ANNA.email, CREATE, "projects/p"))
    async with Kept(tmp_path, clock, projects, grants) as kept:
        with pytest.raises(EntriesRefused) as refused:
            await kept.put(blank("p"), blank("q", log_name="projects/q/logs/l"), by=ANNA, partial=True)
        (place, refusal), *others = refused.value.refusals.items()
        assert (place, type(refusal), others) == (1, PermissionDenied, [])
        assert await kept.said(of=("projects/p", "projects/q")) == ["p"]


@pytest.mark.parametrize(
    ("names", "partial", "needed"),
    [
        (["projects/p/logs/a", "/projects/p/logs/b"], False, ("projects/p",)),
        (["projects/p/logs/a", "projects/q/logs/b"], False, ("projects/p", "projects/q")),
        (["projects/p/logs/a", "projects/q/logs/b"], True, ()),
        (["projects/p/logs/a", "projects/p/logs/b"], True, ("projects/p",)),
        (["projects/p/logs/a", "nonsense"], True, ("projects/p",)),
        (["nonsense", ""], False, ()),
    ],
)
def test_the_gate_judges_what_must_hold_for_the_whole_call(
    names: list[str], partial: bool, needed: tuple[str, ...]
) -> None:
    assert needed_at_the_gate(names, partial=partial) == needed


async def test_a_name_that_the_gate_passed_over_is_refused_by_the_call(kept: Kept) -> None:
    assert needed_at_the_gate(["nonsense"], partial=False) == ()
    with pytest.raises(KumoError):
        await kept.put(blank(log_name="nonsense"))


async def test_times_up_to_a_day_ahead_are_taken(kept: Kept, clock: ManualClock) -> None:
    await kept.put(blank("a", timestamp=clock.now() + 24 * HOUR))
    assert await kept.said() == ["a"]
