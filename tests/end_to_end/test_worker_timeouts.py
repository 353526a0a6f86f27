"""How long a request to a private worker may take: up to an hour, told by the clock that stands until it is moved."""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.deploying import kumo_run
from tests.end_to_end.stage import HOUR, PLACE, Stage
from tests.running import KumoProcess

PROJECT = PLACE.split("/")[1]
MINUTE = 60.0
MOST_LOOKS = 400  # for a line to come through the journal
PROGRAM = """
import os, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

let_go = threading.Event()

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        print("came to", self.path)
        if self.path == "/go":
            let_go.set()
        elif self.path == "/until-go":
            let_go.wait()
        else:
            threading.Event().wait()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args):
        pass

server = ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler)
server.daemon_threads = True
server.serve_forever()
"""


class Slow:
    """A worker of which everybody may ask what takes its time."""

    def __init__(self, kumo: KumoProcess, folder: Path, name: str, timeout: str) -> None:
        (folder / "main.py").write_text(PROGRAM)
        self._kumo = kumo
        self._name = name
        how = ("--source", str(folder), "--command", f"{sys.executable} main.py", f"--timeout={timeout}")
        kumo_run(kumo, PLACE, "deploy", name, *how, "--allow-unauthenticated", "--max-instances=1")
        _, service = kumo.http("GET", f"/v2/{PLACE}/services/{name}")
        self.url = str(service["uri"])
        self._threads = ThreadPoolExecutor()

    def ask(self, path: str) -> Future[tuple[int, bytes]]:
        """Status and body of a request that the worker has."""
        asked = self._threads.submit(self._ask, path)
        self.wait_for(path)
        return asked

    def wait_for(self, path: str) -> None:
        """Until the worker has a request to `path`."""
        self.entries(f'textPayload:"came to {path}"')

    def entries(self, wanted: str) -> list[dict[str, Any]]:
        """At least one entry of this worker's."""
        own = f'resource.labels.service_name="{self._name}" {wanted}'
        for _ in range(MOST_LOOKS):
            asked = {"resourceNames": [f"projects/{PROJECT}"], "filter": own, "orderBy": "timestamp asc"}
            _, found = self._kumo.http("POST", "/v2/entries:list", asked)
            if found.get("entries"):
                return list(found["entries"])  # type: ignore[call-overload]
        raise AssertionError(f"no entry for {wanted}")

    def close(self) -> None:
        kumo_run(self._kumo, PLACE, "services", "delete", self._name, "--quiet")
        self._threads.shutdown()

    def _ask(self, path: str) -> tuple[int, bytes]:
        host = self.url.removeprefix("https://")
        url = f"http://{self._kumo.address}{path}"
        request = urllib.request.Request(url, b"", {"Host": host}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


@pytest.fixture
def hour(kumo: KumoProcess, tmp_path: Path) -> Iterator[Slow]:
    slow = Slow(kumo, tmp_path, "hour", "60m")
    yield slow
    slow.close()


@pytest.fixture
def ten_minutes(kumo: KumoProcess, tmp_path: Path) -> Iterator[Slow]:
    slow = Slow(kumo, tmp_path, "ten-minutes", "600")
    yield slow
    slow.close()


def test_a_request_may_take_an_hour_and_no_second_more(kumo: KumoProcess, hour: Slow) -> None:
    in_time, late = hour.ask("/until-go"), hour.ask("/for-ever")
    kumo.advance(HOUR - 1)
    hour.ask("/go")
    assert in_time.result()[0] == 200
    kumo.advance(1)
    assert late.result() == (504, b"upstream request timeout")
    (refused,) = hour.entries('log_id("run.googleapis.com/requests") httpRequest.status=504')
    assert refused["httpRequest"]["latency"] == "3600s"
    assert "maximum request timeout" in refused["textPayload"]


def test_the_front_ends_an_attempt_at_the_timeout_of_the_revision(stage: Stage, ten_minutes: Slow) -> None:
    stage.retries(minBackoff="100s")
    name = stage.create(httpRequest={"url": f"{ten_minutes.url}/task"}, dispatchDeadline="1800s")
    ten_minutes.wait_for("/task")
    stage.advance(10 * MINUTE)
    stage.settle()
    assert last_status(stage, name)["message"] == "DEADLINE_EXCEEDED(4): HTTP status code 504"


def test_an_attempt_ends_at_its_own_deadline_if_that_comes_first(stage: Stage, hour: Slow) -> None:
    stage.retries(minBackoff="100s")
    name = stage.create(httpRequest={"url": f"{hour.url}/task"}, dispatchDeadline="1800s")
    hour.wait_for("/task")
    stage.advance(30 * MINUTE)
    stage.settle()
    assert last_status(stage, name)["code"] == 4
    (left,) = hour.entries('log_id("run.googleapis.com/requests") httpRequest.requestUrl:"/task"')
    assert left["httpRequest"]["status"] == 499


def last_status(stage: Stage, name: str) -> dict[str, Any]:
    """How the last attempt at a task ended."""
    task = stage.call("GetTask", name=name)
    status: dict[str, Any] = task["lastAttempt"]["responseStatus"]
    return status
