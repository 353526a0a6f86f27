"""Thousands of histories of nodes that join, stop, freeze, die and are cut off, while tasks are made anywhere.

Never do two homes send, no task is lost, none is sent twice unless an attempt was open where a node failed, and the
rate stays below burst + rate * t throughout. A history that goes wrong is told by its seed.
"""

from __future__ import annotations

import os
import random
from functools import partial

import pytest

from kumotasks.domain.clock import SECOND
from kumotasks.domain.queue import RateLimits
from tests.simulation.world import Node, Seen, World

LIMITS = (RateLimits(2.0, 3, 2), RateLimits(20.0, 10, 5), RateLimits(500.0, 100, 1_000))
_FAULTY = 40  # seconds in which things happen
_HEALING = 90 * SECOND
QUICK = 40
LONG = int(os.environ.get("KUMO_SIMULATIONS", "5000"))


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
        world.create_queue(node, chance.choice(LIMITS))
    elif what < 0.75 and queues:
        after = chance.choice((0, 0, 0, chance.randrange(20 * SECOND)))
        world.create_task(node, chance.choice(queues), after=after)
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
        world.clock.call_at(world.clock.now() + after, partial(world.thaw, node))
    else:
        world.cut(node)
        world.clock.call_at(world.clock.now() + after, partial(world.mend, node))


async def live(seed: int, *, faults: bool) -> World:
    """A history, to its end: everybody well, and time enough."""
    world = World(seed)
    world.join()
    world.join()
    chance = random.Random(seed + 1)
    try:
        await world.pass_time(SECOND)
        world.create_queue(world.nodes[0], chance.choice(LIMITS))
        for _ in range(chance.randrange(20, 200)):
            await world.pass_time(chance.randrange(2 * _FAULTY * SECOND // 100))
            happen(world, chance, faults=faults)
        await world.pass_time(20 * SECOND)
        if not well(world):
            world.join()
        await world.pass_time(_HEALING)
        assert not world.wrong, world.wrong[0]
        left = {name for row in world.database.queues.values() for name in row.tasks}
        assert not left, f"these wait for ever: {sorted(left)}"
    except AssertionError as failure:
        failure.add_note(f"in the history of seed {seed}{'' if faults else ', without faults'}")
        raise
    finally:
        await world.end()
    return world


def seen_by_the_worker(world: World) -> list[Seen]:
    return [seen for traffic in world.traffic.values() for each in traffic.seen.values() for seen in each]


@pytest.mark.parametrize("seed", range(QUICK))
async def test_a_history_with_faults(seed: int) -> None:
    world = await live(seed, faults=True)
    assert len(seen_by_the_worker(world)) >= len(world.made) > 0


@pytest.mark.parametrize("seed", range(QUICK))
async def test_a_history_in_which_nodes_only_come_and_go(seed: int) -> None:
    world = await live(seed, faults=False)
    assert not any(seen.disturbed for seen in seen_by_the_worker(world))


@pytest.mark.soak
@pytest.mark.parametrize("faults", [True, False])
async def test_many_histories(faults: bool) -> None:
    """Others each time; one that goes wrong tells its seed."""
    first = random.SystemRandom().randrange(2**32)
    for seed in range(first, first + LONG):
        await live(seed, faults=faults)
