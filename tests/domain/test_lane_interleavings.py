"""The lane under every interleaving: the steps of `lane_world` in any order, and at any point the truth.

Never: a task sent twice at once, sent stale, after its end, without token or slot, beyond the room. Always: what is due
and may go, goes, and the lane wakes in time for what comes next. The state machine finds short stories and tells them
well; the wanderer, which costs a fiftieth a step, finds the long ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kumotasks.domain.queue import QueueState
from kumotasks.domain.window import Room
from tests.domain.factory import SECOND
from tests.domain.lane_world import LARGEST_BODY, World

# Around the lane's own distances: it holds a minute, and reads on half a minute ahead.
DELAY = [0, 0, 0, 1, SECOND, 10 * SECOND, 29 * SECOND, 31 * SECOND, 60 * SECOND, 61 * SECOND, 90 * SECOND, 600 * SECOND]
STEP = [1, SECOND, 10 * SECOND, 30 * SECOND, 60 * SECOND, 3600 * SECOND]
BODY = [0, 1, 20, LARGEST_BODY]
STATUS = [200, 500, 503]
ROOM_TASKS, ROOM_BYTES = [1, 2, 4, 100], [LARGEST_BODY, 100, 100_000]
RATE, BURST, SLOTS = [1, 10, 500], [1, 3, 100], [1, 2, 3, 4]
DELAYS = st.sampled_from(DELAY)
LIMITS = {"rate": st.sampled_from(RATE), "burst": st.sampled_from(BURST), "slots": st.sampled_from(SLOTS)}


def come_to_rest(world: World) -> None:
    """Once workers and disk are well again, every task is sent, by the lane's own alarms alone."""
    world.enter(QueueState.RUNNING)
    for _ in range(50 + 10 * len(world.store)):
        while world.blocked:
            world.unblock()
        plan = world.settle()
        if not world.store and not world.attempts:
            assert world.lane.idle(world.now)
            return
        for attempt in world.pending():
            world.answer(attempt, status=200, delay=0, disk_full=False)
        if not world.attempts:
            assert plan.wake is not None
            world.now = plan.wake
    raise AssertionError(f"never sent: {list(world.store.values())}")


class LaneInAnyOrder(RuleBasedStateMachine):
    """A lane, its store, and whoever carries between them, one step at a time."""

    @initialize(tasks=st.sampled_from(ROOM_TASKS), size=st.sampled_from(ROOM_BYTES), **LIMITS)
    def begin(self, tasks: int, size: int, rate: int, burst: int, slots: int) -> None:
        self.world = World(room=Room(tasks, size), rate=rate, burst=burst, slots=slots)

    # callers

    @rule(
        delays=st.lists(DELAYS, min_size=1, max_size=4),
        tie=st.integers(0, 2),
        body=st.sampled_from(BODY),
    )
    def add(self, delays: list[int], tie: int, body: int) -> None:
        for delay in delays:
            self.world.add(delay=delay, tie=tie, body=body)

    @precondition(lambda self: self.world.store)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.world.delete(data.draw(st.sampled_from(sorted(self.world.store))))

    @precondition(lambda self: self.world.store)
    @rule(data=st.data())
    def run(self, data: st.DataObject) -> None:
        self.world.run(data.draw(st.sampled_from(sorted(self.world.store))))

    @rule()
    def purge(self) -> None:
        self.world.purge()

    @rule(state=st.sampled_from([QueueState.RUNNING, QueueState.PAUSED]))
    def enter(self, state: QueueState) -> None:
        self.world.enter(state)

    @rule(**LIMITS)
    def change(self, rate: int, burst: int, slots: int) -> None:
        self.world.change(rate=rate, burst=burst, slots=slots)

    # what is under way

    @precondition(lambda self: self.world.notices)
    @rule()
    def tell(self) -> None:
        self.world.tell()

    @precondition(lambda self: self.world.closing)
    @rule()
    def close(self) -> None:
        self.world.close()

    @rule(quota=st.integers(1, 3))
    def turn(self, quota: int) -> None:
        self.world.turn(quota)

    @precondition(lambda self: self.world.load is not None)
    @rule()
    def read(self) -> None:
        self.world.read()

    @precondition(lambda self: self.world.load is not None)
    @rule()
    def fail_load(self) -> None:
        self.world.fail_load()

    # workers and the disk

    @precondition(lambda self: self.world.pending())
    @rule(data=st.data(), status=st.sampled_from(STATUS), delay=DELAYS, disk_full=st.booleans())
    def answer(self, data: st.DataObject, status: int, delay: int, disk_full: bool) -> None:
        attempt = data.draw(st.sampled_from(self.world.pending()))
        self.world.answer(attempt, status=status, delay=delay, disk_full=disk_full)

    @precondition(lambda self: self.world.blocked)
    @rule()
    def unblock(self) -> None:
        self.world.unblock()

    @rule(step=st.sampled_from(STEP))
    def wait(self, step: int) -> None:
        self.world.now += step

    # the truth

    @rule()
    def settle(self) -> None:
        self.world.settle()

    @invariant()
    def stays_within_its_room(self) -> None:
        if hasattr(self, "world"):
            self.world.check_room()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            come_to_rest(self.world)


