"""Queues of a server under test, as an application names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kumotasks.client import Fallback, Place, Retry, TaskQueue
from tests.running import KumoProcess

LOCATION = "projects/p/locations/us-central1"
QUEUE = f"{LOCATION}/queues/mail"
QUICK = Retry(attempts=3, first=0.0, most=0.0)


def environment(server: KumoProcess, service_url: str = "http://127.0.0.1:9", **changes: str) -> dict[str, str]:
    """The variables of an application whose queue is `mail`."""
    return {
        "GCP_PROJECT_ID": "p",
        "GCP_LOCATION": "us-central1",
        "GCP_TASK_QUEUE": "mail",
        "CLOUD_RUN_SERVICE_URL": service_url,
        "KUMO_ENDPOINT": f"http://{server.address}",
        **changes,
    }


def created(server: KumoProcess, headers: dict[str, str] | None = None) -> KumoProcess:
    """The server, with the queue `mail`."""
    status, answer = server.http("POST", f"/v2/{LOCATION}/queues", {"name": QUEUE}, headers)
    assert status == 200, answer
    return server


def tasks_in(server: KumoProcess) -> list[str]:
    """The full names of all tasks."""
    status, answer = server.http("GET", f"/v2/{QUEUE}/tasks")
    assert status == 200, answer
    found = answer.get("tasks", [])
    assert isinstance(found, list)
    return [str(each["name"]) for each in found]


@dataclass
class Application:
    """Its queue, what it did without one, and the pauses it would have made."""

    variables: Mapping[str, str]
    fallback: Fallback = Fallback.RUN_NOW
    retry: Retry = QUICK
    pausing: Callable[[], None] = lambda: None
    done: list[object] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        place = Place.of(self.variables)
        self.queue = TaskQueue(place, fallback=self.fallback, retry=self.retry, pause=self._pause)

    def work(self, payload: object) -> str:
        self.done.append(payload)
        return "done here"

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.pausing()
