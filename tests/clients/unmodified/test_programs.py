"""Programs written for Google, as they stand: they name no endpoint, and only their environment sends them here.

The environment is what `kumo env --json` prints, beside PATH and HOME. The server asks everybody who he is.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.running import KumoProcess, RecordingWorker, missing, running

HERE = Path(__file__).parent
NODE = HERE.parent / "node"
PROJECT = "kumo-local"
KEPT = ("PATH", "HOME", "TMPDIR")
BUILD = 600  # seconds: the first one fetches libraries
Make = Callable[[], list[str]]


@dataclass(frozen=True)
class Place:
    """A server, and a shell in which `eval "$(kumo env --shell)"` was said."""

    kumo: KumoProcess
    environment: dict[str, str]

    def run(self, *command: str, **more: str) -> str:
        """What the program prints."""
        done = subprocess.run(
            command, env=self.environment | more, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module", params=["iam", "off"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("unmodified")
    options = ("--auth", request.param, "--tls", "auto", "--tls-port", "0", "--proxy-port", "0")
    with running(directory, *options) as kumo:
        shell = {name: os.environ[name] for name in KEPT if name in os.environ}
        command = [sys.executable, "-m", "kumotasks.cli.main", "env", "--json"]
        asked = shell | {"XDG_CACHE_HOME": str(directory), "KUMO_ENDPOINT": f"http://{kumo.address}"}
        done = subprocess.run(command, env=asked, capture_output=True, text=True, timeout=60, check=True)
        yield Place(kumo, shell | json.loads(done.stdout))


@pytest.fixture
def modules() -> str:
    """Node's libraries, as locked."""
    npm = shutil.which("npm")
    if shutil.which("node") is None or npm is None:
        pytest.skip(missing("node"))
    installed, wanted = (
        NODE / "node_modules" / ".installed",
        hashlib.sha256((NODE / "package-lock.json").read_bytes()).hexdigest(),
    )
    if not installed.is_file() or installed.read_text() != wanted:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=NODE, capture_output=True, timeout=300, check=True)
        installed.write_text(wanted)
    return str(NODE / "node_modules")


@pytest.fixture(scope="session")
def go_program(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Go program, built with its locked modules."""
    go = shutil.which("go")
    if go is None:
        pytest.skip(missing("go"))
    program = tmp_path_factory.mktemp("go") / "program"
    command = [go, "build", "-mod=readonly", "-o", str(program), "."]
    done = subprocess.run(command, cwd=HERE / "go", capture_output=True, text=True, timeout=BUILD, check=False)
    if done.returncode:
        pytest.skip(missing("go", f"its module: {done.stderr.splitlines()[-1]}"))
    return str(program)


@pytest.fixture(scope="session")
def java_program(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The Java program with its libraries, by Maven."""
    maven, java = shutil.which("mvn"), shutil.which("java")
    if maven is None or java is None:
        pytest.skip(missing("java", "mvn and the JDK"))
    target = tmp_path_factory.mktemp("java")
    shutil.copytree(HERE / "java", target, dirs_exist_ok=True)
    command = [maven, "-q", "-B", "package", "dependency:copy-dependencies", "-DoutputDirectory=target/libraries"]
    done = subprocess.run(command, cwd=target, capture_output=True, text=True, timeout=BUILD, check=False)
    if done.returncode:
        pytest.skip(missing("java", f"its library: {done.stdout.strip().splitlines()[0]}"))
    return [java, "-cp", f"{target}/target/classes:{target}/target/libraries/*", "CreateTask"]


def sent(place: Place, worker: RecordingWorker, queue: str, said: str) -> None:
    """The program named its task, and the task came."""
    name = f"projects/{PROJECT}/locations/us-central1/queues/{queue}/tasks/"
    assert said.startswith(name), said
    (arrival,) = worker.wait_for(1)
    assert (arrival.method, arrival.path, arrival.body) == ("POST", f"/{queue}", b"hello")
    assert arrival.headers["x-cloudtasks-taskname"] == said.removeprefix(name)


@pytest.mark.parametrize("program", ["python_grpc", "python_rest"])
def test_python(place: Place, worker: RecordingWorker, program: str) -> None:
    queue = program.replace("_", "-")
    said = place.run(sys.executable, str(HERE / f"{program}.py"), queue, f"{worker.url}/{queue}")
    sent(place, worker, queue, said)


def test_node(place: Place, worker: RecordingWorker, modules: str) -> None:
    # Over gRPC, its default. Its REST fallback brings an agent of its own, which asks no proxy.
    command = ("node", str(HERE / "node.cjs"), "node", f"{worker.url}/node")
    sent(place, worker, "node", place.run(*command, NODE_PATH=modules))


def test_go(place: Place, worker: RecordingWorker, go_program: str) -> None:
    sent(place, worker, "go", place.run(go_program, "go", f"{worker.url}/go"))


def test_java(place: Place, worker: RecordingWorker, java_program: list[str]) -> None:
    sent(place, worker, "java", place.run(*java_program, "java", f"{worker.url}/java"))


def test_gcloud(place: Place, worker: RecordingWorker, tmp_path: Path) -> None:
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        pytest.skip(missing("gcloud"))
    own = {"CLOUDSDK_CONFIG": str(tmp_path), "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"}
    if "CLOUDSDK_AUTH_DISABLE_CREDENTIALS" not in place.environment:
        key = place.environment["GOOGLE_APPLICATION_CREDENTIALS"]
        place.run(gcloud, "auth", "activate-service-account", f"--key-file={key}", **own)
        token = place.run(gcloud, "auth", "print-identity-token", "--audiences=https://worker.example", **own)
        email = json.loads(Path(key).read_text())["client_email"]
        checked = (str(HERE / "python_verify.py"), token, "https://worker.example")
        assert place.run(sys.executable, *checked) == email
    here = ("--queue=gcloud", "--location=us-central1")
    place.run(gcloud, "tasks", "queues", "create", "gcloud", "--location=us-central1", **own)
    create = ("tasks", "create-http-task", *here, f"--url={worker.url}/gcloud", "--body-content=hello")
    sent(place, worker, "gcloud", place.run(gcloud, *create, "--format=value(name)", **own))
