"""@google-cloud/tasks for Node over gRPC and over its REST fallback, driven through node/driver.mjs."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.conftest import Play
from tests.clients.scenario import Json, Refused
from tests.clients.stories import STORIES
from tests.running import KumoProcess, missing

HERE = Path(__file__).parent / "node"
MODULES = HERE / "node_modules"
INSTALLED = MODULES / ".installed"
# What @google-cloud/tasks 6.3 does not have yet: the RPCs of these stories, or the fields of their requests.
NEWER = {"batches", "encryption", "routing"}
NOT_THERE = "Method not found."


class NodeDriver:
    """A Node process that calls what it is told."""

    def __init__(self, process: subprocess.Popen[str], transport: str) -> None:
        self._process = process
        self.transport = transport
        self.rpcs = frozenset(self._ask({})["rpcs"])

    def call(self, rpc: str, request: Json) -> Json | Refused:
        said = self._ask({"rpc": rpc, "request": request})
        assert "broken" not in said, said["broken"]
        return Refused(**said["refused"]) if "refused" in said else said["answer"]

    def _ask(self, question: Json) -> Json:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the driver ended with {self._process.wait(10)}"
        return json.loads(line)


@pytest.fixture(scope="module")
def node() -> str:
    """The path of node, with the locked client installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip(missing("node"))
    wanted = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if not INSTALLED.is_file() or INSTALLED.read_text() != wanted:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        INSTALLED.write_text(wanted)
    return node


@pytest.fixture(scope="module", params=["grpc", "rest"])
def driver(request: pytest.FixtureRequest, node: str, kumo: KumoProcess) -> Iterator[NodeDriver]:
    command = [node, "driver.mjs", request.param, *kumo.address.split(":")]
    with subprocess.Popen(command, cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield NodeDriver(process, request.param)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(20) == 0


@pytest.mark.parametrize("story", [name for name in STORIES if name not in NEWER])
def test_the_client_gets_through(story: str, driver: NodeDriver, play_story: Play) -> None:
    if story == "locations" and driver.transport == "rest":
        # The fallback of this version asks for locations under /v1/, where Cloud Tasks has none.
        assert driver.call("GetLocation", {"name": "projects/p/locations/us-central1"}) == Refused(404, NOT_THERE)
        return
    play_story(story, driver)


def test_the_stories_have_every_rpc_of_the_client(driver: NodeDriver) -> None:
    played = {step.rpc for name, story in STORIES.items() if name not in NEWER for step in story}
    assert len(driver.rpcs) == 18
    assert driver.rpcs == played


def test_a_queue_that_is_newer_than_the_client_is_read_all_the_same(driver: NodeDriver, kumo: KumoProcess) -> None:
    place = f"projects/newer-{driver.transport}/locations/us-central1"
    target = {"uriOverride": {"scheme": "HTTP", "host": "worker.example"}}
    status, answer = kumo.http("POST", f"/v2/{place}/queues", {"name": f"{place}/queues/q", "httpTarget": target})
    assert status == 200, answer
    shown = driver.call("GetQueue", {"name": f"{place}/queues/q"})
    assert isinstance(shown, dict)
    assert shown["state"] == "RUNNING"
