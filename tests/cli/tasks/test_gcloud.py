"""The same lines through `kumo` and through the real gcloud: the same effect, and the same --format=json output.

gcloud is told of the server in two ways: by the address of its API, and by a proxy and a certificate alone, so that it
believes to speak to Google. What the lines did is read from each server over REST.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from tests.running import KumoProcess, missing, running

GCLOUD = shutil.which("gcloud")
Row = TypeVar("Row")
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
tasks queues purge target
tasks queues resume target
tasks queues delete limited
tasks queues list
"""  # noqa: E501
_STAMP = re.compile(r'"(createTime|purgeTime|etag|scheduleTime)": "(?!\d{4}-\d\d-\d\dT23:59:59Z)[^"]+"')


def kumo_line(server: KumoProcess, home: Path, words: list[str]) -> tuple[int, str]:
    environment = {**os.environ, "KUMO_CONFIG_DIR": str(home), "KUMO_CORE_PROJECT": "p"}
    command = [sys.executable, "-m", "kumotasks.cli.main", *words, f"--endpoint=http://{server.address}"]
    return ended(command, environment)


def gcloud_line(server: KumoProcess, home: Path, words: list[str]) -> tuple[int, str]:
    return gcloud(home, words, CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDTASKS=f"http://{server.address}/")


def proxied_line(server: KumoProcess, home: Path, words: list[str]) -> tuple[int, str]:
    return gcloud(
        home,
        words,
        CLOUDSDK_PROXY_TYPE="http",
        CLOUDSDK_PROXY_ADDRESS="127.0.0.1",
        CLOUDSDK_PROXY_PORT=str(server.proxy_port),
        CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE=str(server.directory / "data" / "tls" / "ca.pem"),
    )


def gcloud(home: Path, words: list[str], **more: str) -> tuple[int, str]:
    assert GCLOUD is not None
    environment = {
        **os.environ,
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CORE_PROJECT": "p",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_CONFIG": str(home),
    }
    return ended([GCLOUD, *words], environment | more)


def ended(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    return done.returncode, _STAMP.sub(r'"\1": "-"', done.stdout)


@dataclass(frozen=True)
class Played:
    """What each line printed, with its exit code, and what the server held at times."""

    printed: list[tuple[str, int, str]]
    held: list[tuple[str, object]]


def played(line: Callable[[KumoProcess, Path, list[str]], tuple[int, str]], home: Path, *options: str) -> Played:
    """The script on a server of its own, whose clock stands still."""
    with running(home / "server", "--clock", "manual", *options) as server:
        later = server.http("POST", "/kumo/v1/clock:advance", {"seconds": 0})[1]
        found = Played([], [])
        for written in SCRIPT.replace("LATER", f"{str(later['now'])[:10]}T23:59:59Z").splitlines():
            place = [] if " locations " in written else ["--location=us-central1"]
            words = [*shlex.split(written), *place, "--format=json", "--quiet"]
            found.printed.append((written, *line(server, home / "home", words)))
            found.held.append((written, compared(list(holds(server)))))
        return found


def holds(server: KumoProcess) -> Iterator[object]:
    """The queues, each with its policy and its whole tasks."""
    place = "/v2/projects/p/locations/us-central1"
    for queue in listed(server, f"{place}/queues", "queues"):
        policy = server.http("POST", f"/v2/{queue['name']}:getIamPolicy", {})[1]
        yield queue, policy, listed(server, f"/v2/{queue['name']}/tasks?responseView=FULL", "tasks")
    yield server.http("GET", f"{place}/cmekConfig")


def compared(held: object) -> object:
    """Without stamps, and without the one header of its own that gcloud sends with each call: a buffered task has the
    headers of the call that made it."""
    text = _STAMP.sub(r'"\1": "-"', json.dumps(held))
    own = ("accept", "application/json")
    return json.loads(text, object_pairs_hook=lambda pairs: dict(pair for pair in pairs if pair != own))


def listed(server: KumoProcess, path: str, field: str) -> list[dict[str, object]]:
    status, answer = server.http("GET", path)
    assert status == 200, answer
    assert "nextPageToken" not in answer
    found = answer.get(field, [])
    assert isinstance(found, list)
    return found


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Played:
    if GCLOUD is None:
        pytest.skip(missing("gcloud"))
    return played(kumo_line, tmp_path_factory.mktemp("kumo"))


THROUGH_A_PROXY = ("--tls", "auto", "--tls-port", "0", "--proxy-port", "0")


@pytest.mark.parametrize(
    ("line", "options"), [(gcloud_line, ()), (proxied_line, THROUGH_A_PROXY)], ids=["told where", "through the proxy"]
)
def test_a_script_of_lines_does_and_prints_the_same(
    line: Callable[[KumoProcess, Path, list[str]], tuple[int, str]],
    options: tuple[str, ...],
    ours: Played,
    tmp_path: Path,
) -> None:
    theirs = played(line, tmp_path, *options)
    assert different(ours.printed, theirs.printed) == []
    assert different(ours.held, theirs.held) == []
    assert {code for _, code, _ in theirs.printed} == {0}
    assert "limited/tasks/one" in json.dumps(theirs.held)


def different(ours: list[Row], theirs: list[Row]) -> list[tuple[Row, Row]]:
    return [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
