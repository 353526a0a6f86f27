"""YuiChat as a private worker of a real server: a PDF is uploaded, a task waits its five seconds, calls the application
with a token, and the questions are in the database; and what happens when there is no queue, or no answer in time."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

import examples.yuichat
from tests.examples.yuichat import files
from tests.running import Answer, Arrival, KumoProcess, RecordingWorker

REGION = "asia-northeast1"
PROJECT = "yui"
ACCOUNT = f"yuichat@{PROJECT}.iam.gserviceaccount.com"
SERVICE = "yuichat-backend"
HOME = Path(examples.yuichat.__file__).parent
SCHEDULED = "🚀 Question generation scheduled via Cloud Tasks"
RAN_NOW = "✅ Question generation completed (sync)"
REQUESTS = 'log_id("run.googleapis.com/requests") AND httpRequest.requestUrl:"generate-questions"'
NEXT_ATTEMPT = 15  # seconds: more than the queue's first wait
SERVICE_LIMIT = 20  # seconds


@dataclass(frozen=True)
class YuiChat:
    """The deployed application, its server and its operator's shell."""

    kumo: KumoProcess
    directory: Path

    def say(self, *words: str) -> str:
        """What a line of `kumo` prints on its standard output."""
        own = {
            "KUMO_ENDPOINT": f"http://{self.kumo.address}",
            "KUMO_CONFIG_DIR": str(self.directory / "config"),
            "KUMO_PROJECT": PROJECT,
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE_", "KUMO_"))}
        done = subprocess.run(
            [sys.executable, "-m", "kumotasks.cli.main", *words],
            env=environment | own,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr + self.kumo.log.read_text()[-2000:]
        return done.stdout.strip()

    @property
    def url(self) -> str:
        return self.say("run", "services", "describe", SERVICE, f"--region={REGION}", "--format=value(status.url)")

    def update(self, *flags: str) -> None:
        self.say("run", "services", "update", SERVICE, f"--region={REGION}", *flags)

    def configure(self, queue: str) -> None:
        """The four variables of the guide."""
        self.say(
            *("tasks", "queues", "create", queue, f"--location={REGION}"),
            *("--max-dispatches-per-second=10", "--max-concurrent-dispatches=5", "--max-attempts=3"),
            *("--min-backoff=10s", "--max-backoff=300s"),
        )
        said = {"GCP_PROJECT_ID": PROJECT, "GCP_LOCATION": REGION, "GCP_TASK_QUEUE": queue}
        variables = said | {"CLOUD_RUN_SERVICE_URL": self.url}
        self.update("--update-env-vars=" + ",".join(f"{name}={value}" for name, value in variables.items()))

    def ask(self, verb: str, path: str, **more: Any) -> requests.Response:
        """A call as the owner makes it, with an identity token; `headers={}` for one without."""
        url = self.url
        token = self.say("auth", "print-identity-token", f"--audiences={url}")
        headers = more.pop("headers", {"Authorization": f"Bearer {token}"})
        here = {"Host": url.removeprefix("https://"), **headers}
        return requests.request(verb, f"http://{self.kumo.address}{path}", headers=here, timeout=60, **more)

    def upload(self, language: str) -> dict[str, Any]:
        """A real PDF."""
        answer = self.ask("POST", "/api/upload", files={"file": (f"{language}.pdf", files.pdf(language))})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def tasks(self, queue: str) -> list[dict[str, Any]]:
        listed = self.say("tasks", "list", f"--queue={queue}", f"--location={REGION}", "--format=json")
        return list(json.loads(listed))

    def advance(self, seconds: float) -> None:
        self._control("clock:advance", {"seconds": seconds})

    def catch_up(self) -> None:
        """Let the server's clock say what the application's says, by which the five seconds are counted."""
        self._control("clock:advance", {"to": datetime.now(UTC).isoformat()})

    def reach(self, task: dict[str, Any]) -> None:
        """Let it be the time for which a task is scheduled."""
        self._control("clock:advance", {"to": task["scheduleTime"]})

    def idle(self) -> None:
        """Wait until nothing is due and nothing under way."""
        self._control("wait-idle", {"timeout": "30s"})

    def log(self, condition: str) -> list[dict[str, Any]]:
        """The entries, the oldest first."""
        return list(json.loads(self.say("logging", "read", condition, "--order=asc", "--format=json")))

    def _control(self, verb: str, body: object) -> None:
        head = {"Authorization": f"Bearer {self.say('auth', 'print-access-token')}"}
        status, answer = self.kumo.http("POST", f"/kumo/v1/{verb}", body, head)
        assert status == 200, answer


def status(yuichat: YuiChat, number: int) -> str:
    return str(yuichat.ask("GET", f"/api/documents/{number}").json()["document"]["status"])


def questions(yuichat: YuiChat, number: int) -> list[str]:
    """As the database has them."""
    with sqlite3.connect(yuichat.directory / "yuichat.db") as database:
        rows = database.execute("SELECT text FROM questions WHERE document_id = ?", (number,)).fetchall()
    database.close()
    return [text for (text,) in rows]


def printed(yuichat: YuiChat, line: str) -> int:
    """How often the application said so."""
    return len(yuichat.log(f'resource.type="cloud_run_revision" AND textPayload:"{line}"'))


@pytest.fixture(scope="module")
def model() -> Iterator[RecordingWorker]:
    """The far end of a generation that takes its time: a model's server."""
    model = RecordingWorker()
    yield model
    model.close()


@pytest.fixture(scope="module")
def yuichat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[YuiChat]:
    directory = tmp_path_factory.mktemp("yuichat")
    options = ("--auth", "iam", "--clock", "manual", "--tls", "auto", "--tls-port", "0", "--proxy-port", "0")
    path = f"PATH={Path(sys.executable).parent}:{os.environ['PATH']}"  # the Procfile says `python`
    kumo = KumoProcess(directory, *options, "--project", PROJECT, prefix=("env", path))
    try:
        kumo.start()
        made = YuiChat(kumo, directory)
        made.say("iam", "service-accounts", "create", "yuichat")
        deploy(made)
        allow(made)
        yield made
    finally:
        kumo.close()


def deploy(yuichat: YuiChat) -> None:
    yuichat.say(
        *("run", "deploy", SERVICE, f"--source={HOME}", f"--region={REGION}", "--no-allow-unauthenticated"),
        *(f"--service-account={ACCOUNT}", f"--set-env-vars=DATABASE_URL=sqlite:///{yuichat.directory / 'yuichat.db'}"),
    )


def allow(yuichat: YuiChat) -> None:
    """What the application may do: create tasks, in its own name, and be called by them."""
    member = f"--member=serviceAccount:{ACCOUNT}"
    yuichat.say("projects", "add-iam-policy-binding", PROJECT, member, "--role=roles/cloudtasks.enqueuer")
    role = "--role=roles/iam.serviceAccountUser"
    yuichat.say("iam", "service-accounts", "add-iam-policy-binding", ACCOUNT, member, role)
    invoker = ("--role=roles/run.invoker", f"--region={REGION}")
    yuichat.say("run", "services", "add-iam-policy-binding", SERVICE, member, *invoker)


def test_a_pdf_becomes_questions_five_seconds_later(yuichat: YuiChat) -> None:
    yuichat.configure("yuichat-tasks")
    yuichat.catch_up()
    uploaded = yuichat.upload("en")
    assert (uploaded["way"], uploaded["status"]) == ("scheduled", "pending")
    assert printed(yuichat, SCHEDULED) == 1
    (task,) = yuichat.tasks("yuichat-tasks")
    assert task["httpRequest"]["oidcToken"]["serviceAccountEmail"] == ACCOUNT
    number = uploaded["document_id"]
    yuichat.advance(4)
    assert status(yuichat, number) == "pending"
    assert questions(yuichat, number) == []
    yuichat.reach(task)
    yuichat.idle()
    assert questions(yuichat, number)
    assert status(yuichat, number) == "ready"
    assert yuichat.tasks("yuichat-tasks") == []
    (called,) = yuichat.log(REQUESTS)
    assert (called["httpRequest"]["status"], called["httpRequest"]["userAgent"]) == (200, "Google-Cloud-Tasks")


def test_nobody_comes_in_without_a_token(yuichat: YuiChat) -> None:
    order = {"document_id": 1}
    assert yuichat.ask("POST", "/api/generate-questions", json=order, headers={}).status_code == 403
    forged = {"Authorization": "Bearer e30.e30.e30"}
    assert yuichat.ask("POST", "/api/generate-questions", json=order, headers=forged).status_code == 401


def falls_back(yuichat: YuiChat, language: str) -> None:
    """The upload is answered with its questions, and says so; so does the log."""
    before = printed(yuichat, RAN_NOW)
    uploaded = yuichat.upload(language)
    assert (uploaded["way"], uploaded["status"]) == ("ran now", "ready")
    assert questions(yuichat, uploaded["document_id"])
    assert printed(yuichat, RAN_NOW) == before + 1


def test_it_falls_back_when_the_queue_is_deleted(yuichat: YuiChat) -> None:
    yuichat.configure("deleted")
    yuichat.say("tasks", "queues", "delete", "deleted", f"--location={REGION}", "--quiet")
    falls_back(yuichat, "ja")


def test_it_falls_back_when_the_queue_is_unreachable(yuichat: YuiChat) -> None:
    yuichat.configure("unreachable")
    yuichat.update("--update-env-vars=KUMO_ENDPOINT=http://127.0.0.1:9")
    falls_back(yuichat, "ko")
    yuichat.update("--remove-env-vars=KUMO_ENDPOINT")


def test_it_falls_back_when_nothing_is_configured(yuichat: YuiChat) -> None:
    deploy(yuichat)
    falls_back(yuichat, "zh-Hans")


def test_a_generation_beyond_the_service_limit_is_cut_retried_and_visible(
    yuichat: YuiChat, model: RecordingWorker
) -> None:
    released = threading.Event()
    text = files.TEXTS["en"][0]
    found = {"questions": [{"question": "When was the lighthouse built?", "answer": "1871", "sentence": text}]}
    reply = json.dumps({"choices": [{"message": {"content": json.dumps(found)}}]}).encode()

    def slow_at_first(arrival: Arrival) -> Answer:
        if len(model.arrivals) == 0:
            released.wait(60)
        return Answer(200, {"Content-Type": "application/json"}, reply)

    model.answer = slow_at_first
    yuichat.configure("slow")
    yuichat.update(f"--timeout={SERVICE_LIMIT}", f"--update-env-vars=OPENAI_API_KEY=key,OPENAI_BASE_URL={model.url}/v1")
    number = yuichat.upload("en")["document_id"]
    (task,) = yuichat.tasks("slow")
    try:
        yuichat.reach(task)
        yuichat.advance(SERVICE_LIMIT + 1)
        (cut,) = yuichat.log(f"{REQUESTS} AND httpRequest.status=504")
        assert cut["severity"] == "ERROR"
        assert status(yuichat, number) == "generating"
        (waiting,) = yuichat.tasks("slow")
        assert waiting["lastAttempt"]["responseStatus"]["message"].endswith("HTTP status code 504")
    finally:
        released.set()
    model.wait_for(1)
    yuichat.advance(NEXT_ATTEMPT)
    assert questions(yuichat, number) == ["When was the lighthouse built?"]
    name = task["name"].rpartition("/")[2]
    history = yuichat.say(
        *("tasks", "history", name, "--queue=slow", f"--location={REGION}", "--format=value(number, httpStatus)")
    )
    assert history.split() == ["1", "504", "2", "200"]
