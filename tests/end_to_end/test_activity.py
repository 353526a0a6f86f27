"""The activity log of a running server: what a task that went through leaves behind, as Cloud Logging would show it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kumotasks.domain.clock import ManualClock
from kumotasks.logs.entry import to_document
from kumotasks.storage.logs import SqliteShelf
from tests.factory import NOW
from tests.logs.journaling import Open
from tests.running import KumoProcess, RecordingWorker

PARENT = "projects/my-project/locations/asia-northeast1"
QUEUE = f"{PARENT}/queues/sample-queue"
TASK = f"{QUEUE}/tasks/sample-task-faae211a"
TAKEN_FROM_GOOGLE = (
    'resource.type="cloud_tasks_queue" resource.labels.queue_id="sample-queue" '
    'resource.labels.target_type="HTTP" timestamp>="2021-07-31T11:00:00Z"'
)


async def documents(directory: Path, filter: str) -> list[dict[str, object]]:
    """What the log of a stopped server holds, newest first."""
    async with Open(directory, ManualClock(NOW)) as log:
        found = await log.walk(filter, projects=("my-project",), newest_first=True)
        return [to_document(entry) for entry in found]


async def test_a_task_that_went_through_leaves_the_three_documents(
    server: KumoProcess, worker: RecordingWorker, tmp_path: Path
) -> None:
    send_one(server, worker.url, ratio=1.0)
    worker.wait_for(1)
    server.wait_idle()
    assert server.stop() == 0
    found = await documents(server.directory / "data", TAKEN_FROM_GOOGLE)
    (answered, sent, made) = ({**each} for each in found)
    task = {
        "@type": "type.googleapis.com/google.cloud.tasks.logging.v1.TaskActivityLog",
        "task": TASK,
    }
    target = {"targetAddress": f"POST {worker.url}/", "targetType": "HTTP"}
    due = {"scheduleTime": made["jsonPayload"]["taskCreationLog"]["scheduleTime"]}  # type: ignore[index]
    counted = {"dispatchCount": "1", "maxAttempts": 0}
    assert made["jsonPayload"] == {**task, "taskCreationLog": {**due, **target, "status": "OK"}}
    assert sent["jsonPayload"] == {
        **task,
        "attemptDispatchLog": {**due, **target, **counted, "dispatchReason": "PUSH_QUEUE", "responseCount": "0"},
    }
    assert answered["jsonPayload"] == {
        **task,
        "attemptResponseLog": {**due, **target, **counted, "responseCount": "1", "status": "OK"},
    }
    for document in (answered, sent, made):
        assert document.keys() == {
            *("insertId", "jsonPayload", "logName", "receiveTimestamp", "resource", "severity", "timestamp")
        }
        assert document["logName"] == "projects/my-project/logs/cloudtasks.googleapis.com%2Ftask_operations_log"
        assert document["severity"] == "INFO"
        assert document["resource"] == {
            "labels": {
                "location": "asia-northeast1",
                "project_id": "my-project",
                "queue_id": "sample-queue",
                "target_type": "HTTP",
            },
            "type": "cloud_tasks_queue",
        }


async def test_a_damaged_log_keeps_no_task_from_its_worker(tmp_path: Path, worker: RecordingWorker) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "logs.db").write_bytes(b"nonsense " * 1_000)
    server = KumoProcess(tmp_path)
    try:
        server.start()
        send_one(server, worker.url, ratio=1.0)
        worker.wait_for(1)
        server.wait_idle()
        assert server.stop() == 0
    finally:
        server.close()
    assert server.log.read_text().count("log entries are dropped") == 1
    assert (tmp_path / "data" / "logs.db").read_bytes().startswith(b"nonsense")


async def test_entries_are_in_the_file_while_the_server_runs(server: KumoProcess, worker: RecordingWorker) -> None:
    """Others look at it through the server; here the file itself is watched, until they are there."""
    send_one(server, worker.url, ratio=1.0)
    worker.wait_for(1)
    shelf = SqliteShelf(server.directory / "data" / "logs.db")
    async with asyncio.timeout(20):
        while not await shelf.names("my-project"):
            pass
    await shelf.stop()


def send_one(server: KumoProcess, url: str, *, ratio: float) -> None:
    queue = {"name": QUEUE, "stackdriverLoggingConfig": {"samplingRatio": ratio}}
    status, answer = server.http("POST", f"/v2/{PARENT}/queues", queue)
    assert status == 200, answer
    task = {"name": TASK, "httpRequest": {"url": url}}
    status, answer = server.http("POST", f"/v2/{QUEUE}/tasks", {"task": task})
    assert status == 200, answer
