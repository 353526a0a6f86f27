"""The surface over its real use cases and a real store; what the runtime would write down, a test writes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kumotasks.api.asgi import Application
from kumotasks.api.call import Proof, RawRoute, Route
from kumotasks.api.guard import guard_of
from kumotasks.api.run.knative_calls import KnativeCalls
from kumotasks.api.run.knative_routes import knative_routes
from kumotasks.api.run.operation_calls import OperationCalls
from kumotasks.api.run.regions import Places
from kumotasks.api.run.revision_calls import RevisionCalls
from kumotasks.api.run.routes import routes
from kumotasks.api.run.service_calls import ServiceCalls
from kumotasks.api.tasks.policy_calls import PolicyCalls
from kumotasks.auth.accounts import Accounts
from kumotasks.auth.policies import PolicyBook
from kumotasks.auth.projects import Projects
from kumotasks.domain.clock import ManualClock, Timer
from kumotasks.domain.policy import Policy
from kumotasks.domain.run.change import revision_of
from kumotasks.domain.run.condition import State
from kumotasks.domain.run.service import Service, ServiceName
from kumotasks.domain.run.traffic import resolve
from kumotasks.service.gate import Gate
from kumotasks.service.locations import Locations
from kumotasks.service.policies import Policies
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.workers.deploying.acting import Acting
from kumotasks.workers.deploying.operations import Operations
from kumotasks.workers.deploying.policies import services_in
from kumotasks.workers.deploying.revisions import Revisions
from kumotasks.workers.deploying.services import Services
from kumotasks.workers.deploying.shelf import Shelf
from tests.api.surface import Client
from tests.factory import NOW

SECRET = {"x-kumo-run-secret": "open sesame"}
PLACE = "projects/p/locations/asia-northeast1"
WORKER = f"{PLACE}/services/worker"
IMAGE = "asia-northeast1-docker.pkg.dev/p/r/worker"


class Watched(ManualClock):
    """`asked` is set when somebody wants to be called."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.asked = asyncio.Event()

    def call_at(self, instant: int, callback: Callable[[], None]) -> Timer:
        self.asked.set()
        return super().call_at(instant, callback)


class House(Client):
    """`woken` are the services whose change the runtime was told of."""

    def __init__(self, store: SqliteStore) -> None:
        self.clock = Watched(NOW)
        self.projects = Projects(store.records, self.clock)
        self.shelf = Shelf(store.records, self.clock)
        self.woken: list[ServiceName] = []
        accounts = Accounts(store.records, self.clock, self.projects)
        book = PolicyBook(store.records, self.clock, lambda resource: Policy())
        services = Services(
            shelf=self.shelf,
            projects=self.projects,
            acting=Acting(accounts, self.projects, None),
            clock=self.clock,
            wake=self.woken.append,
            drop=book.drop,
        )
        operations = Operations(store.records, self.shelf, self.projects, self.clock)
        policies = PolicyCalls(Policies(book, None, {"services": services_in(self.shelf, self.projects)}))
        revisions = Revisions(self.shelf, self.projects, self.clock, self.woken.append)
        table: tuple[Route | RawRoute, ...] = routes(
            ServiceCalls(services, operations, self.projects.number),
            RevisionCalls(revisions),
            OperationCalls(operations, self.projects.number),
            policies,
        )
        places, locations = Places("us-central1"), Locations(home="us-central1")
        knative = KnativeCalls(
            services, revisions, projects=self.projects, locations=locations, places=places, clock=self.clock
        )
        table += knative_routes(knative, policies, places)
        proof = Proof(b"x-kumo-run-secret", lambda header: header == SECRET["x-kumo-run-secret"])
        super().__init__(Application(routes=table, pages=[], guard=guard_of(), through=Gate().through, proof=proof))

    async def said(self, verb: str, path: str, body: object = None, status: int = 200) -> Any:
        """The answer's JSON, which has to come with this status."""
        answer = await (self.send(verb, path, body) if body is not None else self.ask(verb, path))
        assert answer.status == status, answer.body
        return answer.json()

    async def send(self, verb: str, path: str, body: object, headers: dict[str, str] | None = None) -> Any:
        told = {"content-type": "application/json"} | (headers or {})
        return await self.ask(verb, path, body=dumped(body), headers=told)

    async def carry_out(self, failure: str = "") -> Service:
        """As the runtime leaves the worker behind: with its revision, ready or failed."""
        service = await self.shelf.get(ServiceName("p", "asia-northeast1", "worker"))
        assert service is not None
        state = State.FAILED if failure else State.SUCCEEDED
        now = self.clock.now()
        made = revision_of(service, uid="revision", now=now, launch=None)
        said = tuple(
            replace(each, state=state, reason="CONTAINER_MISSING" if failure else "", message=failure)
            for each in service.conditions
        )
        await self.shelf.put_revision(replace(made, conditions=said[:1]))
        ready = service.latest_ready if failure else made.id
        done = replace(
            service,
            observed=service.generation,
            latest_created=made.id,
            latest_ready=ready,
            conditions=said,
            serving=resolve(service.traffic, ready),
        )
        return await self.shelf.put(done, if_etag=service.etag)


def dumped(body: object) -> bytes:
    return json.dumps(body).encode()


def worker(**more: object) -> dict[str, Any]:
    """The least that can be asked for, and more."""
    return {"template": {"containers": [{"image": IMAGE}]}, **more}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    yield House(store)
    await store.stop()
