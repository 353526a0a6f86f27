"""The application in this process, with a database of its own and no queue unless a test brings one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.yuichat.storage import Storage
from tests.postgres import postgres


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty one, on each engine."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'yuichat.db'}"
        return
    server = postgres()
    name = server.new_database("template0")
    yield server.url(name)
    server.remove(name)


@pytest.fixture
def storage(database: str) -> Iterator[Storage]:
    storage = Storage(database)
    storage.prepare()
    yield storage
    storage.close()
