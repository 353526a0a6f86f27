"""PostgreSQL goes away for a while, or only reads: creation is refused, dispatch pauses, and all recovers by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from google.api_core import exceptions

from tests.nodes.chronicle import Acknowledged, Arrived, Chronicle, Disrupted
from tests.nodes.cluster import LOCATION, Cluster, Node, cluster, until
from tests.nodes.producers import client
from tests.nodes.recipient import Recipient
from tests.nodes.work import LIMITED, RATE, check, make_queue
from tests.postgres import cut_off

TASKS = 130
Blow = Callable[[Cluster], None]


def stop(nodes: Cluster) -> None:
    nodes.server.stop()


def start(nodes: Cluster) -> None:
    nodes.server.start()


def only_read(nodes: Cluster) -> None:
    nodes.server.execute(f"ALTER DATABASE {nodes.database} SET default_transaction_read_only = on")
    nodes.server.execute(cut_off(nodes.database))


def write_again(nodes: Cluster) -> None:
    nodes.server.execute(f"ALTER DATABASE {nodes.database} SET default_transaction_read_only = off")


@pytest.mark.parametrize(
    ("away", "back", "lease", "looks"),
    [
        pytest.param(stop, start, "60s", 30, id="a restart"),
        pytest.param(only_read, write_again, "60s", 30, id="reading only", marks=pytest.mark.soak),
        pytest.param(stop, start, "2s", 60, id="a restart that outlasts every lease"),
    ],
)
def test_nothing_is_lost_and_all_goes_on_by_itself(
    tmp_path: Path, chronicle: Chronicle, recipient: Recipient, away: Blow, back: Blow, lease: str, looks: int
) -> None:
    with cluster(tmp_path, 2, "--lease", lease) as nodes:
        make_queue(nodes, 0, LIMITED, {"maxDispatchesPerSecond": RATE})
        for _ in range(TASKS):
            assert created(nodes.nodes[0], chronicle, recipient)
        begun, committed = len(chronicle.events), nodes.committed()
        away(nodes)
        try:
            recipient.drain()
            before = arrivals(chronicle)
            refused = 0

            def is_refused_for_long() -> bool:  # a look takes 50 ms and more
                nonlocal refused
                for node in nodes.nodes:
                    refused += not created(node, chronicle, recipient)
                return refused >= 2 * looks

            until(is_refused_for_long)
            recipient.drain()
            assert arrivals(chronicle) - before < RATE, "tasks are sent though no result can be kept"
            if lease == "2s":
                chronicle.note(Disrupted(begun, committed, frozenset({LIMITED})))
        finally:
            back(nodes)
        for node in nodes.nodes:
            until(lambda node=node: created(node, chronicle, recipient))  # type: ignore[misc]
        check(nodes, chronicle, recipient)


def created(node: Node, chronicle: Chronicle, recipient: Recipient) -> bool:
    """Whether it was; otherwise it was said that the service is unavailable."""
    task = {"http_request": {"url": f"{recipient.url}/ok"}}
    try:
        with client(node) as stub:
            kept = stub.create_task(parent=f"{LOCATION}/queues/{LIMITED}", task=task, timeout=30, retry=None)
    except exceptions.ServiceUnavailable:
        return False
    chronicle.note(Acknowledged(kept.name.rpartition("/")[2]))
    return True


def arrivals(chronicle: Chronicle) -> int:
    return sum(isinstance(event, Arrived) for event in chronicle.events)
