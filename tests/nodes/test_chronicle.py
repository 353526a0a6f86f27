"""The judge of the chaos tests must be able to say no."""

from __future__ import annotations

import pytest

from tests.nodes.chronicle import Acknowledged, Answered, Arrived, Chronicle, Disrupted, Event, fullest_window, judge

ARRIVAL = Arrived("t", 0, "q", 1)
RETRY = Arrived("t", 1, "q", 2)
SUCCESS = Answered("t", 0, 200)
FAILURE = Answered("t", 0, 500)
DONE = frozenset({("t", 0)})


def blow(begun: int, committed: frozenset[tuple[str, int]] = frozenset(), queue: str = "q") -> Disrupted:
    return Disrupted(begun, committed, frozenset({queue}))


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([ARRIVAL, SUCCESS, ARRIVAL], id="again without a blow"),
        pytest.param([ARRIVAL, ARRIVAL], id="twice at once"),
        pytest.param([ARRIVAL, SUCCESS, blow(2, DONE), ARRIVAL], id="committed before the blow"),
        pytest.param([ARRIVAL, SUCCESS, blow(2, DONE), RETRY], id="a success is not followed by more"),
        pytest.param([ARRIVAL, FAILURE, blow(2, DONE), ARRIVAL], id="a failure is counted only once"),
        pytest.param([ARRIVAL, blow(1, queue="other"), ARRIVAL], id="another node was hit"),
        pytest.param([blow(0), ARRIVAL, SUCCESS, ARRIVAL], id="the blow was before the first delivery"),
        pytest.param([ARRIVAL, SUCCESS, ARRIVAL, blow(3)], id="the blow came after the second"),
    ],
)
def test_a_repetition_without_excuse_is_found(events: list[Event]) -> None:
    assert len(judge(events).repeated) == 1


@pytest.mark.parametrize(
    ("events", "excused"),
    [
        pytest.param([ARRIVAL, blow(1), ARRIVAL], 1, id="open at the blow"),
        pytest.param([ARRIVAL, SUCCESS, blow(2), ARRIVAL], 1, id="answered, not committed"),
        pytest.param([ARRIVAL, blow(1), SUCCESS, ARRIVAL], 1, id="answered after the blow"),
        pytest.param([ARRIVAL, FAILURE, RETRY], 0, id="a retry"),
        pytest.param([ARRIVAL, blow(1), ARRIVAL, blow(3), ARRIVAL], 3, id="two blows"),
        pytest.param(
            [ARRIVAL, Disrupted(1, frozenset(), frozenset(), frozenset("t")), ARRIVAL], 1, id="handed over by the node"
        ),
    ],
)
def test_an_excused_repetition_is_none(events: list[Event], excused: int) -> None:
    verdict = judge(events)
    assert (verdict.repeated, verdict.excused) == ([], excused)


def test_what_was_committed_at_a_blow_is_counted() -> None:
    assert judge([ARRIVAL, SUCCESS, blow(2, DONE)]).proven == 1
    assert judge([ARRIVAL, SUCCESS, blow(2, DONE, "other")]).proven == 0


def test_an_acknowledged_task_that_is_never_served_is_lost() -> None:
    chronicle = Chronicle()
    for event in (ARRIVAL, SUCCESS, Acknowledged("t"), Acknowledged("u"), Arrived("u", 0, "q", 3)):
        chronicle.note(event)
    chronicle.note(Answered("u", 0, 500))
    assert chronicle.wait_until_served(timeout=0) == {"u"}


@pytest.mark.parametrize(("instants", "most"), [([], 0), ([5], 1), ([0, 9, 10, 11], 3), ([3, 1, 2], 3)])
def test_the_fullest_window(instants: list[int], most: int) -> None:
    assert fullest_window(instants, 10) == most
