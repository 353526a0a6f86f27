"""Batches: what can be done is done, what cannot is said by its index, and nothing is done twice under one id."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from kumotasks.domain.clock import DAY, HOUR, ManualClock
from kumotasks.domain.errors import (
    EntityNotFound,
    InvalidArgument,
    KumoError,
    QueueNotFound,
    StorageFull,
    TaskExists,
    TaskGone,
)
from kumotasks.domain.task import NewTask, Task
from kumotasks.service.batches import KIND, Batch, Batches
from kumotasks.service.tasks import Tasks
from kumotasks.storage.sqlstore import SqlStore
from tests.factory import NOW, PARENT, a_queue, a_request

QUEUE = f"{PARENT}/queues/q"
OTHER = f"{PARENT}/queues/other"


class Printer:
    """Renders batches and keeps them."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []

    def __call__(self, batch: Batch) -> bytes:
        self.batches.append(batch)
        return f"operation {len(self.batches)}\nof {batch.name}".encode()

    @property
    def last(self) -> Batch:
        return self.batches[-1]


@pytest.fixture
def printer() -> Printer:
    return Printer()


@pytest.fixture(autouse=True)
async def queues_are_there(store: SqlStore) -> None:
    await store.create_queue(a_queue(), NOW)
    await store.create_queue(a_queue("other"), NOW)


def requests(*names: str, queue: str = QUEUE) -> list[tuple[str, NewTask]]:
    """Named tasks; a "" makes a nameless one, a "!" one that may not be."""
    targets = {"!": None}
    return [
        ("", NewTask(f"{queue}/tasks/{name}" if name.strip("!") else "", targets.get(name, a_request())))
        for name in names
    ]


def refusals(batch: Batch) -> dict[int, type[KumoError]]:
    return {index: type(refusal) for index, refusal in batch.failures.items()}


async def names(tasks: Tasks, queue: str = QUEUE) -> list[str]:
    return [task.name.task for task in (await tasks.list(queue, page_size=0, page_token="")).tasks]


# creating


async def test_a_batch_creates_its_tasks_and_its_operation_can_be_asked_for(
    batches: Batches, tasks: Tasks, printer: Printer
) -> None:
    value = await batches.create(QUEUE, requests("a", "b"), request_id="", render=printer)
    assert [task.name.task for task in printer.last.tasks] == await names(tasks) == ["a", "b"]
    assert (printer.last.start_time, printer.last.end_time, printer.last.size) == (NOW, NOW, 2)
    assert printer.last.name.startswith(f"{PARENT}/operations/")
    assert not printer.last.all_failed
    assert await batches.get_operation(printer.last.name) == value == f"operation 1\nof {printer.last.name}".encode()


async def test_what_cannot_be_created_is_said_by_its_index(batches: Batches, tasks: Tasks, printer: Printer) -> None:
    await batches.create(QUEUE, requests("taken"), request_id="", render=printer)
    await batches.create(QUEUE, requests("a", "taken", "!", "b", "a"), request_id="", render=printer)
    assert refusals(printer.last) == {1: TaskExists, 2: InvalidArgument, 4: TaskExists}
    assert [task.name.task for task in printer.last.tasks] == ["a", "b"]
    assert await names(tasks) == ["a", "b", "taken"]
    assert not printer.last.all_failed


async def test_a_batch_may_fail_whole(batches: Batches, printer: Printer) -> None:
    await batches.create(QUEUE, requests("!", "!"), request_id="", render=printer)
    assert printer.last.all_failed
    await batches.create(
        f"{PARENT}/queues/none", requests("a", queue=f"{PARENT}/queues/none"), request_id="", render=printer
    )
    assert refusals(printer.last) == {0: QueueNotFound}
    assert printer.last.all_failed


