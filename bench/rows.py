"""What is done to a server, a row each: an async function from a running server to readings."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

from bench.grpc_load import GrpcLoad
from bench.reading import Reading, percentile
from bench.requests import Requests, number_of, queue_name
from bench.rest_load import RestLoad
from bench.subject import RATE, SLOTS, Running
from bench.worker import Worker

Row = Callable[[Running], Awaitable[list[Reading]]]

CREATE = "create only, gRPC"
END_TO_END = "create to delete"
BATCH = "batch create (100), gRPC"
REST = "create only, REST"
LATENCY = "at 200 tasks/s"
IDLE = "idle"
MILLION = "a million future tasks"

IN_FLIGHT = 256  # calls under way at once
CONNECTIONS = 64  # of the REST load
PACE, PACED = 200, 2_000  # tasks a second, tasks
FAR = 20 * 24 * 3600  # seconds ahead of a task that is not due in this run
IDLE_SECONDS = 5.0


class Meter:
    """Wall time and CPU time of a server over `count` tasks."""

    def __init__(self, server: Running) -> None:
        self._server = server
        self._wall, self._cpu = time.perf_counter(), server.program.cpu_seconds()

    def readings(self, row: str, count: int) -> list[Reading]:
        wall = time.perf_counter() - self._wall
        cpu = self._server.program.cpu_seconds() - self._cpu
        name = self._server.subject
        return [
            Reading(name, row, "tasks/s", count / wall),
            Reading(name, row, "CPU s per 1000", cpu / count * 1000),
            Reading(name, row, "core %", cpu / wall * 100),
        ]


def create_only(count: int) -> Row:
    """Unary CreateTask on a paused queue: taking and keeping, no sending."""

    async def row(server: Running) -> list[Reading]:
        async with GrpcLoad(server.port) as load:
            requests = Requests(queue_name(f"create-{secrets.token_hex(4)}"), 9)  # a store may be kept from run to run
            await load.once("CreateQueue", "", requests.create_queue(RATE, SLOTS))
            await load.once("PauseQueue", "", requests.pause())
            calls = [requests.create(0)] * count
            await load.repeat("CreateTask", requests.about, calls[:500], in_flight=IN_FLIGHT)
            meter = Meter(server)
            await load.repeat("CreateTask", requests.about, calls, in_flight=IN_FLIGHT)
            return meter.readings(CREATE, count)

    return row


def end_to_end(count: int) -> Row:
    """Created by unary gRPC, kept, pushed, answered, deleted."""

    async def row(server: Running) -> list[Reading]:
        worker = Worker()
        await worker.start()
        async with GrpcLoad(server.port) as load:
            requests = Requests(queue_name("run"), worker.port)
            await load.once("CreateQueue", "", requests.create_queue(RATE, SLOTS))
            calls = [requests.create(0)] * count
            warm = min(500, count // 4)
            await load.repeat("CreateTask", requests.about, calls[:warm], in_flight=IN_FLIGHT)
            await worker.wait_for(warm)
            meter = Meter(server)
            await load.repeat("CreateTask", requests.about, calls, in_flight=IN_FLIGHT)
            await worker.wait_for(warm + count)
            server.wait_idle()
            readings = meter.readings(END_TO_END, count)
        await worker.stop()
        return readings

    return row


def batch_create(count: int, size: int = 100) -> Row:
    """BatchCreateTasks on a paused queue, until each batch's operation is done."""

    async def row(server: Running) -> list[Reading]:
        async with GrpcLoad(server.port) as load:
            requests = Requests(queue_name("batch"), 9)
            await load.once("CreateQueue", "", requests.create_queue(RATE, SLOTS))
            await load.once("PauseQueue", "", requests.pause())
            calls = [requests.create_batch(size)] * (count // size)
            await load.repeat("BatchCreateTasks", requests.about, calls[:5], in_flight=5)
            meter = Meter(server)
            await load.repeat("BatchCreateTasks", requests.about, calls, in_flight=16)
            return meter.readings(BATCH, count)

    return row


def rest_create(count: int) -> Row:
    """CreateTask over REST on a paused queue."""

    async def row(server: Running) -> list[Reading]:
        requests = Requests(queue_name("rest"), 9)
        async with GrpcLoad(server.port) as load:
            await load.once("CreateQueue", "", requests.create_queue(RATE, SLOTS))
            await load.once("PauseQueue", "", requests.pause())
        path = f"/v2/{requests.queue}/tasks"
        await RestLoad(server.port, path, requests.create_json(), 500).run(CONNECTIONS)
        meter = Meter(server)
        await RestLoad(server.port, path, requests.create_json(), count).run(CONNECTIONS)
        return meter.readings(REST, count)

    return row


async def latency(server: Running) -> list[Reading]:
    """Tasks at an even pace: from call to answer, and from call to arrival at the worker."""
    begun: dict[int, float] = {}
    answered: list[float] = []
    arrived: list[float] = []
    worker = Worker(lambda body: arrived.append(time.perf_counter() - begun[number_of(body)]))
    await worker.start()
    loop = asyncio.get_running_loop()
    async with GrpcLoad(server.port, channels=1) as load:
        requests = Requests(queue_name("pace"), worker.port)
        await load.once("CreateQueue", "", requests.create_queue(RATE, SLOTS))

        def begin(number: int, request: bytes) -> None:
            begun[number] = time.perf_counter()
            load.begin(
                "CreateTask",
                requests.about,
                request,
                lambda answer: answered.append(time.perf_counter() - begun[number]),
            )

        first = loop.time() + 0.1
        for number in range(PACED):
            loop.call_at(first + number / PACE, begin, number, requests.create(number))
        await worker.wait_for(PACED)
        server.wait_idle()
    await worker.stop()
    name = server.subject
    return [
        Reading(name, LATENCY, f"{what} p{percent} ms", percentile(values[PACE:], percent) * 1000)
        for what, values in (("create", answered), ("arrival", arrived))
        for percent in (50, 99)
    ]


async def idle(server: Running) -> list[Reading]:
    """Start, memory and CPU of a server that nobody has called yet."""
    await asyncio.sleep(1)
    before = server.program.cpu_seconds()
    await asyncio.sleep(IDLE_SECONDS)
    used = server.program.cpu_seconds() - before
    return [
        Reading(server.subject, IDLE, "ready s", server.ready),
        Reading(server.subject, IDLE, "MB", server.program.memory()),
        Reading(server.subject, IDLE, "core %", used / IDLE_SECONDS * 100),
    ]


async def million(server: Running) -> list[Reading]:
    """What a million waiting tasks add to an idle server's memory, spread over the next 20 days."""
    before = server.program.memory()
    await wait_with(server, 1_000_000)
    return [Reading(server.subject, MILLION, "MB above idle", server.program.memory() - before)]


async def wait_with(server: Running, count: int) -> None:
    """Fill a queue with `count` tasks that are not due before the run ends."""
    now = int(time.time())
    async with GrpcLoad(server.port) as load:
        requests = Requests(queue_name("waiting"), 9)
        await load.once("CreateQueue", "", requests.create_queue(RATE, SLOTS))
        spread = [requests.create_batch(100, now + FAR * step // 1000) for step in range(500, 1000)]
        calls = [spread[number * 7919 % len(spread)] for number in range(count // 100)]
        await load.repeat("BatchCreateTasks", requests.about, calls, in_flight=16)
