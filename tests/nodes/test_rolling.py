"""What an operator does every day repeats nothing at all: one more node, one after the other restarted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from google.cloud import tasks_v2

from tests.nodes.chronicle import Acknowledged, Arrived, Chronicle
from tests.nodes.cluster import LOCATION, Cluster, Node, cluster, until
from tests.nodes.producers import Producers, client
from tests.nodes.recipient import Recipient
from tests.nodes.work import check, make_queue, make_queues

TASKS = 1_000


def test_a_scale_out_and_a_rolling_restart_lose_nothing_and_repeat_nothing(
    tmp_path: Path, chronicle: Chronicle, recipient: Recipient
) -> None:
    with cluster(tmp_path, 2) as nodes:
        queues = make_queues(nodes)
        nodes.until_shared()
        with Producers(nodes.nodes, queues, recipient.url, chronicle) as producers:
            producers.allow(TASKS // 4)
            nodes.add()
            nodes.until_shared()
            for node in nodes.nodes:
                producers.allow(TASKS // 4)
                assert node.stop() == 0
                nodes.start(node)
        check(nodes, chronicle, recipient)


def test_an_attempt_goes_on_while_its_queue_moves_and_keeps_its_slot(
    tmp_path: Path, chronicle: Chronicle, recipient: Recipient
) -> None:
    with cluster(tmp_path, 2, "--drain", "60s") as nodes, ThreadPoolExecutor() as pool:
        make_queue(nodes, 0, "narrow", {"maxConcurrentDispatches": 1})
        until(lambda: home_of(nodes, "narrow") is not None)
        first = create(nodes, chronicle, f"{recipient.url}/held")
        recipient.wait_until_holding()
        former, other = sorted(nodes.nodes, key=lambda node: home_of(nodes, "narrow") in node.leases, reverse=True)
        stopping = pool.submit(former.stop, 90)
        until(lambda: home_of(nodes, "narrow") in other.leases)
        assert nodes.handed_over_by(former) == {first}
        second = create(nodes, chronicle, f"{recipient.url}/ok", by=other)
        run(other, first)  # asked for by name: it is under way already
        recipient.let_go()
        assert not chronicle.wait_until_served()
        assert stopping.result() == 0
        check(nodes, chronicle, recipient)
        arrived = [event.task for event in chronicle.events if isinstance(event, Arrived)]
        assert arrived == [first, second]
        assert all(event.retry == 0 for event in chronicle.events if isinstance(event, Arrived))


def home_of(nodes: Cluster, queue: str) -> str | None:
    return nodes.homes()[queue]


def create(nodes: Cluster, chronicle: Chronicle, url: str, *, by: Node | None = None) -> str:
    """The id of a new task."""
    with client(by or nodes.nodes[0]) as stub:
        task = stub.create_task(parent=f"{LOCATION}/queues/narrow", task={"http_request": {"url": url}})
    name = task.name.rpartition("/")[2]
    chronicle.note(Acknowledged(name))
    return name


def run(node: Node, task: str) -> tasks_v2.Task:
    with client(node) as stub:
        return stub.run_task(name=f"{LOCATION}/queues/narrow/tasks/{task}")
