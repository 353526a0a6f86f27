"""The same lines through `kumo` and through the real gcloud: the same effect, and the same --format=json output."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.running import KumoProcess, missing, running

GCLOUD = shutil.which("gcloud")
SCRIPT = """\
tasks queues create limited --max-attempts=3 --max-dispatches-per-second=0.5 --min-backoff=10s --log-sampling-ratio=1.0
tasks queues create target --http-uri-override=scheme:https,host:a.b,path:/x --http-method-override=put
tasks queues update limited --max-attempts=unlimited --clear-min-backoff --max-doublings=3
tasks queues pause target
tasks queues list
tasks queues describe limited
tasks queues list --filter=state=PAUSED
tasks queues list --filter=rateLimits.maxDispatchesPerSecond<1
tasks queues add-iam-policy-binding limited --member=user:a@b.c --role=roles/cloudtasks.enqueuer
tasks create-http-task one --queue=limited --url=http://127.0.0.1:9/x --header=A:b --body-content=hi --method=put --schedule-time=LATER
tasks create-app-engine-task two --queue=limited --relative-uri=/y --routing=service:s --schedule-time=LATER
tasks list --queue=limited
tasks describe one --queue=limited --response-view=full
tasks buffer --queue=target --task-id=three
tasks delete one --queue=limited
tasks list --queue=limited --sort-by=~name
tasks locations list --limit=3
tasks locations describe us-east1
tasks cmek-config describe
tasks queues resume target
tasks queues purge target
tasks queues delete limited
tasks queues list
"""  # noqa: E501
_STAMP = re.compile(r'"(createTime|purgeTime|etag|scheduleTime)": "(?!\d{4}-\d\d-\d\dT23:59:59Z)[^"]+"')


def kumo_line(server: KumoProcess, home: Path, words: list[str]) -> tuple[int, str]:
    environment = {**os.environ, "KUMO_CONFIG_DIR": str(home), "KUMO_CORE_PROJECT": "p"}
    command = [sys.executable, "-m", "kumotasks.cli.main", *words, f"--endpoint=http://{server.address}"]
    return ended(command, environment)


def gcloud_line(server: KumoProcess, home: Path, words: list[str]) -> tuple[int, str]:
    assert GCLOUD is not None
    environment = {
        **os.environ,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDTASKS": f"http://{server.address}/",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": "p",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_CONFIG": str(home),
    }
    return ended([GCLOUD, *words], environment)


def ended(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    return done.returncode, _STAMP.sub(r'"\1": "-"', done.stdout)


def played(line: Callable[[KumoProcess, Path, list[str]], tuple[int, str]], home: Path) -> list[tuple[str, int, str]]:
    """The script on a server of its own, whose clock stands still."""
    with running(home / "server", "--clock", "manual") as server:
        later = server.http("POST", "/kumo/v1/clock:advance", {"seconds": 0})[1]
        found = []
        for written in SCRIPT.replace("LATER", f"{str(later['now'])[:10]}T23:59:59Z").splitlines():
            place = [] if " locations " in written else ["--location=us-central1"]
            words = [*shlex.split(written), *place, "--format=json", "--quiet"]
            found.append((written, *line(server, home / "home", words)))
        return found


def test_a_script_of_lines_does_and_prints_the_same(tmp_path: Path) -> None:
    if GCLOUD is None:
        pytest.skip(missing("gcloud"))
    theirs = played(gcloud_line, tmp_path / "gcloud")
    ours = played(kumo_line, tmp_path / "kumo")
    assert [row for row, other in zip(ours, theirs, strict=True) if row != other] == []
    assert json.loads(ours[4][2])
