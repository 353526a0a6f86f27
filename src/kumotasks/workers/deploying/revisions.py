"""What callers do with revisions: look at them, and remove those that no traffic goes to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kumotasks.auth.projects import Projects
from kumotasks.domain import paging
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import FailedPrecondition, ResourceChanged
from kumotasks.domain.run.names import RevisionName
from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.selector import parse_selector
from kumotasks.domain.run.service import ServiceName
from kumotasks.workers.deploying.shelf import Shelf

MAX_PAGE = 1_000
ANY_SERVICE = "-"
_SCANNED = 500


@dataclass(frozen=True, slots=True)
class RevisionPage:
    """Some revisions, and the token of the next page, "" at the end."""

    revisions: tuple[Revision, ...]
    next_page_token: str


class Revisions:
    """The use cases. `wake` tells the runtime that a service changed."""

    def __init__(self, shelf: Shelf, projects: Projects, clock: Clock, wake: Callable[[ServiceName], None]) -> None:
        self._shelf = shelf
        self._projects = projects
        self._clock = clock
        self._wake = wake

    async def get(self, name: RevisionName) -> Revision:
        return await self._shelf.existing_revision(await self._resolved(name))

    async def find(self, project: str, location: str, revision: str) -> Revision:
        """By its id alone, as the Knative API names it. EntityNotFound."""
        service, page = ServiceName(await self._projects.resolve(project), location, ANY_SERVICE), ""
        while True:
            found = await self._shelf.revisions_in(service.project, location, after=page, limit=_SCANNED)
            for each in found:
                if each.id == revision:
                    return each
            if len(found) < _SCANNED:
                return await self._shelf.existing_revision(RevisionName(service, revision))
            page = found[-1].name

    async def list(
        self, service: ServiceName, *, selector: str = "", page_size: int = 0, page_token: str = ""
    ) -> RevisionPage:
        """Of a service by name, or of every one of the location for "-"; those whose Knative labels match."""
        service = replace(service, project=await self._projects.resolve(service.project))
        matches, now = parse_selector(selector), self._clock.now()
        scope = f"revisions of {service} where {selector}"
        after, limit = paging.decode(scope, page_token, now), paging.page_size(page_size, MAX_PAGE)
        shown: list[Revision] = []
        while found := await self._read(service, after):
            for each in found:
                if len(shown) == limit:
                    return RevisionPage(tuple(shown), paging.encode(scope, shown[-1].name, now))
                if matches(each.knative_labels):
                    shown.append(each)
            after = found[-1].name
        return RevisionPage(tuple(shown), "")

    async def delete(self, name: RevisionName, *, if_etag: str = "", validate_only: bool = False) -> Revision:
        """FailedPrecondition of one that traffic goes to, or that is the latest."""
        name = await self._resolved(name)
        revision = await self._shelf.existing_revision(name)
        if if_etag and if_etag != revision.etag:
            raise ResourceChanged(revision.id, if_etag, revision.etag)
        service = await self._shelf.get(name.service)
        if service is not None and revision.id in (service.latest_created, service.latest_ready):
            raise FailedPrecondition(f"Revision '{revision.id}' is the latest of its service and cannot be deleted.")
        if service is not None and revision.id in {each.revision for each in (*service.traffic, *service.serving)}:
            raise FailedPrecondition(f"Revision '{revision.id}' is a target of traffic and cannot be deleted.")
        if not validate_only:
            await self._shelf.delete_revision(name.service, name.revision)
            self._wake(name.service)
        return revision

    async def _read(self, service: ServiceName, after: str) -> tuple[Revision, ...]:
        """Behind the full name `after`."""
        if service.service == ANY_SERVICE:
            return await self._shelf.revisions_in(service.project, service.location, after=after, limit=_SCANNED)
        return await self._shelf.list_revisions(service, after=after.rpartition("/")[2], limit=_SCANNED)

    async def _resolved(self, name: RevisionName) -> RevisionName:
        project = await self._projects.resolve(name.service.project)
        return replace(name, service=replace(name.service, project=project))
