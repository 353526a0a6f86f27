"""The main use of private workers, by Google's own clients: a task comes in only if its token's account may invoke.

The worker is the one of the guides, a Flask application that answers 200; nothing of it asks who calls.
"""

from __future__ import annotations

import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.cloud import run_v2, tasks_v2
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.services.logging_service_v2.transports import LoggingServiceV2GrpcTransport
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import duration_pb2, json_format, struct_pb2

from tests.end_to_end.deploying import kumo_run
from tests.running import KumoProcess, running

PLACE = "projects/shop/locations/asia-northeast1"
SERVICE = f"{PLACE}/services/worker"
SENDER = "sender@shop.iam.gserviceaccount.com"
BACKOFF = 10  # seconds
MOST_LOOKS = 200  # for an entry to come through the journal
FLASK = """
import os
from flask import Flask, request

app = Flask(__name__)


@app.route("/", methods=["POST"])
def index():
    print(f"got {request.get_data(as_text=True)}")
    return "", 200


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=int(os.environ.get("PORT", 8080)))
"""


@dataclass(frozen=True)
class Shop:
    """A worker that nobody may invoke, and a queue whose attempts are ten seconds apart."""

    kumo: KumoProcess
    tasks: tasks_v2.CloudTasksClient
    services: run_v2.ServicesClient
    logging: LoggingServiceV2Client
    queue: str
    url: str

    def send(self, task_id: str, *, signed: bool) -> str:
        """A task for the worker, which is sent at once; its name."""
        token = {"oidc_token": tasks_v2.OidcToken(service_account_email=SENDER)} if signed else {}
        request = tasks_v2.HttpRequest(url=self.url, body=task_id.encode(), **token)
        name = f"{self.queue}/tasks/{task_id}"
        self.tasks.create_task(parent=self.queue, task=tasks_v2.Task(name=name, http_request=request))
        self.kumo.wait_idle()
        return name

    def retry(self) -> None:
        """Let the time to the next attempts go by."""
        self.kumo.advance(BACKOFF)
        self.kumo.wait_idle()

    def attempts(self, name: str) -> int:
        task = self.tasks.get_task(name=name)
        return int(task.response_count) if task.response_count == task.dispatch_count else -1

    def left(self) -> list[str]:
        return [task.name for task in self.tasks.list_tasks(parent=self.queue)]

    def let_in(self, member: str) -> None:
        """As the console and `add-iam-policy-binding` do: read, add, write with the etag that was read."""
        policy = self.services.get_iam_policy(request=iam_policy_pb2.GetIamPolicyRequest(resource=SERVICE))
        policy.bindings.append(policy_pb2.Binding(role="roles/run.invoker", members=[member]))
        self.services.set_iam_policy(request=iam_policy_pb2.SetIamPolicyRequest(resource=SERVICE, policy=policy))

    def entries(self, wanted: str, count: int) -> list[Any]:
        """`count` entries, the oldest first; they come through the journal a little later."""
        for _ in range(MOST_LOOKS):
            request = {"resource_names": ["projects/shop"], "filter": wanted, "order_by": "timestamp asc"}
            found = list(self.logging.list_log_entries(request=request))
            if len(found) >= count:
                return found
        raise AssertionError(f"{len(found)} of {count} entries for {wanted}")

    def answers(self, name: str, count: int) -> list[str]:
        """How the activity log calls the answers to a task."""
        wanted = f'resource.type="cloud_tasks_queue" jsonPayload.task="{name}" jsonPayload.attemptResponseLog:*'
        return [payload(entry)["attemptResponseLog"]["status"] for entry in self.entries(wanted, count)]


def payload(entry: Any) -> dict[str, Any]:
    """Of an entry whose payload is JSON."""
    found: dict[str, Any] = json_format.MessageToDict(struct_pb2.Struct(fields=dict(entry._pb.json_payload.fields)))
    return found


@pytest.fixture(scope="module")
def kumo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("shop"), "--clock", "manual") as process:
        yield process