TestLaneInAnyOrder = LaneInAnyOrder.TestCase
TestLaneInAnyOrder.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


class Wanderer:
    """Takes random steps in a world of random size."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = World(room=Room(self._any(ROOM_TASKS), self._any(ROOM_BYTES)), **self._limits())
        # (weight, whether it is possible, the step)
        self.steps: dict[str, tuple[float, Callable[[], object], Callable[[], object]]] = {
            "add": (6, lambda: True, self._add),
            "delete": (2, lambda: self.world.store, lambda: self.world.delete(self._serial())),
            "run": (4, lambda: self.world.store, lambda: self.world.run(self._serial())),
            "purge": (0.2, lambda: True, self.world.purge),
            "pause": (0.3, lambda: True, lambda: self.world.enter(QueueState.PAUSED)),
            "resume": (0.6, lambda: True, lambda: self.world.enter(QueueState.RUNNING)),
            "change": (0.3, lambda: True, lambda: self.world.change(**self._limits())),
            "tell": (10, lambda: self.world.notices, self.world.tell),
            "close": (6, lambda: self.world.closing, self.world.close),
            "turn": (6, lambda: True, lambda: self.world.turn(self._any([1, 2, 3]))),
            "read": (3, lambda: self.world.load, self.world.read),
            "fail_load": (0.3, lambda: self.world.load, self.world.fail_load),
            "answer": (6, self.world.pending, self._answer),
            "unblock": (2, lambda: self.world.blocked, self.world.unblock),
            "wait": (3, lambda: True, self._wait),
            "settle": (0.7, lambda: True, self.world.settle),
        }

    def wander(self, steps: int) -> None:
        weights = [step[0] for step in self.steps.values()]
        for name in self.random.choices(list(self.steps), weights, k=steps):
            _, possible, take = self.steps[name]
            if possible():
                take()
                self.world.check_room()
        come_to_rest(self.world)

    def _any(self, values: list[int]) -> int:
        return self.random.choice(values)

    def _limits(self) -> dict[str, int]:
        return {"rate": self._any(RATE), "burst": self._any(BURST), "slots": self._any(SLOTS)}

    def _serial(self) -> int:
        return self._any(sorted(self.world.store))

    def _add(self) -> None:
        for _ in range(self._any([1, 1, 1, 2, 4])):
            self.world.add(delay=self._any(DELAY), tie=self._any([0, 1, 2]), body=self._any(BODY))

    def _answer(self) -> None:
        attempt = self.random.choice(self.world.pending())
        disk_full = self.random.random() < 0.15
        self.world.answer(attempt, status=self._any(STATUS), delay=self._any(DELAY), disk_full=disk_full)

    def _wait(self) -> None:
        self.world.now += self._any(STEP)


@pytest.mark.parametrize("hundred", range(12))
def test_a_lane_survives_a_long_and_random_life(hundred: int) -> None:
    for seed in range(100 * hundred, 100 * hundred + 100):
        try:
            Wanderer(seed).wander(150)
        except Exception as fault:
            raise AssertionError(f"the life of seed {seed} ended badly") from fault


@pytest.mark.soak
def test_a_lane_survives_a_great_many_lives() -> None:
    for seed in range(1_200, 50_000):
        try:
            Wanderer(seed).wander(300)
        except Exception as fault:
            raise AssertionError(f"the life of seed {seed} ended badly") from fault
