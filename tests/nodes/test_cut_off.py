"""A node is cut off from PostgreSQL, and from nothing else: it goes on to reach its workers.

It is in a network of its own, on whose way to the database packets are dropped, unanswered. It must have fallen silent
by the time that others have taken over, and stay so when the way is free again until it has a lease.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nodes.chronicle import Chronicle, Disrupted
from tests.nodes.cluster import Node, cluster, until
from tests.nodes.producers import Producers
from tests.nodes.recipient import Recipient
from tests.nodes.relay import Relay
from tests.nodes.work import check, make_queues
from tests.postgres import postgres
from tests.running import missing

LEASE = "3s"
TASKS = 1_000
WORKERS, DATABASE, NODE = "10.213.77.1", "10.213.78.1", "10.213.77.2"  # addresses on the way between the two networks


class Network:
    """A network with one way out of it; both of the host's addresses are on that way."""

    def __init__(self) -> None:
        self.name, self._here = f"kumo-{os.getpid()}", f"kumo{os.getpid() % 10**9}"

    def make(self) -> None:
        _ip("netns", "add", self.name)
        _ip("link", "add", self._here, "type", "veth", "peer", "name", "out", "netns", self.name)
        for address in (WORKERS, DATABASE):
            _ip("address", "add", f"{address}/24", "dev", self._here)
        _ip("link", "set", self._here, "up")
        for link in ("out", "lo"):
            self._inside("link", "set", link, "up")
        self._inside("address", "add", f"{NODE}/24", "dev", "out")
        self._inside("route", "add", "default", "via", WORKERS)

    def remove(self) -> None:
        subprocess.run(["ip", "netns", "delete", self.name], capture_output=True, check=False)
        subprocess.run(["ip", "link", "delete", self._here], capture_output=True, check=False)

    def cut(self) -> None:
        self._inside("route", "add", "blackhole", f"{DATABASE}/32")

    def mend(self) -> None:
        self._inside("route", "delete", "blackhole", f"{DATABASE}/32")

    def _inside(self, *words: str) -> None:
        _ip("-n", self.name, *words)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], capture_output=True, text=True, check=True)


@pytest.fixture
def network() -> Iterator[Network]:
    if shutil.which("ip") is None:
        pytest.skip(missing("ip"))
    network = Network()
    try:
        network.make()
    except subprocess.CalledProcessError as refusal:
        network.remove()
        pytest.skip(missing("network namespaces", str(refusal.stderr).strip()))
    yield network
    network.remove()


def test_a_node_that_is_cut_off_falls_silent_and_comes_back(
    tmp_path: Path, network: Network, chronicle: Chronicle
) -> None:
    with (
        Recipient(chronicle, WORKERS) as recipient,
        Relay(DATABASE, postgres()) as relay,
        cluster(tmp_path, 2, "--lease", LEASE) as nodes,
    ):
        inside = ("ip", "netns", "exec", network.name)
        away = Node(tmp_path / "away", relay.url(nodes.database), "--lease", LEASE, prefix=inside)
        reachable = list(nodes.nodes)
        nodes.nodes.append(away)
        nodes.start(away)
        nodes.nodes.remove(away)
        queues = make_queues(nodes)
        nodes.nodes.append(away)
        nodes.until_shared()
        with Producers(reachable, queues, recipient.url, chronicle) as producers:
            producers.allow(TASKS // 2)
            begun, committed, had = len(chronicle.events), nodes.committed(), nodes.queues_of(away)
            network.cut()
            had |= nodes.queues_of(away)
            producers.allow(TASKS // 4)
            nodes.until_taken_over(away)
            recipient.drain()
            chronicle.note(Disrupted(begun, committed, had))
            producers.allow(TASKS // 4)
            leases = nodes.leases()
            network.mend()
            until(lambda: bool(nodes.leases() - leases))
            nodes.until_shared()
        check(nodes, chronicle, recipient)
