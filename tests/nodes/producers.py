"""Clients that create tasks through Google's library, on every node in turn, and go on elsewhere when one is gone."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from google.api_core import exceptions
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.protobuf import timestamp_pb2

from kumotasks.domain.clock import SECOND, SystemClock
from tests.nodes.chronicle import Acknowledged, Chronicle
from tests.running import KumoProcess

GONE = (exceptions.ServiceUnavailable, exceptions.Cancelled, exceptions.DeadlineExceeded, exceptions.RetryError)
_PATIENCE = 15.0  # seconds; a node that stands still answers nobody


def client(node: KumoProcess) -> tasks_v2.CloudTasksClient:
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=grpc.insecure_channel(node.address)))


class Producers:
    """One for each node, which creates tasks in any of `queues`, as many as are allowed; a context manager."""

    def __init__(self, nodes: Sequence[KumoProcess], queues: Sequence[str], worker: str, chronicle: Chronicle) -> None:
        self._nodes = nodes
        self._queues = queues
        self._worker = worker
        self._chronicle = chronicle
        self._allowed = 0
        self._changed = threading.Condition()
        self._stopped = False
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(len(nodes))]
        self.flaws: list[BaseException] = []

    def allow(self, more: int) -> None:
        """So many more; until about half of them have been acknowledged."""
        begun = self._chronicle.acknowledged
        with self._changed:
            self._allowed += more
            self._changed.notify_all()
        self._chronicle.wait_for_acknowledged(begun + more // 2)

    def __enter__(self) -> Producers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """What was allowed is created first."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        if self.flaws:
            raise self.flaws[0]

    def _run(self, number: int) -> None:
        randomness = random.Random()
        while self._is_wanted():
            try:
                with client(self._nodes[number % len(self._nodes)]) as stub:
                    while self._takes_one():
                        self._create(stub, randomness)
            except GONE:
                self._give_back()  # it was not acknowledged: another one in its place
                number += 1
            except BaseException as flaw:  # noqa: BLE001 - raised where the test sees it
                self.flaws.append(flaw)
                return

    def _is_wanted(self) -> bool:
        """Wait for something to do; False if nothing follows."""
        with self._changed:
            self._changed.wait_for(lambda: self._allowed > 0 or self._stopped)
            return self._allowed > 0

    def _takes_one(self) -> bool:
        with self._changed:
            taken = self._allowed > 0
            self._allowed -= taken
            return taken

    def _give_back(self) -> None:
        with self._changed:
            self._allowed += 1

    def _create(self, stub: tasks_v2.CloudTasksClient, randomness: random.Random) -> None:
        parent = randomness.choice(self._queues)
        task = randomness.choice(KINDS)(parent, self._worker, randomness)
        kept = stub.create_task(parent=parent, task=task, timeout=_PATIENCE, retry=None)
        self._chronicle.note(Acknowledged(kept.name.rpartition("/")[2]))


Kind = Callable[[str, str, random.Random], dict[str, Any]]


def _plain(parent: str, worker: str, randomness: random.Random) -> dict[str, Any]:
    return {"http_request": {"url": f"{worker}/ok", "body": b"payload"}}


def _slow(parent: str, worker: str, randomness: random.Random) -> dict[str, Any]:
    return {"http_request": {"url": f"{worker}/slow", "body": b"payload"}}


def _named(parent: str, worker: str, randomness: random.Random) -> dict[str, Any]:
    return {"name": f"{parent}/tasks/named-{randomness.getrandbits(64):x}", **_plain(parent, worker, randomness)}


def _delayed(parent: str, worker: str, randomness: random.Random) -> dict[str, Any]:
    due = SystemClock().now() + randomness.randrange(2 * SECOND)
    when = timestamp_pb2.Timestamp(seconds=due // SECOND, nanos=due % SECOND * 1000)
    return {"schedule_time": when, **_plain(parent, worker, randomness)}


def _failing(parent: str, worker: str, randomness: random.Random) -> dict[str, Any]:
    return {"http_request": {"url": f"{worker}/fails-once"}}


KINDS: tuple[Kind, ...] = (_plain, _plain, _plain, _slow, _named, _delayed, _failing)
