"""The application with a real queue: the task waits, comes, is tried again; what the queue does not take is done at
once."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import grpc
import pytest

import examples.yuichat
from examples.yuichat.settings import Settings
from kumotasks.client import Place, Retry, TaskQueue
from tests.examples.yuichat import files
from tests.examples.yuichat.generators import Failing, Gated
from tests.examples.yuichat.serving import Caller, serving
from tests.running import KumoProcess

HOME = Path(examples.yuichat.__file__).parent
PLACE = "projects/yui/locations/asia-northeast1"
QUEUE = f"{PLACE}/queues/yuichat-tasks"
SCHEDULED = "🚀 Question generation scheduled via Cloud Tasks"
AT_ONCE = "✅ Question generation completed (sync)"


@pytest.fixture
def kumo(timeless: KumoProcess) -> KumoProcess:
    """With the guide's queue."""
    limits = {"maxDispatchesPerSecond": 10, "maxConcurrentDispatches": 5}
    retry = {"maxAttempts": 3, "minBackoff": "10s", "maxBackoff": "300s"}
    queue = {"name": QUEUE, "rateLimits": limits, "retryConfig": retry}
    assert timeless.http("POST", f"/v2/{PLACE}/queues", queue)[0] == 200
    return timeless


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database=f"sqlite:///{tmp_path / 'yuichat.db'}")


def place(endpoint: str, url: str) -> Place:
    return Place("yui", "asia-northeast1", "yuichat-tasks", url, endpoint=endpoint)


def queued(kumo: KumoProcess, url: str) -> TaskQueue:
    return TaskQueue(place(kumo.address, url))


def tasks(kumo: KumoProcess) -> list[dict[str, object]]:
    listed = kumo.http("GET", f"/v2/{QUEUE}/tasks")[1].get("tasks", [])
    assert isinstance(listed, list)
    return listed


