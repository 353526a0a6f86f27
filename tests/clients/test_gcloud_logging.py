"""`gcloud logging`, pointed here by its endpoint override and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.clients.gcloud_runs import gcloud_at
from tests.running import KumoProcess, running

PROJECT = "gcloud-reader"
Gcloud = Callable[..., str]


@pytest.fixture(scope="module")
def kumo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    """On the system's clock: gcloud asks for the last day of its own."""
    with running(tmp_path_factory.mktemp("logging")) as process:
        yield process


@pytest.fixture(scope="module")
def gcloud(kumo: KumoProcess, tmp_path_factory: pytest.TempPathFactory) -> Gcloud:
    """Runs `gcloud logging …` and gives back what it prints; its complaints are an AssertionError."""
    run = gcloud_at(kumo, "LOGGING", project=PROJECT, folder=tmp_path_factory.mktemp("gcloud"))
    return lambda *words: run("logging", *words)


def test_what_gcloud_writes_it_reads(gcloud: Gcloud) -> None:
    gcloud("write", "by-gcloud", "a plain text", "--severity=NOTICE")
    gcloud("write", "by-gcloud", '{"a": 1}', "--payload-type=json")
    read: list[Any] = json.loads(gcloud("read", "logName:by-gcloud", "--format=json"))
    assert [entry.get("jsonPayload") or entry["textPayload"] for entry in read] == [{"a": 1}, "a plain text"]
    assert read[1]["severity"] == "NOTICE"
    only = gcloud("read", "severity=NOTICE", "--limit=1", "--order=asc", "--format=value(textPayload)")
    assert only == "a plain text\n"


def test_logs_are_listed_and_deleted(gcloud: Gcloud) -> None:
    gcloud("write", "a/b", "x")
    name = f"projects/{PROJECT}/logs/a%2Fb"
    assert name in gcloud("logs", "list").splitlines()
    gcloud("logs", "delete", "a/b")
    assert name not in gcloud("logs", "list").splitlines()
    assert "cloud_tasks_queue" in gcloud("resource-descriptors", "list", "--format=value(type)").splitlines()


def test_an_entry_of_the_activity_log_is_printed_with_sorted_keys(gcloud: Gcloud, kumo: KumoProcess) -> None:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    place = "locations/asia-northeast1/queues/sample-queue/tasks/sample-task-faae211a"
    entry = {
        "insertId": "2iclncc2y3",
        "jsonPayload": {
            "task": f"projects/{PROJECT}/{place}",
            "attemptResponseLog": {
                "targetAddress": "POST https://worker.a.run.app/",
                "status": "OK",
                "dispatchCount": "1",
                "maxAttempts": 0,
            },
            "@type": "type.googleapis.com/google.cloud.tasks.logging.v1.TaskActivityLog",
        },
        "logName": f"projects/{PROJECT}/logs/cloudtasks.googleapis.com%2Ftask_operations_log",
        "resource": {
            "type": "cloud_tasks_queue",
            "labels": {"queue_id": "sample-queue", "location": "asia-northeast1", "target_type": "HTTP"},
        },
        "severity": "INFO",
        "timestamp": now,
    }
    status, answer = kumo.http("POST", "/v2/entries:write", {"entries": [entry]})
    assert status == 200, answer
    read = gcloud(
        "read",
        'resource.type="cloud_tasks_queue" resource.labels.queue_id="sample-queue" '
        'resource.labels.target_type="HTTP" timestamp>="2021-07-31T11:00:00Z"',
    )
    received = next(line for line in read.splitlines() if line.startswith("receiveTimestamp"))
    assert (
        read
        == f"""---
insertId: 2iclncc2y3
jsonPayload:
  '@type': type.googleapis.com/google.cloud.tasks.logging.v1.TaskActivityLog
  attemptResponseLog:
    dispatchCount: '1'
    maxAttempts: 0
    status: OK
    targetAddress: POST https://worker.a.run.app/
  task: projects/{PROJECT}/{place}
logName: projects/{PROJECT}/logs/cloudtasks.googleapis.com%2Ftask_operations_log
{received}
resource:
  labels:
    location: asia-northeast1
    project_id: {PROJECT}
    queue_id: sample-queue
    target_type: HTTP
  type: cloud_tasks_queue
severity: INFO
timestamp: '{now}'
"""
    )
