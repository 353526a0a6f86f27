"""A full disk, over the wire: creation is refused, nothing acknowledged is lost, nothing is pushed again and again.

The store's file may not grow beyond a number of pages (SQLite's max_page_count), which fails as a full disk does. The
clock is manual, so that minutes of retrying pass in no time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import Answer, KumoProcess, RecordingWorker, running

LOCATION = "projects/p/locations/us-central1"
BALLAST, WORK = f"{LOCATION}/queues/ballast", f"{LOCATION}/queues/work"
PAGES = 120  # 480 KB
LARGE = "QUJD" * 5_000  # 15 KB once decoded
REFUSED = {429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KumoProcess]:
    """A server with little room, and two queues: one that is paused for good, and one for work, paused for now."""
    monkeypatch.setenv("KUMO_STORE_MAX_PAGES", str(PAGES))
    with running(tmp_path, "--clock", "manual") as process:
        for queue in (BALLAST, WORK):
            retry = {"minBackoff": "1s", "maxBackoff": "1s"}
            assert process.http("POST", f"/v2/{LOCATION}/queues", {"name": queue, "retryConfig": retry})[0] == 200
            assert process.http("POST", f"/v2/{queue}:pause", {})[0] == 200
        yield process


def test_creation_is_refused_and_every_acknowledged_task_is_there_after_a_crash(small: KumoProcess) -> None:
    kept = fill(small, BALLAST, LARGE) | fill(small, BALLAST, "")
    assert listed(small, BALLAST) == kept
    small.kill()
    small.start()
    assert listed(small, BALLAST) == kept


def test_service_resumes_when_tasks_are_deleted(small: KumoProcess) -> None:
    kept = fill(small, BALLAST, LARGE) | fill(small, BALLAST, "")
    for task in sorted(kept)[:5]:
        assert small.http("DELETE", f"/v2/{task}")[0] == 200
    assert create(small, BALLAST, LARGE) is not None
    assert len(listed(small, BALLAST)) == len(kept) - 4


def test_tasks_that_succeed_make_room(small: KumoProcess, worker: RecordingWorker) -> None:
    work = fill(small, WORK, LARGE, worker.url) | fill(small, WORK, "", worker.url)
    assert small.http("POST", f"/v2/{WORK}:resume", {})[0] == 200
    worker.wait_for(len(work))
    small.wait_idle()
    assert Counter(arrival.task for arrival in worker.arrivals) == Counter(short(work))
    assert create(small, BALLAST, LARGE) is not None


def test_what_cannot_be_committed_is_not_pushed_again_until_it_can(small: KumoProcess, worker: RecordingWorker) -> None:
    """A failed attempt adds to its row. On the fullest disk that has no place, and its queue must wait."""
    worker.answer = lambda arrival: Answer(500)
    ballast = fill(small, BALLAST, LARGE)
    work = fill(small, WORK, "", worker.url)
    assert small.http("POST", f"/v2/{WORK}:resume", {})[0] == 200
    worker.wait_for(len(work))
    small.advance(600)
    assert len(worker.arrivals) == len(work), "the queue went on although results could not be kept"

    worker.answer = lambda arrival: Answer(200)
    for task in ballast:
        assert small.http("DELETE", f"/v2/{task}")[0] == 200
    small.advance(60)
    worker.wait_for(2 * len(work))
    small.wait_idle()
    assert set(attempts(worker).values()) == {1}, "an attempt was made twice"
    assert listed(small, WORK) == set()
    assert create(small, BALLAST, LARGE) is not None


def create(process: KumoProcess, queue: str, body: str, url: str = "http://127.0.0.1:9/") -> str | None:
    """The name of a new task, None if there was no room for it."""
    task = {"task": {"httpRequest": {"url": url, "body": body}}}
    status, answer = process.http("POST", f"/v2/{queue}/tasks", task)
    if status == 200:
        return str(answer["name"])
    error = answer["error"]
    assert isinstance(error, dict)
    assert error["status"] == REFUSED[status], answer
    return None


def fill(process: KumoProcess, queue: str, body: str, url: str = "http://127.0.0.1:9/") -> set[str]:
    """Create tasks until one is refused; the names of those that were acknowledged."""
    kept: set[str] = set()
    while (name := create(process, queue, body, url)) is not None:
        kept.add(name)
        assert len(kept) < 20_000, "the store never became full"
    return kept


def listed(process: KumoProcess, queue: str) -> set[str]:
    status, answer = process.http("GET", f"/v2/{queue}/tasks?pageSize=1000")
    assert status == 200
    assert "nextPageToken" not in answer
    tasks = answer.get("tasks", [])
    assert isinstance(tasks, list)
    return {task["name"] for task in tasks}


def attempts(worker: RecordingWorker) -> Counter[tuple[str, str]]:
    """How often each attempt arrived: a task and its retry count."""
    return Counter((arrival.task, arrival.headers["x-cloudtasks-taskretrycount"]) for arrival in worker.arrivals)


def short(names: set[str]) -> list[str]:
    return [name.rpartition("/")[2] for name in names]
