"""How many instances of a revision run, and which of them gets the next request. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from kumotasks.domain.clock import MINUTE, SECOND
from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.service import Service

DEFAULT_IDLE = 15 * MINUTE  # Cloud Run keeps an idle instance about so long
LONGEST_WAIT = 10 * SECOND  # of a request for an instance, while none is on its way
_FIRST_PAUSE, _LONGEST_PAUSE = SECOND, MINUTE  # between starts that fail
_WHOLE = 100


class Seat(Protocol):
    """An instance, as far as it matters here. `idle_since` counts only while nothing is open."""

    @property
    def id(self) -> str: ...
    @property
    def ready(self) -> bool: ...
    @property
    def open(self) -> int: ...
    @property
    def idle_since(self) -> int: ...


AnySeat = TypeVar("AnySeat", bound=Seat)


@dataclass(frozen=True, slots=True)
class Bounds:
    """`concurrency` requests at once in an instance, and from `least` to `most` instances."""

    concurrency: int
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Plan:
    """So many to start, these to stop, and when to plan again if nothing happens before."""

    start: int = 0
    stop: tuple[str, ...] = ()
    look_again: int | None = None


def bounds(service: Service, revision: Revision, percent: int) -> Bounds:
    """Of a revision that gets `percent` of the traffic, 0 for one that only its tag reaches.

    A service's own limits are shared out by traffic; without traffic nothing is kept running.
    """
    template = revision.template
    least = max(template.min_instances, _share(service.min_instances, percent)) if percent else 0
    most = template.max_instances
    if service.max_instances:
        most = min(most, max(1, _share(service.max_instances, percent)))
    return Bounds(template.concurrency, min(least, most), most)


def place(seats: Iterable[AnySeat], concurrency: int) -> AnySeat | None:
    """The least busy instance that has room."""
    found, least = None, concurrency
    for seat in seats:
        if seat.open < least and seat.ready:
            found, least = seat, seat.open
            if not least:
                break
    return found


def plan(seats: Sequence[Seat], waiting: int, limits: Bounds, *, idle: int, now: int) -> Plan:
    """`waiting` requests have no place yet; an instance is stopped when it was idle for `idle`, or is one too many."""
    starting = sum(not seat.ready for seat in seats)
    unplaced = max(0, waiting - starting * limits.concurrency)
    wanted = max(-(-unplaced // limits.concurrency), limits.least - len(seats))
    start = max(0, min(wanted, limits.most - len(seats)))
    spare = len(seats) - limits.least if not waiting else 0
    excess = len(seats) - limits.most
    resting = sorted((seat for seat in seats if seat.ready and not seat.open), key=lambda seat: seat.idle_since)
    candidates = resting[: max(0, spare, excess)]
    stop = [
        seat.id
        for place, seat in enumerate(candidates)
        if place < excess or (spare > 0 and seat.idle_since + idle <= now)
    ]
    later = [seat.idle_since + idle for seat in candidates if seat.id not in stop]
    return Plan(start, tuple(stop), min(later, default=None))


def pause(failures: int) -> int:
    """Before the next start, behind so many in a row that failed."""
    return min(_FIRST_PAUSE << min(failures - 1, 10), _LONGEST_PAUSE) if failures else 0


def _share(count: int, percent: int) -> int:
    return -(-count * percent // _WHOLE)
