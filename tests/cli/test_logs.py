"""`kumo logging`: what its lines ask of a server, and that they print what gcloud prints."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.lines import Kumo, lines_to
from tests.running import KumoProcess, RecordingWorker, missing, running

GCLOUD = shutil.which("gcloud")
QUEUE = "projects/p/locations/asia-northeast1/queues/sample-queue"
TASK = f"{QUEUE}/tasks/sample-task-faae211a"
FILTER = (
    'resource.type="cloud_tasks_queue" resource.labels.queue_id="sample-queue" resource.labels.target_type="HTTP" '
    'timestamp>="2021-07-31T11:00:00Z"'
)
# What `gcloud logging read` has always printed for a task that went through; identifiers, addresses and times aside.
_HEAD = """\
insertId: ID
jsonPayload:
  '@type': type.googleapis.com/google.cloud.tasks.logging.v1.TaskActivityLog
"""
_TAIL = """\
logName: projects/p/logs/cloudtasks.googleapis.com%2Ftask_operations_log
receiveTimestamp: 'TIME'
resource:
  labels:
    location: asia-northeast1
    project_id: p
    queue_id: sample-queue
    target_type: HTTP
  type: cloud_tasks_queue
severity: INFO
timestamp: 'TIME'
"""
RESPONSE = """\
  attemptResponseLog:
    dispatchCount: '1'
    maxAttempts: 0
    responseCount: '1'
    scheduleTime: 'TIME'
    status: OK
    targetAddress: POST URL
    targetType: HTTP
"""
DISPATCH = """\
  attemptDispatchLog:
    dispatchCount: '1'
    dispatchReason: PUSH_QUEUE
    maxAttempts: 0
    responseCount: '0'
    scheduleTime: 'TIME'
    targetAddress: POST URL
    targetType: HTTP
"""
CREATION = """\
  taskCreationLog:
    scheduleTime: 'TIME'
    status: OK
    targetAddress: POST URL
    targetType: HTTP
"""
NAME = f"  task: {TASK}\n"
DOCUMENTS = "".join(f"---\n{_HEAD}{said}{_TAIL}" for said in (RESPONSE + NAME, DISPATCH + NAME, NAME + CREATION))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    """On the system's clock: lines ask for the last day of their own."""
    with running(tmp_path_factory.mktemp("logging")) as server:
        yield server


