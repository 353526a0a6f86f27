"""`kumo run services logs tail`, in a process of its own: lines come as a worker prints them."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

from tests.running import KumoProcess

RESOURCE = {
    "type": "cloud_run_revision",
    "labels": {"service_name": "worker", "location": "us-central1", "revision_name": "worker-00001-abc"},
}


def printed(server: KumoProcess, text: str, service: str = "worker") -> None:
    labels = {**RESOURCE["labels"], "service_name": service}  # type: ignore[dict-item]
    body = {
        "logName": "projects/p/logs/run.googleapis.com%2Fstdout",
        "resource": {**RESOURCE, "labels": labels},
        "entries": [{"textPayload": text}],
    }
    assert server.http("POST", "/v2/entries:write", body)[0] == 200


def test_lines_come_as_they_are_printed(server: KumoProcess, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "KUMO_CONFIG_DIR": str(tmp_path / "home"),
        "KUMO_ENDPOINT": f"http://{server.address}",
        "KUMO_CORE_PROJECT": "p",
        "KUMO_RUN_REGION": "us-central1",
    }
    command = [sys.executable, "-m", "kumotasks.cli.main", "run", "logs", "tail", "worker", "--log-filter=NOT again"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as tail:
        assert tail.stdout is not None
        assert tail.stderr is not None
        assert tail.stderr.readline() == "Initializing tail session.\n"
        try:
            assert until_told(server, tail).rstrip("\n")[20:] == "still there"
        finally:
            tail.kill()


def until_told(server: KumoProcess, tail: subprocess.Popen[str]) -> str:
    """The first line: what was printed before the tail was open is not among them."""
    assert tail.stdout is not None
    for _ in range(600):
        printed(server, "of another", service="other")
        printed(server, "not again")
        printed(server, "still there")
        if select.select([tail.stdout], [], [], 0.1)[0]:
            return tail.stdout.readline()
    raise AssertionError("nothing was told")