@pytest.fixture(scope="module")
def shop(kumo: KumoProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("worker")
    (folder / "main.py").write_text(FLASK)
    (folder / "Procfile").write_text(f"web: {sys.executable} main.py\n")
    said = kumo_run(kumo, PLACE, "deploy", "worker", f"--source={folder}", "--no-allow-unauthenticated")
    assert "has been deployed and is serving 100 percent of traffic" in said
    with grpc.insecure_channel(kumo.address) as channel:
        services = run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=channel))
        tasks = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        logging = LoggingServiceV2Client(transport=LoggingServiceV2GrpcTransport(channel=channel))
        backoff = duration_pb2.Duration(seconds=BACKOFF)
        made = tasks.create_queue(
            parent=PLACE,
            queue=tasks_v2.Queue(
                name=f"{PLACE}/queues/work",
                retry_config=tasks_v2.RetryConfig(min_backoff=backoff, max_backoff=backoff),
                stackdriver_logging_config=tasks_v2.StackdriverLoggingConfig(sampling_ratio=1.0),
            ),
        )
        yield Shop(kumo, tasks, services, logging, made.name, services.get_service(name=SERVICE).uri)


@pytest.fixture(scope="module")
def story(shop: Shop) -> dict[str, Any]:
    """What happens, in the order of the guide; the tests look at what came of each step."""
    seen: dict[str, Any] = {}
    plain = shop.send("plain", signed=False)
    seen["plain"] = shop.attempts(plain)
    shop.retry()
    seen["plain, retried"] = shop.attempts(plain)
    shop.tasks.delete_task(name=plain)
    signed = shop.send("signed", signed=True)
    seen["signed"] = shop.attempts(signed)
    shop.let_in(f"serviceAccount:{SENDER}")
    shop.retry()
    seen["left"] = shop.left()
    seen["answers"] = {name: shop.answers(name, 2) for name in (plain, signed)}
    return seen


def test_a_task_without_a_token_is_refused_and_retried(story: dict[str, Any], shop: Shop) -> None:
    assert (story["plain"], story["plain, retried"]) == (1, 2)
    assert story["answers"][f"{shop.queue}/tasks/plain"] == ["PERMISSION_DENIED", "PERMISSION_DENIED"]


def test_a_token_comes_in_once_its_account_may_invoke(story: dict[str, Any], shop: Shop) -> None:
    assert story["signed"] == 1
    assert story["left"] == []
    assert story["answers"][f"{shop.queue}/tasks/signed"] == ["PERMISSION_DENIED", "OK"]


@pytest.mark.usefixtures("story")
def test_the_request_log_has_every_answer(shop: Shop) -> None:
    found = shop.entries('log_id("run.googleapis.com/requests")', 4)
    assert [entry.http_request.status for entry in found] == [403, 403, 403, 200]
    assert {entry.http_request.request_url for entry in found} == {f"{shop.url}/"}
    assert [entry.resource.labels["revision_name"] != "" for entry in found] == [False, False, False, True]
    unauthenticated = "The request was not authenticated."
    assert [entry.text_payload.startswith(unauthenticated) for entry in found] == [True, True, False, False]


@pytest.mark.usefixtures("story")
def test_the_worker_was_reached_by_the_one_that_was_let_in(shop: Shop) -> None:
    shop.entries('log_id("run.googleapis.com/stdout") "got"', 1)
    lines = kumo_run(shop.kumo, PLACE, "services", "logs", "read", "worker").splitlines()
    assert [line.partition(" got ")[2] for line in lines if " got " in line] == ["signed"]


def test_what_a_caller_without_a_token_is_told(shop: Shop) -> None:
    """403 and Google's page, to whoever comes by the plain port too."""
    host = shop.url.removeprefix("https://")
    request = urllib.request.Request(f"http://{shop.kumo.address}/", b"{}", {"Host": host}, method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)
    with refused.value:
        assert refused.value.code == 403
        assert b"<h1>Error: Forbidden</h1>" in refused.value.read()
