"""kill -9 at random moments, on a real file: no acknowledged task is lost, and none is delivered again without excuse.

What excuses a second delivery is said in `ledger.py`.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.crash.ledger import Killed, Ledger, judge
from tests.crash.producer import LOCATION, QUEUE, Producer
from tests.crash.worker import Worker
from tests.running import KumoProcess

PRODUCERS = 3
# A round ends after so many events: creations sent and acknowledged, arrivals, answers.
SHORTEST, LONGEST = 1, 400
RETRY = {"minBackoff": "0.1s", "maxBackoff": "0.2s", "maxDoublings": 1, "maxAttempts": 100}


@pytest.fixture
def process(tmp_path: Path) -> Iterator[KumoProcess]:
    process = KumoProcess(tmp_path, "--drain", "1s")
    yield process
    process.close()


def test_twenty_kills_lose_nothing_and_repeat_nothing_without_excuse(process: KumoProcess) -> None:
    crash_and_check(process, 20)


@pytest.mark.soak
def test_hundreds_of_kills_lose_nothing_and_repeat_nothing_without_excuse(process: KumoProcess) -> None:
    crash_and_check(process, int(os.environ.get("KUMO_SOAK_ROUNDS", "300")))


def crash_and_check(process: KumoProcess, rounds: int) -> None:
    ledger = Ledger()
    with Worker(ledger) as worker:
        process.start()
        status, answer = process.http("POST", f"/v2/{LOCATION}/queues", {"name": QUEUE, "retryConfig": RETRY})
        assert status == 200, answer
        for _ in range(rounds):
            produce_until_killed(process, worker, ledger)
            process.start()
        worker.let_go()
        lost = ledger.wait_until_served()
        assert not lost, f"{len(lost)} acknowledged tasks were never delivered: {sorted(lost)[:5]}"
        until_empty(process)
        assert process.stop() == 0
        worker.drain()
    verdict = judge(ledger.events)
    assert not verdict.repeated, "\n".join(verdict.repeated[:5])
    assert verdict.proven > rounds, "hardly an attempt was surely committed at a kill: this run proves nothing"


def until_empty(process: KumoProcess) -> None:
    """Wait for those that nobody was told of, too: one of them may have its backoff before it still."""
    patience = time.monotonic() + 30
    while process.http("GET", f"/v2/{QUEUE}/tasks")[1] != {}:
        assert time.monotonic() < patience, "a task that its worker takes is not sent"
        process.wait_idle()


def produce_until_killed(process: KumoProcess, worker: Worker, ledger: Ledger) -> None:
    """Several producers at once; the server dies after a random number of events."""
    with grpc.insecure_channel(process.address) as channel:
        producers = [Producer(number, channel, worker.url, ledger) for number in range(PRODUCERS)]
        begun = len(ledger.events)
        for producer in producers:
            producer.start()
        ledger.wait_for_events(begun + random.randint(SHORTEST, LONGEST))
        process.kill()
        for producer in producers:
            producer.join()
    worker.drain()
    ledger.note(Killed())
