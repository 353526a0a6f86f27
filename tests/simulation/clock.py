"""A node's own clock over the world's: while the node is frozen nothing rings, and when it thaws everything does."""

from __future__ import annotations

from collections.abc import Callable

from kumotasks.domain.clock import ManualClock, Timer


class NodeClock:
    def __init__(self, world: ManualClock) -> None:
        self._world = world
        self._late: list[Callable[[], None]] = []
        self.frozen = False

    def now(self) -> int:
        return self._world.now()

    def boot(self) -> int:
        return self._world.now()

    def call_at(self, instant: int, callback: Callable[[], None]) -> Timer:
        timer = _NodeTimer(self, callback)
        timer.of = self._world.call_at(instant, timer.ring)
        return timer

    def later(self, callback: Callable[[], None]) -> None:
        self._late.append(callback)

    def thaw(self) -> None:
        self.frozen = False
        late, self._late = self._late, []
        for callback in late:
            callback()


class _NodeTimer:
    of: Timer

    def __init__(self, clock: NodeClock, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self._callback = None
        self.of.cancel()

    def ring(self) -> None:
        if self._clock.frozen:
            self._clock.later(self.ring)
        elif self._callback is not None:
            self._callback()
