"""Where tasks go: the queue's HTTP target over the task's own, bare requests that are buffered, redirects, TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from tests.calls import RawGrpc, encoded
from tests.end_to_end.stage import Stage, statuses
from tests.running import Answer, Arrival, RecordingWorker, running


class TlsWorker(RecordingWorker):
    """A worker that speaks TLS, with a certificate that only `authority` vouches for."""

    def __init__(self, authority: trustme.CA) -> None:
        super().__init__()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    @property
    def url(self) -> str:
        return super().url.replace("http://", "https://")


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls_worker(authority: trustme.CA) -> Iterator[TlsWorker]:
    worker = TlsWorker(authority)
    yield worker
    worker.close()


def here(stage: Stage, **more: object) -> dict[str, object]:
    """A URI override that leads to the worker."""
    parts = urlsplit(stage.worker.url)
    return {"scheme": "HTTP", "host": parts.hostname, "port": str(parts.port), **more}


def test_the_target_of_a_queue_stands_over_that_of_a_task(stage: Stage) -> None:
    override = here(stage, pathOverride={"path": "/all"}, queryOverride={"queryParams": "a=1&b=2"})
    headers = [{"header": {"key": "x-own", "value": "queue"}}, {"header": {"key": "X-Added", "value": "1"}}]
    target = {"uriOverride": override, "httpMethod": "GET", "headerOverrides": headers}
    task = {
        "url": "https://nowhere.example/own?c=3",
        "headers": {"X-Own": "task", "X-Kept": "1"},
        "body": encoded(b"dropped"),
    }
    name = stage.create("before", httpRequest=task, scheduleTime=stage.after(60))
    stage.set("httpTarget", httpTarget=target)
    stage.advance(60)
    (arrival,) = stage.worker.arrivals
    assert (arrival.method, arrival.path, arrival.body) == ("GET", "/all?a=1&b=2", b"")
    assert [arrival.headers[key] for key in ("x-own", "x-added", "x-kept")] == ["queue", "1", "1"]
    assert stage.gone(name)


def test_an_override_that_is_not_enforced_leaves_a_task_its_own_parts(stage: Stage) -> None:
    override = here(stage, host="nowhere.example", pathOverride={"path": "/queue"})
    stage.set("httpTarget", httpTarget={"uriOverride": {**override, "uriOverrideEnforceMode": "IF_NOT_EXISTS"}})
    stage.create(path="/own")
    stage.settle()
    assert [arrival.path for arrival in stage.worker.arrivals] == ["/own"]


def test_a_task_keeps_its_own_values_and_goes_its_own_way_without_the_target(stage: Stage) -> None:
    stage.set("httpTarget", httpTarget={"uriOverride": here(stage, pathOverride={"path": "/all"})})
    name = stage.create(path="/own", scheduleTime=stage.after(60))
    assert stage.call("GetTask", name=name)["httpRequest"]["url"] == f"{stage.worker.url}/own"
    stage.set("httpTarget")
    stage.advance(60)
    assert [arrival.path for arrival in stage.worker.arrivals] == ["/own"]


@pytest.mark.parametrize(
    ("behind", "task_id"),
    [("tasks:buffer", ""), ("tasks/:buffer", ""), ("tasks/mine:buffer", "mine")],
    ids=["without an id", "with an empty id", "with an id"],
)
def test_a_bare_request_becomes_a_task(behind: str, task_id: str, stage: Stage) -> None:
    stage.set("httpTarget", httpTarget={"uriOverride": here(stage, pathOverride={"path": "/buffered"})})
    body = b'{"any": "thing"}'
    status, answer = stage.server.http("POST", f"/v2/{stage.queue}/{behind}", body, {"X-Own": "1", "Content-Type": ""})
    assert status == 200, answer
    assert list(answer) == ["task"]
    stage.settle()
    (arrival,) = stage.worker.arrivals
    assert (arrival.method, arrival.path, arrival.body) == ("POST", "/buffered", body)
    assert arrival.headers["x-own"] == "1"
    assert arrival.task == task_id or (not task_id and arrival.task.isdigit())


def test_a_queue_without_a_host_buffers_nothing(stage: Stage) -> None:
    status, answer = stage.server.http("POST", f"/v2/{stage.queue}/tasks:buffer", b"x")
    assert status == 400, answer


def test_a_redirect_is_followed_and_the_last_answer_counts(stage: Stage) -> None:
    def answer(arrival: Arrival) -> Answer:
        return Answer(307, {"Location": "/there"}) if arrival.path == "/here" else Answer()

    stage.worker.answer = answer
    name = stage.create(path="/here", httpRequest={"body": encoded(b"kept")})
    stage.settle()
    assert [(each.method, each.path, each.body) for each in stage.worker.arrivals] == [
        ("POST", "/here", b"kept"),
        ("POST", "/there", b"kept"),
    ]
    assert stage.gone(name)


def test_the_body_of_an_answer_does_not_matter(stage: Stage) -> None:
    stage.worker.answer = lambda arrival: Answer(201, {"Content-Type": "text/x"}, b"x" * 300_000)
    name = stage.create()
    stage.settle()
    assert stage.gone(name)


def test_a_worker_behind_tls_is_reached_if_its_authority_is_known(
    tmp_path: Path, authority: trustme.CA, tls_worker: TlsWorker
) -> None:
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    config = tmp_path / "kumo.toml"
    config.write_text(f'ca_file = "{ca_file}"\n')
    with running(tmp_path, "--clock", "manual", "--config", str(config)) as process:
        client = RawGrpc(process.address)
        stage = Stage(process, client, tls_worker, "tls")
        name = stage.create(path="/secret", httpRequest={"body": encoded(b"hi")})
        stage.settle()
        assert [(each.path, each.body) for each in tls_worker.arrivals] == [("/secret", b"hi")]
        assert stage.gone(name)
        client.close()


def test_a_worker_whose_authority_is_unknown_is_not_trusted(stage: Stage, tls_worker: TlsWorker) -> None:
    name = stage.create(httpRequest={"url": tls_worker.url})
    stage.settle()
    assert tls_worker.arrivals == []
    status = stage.call("GetTask", name=name)["lastAttempt"]["responseStatus"]
    assert status["code"] == 2
    assert "certificate" in status["message"].lower()


def test_a_task_for_a_metadata_address_is_never_sent(stage: Stage) -> None:
    name = stage.create(httpRequest={"url": "http://169.254.169.254/computeMetadata/v1/"})
    stage.settle()
    assert stage.call("GetTask", name=name)["lastAttempt"]["responseStatus"]["code"] == 7


def test_a_redirect_does_not_lead_to_a_metadata_address_either(stage: Stage) -> None:
    stage.worker.answer = statuses(302, Location="http://169.254.169.254/")
    name = stage.create()
    stage.settle()
    assert stage.call("GetTask", name=name)["lastAttempt"]["responseStatus"]["code"] == 7
