from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest

from kumotasks.auth.projects import Projects
from kumotasks.domain.clock import SECOND, ManualClock
from kumotasks.domain.errors import InvalidArgument, ResourceExhausted, TailTooLong
from kumotasks.logs.filter import parse
from kumotasks.service import log_tail
from kumotasks.service.log_tail import MAX_BATCH, MAX_HELD, Tail, TailBatch, Tails
from kumotasks.service.logging import Wanted
from tests.logs.journaling import an_entry
from tests.service.logkeeping import Kept, blank

P = ("projects/p",)


@pytest.fixture
async def kept(tmp_path: Path, clock: ManualClock, projects: Projects) -> AsyncIterator[Kept]:
    async with Kept(tmp_path, clock, projects) as kept:
        yield kept


def told(batch: TailBatch) -> list[object]:
    return [entry.payload for entry in batch.entries]


async def test_a_tail_hears_what_is_written_from_now_on_and_lets_go_at_its_end(kept: Kept) -> None:
    await kept.put(blank("before"))
    batches = await kept.tails.open(P, "", 0)
    async with aclosing(batches):
        assert await anext(batches) == TailBatch((), 0)
        await kept.put(blank("after"))
        assert told(await anext(batches)) == ["after"]
        kept.journal.write([an_entry("written without waiting")])
        assert told(await anext(batches)) == ["written without waiting"]
    assert kept.journal._listeners == []
    await kept.put(blank("nobody listens"))


async def test_a_tail_hears_what_it_asked_for_and_nothing_else(kept: Kept) -> None:
    batches = await kept.tails.open(P, "severity>=ERROR", 0)
    async with aclosing(batches):
        assert await anext(batches) == TailBatch((), 0)
        await kept.put(blank("mild"), blank("bad", severity=500))
        await kept.put(blank("elsewhere", severity=500, log_name="projects/q/logs/l"))
        assert told(await anext(batches)) == ["bad"]


@pytest.mark.parametrize(
    ("names", "filter", "window"),
    [((), "", 0), (("p",), "", 0), (P, "a==b", 0), (P, "", -1), (P, "", 61 * SECOND)],
)
async def test_a_wrong_call_is_refused_at_once(kept: Kept, names: tuple[str, ...], filter: str, window: int) -> None:
    with pytest.raises(InvalidArgument):
        await kept.tails.open(names, filter, window)


async def test_entries_gathered_in_a_window_come_in_order_of_time(kept: Kept, clock: ManualClock) -> None:
    batches = await kept.tails.open(P, "", 20_000)
    async with aclosing(batches):
        assert await anext(batches) == TailBatch((), 0)
        await kept.put(blank("late", timestamp=clock.now()))
        await kept.put(blank("early", timestamp=clock.now() - 1))
        assert told(await anext(batches)) == ["early", "late"]


def test_whoever_is_too_slow_loses_entries_and_is_told_how_many() -> None:
    tail = Tail(Wanted(("p",), parse("")))
    tail.hear([an_entry(str(number)) for number in range(MAX_HELD + 5)])
    batches = tail.taken()
    assert [len(batch.entries) for batch in batches] == [MAX_BATCH] * (MAX_HELD // MAX_BATCH) + [0]
    assert [batch.missed for batch in batches[-2:]] == [0, 5]
    tail.hear([an_entry("again")])
    assert [(told(batch), batch.missed) for batch in tail.taken()] == [(["again"], 0)]


def test_what_a_watcher_holds_is_bounded_in_bytes_too() -> None:
    tail = Tail(Wanted(("p",), parse("")))
    big = an_entry("")
    tail.hear([an_entry("x" * 200_000, insert_id=str(number)) for number in range(100)])
    batches = tail.taken()
    held = sum(len(batch.entries) for batch in batches)
    assert held * 200_000 < log_tail.MAX_HELD_BYTES < (held + 1) * 201_000
    assert batches[-1].missed == 100 - held
    tail.hear([big])
    assert [len(batch.entries) for batch in tail.taken()] == [1]


async def test_a_tail_ends_when_it_has_lasted_too_long(kept: Kept) -> None:
    batches = await Tails(kept.journal, kept.sources, longest=1).open(P, "", 0)
    await anext(batches)
    with pytest.raises(TailTooLong):
        await anext(batches)
    assert kept.journal._listeners == []


async def test_there_may_be_so_many_tails_and_no_more(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_tail, "MAX_TAILS", 1)
    first = await kept.tails.open(P, "", 0)
    await anext(first)
    with pytest.raises(ResourceExhausted, match="too many tail sessions"):
        await kept.tails.open(P, "", 0)
    await first.aclose()
    second = await kept.tails.open(P, "", 0)
    assert await anext(second) == TailBatch((), 0)
    await second.aclose()
