"""Services and revisions as the store keeps them. What their fields mean is the domain's.

Whoever waits for a change of a service is woken by each that is made through this shelf, or heard of from elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import EntityNotFound
from kumotasks.domain.run.names import RevisionName, parse_service
from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.service import Service, ServiceName
from kumotasks.storage.news import ANY, NO_NEWS, News
from kumotasks.storage.records import Records
from kumotasks.workers.deploying import service_records as forms

SERVICE = "run-service"  # under str(ServiceName)
REVISION = "run-revision"  # under its name
_BATCH = 500
T = TypeVar("T")


class Shelf:
    """Puts raise RecordChanged if the etag given is no longer the record's; None asks for none, ABSENT demands that
    there is no such record yet."""

    def __init__(self, records: Records, wall: Clock, news: News = NO_NEWS) -> None:
        self._records = records
        self._wall = wall
        self._news = news
        self._waiting: dict[ServiceName, set[asyncio.Future[None]]] = {}
        news.watch(SERVICE, self._hear)
        news.watch(REVISION, self._hear)

    def overhear(self, heard: Callable[[ServiceName | None], None]) -> None:
        """Call `heard` with each service that was changed by anybody, its revisions included; None may be any."""
        for kind in (SERVICE, REVISION):
            self._news.watch(kind, lambda key: heard(_service_of(key)))

    async def get(self, name: ServiceName) -> Service | None:
        record = await self._records.get_record(SERVICE, str(name))
        return None if record is None else forms.service_value(record)

    async def existing(self, name: ServiceName) -> Service:
        """EntityNotFound, in Cloud Run's words."""
        return _there(await self.get(name), "SERVICE", name.service, name)

    async def list(self, project: str, location: str, *, after: str = "", limit: int) -> tuple[Service, ...]:
        """By name, behind the name `after`; those of every location for the location "-"."""
        return await self._services(_below(project, location), after, limit)

    async def all(self) -> tuple[Service, ...]:
        """Every service there is."""
        found: tuple[Service, ...] = ()
        while page := await self._services("", str(found[-1].name) if found else "", _BATCH):
            found += page
        return found

    async def put(self, service: Service, *, if_etag: str | None) -> Service:
        """The service as it is stored, with its new etag."""
        content = forms.service_bytes(service)
        record = await self._records.put_record(
            SERVICE, str(service.name), content, now=self._wall.now(), if_etag=if_etag
        )
        self._changed(service.name)
        return forms.service_value(record)

    async def delete(self, name: ServiceName) -> bool:
        """Whether there was one. Its revisions go with it."""
        found = await self._records.delete_record(SERVICE, str(name))
        await self.clear(name)
        self._changed(name)
        return found

    async def get_revision(self, service: ServiceName, revision: str) -> Revision | None:
        record = await self._records.get_record(REVISION, _revision_key(service, revision))
        return None if record is None else forms.revision_value(record)

    async def existing_revision(self, name: RevisionName) -> Revision:
        """EntityNotFound, in Cloud Run's words."""
        found = await self.get_revision(name.service, name.revision)
        return _there(found, "REVISION", name.revision, name.service)

    async def list_revisions(
        self, service: ServiceName, *, after: str = "", limit: int = _BATCH
    ) -> tuple[Revision, ...]:
        """Of one service by name, behind the revision id `after`."""
        behind = _revision_key(service, after) if after else ""
        return await self._revisions(_revision_key(service, ""), behind, limit)

    async def revisions_in(self, project: str, location: str, *, after: str = "", limit: int) -> tuple[Revision, ...]:
        """Of all services of a location by name, behind the name `after`."""
        return await self._revisions(_below(project, location), after, limit)

    async def put_revision(self, revision: Revision, *, if_etag: str | None = None) -> Revision:
        content = forms.revision_bytes(revision)
        record = await self._records.put_record(REVISION, revision.name, content, now=self._wall.now(), if_etag=if_etag)
        self._changed(revision.service)
        return forms.revision_value(record)

    async def delete_revision(self, service: ServiceName, revision: str) -> bool:
        """Whether there was one."""
        found = await self._records.delete_record(REVISION, _revision_key(service, revision))
        self._changed(service)
        return found

    async def clear(self, service: ServiceName) -> None:
        """Forget every revision of a service that is gone."""
        while page := await self.list_revisions(service):
            for revision in page:
                await self._records.delete_record(REVISION, revision.name)

    def next_change(self, name: ServiceName) -> asyncio.Future[None]:
        """Done with the next change of a service or of one of its revisions. Whoever loses interest cancels it."""
        future = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(name, set())
        waiting.add(future)
        future.add_done_callback(lambda done: self._forget(name, done))
        return future

    async def _services(self, prefix: str, after: str, limit: int) -> tuple[Service, ...]:
        records = await self._records.list_records(SERVICE, prefix=prefix, after=after, limit=limit)
        return tuple(forms.service_value(record) for record in records)

    async def _revisions(self, prefix: str, after: str, limit: int) -> tuple[Revision, ...]:
        records = await self._records.list_records(REVISION, prefix=prefix, after=after, limit=limit)
        return tuple(forms.revision_value(record) for record in records)

    def _hear(self, key: str) -> None:
        name = _service_of(key)
        for each in (name,) if name is not None else tuple(self._waiting):
            self._changed(each)

    def _changed(self, name: ServiceName) -> None:
        for future in tuple(self._waiting.get(name, ())):
            if not future.done():
                future.set_result(None)

    def _forget(self, name: ServiceName, future: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(name, set())
        waiting.discard(future)
        if not waiting:
            self._waiting.pop(name, None)


def _below(project: str, location: str) -> str:
    above = f"projects/{project}/locations/"
    return above if location == "-" else f"{above}{location}/services/"


def _revision_key(service: ServiceName, revision: str) -> str:
    return f"{service}/revisions/{revision}"


def _service_of(key: str) -> ServiceName | None:
    """The service of a record's key; None for ANY."""
    return None if key == ANY else parse_service(key.partition("/revisions/")[0])


def _there(found: T | None, kind: str, ident: str, service: ServiceName) -> T:
    if found is None:
        where = f"in region '{service.location}' in project '{service.project}'"
        raise EntityNotFound(f"Resource '{ident}' of kind '{kind}' {where} does not exist.")
    return found
