"""Task queues over Redis, doing the same work: enqueued one by one, each an HTTP POST to the worker.

Redis and the queue's worker share the core of the program under test; the producer runs beside the load. Redis keeps
nothing on disk here, so they are measured in their faster mode.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.peers import environment
from bench.process import Program
from bench.reading import Reading
from bench.rows import END_TO_END
from bench.subject import SCRATCH, free_port, wait_for
from bench.worker import Worker

HERE = Path(__file__).parent / "peers"


@dataclass(frozen=True, slots=True)
class Broker:
    """`command` starts its worker, after its interpreter's `-m`."""

    name: str
    module: str
    packages: tuple[str, ...]
    command: tuple[str, ...]


BROKERS = (
    Broker(
        "Celery + Redis",
        "celery_post",
        ("celery[redis]", "urllib3"),
        ("celery", "-A", "celery_post", "worker", "-c", "8", "--without-gossip", "--without-mingle"),
    ),
    Broker(
        "Dramatiq + Redis",
        "dramatiq_post",
        ("dramatiq[redis]", "urllib3"),
        ("dramatiq", "dramatiq_post", "-p", "1", "-t", "16"),
    ),
    Broker(
        "taskiq + Redis",
        "taskiq_post",
        ("taskiq", "taskiq-redis", "aiohttp"),
        ("taskiq", "worker", "taskiq_post:broker", "--workers", "1", "--ack-type", "when_received"),
    ),
)


def redis() -> str | None:
    """The Redis server on this machine, if there is one."""
    return shutil.which("redis-server")


async def end_to_end(broker: Broker, count: int) -> list[Reading]:
    """From the first enqueue to the last arrival."""
    worker = Worker()
    await worker.start()
    port = free_port()
    variables = {
        "BENCH_URL": f"http://127.0.0.1:{worker.port}/work",
        "BENCH_REDIS": f"redis://127.0.0.1:{port}/0",
        "PYTHONPATH": str(HERE),
    }
    python = environment.python(broker.module, *broker.packages)
    with _redis(port) as store, consuming(python, broker, variables) as consumer:
        producer = await producing(python, broker, variables, count)
        await worker.wait_for(1)
        loop = asyncio.get_running_loop()
        begun, cpu = loop.time(), consumer.cpu_seconds() + store.cpu_seconds()
        await producer.communicate(b"\n")
        await worker.wait_for(1 + count)
        wall, used = loop.time() - begun, consumer.cpu_seconds() + store.cpu_seconds() - cpu
    await worker.stop()
    return [
        Reading(broker.name, END_TO_END, "tasks/s", count / wall),
        Reading(broker.name, END_TO_END, "CPU s per 1000", used / count * 1000),
        Reading(broker.name, END_TO_END, "core %", used / wall * 100),
    ]


@contextlib.contextmanager
def _redis(port: int) -> Iterator[Program]:
    executable = redis()
    assert executable is not None
    with Program([executable, "--port", str(port), "--save", "", "--appendonly", "no"]) as store:
        wait_for(port)
        yield store


@contextlib.contextmanager
def consuming(python: str, broker: Broker, variables: dict[str, str]) -> Iterator[Program]:
    command = [python, "-m", *broker.command]
    with Program(command, environment=variables, log=SCRATCH / f"{broker.module}.log") as consumer:
        yield consumer


async def producing(python: str, broker: Broker, variables: dict[str, str], count: int) -> asyncio.subprocess.Process:
    producer = await asyncio.create_subprocess_exec(
        python,
        str(HERE / "enqueue.py"),
        broker.module,
        str(count),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=variables,
    )
    assert producer.stdout is not None
    if await producer.stdout.readline() != b"ready\n":
        raise SystemExit(f"the producer of {broker.name} did not start")
    return producer
