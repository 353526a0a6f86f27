"""Private workers, put together: what is asked for, what runs of it, and the door in front of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kumotasks.configuration.images import launches
from kumotasks.dispatch.inside import AsgiApp, Inside
from kumotasks.domain.clock import Clock
from kumotasks.domain.run.names import parse_service
from kumotasks.lifecycle import Component
from kumotasks.logs.journal import Journal
from kumotasks.server.identity import Known
from kumotasks.service.locations import Locations
from kumotasks.settings import Settings
from kumotasks.storage.records import Records
from kumotasks.workers.deploying.acting import Acting
from kumotasks.workers.deploying.images import Images
from kumotasks.workers.deploying.operations import Operations
from kumotasks.workers.deploying.revisions import Revisions
from kumotasks.workers.deploying.services import Services
from kumotasks.workers.deploying.shelf import Shelf
from kumotasks.workers.deploying.trust import FILE, Trust
from kumotasks.workers.front.front import Front
from kumotasks.workers.front.invoker import Invoker
from kumotasks.workers.front.proofs import OwnProofs
from kumotasks.workers.instances.instance import Hearth, Ports
from kumotasks.workers.instances.memory import Groups
from kumotasks.workers.instances.processes import Processes
from kumotasks.workers.instances.runtime import Runtime
from kumotasks.workers.metadata.metadata import Metadata
from kumotasks.workers.run_log import RunLog


@dataclass(frozen=True, slots=True)
class Workers:
    """The parts of private workers."""

    shelf: Shelf
    services: Services
    revisions: Revisions
    operations: Operations
    trust: Trust
    metadata: Metadata
    runtime: Runtime
    front: Front

    @property
    def components(self) -> tuple[Component, ...]:
        """In the order of their start: instances end while they can still ask who they are."""
        return (self.trust, self.metadata, self.runtime, self.front)

    def inside(self, settings: Settings) -> Inside:
        """The way of a task to a service of ours."""
        return Inside(self._app, frozenset(settings.run_hosts))

    def _app(self, host: str) -> AsgiApp | None:
        return None if self.runtime.find(host) is None else self.front


@dataclass(frozen=True, slots=True)
class Soil:
    """What private workers stand on. `endpoints` are the variables that lead Google's clients in an instance here."""

    settings: Settings
    records: Records
    known: Known
    clock: Clock
    journal: Journal
    locations: Locations
    endpoints: Callable[[], Mapping[str, str]]


def workers(soil: Soil) -> Workers:
    settings, known, clock = soil.settings, soil.known, soil.clock
    shelf, log = Shelf(soil.records, known.wall, known.beside.news), RunLog(soil.journal, clock)
    metadata = Metadata(known.bearers, known.tokens, known.wall)
    runtime = _runtime(soil, shelf, log, metadata)
    shelf.overhear(runtime.hear)
    services = Services(
        shelf=shelf,
        projects=known.projects,
        acting=Acting(known.accounts, known.projects, known.authorizer),
        clock=clock,
        wake=runtime.wake,
        drop=known.book.drop,
        check_place=soil.locations.check,
    )
    return Workers(
        shelf=shelf,
        services=services,
        revisions=Revisions(shelf, known.projects, clock, runtime.wake),
        operations=Operations(soil.records, shelf, known.projects, clock),
        trust=Trust(settings.data_directory / FILE),
        metadata=metadata,
        runtime=runtime,
        front=_front(soil, runtime, log),
    )


def _runtime(soil: Soil, shelf: Shelf, log: RunLog, metadata: Metadata) -> Runtime:
    settings = soil.settings
    hearth = Hearth(
        processes=Processes(),
        ports=Ports(),
        metadata=metadata,
        groups=Groups(),
        log=log,
        clock=soil.clock,
        around=os.environ,
        endpoints=soil.endpoints,
    )
    return Runtime(
        shelf=shelf,
        images=Images(launches(settings.images)),
        hearth=hearth,
        hosts={host: parse_service(service) for host, service in settings.run_hosts.items()},
        clock=soil.clock,
        idle=settings.run_idle,
    )


def _front(soil: Soil, runtime: Runtime, log: RunLog) -> Front:
    """Invokers are judged whatever `--auth` says."""
    settings, known = soil.settings, soil.known
    anyone = settings.auth == "off"
    proofs = OwnProofs(known.tokens, known.accounts, known.revoked, issuer=settings.issuer, anyone=anyone)
    invoker = Invoker(proofs, known.judge, known.wall)
    return Front(runtime, invoker, log, soil.clock, tasks_are_internal=settings.run_tasks_are_internal)
