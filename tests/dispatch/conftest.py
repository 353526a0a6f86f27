"""What touches sockets is tested on both event loops that a server may run on: asyncio's own and uvloop's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

Loops = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]

ONE: Loops = {"asyncio": asyncio.new_event_loop}
BOTH: Loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Loops:
    return BOTH if item.path.name.startswith("test_sender") else ONE
