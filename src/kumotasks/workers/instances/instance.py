"""One instance of a revision: a process with a port, a metadata server and a life of its own.

It is begun, ready, ended; that it is wanted is decided elsewhere. Times are those of sockets and signals, seconds of
the event loop, whatever the clock of tasks says: a program does not come up any faster for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Protocol

from kumotasks.domain.account import project_number
from kumotasks.domain.clock import SECOND, Clock
from kumotasks.domain.run.quantity import memory_bytes
from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.template import Probe
from kumotasks.logs.entry import ERROR, INFO, WARNING
from kumotasks.workers.instances import memory, probe
from kumotasks.workers.instances.output import Lines
from kumotasks.workers.instances.processes import GRACE, Command, NotStarted, Process, Processes
from kumotasks.workers.instances.running import Slot
from kumotasks.workers.instances.surroundings import environment_of, expanded
from kumotasks.workers.metadata.metadata_tree import Identity
from kumotasks.workers.run_log import STDERR, STDOUT, Place, RunLog

_DOUBT_SECONDS = 0.1  # from the end of a connection to the word of the process's


class Reason(Enum):
    """Why an instance is started, in Cloud Run's words."""

    TRAFFIC = "AUTOSCALING - Instance started due to traffic."
    DEPLOYMENT = "DEPLOYMENT_ROLLOUT - Instance started due to deployment."
    MINIMUM = "MIN_INSTANCES - Instance started because of customer-configured min-instances."


class StartRefused(Exception):
    """It did not come up; the message is Cloud Run's."""


