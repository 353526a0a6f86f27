"""Use cases over a real store, under a clock that stands until it is moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kumotasks.domain.clock import DAY, HOUR, ManualClock
from kumotasks.domain.task import Task
from kumotasks.service.batches import Batches
from kumotasks.service.encryption import Encryption
from kumotasks.service.locations import Locations
from kumotasks.service.policies import Policies
from kumotasks.service.queues import QueueRules, Queues
from kumotasks.service.tasks import TaskRules, Tasks
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlstore import SqlStore
from tests.factory import NOW

HOME = Locations(home="us-central1")
STRICT = Locations(home="us-central1", strict_projects=frozenset({"p"}))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    yield store
    await store.stop()


@pytest.fixture
def in_flight() -> dict[int, Task]:
    """What dispatch would tell of open attempts."""
    return {}


@pytest.fixture
def tasks(store: SqlStore, clock: ManualClock, in_flight: dict[int, Task]) -> Tasks:
    return Tasks(store=store, clock=clock, locations=HOME, rules=TaskRules(name_rest=HOUR), in_flight=in_flight)


@pytest.fixture
def queues(store: SqlStore, clock: ManualClock) -> Queues:
    rules = QueueRules(queue_name_rest=3 * DAY, task_name_rest=HOUR)
    return Queues(store=store, records=store.records, clock=clock, locations=HOME, rules=rules)


@pytest.fixture
def batches(store: SqlStore, clock: ManualClock, tasks: Tasks) -> Batches:
    return Batches(tasks=tasks, records=store.records, clock=clock)


@pytest.fixture
def policies(store: SqlStore, clock: ManualClock) -> Policies:
    return Policies(store, store.records, clock)


@pytest.fixture
def encryption(store: SqlStore, clock: ManualClock) -> Encryption:
    return Encryption(store.records, clock)