@pytest.fixture
def kumo(
    shared: KumoProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Kumo:
    line = lines_to(shared, tmp_path / "home", monkeypatch, capsys)
    return lambda *words: line("logging", *words)


@pytest.fixture(scope="module")
def went_through(shared: KumoProcess) -> Iterator[str]:
    """A task as the guide makes it, which went through; its worker's URL."""
    worker = RecordingWorker()
    try:
        queue = {
            "name": QUEUE,
            "rateLimits": {"maxConcurrentDispatches": 1000, "maxDispatchesPerSecond": 500},
            "retryConfig": {"maxAttempts": 10, "maxBackoff": "3600s", "minBackoff": "10s", "maxDoublings": 3},
            "stackdriverLoggingConfig": {"samplingRatio": 1.0},
        }
        request = {
            "httpMethod": "POST",
            "url": worker.url,
            "oidcToken": {"serviceAccountEmail": "sa-task-pubsub@p.iam.gserviceaccount.com"},
            "body": "eyJtZXNzYWdlIjogInRlc3QgbWVzc2FnZSJ9",
            "headers": {"Content-type": "application/json"},
        }
        task = {"name": TASK, "httpRequest": request, "dispatchDeadline": "1800s"}
        for path, body in (("", queue), ("/sample-queue/tasks", {"task": task})):
            status, answer = shared.http("POST", f"/v2/{QUEUE.removesuffix('/sample-queue')}{path}", body)
            assert status == 200, answer
        worker.wait_for(1)
        shared.wait_idle()
        yield worker.url
    finally:
        worker.close()


def alike(shown: str, url: str) -> str:
    """Without identifiers, addresses and times."""
    shown = re.sub(r"^insertId: \S+$", "insertId: ID", shown, flags=re.MULTILINE)
    return re.sub(r"'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z'", "'TIME'", shown).replace(f"POST {url}/", "POST URL")


def gcloud(server: KumoProcess, home: Path, *words: str) -> str:
    """What `gcloud logging ...` prints."""
    if GCLOUD is None:
        pytest.skip(missing("gcloud"))
    own = {
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING": f"http://{server.address}/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": "p",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_CONFIG": str(home),
    }
    command = [GCLOUD, "logging", *words]
    done = subprocess.run(command, env=os.environ | own, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_task_that_went_through_has_left_the_three_documents_of_the_guide(kumo: Kumo, went_through: str) -> None:
    code, shown, err = kumo("read", FILTER)
    assert (code, err) == (0, "")
    assert alike(shown, went_through) == DOCUMENTS


def test_gcloud_prints_them_byte_for_byte_as_kumo_does(
    kumo: Kumo, shared: KumoProcess, went_through: str, tmp_path: Path
) -> None:
    for words in ((FILTER,), (FILTER, "--order=asc", "--format=json"), (FILTER, "--limit=2", "--format=csv(severity)")):
        theirs = gcloud(shared, tmp_path / "gcloud", "read", *words)
        assert kumo("read", *words) == (0, theirs, "")
        assert words != (FILTER,) or alike(theirs, went_through) == DOCUMENTS


def test_what_is_written_is_read_and_listed_and_deleted(kumo: Kumo) -> None:
    assert kumo("write", "my-log", "it happened", "--severity=notice") == (0, "", "Created log entry.\n")
    labels = ("--monitored-resource-type=gce_instance", "--monitored-resource-labels=zone=z,instance_id=1")
    assert kumo("write", "a/b", '{"a": [1, {"b": null}]}', "--payload-type=json", *labels)[0] == 0
    text = json.loads(kumo("read", "logName=projects/p/logs/my-log", "--format=json")[1])
    assert [(each["textPayload"], each["severity"]) for each in text] == [("it happened", "NOTICE")]
    (found,) = json.loads(kumo("read", "resource.type=gce_instance", "--format=json")[1])
    assert found["jsonPayload"] == {"a": [1, {"b": None}]}
    assert found["resource"]["labels"] == {"zone": "z", "instance_id": "1", "project_id": "p"}
    assert kumo("logs", "list", "--filter=a%2Fb OR my-log")[1].splitlines() == [
        "NAME",
        "projects/p/logs/a%2Fb",
        "projects/p/logs/my-log",
    ]
    assert kumo("logs", "delete", "a/b", "--quiet") == (0, "", "Deleted [a/b].\n")
    assert kumo("logs", "delete", "projects/p/logs/my-log", "--quiet")[0] == 0
    assert "my-log" not in kumo("logs", "list")[1]
    assert kumo("logs", "delete", "my-log", "--quiet")[2].startswith("ERROR: (kumo.logging.logs.delete) NOT_FOUND: ")


def test_deleting_a_log_asks_first(kumo: Kumo, monkeypatch: pytest.MonkeyPatch) -> None:
    kumo("write", "kept", "x")
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    code, _, err = kumo("logs", "delete", "kept")
    assert code == 1
    assert err.startswith("Really delete all log entries from [kept]?")
    assert "projects/p/logs/kept" in kumo("logs", "list")[1]


def test_pages_are_followed_until_the_limit(kumo: Kumo, shared: KumoProcess) -> None:
    entries = [{"textPayload": str(each), "resource": {"type": "global"}} for each in range(1_001)]
    body = {"logName": "projects/many/logs/many", "entries": entries}
    status, answer = shared.http("POST", "/v2/entries:write", body)
    assert status == 200, answer
    read = ("read", "--project=many", "--format=value(textPayload)")
    assert sorted(map(int, kumo(*read)[1].split())) == list(range(1_001))
    assert kumo(*read, "--order=asc", "--limit=3")[1].split() == ["0", "1", "2"]


def test_entries_older_than_a_day_are_read_when_the_line_says_so(kumo: Kumo, shared: KumoProcess) -> None:
    entry = {"logName": "projects/old/logs/l", "resource": {"type": "global"}, "textPayload": "old"}
    stamp = times_ago(shared, hours=30)
    status, answer = shared.http("POST", "/v2/entries:write", {"entries": [{**entry, "timestamp": stamp}]})
    assert status == 200, answer
    read = ("read", "--project=old", "--format=value(textPayload)")
    assert kumo(*read)[1] == ""
    assert kumo(*read, "--freshness=1d") == kumo(*read)
    for more in (("--freshness=2d",), ("--freshness=99999y",), ("--order=asc",), ('timestamp>"2001-01-01T00:00:00Z"',)):
        assert kumo(*read, *more)[1] == "old\n", more


def times_ago(server: KumoProcess, *, hours: int) -> str:
    """An instant so long before the server's own."""
    from datetime import UTC, datetime, timedelta

    return (datetime.now(UTC) - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("read", "a=("), 1, "INVALID_ARGUMENT: Unparseable filter"),
        (("read", "a", "b"), 2, "unrecognized arguments: b"),
        (("read", "--freshness=soon"), 2, "argument --freshness: Failed to parse duration"),
        (("read", "--order=up"), 2, "argument --order: Invalid choice: 'up'."),
        (("read", "--limit=0"), 2, "argument --limit: Value must be greater than or equal to 1; received: 0"),
        (("read", "--bucket=b"), 2, "argument --bucket: --view must be specified."),
        (("read", "--folder=1", "--organization=2"), 2, "At most one of "),
        (("read", "--resource-names=foo"), 1, "Invalid value for [resource_names]: Invalid resource foo."),
        (("write", "l"), 2, "argument MESSAGE: Must be specified."),
        (("write", "", "x"), 2, "argument LOG_NAME: Must be specified."),
        (("write", "l", "{", "--payload-type=json"), 1, "Invalid JSON value: "),
        (("write", "l", "[1]", "--payload-type=json"), 1, "Invalid JSON value: "),
        (("write", "l", "x", "--severity=LOUD"), 2, "argument --severity: Invalid choice: 'LOUD'."),
    ],
)
def test_a_wrong_line_is_said_as_gcloud_says_it(kumo: Kumo, words: tuple[str, ...], code: int, sentence: str) -> None:
    found, out, err = kumo(*words)
    assert (found, out) == (code, "")
    assert sentence in err


def test_other_sources_are_named_as_gcloud_names_them(kumo: Kumo) -> None:
    kumo("write", "here", "here", "--project=one")
    kumo("write", "here", "there", "--project=two")
    both = kumo("read", "--resource-names=projects/one,projects/two", "--format=value(textPayload)")[1]
    assert sorted(both.split()) == ["here", "there"]
    view = ("--location=global", "--bucket=_Default", "--view=_AllLogs")
    assert kumo("read", "--project=one", *view, "--format=value(textPayload)")[1] == "here\n"
    assert kumo("read", "--folder=7") == (0, "", "")
