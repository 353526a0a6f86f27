"""Nodes are killed and stopped under load: nothing acknowledged is lost, nothing comes twice without excuse, and no
queue is sent faster than it may be.

What excuses a second delivery is said in `chronicle.py`.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.nodes.chronicle import Chronicle, judge
from tests.nodes.cluster import Cluster, cluster
from tests.nodes.producers import Producers
from tests.nodes.recipient import Recipient
from tests.nodes.work import RATE, check, make_queues

TAKEN_OVER = 12.0  # seconds, at the most


def test_nodes_that_are_killed_and_stopped_lose_nothing_and_repeat_nothing_without_excuse(
    tmp_path: Path, chronicle: Chronicle, recipient: Recipient
) -> None:
    with cluster(tmp_path, 3, "--lease", "3s", "--drain", "2s") as nodes:
        disturb(nodes, chronicle, recipient, tasks=3_000, rounds=2)


@pytest.mark.soak
@pytest.mark.parametrize(("count", "lease"), [(3, "10s"), (5, "4s")])
def test_a_hundred_thousand_tasks_outlive_many_nodes(
    tmp_path: Path, chronicle: Chronicle, recipient: Recipient, count: int, lease: str
) -> None:
    rounds = int(os.environ.get("KUMO_SOAK_ROUNDS", "300")) // 12
    with cluster(tmp_path, count, "--lease", lease, "--drain", "2s") as nodes:
        disturb(nodes, chronicle, recipient, tasks=100_000, rounds=rounds, rate=200)


def disturb(
    nodes: Cluster, chronicle: Chronicle, recipient: Recipient, *, tasks: int, rounds: int, rate: int = RATE
) -> None:
    queues = make_queues(nodes, rate)
    with Producers(nodes.nodes, queues, recipient.url, chronicle) as producers:
        for done in range(1, rounds + 1):
            nodes.until_shared()  # so that each has something to lose
            producers.allow(tasks // rounds)
            node = random.choice(nodes.nodes)
            # The first two rounds are one of each.
            if done % 2 if done < 3 else random.random() < 0.5:
                nodes.kill(node, chronicle, recipient)
                assert nodes.until_taken_over(node) < TAKEN_OVER
                nodes.start(node)
            else:
                nodes.freeze(node, chronicle, recipient)
                nodes.until_taken_over(node)
                nodes.thaw(node)
    check(nodes, chronicle, recipient)
    assert judge(chronicle.events).proven > rounds, "hardly an attempt was committed at a blow: this proves nothing"
