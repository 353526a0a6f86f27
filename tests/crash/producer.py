"""A client that creates one task after the other over gRPC, until the server is gone."""

from __future__ import annotations

import random
import threading
from typing import Any

import grpc
from google.cloud import tasks_v2
from google.protobuf import timestamp_pb2

from kumotasks.domain.clock import SECOND, SystemClock
from tests.crash.ledger import Acknowledged, Ledger, Sent

LOCATION = "projects/crash/locations/us-central1"
QUEUE = f"{LOCATION}/queues/crash"
GONE = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED})
METHOD = "/google.cloud.tasks.v2.CloudTasks/CreateTask"


class Producer:
    """`number` is what it is called in the ledger; `run` works until the server goes away."""

    def __init__(self, number: int, channel: grpc.Channel, worker: str, ledger: Ledger) -> None:
        self._number = number
        self._worker = worker
        self._ledger = ledger
        self._random = random.Random()
        self._create = channel.unary_unary(
            METHOD,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=tasks_v2.Task.pb().FromString,
        )
        self._thread = threading.Thread(target=self._run)
        self.flaw: grpc.RpcError | None = None

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Wait for it; a call that failed for another reason than the kill is raised here."""
        self._thread.join()
        if self.flaw is not None:
            raise self.flaw

    def _run(self) -> None:
        kinds = (_plain, _plain, _plain, _named, _delayed, _failing, _held)
        while True:
            request = self._random.choice(kinds)(self._worker, self._random)
            self._ledger.note(Sent(self._number))
            try:
                task = self._create(request, timeout=30)
            except grpc.RpcError as error:
                self.flaw = None if error.code() in GONE else error
                return
            self._ledger.note(Acknowledged(self._number, task.name.rpartition("/")[2]))


def _request(url: str) -> Any:
    return tasks_v2.CreateTaskRequest.pb()(parent=QUEUE, task={"http_request": {"url": url, "body": b"payload"}})


def _plain(worker: str, randomness: random.Random) -> Any:
    return _request(f"{worker}/ok")


def _named(worker: str, randomness: random.Random) -> Any:
    request = _request(f"{worker}/ok")
    request.task.name = f"{QUEUE}/tasks/named-{randomness.getrandbits(64):x}"
    return request


def _delayed(worker: str, randomness: random.Random) -> Any:
    request = _request(f"{worker}/ok")
    due = SystemClock().now() + randomness.randrange(SECOND)
    request.task.schedule_time.CopyFrom(timestamp_pb2.Timestamp(seconds=due // SECOND, nanos=due % SECOND * 1000))
    return request


def _failing(worker: str, randomness: random.Random) -> Any:
    return _request(f"{worker}/fails-twice")


def _held(worker: str, randomness: random.Random) -> Any:
    return _request(f"{worker}/held")
