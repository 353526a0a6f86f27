"""The use cases of Cloud Run over a real store, and whoever carries a change out in the place of the runtime."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.authorize import Authorizer
from kumotasks.auth.projects import Projects
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.principal import ANONYMOUS
from kumotasks.domain.run.change import revision_id, revision_of
from kumotasks.domain.run.condition import State
from kumotasks.domain.run.service import Service, ServiceName
from kumotasks.storage.records import Records
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.workers.deploying.acting import Acting
from kumotasks.workers.deploying.operations import Operations
from kumotasks.workers.deploying.revisions import Revisions
from kumotasks.workers.deploying.services import CheckPlace, Services
from kumotasks.workers.deploying.shelf import Shelf
from tests.domain.run.factory import a_service, carried_out
from tests.factory import NOW


@dataclass
class Standing:
    """`woken` has the services that the runtime was told of, `dropped` the resources whose policies went."""

    records: Records
    clock: ManualClock
    projects: Projects
    accounts: Accounts
    shelf: Shelf
    woken: list[ServiceName] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def services(
        self, authorizer: Authorizer | None = None, check_place: CheckPlace = lambda _project, _location: None
    ) -> Services:
        return Services(
            shelf=self.shelf,
            projects=self.projects,
            acting=Acting(self.accounts, self.projects, authorizer),
            clock=self.clock,
            wake=self.woken.append,
            drop=self._drop,
            check_place=check_place,
        )

    @property
    def revisions(self) -> Revisions:
        return Revisions(self.shelf, self.projects, self.clock, self.woken.append)

    @property
    def operations(self) -> Operations:
        return Operations(self.records, self.shelf, self.projects, self.clock)

    async def deployed(self, service: Service | None = None) -> Service:
        """A service that was asked for and carried out."""
        asked = service or a_service()
        made = await self.services().replace(asked, caller=ANONYMOUS, trusted=False, allow_missing=True)
        return await self.carry_out(made.name)

    async def carry_out(
        self, name: ServiceName, state: State = State.SUCCEEDED, *, reason: str = "", message: str = ""
    ) -> Service:
        """What the runtime would do: the revision, the conditions, the traffic."""
        service = await self.shelf.existing(name)
        latest = revision_id(service)
        if await self.shelf.get_revision(name, latest) is None:
            await self.shelf.put_revision(revision_of(service, uid="r", now=self.clock.now(), launch=None))
        ready = latest if state is State.SUCCEEDED else service.latest_ready
        done = replace(
            carried_out(service, state, reason=reason, message=message),
            latest_created=latest,
            latest_ready=ready,
            serving=tuple(replace(each, revision=each.revision or ready) for each in service.traffic if ready),
        )
        return await self.shelf.put(done, if_etag=service.etag)

    async def _drop(self, resource: str) -> None:
        self.dropped.append(resource)


@asynccontextmanager
async def standing(directory: Path) -> AsyncIterator[Standing]:
    store = SqliteStore(directory / "kumo.db")
    await store.start()
    clock, records = ManualClock(NOW), store.records
    projects = Projects(records, clock)
    yield Standing(records, clock, projects, Accounts(records, clock, projects), Shelf(records, clock))
    await store.stop()
