"""A queue of its own on a server whose clock stands still, and the calls that a test makes on it over gRPC."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.calls import RawGrpc, Reply
from tests.running import Answer, Arrival, KumoProcess, RecordingWorker

PLACE = "projects/stage/locations/us-central1"
DAY = 86_400.0
HOUR = 3_600.0


class Stage:
    """`queue` is made with its default settings; `set` changes them. Times are seconds."""

    def __init__(self, server: KumoProcess, client: RawGrpc, worker: RecordingWorker, queue_id: str) -> None:
        self.server = server
        self.worker = worker
        self.queue = f"{PLACE}/queues/{queue_id}"
        self._client = client
        self.call("CreateQueue", parent=PLACE, queue={"name": self.queue})

    def ask(self, rpc: str, **request: Any) -> Reply:
        return self._client.call(rpc, request)

    def call(self, rpc: str, **request: Any) -> dict[str, Any]:
        """A call that must succeed."""
        reply = self.ask(rpc, **request)
        assert reply.status == "OK", reply
        return reply.answer

    def set(self, mask: str, **settings: Any) -> dict[str, Any]:
        return self.call("UpdateQueue", queue={"name": self.queue, **settings}, updateMask=mask)

    def retries(self, **config: Any) -> None:
        self.set("retryConfig", retryConfig=config)

    def create(self, task_id: str = "", *, path: str = "/", **task: Any) -> str:
        """A task for the worker; its name. `httpRequest` adds to its request."""
        request = {"url": self.worker.url + path, **task.pop("httpRequest", {})}
        name = {"name": self.name(task_id)} if task_id else {}
        return str(self.call("CreateTask", parent=self.queue, task={**name, "httpRequest": request, **task})["name"])

    def name(self, task_id: str) -> str:
        return f"{self.queue}/tasks/{task_id}"

    def advance(self, seconds: float) -> None:
        self.server.advance(seconds)

    def settle(self) -> None:
        self.server.wait_idle()

    def now(self) -> datetime:
        return datetime.fromisoformat(str(self.server.http("GET", "/kumo/v1/clock")[1]["now"]))

    def after(self, seconds: float) -> str:
        """The instant so far ahead, as a request has it."""
        return (self.now() + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")

    def age_at_each_arrival(self, seconds: float, step: float) -> list[float]:
        """Let `seconds` go by in steps; how many of them had gone by when each request came."""
        ages: list[float] = []
        self.advance(0)  # not settle: what waits for a token is due, and would never be idle
        for elapsed in itertools.count():
            ages += [elapsed * step] * (len(self.worker.arrivals) - len(ages))
            if elapsed * step >= seconds:
                return ages
            self.advance(step)
        raise AssertionError

    def gone(self, name: str) -> bool:
        return self.ask("GetTask", name=name).status == "NOT_FOUND"


def statuses(*codes: int, **headers: str) -> Callable[[Arrival], Answer]:
    """The worker answers these one after the other, then 200; `headers` with each of them (Retry_After="5")."""
    left = iter(codes)
    fields = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(arrival: Arrival) -> Answer:
        code = next(left, None)
        return Answer() if code is None else Answer(code, fields)

    return answer


class Held:
    """The worker keeps every request waiting until `release`, then answers `status`."""

    def __init__(self, worker: RecordingWorker, status: int = 200) -> None:
        self._released = threading.Event()
        self._came = threading.Semaphore(0)
        self._status = status
        worker.answer = self._answer

    def wait(self) -> None:
        """Until a request has come."""
        assert self._came.acquire(timeout=20)

    def release(self) -> None:
        self._released.set()

    def _answer(self, arrival: Arrival) -> Answer:
        self._came.release()
        self._released.wait(60)
        return Answer(self._status)
