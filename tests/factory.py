"""Queues and tasks as tests need them: every part has a plain default, a test names only what it is about."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from kumotasks.domain.errors import KumoError
from kumotasks.domain.history import AttemptRecord
from kumotasks.domain.names import LocationName, QueueName, TaskName, parse_location, parse_queue
from kumotasks.domain.queue import Queue, QueueState, RateLimits, RetryConfig
from kumotasks.domain.target import (
    AppEngineHttpRequest,
    AppEngineRouting,
    HttpMethod,
    HttpRequest,
    HttpTarget,
    OidcToken,
    Target,
    UriOverride,
)
from kumotasks.domain.task import FRESH, Progress, RetryOverride, Task
from kumotasks.storage.store import Settlement, StoredQueue

NOW = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
PARENT = "projects/p/locations/l"

_serials = itertools.count(NOW)
T = TypeVar("T")


def location() -> LocationName:
    return parse_location(PARENT)


def queue_name(queue: str = "q") -> QueueName:
    return parse_queue(f"{PARENT}/queues/{queue}")


def task_name(task: str, queue: str = "q") -> TaskName:
    return TaskName(queue_name(queue), task)


def a_queue(
    queue: str = "q",
    *,
    state: QueueState = QueueState.RUNNING,
    rate_limits: RateLimits | None = None,
    retry_config: RetryConfig | None = None,
) -> Queue:
    return Queue(queue_name(queue), state, rate_limits or RateLimits(), retry_config or RetryConfig())


def a_full_queue(queue: str = "q") -> Queue:
    """A queue with something in every part."""
    return replace(
        a_queue(queue, state=QueueState.PAUSED, rate_limits=RateLimits(0.1, 10, 3)),
        retry_config=RetryConfig(7, 60_000_000, 1, 2, 3),
        app_engine_routing_override=AppEngineRouting("service", "version", "", "version-dot-service-dot-host"),
        http_target=HttpTarget(
            UriOverride(2, "worker.example", 8443), HttpMethod.PUT, (("X-Wolke", "☁"),), None, OidcToken("a@b.example")
        ),
        purge_time=NOW - 1,
    )


def a_request(body: bytes = b"") -> HttpRequest:
    return HttpRequest("https://worker.example/run", headers=(("User-Agent", "Google-Cloud-Tasks"),), body=body)


def an_app_engine_request() -> AppEngineHttpRequest:
    return AppEngineHttpRequest("/run?x=1", HttpMethod.PUT, (("A", "b"),), b"body", AppEngineRouting(host="host"))


def a_task(
    task: str | None = None,
    *,
    queue: str = "q",
    due: int = NOW,
    created: int = NOW,
    serial: int | None = None,
    named: bool = False,
    target: Target | None = None,
    deadline: int | None = 600_000_000,
    retry: RetryOverride | None = None,
    progress: Progress = FRESH,
) -> Task:
    """A task due at NOW. Without `task` it gets the next generated id, in order of creation."""
    serial = next(_serials) if serial is None else serial
    name = task_name(f"{serial:016d}0000" if task is None else task, queue)
    return Task(name, target or a_request(), due, created, serial, named, deadline, retry, progress)


def a_named_task(task: str, *, queue: str = "q", due: int = NOW, serial: int | None = None) -> Task:
    """A task whose id the caller chose."""
    return a_task(task, queue=queue, due=due, serial=serial, named=True)


def a_record(number: int, *, ended: int = NOW, next_at: int | None = NOW + 1) -> AttemptRecord:
    """An attempt that failed."""
    message = "INTERNAL(13): HTTP status code 500"
    return AttemptRecord(number, ended, ended, ended, 500, 13, message, b"oh", next_at, "backoff")


def ended(
    stored: StoredQueue,
    task: Task,
    *,
    name_until: int = NOW,
    run: bool = False,
    attempt: AttemptRecord | None = None,
    dead: AttemptRecord | None = None,
) -> Settlement:
    """An attempt ended, and with it the task."""
    return Settlement(stored.number, stored.generation, task, True, name_until, run, attempt, dead)


def failed(stored: StoredQueue, task: Task, *, run: bool = False, attempt: AttemptRecord | None = None) -> Settlement:
    """An attempt ended; `task` is as it will be tried again."""
    return Settlement(stored.number, stored.generation, task, False, 0, run, attempt)


def ids(tasks: Sequence[Task | KumoError]) -> list[str]:
    """The id of each task, the name of each refusal."""
    return [task.name.task if isinstance(task, Task) else type(task).__name__ for task in tasks]
