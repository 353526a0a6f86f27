"""`kumo serve --processes N`: several nodes on one machine behind one port, and a parent that looks after them."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.nodes.cluster import LOCATION, until
from tests.postgres import PostgresServer, postgres
from tests.running import KumoProcess, RecordingWorker

COUNT = 3


@dataclass(frozen=True)
class Together:
    """A parent and its nodes, over a database of their own."""

    parent: KumoProcess
    server: PostgresServer
    database: str

    def children(self) -> list[int]:
        pid = self.parent.pid
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def leases(self) -> set[str]:
        return {str(row[0]) for row in self.server.fetch("SELECT id FROM node", self.database)}

    def who_answers(self) -> int | None:
        """The process that has the other end of a new connection."""
        with socket.create_connection(("127.0.0.1", self.parent.port)) as connection:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(64).startswith(b"HTTP/1.1 200")
            far_end = f"socket:[{_inode_of(self.parent.port, connection.getsockname()[1])}]"
            return next((pid for pid in self.children() if far_end in _opened(pid)), None)


def _inode_of(port: int, peer: int) -> str:
    """Of the socket on `port` that is connected with the port `peer`; see proc_net(5)."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    ends = f":{port:04X}", f":{peer:04X}"
    return next(line[9] for line in lines if (line[1][-5:], line[2][-5:]) == ends)


def _opened(pid: int) -> list[str]:
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.append(str(each.readlink()))
    return found


@contextlib.contextmanager
def running_together(directory: Path) -> Iterator[Together]:
    server = postgres()
    database = server.new_database()
    options = ("--store", server.url(database), "--processes", str(COUNT), "--lease", "4s")
    parent = KumoProcess(directory, *options)
    try:
        parent.start()
        yield Together(parent, server, database)
    finally:
        parent.close()
        server.remove(database)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Together]:
    with running_together(tmp_path_factory.mktemp("together")) as together:
        yield together


@pytest.fixture
def ending(tmp_path: Path) -> Iterator[Together]:
    """One that a test may end."""
    with running_together(tmp_path) as together:
        yield together


def test_each_is_a_node_and_all_answer_on_one_port(together: Together) -> None:
    assert len(together.children()) == len(together.leases()) == COUNT
    seen: set[int | None] = set()
    for _ in range(500):
        seen.add(together.who_answers())
        if len(seen) == COUNT:
            break
    assert seen == set(together.children())


def test_tasks_are_created_and_sent_wherever_they_come(together: Together, worker: RecordingWorker) -> None:
    queues = [f"{LOCATION}/queues/q{number}" for number in range(6)]
    for queue in queues:
        assert together.parent.http("POST", f"/v2/{LOCATION}/queues", {"name": queue})[0] == 200
    for number in range(60):
        task = {"task": {"httpRequest": {"url": worker.url}}}
        assert together.parent.http("POST", f"/v2/{queues[number % 6]}/tasks", task)[0] == 200
    assert len({arrival.task for arrival in worker.wait_for(60)}) == 60


def test_a_node_that_dies_has_a_successor_and_the_port_stays(together: Together) -> None:
    before, (victim, *others) = together.leases(), together.children()
    os.kill(victim, signal.SIGKILL)
    until(lambda: len(together.leases() - before) == 1)
    until(lambda: len(together.leases()) == COUNT)
    assert victim not in together.children()
    assert set(others) < set(together.children())
    for _ in range(20):  # on every socket of the port, that of the dead included
        assert together.parent.http("GET", f"/v2/{LOCATION}/queues")[0] == 200


def test_a_stop_ends_all_of_them_clean(ending: Together) -> None:
    family = ending.children()
    assert ending.parent.stop() == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in family)
    assert ending.leases() == set()


def test_they_do_not_outlive_their_parent(ending: Together) -> None:
    family = ending.children()
    ending.parent.kill()
    until(lambda: not any(_lives(pid) for pid in family))
    assert ending.leases() == set()


def _lives(pid: int) -> bool:
    """Where nobody waits for orphans they stay as zombies."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def refused(*options: str) -> str:
    """What a server says that cannot start."""
    command = [sys.executable, "-m", "kumotasks.cli.main", "serve", "--port", "0", "--processes", "2", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    return ended.stderr


def test_sqlite_has_one_process(tmp_path: Path) -> None:
    said = refused("--store", str(tmp_path))
    assert said == "kumo: --processes 2: needs --store postgresql://…; SQLite has one process.\n"


def test_each_would_have_a_manual_clock_of_its_own() -> None:
    said = refused("--store", "postgresql://nobody@localhost/kumo", "--clock", "manual")
    assert said == "kumo: --processes 2: each would have a --clock manual of its own.\n"


def test_a_store_that_is_away_is_said_once(tmp_path: Path) -> None:
    lines = refused("--store", "postgresql://kumo@/db?host=/nowhere", "--data", str(tmp_path)).splitlines()
    assert [line.startswith("kumo: the store ") for line in lines if not line.startswith("{")] == [True]


def test_a_port_that_somebody_has_is_said_though_ours_are_shared(together: Together, tmp_path: Path) -> None:
    store = "postgresql://kumo@/db?host=/nowhere"
    said = refused("--store", store, "--port", str(together.parent.port), "--data", str(tmp_path))
    assert said == f"kumo: cannot listen on 127.0.0.1:{together.parent.port}: Address already in use.\n"
