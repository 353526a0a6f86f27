"""Thousands of histories of nodes that join, stop, freeze, die and are cut off, while tasks are made anywhere.

Never do two homes send, no task is lost, none is sent twice unless an attempt was open where a node failed, and the
rate stays below burst + rate * t throughout. A history that goes wrong is told by its seed.
"""

from __future__ import annotations

import os
import random

import pytest

from kumotasks.domain.clock import SECOND
from tests.simulation.world import Node, World

_FAULTY = 40  # seconds in which things happen
_HEALING = 90 * SECOND
QUICK = int(os.environ.get("KUMO_SIMULATIONS", "60"))


def well(world: World) -> list[Node]:
    return [node for node in world.nodes if node.well]


def happen(world: World, chance: random.Random, *, faults: bool) -> None:
    """One thing, somewhere."""
    nodes = well(world)
    if not nodes:
        world.join()
        return
    node, what = chance.choice(nodes), chance.random()
    queues = world.known_queues()
    if what < 0.05 and len(world.traffic) < 7:
        world.create_queue(node)
    elif what < 0.75 and queues:
        world.create_task(node, chance.choice(queues))
    elif what < 0.80 and world.made:
        world.run(node, chance.choice(world.made))
    elif what < 0.84 and len(nodes) < 4:
        world.join()
    elif what < 0.87 and len(nodes) > 1:
        world.stop(node)
    elif what < 0.95 and faults:
        fail(world, node, chance)


def fail(world: World, node: Node, chance: random.Random) -> None:
    how, after = chance.randrange(3), chance.choice((SECOND // 10, SECOND, 5 * SECOND, 15 * SECOND))
    if how == 0:
        world.crash(node)
    elif how == 1:
        world.freeze(node)
        world.clock.call_at(world.clock.now() + after, lambda: node.dead or world.thaw(node))
    else:
        world.cut(node)
        world.clock.call_at(world.clock.now() + after, lambda: node.dead or world.mend(node))


async def live(seed: int, *, faults: bool) -> World:
    """A history, to its end: everybody well, and time enough."""
    world = World(seed)
    world.join()
    world.join()
    chance = random.Random(seed + 1)
    try:
        await world.pass_time(SECOND)
        world.create_queue(world.nodes[0])
        for _ in range(chance.randrange(20, 200)):
            await world.pass_time(chance.randrange(2 * _FAULTY * SECOND // 100))
            happen(world, chance, faults=faults)
        await world.pass_time(20 * SECOND)
        if not well(world):
            world.join()
        await world.pass_time(_HEALING)
        left = {name for row in world.database.queues.values() for name in row.tasks}
        assert not left, f"these wait for ever: {sorted(left)}"
    except AssertionError as failure:
        failure.add_note(f"in the history of seed {seed}{'' if faults else ', without faults'}")
        raise
    finally:
        await world.end()
    return world


def answered_twice(world: World) -> int:
    return sum(len(each) for traffic in world.traffic.values() for each in traffic.seen.values())


@pytest.mark.parametrize("seed", range(QUICK))
async def test_a_history_with_faults(seed: int) -> None:
    world = await live(seed, faults=True)
    assert answered_twice(world) >= len(world.made)


@pytest.mark.parametrize("seed", range(QUICK))
async def test_a_history_in_which_nodes_only_come_and_go(seed: int) -> None:
    world = await live(seed, faults=False)
    assert not any(
        seen.disturbed for traffic in world.traffic.values() for each in traffic.seen.values() for seen in each
    )
