"""The runtime: what the records of services ask for is what runs. It leads hosts to services and requests to instances.

It reads a service when it is woken for it and carries the change out (`rollout`); revisions with traffic have a `fleet`
each, those that lost it are drained. Who may call a service is unknown here.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kumotasks.domain.account import project_number
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import StorageUnavailable
from kumotasks.domain.run import address, scaling
from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.service import Service, ServiceName
from kumotasks.domain.run.traffic import pick, tagged
from kumotasks.workers.deploying.images import Images
from kumotasks.workers.deploying.shelf import Shelf
from kumotasks.workers.errors import NoInstance
from kumotasks.workers.instances.fleet import Fleet, Retired
from kumotasks.workers.instances.instance import Hearth, Instance
from kumotasks.workers.instances.rollout import Rollout
from kumotasks.workers.instances.running import Running, Slot
from kumotasks.workers.instances.turns import RETRY_SECONDS, Turns


@dataclass(eq=False, slots=True)
class _Deployed:
    """A service and what runs of it; `fleets` by revision id."""

    service: Service
    hosts: tuple[str, ...] = ()
    fleets: dict[str, Fleet] = field(default_factory=dict)


class Runtime:
    """Component. `hosts` are further hosts of services, by host; `idle` is how long an instance without requests is
    kept; `point` chooses among revisions that share the traffic."""

    def __init__(
        self,
        *,
        shelf: Shelf,
        images: Images,
        hearth: Hearth,
        hosts: Mapping[str, ServiceName],
        clock: Clock,
        idle: int = scaling.DEFAULT_IDLE,
        point: Callable[[], float] = random.random,
    ) -> None:
        self._shelf = shelf
        self._hearth = hearth
        self._extra = hosts
        self._clock = clock
        self._idle = idle
        self._point = point
        self._rollout = Rollout(shelf, images, clock, self._check)
        self._deployed: dict[ServiceName, _Deployed] = {}
        self._hosts: dict[str, Running] = {}
        self._holders: dict[str, tuple[Fleet, Instance]] = {}  # by id, of instances with requests
        self._turns = Turns(self._look, clock)
        self._retiring: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def start(self) -> None:
        """Every service is known at once; what was being carried out when the last run ended is taken up again."""
        await self._hearth.processes.start()
        for service in await self._shelf.all():
            await self._adopt(service)
            if not service.settled:
                self.wake(service.name)

    async def stop(self) -> None:
        """Every instance is stopped, with SIGTERM and ten seconds."""
        self._stopped = True
        await self._turns.stop()
        for retiring in self._retiring:
            retiring.cancel()
        await asyncio.gather(*self._retiring, return_exceptions=True)
        fleets = [fleet for each in self._deployed.values() for fleet in each.fleets.values()]
        await asyncio.gather(*(fleet.stop() for fleet in fleets))
        await self._hearth.processes.stop()

    # requests

    def find(self, host: str) -> Running | None:
        """By any host of a service, in lower case and without a port; tags (`TAG---host`) included."""
        return self._hosts.get(host)

    async def acquire(self, running: Running) -> Slot:
        """A place for one request; it waits for a start. NoInstance (429), StartFailed (503)."""
        while True:
            fleet = self._fleet(running)
            try:
                instance = await fleet.acquire()
            except Retired:
                if self._stopped or self._fleet(running) is fleet:
                    raise NoInstance from None
                continue
            self._holders[instance.id] = fleet, instance
            return instance.slot

    def release(self, slot: Slot, *, failed: bool = False) -> None:
        """The request ended; `failed`: the instance could not be reached, or broke off."""
        fleet, instance = self._holders[slot.instance_id]
        fleet.release(instance, failed=failed)
        if not instance.open:
            del self._holders[slot.instance_id]

    def _fleet(self, running: Running) -> Fleet:
        deployed = self._deployed.get(running.service.name)
        if deployed is None:
            raise NoInstance
        serving = deployed.service.serving
        revision = tagged(serving).get(running.tag, "") if running.tag else pick(serving, self._point())
        fleet = deployed.fleets.get(revision)
        if fleet is None:
            raise NoInstance
        return fleet

    # changes

    def wake(self, name: ServiceName) -> None:
        """Carry out what the record of the service says now; what was under way for it is broken off."""
        self._turns.wake(name)

    def hear(self, name: ServiceName | None) -> None:
        """Somebody, perhaps on another node, has changed this service; None: any."""
        if name is not None:
            self._turns.hear(name)
        elif not self._stopped:
            self._look_at_all()

    def _look_at_all(self) -> None:
        task = asyncio.get_running_loop().create_task(self._hear_all())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _hear_all(self) -> None:
        while True:
            try:
                stored = await self._shelf.all()
            except StorageUnavailable:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            for name in {*self._deployed, *(service.name for service in stored)}:
                self._turns.hear(name)
            return

    async def _look(self, name: ServiceName, carry: bool) -> bool:
        """Whether something is left to be carried out."""
        service = await self._shelf.get(name)
        if service is None:
            self._forget(name)
            return False
        await self._adopt(service)
        if service.settled or not carry:
            return not service.settled
        await self._adopt(await self._rollout.carry_out(service))
        return False

    async def _adopt(self, service: Service) -> None:
        """Serve as the record says."""
        known = self._deployed.get(service.name)
        if known is not None and known.service.uid != service.uid:  # it was deleted, and another one made
            self._forget(service.name)
            known = None
        if known is None:
            known = self._deployed[service.name] = _Deployed(service)
        known.service = service
        self._lead(known)
        shares: dict[str, int] = {}
        for target in service.serving:
            shares[target.revision] = shares.get(target.revision, 0) + target.percent
        for revision_id, percent in shares.items():
            await self._share(known, revision_id, percent)
        if service.settled:
            for revision_id in known.fleets.keys() - shares.keys():
                self._retire(known.fleets.pop(revision_id))

    async def _share(self, known: _Deployed, revision_id: str, percent: int) -> None:
        revision = await self._shelf.get_revision(known.service.name, revision_id)
        if revision is not None and revision.launch is not None:
            self._fleet_of(known, revision).limit(scaling.bounds(known.service, revision, percent))

    async def _check(self, revision: Revision) -> str:
        return await self._fleet_of(self._deployed[revision.service], revision).check()

    def _fleet_of(self, known: _Deployed, revision: Revision) -> Fleet:
        fleet = known.fleets.get(revision.id)
        if fleet is None:
            limits = scaling.bounds(known.service, revision, 0)
            fleet = Fleet(lambda: Instance(revision, self._hearth), limits, self._clock, idle=self._idle)
            known.fleets[revision.id] = fleet
        return fleet

    def _lead(self, known: _Deployed) -> None:
        """Its hosts lead to it, and those that it no longer has to nothing."""
        service = known.service
        number = project_number(service.name.project)
        urls = address.urls(service.name, number)
        found = {host: Running(service, number, urls) for host, name in self._extra.items() if name == service.name}
        if not service.default_uri_disabled:
            for tag in ("", *tagged(service.serving)):
                running = Running(service, number, urls, tag)
                found |= dict.fromkeys(address.hosts(service.name, number, tag), running)
        for host in known.hosts:
            if host not in found:
                del self._hosts[host]
        known.hosts = tuple(found)
        self._hosts.update(found)

    def _forget(self, name: ServiceName) -> None:
        known = self._deployed.pop(name, None)
        if known is not None:
            for host in known.hosts:
                del self._hosts[host]
            for fleet in known.fleets.values():
                self._retire(fleet)

    def _retire(self, fleet: Fleet) -> None:
        task = asyncio.get_running_loop().create_task(self._drain(fleet))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)

    async def _drain(self, fleet: Fleet) -> None:
        try:
            await fleet.retire()
        except asyncio.CancelledError:
            await fleet.stop()
            raise
