"""Functions as tasks: their calls enqueue, and two frameworks run them when they arrive."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from wsgiref.simple_server import make_server

import fastapi
import flask
import pytest
import uvicorn

import kumotasks.client.fastapi
import kumotasks.client.flask
from kumotasks.client import AsyncTask, BadPayload, RanNow, Scheduled, Task, TaskQueue, task
from tests.client.queues import Application, created, environment
from tests.client.test_middlewares import Quiet
from tests.running import KumoProcess

Receiver = AbstractContextManager[str]


@contextmanager
def under_fastapi(*tasks: Task[..., object] | AsyncTask[..., object]) -> Iterator[str]:
    """The URL of an application of FastAPI's on which the tasks are mounted."""
    app = fastapi.FastAPI()
    kumotasks.client.fastapi.mount(app, *tasks)
    listening = threading.Event()

    class Server(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup()
            listening.set()

    server = Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    assert listening.wait(20)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@contextmanager
def under_flask(*tasks: Task[..., object] | AsyncTask[..., object]) -> Iterator[str]:
    app = flask.Flask(__name__)
    kumotasks.client.flask.mount(app, *tasks)
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{listener.server_port}"
        listener.shutdown()
        thread.join()


class Office:
    """What tasks did, and how often they failed first."""

    def __init__(self, failures: int = 0) -> None:
        self.greeted: list[tuple[str, int]] = []
        self.failures = failures
        self.done = threading.Event()

    def greet(self, name: str, times: int = 1) -> int:
        self.failures -= 1
        if self.failures >= 0:
            raise OSError("no paper")
        self.greeted.append((name, times))
        self.done.set()
        return times


def tasks_of(office: Office, queue: TaskQueue) -> tuple[Task[..., object], AsyncTask[..., object]]:
    @task(queue, "/tasks/greet")
    def greet(name: str, times: int = 1) -> int:
        """Greet."""
        return office.greet(name, times)

    @task(queue, "/tasks/greet-async", delay=0.001)
    async def greet_async(name: str, times: int = 1) -> int:
        return office.greet(name, times)

    return greet, greet_async


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)


@pytest.mark.parametrize("under", [under_fastapi, under_flask])
def test_a_call_is_enqueued_and_runs_where_it_arrives_until_it_succeeds(
    server: KumoProcess, under: Callable[..., Receiver], caplog: pytest.LogCaptureFixture
) -> None:
    office = Office(failures=1)
    receiving = tasks_of(office, TaskQueue.from_env({}))
    with under(*receiving) as url:
        queue = Application(environment(created(server), url)).queue
        greet, _ = tasks_of(Office(), queue)
        assert isinstance(greet("雲", times=2), Scheduled)
        assert office.done.wait(20)
        server.wait_idle()
        queue.close()
    assert office.greeted == [("雲", 2)]


@pytest.mark.parametrize("under", [under_fastapi, under_flask])
async def test_a_coroutine_is_enqueued_and_runs_as_well(server: KumoProcess, under: Callable[..., Receiver]) -> None:
    office = Office()
    with under(*tasks_of(office, TaskQueue.from_env({}))) as url:
        queue = Application(environment(created(server), url)).queue
        _, greet = tasks_of(Office(), queue)
        assert isinstance(await greet("雲"), Scheduled)
        assert office.done.wait(20)
        queue.close()
    assert office.greeted == [("雲", 1)]


async def test_without_a_queue_a_call_runs_the_function(caplog: pytest.LogCaptureFixture) -> None:
    office = Office()
    greet, greet_async = tasks_of(office, TaskQueue.from_env({}))
    first, second = greet("a", 3), await greet_async("b")
    assert isinstance(first, RanNow)
    assert isinstance(second, RanNow)
    assert (first.result, second.result) == (3, 1)
    assert office.greeted == [("a", 3), ("b", 1)]
    assert greet.run("c", 4) == 4
    assert (greet.__name__, greet.__doc__) == ("greet", "Greet.")  # type: ignore[attr-defined]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"times": 2}', b'{"name": "a", "more": 1}', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_call_of_it_is_refused_by_400(body: bytes) -> None:
    office = Office()
    greet, _ = tasks_of(office, TaskQueue.from_env({}))
    with pytest.raises(BadPayload, match="the body is no"):
        greet.received(body)
    app = flask.Flask(__name__)
    kumotasks.client.flask.mount(app, greet)
    assert app.test_client().post("/tasks/greet", data=body).status_code == 400
    assert app.test_client().get("/tasks/greet").status_code == 405
    assert app.test_client().post("/tasks/greet", data=json.dumps({"name": "a"})).status_code == 204
    assert office.greeted == [("a", 1)]


def test_arguments_without_names_are_refused_where_the_function_is_made_a_task() -> None:
    with pytest.raises(TypeError, match="rest has none"):

        @task(TaskQueue.from_env({}), "/x")
        def work(*rest: int) -> None: ...

    with pytest.raises(ValueError, match="slash"):

        @task(TaskQueue.from_env({}), "x")
        def other(a: int) -> None: ...


def test_a_call_with_wrong_arguments_fails_where_it_is_made() -> None:
    greet, _ = tasks_of(Office(), TaskQueue.from_env({}))
    with pytest.raises(TypeError, match="missing a required argument"):
        greet()
