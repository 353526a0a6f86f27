"""Service Usage: which Google services a project has enabled. A switch that is remembered, and turns nothing off.

Every service that Kumo answers for is enabled from the first; any other well-formed one may be enabled too, so that a
program that prepares its project gets on. A change is carried out before its operation is answered.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from kumotasks.domain import paging
from kumotasks.domain.clock import DAY, Clock
from kumotasks.domain.errors import EntityNotFound, InvalidArgument, ResourceExhausted, ServiceNotFound
from kumotasks.domain.principal import Need, Principal
from kumotasks.storage.records import ABSENT, Record, RecordChanged, Records
from kumotasks.storage.retention import Retention

if TYPE_CHECKING:
    from kumotasks.auth.authorize import Authorizer
    from kumotasks.service.projects import Projects

KIND = "service"
OPERATION = "service-operation"
MAX_ENABLED = 20  # Service Usage: services in one batchEnable
MAX_GOT = 30  # Service Usage: names in one batchGet
MAX_PAGE, PAGE = 200, 50
KEPT = 7 * DAY
NOOP = "noop.DONE_OPERATION"  # Google's name for a change that was none
_SWEEP_EVERY = 100
_NAME = re.compile(r"(?=.{4,128}\Z)[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?)+")
_SERVICE = re.compile(r"projects/([^/]+)/services/([^/]+)")
_MOST_SWITCHED = 2_000  # ours: services of one project that differ from what they were at first

# What Kumo answers for: enabled from the first.
OWN = {
    "appengine.googleapis.com": "App Engine Admin API",
    "cloudresourcemanager.googleapis.com": "Cloud Resource Manager API",
    "cloudtasks.googleapis.com": "Cloud Tasks API",
    "iam.googleapis.com": "Identity and Access Management (IAM) API",
    "iamcredentials.googleapis.com": "IAM Service Account Credentials API",
    "logging.googleapis.com": "Cloud Logging API",
    "run.googleapis.com": "Cloud Run Admin API",
    "serviceusage.googleapis.com": "Service Usage API",
}
# What programs enable beside it.
_OTHERS = {
    "artifactregistry.googleapis.com": "Artifact Registry API",
    "cloudbuild.googleapis.com": "Cloud Build API",
    "cloudscheduler.googleapis.com": "Cloud Scheduler API",
    "compute.googleapis.com": "Compute Engine API",
    "monitoring.googleapis.com": "Cloud Monitoring API",
    "pubsub.googleapis.com": "Cloud Pub/Sub API",
    "secretmanager.googleapis.com": "Secret Manager API",
    "storage.googleapis.com": "Cloud Storage API",
}
TITLES = OWN | _OTHERS


class Change(Enum):
    """What an operation did."""

    ENABLE = "ENABLE"
    BATCH_ENABLE = "BATCH_ENABLE"
    DISABLE = "DISABLE"


@dataclass(frozen=True, slots=True)
class Service:
    """A service as a project has it."""

    number: str  # the project's
    name: str  # "cloudtasks.googleapis.com"
    enabled: bool

    @property
    def title(self) -> str:
        return TITLES.get(self.name, self.name)


@dataclass(frozen=True, slots=True)
class Operation:
    """A change that was made; `ident` is the part of its name behind `operations/`."""

    ident: str
    change: Change
    services: tuple[Service, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Some services, and the token of the next page, "" at the end."""

    services: tuple[Service, ...]
    next_page_token: str


