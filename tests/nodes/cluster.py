"""Many `kumo serve` over one PostgreSQL: started, killed, stopped and woken, and what the store says of them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.nodes.chronicle import Attempt, Chronicle, Disrupted
from tests.nodes.recipient import Recipient
from tests.postgres import PostgresServer, postgres
from tests.running import KumoProcess

LOCATION = "projects/chaos/locations/us-central1"
_BETWEEN = 0.05  # seconds between two looks


class Node(KumoProcess):
    """One node. `leases` are the names by which the store has known it."""

    def __init__(self, directory: Path, url: str, *options: str, prefix: tuple[str, ...] = ()) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        # Every attempt is recorded, so that the store can tell which were committed.
        prefix = ("env", "KUMO_HISTORY=all", *prefix)
        super().__init__(directory, "--store", url, "--data", str(directory / "data"), *options, prefix=prefix)
        self.leases: set[str] = set()

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


class Cluster:
    """`lease` as the nodes' option has it, such as "4s"."""

    def __init__(self, directory: Path, server: PostgresServer, database: str, *options: str) -> None:
        self._directory = directory
        self.server = server
        self.database = database
        self._options = options
        self.nodes: list[Node] = []

    @property
    def url(self) -> str:
        return self.server.url(self.database)

    def add(self) -> Node:
        """One more node, which listens and has its lease."""
        node = Node(self._directory / f"node-{len(self.nodes)}", self.url, *self._options)
        self.nodes.append(node)
        self.start(node)
        return node

    def start(self, node: Node) -> None:
        """Start it, and learn its name."""
        before = self.leases()
        node.start()
        node.leases |= self._appeared(before)

    def close(self) -> None:
        for node in self.nodes:
            node.close()

    # what the store says

    def fetch(self, statement: str) -> list[tuple[object, ...]]:
        return self.server.fetch(statement, self.database)

    def leases(self) -> set[str]:
        return {str(row[0]) for row in self.fetch("SELECT id FROM node")}

    def homes(self) -> dict[str, str | None]:
        """The node that each queue is at home on."""
        return {str(id_): None if node is None else str(node) for id_, node in self.fetch(_HOMES)}

    def queues_of(self, node: Node) -> frozenset[str]:
        return frozenset(queue for queue, home in self.homes().items() if home in node.leases)

    def committed(self) -> frozenset[Attempt]:
        """Every attempt whose result is in the store."""
        return frozenset((str(task), int(str(number)) - 1) for task, number in self.fetch(_ATTEMPTS))

    def handed_over_by(self, node: Node) -> frozenset[str]:
        """The tasks on which it has attempts open that others wait for."""
        return frozenset(str(task) for task, by in self.fetch(_GUESTS) if by in node.leases)

    def waiting(self) -> int:
        """Tasks that are not done."""
        ((count,),) = self.fetch("SELECT count(*) FROM task")
        return int(str(count))

    # blows

    def kill(self, node: Node, chronicle: Chronicle, recipient: Recipient) -> None:
        """kill -9."""
        self._hit(node, chronicle, recipient, node.kill)

    def freeze(self, node: Node, chronicle: Chronicle, recipient: Recipient) -> None:
        """SIGSTOP."""
        self._hit(node, chronicle, recipient, node.freeze)

    def thaw(self, node: Node) -> None:
        """SIGCONT, once it has lost everything; until it has a lease again."""
        before = self.leases()
        node.thaw()
        node.leases |= self._appeared(before)

    def until_taken_over(self, node: Node) -> float:
        """Until all its queues have another home; the seconds that took."""
        begun = time.monotonic()
        until(lambda: all(home is not None and home not in node.leases for home in self.homes().values()))
        return time.monotonic() - begun

    def until_shared(self) -> None:
        """Until every node that lives has its share of the queues."""
        until(self._is_shared)

    def _is_shared(self) -> bool:
        homes, leases = list(self.homes().values()), self.leases()
        share = -(-len(homes) // max(1, len(leases)))
        return None not in homes and all(0 < homes.count(lease) <= share for lease in leases)

    def _hit(self, node: Node, chronicle: Chronicle, recipient: Recipient, blow: Callable[[], None]) -> None:
        begun, committed = len(chronicle.events), self.committed()
        queues, tasks = self.queues_of(node), self.handed_over_by(node)
        blow()
        recipient.drain()
        queues, tasks = queues | self.queues_of(node), tasks | self.handed_over_by(node)
        chronicle.note(Disrupted(begun, committed, queues, tasks))

    def _appeared(self, before: set[str]) -> set[str]:
        until(lambda: bool(self.leases() - before))
        return self.leases() - before


_HOMES = "SELECT id, home_node FROM queue"
_ATTEMPTS = "SELECT id, number FROM attempt"
_GUESTS = "SELECT id, node FROM open_attempt"


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    """A bounded number of looks."""
    for _ in range(int(seconds / _BETWEEN)):
        if holds():
            return
        time.sleep(_BETWEEN)
    raise AssertionError("it did not come to be")


@contextmanager
def cluster(directory: Path, count: int, *options: str) -> Iterator[Cluster]:
    """`count` nodes that listen, over a database of their own."""
    server = postgres()
    database = server.new_database()
    nodes = Cluster(directory, server, database, *options)
    try:
        for _ in range(count):
            nodes.add()
        yield nodes
    finally:
        nodes.close()
        server.remove(database)