@pytest.mark.parametrize("count", [0, 101])
async def test_a_batch_creates_one_to_a_hundred(count: int, batches: Batches, tasks: Tasks, printer: Printer) -> None:
    with pytest.raises(InvalidArgument, match="number of requests must be between 1 and 100"):
        await batches.create(QUEUE, requests(*[""] * count), request_id="", render=printer)
    await batches.create(QUEUE, requests(*[""] * 100), request_id="", render=printer)
    assert len(await names(tasks)) == 100


async def test_every_request_is_of_the_batchs_queue(batches: Batches, tasks: Tasks, printer: Printer) -> None:
    same, other = (QUEUE, requests("a")[0][1]), (OTHER, requests("b", queue=OTHER)[0][1])
    with pytest.raises(InvalidArgument, match=f"'{OTHER}' of a request must be '{QUEUE}'"):
        await batches.create(QUEUE, [same, other], request_id="", render=printer)
    assert await names(tasks) == []
    with pytest.raises(InvalidArgument, match="Invalid resource field value in the request"):
        await batches.create("q", [same], request_id="", render=printer)


# deleting


async def test_what_cannot_be_deleted_is_said_by_its_index(batches: Batches, tasks: Tasks, printer: Printer) -> None:
    await batches.create(QUEUE, requests("a", "b", "c"), request_id="", render=printer)
    await tasks.delete(f"{QUEUE}/tasks/b")
    wanted = [f"{QUEUE}/tasks/{name}" for name in ("a", "b", "never", "a.b", "c")]
    await batches.delete(QUEUE, wanted, request_id="", render=printer)
    assert refusals(printer.last) == {1: TaskGone, 2: EntityNotFound, 3: InvalidArgument}
    assert await names(tasks) == []


async def test_a_deletion_may_fail_whole(batches: Batches, printer: Printer) -> None:
    await batches.delete(QUEUE, [f"{QUEUE}/tasks/never"], request_id="", render=printer)
    assert printer.last.all_failed


async def test_a_batch_deletes_one_to_a_thousand_of_its_queue(batches: Batches, tasks: Tasks, printer: Printer) -> None:
    for wrong in ([], [f"{QUEUE}/tasks/t"] * 1_001):
        with pytest.raises(InvalidArgument, match="number of names must be between 1 and 1000"):
            await batches.delete(QUEUE, wrong, request_id="", render=printer)
    with pytest.raises(InvalidArgument, match="is not in the queue"):
        await batches.delete(QUEUE, [f"{OTHER}/tasks/t"], request_id="", render=printer)
    for hundred in range(10):
        await batches.create(
            QUEUE, requests(*[f"t{hundred}-{number}" for number in range(100)]), request_id="", render=printer
        )
    everything = [f"{QUEUE}/tasks/{name}" for name in await names(tasks)]
    await batches.delete(QUEUE, everything, request_id="", render=printer)
    assert (printer.last.size, len(everything), await names(tasks)) == (1_000, 1_000, [])


# request ids


async def test_a_request_id_names_the_operation_and_nothing_is_done_twice(
    batches: Batches, tasks: Tasks, printer: Printer
) -> None:
    first = await batches.create(QUEUE, requests("", ""), request_id="my-id", render=printer)
    assert printer.last.name == f"{PARENT}/operations/my-id"
    assert await batches.create(QUEUE, requests("", ""), request_id="my-id", render=printer) == first
    assert len(printer.batches) == 1
    assert len(await names(tasks)) == 2


async def test_calls_with_one_id_at_once_are_one_call(batches: Batches, tasks: Tasks, printer: Printer) -> None:
    calls = [batches.create(QUEUE, requests(""), request_id="my-id", render=printer) for _ in range(5)]
    assert len(set(await asyncio.gather(*calls))) == 1
    assert len(await names(tasks)) == 1


async def test_a_call_that_is_given_up_goes_on_and_its_repetition_finds_it(
    batches: Batches, tasks: Tasks, printer: Printer
) -> None:
    impatient = asyncio.ensure_future(batches.create(QUEUE, requests(""), request_id="my-id", render=printer))
    patient = asyncio.ensure_future(batches.create(QUEUE, requests(""), request_id="my-id", render=printer))
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    first = await patient
    assert await batches.create(QUEUE, requests(""), request_id="my-id", render=printer) == first
    assert len(await names(tasks)) == 1


