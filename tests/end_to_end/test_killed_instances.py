"""Load on a private worker whose instances are killed: only who was inside one may notice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.end_to_end.deploying import kumo_run
from tests.running import KumoProcess, running

PLACE = "projects/crowd/locations/us-central1"
PROGRAM = Path(__file__).with_name("load_worker.py")
INSTANCES = 10
BETWEEN_KILLS = 1_000  # answers
CONCURRENT = 1_000
PATIENCE = 60.0  # for one answer
SILENT = 0  # no answer, or half of one


@dataclass
class Crowd:
    """Requests by name, and the status that each got."""

    kumo: KumoProcess
    host: str
    notes: Path
    statuses: dict[str, int] = field(default_factory=dict)
    killed: list[int] = field(default_factory=list)
    next_kill: int = BETWEEN_KILLS  # behind so many answers

    async def ask(self, rounds: int) -> None:
        """A thousand clients at once, each with so many requests one after the other."""
        async with asyncio.TaskGroup() as group:
            for number in range(CONCURRENT):
                group.create_task(self._client(number, rounds))

    def kill_one(self) -> None:
        """Any of the instances, and say when the next one goes. Half of them stay: successors come slower."""
        living = [pid for pid in self.pids() if pid not in self.killed]
        if len(living) > INSTANCES // 2:
            self.killed.append(random.choice(living))
            os.kill(self.killed[-1], signal.SIGKILL)
        self.next_kill = len(self.statuses) + random.randint(1, 2 * BETWEEN_KILLS)

    def pids(self) -> list[int]:
        return [int(each.name) for each in self.notes.iterdir()]

    def inside(self, pids: list[int]) -> set[str]:
        """The requests that any of these processes began with."""
        return {name.removeprefix("/") for pid in pids for name in (self.notes / str(pid)).read_text().splitlines()}

    async def _client(self, number: int, rounds: int) -> None:
        port = self.kumo.port
        reader = writer = None
        for turn in range(rounds):
            name = f"{number}-{turn}"
            if writer is None or reader is None:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"POST /{name} HTTP/1.1\r\nHost: {self.host}\r\nContent-Length: 0\r\n\r\n".encode())
            status = SILENT
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                async with asyncio.timeout(PATIENCE):
                    status = await answered(reader)
            self.statuses[name] = status
            if len(self.statuses) >= self.next_kill:
                self.kill_one()
            if status == SILENT:
                writer.close()
                reader = writer = None
        if writer is not None:
            writer.close()


async def answered(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    notes = tmp_path / "notes"
    notes.mkdir()
    config = tmp_path / "kumo.toml"
    command = json.dumps([sys.executable, "-S", str(PROGRAM), str(notes)])
    config.write_text(f'[images]\n"worker" = {{ command = {command} }}\n')
    with running(tmp_path, "--config", str(config)) as kumo:
        scale = (f"--min-instances={INSTANCES}", f"--max-instances={INSTANCES}", "--concurrency=200")
        kumo_run(kumo, PLACE, "deploy", "worker", "--image=worker", *scale, "--allow-unauthenticated")
        _, service = kumo.http("GET", f"/v2/{PLACE}/services/worker")
        yield Crowd(kumo, str(service["uri"]).removeprefix("https://"), notes)


async def load(crowd: Crowd, rounds: int) -> None:
    """Load with kills; what may not be fails."""
    while len(crowd.pids()) < INSTANCES:  # noqa: ASYNC110 - of a file there is no event
        await asyncio.sleep(0.05)
    await crowd.ask(rounds)
    statuses, asked, kills = Counter(crowd.statuses.values()), CONCURRENT * rounds, len(crowd.killed)
    lost = {name for name, status in crowd.statuses.items() if status != 200}
    outside = lost - crowd.inside(crowd.killed)
    told = f"{asked} requests, {kills} kills, {dict(statuses)}, {len(outside)} lost that no killed instance noted"
    assert kills, told
    assert set(statuses) <= {200, 502, 503}, told
    assert len(outside) <= kills, told  # a process may be killed between reading a request and noting it
    assert statuses[200] >= 0.99 * asked, told


async def test_kills_cost_only_the_requests_inside(crowd: Crowd) -> None:
    await load(crowd, rounds=5)


@pytest.mark.soak
async def test_kills_cost_only_the_requests_inside_for_long(crowd: Crowd) -> None:
    await load(crowd, rounds=100)
