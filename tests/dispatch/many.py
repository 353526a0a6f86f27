"""Several nodes that share a database, moved by hand: the simulation's world without its chance."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from kumotasks.domain.clock import MILLISECOND, SECOND
from kumotasks.domain.queue import RateLimits
from tests.simulation.world import Node, Seen, World

T = TypeVar("T")


class Nodes(World):
    """`takes` is how long the worker needs, `status` what he answers."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.takes, self.status = 0, 200
        self.database.delay = lambda: MILLISECOND
        self.sent: list[Seen] = []

    def answer(self) -> tuple[int, int]:
        return self.takes, self.status

    def see(self, node: Node, queue: str, task: str) -> Seen:
        seen = super().see(node, queue, task)
        self.sent.append(seen)
        return seen

    async def join(self) -> Node:  # type: ignore[override]
        super().join()
        await self.pass_time(SECOND // 2)
        return self.nodes[-1]

    async def create_queues(self, count: int, *, rate: float = 500.0, burst: int = 100, slots: int = 1_000) -> None:
        for _ in range(count):
            self.create_queue(self.nodes[0], RateLimits(rate, burst, slots))
        await self.pass_time(SECOND)

    async def do(self, doing: Coroutine[None, None, T]) -> T:
        answer = asyncio.ensure_future(doing)
        await self.pass_time(SECOND // 10)
        return await answer

    def homes(self) -> list[int]:
        """How many queues each home has, the most first."""
        homes = [row.home for row in self.database.queues.values() if row.home and self.database.alive(row.home)]
        return sorted((homes.count(home) for home in set(homes)), reverse=True)

    def epochs(self) -> list[int]:
        return [row.epoch for row in self.database.queues.values()]

    def left(self) -> list[str]:
        return [name for row in self.database.queues.values() for name in row.tasks]