class Usage:
    """Enable, disable, get, list, and the operations of it. `authorizer` None: nobody is asked who he is.

    Projects come as ids or numbers.
    """

    def __init__(self, *, records: Records, projects: Projects, authorizer: Authorizer | None, clock: Clock) -> None:
        self._records = records
        self._projects = projects
        self._authorizer = authorizer
        self._clock = clock
        self._retention = Retention(records, clock, OPERATION, kept=KEPT, every=_SWEEP_EVERY)

    async def get(self, project: str, service: str) -> Service:
        owner = await self._projects.get(project)
        name = _checked(service)
        return Service(owner.number, name, _is_enabled(await self._states(owner.project_id), name))

    async def batch_get(self, project: str, names: Sequence[str]) -> tuple[Service, ...]:
        """The services of these names, `projects/P/services/S` each, in their order."""
        if not 1 <= len(names) <= MAX_GOT:
            raise InvalidArgument(f"The number of names must be between 1 and {MAX_GOT}.")
        owner = await self._projects.get(project)
        wanted = []
        for name in names:
            match = _SERVICE.fullmatch(name)
            if match is None or await self._projects.resolve(match[1]) != owner.project_id:
                raise InvalidArgument(f"The service '{name[:200]}' must be of the parent 'projects/{project}'.")
            wanted.append(_checked(match[2]))
        switched = await self._states(owner.project_id)
        return tuple(Service(owner.number, name, _is_enabled(switched, name)) for name in wanted)

    async def list(self, project: str, *, filter_text: str, page_size: int, page_token: str) -> Page:
        """A page of the services that are known here or were ever switched, by name."""
        owner = await self._projects.get(project)
        wanted = _wanted(filter_text)
        now = self._clock.now()
        scope = f"services of {owner.project_id} where {filter_text}"
        after = paging.decode(scope, page_token, now)
        size = paging.page_size(page_size or PAGE, MAX_PAGE)
        switched = await self._states(owner.project_id)
        names = sorted(name for name in TITLES.keys() | switched.keys() if name > after)
        services = [Service(owner.number, name, _is_enabled(switched, name)) for name in names]
        shown = tuple(service for service in services if service.enabled in wanted)
        more = len(shown) > size
        return Page(shown[:size], paging.encode(scope, shown[size - 1].name, now) if more else "")

    async def enable(self, project: str, service: str) -> Operation:
        return await self._switch(project, (service,), Change.ENABLE)

    async def disable(self, project: str, service: str) -> Operation:
        return await self._switch(project, (service,), Change.DISABLE)

    async def batch_enable(self, project: str, services: Sequence[str]) -> Operation:
        """Enable all of them, or none if one is wrong."""
        if not 1 <= len(services) <= MAX_ENABLED:
            raise InvalidArgument(f"The number of service_ids must be between 1 and {MAX_ENABLED}.")
        return await self._switch(project, tuple(dict.fromkeys(services)), Change.BATCH_ENABLE)

    async def get_operation(self, ident: str, principal: Principal) -> Operation | None:
        """A change that was made; None for the one that changed nothing, of which no more is remembered."""
        if ident == NOOP:
            return None
        record = await self._records.get_record(OPERATION, ident)
        if record is None or record.updated + KEPT < self._clock.now():
            raise EntityNotFound
        project, operation = _unpack(record)
        if self._authorizer is not None:
            await self._authorizer.check(principal, (Need("serviceusage.operations.get", f"projects/{project}"),))
        return operation

    async def _switch(self, project: str, services: tuple[str, ...], change: Change) -> Operation:
        owner = await self._projects.get(project)
        names = tuple(_checked(service) for service in services)
        enabled = change is not Change.DISABLE
        after = tuple(Service(owner.number, name, enabled) for name in names)
        if not await self._put(owner.project_id, dict.fromkeys(names, enabled)):
            return Operation(NOOP, change, after)
        operation = Operation(f"acat.p2-{owner.number}-{uuid.uuid4()}", change, after)
        packed = _pack(owner.project_id, operation)
        await self._records.put_record(OPERATION, operation.ident, packed, now=self._clock.now(), if_etag=None)
        await self._retention.added()
        return operation

    async def _put(self, project: str, wanted: dict[str, bool]) -> bool:
        """Bring all of these about at once; False if they were so already."""
        while True:
            record = await self._records.get_record(KIND, project)
            switched = _switched(record)
            if all(_is_enabled(switched, name) == enabled for name, enabled in wanted.items()):
                return False
            switched |= wanted
            if len(switched) > _MOST_SWITCHED:
                raise ResourceExhausted
            etag = ABSENT if record is None else record.etag
            try:
                packed = json.dumps(switched).encode()
                await self._records.put_record(KIND, project, packed, now=self._clock.now(), if_etag=etag)
            except RecordChanged:  # somebody else switched something in between
                continue
            return True

    async def _states(self, project: str) -> dict[str, bool]:
        """The services of a project that were ever enabled or disabled."""
        return _switched(await self._records.get_record(KIND, project))


def _checked(name: str) -> str:
    """`name`, if there may be a service of this name."""
    if _NAME.fullmatch(name) is None:
        raise ServiceNotFound(f"Not found or permission denied for service(s): {name[:200]}.")
    return name


def _switched(record: Record | None) -> dict[str, bool]:
    return {} if record is None else dict(json.loads(record.value))


def _is_enabled(switched: Mapping[str, bool], name: str) -> bool:
    return switched.get(name, name in OWN)


def _wanted(filter_text: str) -> frozenset[bool]:
    """Service Usage knows two filters."""
    match filter_text.replace(" ", "").lower():
        case "":
            return frozenset({True, False})
        case "state:enabled":
            return frozenset({True})
        case "state:disabled":
            return frozenset({False})
        case _:
            raise InvalidArgument("The allowed filter strings are 'state:ENABLED' and 'state:DISABLED'.")


def _pack(project: str, operation: Operation) -> bytes:
    services = [[service.number, service.name, service.enabled] for service in operation.services]
    return json.dumps([project, operation.change.value, services]).encode()


def _unpack(record: Record) -> tuple[str, Operation]:
    """(project, operation)"""
    project, change, services = json.loads(record.value)
    return project, Operation(record.key, Change(change), tuple(Service(*service) for service in services))
