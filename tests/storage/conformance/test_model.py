"""The store against a plain model of it: whatever is done in whatever order, both say the same.

Each engine's machine opens and crashes its store at will. The model knows queues as dicts of tasks, names as instants,
the past of a queue as a dict of attempts and one of dead letters.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from kumotasks.domain.clock import DAY
from kumotasks.domain.errors import EntityNotFound, KumoError, TaskGone
from kumotasks.domain.history import AttemptRecord
from kumotasks.domain.names import TaskName
from kumotasks.domain.retry import dispatched
from kumotasks.domain.task import FRESH, RETENTION, Task
from kumotasks.storage.history import DeadLetter, Keep, LetterKey
from kumotasks.storage.store import StoredQueue
from tests.factory import NOW, a_queue, a_record, a_task, ended, failed, ids, location, queue_name, task_name
from tests.storage.conformance.places import Place, PostgresPlace, SqlitePlace

QUEUES = ("a", "b")
NAMES = ("n1", "n2", "n3")
REST = 100
KEEP = Keep(attempts=DAY // 2, dead_letters=2 * DAY)
T = TypeVar("T")

queue_ids = st.sampled_from(QUEUES)
task_ids = st.sampled_from(NAMES)
rests = st.sampled_from((0, REST))


@dataclass
class Modelled:
    """A queue: its tasks, when its names are free, which unnamed tasks are remembered as ended."""

    stored: StoredQueue
    tasks: dict[str, Task] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    remembered: set[str] = field(default_factory=set)
    attempts: dict[tuple[str, int], AttemptRecord] = field(default_factory=dict)  # by task and serial; one each
    letters: dict[LetterKey, DeadLetter] = field(default_factory=dict)

    def end(self, task: Task, name_until: int) -> None:
        del self.tasks[task.name.task]
        if task.named:
            self.names[task.name.task] = name_until
        else:
            self.remembered.add(task.name.task)

    def in_order(self) -> list[Task]:
        return sorted(self.tasks.values(), key=lambda task: (task.schedule_time, task.name.task))


class StoreMachine(RuleBasedStateMachine):
    """Queues a and b, names n1 to n3, any number of unnamed tasks."""

    make_place: type[SqlitePlace | PostgresPlace] = SqlitePlace

    @initialize()
    def begin(self) -> None:
        self.now = NOW
        folder = Path(tempfile.mkdtemp(prefix="kumo-model-"))
        self.runner = asyncio.Runner()
        self.place: Place = self.make_place(folder / "store")
        self.queues: dict[str, Modelled] = {}
        self.retired: dict[str, int] = {}
        self.open()

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.do(self.store.stop())
            self.runner.close()
            self.place.remove()

    def open(self) -> None:
        self.store = self.place.store()
        self.do(self.store.start())
        for modelled in self.queues.values():
            modelled.remembered.clear()

    def do(self, awaitable: Awaitable[T]) -> T:
        async def wait() -> T:
            return await awaitable

        return self.runner.run(wait())

    async def add(self, task: Task) -> str:
        return ids(await self.store.add_tasks([task]))[0]

    async def end(self, stored: StoredQueue, task: Task) -> bool:
        return await self.store.settle(ended(stored, task))

    def refusal(self, awaitable: Awaitable[object]) -> str:
        try:
            self.do(awaitable)
        except KumoError as refusal:
            return type(refusal).__name__
        return ""

    # time, and the store's own life

    @rule(step=st.sampled_from((1, REST // 2, REST, DAY, RETENTION)))
    def time_passes(self, step: int) -> None:
        self.now += step

    @rule()
    def stop_and_start(self) -> None:
        self.do(self.store.stop())
        self.open()

    @rule()
    def crash(self) -> None:
        picture = self.place.picture()
        self.do(self.store.stop())
        self.place = picture
        self.open()

    # queues

    @rule(queue=queue_ids)
    def create_queue(self, queue: str) -> None:
        if queue in self.queues:
            assert self.refusal(self.store.create_queue(a_queue(queue), self.now)) == "QueueExists"
        elif self.retired.get(queue, 0) > self.now:
            assert self.refusal(self.store.create_queue(a_queue(queue), self.now)) == "QueueNameRetired"
        else:
            self.queues[queue] = Modelled(self.do(self.store.create_queue(a_queue(queue), self.now)))

    @rule(queue=queue_ids, rest=rests)
    def delete_queue(self, queue: str, rest: int) -> None:
        deletion = self.store.delete_queue(queue_name(queue), now=self.now, name_until=self.now + rest)
        if self.queues.pop(queue, None) is None:
            assert self.refusal(deletion) == "EntityNotFound"
        else:
            self.do(deletion)
            self.retired[queue] = self.now + rest

    @rule(queue=queue_ids, rest=rests)
    def purge_queue(self, queue: str, rest: int) -> None:
        purge = self.store.purge_queue(queue_name(queue), now=self.now, names_until=self.now + rest)
        if queue not in self.queues:
            assert self.refusal(purge) == "QueueNotFound"
            return
        modelled = self.queues[queue]
        stored = self.do(purge)
        purged = replace(modelled.stored.queue, purge_time=self.now)
        modelled.stored = StoredQueue(purged, modelled.stored.number, modelled.stored.generation + 1)
        assert stored == modelled.stored
        modelled.names |= {name: self.now + rest for name, task in modelled.tasks.items() if task.named}
        modelled.tasks.clear()

    # tasks

    @rule(queue=queue_ids, name=task_ids, delay=st.integers(0, 3))
    def add_named(self, queue: str, name: str, delay: int) -> None:
        task = a_task(name, queue=queue, due=self.now + delay, created=self.now, serial=self.now, named=True)
        answer = self.do(self.add(task))
        modelled = self.queues.get(queue)
        if modelled is None:
            assert answer == "QueueNotFound"
        elif name in modelled.tasks:
            assert answer == "TaskExists"
        elif modelled.names.get(name, 0) > self.now:
            assert answer == "TaskNameRetired"
        else:
            assert answer == name
            modelled.tasks[name] = task
        self.now += 1  # no two tasks of one serial

    @precondition(lambda self: self.queues)
    @rule(data=st.data(), additions=st.integers(0, 5), ends=st.integers(0, 5), failures=st.integers(0, 3))
    def many_at_once(self, data: st.DataObject, additions: int, ends: int, failures: int) -> None:
        """Additions and results that meet in one transaction."""
        modelled = self.queues[data.draw(st.sampled_from(sorted(self.queues)))]
        queue = modelled.stored.queue.name.queue
        added = [a_task(queue=queue, due=self.now + n % 3, created=self.now) for n in range(additions)]
        there = modelled.in_order()
        ending, failing = there[:ends], [dispatched(task, self.now) for task in there[ends : ends + failures]]
        failing = [replace(task, schedule_time=self.now + 2) for task in failing]

        async def all_of_it() -> list[object]:
            settlements = [ended(modelled.stored, task, name_until=self.now + REST) for task in ending]
            settlements += [failed(modelled.stored, task) for task in failing]
            waiting = [self.store.settle(settlement) for settlement in settlements]
            adding = [self.store.add_tasks([task]) for task in added]
            kept = [(await answer)[0] for answer in adding]
            return [*kept, *[await result for result in waiting]]

        assert self.do(all_of_it()) == [*added, *[True] * (len(ending) + len(failing))]
        for task in ending:
            modelled.end(task, self.now + REST)
        modelled.tasks |= {task.name.task: task for task in (*failing, *added)}

    @rule(queue=queue_ids, name=task_ids, rest=rests)
    def delete_task(self, queue: str, name: str, rest: int) -> None:
        modelled = self.queues.get(queue)
        deletion = self.store.delete_task(task_name(name, queue), now=self.now, name_until=self.now + rest)
        if modelled is not None and name in modelled.tasks:
            task = modelled.tasks[name]
            assert self.do(deletion) == task
            modelled.end(task, self.now + rest)
        else:
            assert self.refusal(deletion) == self.expected_refusal(modelled, name)

    @precondition(lambda self: any(modelled.tasks for modelled in self.queues.values()))
    @rule(data=st.data())
    def run_task(self, data: st.DataObject) -> None:
        modelled = data.draw(st.sampled_from([each for each in self.queues.values() if each.tasks]))
        task = data.draw(st.sampled_from(modelled.in_order()))
        asked = self.do(self.store.request_run(task.name, self.now))
        assert asked == dispatched(task, self.now)
        modelled.tasks[task.name.task] = asked

    @precondition(lambda self: any(modelled.tasks for modelled in self.queues.values()))
    @rule(data=st.data(), rest=rests, many=st.integers(1, 4))
    def give_up(self, data: st.DataObject, rest: int, many: int) -> None:
        """Some tasks die at once."""
        modelled = data.draw(st.sampled_from([each for each in self.queues.values() if each.tasks]))
        dying, last = modelled.in_order()[:many], a_record(1, ended=self.now)
        until = self.now + rest

        async def all_of_it() -> list[bool]:
            deaths = [ended(modelled.stored, task, name_until=until, attempt=last, dead=last) for task in dying]
            waiting = [self.store.settle(death) for death in deaths]
            return [await result for result in waiting]

        assert self.do(all_of_it()) == [True] * len(dying)
        for task in dying:
            modelled.end(task, until)
            modelled.attempts[task.name.task, task.serial] = last
            letter = DeadLetter(task, last)
            modelled.letters[letter.key] = letter

    @precondition(lambda self: any(modelled.letters for modelled in self.queues.values()))
    @rule(data=st.data(), many=st.integers(1, 3))
    def redrive(self, data: st.DataObject, many: int) -> None:
        modelled = data.draw(st.sampled_from([each for each in self.queues.values() if each.letters]))
        name, keys = modelled.stored.queue.name, data.draw(st.permutations(sorted(modelled.letters)))[:many]
        driven = self.do(self.store.history.redrive(name, keys, now=self.now, first=self.now))
        for serial, (key, task) in enumerate(zip(keys, driven, strict=True), self.now):
            before = modelled.letters.pop(key).task
            created = self.now - self.now % 1_000_000
            anew = replace(before, schedule_time=self.now, create_time=created, serial=serial, progress=FRESH)
            if key.task in modelled.tasks:
                assert task.name.task not in modelled.tasks
                anew = replace(anew, name=task.name, named=False)
            assert task == anew
            modelled.names.pop(task.name.task, None)
            modelled.tasks[task.name.task] = task
        self.now += many  # no two tasks of one serial

    @precondition(lambda self: any(modelled.letters for modelled in self.queues.values()))
    @rule(data=st.data())
    def remove_a_letter(self, data: st.DataObject) -> None:
        modelled = data.draw(st.sampled_from([each for each in self.queues.values() if each.letters]))
        key = data.draw(st.sampled_from(sorted(modelled.letters)))
        removed = self.store.history.remove(modelled.stored.queue.name, [key, LetterKey("never", 1)])
        assert self.do(removed) == 1
        del modelled.letters[key]

    @rule(queue=queue_ids, name=task_ids)
    def settle_one_that_never_was(self, queue: str, name: str) -> None:
        if queue in self.queues:
            stale = a_task(name, queue=queue, serial=1, named=True)
            assert self.do(self.end(self.queues[queue].stored, stale)) is False

    # the janitor

    @rule(limit=st.sampled_from((1, 3, 100)))
    def sweep(self, limit: int) -> None:
        expired = set()
        more = True
        while more:
            swept = self.do(self.store.sweep(now=self.now, limit=limit, keep=KEEP))
            expired |= {task.serial for task in swept.expired}
            more = swept.more
            assert swept.next_due is None or swept.next_due > self.now
        old = [task for each in self.queues.values() for task in each.tasks.values()]
        old = [task for task in old if task.create_time + RETENTION <= self.now]
        assert expired == {task.serial for task in old}
        for task in old:
            self.queues[task.name.queue.queue].end(task, self.now)
        for each in self.queues.values():
            young = {key: record for key, record in each.attempts.items() if record.ended + KEEP.attempts > self.now}
            each.attempts = young
            for key in [key for key, dead in each.letters.items() if dead.last.ended + KEEP.dead_letters <= self.now]:
                del each.letters[key]

    # what is read

    def expected_refusal(self, modelled: Modelled | None, name: str) -> str:
        if modelled is not None and (modelled.names.get(name, 0) > self.now or name in modelled.remembered):
            return TaskGone.__name__
        return EntityNotFound.__name__

    @rule(queue=queue_ids, name=task_ids)
    def get_task(self, queue: str, name: str) -> None:
        modelled = self.queues.get(queue)
        reading = self.store.get_task(task_name(name, queue), self.now)
        if modelled is not None and name in modelled.tasks:
            assert self.do(reading) == modelled.tasks[name]
        else:
            assert self.refusal(reading) == self.expected_refusal(modelled, name)

    @invariant()
    def queues_are_the_same(self) -> None:
        if hasattr(self, "store"):
            found = self.do(self.store.list_queues(location(), after="", limit=9))
            assert found == [self.queues[queue].stored for queue in sorted(self.queues)]

    @invariant()
    def tasks_are_the_same(self) -> None:
        for modelled in getattr(self, "queues", {}).values():
            stored, name = modelled.stored, modelled.stored.queue.name
            found = self.do(self.store.list_tasks(name, after="", limit=999, max_bytes=10**9))
            assert found == sorted(modelled.tasks.values(), key=lambda task: task.name.task)
            due = self.do(self.store.due_tasks(stored, after=None, until=10**17, limit=999, max_bytes=10**9))
            assert due == modelled.in_order()
            first = due[0].schedule_time if due else None
            assert self.do(self.store.next_due(stored, after=None)) == first

    @invariant()
    def the_past_is_the_same(self) -> None:
        for modelled in getattr(self, "queues", {}).values():
            name = modelled.stored.queue.name
            reading = self.store.history.dead_letters(name, after=LetterKey("", 0), limit=999, max_bytes=10**9)
            assert self.do(reading) == [modelled.letters[key] for key in sorted(modelled.letters)]
            for task in {task for task, _ in modelled.attempts} | set(NAMES):
                known = sorted((serial, record) for (each, serial), record in modelled.attempts.items() if each == task)
                reading = self.store.history.attempts(TaskName(name, task), after=(0, 0), limit=999)
                assert [(past.serial, past.record) for past in self.do(reading)] == known


@pytest.mark.parametrize(("make_place", "examples"), [(SqlitePlace, 20), (PostgresPlace, 4)])
def test_the_store_behaves_as_its_model(make_place: type[SqlitePlace | PostgresPlace], examples: int) -> None:
    class Machine(StoreMachine):
        pass

    Machine.make_place = make_place
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
