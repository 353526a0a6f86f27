"""Fixtures of the transports' tests."""

from __future__ import annotations

import pytest

from tests.api.surface import Client, Surface


@pytest.fixture
def surface() -> Surface:
    return Surface()


@pytest.fixture
def client(surface: Surface) -> Client:
    return Client(surface.application())
