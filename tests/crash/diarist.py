"""A process that writes log entries without end, and says on stdout which are older than a second. To be killed.

Run as `python -m tests.crash.diarist DIRECTORY FIRST`: the entries bear numbers from FIRST on.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections import deque
from pathlib import Path

from kumotasks.domain.clock import SECOND, SystemClock
from kumotasks.logs.entry import LogEntry
from kumotasks.logs.journal import Journal
from kumotasks.storage.logs import SqliteShelf

EVERY = 0.002  # seconds


async def write(directory: Path, first: int) -> None:
    clock = SystemClock()
    journal = Journal(SqliteShelf(directory / "logs.db"), clock)
    await journal.start()
    loop = asyncio.get_running_loop()
    numbers = itertools.count(first)
    young: deque[tuple[int, int]] = deque()

    def write_some() -> None:
        loop.call_later(EVERY, write_some)
        now = clock.now()
        for number in itertools.islice(numbers, 3):
            journal.write((LogEntry("projects/p/logs/l", "global", now, str(number)),))
            young.append((now, number))
        old = None
        while young and young[0][0] < now - SECOND:
            old = young.popleft()[1]
        if old is not None:
            sys.stdout.write(f"{old}\n")
            sys.stdout.flush()

    write_some()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2])))
