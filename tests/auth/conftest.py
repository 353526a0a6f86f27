"""Identity over a real store; the installation's keys are made once, for making them is slow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.auth import proving
from tests.auth.proving import House


@pytest.fixture(scope="session")
def key_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def house(tmp_path: Path, key_directory: Path) -> AsyncIterator[House]:
    async with proving.house(tmp_path, key_directory) as house:
        yield house