class Ports:
    """Free ports for instances. Nothing keeps other programs from taking one first; the instance then does not come up,
    and the next one gets another."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def take(self) -> int:
        while True:
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as asked:
                asked.bind(("", 0))
                number: int = asked.getsockname()[1]
            if number not in self._taken:
                self._taken.add(number)
                return number

    def give_back(self, number: int) -> None:
        self._taken.discard(number)


class MetadataServers(Protocol):
    """Where instances learn who they are."""

    async def open(self, identity: Identity) -> str: ...
    async def close(self, address: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Hearth:
    """What every instance needs. `around` is the server's environment; `endpoints` leads Google's clients here."""

    processes: Processes
    ports: Ports
    metadata: MetadataServers
    groups: memory.Groups
    log: RunLog
    clock: Clock
    around: Mapping[str, str]
    endpoints: Callable[[], Mapping[str, str]]
    grace: int = GRACE


class Instance:
    """`open` requests are counted by whoever hands them out; `idle_since` is since the last of them."""

    def __init__(self, revision: Revision, hearth: Hearth) -> None:
        self.id = secrets.token_hex(32)
        self.revision = revision
        self.begun = self.ready = False  # that it came up once, and that it may be given requests
        self.open = 0
        self.idle_since = 0
        self.slot = Slot(probe.HOST, 0, self.id, revision)
        self._hearth = hearth
        self._place = Place(revision.service, revision.id, self.id)
        self._process: Process | None = None
        self._outputs: tuple[Lines, ...] = ()
        self._watch: memory.Watch | None = None
        self._closing = contextlib.AsyncExitStack()
        self._stopping = False

    @property
    def pid(self) -> int:
        return 0 if self._process is None else self._process.pid

    # life

    async def begin(self, reason: Reason) -> None:
        """Start it and ask its startup probe. StartRefused; nothing is left of it then."""
        self._log(f"Starting new instance. Reason: {reason.value}")
        try:
            await self._launch()
            await self._ask()
        except BaseException:  # raised on, once it is stopped
            await _undisturbed(self.stop())
            raise
        self.begun = self.ready = True
        self.idle_since = self._hearth.clock.now()
        liveness = self.revision.template.serving.liveness_probe
        if liveness is not None:
            self._closing.callback(asyncio.create_task(self._doubt(liveness)).cancel)

    async def ended(self) -> None:
        """Until the process has ended by itself, or was stopped. What it wrote is read, its place is cleared."""
        assert self._process is not None
        await asyncio.shield(self._process.ended)
        self.ready = False
        await self._clear()

    async def stop(self) -> None:
        """SIGTERM, ten seconds, SIGKILL."""
        self.ready, self._stopping = False, True
        process = self._process
        if process is not None and not process.ended.done():
            process.signal(signal.SIGTERM)
            done, _ = await asyncio.wait([process.ended], timeout=self._hearth.grace / SECOND)
            if not done:
                process.signal(signal.SIGKILL)
                await asyncio.wait([process.ended])
        await self._clear()

    @property
    def over(self) -> bool:
        """Whether its process has ended."""
        return self._process is not None and self._process.ended.done()

    async def lives(self) -> bool:
        """Whether it goes on: somebody listens on its port, and its process does not end in this very moment. A process
        that ends closes its connections first, and its port a little later."""
        assert self._process is not None
        ended, _ = await asyncio.wait([self._process.ended], timeout=_DOUBT_SECONDS)
        if ended:
            return False
        try:
            _, writer = await asyncio.open_connection(self.slot.host, self.slot.port)
        except OSError:
            return False
        writer.transport.abort()
        return True

    def look_after(self) -> None:
        """It has a request: its memory is watched while it has one."""
        if self._watch is not None:
            self._watch.look_soon()

    # steps

    async def _launch(self) -> None:
        hearth, launch, container = self._hearth, self.revision.launch, self.revision.template.serving
        if launch is None:
            raise StartRefused("Nothing may be run for this revision.")
        port, limit = hearth.ports.take(), memory_bytes(container.memory)
        self._closing.callback(hearth.ports.give_back, port)
        address = await hearth.metadata.open(_identity(self.revision, self.id))
        self._closing.push_async_callback(hearth.metadata.close, address)
        group = hearth.groups.open(self.id[:16], limit)
        if group is not None:
            self._closing.callback(self._close_group, group, limit)
        environment = environment_of(
            self.revision, port=port, metadata=address, around=hearth.around, endpoints=hearth.endpoints()
        )
        command = Command(
            expanded(launch.command, environment),
            launch.directory or await self._directory(),
            environment,
            "" if group is None else str(group.path),
        )
        self._outputs = tuple(Lines(partial(hearth.log.output, self._place, each)) for each in (STDOUT, STDERR))
        stdout, stderr = self._outputs
        try:
            self._process = await hearth.processes.run(command, lambda: stdout, lambda: stderr)
        except NotStarted as refusal:
            self._log(f"Application failed to start: {refusal}", ERROR)
            raise StartRefused(_refusal(self.revision)) from refusal
        self.slot = Slot(probe.HOST, port, self.id, self.revision, container.port_name == "h2c")
        if group is None:
            self._watch = memory.Watch(self._process.pid, limit, self._is_busy, partial(self._exceeded, limit))
            self._closing.callback(self._watch.close)
            self._watch.look_soon()

    async def _ask(self) -> None:
        assert self._process is not None
        asked = self.revision.template.serving.startup_probe
        words = self._described(asked, "STARTUP")
        asking = asyncio.ensure_future(probe.passed(asked, self._port_of(asked)))
        try:
            await asyncio.wait([asking, self._process.ended], return_when=asyncio.FIRST_COMPLETED)
            attempts = asking.result() if asking.done() else 0
        finally:
            asking.cancel()
        if self._process.ended.done():
            self._say_exit(self._process.ended.result())
        if self._process.ended.done() or not attempts:
            self._log(f"{words.format(probe.times(asked.failures))} The instance was not started.", ERROR)
            raise StartRefused(_refusal(self.revision))
        self._log(words.format(f"succeeded after {attempts} attempt{'s' * (attempts > 1)}"))

    async def _doubt(self, asked: Probe) -> None:
        """Cloud Run: one that is alive no more is killed at once, with whatever it has begun."""
        await probe.failed(asked, self._port_of(asked))
        if self._process is not None and not self._stopping:
            words = self._described(asked, "LIVENESS")
            self._log(f"{words.format(probe.times(asked.failures))} The instance has been shut down.", ERROR)
            self.ready = False
            self._process.signal(signal.SIGKILL)

    def _port_of(self, asked: Probe) -> int:
        """Where a probe asks: the container's own port is elsewhere here."""
        return self.slot.port if asked.port in (0, self.revision.template.serving.port) else asked.port

    def _described(self, asked: Probe, purpose: str) -> str:
        container = self.revision.template.serving
        name = container.name or f"{self.revision.service.service}-1"
        return probe.described(asked, name, container.port, purpose)

    async def _directory(self) -> str:
        made = await asyncio.to_thread(tempfile.mkdtemp, prefix="kumo-instance-")
        self._closing.push_async_callback(asyncio.to_thread, shutil.rmtree, made, ignore_errors=True)
        return made

    async def _clear(self) -> None:
        for output in self._outputs if self._process is not None else ():
            with contextlib.suppress(TimeoutError):  # a process that left the group may hold the pipe
                async with asyncio.timeout(1):
                    await output.ended.wait()
        if self._process is not None and not self._stopping:
            self._say_exit(self._process.ended.result())
            self._stopping = True
        await self._closing.aclose()

    def _say_exit(self, status: int) -> None:
        text = f"Container terminated on signal {-status}." if status < 0 else f"Container called exit({status})."
        self._log(text, ERROR if status else WARNING)

    # memory

    def _is_busy(self) -> bool:
        return bool(self.open) or not self.ready

    def _exceeded(self, limit: int, found: int) -> None:
        assert self._process is not None
        self._log(memory.exceeded(limit, found), ERROR)
        self._process.signal(signal.SIGKILL)

    def _close_group(self, group: memory.Group, limit: int) -> None:
        peak = group.peak()
        if peak is not None:
            self._log(memory.exceeded(limit, peak), ERROR)
        group.close()

    def _log(self, text: str, severity: int = INFO) -> None:
        self._hearth.log.system(self._place, text, severity)


async def _undisturbed(work: Coroutine[None, None, None]) -> None:
    """Finish `work`, also when whoever waits for it is cancelled."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _refusal(revision: Revision) -> str:
    return (
        "The user-provided container failed to start and listen on the port defined provided by the "
        f"PORT={revision.template.serving.port} environment variable within the allocated timeout. "
        "This can happen when the container port is misconfigured or if the timeout is too short. "
        "The health check timeout can be extended. Logs for this revision might contain more information."
    )


def _identity(revision: Revision, instance_id: str) -> Identity:
    name, email = revision.service, revision.template.service_account
    number = project_number(name.project)
    return Identity(
        name.project, number, name.location, email or f"{number}-compute@developer.gserviceaccount.com", instance_id
    )
