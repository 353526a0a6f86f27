"""What an attempt carries: the recorded sequence of headers, for HTTP and for App Engine, and what a task remembers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls import RawGrpc, encoded
from tests.end_to_end.stage import HOUR, Held, Stage, statuses
from tests.running import Arrival, RecordingWorker, running

ANSWERS = (503, 404, 429, 500, 302, 200)
# Recorded from the real service: retry count, execution count, previous response of each attempt.
HTTP_COUNTS = (
    ("0", "0", None),
    ("1", "0", "503"),
    ("2", "1", "404"),
    ("3", "2", "429"),
    ("4", "2", "500"),
    ("5", "3", "302"),
)
APP_ENGINE_COUNTS = (
    ("0", "0", None, None),
    ("1", "1", "503", "App Error"),
    ("2", "2", "404", "App Error"),
    ("3", "3", "429", "App Error"),
    ("4", "4", "500", "App Error"),
    ("5", "5", "302", "App Error"),
)


@pytest.fixture
def app_engine(tmp_path: Path, worker: RecordingWorker) -> Iterator[Stage]:
    """A server whose App Engine is the worker, and the worker under another name for the service `back`."""
    config = tmp_path / "kumo.toml"
    address = worker.url.removeprefix("http://")
    config.write_text(
        f'app_engine_host = "{address}"\n[app_engine_services]\nback = "{address.replace("127.0.0.1", "localhost")}"\n'
    )
    with running(tmp_path, "--clock", "manual", "--config", str(config)) as process:
        client = RawGrpc(process.address)
        yield Stage(process, client, worker, "app-engine")
        client.close()


def test_the_recorded_sequence_of_http_headers(stage: Stage) -> None:
    stage.worker.answer = statuses(*ANSWERS)
    stage.create("recorded")
    stage.settle()
    stage.advance(HOUR)
    arrivals = stage.worker.arrivals
    assert [counts_of(arrival, "x-cloudtasks-") for arrival in arrivals] == list(HTTP_COUNTS)
    for arrival in arrivals:
        assert arrival.headers["x-cloudtasks-queuename"] == stage.queue.rpartition("/")[2]
        assert arrival.headers["x-cloudtasks-taskname"] == "recorded"
        assert arrival.headers["user-agent"] == "Google-Cloud-Tasks"
    assert "x-cloudtasks-taskretryreason" not in arrivals[0].headers
    assert [arrival.headers["x-cloudtasks-taskretryreason"] for arrival in arrivals[1:]] == [""] * 5


def counts_of(arrival: Arrival, prefix: str) -> tuple[str, str, str | None]:
    return (
        arrival.headers[f"{prefix}taskretrycount"],
        arrival.headers[f"{prefix}taskexecutioncount"],
        arrival.headers.get(f"{prefix}taskpreviousresponse"),
    )


def test_a_timeout_shows_as_504(stage: Stage, held: Held) -> None:
    name = stage.create("slow", dispatchDeadline="15s")
    held.wait()
    stage.advance(14.999)
    assert "responseStatus" not in stage.call("GetTask", name=name)["lastAttempt"]
    stage.advance(0.001)
    task = stage.call("GetTask", name=name)
    assert task["lastAttempt"]["responseStatus"]["code"] == 4
    assert "responseCount" not in task
    held.release()
    stage.advance(1)
    (arrival,) = [each for each in stage.worker.wait_for(2) if "x-cloudtasks-taskpreviousresponse" in each.headers]
    assert counts_of(arrival, "x-cloudtasks-") == ("1", "0", "504")
    assert arrival.headers["x-cloudtasks-taskretryreason"] == ""


def test_an_unreachable_worker_counts_as_an_attempt_but_not_as_an_answer(stage: Stage) -> None:
    elsewhere = RecordingWorker()
    url = elsewhere.url
    elsewhere.close()
    name = stage.create("refused", httpRequest={"url": url})
    stage.settle()
    task = stage.call("GetTask", name=name)
    assert task["dispatchCount"] == 1
    assert "responseCount" not in task
    assert task["lastAttempt"]["responseStatus"]["code"] == 2
    assert "responseTime" not in task["lastAttempt"]


def test_the_eta_is_when_the_task_was_due(stage: Stage) -> None:
    due = stage.after(90.5)
    name = stage.create(scheduleTime=due)
    stage.advance(91)
    (arrival,) = stage.worker.arrivals
    seconds = stage.now().timestamp() - 0.5
    assert abs(float(arrival.headers["x-cloudtasks-tasketa"]) - seconds) < 0.001
    assert arrival.headers["x-cloudtasks-tasketa"].partition(".")[2].isdigit()
    assert stage.gone(name)


def test_what_a_task_remembers_of_its_attempts(stage: Stage) -> None:
    stage.retries(minBackoff="60s", maxBackoff="60s")
    stage.worker.answer = statuses(503, 404)
    name = stage.create("watched")
    stage.settle()
    first = stage.call("GetTask", name=name)
    assert first["dispatchCount"] == first["responseCount"] == 1
    assert first["lastAttempt"]["responseStatus"] == {"code": 14, "message": "UNAVAILABLE(14): HTTP status code 503"}
    assert first["lastAttempt"]["scheduleTime"] == first["lastAttempt"]["dispatchTime"]
    assert first["scheduleTime"] == stage.after(60)
    stage.advance(60)
    second = stage.call("GetTask", name=name)
    assert second["dispatchCount"] == second["responseCount"] == 2
    assert second["firstAttempt"] == {"dispatchTime": first["firstAttempt"]["dispatchTime"]}
    assert second["lastAttempt"]["dispatchTime"] == first["scheduleTime"]
    assert second["lastAttempt"]["responseStatus"] == {"code": 5, "message": "NOT_FOUND(5): HTTP status code 404"}


def test_an_attempt_in_flight_is_seen_at_once(stage: Stage, held: Held) -> None:
    name = stage.create("open")
    held.wait()
    task = stage.call("GetTask", name=name)
    assert task["dispatchCount"] == 1
    assert "responseCount" not in task
    assert "responseStatus" not in task["lastAttempt"]
    held.release()
    stage.settle()
    assert stage.gone(name)


def test_a_request_has_the_tasks_own_method_headers_and_body(stage: Stage) -> None:
    headers = {"X-Own": "1", "content-type": "text/x", "Host": "forged", "User-Agent": "forged", "X-CloudTasks-Q": "1"}
    stage.create(path="/a%20b?c=d", httpRequest={"httpMethod": "PATCH", "headers": headers, "body": encoded(b"\0\xff")})
    stage.settle()
    (arrival,) = stage.worker.arrivals
    assert (arrival.method, arrival.path, arrival.body) == ("PATCH", "/a%20b?c=d", b"\0\xff")
    assert arrival.headers["x-own"] == "1"
    assert arrival.headers["content-type"] == "text/x"
    assert arrival.headers["host"] == stage.worker.url.removeprefix("http://")
    assert arrival.headers["user-agent"] == "Google-Cloud-Tasks"
    assert "x-cloudtasks-q" not in arrival.headers


def test_a_task_with_a_token_is_taken_and_sent(stage: Stage) -> None:
    stage.create(httpRequest={"oidcToken": {"serviceAccountEmail": "sender@stage.iam.gserviceaccount.com"}})
    stage.settle()
    assert len(stage.worker.arrivals) == 1


def test_the_recorded_sequence_of_app_engine_headers(app_engine: Stage) -> None:
    app_engine.worker.answer = statuses(*ANSWERS)
    send(app_engine, "recorded", relativeUri="/do?x=1", body=encoded(b"hi"))
    app_engine.settle()
    app_engine.advance(HOUR)
    arrivals = app_engine.worker.arrivals
    seen = [
        (*counts_of(arrival, "x-appengine-"), arrival.headers.get("x-appengine-taskretryreason"))
        for arrival in arrivals
    ]
    assert seen == list(APP_ENGINE_COUNTS)
    for arrival in arrivals:
        assert (arrival.method, arrival.path, arrival.body) == ("POST", "/do?x=1", b"hi")
        assert arrival.headers["x-appengine-queuename"] == "app-engine"
        assert arrival.headers["x-appengine-taskname"] == "recorded"
        assert arrival.headers["user-agent"] == "AppEngine-Google; (+http://code.google.com/appengine)"
        assert arrival.headers["content-type"] == "application/octet-stream"
        assert not any(name.startswith("x-cloudtasks-") for name in arrival.headers)


def test_a_timeout_of_app_engine_shows_as_0(app_engine: Stage) -> None:
    held = Held(app_engine.worker)
    send(app_engine, "slow", deadline="15s")
    held.wait()
    app_engine.advance(15)
    held.release()
    app_engine.advance(1)
    (arrival,) = [each for each in app_engine.worker.wait_for(2) if "x-appengine-taskpreviousresponse" in each.headers]
    assert counts_of(arrival, "x-appengine-") == ("1", "0", "0")
    assert arrival.headers["x-appengine-taskretryreason"] == "Instance Unavailable"


def test_an_app_engine_service_goes_to_its_own_host(app_engine: Stage) -> None:
    send(app_engine, "routed", appEngineRouting={"service": "back"})
    app_engine.settle()
    app_engine.set("appEngineRoutingOverride", appEngineRoutingOverride={"service": "back"})
    send(app_engine, "overridden", appEngineRouting={"service": "front"})
    app_engine.settle()
    assert [arrival.headers["host"].partition(":")[0] for arrival in app_engine.worker.arrivals] == ["localhost"] * 2


def send(stage: Stage, task_id: str, *, deadline: str = "600s", **request: object) -> None:
    """Create an App Engine task."""
    task = {"name": stage.name(task_id), "appEngineHttpRequest": request, "dispatchDeadline": deadline}
    stage.call("CreateTask", parent=stage.queue, task=task)
