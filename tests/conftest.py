"""Fixtures that any test may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.running import KumoProcess, RecordingWorker, running

# How long an example takes says nothing on a busy machine.
settings.register_profile("kumo", deadline=None)
settings.load_profile("kumo")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes that are made (packed, encrypted) differ from process to process, and are no name for a test."""
    told = not isinstance(val, bytes) or (len(val) <= 60 and val.decode("latin-1").isprintable())
    return None if told else argname


@pytest.fixture
def worker() -> Iterator[RecordingWorker]:
    worker = RecordingWorker()
    yield worker
    worker.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[KumoProcess]:
    """A server on the system's clock."""
    with running(tmp_path) as process:
        yield process


@pytest.fixture
def timeless(tmp_path: Path) -> Iterator[KumoProcess]:
    """A server whose clock stands still until `advance`."""
    with running(tmp_path, "--clock", "manual") as process:
        yield process
