"""The work of the chaos tests: queues on many nodes, one with a rate, and what must be true of it in the end."""

from __future__ import annotations

from typing import cast

from kumotasks.domain.clock import SECOND
from kumotasks.storage.operation import Row
from kumotasks.storage.rows import unpack_past
from tests.nodes.chronicle import Arrived, Chronicle, fullest_window, judge
from tests.nodes.cluster import LOCATION, Cluster, until
from tests.nodes.recipient import Recipient

QUEUES = 12
LIMITED = "limited"
RATE = 40
_SHARE = 4  # so much likelier is the limited queue to be chosen: it is to be busy all the time
_RETRY = {"minBackoff": "0.1s", "maxBackoff": "0.2s", "maxDoublings": 1, "maxAttempts": 100}
_RECORDS = (
    "SELECT attempt.id, attempt.serial, attempt.record FROM attempt "
    "JOIN queue ON queue.number = attempt.queue WHERE queue.id = '{}'"
)


def make_queues(nodes: Cluster, rate: int = RATE) -> list[str]:
    """Their full names, to choose from; `rate` is that of the limited one."""
    make_queue(nodes, 0, LIMITED, {"maxDispatchesPerSecond": rate})
    others = [f"q{number}" for number in range(1, QUEUES)]
    for number, name in enumerate(others, 1):
        make_queue(nodes, number, name)
    return [f"{LOCATION}/queues/{name}" for name in (*[LIMITED] * _SHARE, *others)]


def make_queue(nodes: Cluster, number: int, name: str, limits: dict[str, int] | None = None) -> None:
    """On one of the nodes."""
    node = nodes.nodes[number % len(nodes.nodes)]
    queue = {"name": f"{LOCATION}/queues/{name}", "retryConfig": _RETRY, "rateLimits": limits or {}}
    status, answer = node.http("POST", f"/v2/{LOCATION}/queues", queue)
    assert status == 200, answer


def check(nodes: Cluster, chronicle: Chronicle, recipient: Recipient) -> None:
    """None lost, none repeated without excuse, no queue too fast."""
    recipient.let_go()
    lost = chronicle.wait_until_served()
    assert not lost, f"{len(lost)} acknowledged tasks were never delivered: {sorted(lost)[:5]}"
    until(lambda: nodes.waiting() == 0)
    recipient.drain()
    verdict = judge(chronicle.events)
    assert not verdict.repeated, "\n".join(verdict.repeated[:5])
    if any(isinstance(event, Arrived) and event.queue == LIMITED for event in chronicle.events):
        fullest = fullest_window(_dispatched(nodes, chronicle, LIMITED), SECOND)
        assert fullest <= _most_in_a_second(nodes, LIMITED), f"{fullest} were sent in one second"


def _most_in_a_second(nodes: Cluster, queue: str) -> int:
    status, answer = nodes.nodes[0].http("GET", f"/v2/{LOCATION}/queues/{queue}")
    assert status == 200, answer
    limits = answer["rateLimits"]
    assert isinstance(limits, dict)
    return int(limits["maxBurstSize"]) + int(limits["maxDispatchesPerSecond"])


def _dispatched(nodes: Cluster, chronicle: Chronicle, queue: str) -> list[int]:
    """When each attempt was sent: as the store has recorded it; of those that were never committed, when they came."""
    records = {
        (str(task), past.record.number - 1): past.record.sent
        for task, *row in nodes.fetch(_RECORDS.format(queue))
        for past in (unpack_past(cast("Row", row)),)
    }
    unrecorded: list[int] = []
    left = set(records)
    for event in reversed(chronicle.events):  # of several arrivals the last is the one on record
        if isinstance(event, Arrived) and event.queue == queue:
            if (event.task, event.retry) in left:
                left.discard((event.task, event.retry))
            else:
                unrecorded.append(event.at)
    return [*records.values(), *unrecorded]
