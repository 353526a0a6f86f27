"""What of tasks comes into the activity log: every operation at 1.0, none at 0, each drawn by itself between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kumotasks.dispatch.activity import Activity
from kumotasks.domain.clock import DAY, SECOND
from kumotasks.domain.queue import RetryConfig, StackdriverLoggingConfig
from kumotasks.domain.task import RETENTION
from kumotasks.logs.entry import InsertIds, LogEntry
from tests.dispatch.dispatching import FAILED, Node, answers
from tests.factory import NOW


@dataclass
class HeardLog:
    """Takes entries, and shows what they say of which task."""

    ids: InsertIds = field(default_factory=InsertIds)
    entries: list[LogEntry] = field(default_factory=list)

    def write(self, entries: Sequence[LogEntry]) -> None:
        self.entries.extend(entries)

    @property
    def said(self) -> list[str]:
        return [f"{kind_of(entry)} {task_of(entry)}" for entry in self.entries]


def kind_of(entry: LogEntry) -> str:
    assert isinstance(entry.payload, dict)
    (kind,) = entry.payload.keys() - {"@type", "task"}
    return str(kind).removeprefix("task").removeprefix("attempt").removesuffix("Log").lower()


def task_of(entry: LogEntry) -> str:
    assert isinstance(entry.payload, dict)
    return str(entry.payload["task"]).rpartition("/")[2]


class Logging(Node):
    """A node whose queue is logged at `ratio`; `chance` draws."""

    def __init__(self, directory: Path, ratio: float | None, chance: Callable[[], float] = lambda: 0.999) -> None:
        super().__init__(directory)
        self.ratio = ratio
        self.log = HeardLog()
        self.activity = Activity(store=self.store, homes=self.homes, log=self.log, clock=self.clock, chance=chance)
        self.delivery._activity = self.activity

    async def __aenter__(self) -> Logging:
        await super().__aenter__()
        await self.activity.start()
        await self.create(retry=RetryConfig(max_attempts=3, min_backoff=10 * SECOND))
        if self.ratio is not None:
            await self.change(stackdriver_logging_config=StackdriverLoggingConfig(self.ratio))
        return self


async def test_a_task_that_goes_through_leaves_three_entries(tmp_path: Path) -> None:
    async with Logging(tmp_path, 1.0) as node:
        await node.add("a")
        await node.calm()
        assert node.log.said == ["creation a", "dispatch a", "response a"]
        assert [entry.insert_id for entry in node.log.entries] == sorted({e.insert_id for e in node.log.entries})
        assert {entry.timestamp for entry in node.log.entries} == {NOW}


async def test_every_attempt_leaves_two_entries_and_failures_say_when_the_next_is_due(tmp_path: Path) -> None:
    async with Logging(tmp_path, 1.0) as node:
        node.sender.script = answers(FAILED)
        await node.add("a")
        await node.pass_time(DAY)
        assert node.log.said == ["creation a", *["dispatch a", "response a"] * 3]
        responses = [dict(entry.payload["attemptResponseLog"]) for entry in node.log.entries[2::2]]  # type: ignore[index,call-overload]
        assert [each["dispatchCount"] for each in responses] == ["1", "2", "3"]
        assert [each["responseCount"] for each in responses] == ["1", "2", "3"]
        assert [each.get("retryTime") for each in responses] == [
            "2026-01-01T00:00:10Z",
            "2026-01-01T00:00:30Z",
            None,
        ]
        assert [each["scheduleTime"] for each in responses[1:]] == ["2026-01-01T00:00:10Z", "2026-01-01T00:00:30Z"]


async def test_a_deletion_is_logged_and_so_is_the_answer_that_comes_too_late(tmp_path: Path) -> None:
    async with Logging(tmp_path, 1.0) as node:
        node.sender.script = answers(None)
        (task,) = await node.add("a")
        await node.calm()
        await node.delete(task)
        node.sender.answer("a", FAILED)
        await node.calm()
        assert node.log.said == ["creation a", "dispatch a", "deletion a", "response a"]
        assert "retryTime" not in str(node.log.entries[-1].payload)


async def test_a_task_that_expires_was_deleted_by_nobody(tmp_path: Path) -> None:
    async with Logging(tmp_path, 1.0) as node:
        await node.janitor.start()
        await node.pause()
        await node.add("a")
        await node.pass_time(RETENTION + 2 * DAY)
        assert await node.kept() == []
        assert node.log.said == ["creation a"]


async def test_a_run_is_logged_as_asked_for(tmp_path: Path) -> None:
    async with Logging(tmp_path, 1.0) as node:
        (task,) = await node.add("a", due=NOW + DAY)
        await node.run(task)
        await node.calm()
        assert node.log.said == ["creation a", "dispatch a", "response a"]
        assert "RUN_TASK" in str(node.log.entries[1].payload)


@pytest.mark.parametrize("ratio", [None, 0.0])
async def test_nothing_is_logged_where_it_is_not_asked_for(tmp_path: Path, ratio: float | None) -> None:
    async with Logging(tmp_path, ratio, chance=lambda: 0.0) as node:
        (task,) = await node.add("a")
        await node.calm()
        (task,) = await node.add("b", due=NOW + DAY)
        await node.delete(task)
        assert node.tasks_sent == ["a"]
        assert node.log.said == []


async def test_each_operation_is_drawn_by_itself(tmp_path: Path) -> None:
    draws = iter([0.6, 0.4, 0.5])
    async with Logging(tmp_path, 0.5, chance=lambda: next(draws)) as node:
        await node.add("a")
        await node.calm()
        assert node.log.said == ["dispatch a"]


async def test_a_changed_ratio_holds_from_the_change_on(tmp_path: Path) -> None:
    async with Logging(tmp_path, 1.0) as node:
        await node.add("a")
        await node.calm()
        await node.change(stackdriver_logging_config=None)
        await node.add("b")
        await node.calm()
        assert {task_of(entry) for entry in node.log.entries} == {"a"}


async def test_a_queue_is_logged_from_its_first_task_on(tmp_path: Path) -> None:
    async with Logging(tmp_path, 1.0) as node:
        await node.create("later")
        await node.change("later", stackdriver_logging_config=StackdriverLoggingConfig(1.0))
        await node.add("a", "b", queue="later")
        await node.calm()
        assert node.log.said[:2] == ["creation a", "creation b"]
        assert len(node.log.said) == 6


async def test_what_is_made_here_of_a_queue_at_home_elsewhere_is_told_here(tmp_path: Path) -> None:
    async with Logging(tmp_path, 1.0) as node:
        node.homes.berths.clear()
        (task,) = await node.add("a")
        await node.calm()
        await node.delete(task)
        await node.calm()
        assert node.log.said == ["creation a", "deletion a"]