def until_due(kumo: KumoProcess) -> float:
    """Seconds for which the only task still waits: more than its delay, for the application's clock has gone on while
    the server's stood still."""
    (task,) = tasks(kumo)
    _, clock = kumo.http("GET", "/kumo/v1/clock")
    due, now = (datetime.fromisoformat(str(each)) for each in (task["scheduleTime"], clock["now"]))
    return (due - now).total_seconds()


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the application said of ways."""
    return [message for record in caplog.records if (message := record.getMessage()) in (SCHEDULED, AT_ONCE)]


def test_a_task_waits_its_five_seconds_and_makes_the_questions(
    kumo: KumoProcess, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with serving(settings, queue=lambda url: queued(kumo, url)) as app:
        status, uploaded = app.upload("a.pdf", files.pdf("en"))
        number = uploaded["document_id"]
        assert (status, uploaded) == (201, {"document_id": number, "status": "pending", "way": "scheduled"})
        assert logged(caplog) == [SCHEDULED]
        wait = until_due(kumo)
        assert wait >= settings.delay
        kumo.advance(wait - 0.1)
        kumo.wait_idle()
        assert app.shown(number)["document"]["tries"] == 0
        kumo.advance(0.2)
        kumo.wait_idle()
        shown = app.shown(number)
        assert (shown["document"]["status"], shown["document"]["tries"]) == ("ready", 1)
        assert shown["questions"]
        assert tasks(kumo) == []
    assert logged(caplog) == [SCHEDULED]


def test_a_failed_task_is_tried_again_by_the_queue(kumo: KumoProcess, settings: Settings) -> None:
    with serving(settings, queue=lambda url: queued(kumo, url), generator=Failing(1)) as app:
        number = app.upload("a.txt", b"some text")[1]["document_id"]
        kumo.advance(until_due(kumo))
        kumo.wait_idle()
        assert app.shown(number)["document"]["status"] == "failed"
        kumo.advance(10)
        kumo.wait_idle()
        shown = app.shown(number)
        assert (shown["document"]["status"], shown["document"]["tries"]) == ("ready", 2)
        assert len(shown["questions"]) == 1


def test_a_generation_that_is_cut_and_tried_again_leaves_one_set_of_questions(
    kumo: KumoProcess, tmp_path: Path
) -> None:
    """The first is in the generator until the second is there too: its answer comes long after its deadline."""
    settings = Settings(database=f"sqlite:///{tmp_path / 'yuichat.db'}", deadline=15)
    generator = Gated(2)
    with serving(settings, queue=lambda url: queued(kumo, url), generator=generator) as app:
        number = app.upload("a.txt", b"some text")[1]["document_id"]
        kumo.advance(until_due(kumo))
        generator.wait_for_calls(1)
        assert app.shown(number)["document"]["status"] == "generating"
        kumo.advance(16)
        kumo.advance(11)
        generator.wait_for_calls(2)
        kumo.wait_idle()
        shown = app.shown(number)
        assert (shown["document"]["status"], shown["document"]["tries"]) == ("ready", 2)
        assert len(shown["questions"]) == settings.questions
        assert tasks(kumo) == []


def closed_port() -> str:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("state", ["deleted", "unreachable", "unconfigured"])
def test_without_a_queue_the_questions_are_made_at_once(
    kumo: KumoProcess, settings: Settings, caplog: pytest.LogCaptureFixture, state: str
) -> None:
    def queue(url: str) -> TaskQueue:
        if state == "unconfigured":
            return TaskQueue(Place())
        endpoint = kumo.address if state == "deleted" else closed_port()
        return TaskQueue(place(endpoint, url), retry=Retry(attempts=2, first=0.01))

    assert kumo.http("DELETE", f"/v2/{QUEUE}")[0] == 200
    caplog.set_level(logging.INFO)
    with serving(settings, queue=queue) as app:
        status, uploaded = app.upload("a.pdf", files.pdf("en"))
        assert (status, uploaded["status"], uploaded["way"]) == (201, "ready", "ran now")
        assert app.shown(uploaded["document_id"])["questions"]
    assert logged(caplog) == [AT_ONCE]


def test_where_nobody_knows_of_a_task_nothing_is_done_twice(settings: Settings) -> None:
    """Who listens takes the task and never answers: it may exist."""
    with silent() as endpoint:
        retry = Retry(attempts=1, timeout=0.3)
        with serving(settings, queue=lambda url: TaskQueue(place(endpoint, url), retry=retry)) as app:
            status, uploaded = app.upload("a.pdf", files.pdf("en"))
            assert (status, uploaded["status"], uploaded["way"]) == (201, "pending", "uncertain")
            assert app.generate(uploaded["document_id"])[0] == 200
            assert app.shown(uploaded["document_id"])["questions"]


@contextlib.contextmanager
def silent() -> Iterator[str]:
    """A server of gRPC that hears every call and answers none."""
    with ThreadPoolExecutor(2) as threads:
        ended = threading.Event()

        class Silence(grpc.GenericRpcHandler):  # type: ignore[misc]  # no types
            def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
                return grpc.unary_unary_rpc_method_handler(lambda request, context: ended.wait(20))

        server = grpc.server(threads, handlers=[Silence()])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            ended.set()
            server.stop(None).wait(20)


def test_its_procfile_starts_it_of_the_environment(kumo: KumoProcess, tmp_path: Path) -> None:
    port = closed_port().rpartition(":")[2]
    app = Caller(f"http://127.0.0.1:{port}")
    (command,) = [line[4:] for line in (HOME / "Procfile").read_text().splitlines() if line.startswith("web:")]
    said_of = environment(kumo, app.url, tmp_path)
    shell = ["/bin/sh", "-c", command]
    with subprocess.Popen(shell, cwd=HOME, env=said_of, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        said = list(until("Uvicorn running", child.stderr))
        try:
            uploaded = app.upload("a.pdf", files.pdf("en"))[1]
            assert uploaded["way"] == "scheduled"
            kumo.advance(until_due(kumo))
            kumo.wait_idle()
            assert len(app.shown(uploaded["document_id"])["questions"]) == 1  # as the environment says
        finally:
            child.terminate()
        said += child.stderr
    assert child.returncode == -signal.SIGTERM  # which uvicorn raises again when all is closed
    assert "INFO:     Application shutdown complete.\n" in said
    assert f"INFO yuichat: {SCHEDULED}\n" in said


def environment(kumo: KumoProcess, url: str, directory: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PORT": url.rpartition(":")[2],
        "DATABASE_URL": f"sqlite:///{directory / 'yuichat.db'}",
        "QUESTION_COUNT": "1",
        "GCP_PROJECT_ID": "yui",
        "GCP_LOCATION": "asia-northeast1",
        "GCP_TASK_QUEUE": "yuichat-tasks",
        "CLOUD_RUN_SERVICE_URL": url,
        "KUMO_ENDPOINT": kumo.address,
    }


def until(word: str, lines: Iterable[str]) -> Iterator[str]:
    """The lines of a log to the first with `word`, or to its end."""
    for line in lines:
        yield line
        if word in line:
            return
