"""How a change of a service is carried out: a revision of its template, whether that comes up, and who serves then.

Every step is written down as it is made, and none is made twice: a rollout that was broken off goes on where it was.
How instances are run is unknown here; `check` tells whether one comes up.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace

from kumotasks.domain.clock import Clock
from kumotasks.domain.run import change
from kumotasks.domain.run.condition import Condition, State
from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.service import Service
from kumotasks.domain.run.traffic import resolve
from kumotasks.storage.records import ABSENT, RecordChanged
from kumotasks.workers.deploying.images import Images, Refusal
from kumotasks.workers.deploying.shelf import Shelf

HEALTHY = "ContainerHealthy"
UNHEALTHY = "HEALTH_CHECK_CONTAINER_ERROR"
NOT_READY = "REVISION_FAILED"
Check = Callable[[Revision], Awaitable[str]]


class Overtaken(Exception):
    """The service was changed again, or deleted."""


class Rollout:
    """`check` starts an instance of a revision, if none runs: "" or why it does not come up."""

    def __init__(self, shelf: Shelf, images: Images, clock: Clock, check: Check) -> None:
        self._shelf = shelf
        self._images = images
        self._clock = clock
        self._check = check

    async def carry_out(self, service: Service) -> Service:
        """The service as it was written at the end. Overtaken."""
        revision = await self._revision(service)
        if service.latest_created != revision.id:
            service = await self._write(service, lambda each: replace(each, latest_created=revision.id))
        if revision.conditions[0].state is State.PENDING:
            revision = await self._judged(revision)
        traffic = await self._unserved(service, revision)
        return await self._write(service, lambda each: self._settled(each, revision, traffic))

    async def _revision(self, service: Service) -> Revision:
        """Of the template as it stands: made now unless it was made before."""
        found = await self._shelf.get_revision(service.name, change.revision_id(service))
        if found is not None:
            return found
        launch = await asyncio.to_thread(self._images.launch_of, service.template, service.trusted)
        now, uid = self._clock.now(), str(uuid.uuid4())
        if isinstance(launch, Refusal):
            made = change.revision_of(service, uid=uid, now=now, launch=None)
            made = replace(made, conditions=self._conditions(launch.reason, launch.message))
        else:
            made = change.revision_of(service, uid=uid, now=now, launch=launch)
        try:
            return await self._shelf.put_revision(made, if_etag=ABSENT)
        except RecordChanged as changed:
            raise Overtaken from changed

    async def _judged(self, revision: Revision) -> Revision:
        """Ready or failed, once and for all."""
        flaw = await self._check(revision)
        conditions = self._conditions(UNHEALTHY if flaw else "", flaw)
        try:
            return await self._shelf.put_revision(replace(revision, conditions=conditions), if_etag=revision.etag)
        except RecordChanged as changed:
            raise Overtaken from changed

    def _conditions(self, reason: str, message: str) -> tuple[Condition, ...]:
        now, state = self._clock.now(), State.FAILED if reason else State.SUCCEEDED
        return tuple(Condition(kind, state, now, reason, message) for kind in (change.READY, HEALTHY))

    async def _unserved(self, service: Service, latest: Revision) -> str:
        """A revision that shall get traffic and cannot, other than the latest; "" if there is none."""
        for target in service.traffic:
            if target.revision in ("", latest.id):
                continue
            found = await self._shelf.get_revision(service.name, target.revision)
            if found is None or found.conditions[0].state is not State.SUCCEEDED:
                return target.revision
        return ""

    def _settled(self, service: Service, revision: Revision, unserved: str) -> Service:
        """`service` as it is once `revision` is judged."""
        good = revision.conditions[0].state is State.SUCCEEDED
        latest_ready = revision.id if good else service.latest_ready
        named = any(target.revision == revision.id for target in service.traffic)
        if unserved or (named and not good):
            serving, route = service.serving, _not_ready(unserved or revision.id)
        else:
            serving, route = resolve(service.traffic, latest_ready), ""
        configuration = "" if good else f"{_not_ready(revision.id)} {revision.conditions[0].message}"
        reason = revision.conditions[0].reason
        if not serving and not route:  # there never was a revision that is ready
            route = configuration
        return replace(
            service,
            observed=service.generation,
            latest_ready=latest_ready,
            serving=serving,
            conditions=(
                self._condition(change.READY, reason or NOT_READY, configuration or route),
                self._condition(change.CONFIGURATIONS_READY, reason, configuration),
                self._condition(change.ROUTES_READY, NOT_READY, route),
            ),
        )

    def _condition(self, kind: str, reason: str, flaw: str) -> Condition:
        state = State.FAILED if flaw else State.SUCCEEDED
        return Condition(kind, state, self._clock.now(), reason if flaw else "", flaw)

    async def _write(self, service: Service, change_of: Callable[[Service], Service]) -> Service:
        """Write what `change_of` makes of the record, as long as it asks for the same. Overtaken."""
        while True:
            current = await self._shelf.get(service.name)
            if current is None or (current.uid, current.generation) != (service.uid, service.generation):
                raise Overtaken
            try:
                return await self._shelf.put(change_of(current), if_etag=current.etag)
            except RecordChanged:
                continue


def _not_ready(revision: str) -> str:
    return f"Revision '{revision}' is not ready and cannot serve traffic."
