"""What a queue that was taken brings along: attempts that its former home carries on, and tasks that came meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from kumotasks.dispatch.home import Homes
from kumotasks.dispatch.scheduler import House
from kumotasks.domain.errors import KumoError
from kumotasks.storage.store import Home, Store


class Guests:
    """Looks after them until they are over, or known."""

    def __init__(self, store: Store, homes: Homes) -> None:
        self._store = store
        self._homes = homes
        self._house: House | None = None

    def begin(self, house: House) -> None:
        self._house = house

    def closed(self, number: int, attempt: str) -> bool:
        """An attempt is over: its slot is free, its task as the store has it; False if it was not known."""
        berth = self._homes.berths.get(number)
        if berth is None or self._house is None or not berth.lane.closed_elsewhere(attempt):
            return False
        self._house.ready((berth,))
        return True

    async def look(self) -> None:
        """Close the attempts that the store has no more: they were settled, or their node is no more."""
        waiting = [
            (number, attempt)
            for number, berth in self._homes.berths.items()
            for attempt in berth.lane.elsewhere.attempts
        ]
        if waiting:
            open_still = await self._store.open_attempts(sorted({number for number, _ in waiting}))
            there = {(attempt.number, attempt.attempt) for attempt in open_still}
            for number, attempt in waiting:
                if (number, attempt) not in there:
                    self.closed(number, attempt)

    def confirm_soon(self, homes: Sequence[Home]) -> None:
        """Who added a task while the queue was taken may have told nobody."""
        if self._house is not None:
            self._house.read(self._confirm(homes))

    async def _confirm(self, homes: Sequence[Home]) -> None:
        for home in homes:
            berth = self._homes.berths.get(home.stored.number)
            if berth is None or berth.epoch != home.epoch or self._house is None:
                continue
            try:
                first = await self._store.next_due(home.stored, after=None)
            except KumoError:
                return  # a connection was lost: Unheard follows
            if first is not None and (home.next_due is None or first < home.next_due):
                berth.lane.arrived(first)
                self._house.ready((berth,))
