"""`python -m bench`: every row three times, medians, a table, and JSON beside it."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import uvloop

from bench import brokers, disk, nodes, rows, table
from bench.process import LOAD_CORE, PROGRAM_CORE
from bench.reading import Reading, medians
from bench.subject import Emulator, InMemory, Kumo, Laden, Subject, scratch

RUNS = 3
RESULTS = Path(__file__).parent / "results" / "latest.json"
Step = tuple[Subject, rows.Row]


def main() -> None:
    options = _options()
    os.sched_setaffinity(0, {LOAD_CORE})
    steps = [step for step in _steps(full=options.full) if options.only in step[0].name]
    readings: list[Reading] = []
    for run in range(options.runs):
        readings += [*_run(run, steps), *_run_disk(run, options.only)]
    if redis := brokers.redis():
        readings += [reading for run in range(options.runs) for reading in _run_brokers(run, options.only)]
    readings += [reading for run in range(options.runs) for reading in _run_nodes(run, options.only)]
    result = medians(readings)
    print(table.render(result))
    if not redis:
        print("Celery, Dramatiq and taskiq were skipped: there is no redis-server on this machine.")
    _write(result, options.runs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--full", action="store_true", default=os.environ.get("FULL") == "1", help="the long rows too")
    parser.add_argument("--runs", type=int, default=RUNS, help="how often each row is run (3)")
    parser.add_argument("--only", default="", help="only what has this in its name")
    return parser.parse_args()


def _steps(*, full: bool) -> Iterator[Step]:
    """A fresh server for each; Kumo and the emulator in turn, so that both meet the same machine."""
    kumo, emulator = Kumo(), Emulator()
    laden = Laden()
    yield kumo, rows.idle
    yield emulator, rows.idle
    yield kumo, rows.create_only(40_000)
    if full:
        yield laden, rows.create_only(40_000)
    yield emulator, rows.create_only(2_000)
    yield kumo, rows.end_to_end(30_000)
    yield emulator, rows.end_to_end(2_000)
    yield kumo, rows.batch_create(60_000)
    yield kumo, rows.rest_create(20_000)
    yield kumo, rows.latency
    yield InMemory(), rows.latency
    yield emulator, rows.latency
    yield kumo, rows.million


def _run(run: int, steps: list[Step]) -> Iterator[Reading]:
    for subject, row in steps:
        with subject.running() as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            yield from _shown(run, runner.run(row(server)))


def _run_disk(run: int, only: str) -> Iterator[Reading]:
    if only in disk.NAME:
        with scratch() as directory, asyncio.Runner() as runner:
            yield from _shown(run, runner.run(disk.latency(directory)))


def _run_brokers(run: int, only: str) -> Iterator[Reading]:
    for broker in brokers.BROKERS:
        if only in broker.name:
            with asyncio.Runner() as runner:
                yield from _shown(run, runner.run(brokers.end_to_end(broker, 3_000)))


def _run_nodes(run: int, only: str) -> Iterator[Reading]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if only in "Kumo Tasks":
            yield from runner.run(_shown_as_they_come(run, nodes.kumo()))
        if only in nodes.PEER.name:
            yield from _shown(run, runner.run(nodes.procrastinate()))


async def _shown_as_they_come(run: int, coming: AsyncIterator[list[Reading]]) -> list[Reading]:
    return [reading async for readings in coming for reading in _shown(run, readings)]


def _shown(run: int, readings: list[Reading]) -> list[Reading]:
    figures = ", ".join(f"{reading.measure} {table.number(reading.value)}" for reading in readings)
    print(f"run {run + 1}: {readings[0].subject}, {readings[0].row}: {figures}", flush=True)
    return readings


def _write(readings: list[Reading], runs: int) -> None:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": {"cpu": _cpu(), "cores": os.cpu_count(), "python": platform.python_version()},
        "pinned": {"program": PROGRAM_CORE, "load": LOAD_CORE},
        "runs": runs,
        "medians": [
            {"subject": each.subject, "row": each.row, "measure": each.measure, "value": each.value}
            for each in readings
        ],
    }
    RESULTS.write_text(json.dumps(content, indent=2) + "\n")
    print(f"Written to {RESULTS}.")


def _cpu() -> str:
    with Path("/proc/cpuinfo").open() as lines:
        return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


if __name__ == "__main__":
    sys.exit(main())
