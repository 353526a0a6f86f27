"""One server and one worker for all published clients; each story plays in a project of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.clients.scenario import Driver, play
from tests.clients.stories import STORIES
from tests.running import KumoProcess, RecordingWorker, running

LATER = "2035-01-01T00:00:00Z"
PROJECTS = (f"player-{number}" for number in itertools.count(1))
Play = Callable[[str, Driver], None]


@pytest.fixture(scope="package")
def kumo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    """A server whose clock stands in 2034, so that a task for 2035 is within its horizon and never due."""
    with running(tmp_path_factory.mktemp("clients"), "--clock", "manual") as process:
        status, answer = process.http("POST", "/kumo/v1/clock:advance", {"to": "2034-12-20T00:00:00Z"})
        assert status == 200, answer
        yield process


@pytest.fixture(scope="package")
def target() -> Iterator[RecordingWorker]:
    worker = RecordingWorker()
    yield worker
    worker.close()


@pytest.fixture
def play_story(kumo: KumoProcess, target: RecordingWorker) -> Play:
    """Plays the story of a name in a fresh project."""

    def go(name: str, driver: Driver) -> None:
        project = next(PROJECTS)
        place = f"projects/{project}/locations/us-central1"
        values = {"project": project, "place": place, "worker": target.url, "later": LATER}
        play(STORIES[name], driver, values, kumo.wait_idle)

    return go
