"""Queues and tasks driven at random over gRPC, against a model in plain dicts."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.calls import RawGrpc, RawRest, Reply
from tests.model import SECOND, Delivery, Model, Retries, Task
from tests.running import Answer, Arrival, KumoProcess, RecordingWorker

TIMES = int(os.environ.get("KUMO_FUZZ", "1"))  # how much more than usual, each time new
# Looking for a shorter way to a failure takes minutes over the wire: only where time does not matter.
PHASES = (Phase.generate,) if TIMES == 1 else (Phase.generate, Phase.shrink)
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00Z")
GONE = "The task no longer exists, though a task with this name existed recently."
PROJECTS = (f"model-{number}" for number in itertools.count())
QUEUES = st.sampled_from(["red", "green"])
NAMES = st.sampled_from(["one", "two", "three"])
FAILURES = st.sampled_from([3, 0, 5, 1, 50])
# Odd amounts, so that no two instants that matter fall together by accident.
DELAYS = st.sampled_from([0.0, 0.0, 0.7, 13.3, 500.1, 90_000.9])
STEPS = st.sampled_from([0.05, 0.31, 1.17, 11.03, 61.7, 700.9, 1_900.3, 2_300.9, 100_003.7])
RETRIES = st.builds(
    Retries,
    attempts=st.sampled_from([-1, 1, 3, 100]),
    least=st.sampled_from([SECOND // 10, 10 * SECOND]),
    most=st.sampled_from([100 * SECOND, 3_600 * SECOND]),
    doublings=st.sampled_from([1, 3, 16]),
)


@dataclass(frozen=True, slots=True)
class World:
    """What all examples share."""

    client: RawGrpc
    pages: RawRest
    worker: RecordingWorker

    def page(self, verb: str, path: str, **body: object) -> dict[str, Any]:
        reply = self.pages.send(verb, f"/kumo/v1/{path}", json.dumps(body).encode())
        assert reply.status == 200, reply
        return json.loads(reply.body)


class CloudTasks(RuleBasedStateMachine):
    """Each example has a project of its own; the clock goes on from one to the next."""

    world: World

    @initialize()
    def begin(self) -> None:
        self.place = f"projects/{next(PROJECTS)}/locations/us-central1"
        self.worker = self.world.worker
        self.worker.arrivals.clear()
        self.model = Model(microseconds(self.world.page("GET", "clock")["now"]))
        self.steps = itertools.count()
        for name in ("red", "green"):
            self.call_on_a_queue("create", name, Retries())

    def teardown(self) -> None:
        self.compare_listings()
        for name in self.model.queues:
            self.ask("DeleteQueue", name=self.queue(name))

    # Few rules, each drawn alike: what a rule does is drawn inside, or tasks would be rare among calls on queues.

    @rule(
        call=st.sampled_from(["create", "update", "pause", "resume", "resume", "purge", "delete"]),
        name=QUEUES,
        retries=RETRIES,
    )
    def call_on_a_queue(self, call: str, name: str, retries: Retries) -> None:
        known = {"name": self.queue(name)}
        match call:
            case "create":
                reply = self.ask("CreateQueue", parent=self.place, queue=self.described(name, retries))
                expected = self.model.create_queue(name, retries)
            case "update":
                reply = self.ask("UpdateQueue", queue=self.described(name, retries), updateMask="retryConfig")
                expected = self.model.update_queue(name, retries)
            case "pause" | "resume":
                reply = self.ask(f"{call.title()}Queue", **known)
                expected = self.model.set_running(name, running=call == "resume")
            case "purge":
                reply, expected = self.ask("PurgeQueue", **known), self.model.purge_queue(name)
            case _:
                reply, expected = self.ask("DeleteQueue", **known), self.model.delete_queue(name)
        assert reply.status == expected

    @rule(
        queue=QUEUES,
        name=st.none() | NAMES,
        delay=DELAYS,
        failures=FAILURES,
        attempts=st.sampled_from([None, None, 2]),
    )
    def create_task(self, queue: str, name: str | None, delay: float, failures: int, attempts: int | None) -> None:
        due = self.model.now + round(delay * SECOND)
        task: dict[str, Any] = {
            "httpRequest": {"url": f"{self.worker.url}/{queue}/{failures}"},
            "scheduleTime": (EPOCH + timedelta(microseconds=due)).isoformat(),
        }
        if name:
            task["name"] = self.task(queue, name)
        if attempts:
            task["retryConfig"] = {"maxAttempts": attempts}
        expected = self.model.can_create_task(queue, name or "")
        reply = self.ask("CreateTask", parent=self.queue(queue), task=task)
        assert reply.status == expected
        if expected == "OK":
            known = Task(due, failures, name is not None, attempts)
            self.model.create_task(queue, reply.answer["name"].rpartition("/")[2], known)

    @rule(call=st.sampled_from(["get", "run", "delete"]), queue=QUEUES, name=NAMES, pick=st.integers(0, 9))
    def call_on_a_task(self, call: str, queue: str, name: str, pick: int) -> None:
        """On one that is there, if one is, or on any. One that ended is told apart from one that never was."""
        there = sorted((each, task) for each, known in self.model.queues.items() for task in known.tasks)
        if pick < 7 and there:
            queue, name = there[pick % len(there)]
        was_gone = self.model.gone(queue, name)
        reply = self.ask(f"{call.title()}Task", name=self.task(queue, name))
        match call:
            case "get":
                expected = self.model.get_task(queue, name)
            case "run":
                expected = self.model.run_task(queue, name)
            case _:
                expected = self.model.delete_task(queue, name)
        assert reply.status == expected
        if expected == "NOT_FOUND" and was_gone:
            assert reply.message.startswith(GONE)

    # time

    @rule(seconds=STEPS)
    def advance(self, seconds: float) -> None:
        self.world.page("POST", "clock:advance", seconds=seconds)
        self.model.advance(round(seconds * SECOND))

    @invariant()
    def server_and_model_agree(self) -> None:
        self.world.page("POST", "wait-idle", timeout="30s")
        self.compare_deliveries()
        if next(self.steps) % 3 == 0:  # a difference stays: it need not be seen at once
            self.compare_listings()

    def compare_deliveries(self) -> None:
        sent = sorted(delivery_of(arrival) for arrival in self.worker.arrivals)
        assert sent == sorted(self.model.deliveries)
        self.worker.arrivals.clear()
        self.model.deliveries.clear()

    def compare_listings(self) -> None:
        listed = self.ask("ListQueues", parent=self.place).answer.get("queues", [])
        states = {each["name"].rpartition("/")[2]: each["state"] for each in listed}
        assert states == {name: "RUNNING" if queue.running else "PAUSED" for name, queue in self.model.queues.items()}
        for name, queue in self.model.queues.items():
            tasks = self.ask("ListTasks", parent=self.queue(name)).answer.get("tasks", [])
            seen = {
                each["name"].rpartition("/")[2]: (microseconds(each["scheduleTime"]), each.get("dispatchCount", 0))
                for each in tasks
            }
            assert seen == {task: (known.due, known.sent) for task, known in queue.tasks.items()}

    # words

    def ask(self, rpc: str, **request: Any) -> Reply:
        return self.world.client.call(rpc, request)

    def queue(self, name: str) -> str:
        return f"{self.place}/queues/{name}"

    def task(self, queue: str, name: str) -> str:
        return f"{self.queue(queue)}/tasks/{name}"

    def described(self, name: str, retries: Retries) -> dict[str, Any]:
        config = {
            "maxAttempts": retries.attempts,
            "minBackoff": f"{retries.least / SECOND}s",
            "maxBackoff": f"{retries.most / SECOND}s",
            "maxDoublings": retries.doublings,
        }
        return {"name": self.queue(name), "retryConfig": config}


def microseconds(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def delivery_of(arrival: Arrival) -> Delivery:
    seconds, _, fraction = arrival.headers["x-cloudtasks-tasketa"].partition(".")
    due = int(seconds) * SECOND + int(fraction)
    retry = int(arrival.headers["x-cloudtasks-taskretrycount"])
    return Delivery(arrival.headers["x-cloudtasks-queuename"], arrival.task, retry, due)


def as_told(arrival: Arrival) -> Answer:
    """The path says how many attempts fail: /QUEUE/FAILURES."""
    failures = int(arrival.path.rpartition("/")[2])
    return Answer(500 if int(arrival.headers["x-cloudtasks-taskretrycount"]) < failures else 200)


@pytest.fixture
def world(timeless: KumoProcess, worker: RecordingWorker) -> Iterator[World]:
    worker.answer = as_told
    client, pages = RawGrpc(timeless.address), RawRest(timeless.address)
    yield World(client, pages, worker)
    client.close()
    pages.close()


def test_the_server_does_what_the_model_says(world: World) -> None:
    machine = type("Machine", (CloudTasks,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=30 * TIMES,
            stateful_step_count=30,
            deadline=None,
            derandomize=TIMES == 1,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
            phases=PHASES,
        ),
    )
