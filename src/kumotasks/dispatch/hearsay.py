"""What other nodes have done to queues that are at home here: rumours, each turned into what is to be looked at.

Of queues that are not at home here nothing is kept, save while queues are being taken: what is heard then may be of
one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import assert_never

from kumotasks.dispatch.guests import Guests
from kumotasks.dispatch.home import Berth, Homes
from kumotasks.dispatch.newcomers import Newcomers
from kumotasks.dispatch.runs import Runs
from kumotasks.dispatch.scheduler import House
from kumotasks.storage.rumour import (
    AttemptClosed,
    HomesFreed,
    Rumour,
    RunsArrived,
    TaskRemoved,
    TasksAdded,
    TasksArrived,
    TasksBrought,
    Unheard,
)
from kumotasks.storage.store import (
    Home,
    QueueChanged,
    QueueDeleted,
    QueuePurged,
    RunRequested,
    TaskAdded,
    TaskDeleted,
    Wake,
)

Heard = list[Wake | Rumour]
OfQueue = TasksAdded | TasksBrought | TasksArrived | TaskRemoved | RunsArrived | AttemptClosed


class Hearsay:
    """`stir` is called where queues may be had."""

    def __init__(
        self, homes: Homes, newcomers: Newcomers, guests: Guests, runs: Runs, stir: Callable[[], None]
    ) -> None:
        self._homes = homes
        self._newcomers = newcomers
        self._guests = guests
        self._runs = runs
        self._stir = stir
        self._house: House | None = None
        self._kept: Heard | None = None

    def begin(self, house: House) -> None:
        self._house = house

    def hear(self, rumours: Sequence[Rumour]) -> None:
        for rumour in rumours:
            self._hear(rumour)

    def meet(self, wake: Wake, _now: int) -> Berth | None:
        """A wake of a queue that is not at home here; if it is new, somebody should take it."""
        if self._kept is not None:
            self._kept.append(wake)
        if isinstance(wake, QueueChanged):
            self._stir()
        return None

    def come_late(self, berth: Berth, wake: TaskAdded) -> None:
        """Added here before its queue was at home here: it may have been read since, and be over."""
        self._hear_of_queue(berth, _looked_up(wake))

    def keep(self) -> None:
        """Queues are being taken."""
        self._kept = []

    def kept(self) -> Heard:
        """What was heard of strangers since."""
        kept, self._kept = self._kept or [], None
        return kept

    def hear_of(self, heard: Heard, homes: Sequence[Home]) -> None:
        """Some of the strangers are at home here now. Their tasks are read, for what was heard of them may be old."""
        taken = {home.stored.number for home in homes}
        for each in heard:
            if _number(each) in taken:
                self._hear_late(each)

    def _hear_late(self, heard: Wake | Rumour) -> None:
        match heard:
            case TaskAdded():
                self._hear(_looked_up(heard))
            case QueueChanged(stored) | QueuePurged(stored):
                self._homes.apply(heard, self._homes.berths[stored.number].lane.bucket.at)
            case QueueDeleted():
                self._homes.apply(heard, 0)
            case TasksBrought():
                self._hear(heard.named())
            case TaskDeleted() | RunRequested():
                pass  # what waits is yet to be read, and so are requests
            case _:
                self._hear(heard)

    def _hear(self, rumour: Rumour) -> None:
        match rumour:
            case HomesFreed():
                self._stir()
            case Unheard():
                self._read_all()
            case _:
                berth = self._find(rumour.number, rumour)
                if berth is not None:
                    self._hear_of_queue(berth, rumour)

    def _hear_of_queue(self, berth: Berth, rumour: OfQueue) -> None:
        match rumour:
            case TasksAdded(_, places):
                self._newcomers.announced(berth, places)
                self._ready(berth)
            case TasksBrought():
                self._newcomers.brought(berth, rumour)
                self._ready(berth)
            case TasksArrived(_, earliest):
                berth.lane.arrived(earliest)
                self._ready(berth)
            case TaskRemoved(_, serial):
                berth.lane.forget(serial)
                self._ready(berth)
            case RunsArrived():
                self._runs.read_soon()
            case AttemptClosed(number, attempt):
                if self._guests.closed(number, attempt):
                    self._runs.read_soon()
            case _:
                assert_never(rumour)

    def _find(self, number: int, rumour: Rumour) -> Berth | None:
        berth = self._homes.berths.get(number)
        if berth is None and self._kept is not None:
            self._kept.append(rumour)
        return berth

    def _ready(self, berth: Berth) -> None:
        if self._house is not None:
            self._house.ready((berth,))

    def _read_all(self) -> None:
        if self._house is not None:
            self._house.reload([*self._homes.berths.values()])
            self._runs.read_soon()
            self._stir()


def _looked_up(added: TaskAdded) -> TasksAdded:
    return TasksAdded(added.number, ((added.task.schedule_time, added.task.name.task),))


def _number(heard: Wake | Rumour) -> int | None:
    match heard:
        case QueueChanged(stored) | QueuePurged(stored):
            return stored.number
        case HomesFreed() | Unheard():
            return None
        case _:
            return heard.number
