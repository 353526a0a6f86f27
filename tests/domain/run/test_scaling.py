"""How many instances run, and who gets the next request."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.clock import MINUTE, SECOND
from kumotasks.domain.run.change import revision_of
from kumotasks.domain.run.scaling import Bounds, Plan, bounds, pause, place, plan
from tests.domain.run.factory import a_service

LIMITS = Bounds(concurrency=2, least=0, most=3)
NOW = 100 * MINUTE
IDLE = 15 * MINUTE


@dataclass(frozen=True)
class Seated:
    id: str
    ready: bool = True
    open: int = 0
    idle_since: int = NOW


def planned(*seats: Seated, waiting: int = 0, limits: Bounds = LIMITS) -> Plan:
    return plan(seats, waiting, limits, idle=IDLE, now=NOW)


def test_the_least_busy_instance_that_is_ready_gets_the_request() -> None:
    seats = [Seated("a", open=1), Seated("b", ready=False), Seated("c", open=0), Seated("d", open=0)]
    found = place(seats, 2)
    assert found is not None
    assert found.id == "c"


def test_nobody_gets_more_than_it_may_have_at_once() -> None:
    assert place([Seated("a", open=2), Seated("b", open=3)], 2) is None


@pytest.mark.parametrize(
    ("seats", "waiting", "start"),
    [
        ((), 0, 0),
        ((), 1, 1),
        ((), 2, 1),
        ((), 3, 2),
        ((), 100, 3),
        ((Seated("a", ready=False),), 2, 0),  # one is on its way for both
        ((Seated("a", ready=False),), 3, 1),
        ((Seated("a", open=2), Seated("b", open=2), Seated("c", open=2)), 5, 0),  # no more than may run
    ],
)
def test_as_many_are_started_as_waiting_requests_need(seats: tuple[Seated, ...], waiting: int, start: int) -> None:
    assert planned(*seats, waiting=waiting).start == start


def test_the_least_number_runs_without_a_request() -> None:
    assert planned(Seated("a"), limits=Bounds(2, 2, 3)) == Plan(start=1)


def test_an_idle_instance_is_stopped_at_the_end_of_its_time_and_not_before() -> None:
    old, young = Seated("old", idle_since=NOW - IDLE), Seated("young", idle_since=NOW - SECOND)
    assert planned(young, old) == Plan(stop=("old",), look_again=young.idle_since + IDLE)
    assert planned(replace(old, open=1), young) == Plan(look_again=young.idle_since + IDLE)


def test_those_that_shall_stay_are_the_ones_that_worked_last() -> None:
    seats = [Seated(name, idle_since=NOW - IDLE - age) for name, age in (("a", 1), ("b", 3), ("c", 2))]
    assert planned(*seats, limits=Bounds(2, 1, 3)).stop == ("b", "c")


def test_one_too_many_is_stopped_as_soon_as_it_has_nothing_to_do() -> None:
    assert planned(Seated("a", open=1), Seated("b"), limits=Bounds(2, 0, 1)).stop == ("b",)
    assert planned(Seated("a", open=1), Seated("b", open=1), limits=Bounds(2, 0, 1)).stop == ()


@given(
    open_counts=st.lists(st.integers(0, 4), max_size=6),
    waiting=st.integers(0, 50),
    least=st.integers(0, 3),
    extra=st.integers(0, 5),
)
def test_a_plan_keeps_within_its_bounds(open_counts: list[int], waiting: int, least: int, extra: int) -> None:
    limits = Bounds(4, least, least + extra)
    seats = [Seated(str(n), open=count, idle_since=NOW - n * MINUTE) for n, count in enumerate(open_counts)]
    made = planned(*seats, waiting=waiting, limits=limits)
    left = len(seats) - len(made.stop) + made.start
    assert left <= max(limits.most, sum(count > 0 for count in open_counts))
    assert left >= min(least, limits.most)
    assert all(not seat.open for seat in seats if seat.id in made.stop)


def test_limits_of_a_service_are_shared_out_by_traffic() -> None:
    service = replace(a_service(), min_instances=4, max_instances=10)
    template = replace(service.template, min_instances=0, max_instances=100, concurrency=7)
    revision = revision_of(replace(service, template=template), uid="u", now=0, launch=None)
    assert bounds(service, revision, 100) == Bounds(7, 4, 10)
    assert bounds(service, revision, 25) == Bounds(7, 1, 3)
    assert bounds(service, revision, 0) == Bounds(7, 0, 1)  # reached by its tag only


def test_starts_that_fail_are_tried_ever_more_rarely() -> None:
    assert [pause(failures) // SECOND for failures in (0, 1, 2, 3, 6, 7, 1000)] == [0, 1, 2, 4, 32, 60, 60]
