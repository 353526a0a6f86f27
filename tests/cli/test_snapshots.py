"""What `kumo` shows is what it showed: each help, and the tables of the lists, are kept beside this file as texts.

A change of theirs is meant or it is none: renew the texts as the failure says, and read the difference.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from kumotasks.cli import table
from kumotasks.cli.client import Client, Json
from kumotasks.cli.main import main
from tests.cli.run.services import WORKER

SNAPSHOTS = Path(__file__).parent / "snapshots"
RENEWED = bool(os.environ.get("KUMO_RENEW_SNAPSHOTS"))
HOW = "KUMO_RENEW_SNAPSHOTS=1 .venv/bin/pytest tests/cli/test_snapshots.py renews them all; read the difference then"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a line shows; `answers` are the server's, by the end of the path that is asked for."""

    line: str
    file: str
    answers: Mapping[str, Json]


def helps() -> Iterator[Shown]:
    """All of kumo, each group, each command."""
    commands = [command.words for word in table.words() for command in table.commands(word)]
    groups = {name for word in table.words() for name in table.groups(word)}
    for words in ("", *sorted({*groups, *commands})):
        name = "_".join(["kumo", *words.split()])
        yield Shown(f"{words} --help".strip(), f"{name}.txt", {})


QUEUE = "projects/shop/locations/us-central1/queues"
MAIL: Json = {
    "name": f"{QUEUE}/mail",
    "state": "RUNNING",
    "rateLimits": {"maxDispatchesPerSecond": 0.5, "maxConcurrentDispatches": 5, "maxBurstSize": 1},
    "retryConfig": {"maxAttempts": 3, "minBackoff": "10s", "maxBackoff": "300s", "maxDoublings": 16},
    "stackdriverLoggingConfig": {"samplingRatio": 1},
}
PLAIN: Json = {
    "name": f"{QUEUE}/plain",
    "state": "PAUSED",
    "rateLimits": {"maxDispatchesPerSecond": 500, "maxConcurrentDispatches": 1000, "maxBurstSize": 100},
    "retryConfig": {"maxAttempts": -1, "minBackoff": "0.100s", "maxBackoff": "3600s", "maxDoublings": 16},
    "purgeTime": "2030-01-02T03:04:05.000006Z",
}
FRESH: Json = {
    "name": f"{QUEUE}/mail/tasks/12345678901234567890",
    "httpRequest": {"url": "https://shop.example/send", "httpMethod": "POST"},
    "createTime": "2030-01-02T03:04:05Z",
    "scheduleTime": "2030-01-02T04:04:05.250Z",
    "view": "BASIC",
}
FAILED: Json = {
    "name": f"{QUEUE}/mail/tasks/welcome",
    "appEngineHttpRequest": {"relativeUri": "/send", "httpMethod": "POST"},
    "createTime": "2030-01-02T03:04:05Z",
    "scheduleTime": "2030-01-02T03:04:35.300Z",
    "dispatchCount": 2,
    "responseCount": 1,
    "lastAttempt": {"responseStatus": {"code": 14, "message": "UNAVAILABLE(14): HTTP status code 503"}},
    "view": "BASIC",
}
FIRST: Json = {
    "number": 1,
    "dispatchTime": "2030-01-02T03:04:05Z",
    "duration": "0.250s",
    "httpStatus": 503,
    "responseStatus": {"code": 14, "message": "UNAVAILABLE(14): HTTP status code 503"},
    "nextScheduleTime": "2030-01-02T03:04:15.250Z",
    "reason": "backoff 10 s after failure 1",
}
LAST: Json = {
    "number": 2,
    "dispatchTime": "2030-01-02T03:04:15.250Z",
    "duration": "600s",
    "responseStatus": {"code": 4, "message": "DEADLINE_EXCEEDED(4): The request timed out."},
    "reason": "last of 2 attempts",
}
LETTER: Json = {
    "name": f"{QUEUE}/mail/deadLetters/welcome.1893553445000000",
    "deathTime": "2030-01-02T03:14:15.250Z",
    "task": {**FAILED, "dispatchCount": 2},
    "lastAttempt": LAST,
}
REVISION: Json = {
    "metadata": {
        "name": "worker-00002-xyz",
        "creationTimestamp": "2030-01-02T03:04:05.000006Z",
        "labels": {"serving.knative.dev/service": "worker"},
        "annotations": {"serving.knative.dev/creator": "ada@shop.example"},
    },
    "spec": WORKER["spec"]["template"]["spec"],  # type: ignore[index]
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Active", "status": "True"}]},
}
TABLES = (
    Shown("run services list", "table_run_services_list.txt", {"/services": {"items": [WORKER]}}),
    Shown("run services describe worker", "text_run_services_describe.txt", {"/services/worker": WORKER}),
    Shown(
        "run revisions list --region=us-central1",
        "table_run_revisions_list.txt",
        {"/revisions": {"items": [REVISION]}},
    ),
    Shown(
        "run revisions describe worker-00002-xyz --region=us-central1",
        "text_run_revisions_describe.txt",
        {"/worker-00002-xyz": REVISION},
    ),
    Shown("tasks queues list", "table_tasks_queues_list.txt", {"/queues": {"queues": [MAIL, PLAIN]}}),
    Shown("tasks list --queue=mail", "table_tasks_list.txt", {"/tasks": {"tasks": [FRESH, FAILED]}}),
    Shown(
        "tasks history welcome --queue=mail",
        "table_tasks_history.txt",
        {"/attempts": {"attempts": [FIRST, LAST]}},
    ),
    Shown(
        "tasks dead-letters list --queue=mail",
        "table_tasks_dead-letters_list.txt",
        {"/deadLetters": {"deadLetters": [LETTER]}},
    ),
)
ALL = (*helps(), *TABLES)


@pytest.mark.parametrize("shown", ALL, ids=lambda shown: shown.file)
def test_a_line_shows_what_it_showed(
    shown: Shown, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def call(client: Client, verb: str, path: str, **_: object) -> Json:
        return next(answer for end, answer in shown.answers.items() if verb == "GET" and path.endswith(end))

    monkeypatch.setattr(Client, "call", call)
    monkeypatch.setenv("KUMO_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("KUMO_CORE_PROJECT", "shop")
    monkeypatch.setenv("KUMO_TASKS_LOCATION", "us-central1")
    monkeypatch.setenv("KUMO_RUN_REGION", "us-central1")
    monkeypatch.delenv("KUMO_CORE_FORMAT", raising=False)
    assert main(shown.line.split()) == 0
    text, file = capsys.readouterr().out, SNAPSHOTS / shown.file
    if RENEWED:
        file.write_text(text, encoding="utf-8")
    assert file.is_file(), f"`kumo {shown.line}` has no snapshot: {HOW}"
    assert text == file.read_text(encoding="utf-8"), f"`kumo {shown.line}` shows something else: {HOW}"


def test_each_snapshot_is_of_a_line() -> None:
    left = sorted({file.name for file in SNAPSHOTS.glob("*.txt")} - {shown.file for shown in ALL})
    if RENEWED:
        for name in left:
            (SNAPSHOTS / name).unlink()
        left = []
    assert left == [], f"of lines that are no more: {HOW}"
