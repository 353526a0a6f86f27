"""`kumo demo`: the main job on real input, start to end, explained as it goes.

Google's own Python client creates a queue and tasks over gRPC; Kumo pushes them to a worker in another process; the
server is killed with kill -9 in the middle and started again. At the end every task that was acknowledged is looked for
among what arrived. Exit code 1 if one is missing, or if a retry came before it was due.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.protobuf import duration_pb2, timestamp_pb2

from kumotasks.domain.clock import SECOND, SystemClock

BACKOFF = (0.5, 1.0, 2.0, 4.0)  # seconds: min 0.5 s, 2 doublings, at most 4 s
ATTEMPTS = 5
RATE = 100.0
FIRST_WAVE, SECOND_WAVE = 200, 100
DELAYS = (4.0, 6.0)
PATIENCE = 25.0  # seconds in which everything must have arrived


@dataclass(slots=True)
class Arrivals:
    """What the worker said, by task."""

    by_task: dict[str, list[dict[str, float | int | str]]] = field(default_factory=lambda: defaultdict(list))
    changed: threading.Condition = field(default_factory=threading.Condition)

    def read(self, lines: Iterator[str]) -> None:
        for line in lines:
            arrival = json.loads(line)
            with self.changed:
                self.by_task[arrival["task"]].append(arrival)
                self.changed.notify_all()

    def wait_for(self, count: int, timeout: float) -> bool:
        """Until `count` requests have arrived in all."""
        with self.changed:
            return self.changed.wait_for(lambda: self.total() >= count, timeout)

    def wait_until_answered(self, tasks: set[str], timeout: float) -> bool:
        """Until each of `tasks` has been answered with success."""
        with self.changed:
            return self.changed.wait_for(lambda: all(self.succeeded(task) for task in tasks), timeout)

    def total(self) -> int:
        return sum(len(arrivals) for arrivals in self.by_task.values())

    def succeeded(self, task: str) -> bool:
        return any(arrival["status"] == 200 for arrival in self.by_task.get(task, ()))


@dataclass(slots=True)
class Sent:
    """Names of the tasks that were acknowledged, by kind."""

    by_kind: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def all(self) -> set[str]:
        return {task for tasks in self.by_kind.values() for task in tasks}


class Demo:
    """One run. Everything it starts ends with it."""

    def __init__(self, directory: Path, cleanup: contextlib.ExitStack) -> None:
        self._directory = directory
        self._cleanup = cleanup
        self._clock = SystemClock()
        self.arrivals = Arrivals()
        self.sent = Sent()
        self._worker_port = self._start_worker()
        self._port = 0
        self._server = self._start_server()
        channel = cleanup.enter_context(grpc.insecure_channel(f"127.0.0.1:{self._port}"))
        self._client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        self._queue = self._client.queue_path("demo-project", "us-central1", "demo")

    def create_queue(self) -> None:
        """A queue of 100 tasks a second, with a fast retry schedule."""
        self._client.create_queue(
            parent="projects/demo-project/locations/us-central1",
            queue=tasks_v2.Queue(
                name=self._queue,
                rate_limits=tasks_v2.RateLimits(max_dispatches_per_second=RATE),
                retry_config=tasks_v2.RetryConfig(
                    max_attempts=ATTEMPTS,
                    min_backoff=duration_pb2.Duration(nanos=500_000_000),
                    max_backoff=duration_pb2.Duration(seconds=4),
                    max_doublings=2,
                ),
            ),
        )

    def send(self, kind: str, path: str, *, delay: float = 0.0, name: str = "") -> None:
        """Create one task; once this returns, the task is acknowledged."""
        task = tasks_v2.Task(
            http_request=tasks_v2.HttpRequest(
                url=f"http://127.0.0.1:{self._worker_port}{path}", body=json.dumps({"kind": kind}).encode()
            )
        )
        if delay:
            due = self._clock.now() + int(delay * SECOND)
            stamp = timestamp_pb2.Timestamp(seconds=due // SECOND, nanos=due % SECOND * 1000)
            task.schedule_time = stamp
        if name:
            task.name = f"{self._queue}/tasks/{name}"
        created = self._client.create_task(parent=self._queue, task=task)
        self.sent.by_kind[kind].append(created.name.rsplit("/", 1)[1])

    def kill_and_restart(self) -> None:
        os.kill(self._server.pid, signal.SIGKILL)
        self._server.wait()
        self._server = self._start_server()

    def stop_server(self) -> int:
        self._server.send_signal(signal.SIGTERM)
        return self._server.wait(timeout=15)

    def left(self) -> int:
        """Tasks still in the queue."""
        return len(list(self._client.list_tasks(parent=self._queue)))

    def _start_worker(self) -> int:
        worker = self._spawn("-m", "kumotasks.cli.demo_worker")
        assert worker.stdout is not None
        port = int(worker.stdout.readline())
        threading.Thread(target=self.arrivals.read, args=(worker.stdout,), daemon=True).start()
        return port

    def _start_server(self) -> subprocess.Popen[str]:
        store = str(self._directory / "data")
        server = self._spawn("-m", "kumotasks.cli.main", "serve", "--port", str(self._port), "--store", store)
        assert server.stdout is not None
        line = server.stdout.readline()
        if not line:
            raise SystemExit("The server did not start.")
        self._port = int(line.rsplit(":", 1)[1])
        return server

    def _spawn(self, *arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._cleanup.callback(_end, process)
        return process


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def say(text: str) -> None:
    print(text, flush=True)


def run() -> int:
    """The whole demo; 0 if nothing was lost."""
    with contextlib.ExitStack() as cleanup:
        directory = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="kumo-demo-")))
        say("Kumo Tasks demo: Google's Python client -> Kumo over gRPC -> an HTTP worker in another process.\n")
        demo = Demo(directory, cleanup)
        say("1. Server and worker are up. Creating a queue: 100 tasks/s, 5 attempts, backoff 0.5 s, 1 s, 2 s, 4 s.")
        demo.create_queue()
        _first_wave(demo)
        _crash(demo)
        _second_wave(demo)
        everything_arrived = _wait(demo)
        code = demo.stop_server()
        return _report(demo, everything_arrived=everything_arrived, stopped_clean=code == 0)


def _first_wave(demo: Demo) -> None:
    for number in range(FIRST_WAVE):
        demo.send("plain", "/work")
        if number % 50 == 49:
            say(f"2. {number + 1} plain tasks acknowledged, {demo.arrivals.total()} delivered so far")
    for delay in DELAYS:
        demo.send(f"delayed {delay:g} s", "/work", delay=delay)
    demo.send("named", "/work", name="invoice-2026-0042")
    demo.send("fails twice", "/flaky")
    demo.send("always fails", "/broken")
    demo.send("slow", "/slow", delay=0.2)
    say("   and 2 delayed, 1 named, 1 that fails twice, 1 that always fails, 1 that takes two seconds")


def _crash(demo: Demo) -> None:
    demo.arrivals.wait_for(FIRST_WAVE // 2, PATIENCE)
    delivered = demo.arrivals.total()
    say(f"3. kill -9 of the server, with {delivered} requests delivered and the rest still waiting ...")
    demo.kill_and_restart()
    say("   ... and started again on the same files. Nothing is created anew.")


def _second_wave(demo: Demo) -> None:
    for _ in range(SECOND_WAVE):
        demo.send("plain", "/work")
    say(f"4. {SECOND_WAVE} more plain tasks acknowledged by the new process")


def _wait(demo: Demo) -> bool:
    broken = set(demo.sent.by_kind["always fails"])
    healthy = demo.sent.all() - broken
    deadline = PATIENCE
    for goal in (250, 300):
        if demo.arrivals.wait_for(goal, deadline):
            say(f"5. {goal} requests delivered")
    arrived = demo.arrivals.wait_until_answered(healthy, deadline)
    (name,) = broken
    with demo.arrivals.changed:
        spent = demo.arrivals.changed.wait_for(
            lambda: (
                max((int(each["retry"]) for each in demo.arrivals.by_task.get(name, ())), default=0) >= ATTEMPTS - 1
            ),
            deadline,
        )
    return arrived and spent


def _report(demo: Demo, *, everything_arrived: bool, stopped_clean: bool) -> int:
    sent, by_task = demo.sent, demo.arrivals.by_task
    lost = sorted(task for task in sent.all() if task not in by_task)
    say("\nWhat was sent and what arrived")
    say(f"  {'kind':<16}{'sent':>6}{'arrived':>9}{'requests':>10}")
    for kind, tasks in sent.by_kind.items():
        arrived = sum(task in by_task for task in tasks)
        say(f"  {kind:<16}{len(tasks):>6}{arrived:>9}{sum(len(by_task.get(task, ())) for task in tasks):>10}")
    early = _retries(demo)
    _twice(demo)
    say(f"\nAcknowledged {len(sent.all())}, lost {len(lost)}.")
    good = not lost and not early and everything_arrived and stopped_clean
    say("Nothing was lost, and no retry came early." if good else f"FAILED: lost {lost}, early {early}.")
    return 0 if good else 1


def _retries(demo: Demo) -> int:
    """Print when each retry came against when it was due; how many came early."""
    early = 0
    say("\nWhen each retry came, against when it was due (seconds after the failure before it)")
    for kind in ("fails twice", "always fails"):
        for task in demo.sent.by_kind[kind]:
            arrivals = sorted(demo.arrivals.by_task.get(task, ()), key=lambda each: float(each["arrived"]))
            for before, after in itertools.pairwise(arrivals):
                if after["retry"] == before["retry"]:
                    say(f"  {kind:<13} attempt {after['retry']} again: it was open when the server was killed")
                    continue
                due = BACKOFF[int(before["retry"])]
                came = float(after["arrived"]) - float(before["answered"])
                early += came < due
                say(f"  {kind:<13} retry {after['retry']}: due {due:.3f}, came {came:.3f}")
    return early


def _twice(demo: Demo) -> None:
    counts = Counter(
        task for task, arrivals in demo.arrivals.by_task.items() if sum(each["status"] == 200 for each in arrivals) > 1
    )
    if counts:
        say(f"\nDelivered twice: {len(counts)}, whose attempts were open, or not yet committed, at the kill.")
    else:
        say("\nDelivered twice: none.")
