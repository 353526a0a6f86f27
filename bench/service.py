"""Several nodes of one service, each on a port of its own, so that a caller may choose whom he asks.

They are started one after the other, and each is waited for until the queues are shared evenly.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from types import TracebackType

import asyncpg

from bench.grpc_load import GrpcLoad
from bench.process import Program
from bench.requests import Requests, queue_name
from bench.subject import RATE, SCRATCH, SLOTS, wait_idle

_LIMITS = {"KUMO_MAX_DISPATCHES_PER_SECOND": str(RATE)}


class Service:
    """A context manager: `count` nodes over the database at `url`, with `queues` queues that push to `port`."""

    def __init__(self, url: str, *, count: int, queues: int, port: int, channels: int) -> None:
        self._url = url
        self._count = count
        self._channels = channels
        self._nodes: list[str | None] = []  # their leases
        self._stack = contextlib.AsyncExitStack()
        self.queues = [Requests(queue_name(f"q{number}"), port) for number in range(queues)]
        self.programs: list[Program] = []
        self.loads: list[GrpcLoad] = []
        self._ports: list[int] = []

    async def __aenter__(self) -> Service:
        await self._start_node()
        for requests in self.queues:
            await self.loads[0].once("CreateQueue", "", requests.create_queue(RATE, SLOTS // len(self.queues)))
        await self._until_shared()
        while len(self.programs) < self._count:
            await self._start_node()
            await self._until_shared()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    def cpu_seconds(self) -> float:
        return sum(program.cpu_seconds() for program in self.programs)

    async def create(self, count: int, *, in_flight: int, queues: int) -> None:
        """So many tasks, as many of each of the first `queues` queues, and of each as many by every node."""
        each = queues * len(self.loads)
        await asyncio.gather(
            *(
                load.repeat(
                    "CreateTask",
                    requests.about,
                    [requests.create(0)] * (count // each),
                    in_flight=in_flight // each,
                )
                for requests in self.queues[:queues]
                for load in self.loads
            )
        )

    async def wait_idle(self) -> None:
        """Until the last result is committed."""
        await asyncio.gather(*(asyncio.to_thread(wait_idle, port) for port in self._ports))

    async def _start_node(self) -> None:
        data = self._stack.enter_context(tempfile.TemporaryDirectory(dir=SCRATCH))
        command = [sys.executable, "-m", "kumotasks.cli.main", "serve", "--port", "0", "--store", self._url]
        log = SCRATCH / f"node-{len(self.programs)}.log"
        program = self._stack.enter_context(Program([*command, "--data", data], environment=_LIMITS, log=log))
        line, _ = program.first_line()
        self.programs.append(program)
        self._ports.append(int(line.rpartition(":")[2]))
        load = GrpcLoad(self._ports[-1], channels=self._channels)
        self.loads.append(await self._stack.enter_async_context(load))
        self._nodes += [node for node in await self._fetch("SELECT id FROM node") if node not in self._nodes]

    async def _until_shared(self) -> None:
        while not self._is_shared(await self._fetch("SELECT home_node FROM queue")):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.1)

    def _is_shared(self, homes: list[str | None]) -> bool:
        counts = [homes.count(node) for node in self._nodes]
        return sum(counts) == len(homes) and max(counts) - min(counts) <= 1

    async def _fetch(self, query: str) -> list[str | None]:
        connection = await asyncpg.connect(self._url)
        try:
            return [row[0] for row in await connection.fetch(query)]
        finally:
            await connection.close()
