"""A runtime over a real store and real processes, under a clock that stands until it is moved."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from kumotasks.domain.clock import MILLISECOND, ManualClock
from kumotasks.domain.run import change
from kumotasks.domain.run.revision import Launch
from kumotasks.domain.run.service import Service, ServiceName
from kumotasks.domain.run.template import Container, Template
from kumotasks.logs.entry import InsertIds, LogEntry
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.workers.deploying.images import Images
from kumotasks.workers.deploying.shelf import Shelf
from kumotasks.workers.instances.instance import Hearth, Ports
from kumotasks.workers.instances.memory import Groups
from kumotasks.workers.instances.processes import Processes
from kumotasks.workers.instances.running import Running, Slot
from kumotasks.workers.instances.runtime import Runtime
from kumotasks.workers.metadata.metadata_tree import Identity
from kumotasks.workers.run_log import RunLog
from tests.factory import NOW

PROGRAM = Path(__file__).with_name("program.py")
NAME = ServiceName("p", "us-central1", "worker")
IMAGES = {"worker": Launch((sys.executable, "-S", str(PROGRAM)))}
NO_GROUPS = Path("/nowhere")  # so that memory is watched, whatever the machine has


@dataclass
class Told:
    """Entries of the log, and whoever waits for one."""

    ids: InsertIds = field(default_factory=InsertIds)
    entries: list[LogEntry] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def write(self, entries: Sequence[LogEntry]) -> None:
        self.entries += entries
        self.changed.set()

    def texts(self, log: str) -> list[str]:
        return [str(each.payload) for each in self.entries if each.log_name.endswith(log)]

    async def until(self, log: str, text: str) -> None:
        async with asyncio.timeout(20):
            while not any(text in each for each in self.texts(log)):
                self.changed.clear()
                await self.changed.wait()


@dataclass
class Registry:
    """Metadata servers that nobody asks anything: who was given which address."""

    open_now: dict[str, Identity] = field(default_factory=dict)
    count: int = 0

    async def open(self, identity: Identity) -> str:
        self.count += 1
        address = f"127.0.0.1:{self.count}"
        self.open_now[address] = identity
        return address

    async def close(self, address: str) -> None:
        self.open_now.pop(address, None)


@dataclass
class Living:
    runtime: Runtime
    shelf: Shelf
    clock: ManualClock
    log: Told
    registry: Registry

    async def deploy(self, **changes: Any) -> Service:
        """The service, changed so and carried out: `env`, fields of the template, or `traffic`."""
        service = await self.asked(**changes)
        return await self.settled(service.generation)

    async def asked(self, **changes: Any) -> Service:
        old = await self.shelf.get(NAME)
        template = (
            Template((Container(changes.pop("image", "worker"), memory="128Mi"),)) if old is None else old.template
        )
        env = tuple(sorted(changes.pop("env", dict(template.serving.env)).items()))
        image = changes.pop("image", template.serving.image)
        fields = {name: changes.pop(name) for name in list(changes) if name in Service.__slots__ and name != "template"}
        served = changes.pop("containers", template.containers)[0]
        template = replace(template, containers=(replace(served, env=env, image=image),), **changes)
        if old is None:
            wanted = replace(Service(NAME, "", template), **fields)
            made = change.created(wanted, uid="u", now=self.clock.now(), by="", trusted=False)
        else:
            wanted = replace(old, template=template, **fields)
            made = change.replaced(old, wanted, now=self.clock.now(), by="", trusted=False)
        stored = await self.shelf.put(made, if_etag=None if old is None else old.etag)
        self.runtime.wake(NAME)
        return stored

    async def settled(self, generation: int) -> Service:
        async with asyncio.timeout(20):
            while True:
                changed = self.shelf.next_change(NAME)
                service = await self.shelf.get(NAME)
                if service is not None and service.settled and service.observed >= generation:
                    changed.cancel()
                    return service
                await changed

    def running(self, tag: str = "") -> Running:
        prefix = f"{tag}---" if tag else ""
        found = self.runtime.find(f"{prefix}worker-287605153049.us-central1.run.app")
        assert found is not None
        return found

    async def acquire(self, tag: str = "") -> Slot:
        return await asyncio.wait_for(self.runtime.acquire(self.running(tag)), 20)

    async def ask(self, path: str = "/") -> dict[str, Any]:
        """One request by way of the runtime."""
        slot = await self.acquire()
        try:
            return await asked_of(slot, path)
        finally:
            self.runtime.release(slot)


async def asked_of(slot: Slot, path: str = "/") -> dict[str, Any]:
    """What an instance answers. ConnectionError if it breaks off."""
    reader, writer = await asyncio.open_connection(slot.host, slot.port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n".encode())
        _, _, body = (await reader.read()).partition(b"\r\n\r\n")
    finally:
        writer.close()
    if not body:
        raise ConnectionResetError
    found: dict[str, Any] = json.loads(body)
    return found


async def until(condition: Callable[[], bool]) -> None:
    """Of what happens to processes there is no event here."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def lives(pid: int) -> bool:
    """A process that nobody has reaped yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@asynccontextmanager
async def living(directory: Path, **options: Any) -> AsyncIterator[Living]:
    store = SqliteStore(directory / "kumo.db")
    await store.start()
    clock, log, registry = ManualClock(NOW), Told(), Registry()
    shelf, grace = Shelf(store.records, clock), options.pop("grace", 300 * MILLISECOND)
    hearth = Hearth(
        processes=Processes(grace=grace),
        ports=Ports(),
        metadata=registry,
        groups=Groups(NO_GROUPS, NO_GROUPS),
        log=RunLog(log, clock),
        clock=clock,
        around=os.environ,
        endpoints=dict,
        grace=grace,
    )
    hosts, images = {"worker.example.com": NAME}, Images(options.pop("images", IMAGES))
    runtime = Runtime(shelf=shelf, images=images, hearth=hearth, hosts=hosts, clock=clock, **options)
    await runtime.start()
    try:
        yield Living(runtime, shelf, clock, log, registry)
    finally:
        await runtime.stop()
        await runtime.stop()
        await store.stop()
