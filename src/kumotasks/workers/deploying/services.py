"""What callers do with services. One method per call; both wire forms of Cloud Run make them.

A change is written down and the runtime is woken; carrying it out is the runtime's, and `settled` waits for that. Who
may call is judged before; only whether he may act as the account of a template is asked here.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

from kumotasks.auth.changes import Changes
from kumotasks.auth.projects import Projects
from kumotasks.domain import paging
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import ResourceChanged, ResourceExists
from kumotasks.domain.principal import Principal
from kumotasks.domain.run import change
from kumotasks.domain.run.names import parse_new_service_id
from kumotasks.domain.run.rules import check_service, refused
from kumotasks.domain.run.service import Service, ServiceName
from kumotasks.storage.records import ABSENT, RecordChanged
from kumotasks.workers.deploying.acting import Acting
from kumotasks.workers.deploying.images import shell_line
from kumotasks.workers.deploying.shelf import Shelf

MAX_PAGE = 1_000
ANYWHERE = "-"
CheckPlace = Callable[[str, str], None]  # project, location: refuses what does not exist
Wake = Callable[[ServiceName], None]
Drop = Callable[[str], Awaitable[None]]  # forgets the policy of a resource that is gone


@dataclass(frozen=True, slots=True)
class ServicePage:
    """Some services, and the token of the next page, "" at the end."""

    services: tuple[Service, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class _Asking:
    """Who asks for a change, and how."""

    caller: Principal
    trusted: bool
    if_etag: str = ""
    validate_only: bool = False


class Services:
    """The use cases. Names come with a project's id or number; values go out with ids. `trusted`: the caller may have
    commands run here. With `validate_only` all is judged and nothing written."""

    def __init__(
        self,
        *,
        shelf: Shelf,
        projects: Projects,
        acting: Acting,
        clock: Clock,
        wake: Wake,
        drop: Drop,
        check_place: CheckPlace = lambda _project, _location: None,
    ) -> None:
        self._shelf = shelf
        self._projects = projects
        self._acting = acting
        self._clock = clock
        self._wake = wake
        self._drop = drop
        self._check_place = check_place
        self._changes = Changes()

    async def get(self, name: ServiceName) -> Service:
        return await self._shelf.existing(await self.resolved(name))

    async def list(self, project: str, location: str, *, page_size: int = 0, page_token: str = "") -> ServicePage:
        """A page of the services of a location by name, or of every location for "-"."""
        project, now = await self._projects.resolve(project), self._clock.now()
        scope = f"services of projects/{project}/locations/{location}"
        after = paging.decode(scope, page_token, now)
        limit = paging.page_size(page_size, MAX_PAGE)
        found = await self._shelf.list(project, location, after=after, limit=limit + 1)
        shown = tuple(found[:limit])
        token = paging.encode(scope, str(shown[-1].name), now) if len(found) > limit else ""
        return ServicePage(shown, token)

    async def create(
        self, service: Service, *, caller: Principal, trusted: bool, validate_only: bool = False
    ) -> Service:
        """ResourceExists."""
        parse_new_service_id(service.name.service)
        self._check_place(await self._projects.resolve(service.name.project), service.name.location)
        asking = _Asking(caller, trusted, validate_only=validate_only)
        asked = await self._judged(service, asking)
        return await self._changes.make(partial(self._create, asked, asking))

    async def replace(
        self,
        service: Service,
        *,
        caller: Principal,
        trusted: bool,
        if_etag: str = "",
        validate_only: bool = False,
        allow_missing: bool = False,
    ) -> Service:
        """The service as it is now asked for. EntityNotFound, unless it may be missing; ResourceChanged."""
        asking = _Asking(caller, trusted, if_etag, validate_only)
        name = await self.resolved(service.name)
        if await self._shelf.get(name) is None and allow_missing:
            return await self.create(service, caller=caller, trusted=trusted, validate_only=validate_only)
        await self._shelf.existing(name)
        asked = await self._judged(replace(service, name=name), asking)
        return await self._changes.make(partial(self._replace, asked, asking))

    async def delete(self, name: ServiceName, *, if_etag: str = "", validate_only: bool = False) -> Service:
        """The service as it was, with the instant of its end."""
        name = await self.resolved(name)
        return await self._changes.make(partial(self._delete, name, if_etag, validate_only))

    async def settled(self, name: ServiceName, generation: int) -> Service:
        """The service, once this generation of it was carried out, has failed, or was overtaken by a later one."""
        name = await self.resolved(name)
        while True:
            changed = self._shelf.next_change(name)
            try:
                service = await self._shelf.existing(name)
                if service.observed > generation or (service.observed == generation and service.settled):
                    return service
                await changed
            finally:
                changed.cancel()

    async def resolved(self, name: ServiceName) -> ServiceName:
        """The name with the project's id in the place of its number."""
        return replace(name, project=await self._projects.resolve(name.project))

    async def _judged(self, service: Service, asking: _Asking) -> Service:
        """What is asked for, complete: Cloud Run's own name for the project, and an account."""
        name = await self.resolved(service.name)
        asked = check_service(replace(service, name=name))
        email = asked.template.service_account or await self._acting.default(name.project)
        await self._acting.check(asking.caller, email)
        return replace(asked, template=replace(asked.template, service_account=email))

    async def _create(self, asked: Service, asking: _Asking) -> Service:
        if await self._shelf.get(asked.name) is not None:
            raise ResourceExists(asked.name.service)
        now, by = self._clock.now(), asking.caller.email
        made = change.created(asked, uid=str(uuid.uuid4()), now=now, by=by, trusted=asking.trusted)
        await self._check_revisions(made)
        if asking.validate_only:
            return made
        await self._shelf.clear(made.name)  # what an earlier service of this name may have left in a crash
        try:
            return await self._written(made, ABSENT)
        except RecordChanged as changed:
            raise ResourceExists(asked.name.service) from changed

    async def _replace(self, asked: Service, asking: _Asking) -> Service:
        while True:
            old = await self._shelf.existing(asked.name)
            _check_etag(old, asking.if_etag)
            now, by = self._clock.now(), asking.caller.email
            line = await asyncio.to_thread(shell_line, old.template)
            changed = change.replaced(old, asked, now=now, by=by, trusted=asking.trusted, shell_line=line)
            await self._check_revisions(changed, old)
            if asking.validate_only or changed is old:
                return changed
            try:
                return await self._written(changed, old.etag)
            except RecordChanged:  # the runtime wrote how far it came, in between
                continue

    async def _delete(self, name: ServiceName, if_etag: str, validate_only: bool) -> Service:
        old, now = await self._shelf.existing(name), self._clock.now()
        _check_etag(old, if_etag)
        if not validate_only:
            await self._drop(str(name))  # first: another service of this name must not find old grants
            await self._shelf.delete(name)
            self._wake(name)
            await self._drop(str(name))  # again: a grant may have been given while the service was still there
        return replace(old, deleted=now, updated=now)

    async def _written(self, service: Service, if_etag: str) -> Service:
        stored = await self._shelf.put(service, if_etag=if_etag)
        self._wake(stored.name)
        return stored

    async def _check_revisions(self, service: Service, old: Service | None = None) -> None:
        """Traffic goes to revisions that there are, and a new one takes the name of none that there is."""
        coming = change.revision_id(service)
        anew = old is None or service.template_generation != old.template_generation
        if anew and old is not None and await self._shelf.get_revision(service.name, coming) is not None:
            raise ResourceExists(coming)
        for target in service.traffic:
            if target.revision in ("", coming):
                continue
            if old is None or await self._shelf.get_revision(service.name, target.revision) is None:
                raise refused("traffic.revision", f"Revision '{target.revision}' was not found")


def _check_etag(service: Service, asked: str) -> None:
    if asked and asked != service.etag:
        raise ResourceChanged(service.name.service, asked, service.etag)
