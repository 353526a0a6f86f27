"""One server for all these tests, its clock at a standstill; a fresh queue and worker for each."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.calls import RawGrpc
from tests.end_to_end.stage import Held, Stage
from tests.running import KumoProcess, RecordingWorker, running


@pytest.fixture(scope="package")
def kumo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("stage"), "--clock", "manual") as process:
        yield process


@pytest.fixture(scope="package")
def client(kumo: KumoProcess) -> Iterator[RawGrpc]:
    client = RawGrpc(kumo.address)
    yield client
    client.close()


@pytest.fixture
def stage(
    kumo: KumoProcess, client: RawGrpc, worker: RecordingWorker, request: pytest.FixtureRequest
) -> Iterator[Stage]:
    """A queue named after the test; it is deleted afterwards, so that nothing of it is left to be sent."""
    stage = Stage(kumo, client, worker, re.sub(r"[^A-Za-z0-9]+", "-", request.node.name)[-100:].strip("-"))
    yield stage
    stage.ask("DeleteQueue", name=stage.queue)


@pytest.fixture
def held(worker: RecordingWorker) -> Iterator[Held]:
    """A worker that keeps its requests waiting; let go at the end at the latest."""
    held = Held(worker)
    yield held
    held.release()
