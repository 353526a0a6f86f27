"""Use cases over a real store, under a clock that stands until it is moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kumotasks.auth.policies import PolicyBook
from kumotasks.auth.projects import Projects
from kumotasks.domain.clock import DAY, HOUR, ManualClock
from kumotasks.domain.policy import Policy
from kumotasks.domain.task import Task
from kumotasks.service.batches import Batches
from kumotasks.service.encryption import Encryption
from kumotasks.service.locations import Locations
from kumotasks.service.policies import Policies, any_project, queues_in
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
def queues(store: SqlStore, clock: ManualClock, book: PolicyBook) -> Queues:
    rules = QueueRules(queue_name_rest=3 * DAY, task_name_rest=HOUR)
    return Queues(store=store, clock=clock, locations=HOME, rules=rules, drop=book.drop)


@pytest.fixture
def batches(store: SqlStore, clock: ManualClock, tasks: Tasks) -> Batches:
    return Batches(tasks=tasks, records=store.records, clock=clock)


@pytest.fixture
def projects(store: SqlStore, clock: ManualClock) -> Projects:
    return Projects(store.records, clock)


@pytest.fixture
def book(store: SqlStore, clock: ManualClock) -> PolicyBook:
    """Where nobody has set a policy, there is none."""
    return PolicyBook(store.records, clock, lambda project: Policy())


@pytest.fixture
def policies(store: SqlStore, book: PolicyBook, projects: Projects) -> Policies:
    """Without an authorizer, as with --auth off."""
    return Policies(book, None, {"queues": queues_in(store, projects), "projects": any_project(projects)})


@pytest.fixture
def encryption(store: SqlStore, clock: ManualClock) -> Encryption:
    return Encryption(store.records, clock)
