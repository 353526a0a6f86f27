"""Moving a clock that stands still: everything due is done at its instant, and what hangs holds nothing up."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from kumotasks.dispatch import travel
from kumotasks.domain.clock import DAY, HOUR, MINUTE, SECOND
from kumotasks.domain.queue import RateLimits, RetryConfig
from tests.dispatch.dispatching import FAILED, OK, Node, answers, own_headers
from tests.factory import NOW


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(travel, "GRACE", 0.02)


async def test_thirty_days_of_backoff_pass_in_a_moment(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(FAILED)
        await node.create(retry=RetryConfig(max_attempts=-1, min_backoff=SECOND, max_backoff=6 * HOUR))
        await node.add("a")
        assert await node.traveller.advance(NOW + 30 * DAY) == NOW + 30 * DAY
        gaps = [later - earlier for (earlier, _), (later, _) in pairwise(node.sent)]
        doubling = [2**n * SECOND for n in range(15)]
        assert gaps == doubling + [6 * HOUR] * (len(gaps) - 15)
        assert len(gaps) == 15 + (30 * DAY - sum(doubling)) // (6 * HOUR)


async def test_time_stops_where_it_was_told_to(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create()
        await node.add("a", due=NOW + SECOND)
        assert await node.traveller.advance(NOW + SECOND - 1) == NOW + SECOND - 1
        assert node.sent == []
        assert await node.traveller.advance(NOW + SECOND) == NOW + SECOND
        assert node.sent == [(SECOND, "a")]


async def test_the_past_moves_nothing(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        assert await node.traveller.advance(NOW - DAY) == NOW
        assert node.clock.now() == NOW


async def test_what_follows_from_a_task_at_an_instant_is_done_before_time_goes_on(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create(limits=RateLimits(500, 100, 1))
        await node.add(*[f"t{number:02d}" for number in range(50)], due=NOW + SECOND)
        await node.pass_time(DAY)
        assert [instant for instant, _ in node.sent] == [SECOND] * 50


async def test_an_unanswered_attempt_lets_time_go_on_to_its_deadline_and_its_retry_is_exact(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None, None, OK)
        await node.create(retry=RetryConfig(min_backoff=10 * SECOND))
        await node.add("a")
        await node.pass_time(DAY)
        assert node.sent == [(0, "a"), (610 * SECOND, "a"), (1_230 * SECOND, "a")]
        assert [own_headers(each.request).get("X-CloudTasks-TaskPreviousResponse") for each in node.sender.sent] == [
            None,
            "504",
            "504",
        ]


async def test_an_attempt_that_hangs_does_not_hold_up_others(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        node.sender.script = answers(None, OK)
        await node.create()
        await node.add("hangs")
        await node.add("goes", due=NOW + MINUTE)
        await node.pass_time(2 * MINUTE)
        assert node.sent == [(0, "hangs"), (MINUTE, "goes")]
        node.sender.answer("hangs", OK)
        await node.calm()
        assert await node.kept() == []


async def test_tasks_past_their_retention_are_gone_and_swept(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.janitor.start()
        await node.create()
        await node.pause()
        await node.add("a")
        await node.pass_time(30 * DAY)
        assert len(await node.kept()) == 1
        await node.pass_time(2 * DAY)
        assert await node.kept() == []
