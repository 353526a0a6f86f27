"""Long-running operations of Cloud Run v2: a change of a service that was asked for, and what became of it.

An operation is done once its generation of the service was carried out; that is looked up when somebody asks, and from
then on kept. What one looks like on the wire is not known here.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, replace
from functools import partial

from kumotasks.auth.projects import Projects
from kumotasks.domain import paging
from kumotasks.domain.clock import DAY, Clock
from kumotasks.domain.errors import EntityNotFound, FailedPrecondition, KumoError
from kumotasks.domain.names import LocationName, parse_operation
from kumotasks.domain.run.condition import State
from kumotasks.domain.run.service import Service, ServiceName
from kumotasks.storage.records import Record, Records
from kumotasks.storage.retention import Retention
from kumotasks.workers.deploying.service_records import read_service, written
from kumotasks.workers.deploying.shelf import Shelf

KIND = "run-operation"
PREFIX = "run-"  # of ids, so that those of other services under the same path are told apart
KEPT = DAY
MAX_PAGE = 100
MISSING = "CONTAINER_MISSING"  # Cloud Run says NOT_FOUND of an image that is not there
_SWEEP_EVERY = 100


@dataclass(frozen=True, slots=True)
class Operation:
    """`service` is both its metadata and, once it is done without an `error`, its response."""

    name: str
    service: Service
    done: bool
    error: KumoError | None = None


@dataclass(frozen=True, slots=True)
class OperationPage:
    """Some operations, and the token of the next page, "" at the end."""

    operations: tuple[Operation, ...]
    next_page_token: str


class Operations:
    """Kept for a day."""

    def __init__(self, records: Records, shelf: Shelf, projects: Projects, clock: Clock) -> None:
        self._records = records
        self._shelf = shelf
        self._projects = projects
        self._clock = clock
        self._retention = Retention(records, clock, KIND, kept=KEPT, every=_SWEEP_EVERY)

    async def begin(self, service: Service) -> Operation:
        """Of a change that was just written: `service` as the use case answered it."""
        place = LocationName(service.name.project, service.name.location)
        name = f"{place}/operations/{PREFIX}{uuid.uuid4()}"
        operation = Operation(name, service, done=service.deleted is not None or _carried_out(service, service))
        await self._put(operation)
        await self._retention.added()
        return operation

    def finished(self, service: Service) -> Operation:
        """Of a change that was only judged; nobody can ask for it again."""
        place = LocationName(service.name.project, service.name.location)
        return Operation(f"{place}/operations/{PREFIX}{uuid.uuid4()}", service, done=True)

    async def get(self, name: str) -> Operation:
        """EntityNotFound."""
        key = await self._key(name)
        record = await self._records.get_record(KIND, key)
        if record is None:
            raise _not_found(name)
        return await self._advanced(_operation(record))

    async def list(self, place: LocationName, *, page_size: int = 0, page_token: str = "") -> OperationPage:
        """Of a location, by name."""
        project, now = await self._projects.resolve(place.project), self._clock.now()
        scope = f"projects/{project}/locations/{place.location}/operations/"
        after, limit = paging.decode(scope, page_token, now), paging.page_size(page_size, MAX_PAGE)
        found = await self._records.list_records(KIND, prefix=scope, after=after, limit=limit + 1)
        shown = tuple([await self._advanced(_operation(record)) for record in found[:limit]])
        token = paging.encode(scope, found[limit - 1].key, now) if len(found) > limit else ""
        return OperationPage(shown, token)

    async def delete(self, name: str) -> None:
        """EntityNotFound. What it tells of goes on."""
        if not await self._records.delete_record(KIND, await self._key(name)):
            raise _not_found(name)

    async def wait(self, name: str, at_most: int) -> Operation:
        """As it is when it is done, or `at_most` microseconds from now."""
        ended = asyncio.get_running_loop().create_future()
        timer = self._clock.call_at(self._clock.now() + at_most, partial(ended.set_result, None))
        try:
            operation = await self.get(name)
            while at_most > 0 and not operation.done and not ended.done():
                operation = await self._next(name, operation.service.name, ended)
            return operation
        finally:
            timer.cancel()

    async def _next(self, name: str, service: ServiceName, ended: asyncio.Future[None]) -> Operation:
        """The operation once it is done, `service` has changed, or `ended`."""
        changed = self._shelf.next_change(service)
        try:
            operation = await self.get(name)  # what happened before this moment wakes nobody
            if not operation.done:
                await asyncio.wait((changed, ended), return_when=asyncio.FIRST_COMPLETED)
                operation = await self.get(name)
            return operation
        finally:
            changed.cancel()

    async def _advanced(self, operation: Operation) -> Operation:
        """As the service now tells it."""
        if operation.done:
            return operation
        current = await self._shelf.get(operation.service.name)
        if current is None or current.uid != operation.service.uid:  # it was deleted before it was carried out
            gone = EntityNotFound(f"Resource '{operation.service.name.service}' was deleted.")
            done = replace(operation, done=True, error=gone)
        elif _carried_out(current, operation.service):
            done = replace(operation, service=current, done=True, error=_failure(current, operation.service))
        else:
            return replace(operation, service=current)
        await self._put(done)
        return done

    async def _put(self, operation: Operation) -> None:
        error = operation.error
        said = None if error is None else [type(error) is EntityNotFound, error.message]
        content = {"done": operation.done, "service": written(operation.service), "error": said}
        now = self._clock.now()
        await self._records.put_record(KIND, operation.name, json.dumps(content).encode(), now=now, if_etag=None)

    async def _key(self, name: str) -> str:
        place, ident = parse_operation(name)
        return f"projects/{await self._projects.resolve(place.project)}/locations/{place.location}/operations/{ident}"


def _carried_out(current: Service, asked: Service) -> bool:
    overtaken = current.observed > asked.generation
    return overtaken or (current.observed == asked.generation and current.settled)


def _failure(current: Service, asked: Service) -> KumoError | None:
    """Why the change could not be carried out; one that was overtaken says nothing of itself."""
    if current.generation != asked.generation or current.ready.state is not State.FAILED:
        return None
    if current.ready.reason == MISSING:
        return EntityNotFound(current.ready.message)
    return FailedPrecondition(current.ready.message)


def _operation(record: Record) -> Operation:
    content = json.loads(record.value)
    error: KumoError | None = None
    if content["error"] is not None:
        missing, message = content["error"]
        error = EntityNotFound(message) if missing else FailedPrecondition(message)
    return Operation(record.key, read_service(json.dumps(content["service"]).encode()), content["done"], error)


def _not_found(name: str) -> EntityNotFound:
    return EntityNotFound(f"Operation '{name}' was not found.")
