"""What the chaos tests ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.nodes.chronicle import Chronicle
from tests.nodes.recipient import Recipient


@pytest.fixture
def chronicle() -> Chronicle:
    return Chronicle()


@pytest.fixture
def recipient(chronicle: Chronicle) -> Iterator[Recipient]:
    with Recipient(chronicle) as recipient:
        yield recipient
