"""One node of many: what it takes, keeps, hands over, and does not send. Real parts over a database of dicts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kumotasks.domain.clock import HOUR, MILLISECOND, SECOND
from kumotasks.domain.errors import StorageUnavailable
from kumotasks.domain.task import Task
from kumotasks.storage.rumour import TasksBrought
from kumotasks.storage.store import LEASE, Home, TaskAdded
from tests.dispatch.many import Nodes
from tests.factory import a_task
from tests.simulation.world import Node

SOON = 2 * SECOND


@pytest.fixture
async def nodes() -> AsyncIterator[Nodes]:
    nodes = Nodes()
    yield nodes
    await nodes.end()
    assert nodes.wrong == []


def slow_reads(node: Node) -> asyncio.Event:
    """What it reads of requests to run comes back once this is set."""
    read, back = node.way.run_requests, asyncio.Event()

    async def read_slowly() -> list[tuple[int, Task]]:
        found = await read()
        await back.wait()
        return found

    node.way.run_requests = read_slowly  # type: ignore[method-assign]
    return back


async def test_one_node_takes_every_queue_as_it_is_created(nodes: Nodes) -> None:
    await nodes.join()
    await nodes.create_queues(5)
    assert nodes.homes() == [5]


async def test_a_newcomer_gets_its_share_and_then_nothing_moves(nodes: Nodes) -> None:
    await nodes.join()
    await nodes.create_queues(20)
    await nodes.join()
    await nodes.pass_time(10 * SECOND)
    assert nodes.homes() == [10, 10]
    epochs = nodes.epochs()
    await nodes.pass_time(60 * SECOND)
    assert nodes.epochs() == epochs


@pytest.mark.parametrize(("queues", "shares"), [(12, [3, 3, 2, 2, 2]), (4, [1, 1, 1, 1]), (13, [3, 3, 3, 2, 2])])
async def test_five_nodes_share_as_evenly_as_can_be(nodes: Nodes, queues: int, shares: list[int]) -> None:
    await nodes.join()
    await nodes.create_queues(queues)
    for _ in range(4):
        await nodes.join()
    await nodes.pass_time(20 * SECOND)
    assert nodes.homes() == shares
    epochs = nodes.epochs()
    await nodes.pass_time(60 * SECOND)
    assert nodes.epochs() == epochs


async def test_the_last_of_five_gets_no_more_queues_moved_than_it_lacks(nodes: Nodes) -> None:
    await nodes.join()
    await nodes.create_queues(12)
    for _ in range(3):
        await nodes.join()
    await nodes.pass_time(20 * SECOND)
    assert nodes.homes() == [3, 3, 3, 3]
    before = nodes.epochs()
    await nodes.join()
    await nodes.pass_time(20 * SECOND)
    assert nodes.homes() == [3, 3, 2, 2, 2]
    assert sum(now != then for now, then in zip(nodes.epochs(), before, strict=True)) == 2


async def test_while_a_node_drains_the_others_keep_what_they_took(nodes: Nodes) -> None:
    first = await nodes.join()
    await nodes.create_queues(9)
    await nodes.join()
    await nodes.join()
    await nodes.pass_time(20 * SECOND)
    nodes.takes = 30 * SECOND
    for n in range(9):
        nodes.create_task(first, f"q{n}")
    await nodes.pass_time(SECOND)
    nodes.stop(first)
    await nodes.pass_time(SOON)
    assert nodes.homes() == [5, 4]
    epochs = nodes.epochs()
    await nodes.pass_time(20 * SECOND)
    assert first in nodes.nodes
    assert nodes.epochs() == epochs


async def test_a_task_made_on_one_node_is_sent_by_the_home(nodes: Nodes) -> None:
    first, second = await nodes.join(), await nodes.join()
    await nodes.create_queues(2)
    for queue in ("q0", "q1"):
        for node in (first, second):
            nodes.create_task(node, queue)
    await nodes.pass_time(SOON)
    assert len(nodes.sent) == 4
    assert {seen.node for seen in nodes.sent} == {first, second}


async def test_a_task_that_is_brought_is_sent_if_it_is_of_the_queue_as_it_is(nodes: Nodes) -> None:
    home = await nodes.join()
    await nodes.create_queues(1)
    row = nodes.database.queues[1]
    purged, current = (a_task(queue="q0", due=nodes.clock.now()) for _ in range(2))
    row.tasks[current.name.task] = current
    home.way.overhear_soon(TasksBrought(1, row.stored.generation - 1, (purged,)))
    home.way.overhear_soon(TasksBrought(1, row.stored.generation, (current,)))
    await nodes.pass_time(SOON)
    assert [seen.task for seen in nodes.sent] == [current.name.task]


async def test_a_task_added_before_its_queue_came_home_is_looked_up(nodes: Nodes) -> None:
    home = await nodes.join()
    await nodes.create_queues(1)
    await nodes.pass_time(SOON)
    over, waiting = (a_task(queue="q0", due=nodes.clock.now()) for _ in range(2))
    nodes.database.queues[1].tasks[waiting.name.task] = waiting
    for task in over, waiting:
        home.way.overhear_soon(TaskAdded(1, task, away=True))
    await nodes.pass_time(SOON)
    assert [seen.task for seen in nodes.sent] == [waiting.name.task]


async def test_a_task_deleted_on_another_node_is_not_sent(nodes: Nodes) -> None:
    await nodes.join()
    await nodes.create_queues(1)
    other = await nodes.join()
    task = nodes.create_task(other, "q0", after=10 * SECOND)
    await nodes.pass_time(SOON)
    assert await nodes.do(other.way.delete(task))
    await nodes.pass_time(20 * SECOND)
    assert nodes.sent == []


async def test_a_run_asked_for_on_another_node_is_sent_once(nodes: Nodes) -> None:
    home = await nodes.join()
    await nodes.create_queues(1)
    other = await nodes.join()
    task = nodes.create_task(home, "q0", after=100 * SECOND)
    await nodes.pass_time(SOON)
    nodes.run(other, task)
    await nodes.pass_time(SOON)
    home.way.unheard()
    await nodes.pass_time(SOON)
    assert [(seen.node, seen.run) for seen in nodes.sent] == [(home, True)]


async def test_what_nobody_told_is_found_when_it_is_said_that_something_may_be_missing(nodes: Nodes) -> None:
    home = await nodes.join()
    await nodes.create_queues(1)
    other = await nodes.join()
    home.way.deaf = True
    nodes.create_task(other, "q0")
    await nodes.pass_time(SOON)
    assert nodes.sent == []
    home.way.deaf = False
    home.way.unheard()
    await nodes.pass_time(SOON)
    assert len(nodes.sent) == 1


async def test_the_dead_are_followed_within_twelve_seconds(nodes: Nodes) -> None:
    first = await nodes.join()
    await nodes.create_queues(4)
    await nodes.join()
    await nodes.pass_time(10 * SECOND)
    nodes.crash(first)
    await nodes.pass_time(12 * SECOND)
    assert nodes.homes() == [4]


async def test_a_node_that_starts_again_takes_what_it_had_once_its_old_lease_has_ended(nodes: Nodes) -> None:
    first = await nodes.join()
    await nodes.create_queues(3)
    nodes.crash(first)
    again = await nodes.join()
    assert not again.homes.berths
    await nodes.pass_time(12 * SECOND)
    assert len(again.homes.berths) == 3


async def test_a_node_that_stood_still_sends_nothing_when_it_wakes(nodes: Nodes) -> None:
    first = await nodes.join()
    await nodes.create_queues(1)
    await nodes.pass_time(SOON)
    nodes.create_task(first, "q0", after=3 * SECOND)
    await nodes.pass_time(SOON)
    nodes.freeze(first)
    await nodes.pass_time(LEASE)
    first.way.cut = True  # so that it is on its own when it wakes
    nodes.thaw(first)
    await nodes.pass_time(60 * SECOND)
    assert nodes.sent == []
    first.way.cut = False
    await nodes.pass_time(SOON)
    assert len(nodes.sent) == 1


async def test_a_node_that_is_cut_off_stops_before_others_follow_it(nodes: Nodes) -> None:
    first = await nodes.join()
    await nodes.create_queues(1)
    await nodes.pass_time(SOON)
    nodes.create_task(first, "q0", after=LEASE - SECOND)
    await nodes.pass_time(SOON)
    nodes.cut(first)
    await nodes.pass_time(60 * SECOND)
    assert nodes.sent == []


async def test_an_attempt_goes_on_while_its_queue_is_handed_over(nodes: Nodes) -> None:
    first = await nodes.join()
    await nodes.create_queues(1)
    nodes.takes = 5 * SECOND
    task = nodes.create_task(first, "q0")
    await nodes.pass_time(SECOND)
    second = await nodes.join()
    nodes.stop(first)
    await nodes.pass_time(SOON)
    assert [home.lane.elsewhere.attempts for home in second.homes.berths.values()] != [set()]
    await nodes.pass_time(10 * SECOND)
    assert [(seen.node, seen.task) for seen in nodes.sent] == [(first, task.name.task)]
    assert nodes.left() == []
    assert [len(berth.lane.elsewhere) for berth in second.homes.berths.values()] == [0]


async def test_a_run_of_a_task_whose_attempt_was_handed_over_is_not_a_second_one(nodes: Nodes) -> None:
    """Though the attempt ends while the requests are being read."""
    first = await nodes.join()
    await nodes.create_queues(1)
    nodes.takes = 5 * SECOND
    task = nodes.create_task(first, "q0")
    await nodes.pass_time(SECOND)
    second = await nodes.join()
    nodes.stop(first)
    await nodes.pass_time(2 * SECOND)
    back = slow_reads(second)
    nodes.run(second, task)
    await nodes.pass_time(10 * SECOND)
    back.set()
    await nodes.pass_time(SECOND)
    assert [seen.node for seen in nodes.sent] == [first]


async def test_requests_that_were_read_before_a_queue_came_home_begin_no_run_of_it(nodes: Nodes) -> None:
    """For one that was under way then may be over by now."""
    first = await nodes.join()
    await nodes.create_queues(2)
    second = await nodes.join()
    await nodes.pass_time(10 * SECOND)
    (number,) = first.homes.berths
    mine, other = (f"q{number - 1}", f"q{2 - number}")
    nodes.takes = 5 * SECOND
    task, another = nodes.create_task(first, mine, after=HOUR), nodes.create_task(second, other, after=HOUR)
    await nodes.pass_time(SECOND)
    nodes.run(first, task)
    await nodes.pass_time(SECOND)
    back = slow_reads(second)
    nodes.run(second, another)
    await nodes.pass_time(SECOND)
    nodes.stop(first)
    await nodes.pass_time(10 * SECOND)
    back.set()
    await nodes.pass_time(SECOND)
    assert [(seen.node, seen.task) for seen in nodes.sent] == [(first, task.name.task), (second, another.name.task)]


async def test_a_node_that_was_not_told_what_it_took_keeps_what_it_knows(nodes: Nodes) -> None:
    first = await nodes.join()
    await nodes.create_queues(2)
    second = await nodes.join()
    await nodes.pass_time(10 * SECOND)
    (number,) = second.homes.berths
    nodes.takes = 20 * SECOND
    task = nodes.create_task(second, f"q{number - 1}")
    await nodes.pass_time(SECOND)
    take, lost = second.way.take_homes, []

    async def take_unheard(limit: int | None = None) -> list[Home]:
        homes = await take(limit)
        if homes and not lost:
            lost.append(homes)
            raise StorageUnavailable
        return homes

    second.way.take_homes = take_unheard  # type: ignore[method-assign]
    nodes.stop(first)
    await nodes.pass_time(10 * SECOND)
    assert lost
    assert len(second.homes.berths) == 2
    await nodes.pass_time(30 * SECOND)
    assert [(seen.node, seen.task) for seen in nodes.sent] == [(second, task.name.task)]


async def test_an_attempt_that_was_handed_over_takes_a_slot(nodes: Nodes) -> None:
    first = await nodes.join()
    await nodes.create_queues(1, slots=1)
    nodes.takes = 5 * SECOND
    nodes.create_task(first, "q0")
    await nodes.pass_time(SECOND)
    second = await nodes.join()
    nodes.stop(first)
    await nodes.pass_time(SOON)
    nodes.create_task(second, "q0")
    await nodes.pass_time(SECOND)
    assert [seen.node for seen in nodes.sent] == [first]
    await nodes.pass_time(10 * SECOND)
    assert [seen.node for seen in nodes.sent] == [first, second]


async def test_a_failure_that_was_handed_over_is_tried_again_by_the_new_home(nodes: Nodes) -> None:
    first = await nodes.join()
    await nodes.create_queues(1)
    nodes.takes, nodes.status = 5 * SECOND, 500
    nodes.create_task(first, "q0")
    await nodes.pass_time(SECOND)
    nodes.status = 200
    second = await nodes.join()
    nodes.stop(first)
    await nodes.pass_time(15 * SECOND)
    assert [seen.node for seen in nodes.sent] == [first, second]
    assert nodes.left() == []


async def test_attempts_of_a_node_that_dies_after_it_handed_over_are_made_again(nodes: Nodes) -> None:
    first = await nodes.join()
    await nodes.create_queues(1)
    nodes.takes = 30 * SECOND
    nodes.create_task(first, "q0")
    await nodes.pass_time(SECOND)
    second = await nodes.join()
    nodes.stop(first)
    await nodes.pass_time(SOON)
    nodes.takes = 0
    nodes.crash(first)
    await nodes.pass_time(14 * SECOND)
    assert [seen.node for seen in nodes.sent] == [first, second]


async def test_tokens_are_handed_over(nodes: Nodes) -> None:
    first = await nodes.join()
    await nodes.create_queues(1, rate=1.0, burst=10)
    for _ in range(7):
        nodes.create_task(first, "q0")
    await nodes.pass_time(100 * MILLISECOND)
    second = await nodes.join()
    nodes.stop(first)
    await nodes.pass_time(SOON)
    for _ in range(20):
        nodes.create_task(second, "q0")
    await nodes.pass_time(100 * MILLISECOND)
    assert len(nodes.sent) in range(10, 14)


async def test_a_rolling_restart_sends_everything_once(nodes: Nodes) -> None:
    old = [await nodes.join() for _ in range(3)]
    await nodes.create_queues(6)
    nodes.takes = 500 * MILLISECOND
    for node in old:
        for number in range(30):
            nodes.create_task(old[-1], f"q{number % 6}", after=number * 100 * MILLISECOND)
        await nodes.join()
        nodes.stop(node)
        await nodes.pass_time(5 * SECOND)
    await nodes.pass_time(10 * SECOND)
    tasks = [seen.task for seen in nodes.sent]
    assert len(tasks) == len(set(tasks)) == 90
    assert nodes.homes() == [2, 2, 2]
