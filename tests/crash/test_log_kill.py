"""kill -9 costs the log its last second and nothing else."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from tests.logs.journaling import Open

ROUNDS = 3


async def test_entries_older_than_a_second_outlive_a_kill(tmp_path: Path) -> None:
    promised: set[str] = set()
    begun = 0
    for _ in range(ROUNDS):
        last = write_until_killed(tmp_path, begun, random.randint(1, 200))
        promised.update(str(number) for number in range(begun, last + 1))
        begun = last + 1_000_000
    async with Open(tmp_path) as log:
        log.clock.turn(2**50)
        found = await log.walk()
    texts = [str(entry.payload) for entry in found]
    assert promised <= set(texts)
    assert len(texts) == len(set(texts))


def write_until_killed(directory: Path, first: int, lines: int) -> int:
    """The number of the last entry that was older than a second at the time of the kill."""
    command = [sys.executable, "-m", "tests.crash.diarist", str(directory), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as diarist:
        assert diarist.stdout is not None
        said = [diarist.stdout.readline() for _ in range(lines)]
        diarist.kill()
    assert all(said), "the process ended by itself"
    return int(said[-1])
