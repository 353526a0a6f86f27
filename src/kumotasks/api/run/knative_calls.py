"""The calls of Knative v1: documents in, documents out. What they do is the use cases' that v2 calls too."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from kumotasks.api.call import Caller, RawCall
from kumotasks.api.protojson import read_json
from kumotasks.api.run.documents import Document, refused, whole
from kumotasks.api.run.knative_errors import told_in_v1
from kumotasks.api.run.knative_revision import revision_document, revision_list_document
from kumotasks.api.run.knative_service import (
    list_document,
    name_of,
    new_service,
    service_document,
    service_of,
    version_of,
)
from kumotasks.api.run.regions import Places
from kumotasks.auth.projects import Projects
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import EntityNotFound, ResourceChanged
from kumotasks.domain.names import parse_location
from kumotasks.domain.run.names import RevisionName, parse_service
from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.selector import parse_selector
from kumotasks.domain.run.service import Service, ServiceName
from kumotasks.service.locations import Locations
from kumotasks.workers.deploying.revisions import ANY_SERVICE, Revisions
from kumotasks.workers.deploying.services import Services

_TRIES = 5  # of a change that meets what the runtime writes down meanwhile
_DELETED: Mapping[str, str] = {"kind": "Status", "apiVersion": "v1", "status": "Success"}


class KnativeCalls:
    """Services and revisions as documents. A namespace is a project, by its id or its number."""

    def __init__(
        self,
        services: Services,
        revisions: Revisions,
        *,
        projects: Projects,
        locations: Locations,
        places: Places,
        clock: Clock,
    ) -> None:
        self._services = services
        self._revisions = revisions
        self._projects = projects
        self._locations = locations
        self._places = places
        self._clock = clock

    async def list_locations(self, call: RawCall, caller: Caller) -> Document:
        query = dict(call.query)
        page = self._locations.list(
            self._places.project(call),
            page_size=whole(query.get("pageSize", "0"), "pageSize"),
            page_token=query.get("pageToken", ""),
            now=self._clock.now(),
        )
        shown = [
            {
                "name": str(each.name),
                "locationId": each.name.location,
                "displayName": each.display_name,
                "labels": {"cloud.googleapis.com/region": each.name.location},
            }
            for each in page.locations
        ]
        return {"locations": shown} | ({"nextPageToken": page.next_page_token} if page.next_page_token else {})

    async def list(self, call: RawCall, caller: Caller) -> Document:
        query, place = dict(call.query), parse_location(self._places.location(call))
        self._check(place.project, place.location)
        page = await self._services.list(
            place.project,
            place.location,
            page_size=whole(query.get("limit", "0"), "limit"),
            page_token=query.get("continue", ""),
        )
        matches = parse_selector(query.get("labelSelector", ""))
        shown = [await self._shown(each) for each in page.services if matches(dict(each.labels))]
        return list_document(shown, page.next_page_token)

    async def get(self, call: RawCall, caller: Caller) -> Document:
        return await self._shown(await self._services.get(self._name(call)))

    async def create(self, call: RawCall, caller: Caller) -> Document:
        place, body = parse_location(self._places.location(call)), read_json(call.body)
        self._check(place.project, place.location)
        service_id, namespace, _ = name_of(body)
        await self._check_namespace(namespace, place.project)
        name = ServiceName(await self._projects.resolve(place.project), place.location, service_id)
        with told_in_v1():
            made = await self._services.create(
                service_of(body, new_service(name)),
                caller=caller.principal,
                trusted=caller.trusted,
                validate_only=_dry(call),
            )
        return await self._shown(made)

    async def replace(self, call: RawCall, caller: Caller) -> Document:
        name, body = self._name(call), read_json(call.body)
        service_id, namespace, version = name_of(body)
        if service_id != name.service:
            raise refused("metadata.name", f"must be {name.service}, as in the path.")
        await self._check_namespace(namespace, name.project)
        with told_in_v1():
            return await self._shown(await self._replaced(name, body, version, call, caller))

    async def delete(self, call: RawCall, caller: Caller) -> Document:
        await self._services.delete(self._name(call), validate_only=_dry(call))
        return dict(_DELETED)

    async def list_revisions(self, call: RawCall, caller: Caller) -> Document:
        query, place = dict(call.query), parse_location(self._places.location(call))
        self._check(place.project, place.location)
        page = await self._revisions.list(
            ServiceName(place.project, place.location, ANY_SERVICE),
            selector=query.get("labelSelector", ""),
            page_size=whole(query.get("limit", "0"), "limit"),
            page_token=query.get("continue", ""),
        )
        active: dict[ServiceName, frozenset[str]] = {}
        for each in page.revisions:
            if each.service not in active:
                active[each.service] = await self._in_traffic(each.service)
        number = await self._projects.number(await self._projects.resolve(place.project))
        shown = [revision_document(each, number, active=each.id in active[each.service]) for each in page.revisions]
        return revision_list_document(shown, page.next_page_token)

    async def get_revision(self, call: RawCall, caller: Caller) -> Document:
        found = await self._revision(call)
        active = found.id in await self._in_traffic(found.service)
        return revision_document(found, await self._projects.number(found.service.project), active=active)

    async def delete_revision(self, call: RawCall, caller: Caller) -> Document:
        found = await self._revision(call)
        await self._revisions.delete(RevisionName(found.service, found.id), validate_only=_dry(call))
        return dict(_DELETED)

    async def _in_traffic(self, name: ServiceName) -> frozenset[str]:
        """The revisions that traffic leads to; none of a service that is gone."""
        try:
            service = await self._services.get(name)
        except EntityNotFound:
            return frozenset()
        return frozenset(each.revision for each in service.serving)

    async def _revision(self, call: RawCall) -> Revision:
        place = parse_location(self._places.location(call))
        self._check(place.project, place.location)
        return await self._revisions.find(place.project, place.location, call.variables["revision"])

    async def _replaced(
        self, name: ServiceName, body: Document, version: str, call: RawCall, caller: Caller
    ) -> Service:
        """ResourceChanged if something else was asked for since `version`; how far the runtime came does not matter."""
        for _ in range(_TRIES):
            current = await self._services.get(name)
            if version not in ("", version_of(current)):
                break
            with suppress(ResourceChanged):
                return await self._services.replace(
                    service_of(body, current),
                    caller=caller.principal,
                    trusted=caller.trusted,
                    if_etag=current.etag,
                    validate_only=_dry(call),
                )
        raise ResourceChanged(name.service, version, version_of(await self._services.get(name)))

    async def _shown(self, service: Service) -> Document:
        return service_document(service, await self._projects.number(service.name.project))

    def _name(self, call: RawCall) -> ServiceName:
        name = parse_service(self._places.service(call))
        self._check(name.project, name.location)
        return name

    def _check(self, project: str, location: str) -> None:
        if location != "-":
            self._locations.check(project, location)

    async def _check_namespace(self, namespace: str, project: str) -> None:
        if namespace and await self._projects.resolve(namespace) != await self._projects.resolve(project):
            raise refused("metadata.namespace", f"must be {project}, as in the path.")


def _dry(call: RawCall) -> bool:
    """gcloud's --dry-run, and Kubernetes'."""
    asked = dict(call.query).get("dryRun", "")
    if asked not in ("", "all", "All"):
        raise refused("dryRun", 'must be "all".')
    return bool(asked)
