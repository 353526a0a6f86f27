"""The gcloud command line, pointed here by its endpoint override and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.clients.gcloud_runs import gcloud_at
from tests.running import KumoProcess, RecordingWorker

PROJECT = "gcloud-user"
Gcloud = Callable[..., Any]


@pytest.fixture(scope="module")
def gcloud(kumo: KumoProcess, tmp_path_factory: pytest.TempPathFactory) -> Gcloud:
    """Runs `gcloud tasks …` and gives back what it prints as JSON; its complaints are an AssertionError."""
    run = gcloud_at(kumo, "CLOUDTASKS", project=PROJECT, folder=tmp_path_factory.mktemp("gcloud"))
    return lambda *words: json.loads(run("tasks", *words, "--format=json") or "null")


def test_queues_from_creation_to_deletion(gcloud: Gcloud, kumo: KumoProcess) -> None:
    name = f"projects/{PROJECT}/locations/us-central1/queues/managed"
    here = ("managed", "--location=us-central1")
    made = gcloud("queues", "create", *here, "--max-attempts=5", "--min-backoff=2s", "--max-dispatches-per-second=3")
    assert made["name"] == name
    assert made["retryConfig"] == {
        "maxAttempts": 5,
        "maxBackoff": "3600s",
        "maxDoublings": 16,
        "minBackoff": "2s",
    }
    updated = gcloud("queues", "update", *here, "--clear-max-attempts", "--max-concurrent-dispatches=7")
    assert updated["retryConfig"]["maxAttempts"] == 100
    assert updated["retryConfig"]["minBackoff"] == "2s"
    assert updated["rateLimits"]["maxConcurrentDispatches"] == 7
    gcloud("queues", "pause", *here)
    assert gcloud("queues", "list", "--location=us-central1")[0]["state"] == "PAUSED"
    gcloud("queues", "resume", *here)
    gcloud("queues", "purge", *here)
    shown = gcloud("queues", "describe", *here)
    assert shown["state"] == "RUNNING"
    assert shown["purgeTime"].startswith("2034-12-20T")
    gcloud("queues", "delete", *here)
    assert kumo.http("GET", f"/v2/{name}")[0] == 404


def test_tasks_from_creation_to_deletion(gcloud: Gcloud, kumo: KumoProcess, target: RecordingWorker) -> None:
    place = f"projects/{PROJECT}/locations/us-central1"
    status, answer = kumo.http("POST", f"/v2/{place}/queues", {"name": f"{place}/queues/tasks"})
    assert status == 200, answer
    here = ("--queue=tasks", "--location=us-central1")
    later = "--schedule-time=2035-01-01T00:00:00Z"
    made = gcloud(
        "create-http-task",
        "one",
        *here,
        f"--url={target.url}/by-gcloud",
        "--header=X-Own: 1",
        "--body-content=hello",
        later,
    )
    assert made["name"] == f"{place}/queues/tasks/tasks/one"
    assert [task["name"] for task in gcloud("list", *here)] == [made["name"]]
    shown = gcloud("describe", "one", *here, "--response-view=full")
    assert shown["httpRequest"]["body"] == "aGVsbG8="
    assert gcloud("run", "one", *here)["dispatchCount"] == 1
    kumo.wait_idle()
    (arrival,) = [each for each in target.arrivals if each.path == "/by-gcloud"]
    assert (arrival.method, arrival.body, arrival.headers["x-own"]) == ("POST", b"hello", "1")
    gcloud("create-http-task", "two", *here, f"--url={target.url}/never", later)
    gcloud("delete", "two", *here)
    assert kumo.http("GET", f"/v2/{place}/queues/tasks/tasks/two")[0] == 404


def test_locations_are_listed(gcloud: Gcloud) -> None:
    assert gcloud("locations", "list")[0]["locationId"] == "us-central1"
