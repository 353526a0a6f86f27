"""What is measured through Google's API: Kumo, and the emulator that can be had from PyPI."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.filling import fill
from bench.grpc_load import GrpcLoad
from bench.peers import environment
from bench.process import Program
from bench.requests import Requests, queue_name

RATE, SLOTS = 1_000_000.0, 256  # no limit but the attempts in flight
TEN_MILLION = 10_000_000
SCRATCH = Path(__file__).parent / "results" / "scratch"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that listens, and the seconds it took to."""

    subject: str
    port: int
    program: Program
    ready: float
    finishes: bool  # whether it can tell that nothing is left to do

    def wait_idle(self) -> None:
        """Until the last result is committed; where nobody tells, the last arrival must do."""
        if self.finishes:
            wait_idle(self.port)


def wait_idle(port: int) -> None:
    """Until a server of ours has nothing more to do."""
    url = f"http://127.0.0.1:{port}/kumo/v1/wait-idle"
    with urllib.request.urlopen(urllib.request.Request(url, b'{"timeout": "300s"}', method="POST")) as answer:
        assert answer.status == 200


class Subject(Protocol):
    """Something that runs as a server of its own."""

    @property
    def name(self) -> str: ...

    def running(self) -> contextlib.AbstractContextManager[Running]:
        """A fresh server with an empty store."""


class Kumo:
    name = "Kumo Tasks"
    parent = SCRATCH

    @contextlib.contextmanager
    def running(self) -> Iterator[Running]:
        with scratch(self.parent) as store, self.over(store) as server:
            yield server

    @contextlib.contextmanager
    def over(self, store: Path) -> Iterator[Running]:
        """A server that has this store."""
        command = [sys.executable, "-m", "kumotasks.cli.main", "serve", "--port", "0", "--store", str(store)]
        limits = {"KUMO_MAX_DISPATCHES_PER_SECOND": str(RATE)}
        with Program(command, environment=limits, log=SCRATCH / "kumo.log") as program:
            line, ready = program.first_line()
            yield Running(self.name, int(line.rpartition(":")[2]), program, ready, finishes=True)


class InMemory(Kumo):
    """The same where an fsync costs nothing: what is left is the server's own."""

    name = "Kumo Tasks, its store in memory"
    parent = Path("/dev/shm")


class Laden(Kumo):
    """The same with ten million waiting tasks: the store is filled once, and kept for the next run."""

    name = "Kumo Tasks, ten million waiting"

    def __init__(self) -> None:
        self._kept = contextlib.ExitStack()
        self._store: Path | None = None

    @contextlib.contextmanager
    def running(self) -> Iterator[Running]:
        if self._store is None:
            self._store = self._kept.enter_context(scratch())
            with self.over(self._store) as server:
                asyncio.run(leave_a_task(server.port))
            fill(self._store, TEN_MILLION)
        with self.over(self._store) as server:
            yield server

    def close(self) -> None:
        self._kept.close()


@contextlib.contextmanager
def scratch(parent: Path = SCRATCH) -> Iterator[Path]:
    """A directory on the disk of the checkout: a temporary one may be memory, where an fsync costs nothing."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as path:
        yield Path(path)


async def leave_a_task(port: int) -> None:
    """One task that is due in twenty days."""
    async with GrpcLoad(port) as load:
        requests = Requests(queue_name("waiting"), 9)
        await load.once("CreateQueue", "", requests.create_queue(RATE, SLOTS))
        await load.once("CreateTask", requests.about, requests.create(0, int(time.time()) + 20 * 24 * 3600))


class Emulator:
    """gcloud-tasks-emulator: in memory, one thread to a queue."""

    name = "gcloud-tasks-emulator"

    @contextlib.contextmanager
    def running(self) -> Iterator[Running]:
        port = free_port()
        python = environment.python("emulator", "gcloud-tasks-emulator==0.6.2", "protobuf<5", "setuptools<81")
        started = time.perf_counter()
        with Program([python, "-m", "gcloud_tasks_emulator", "start", "--port", str(port), "--quiet"]) as program:
            wait_for(port)
            yield Running(self.name, port, program, time.perf_counter() - started, finishes=False)


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, seconds: float = 30) -> None:
    """Until something listens on `port`."""
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise SystemExit(f"nothing listens on port {port}")
