"""Cloud Tasks as a few dicts: what the rules say must be there, be sent and be refused. Instants are microseconds.

It shares no code with the server. It knows no limits of rate and no retention: whoever drives it stays below them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SECOND = 1_000_000
NAME_REST = 3_600 * SECOND
QUEUE_REST = 3 * 86_400 * SECOND
UNLIMITED = -1


@dataclass(slots=True)
class Retries:
    attempts: int = 100
    least: int = SECOND // 10
    most: int = 3_600 * SECOND
    doublings: int = 16

    def wait(self, failures: int) -> int:
        """The reference's formula: doubling, then by the last step, never beyond the most."""
        if failures - 1 <= self.doublings:
            return min(self.least * 2 ** (failures - 1), self.most)
        return min(self.least * 2**self.doublings * (failures - self.doublings), self.most)


@dataclass(slots=True)
class Task:
    """`failures` attempts fail before one succeeds; `attempts` is the task's own limit."""

    due: int
    failures: int
    named: bool
    attempts: int | None = None
    sent: int = 0


@dataclass(slots=True)
class Queue:
    running: bool = True
    retries: Retries = field(default_factory=Retries)
    tasks: dict[str, Task] = field(default_factory=dict)
    resting: dict[str, int] = field(default_factory=dict)  # name of an ended task: until when it is taken


@dataclass(frozen=True, slots=True, order=True)
class Delivery:
    """One attempt: which task, how many came before, for when it was due (µs)."""

    queue: str
    task: str
    retry: int
    due: int


class Model:
    """Each method answers the status that the server must answer."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.queues: dict[str, Queue] = {}
        self.resting: dict[str, int] = {}
        self.deliveries: list[Delivery] = []

    def create_queue(self, name: str, retries: Retries) -> str:
        if name in self.queues:
            return "ALREADY_EXISTS"
        if self.resting.get(name, 0) > self.now:
            return "FAILED_PRECONDITION"
        self.queues[name] = Queue(retries=retries)
        return "OK"

    def update_queue(self, name: str, retries: Retries) -> str:
        if name not in self.queues:
            return self.create_queue(name, retries)
        self.queues[name].retries = retries
        return "OK"

    def delete_queue(self, name: str) -> str:
        if name not in self.queues:
            return "NOT_FOUND"
        del self.queues[name]
        self.resting[name] = self.now + QUEUE_REST
        return "OK"

    def purge_queue(self, name: str) -> str:
        if name not in self.queues:
            return "NOT_FOUND"
        for task in list(self.queues[name].tasks):
            self._end(name, task, self.now)
        return "OK"

    def set_running(self, name: str, *, running: bool) -> str:
        if name not in self.queues:
            return "NOT_FOUND"
        self.queues[name].running = running
        self._send_due()
        return "OK"

    def can_create_task(self, queue: str, name: str) -> str:
        if queue not in self.queues:
            return "NOT_FOUND"
        known = self.queues[queue]
        if name in known.tasks or known.resting.get(name, 0) > self.now:
            return "ALREADY_EXISTS"
        return "OK"

    def create_task(self, queue: str, name: str, task: Task) -> None:
        self.queues[queue].tasks[name] = task
        self._send_due()

    def get_task(self, queue: str, name: str) -> str:
        return "OK" if queue in self.queues and name in self.queues[queue].tasks else "NOT_FOUND"

    def delete_task(self, queue: str, name: str) -> str:
        if self.get_task(queue, name) != "OK":
            return "NOT_FOUND"
        self._end(queue, name, self.now)
        return "OK"

    def run_task(self, queue: str, name: str) -> str:
        if self.get_task(queue, name) != "OK":
            return "NOT_FOUND"
        self._send(queue, name, self.now)
        self._send_due()
        return "OK"

    def advance(self, microseconds: int) -> None:
        """Send everything that becomes due on the way, in its order."""
        end = self.now + microseconds
        while (instant := self._next_due()) is not None and instant <= end:
            self.now = max(self.now, instant)
            self._send_due()
        self.now = end

    def gone(self, queue: str, name: str) -> bool:
        """Whether the server must still know that there was such a task."""
        return queue in self.queues and self.queues[queue].resting.get(name, 0) > self.now

    def _next_due(self) -> int | None:
        running = (queue for queue in self.queues.values() if queue.running)
        return min((task.due for queue in running for task in queue.tasks.values()), default=None)

    def _send_due(self) -> None:
        for name, queue in self.queues.items():
            for task in [each for each, found in queue.tasks.items() if queue.running and found.due <= self.now]:
                self._send(name, task, self.now)

    def _send(self, queue_name: str, name: str, now: int) -> None:
        """Make an attempt at once, and settle it: the clock stands still meanwhile."""
        queue = self.queues[queue_name]
        task = queue.tasks[name]
        self.deliveries.append(Delivery(queue_name, name, task.sent, task.due))
        task.sent += 1
        limit = queue.retries.attempts if task.attempts is None else task.attempts
        if task.sent > task.failures or (limit != UNLIMITED and task.sent >= limit):
            self._end(queue_name, name, now)
        else:
            task.due = now + queue.retries.wait(task.sent)

    def _end(self, queue_name: str, name: str, now: int) -> None:
        queue = self.queues[queue_name]
        if queue.tasks.pop(name).named:
            queue.resting[name] = now + NAME_REST