async def test_an_id_may_be_used_again_after_a_week(
    batches: Batches, tasks: Tasks, printer: Printer, clock: ManualClock
) -> None:
    await batches.create(QUEUE, requests(""), request_id="my-id", render=printer)
    clock.turn(NOW + 7 * DAY)
    await batches.create(QUEUE, requests(""), request_id="my-id", render=printer)
    assert len(await names(tasks)) == 1
    clock.turn(NOW + 7 * DAY + 1)
    await batches.create(QUEUE, requests(""), request_id="my-id", render=printer)
    assert len(await names(tasks)) == 2


@pytest.mark.parametrize("at_once", [False, True])
async def test_an_id_is_not_taken_for_another_request(
    at_once: bool, batches: Batches, tasks: Tasks, printer: Printer
) -> None:
    calls = [
        batches.create(QUEUE, requests("a"), request_id="my-id", render=printer),
        batches.create(OTHER, requests("a", queue=OTHER), request_id="my-id", render=printer),
        batches.delete(QUEUE, [f"{QUEUE}/tasks/a"], request_id="my-id", render=printer),
    ]
    outcomes: Sequence[object]
    if at_once:
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
    else:
        outcomes = [await asyncio.gather(call, return_exceptions=True) for call in calls]
        outcomes = [outcome for (outcome,) in outcomes]
    assert [type(outcome) for outcome in outcomes] == [bytes, InvalidArgument, InvalidArgument]
    assert str(outcomes[1]) == "The request_id 'my-id' was used for another request."
    assert (await names(tasks), await names(tasks, OTHER)) == (["a"], [])


async def test_a_batch_that_could_not_be_carried_out_may_be_tried_again(
    batches: Batches, tasks: Tasks, printer: Printer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(parent: str, news: Sequence[NewTask]) -> list[Task | KumoError]:
        raise StorageFull

    with monkeypatch.context() as patch:
        patch.setattr(tasks, "create_all", refuse)
        calls = [batches.create(QUEUE, requests("a"), request_id="my-id", render=printer) for _ in range(2)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [StorageFull, StorageFull]
    await batches.create(QUEUE, requests("a"), request_id="my-id", render=printer)
    assert await names(tasks) == ["a"]


@pytest.mark.parametrize("request_id", ["a/b", "x" * 201])
async def test_an_id_that_cannot_name_an_operation_is_refused(
    request_id: str, batches: Batches, printer: Printer
) -> None:
    with pytest.raises(InvalidArgument, match="request_id is not valid"):
        await batches.create(QUEUE, requests("a"), request_id=request_id, render=printer)


# operations


async def test_an_operation_is_remembered_for_a_week(
    batches: Batches, printer: Printer, clock: ManualClock, store: SqlStore
) -> None:
    await batches.create(QUEUE, requests(""), request_id="old", render=printer)
    name = printer.last.name
    clock.turn(NOW + 7 * DAY)
    assert await batches.get_operation(name)
    clock.turn(NOW + 7 * DAY + HOUR)
    with pytest.raises(EntityNotFound):
        await batches.get_operation(name)
    later = Batches(tasks=batches._tasks, records=store.records, clock=clock)  # the next process sweeps first
    await later.create(QUEUE, requests(""), request_id="new", render=printer)
    assert await store.records.get_record(KIND, name) is None
    assert await later.get_operation(printer.last.name)


async def test_an_operation_that_never_was_is_not_found(batches: Batches) -> None:
    with pytest.raises(EntityNotFound):
        await batches.get_operation(f"{PARENT}/operations/never")
    for name in ("", "operations/x", f"{PARENT}/operations/", f"{PARENT}/operations/a/b"):
        with pytest.raises(InvalidArgument, match="Invalid resource field value in the request"):
            await batches.get_operation(name)
