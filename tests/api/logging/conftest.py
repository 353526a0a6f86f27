"""The surface over a real journal, called in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kumotasks.api.asgi import Application
from kumotasks.api.guard import guard_of
from kumotasks.api.logging.calls import LoggingCalls
from kumotasks.api.logging.routes import routes
from kumotasks.auth.projects import Projects
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.principal import Need, Principal
from kumotasks.storage.sqlite import SqliteStore
from tests.api.surface import Client
from tests.factory import NOW
from tests.service.logkeeping import Kept

SERVICE = "google.logging.v2.LoggingServiceV2"


class Caller(Client):
    """Calls the surface; `needed` is what the gate was asked for."""

    def __init__(self, kept: Kept) -> None:
        self.kept = kept
        self.needed: list[Need] = []
        calls = LoggingCalls(kept.logging, kept.writing, kept.tails)
        super().__init__(
            Application(routes=routes(calls), pages=[], guard=guard_of(), through=self._through, identity=None)
        )

    async def _through(
        self, method: str, principal: Principal, needs: Sequence[Need], call: Callable[[], Awaitable[Any]], /
    ) -> Any:
        self.needed += needs
        return await call()

    async def write(self, *entries: dict[str, Any], **parts: Any) -> Any:
        """entries:write to projects/p/logs/l as of `global`; the answer's status and JSON."""
        payload = {"logName": "projects/p/logs/l", "resource": {"type": "global"}, "entries": entries, **parts}
        answer = await self.post("/v2/entries:write", payload)
        return answer.status, answer.json()

    async def list(self, **parts: Any) -> Any:
        answer = await self.post("/v2/entries:list", {"resourceNames": ["projects/p"], **parts})
        assert answer.status == 200, answer.body
        return answer.json()


@pytest.fixture
async def caller(tmp_path: Path) -> AsyncIterator[Caller]:
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    clock = ManualClock(NOW)
    async with Kept(tmp_path, clock, Projects(store.records, clock)) as kept:
        yield Caller(kept)
    await store.stop()
