"""The surface over its real use cases, answering to everybody."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kumotasks.api.asgi import Application
from kumotasks.api.guard import guard_of
from kumotasks.api.projects.application_calls import ApplicationCalls
from kumotasks.api.projects.project_calls import ProjectCalls
from kumotasks.api.projects.routes import routes
from kumotasks.api.projects.usage_calls import UsageCalls
from kumotasks.auth.policies import PolicyBook
from kumotasks.auth.projects import Projects as Numbers
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.policy import Policy
from kumotasks.service.gate import Gate
from kumotasks.service.policies import Policies, any_project
from kumotasks.service.projects import Applications, Projects
from kumotasks.service.usage import Usage
from kumotasks.storage.sqlite import SqliteStore
from tests.api.surface import Client
from tests.factory import NOW


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    clock = ManualClock(NOW)
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    numbers = Numbers(store.records, clock)
    projects = Projects(numbers=numbers, records=store.records, authorizer=None, clock=clock, home="home")
    book = PolicyBook(store.records, clock, lambda resource: Policy())
    table = routes(
        ProjectCalls(projects, Policies(book, None, {"projects": any_project(numbers)})),
        UsageCalls(Usage(records=store.records, projects=projects, authorizer=None, clock=clock)),
        ApplicationCalls(
            Applications(projects, location="us-central1", hostname=lambda project, place: f"{project}.{place}.test")
        ),
    )
    yield Client(Application(routes=table, pages=[], guard=guard_of(), through=Gate().through))
    await store.stop()
