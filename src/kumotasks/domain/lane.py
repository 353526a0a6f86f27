"""A queue's lane: which tasks go now, and when to look again. The heart of dispatch, with no I/O and no clock.

A lane holds a bounded window of the queue's tasks, those due first; the rest stay in the store. Everything in the
store at or before `edge`, in the order (schedule time, id), is either waiting here or open. What lies behind the edge
is known only by `unloaded`, a lower bound of its first schedule time. So a task that comes in is held if it is before
the edge, and otherwise only lowers the bound; and when the bound comes near, `plan` asks for a read.

The caller makes the attempts it is told to make, and says when they end. A task is waiting or open, never both; it is
offered again only once its failure is committed.

Where others add to the queue as well, the edge moves back in front of what they say has come, and the lane reads again
from there; what it has already, it knows again. What others name is fetched by name, and comes in as if it had been
added here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from kumotasks.domain.bucket import Bucket
from kumotasks.domain.clock import MINUTE
from kumotasks.domain.elsewhere import Elsewhere
from kumotasks.domain.queue import Queue, QueueState
from kumotasks.domain.task import Task
from kumotasks.domain.value import entry, value
from kumotasks.domain.window import Place, Room, Window

WINDOW = MINUTE  # how far ahead tasks are held in memory
LEAD = WINDOW // 2  # how long before the first task behind the edge is due the lane reads on
_LAST_ID = "\x7f"  # sorts behind every task id


@value
class Plan:
    """`send` these now; look again at `wake` even if nothing happens; `load` the tasks behind the edge."""

    send: tuple[Task, ...]
    wake: int | None
    load: bool


@entry
class Open:
    """A task with attempts in flight: as the newest of them began it, or made it, and how many there are.

    `dropped`: it has ended, or was deleted meanwhile; what its attempts still bring is void. `settling`: so many
    results are on their way into the store.
    """

    task: Task
    attempts: int = 0
    dropped: bool = False
    settling: int = 0


@dataclass(slots=True, eq=False)
class Fetch:
    """Tasks that others added are being read; what comes of those in `outdated` is older than what is known."""

    outdated: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Lane:
    """See the module's head. `uncommitted` results keep the lane from sending anything new."""

    queue: Queue
    number: int
    generation: int
    bucket: Bucket
    edge: Place = (0, "")
    unloaded: int | None = None
    room: Room = field(default_factory=Room)
    uncommitted: int = 0
    slots_used: int = 0
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    _window: Window = field(init=False)
    _open: dict[int, Open] = field(default_factory=dict)
    _loading: bool = False
    _missed: dict[int, Task] = field(default_factory=dict)
    _ended: set[int] = field(default_factory=set)
    _fetches: list[Fetch] = field(default_factory=list)
    _shrunk: bool = False
    _arrived: int | None = None  # while loading: from where on others have added
    _clashed: bool = False  # a task was left in the store, for another has its serial

    def __post_init__(self) -> None:
        self._window = Window(self.room)

    def __repr__(self) -> str:
        state = "blocked" if self.uncommitted else self.queue.state.name
        return f"<{self.queue.name.queue} {state}: {len(self._window)} waiting, {len(self._open)} open>"

    # what comes in

    def offer(self, task: Task, now: int) -> None:
        """A task that is to be sent when it is due: just created, or its failure just committed."""
        serial = task.serial
        if serial in self._window.tasks or serial in self._open or serial in self.elsewhere.serials:
            self._clashed = self._clashed or self._is_another(task)
            return
        self._advance_edge(now)
        if (task.schedule_time, task.name.task) <= self.edge:
            self._window.hold(task)
            if self._window.overfull:
                self._shrink()
            return
        if self._loading:
            self._missed[task.serial] = task
            self._ended.discard(task.serial)
        self._lower_bound(task.schedule_time)

    def arrived(self, earliest: int) -> None:
        """Others have made tasks of this queue, or changed them, the first of them due at `earliest`."""
        if self._loading:
            self._arrived = earliest if self._arrived is None else min(earliest, self._arrived)
        else:
            self.edge = min(self.edge, (earliest - 1, _LAST_ID))
            if self._window.crowded:
                self._window.release_from(earliest)  # else what has come would wait behind what is due later
        self._lower_bound(earliest)

    def announced(self, places: Sequence[Place], now: int) -> list[str]:
        """Others have added tasks at these places; the ids of those to be fetched now."""
        self._advance_edge(now)
        ids = []
        for place in places:
            if place <= self.edge:
                ids.append(place[1])
            elif self._loading:
                self.arrived(place[0])
            else:
                self._lower_bound(place[0])
        return ids

    def begin_fetch(self) -> Fetch:
        fetch = Fetch()
        self._fetches.append(fetch)
        return fetch

    def end_fetch(self, fetch: Fetch, tasks: Sequence[Task], now: int) -> None:
        """What was there of the tasks that others had added."""
        if fetch not in self._fetches:
            return  # the queue was purged meanwhile
        self._fetches.remove(fetch)
        for task in tasks:
            if task.serial not in fetch.outdated:
                self.offer(task, now)

    def abandon_fetch(self, fetch: Fetch) -> None:
        """It failed: what others have added is somewhere among all that waits."""
        if fetch in self._fetches:
            self._fetches.remove(fetch)
            self.arrived(0)

    def closed_elsewhere(self, attempt: str) -> bool:
        """An attempt on another node is over, its task as the store has it now; False if it was not known."""
        serial = self.elsewhere.close(attempt)
        if serial is None:
            return False
        self._outdate(serial)
        self.arrived(0)
        return True

    def reread(self) -> None:
        """What waits here may not be what waits in the store: hold nothing, and read all of it again."""
        self._window.clear()
        self._shrunk = self._loading
        self.edge, self.unloaded = (0, ""), 0

    def forget(self, serial: int) -> None:
        """The task was deleted. An attempt in flight is not recalled, but its result is dropped."""
        self._window.release(serial)
        opened = self._open.get(serial)
        if opened is not None:
            opened.dropped = True
        self._outdate(serial)

    def reset(self, queue: Queue, generation: int) -> None:
        """The queue was purged: everything known is void; what is created from now on belongs to `generation`."""
        self.queue, self.generation = queue, generation
        self._window.clear()
        self._fetches.clear()
        self.unloaded, self.edge = None, (0, "")
        for opened in self._open.values():
            opened.dropped = True
        self.abandon_load()

    # reading on

    def begin_load(self) -> None:
        self._loading = True

    def end_load(self, tasks: list[Task], *, edge: Place, unloaded: int | None, now: int) -> None:
        """What a read behind the old edge found: everything up to the new `edge`; `unloaded` is what lies behind it.

        The read is older than what came in or ended meanwhile, so that wins.
        """
        ended, missed, shrunk, arrived = self._ended, self._missed, self._shrunk, self._arrived
        self._arrived = None
        self.abandon_load()
        if shrunk:
            if arrived is not None:
                self.arrived(arrived)
            return  # the edge moved back behind the reader; the bound stands, so it will be tried again
        self.edge = max(self.edge, edge)
        self.unloaded = unloaded
        for task in tasks:
            if task.serial not in missed and task.serial not in ended:
                self.offer(task, now)
        for task in missed.values():
            if task.serial not in ended:
                self.offer(task, now)
        if arrived is not None:
            self.arrived(arrived)

    def abandon_load(self) -> None:
        """The read failed, or is void; the bound stands, so it will be tried again."""
        self._loading, self._shrunk, self._ended, self._missed = False, False, set(), {}
        if self._arrived is not None:
            earliest, self._arrived = self._arrived, None
            self.arrived(earliest)

    def _outdate(self, serial: int) -> None:
        """What is being read of a task may be older than what is known."""
        if self._loading:
            self._ended.add(serial)
        for fetch in self._fetches:
            fetch.outdated.add(serial)

    # attempts

    def opened(self, task: Task, *, in_slot: bool) -> Open:
        """An attempt begins on `task`, as it is while the attempt is open."""
        self._window.release(task.serial)
        opened = self._open.get(task.serial)
        if opened is None:
            opened = self._open[task.serial] = Open(task)
        opened.task = task
        opened.attempts += 1
        self.slots_used += in_slot
        return opened

    def closed(self, opened: Open, *, again: bool, now: int) -> None:
        """An attempt's result is committed, or void; `again`: the task is to be sent once more, as it is now.

        While another attempt is open on it, that one decides.
        """
        opened.attempts -= 1
        opened.dropped = opened.dropped or not again
        if opened.attempts:
            return
        task = opened.task
        del self._open[task.serial]
        self._outdate(task.serial)
        if self._clashed:
            self._clashed = False
            self.arrived(0)
        if not opened.dropped:
            self.offer(task, now)

    def slot_freed(self) -> None:
        """The worker answered, or was given up; what it made of the task may not be committed yet."""
        self.slots_used -= 1

    def find_open(self, serial: int) -> Open | None:
        return self._open.get(serial)

    # deciding

    def plan(self, now: int, quota: int) -> Plan:
        """Which tasks go at `now`, at most `quota`; takes their tokens and removes them from the window."""
        if self.queue.state is not QueueState.RUNNING or self.uncommitted:
            return Plan((), None, load=False)
        self._advance_edge(now)
        if self.bucket.at > now:  # the wall clock was set back: tokens accrue from here on
            self.bucket = self.bucket.seen(now)
        send: tuple[Task, ...] = ()
        free = self.queue.rate_limits.max_concurrent_dispatches - self.slots_used - len(self.elsewhere)
        if self._window.tasks and (allowed := min(free, quota, self.bucket.whole_tokens(now))) > 0:
            send = self._window.pop_due(now, allowed)
            if send:
                self.bucket = self.bucket.take(now, len(send))
        load = self._wants_load(now)
        return Plan(send, self._next_wake(now, free - len(send), load=load), load)

    def idle(self, now: int) -> bool:
        """Nothing is open, and nothing is due that could go."""
        if self._open or self._loading or self.elsewhere:
            return False
        if self.queue.state is not QueueState.RUNNING:
            return True
        head = self._window.first_due()
        return (head is None or head > now) and (self.unloaded is None or self.unloaded > now)

    @property
    def loading(self) -> bool:
        return self._loading

    @property
    def waiting(self) -> int:
        return len(self._window)

    @property
    def open_count(self) -> int:
        return len(self._open)

    def _next_wake(self, now: int, free_slots: int, *, load: bool) -> int | None:
        """The earliest instant at which something changes by itself; with no free slot, an attempt's end will wake."""
        wake = self._window.first_due() if free_slots > 0 else None
        if wake is not None:
            wake = max(wake, self.bucket.next_token(now))
        if self.unloaded is not None and not (load or self._loading or self._window.crowded):
            reading = max(now, self.unloaded - LEAD)
            wake = reading if wake is None else min(wake, reading)
        return wake

    def _wants_load(self, now: int) -> bool:
        if self.unloaded is None or self.unloaded - LEAD > now:
            return False
        return not self._loading and not self._window.crowded

    # the window

    def _lower_bound(self, schedule_time: int) -> None:
        self.unloaded = schedule_time if self.unloaded is None else min(self.unloaded, schedule_time)

    def _advance_edge(self, now: int) -> None:
        """Nothing lies between the edge and the bound: the edge may follow the clock, but stays before the bound."""
        if self._loading:
            return
        ahead = now + WINDOW
        if self.unloaded is not None and self.unloaded <= ahead:
            ahead = self.unloaded - 1
        if ahead > self.edge[0]:
            self.edge = (ahead, _LAST_ID)

    def _is_another(self, task: Task) -> bool:
        """Two nodes may give two tasks one serial: the later one waits in the store until the earlier one is over."""
        opened = self._open.get(task.serial)
        known = self._window.tasks.get(task.serial) if opened is None else opened.task
        return known is not None and known.name.task != task.name.task

    def _shrink(self) -> None:
        """Give the tasks due last back to the store; the edge moves in front of them."""
        self._shrunk = self._loading
        last, first_behind = self._window.cut()
        self.edge = min(self.edge, last)
        self._lower_bound(first_behind)
