"""Work given to the queue of a real server, and every way in which it may not get there."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from kumotasks.client import (
    Dropped,
    Fallback,
    InBackground,
    NotScheduled,
    RanNow,
    Retry,
    Scheduled,
    TaskQueue,
    Uncertain,
)
from kumotasks.client.clock import instant
from tests.client.queues import QUEUE, QUICK, Application, created, environment, tasks_in
from tests.client.wire import Answers, Wire
from tests.running import KumoProcess, RecordingWorker, running

PATH, PAYLOAD = "/api/generate-questions", {"document_id": 1, "title": "雲"}
Apply = Callable[..., Application]


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    caplog.set_level(logging.INFO, "kumotasks.client")


@pytest.fixture
def application() -> Iterator[Apply]:
    made: list[Application] = []

    def make(*args: object, **kwargs: object) -> Application:
        made.append(Application(*args, **kwargs))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        each.queue.close()


@pytest.fixture
def wire(server: KumoProcess) -> Iterator[Wire]:
    with closing(Wire(created(server).port)) as wire:
        yield wire


def test_a_task_arrives_after_its_delay_as_json(
    timeless: KumoProcess, worker: RecordingWorker, application: Apply
) -> None:
    queue = application(environment(created(timeless), worker.url + "/")).queue
    before = instant()
    done = queue.enqueue(PATH, PAYLOAD, delay=600, deadline=timedelta(minutes=10), fallback=len)
    assert isinstance(done, Scheduled)
    assert timedelta(minutes=10) <= done.at - before < timedelta(minutes=11)
    assert tasks_in(timeless) == [done.name]
    assert timeless.http("GET", f"/v2/{done.name}")[1]["dispatchDeadline"] == "600s"
    timeless.wait_idle()
    assert worker.arrivals == []
    timeless.advance(900)
    (arrival,) = worker.wait_for(1)
    assert (arrival.method, arrival.path, json.loads(arrival.body)) == ("POST", PATH, PAYLOAD)
    assert arrival.headers["content-type"] == "application/json"
    assert done.name.endswith(arrival.task)


async def test_the_event_loop_enqueues_as_well(
    server: KumoProcess, worker: RecordingWorker, application: Apply
) -> None:
    queue = application(environment(created(server), worker.url)).queue
    done = await queue.enqueue_async("/x", [1, 2], fallback=len)
    assert isinstance(done, Scheduled)
    assert worker.wait_for(1)[0].body == b"[1, 2]"


def test_a_second_task_of_a_name_is_dropped(server: KumoProcess, application: Apply) -> None:
    app = application(environment(created(server)))
    assert app.queue.enqueue("/x", 1, name="one", delay=60, fallback=app.work).way == "scheduled"
    again = app.queue.enqueue("/x", 2, name="one", delay=60, fallback=app.work)
    assert again == Dropped(f"there is or was a task {QUEUE}/tasks/one")
    assert (app.done, len(tasks_in(server))) == ([], 1)


def test_without_a_queue_the_work_is_done_and_it_says_what_is_not_set(
    application: Apply, caplog: pytest.LogCaptureFixture
) -> None:
    app = application({"GCP_PROJECT_ID": "p", "GCP_TASK_QUEUE": " "})
    why = "not configured (GCP_LOCATION, GCP_TASK_QUEUE, CLOUD_RUN_SERVICE_URL)"
    assert app.queue.enqueue(PATH, PAYLOAD, delay=5, fallback=app.work) == RanNow("done here", why)
    assert app.done == [PAYLOAD]
    assert caplog.messages == [f"{PATH}: running now, without a queue: {why}"]
    assert not app.queue.configured


def test_a_queue_that_was_deleted_is_asked_once(server: KumoProcess, application: Apply) -> None:
    app = application(environment(created(server)))
    assert app.queue.enqueue("/x", 1, delay=60, fallback=app.work).way == "scheduled"
    assert server.http("DELETE", f"/v2/{QUEUE}")[0] == 200
    done = app.queue.enqueue("/x", 2, fallback=app.work)
    assert isinstance(done, RanNow)
    assert done.why.startswith("NOT_FOUND: ")
    assert (app.done, app.pauses) == ([2], [])


def test_a_server_that_is_gone_is_tried_as_often_as_was_said(
    server: KumoProcess, application: Apply, caplog: pytest.LogCaptureFixture
) -> None:
    app = application(environment(created(server)), retry=Retry(attempts=4))
    app.queue.enqueue("/x", 0, delay=60, fallback=app.work)
    server.kill()
    why = f"http://{server.address} could not be reached"
    assert app.queue.enqueue("/x", 1, fallback=app.work) == RanNow("done here", why)
    assert app.done == [1]
    assert [low <= pause <= 2 * low for low, pause in zip((0.1, 0.2, 0.4), app.pauses, strict=True)] == [True] * 3
    assert caplog.messages[-1] == f"http://127.0.0.1:9/x: running now, without a queue: {why}"


def test_a_server_that_comes_back_meanwhile_has_the_task(server: KumoProcess, application: Apply) -> None:
    created(server).kill()
    app = application(environment(server), retry=Retry(attempts=40))
    waiting = threading.Event()

    def pausing() -> None:
        if len(app.pauses) == 1:
            server.start()
        waiting.wait(app.pauses[-1])  # nobody sets it

    app.pausing = pausing
    done = app.queue.enqueue("/x", 1, delay=60, fallback=app.work)
    assert isinstance(done, Scheduled)
    assert (tasks_in(server), app.done) == ([done.name], [])


@pytest.mark.parametrize("name", [None, "mine"])
def test_an_answer_that_is_lost_makes_neither_a_second_task_nor_a_second_run(
    server: KumoProcess, wire: Wire, application: Apply, name: str | None
) -> None:
    app = application(environment(server, KUMO_ENDPOINT=wire.address), retry=Retry(attempts=20, first=0.0))
    wire.answers = Answers.LOSE
    app.pausing = lambda: server.wait_idle()  # for a moment, that the client connects again
    done = app.queue.enqueue("/x", 1, name=name, delay=60, fallback=app.work)
    assert isinstance(done, Scheduled)
    assert app.pauses
    assert (tasks_in(server), app.done) == ([done.name], [])


@pytest.mark.parametrize("fallback", [Fallback.RUN_NOW, Fallback.BACKGROUND, Fallback.NONE])
def test_a_server_killed_between_task_and_answer_leaves_it_uncertain(
    server: KumoProcess, wire: Wire, application: Apply, fallback: Fallback, caplog: pytest.LogCaptureFixture
) -> None:
    app = application(environment(server, KUMO_ENDPOINT=wire.address), fallback)
    wire.answers, wire.lost = Answers.LOSE, server.kill
    with pytest.raises(Uncertain) as raised:
        app.queue.enqueue("/x", 1, delay=60, fallback=app.work)
    assert app.done == []
    server.start()
    assert tasks_in(server) == [raised.value.name]
    assert f"nobody knows whether there is a task {raised.value.name}" in caplog.messages[-1]
    name = raised.value.name.rpartition("/")[2]
    again = application(environment(server), fallback)
    assert again.queue.enqueue("/x", 1, name=name, delay=60, fallback=app.work).way == "dropped"


def test_an_answer_that_does_not_come_in_time_leaves_it_uncertain(
    server: KumoProcess, wire: Wire, application: Apply
) -> None:
    app = application(environment(server, KUMO_ENDPOINT=wire.address), retry=Retry(attempts=2, first=0.0, timeout=0.5))
    wire.answers = Answers.HOLD
    with pytest.raises(Uncertain, match="DEADLINE_EXCEEDED"):
        app.queue.enqueue("/x", 1, delay=60, fallback=app.work)
    assert (len(tasks_in(server)), app.done, len(app.pauses)) == (1, [], 1)


def test_a_queue_deleted_after_an_answer_was_lost_does_not_make_it_certain(
    server: KumoProcess, wire: Wire, application: Apply
) -> None:
    app = application(environment(server, KUMO_ENDPOINT=wire.address), retry=Retry(attempts=20, first=0.0))

    def deleted() -> None:
        assert server.http("DELETE", f"/v2/{QUEUE}")[0] == 200

    wire.answers, wire.lost = Answers.LOSE, deleted
    app.pausing = lambda: server.wait_idle()
    with pytest.raises(Uncertain, match="NOT_FOUND"):
        app.queue.enqueue("/x", 1, fallback=app.work)
    assert app.done == []


def test_a_host_that_takes_connections_and_says_nothing_is_certainly_without_the_task(
    server: KumoProcess, application: Apply
) -> None:
    with closing(Wire(1)) as nobody:
        app = application(environment(server, KUMO_ENDPOINT=nobody.address))
        done = app.queue.enqueue("/x", 1, fallback=app.work)
    assert done == RanNow("done here", f"http://{nobody.address} could not be reached")


def test_no_fallback_is_an_exception(application: Apply) -> None:
    app = application({}, Fallback.NONE)
    with pytest.raises(NotScheduled, match="not configured"):
        app.queue.enqueue("/x", 1)


async def test_no_fallback_is_an_exception_on_the_event_loop(application: Apply) -> None:
    with pytest.raises(NotScheduled, match="not configured"):
        await application({}, Fallback.NONE).queue.enqueue_async("/x", 1)


def test_background_work_goes_on_after_the_call_and_is_warned_of(
    application: Apply, caplog: pytest.LogCaptureFixture
) -> None:
    app = application({}, Fallback.BACKGROUND)
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work(payload: object) -> None:
        begun.set()
        may_end.wait(20)
        ended.set()

    assert isinstance(app.queue.enqueue("/x", 1, fallback=work), InBackground)
    assert begun.wait(20)
    assert not ended.is_set()
    may_end.set()
    assert ended.wait(20)
    assert [each.levelname for each in caplog.records] == ["WARNING", "INFO"]
    assert "be lost with it" in caplog.messages[0]


async def test_background_work_on_the_event_loop_that_fails_is_logged(
    application: Apply, caplog: pytest.LogCaptureFixture
) -> None:
    app = application({}, Fallback.BACKGROUND)
    begun = asyncio.Event()

    async def work(payload: object) -> None:
        begun.set()
        raise RuntimeError("no paper")

    assert (await app.queue.enqueue_async("/x", 1, fallback=work)).way == "in background"
    assert not begun.is_set()
    await begun.wait()
    await asyncio.sleep(0)
    assert "RuntimeError: no paper" in caplog.text


async def test_a_coroutine_is_the_event_loops_fallback_and_a_function_runs_beside_it(application: Apply) -> None:
    app = application({})
    threads: list[str] = []

    async def coroutine(payload: int) -> int:
        return payload + 1

    def function(payload: int) -> int:
        threads.append(threading.current_thread().name)
        return payload + 2

    first = await app.queue.enqueue_async("/x", 1, fallback=coroutine)
    second = await app.queue.enqueue_async("/x", 1, fallback=function)
    assert isinstance(first, RanNow)
    assert isinstance(second, RanNow)
    assert (first.result, second.result) == (2, 3)
    assert threads != [threading.main_thread().name]


async def _coroutine(payload: object) -> None: ...


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"path": "x"}, "a path starts with a slash"),
        ({"name": "a/b"}, "a task's name has letters"),
        ({"name": ""}, "a task's name has letters"),
        ({"delay": -1}, "a delay is not negative and at most 30 days; received: -1"),
        ({"delay": timedelta(days=31)}, "a delay is not negative and at most 30 days"),
        ({"delay": 1e300}, "no delay or deadline is as long as this"),
        ({"deadline": 14}, "a deadline is between 15 seconds and 30 minutes; received: 14"),
        ({"deadline": timedelta(hours=1)}, "a deadline is between 15 seconds and 30 minutes"),
        ({"payload": float("nan")}, "not JSON compliant"),
        ({"payload": object()}, "not JSON serializable"),
        ({"fallback": None}, "say what does the work"),
        ({"fallback": _coroutine}, "a coroutine is the fallback of enqueue_async"),
    ],
)
def test_what_could_never_be_a_task_is_refused_on_good_days_as_well(
    application: Apply, wrong: dict[str, object], sentence: str
) -> None:
    app = application({})
    asked: dict[str, object] = {"path": "/x", "payload": 1, "fallback": app.work, **wrong}
    with pytest.raises((ValueError, TypeError), match=sentence):
        app.queue.enqueue(**asked)  # type: ignore[arg-type]
    assert app.done == []


def test_what_the_fallback_raises_is_the_callers(application: Apply) -> None:
    def work(payload: object) -> None:
        raise RuntimeError("no paper")

    with pytest.raises(RuntimeError, match="no paper"):
        application({}).queue.enqueue("/x", 1, fallback=work)


def test_a_server_that_asks_who_calls_gets_the_key_and_tasks_come_back_in_its_name(
    tmp_path: Path, worker: RecordingWorker, application: Apply, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, "--auth", "iam") as server:
        owner = next((tmp_path / "data").rglob("*owner*.json"))
        app = application(environment(server, worker.url))
        refused = app.queue.enqueue("/x", 1, fallback=app.work)
        assert isinstance(refused, RanNow)
        assert refused.why.startswith("UNAUTHENTICATED: ")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(owner))
        known = application(environment(server, worker.url, GCP_PROJECT_ID="kumo-local"))
        missing = known.queue.enqueue("/x", 1, fallback=app.work)
        assert isinstance(missing, RanNow)
        assert missing.why.startswith("NOT_FOUND: ")
        made = subprocess.run(
            [sys.executable, "-m", "kumotasks.cli.main", "tasks", "queues", "create", "mail", "--location=us-central1"],
            env={**os.environ, "KUMO_ENDPOINT": f"http://{server.address}", "KUMO_CORE_PROJECT": "kumo-local"},
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr
        assert known.queue.enqueue("/x", 1, fallback=app.work).way == "scheduled"
        assert worker.wait_for(1)[0].headers["authorization"].startswith("Bearer ey")


@pytest.mark.parametrize("content", ["", "{}", '{"type": "authorized_user"}'])
def test_a_key_that_is_none_is_a_failure_before_anything_was_sent(
    server: KumoProcess, tmp_path: Path, application: Apply, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    key = tmp_path / "key.json"
    key.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    app = application(environment(created(server)))
    done = app.queue.enqueue("/x", 1, fallback=app.work)
    assert isinstance(done, RanNow)
    assert done.why.startswith("no credentials: ")


PROGRAM = """
from kumotasks.client import TaskQueue
queue = TaskQueue.from_env()
print(queue.enqueue("/x", {"a": 1}, fallback=len))
queue.close()
"""


def test_a_program_that_knows_of_google_only_reaches_the_server_through_its_environment(
    tmp_path: Path, worker: RecordingWorker
) -> None:
    options = ("--tls", "auto", "--tls-port", "0", "--proxy-port", "0", "--queue", "mail", "--auth", "iam")
    with running(tmp_path / "server", *options) as server:
        kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        command = [sys.executable, "-m", "kumotasks.cli.main", "env", "--json", f"--endpoint=http://{server.address}"]
        env = json.loads(subprocess.run(command, env=kept, check=True, capture_output=True).stdout)
        named = environment(server, worker.url, GCP_PROJECT_ID="kumo-local")
        del named["KUMO_ENDPOINT"]
        program = [sys.executable, "-W", "error", "-c", PROGRAM]
        ran = subprocess.run(program, env={**kept, **env, **named}, cwd=tmp_path, capture_output=True, text=True)
        assert ran.stdout.startswith("Scheduled("), (ran.stdout, ran.stderr)
        assert worker.wait_for(1)[0].headers["authorization"].startswith("Bearer ey")


@pytest.mark.parametrize("last", ["", "queue.close()", "del queue"])
@pytest.mark.parametrize("known", [True, False])
def test_a_program_that_has_given_its_work_away_ends(
    server: KumoProcess, tmp_path: Path, last: str, *, known: bool
) -> None:
    """The library's thread that watches a connection is still at it when the program's last line is done."""
    named = environment(created(server))
    if not known:
        named["GCP_TASK_QUEUE"] = "no-such-queue"
    program = PROGRAM.replace("queue.close()", last)
    kept = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [sys.executable, "-W", "error", "-c", program]
    ran = subprocess.run(command, env={**kept, **named}, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("Scheduled(" if known else "RanNow("), ran.stdout
    assert "Traceback" not in ran.stderr


def test_what_the_environment_does_not_set_is_read_from_a_file_above(tmp_path: Path) -> None:
    (tmp_path / ".env.local").write_text("GCP_PROJECT_ID=file\nGCP_LOCATION='tokyo'\nGCP_TASK_QUEUE=mail\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    variables = {"GCP_PROJECT_ID": "environment", "CLOUD_RUN_SERVICE_URL": "https://s", "GCP_TASK_QUEUE": ""}
    queue = TaskQueue.from_env(variables, directory=inner, service_account="a@b", retry=QUICK)
    assert (queue.place.project, queue.place.location, queue.place.service_account) == ("environment", "tokyo", "a@b")
    assert queue.place.missing == ("GCP_TASK_QUEUE",)


def test_google_is_not_loaded_before_there_is_a_task() -> None:
    program = "import sys, kumotasks.client; sys.exit(any(n in sys.modules for n in ('google.auth', 'grpc', 'flask')))"
    subprocess.run([sys.executable, "-c", program], check=True)
