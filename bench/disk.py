"""What the disk of the checkout does alone at the pace of the latency row: the part that no server can save."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from bench.reading import Reading, percentile
from bench.rows import LATENCY, PACE, PACED

ROW = f"{LATENCY}, nothing but the writes"
NAME = "the disk alone"
COMMITS = 2  # of a task: it is created, and its result is kept
PAGES = b"\1" * 3 * 4096  # of a commit
ROOM = len(PAGES) * 256  # it goes round in a file of fixed length, as SQLite does in its log


async def latency(directory: Path) -> list[Reading]:
    """Writes of a commit's size at an even pace, each synced: milliseconds of the sync."""
    took: list[float] = []
    loop = asyncio.get_running_loop()
    with (directory / "disk").open("w+b", buffering=0) as file:
        file.write(bytes(ROOM))
        os.fsync(file.fileno())
        first = loop.time()
        for number in range(PACED * COMMITS):
            await asyncio.sleep(first + number / (PACE * COMMITS) - loop.time())
            os.pwrite(file.fileno(), PAGES, number * len(PAGES) % ROOM)
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begun)
    return [Reading(NAME, ROW, f"fdatasync p{percent} ms", percentile(took, percent) * 1000) for percent in (50, 99)]
