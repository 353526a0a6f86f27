"""How long this node may send by what it knows itself, without asking the store. It must never know who else there is.

A renewal that was granted is trusted from the moment it was asked for, for the lease's length less a margin, by a clock
that counts while the machine sleeps. So a node that was stopped, or cut off, begins nothing when it wakes.
"""

from __future__ import annotations

from typing import Protocol

from kumotasks.domain.clock import Enduring


class Tenure(Protocol):
    """What is asked before anything is begun."""

    def holds(self) -> bool: ...


class Always:
    """The tenure of a node that has its store to itself."""

    def holds(self) -> bool:
        return True


ALWAYS = Always()


class Lease:
    """`length` as the store grants it, in microseconds."""

    def __init__(self, clock: Enduring, length: int) -> None:
        self.length = length
        self._clock = clock
        self._margin = length // 5  # the store's clock and ours may run apart, and a send takes a moment
        self._until = 0

    def holds(self) -> bool:
        return self._clock.boot() < self._until

    def asked(self) -> int:
        """The moment, for `granted`."""
        return self._clock.boot()

    def granted(self, asked: int) -> None:
        """The renewal that was asked for at `asked` stands."""
        self._until = asked + self.length - self._margin

    def lost(self) -> None:
        self._until = 0
