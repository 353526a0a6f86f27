"""Services over a real store, under a clock that stands until it is moved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.workers import standing
from tests.workers.standing import Standing


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Standing]:
    async with standing.standing(tmp_path) as ground:
        yield ground
