"""The calls that every run makes, as bytes: a POST of about 200 bytes with a header, to a worker on loopback."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from google.cloud.tasks_v2.types import cloudtasks
from google.cloud.tasks_v2.types import task as tasks
from google.protobuf import json_format, timestamp_pb2

LOCATION = "projects/bench/locations/us-central1"
TEXT = "x" * 160


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests for one queue and one worker."""

    queue: str
    worker_port: int

    @property
    def about(self) -> str:
        """What Google's client says of the call in x-goog-request-params."""
        return f"parent={self.queue}"

    def create(self, number: int, due: int = 0) -> bytes:
        """CreateTask, due now or at `due` (seconds since the epoch)."""
        return self._create(number, due).SerializeToString()

    def create_batch(self, size: int, due: int = 0) -> bytes:
        message = cloudtasks.BatchCreateTasksRequest.pb()(parent=self.queue)
        message.requests.extend(self._create(number, due) for number in range(size))
        return message.SerializeToString()

    def create_json(self) -> bytes:
        """The body of CreateTask over REST."""
        message = self._create(0, 0)
        message.parent = ""
        return json.dumps(json_format.MessageToDict(message)).encode()

    def create_queue(self, rate: float, slots: int) -> bytes:
        message = cloudtasks.CreateQueueRequest.pb()(parent=LOCATION)
        message.queue.name = self.queue
        message.queue.rate_limits.max_dispatches_per_second = rate
        message.queue.rate_limits.max_concurrent_dispatches = slots
        return message.SerializeToString()

    def pause(self) -> bytes:
        return cloudtasks.PauseQueueRequest.pb()(name=self.queue).SerializeToString()

    def _create(self, number: int, due: int) -> Any:
        request = tasks.Task.pb()(name="")
        request.http_request.url = f"http://127.0.0.1:{self.worker_port}/work"
        request.http_request.headers["Content-Type"] = "application/json"
        request.http_request.body = json.dumps({"number": number, "text": TEXT}).encode()
        if due:
            request.schedule_time.CopyFrom(timestamp_pb2.Timestamp(seconds=due))
        return cloudtasks.CreateTaskRequest.pb()(parent=self.queue, task=request)


def number_of(body: bytes) -> int:
    """Which task a body came from."""
    return int(json.loads(body)["number"])


def queue_name(queue: str) -> str:
    return f"{LOCATION}/queues/{queue}"
