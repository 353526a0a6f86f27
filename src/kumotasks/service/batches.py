"""Batches of creations and deletions, and the operations that remember their results.

A batch is carried out before its operation is answered, so every operation is done when it is seen. With a request id a
repeated call gets the first one's operation, and nothing is done twice. What an operation looks like on the wire is the
caller's to render; here it is bytes.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from kumotasks.domain.clock import DAY, Clock
from kumotasks.domain.errors import EntityNotFound, InvalidArgument, KumoError
from kumotasks.domain.names import QueueName, parse_operation, parse_queue
from kumotasks.domain.task import NewTask, Task
from kumotasks.service.tasks import Tasks
from kumotasks.storage.records import Record, Records
from kumotasks.storage.retention import Retention

KIND = "operation"
MAX_CREATES = 100  # Cloud Tasks: requests in one BatchCreateTasks
MAX_DELETES = 1_000
KEPT = 7 * DAY
_SWEEP_EVERY = 1_000
_REQUEST_ID = 200


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of a batch: times in µs, the tasks that were created, refusals by the index of their request."""

    name: str
    start_time: int
    end_time: int
    tasks: tuple[Task, ...] = ()
    failures: Mapping[int, KumoError] = field(default_factory=dict)
    size: int = 0

    @property
    def all_failed(self) -> bool:
        return self.size > 0 and len(self.failures) == self.size


Render = Callable[[Batch], bytes]
CarryOut = Callable[[str], Awaitable[bytes]]
Operation = tuple[str, bytes]  # what was done, and how it looks to whoever asks for it
_SEPARATOR = b"\n"


class Batches:
    """BatchCreateTasks, BatchDeleteTasks, GetOperation."""

    def __init__(self, *, tasks: Tasks, records: Records, clock: Clock) -> None:
        self._tasks = tasks
        self._records = records
        self._clock = clock
        self._under_way: dict[str, asyncio.Future[Operation]] = {}
        self._retention = Retention(records, clock, KIND, kept=KEPT, every=_SWEEP_EVERY)

    async def create(
        self, parent: str, requests: Sequence[tuple[str, NewTask]], *, request_id: str, render: Render
    ) -> bytes:
        """Create up to 100 tasks of one queue; each request comes with its own parent, which must be `parent` or ""."""
        queue = parse_queue(parent)
        _check_count(len(requests), MAX_CREATES, "requests")
        for own_parent, _ in requests:
            if own_parent and own_parent != parent:
                raise InvalidArgument(f"The parent '{own_parent}' of a request must be '{parent}', that of the batch.")

        async def carry_out(name: str) -> bytes:
            start = self._clock.now()
            outcomes = await self._tasks.create_all(parent, [new for _, new in requests])
            return render(self._batch(name, start, outcomes))

        return await self._once(queue, request_id, f"create tasks in {queue}", carry_out)

    async def delete(self, parent: str, names: Sequence[str], *, request_id: str, render: Render) -> bytes:
        """Delete up to 1000 tasks of one queue."""
        queue = parse_queue(parent)
        _check_count(len(names), MAX_DELETES, "names")
        for task in names:
            if not task.startswith(parent + "/tasks/"):
                raise InvalidArgument(f"The task '{task}' is not in the queue '{parent}'.")

        async def carry_out(name: str) -> bytes:
            start = self._clock.now()
            outcomes = await asyncio.gather(*(self._deleted_or_refused(task) for task in names))
            return render(self._batch(name, start, outcomes))

        return await self._once(queue, request_id, f"delete tasks in {queue}", carry_out)

    async def get_operation(self, name: str) -> bytes:
        parse_operation(name)
        record = await self._records.get_record(KIND, name)
        if record is None or record.updated + KEPT < self._clock.now():
            raise EntityNotFound
        return _unpack(record)[1]

    async def _once(self, queue: QueueName, request_id: str, what: str, carry_out: CarryOut) -> bytes:
        """Carry `what` out, unless a call with this id did, or is about to. It goes on if its caller goes away."""
        if len(request_id) > _REQUEST_ID or "/" in request_id:
            raise InvalidArgument("The request_id is not valid; use a UUID.")
        name = f"{queue.parent}/operations/{request_id or uuid.uuid4()}"
        if name not in self._under_way:
            under_way = asyncio.ensure_future(self._first(name, what, carry_out, new=not request_id))
            self._under_way[name] = under_way
            under_way.add_done_callback(partial(self._over, name))
        done, value = await asyncio.shield(self._under_way[name])
        if done != what:
            raise InvalidArgument(f"The request_id '{request_id}' was used for another request.")
        return value

    def _over(self, name: str, under_way: asyncio.Future[Operation]) -> None:
        del self._under_way[name]
        under_way.cancelled() or under_way.exception()  # whoever waited has it; nobody waiting is fine too

    async def _first(self, name: str, what: str, carry_out: CarryOut, *, new: bool) -> Operation:
        """Carry the batch out, unless an earlier call did, and remember its operation. `new`: the name is our own."""
        earlier = None if new else await self._records.get_record(KIND, name)
        if earlier is not None and earlier.updated + KEPT >= self._clock.now():
            return _unpack(earlier)
        value = await carry_out(name)
        packed = what.encode() + _SEPARATOR + value
        await self._records.put_record(KIND, name, packed, now=self._clock.now(), if_etag=None)
        await self._retention.added()
        return what, value

    async def _deleted_or_refused(self, name: str) -> Task | KumoError:
        try:
            return await self._tasks.delete(name)
        except KumoError as refusal:
            return refusal

    def _batch(self, name: str, start: int, outcomes: Sequence[Task | KumoError]) -> Batch:
        failures = {index: outcome for index, outcome in enumerate(outcomes) if isinstance(outcome, KumoError)}
        tasks = tuple(outcome for outcome in outcomes if isinstance(outcome, Task))
        return Batch(name, start, self._clock.now(), tasks, failures, len(outcomes))


def _unpack(record: Record) -> Operation:
    what, _, value = record.value.partition(_SEPARATOR)
    return what.decode(), value


def _check_count(count: int, most: int, what: str) -> None:
    if not 1 <= count <= most:
        raise InvalidArgument(f"The number of {what} must be between 1 and {most}.")
