"""The lane under every interleaving: the steps of `lane_world` in any order, and at any point the truth.

Never: a task sent twice at once, sent stale, after its end, without token or slot, beyond the room. Always: what is due
and may go, goes, and the lane wakes in time for what comes next.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kumotasks.domain.lane import Room
from kumotasks.domain.queue import QueueState
from tests.domain.factory import SECOND
from tests.domain.lane_world import LARGEST_BODY, World

DELAYS = st.sampled_from([0, 1, SECOND, 10 * SECOND, 29 * SECOND, 31 * SECOND, 60 * SECOND, 61 * SECOND, 600 * SECOND])
LIMITS = {"rate": st.sampled_from([1, 10, 500]), "burst": st.sampled_from([1, 3, 100]), "slots": st.integers(1, 4)}


class LaneInAnyOrder(RuleBasedStateMachine):
    """A lane, its store, and whoever carries between them, one step at a time."""

    @initialize(tasks=st.sampled_from([1, 2, 4, 100]), size=st.sampled_from([LARGEST_BODY, 100, 100_000]), **LIMITS)
    def begin(self, tasks: int, size: int, rate: int, burst: int, slots: int) -> None:
        self.world = World(room=Room(tasks, size), rate=rate, burst=burst, slots=slots)

    # callers

    @rule(
        delays=st.lists(DELAYS, min_size=1, max_size=4),
        tie=st.integers(0, 2),
        body=st.sampled_from([0, 1, 20, LARGEST_BODY]),
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

    @precondition(lambda self: self.world.load is not None and self.world.load.tasks is None)
    @rule()
    def read_tasks(self) -> None:
        self.world.read_tasks()

    @precondition(
        lambda self: self.world.load is not None and self.world.load.tasks is not None and not self.world.load.complete
    )
    @rule()
    def read_next(self) -> None:
        self.world.read_next()

    @precondition(lambda self: self.world.load is not None and self.world.load.complete)
    @rule()
    def end_load(self) -> None:
        self.world.end_load()

    @precondition(lambda self: self.world.load is not None)
    @rule()
    def fail_load(self) -> None:
        self.world.fail_load()

    # workers and the disk

    @precondition(lambda self: self.world.pending())
    @rule(data=st.data(), status=st.sampled_from([200, 500, 503]), delay=DELAYS, disk_full=st.booleans())
    def answer(self, data: st.DataObject, status: int, delay: int, disk_full: bool) -> None:
        attempt = data.draw(st.sampled_from(self.world.pending()))
        self.world.answer(attempt, status=status, delay=delay, disk_full=disk_full)

    @precondition(lambda self: self.world.blocked)
    @rule()
    def unblock(self) -> None:
        self.world.unblock()

    @rule(step=st.sampled_from([1, SECOND, 10 * SECOND, 30 * SECOND, 60 * SECOND, 3600 * SECOND]))
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
        """Once workers and disk are well again, every task is sent, by the lane's own alarms alone."""
        if not hasattr(self, "world"):
            return
        world = self.world
        world.enter(QueueState.RUNNING)
        for _ in range(50 + 10 * len(world.store)):
            while world.blocked:
                world.unblock()
            plan = world.settle()
            if not world.store and not world.attempts:
                assert world.lane.idle(world.now)
                return
            if world.pending():
                for attempt in world.pending():
                    world.answer(attempt, status=200, delay=0, disk_full=False)
            else:
                assert plan.wake is not None
                world.now = plan.wake
        raise AssertionError(f"never sent: {list(world.store.values())}")


TestLaneInAnyOrder = LaneInAnyOrder.TestCase
TestLaneInAnyOrder.settings = settings(
    max_examples=120, stateful_step_count=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)


@pytest.mark.soak
class TestLaneInAnyOrderForLong(LaneInAnyOrder.TestCase):
    settings = settings(
        max_examples=20_000, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
    )
