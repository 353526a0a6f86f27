"""The judge of the crash tests must be able to say no."""

from __future__ import annotations

import pytest

from tests.crash.ledger import PROOF, Acknowledged, Answered, Arrived, Event, Killed, Ledger, Sent, judge

ATTEMPT: list[Event] = [Arrived("t", 0), Answered("t", 0, 200)]
FAILURE: list[Event] = [Arrived("t", 0), Answered("t", 0, 500)]
CREATION: list[Event] = [Sent(1), Acknowledged(1, "other")]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([*ATTEMPT, Arrived("t", 0)], id="again without a kill"),
        pytest.param([*ATTEMPT, *CREATION * PROOF, Killed(), Arrived("t", 0)], id="committed before the kill"),
        pytest.param([*ATTEMPT, *CREATION * PROOF, Killed(), Arrived("t", 1)], id="a success is not followed by more"),
        pytest.param([*FAILURE, *CREATION * PROOF, Killed(), Arrived("t", 0)], id="a failure is counted only once"),
        pytest.param([*ATTEMPT, *CREATION * PROOF, Killed(), Killed(), Arrived("t", 0)], id="the first kill decides"),
        pytest.param([Killed(), *ATTEMPT, Arrived("t", 0)], id="the kill was before the first delivery"),
    ],
)
def test_a_repetition_without_excuse_is_found(events: list[Event]) -> None:
    assert len(judge(events).repeated) == 1


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([Arrived("t", 0), Killed(), *ATTEMPT], id="open at the kill"),
        pytest.param([Arrived("t", 0), Killed(), Answered("t", 0, 200), Arrived("t", 0)], id="answered after the kill"),
        pytest.param([*ATTEMPT, Killed(), *ATTEMPT], id="not surely committed at the kill"),
        pytest.param([*ATTEMPT, *CREATION * (PROOF - 1), Killed(), *ATTEMPT], id="too few creations to prove it"),
        pytest.param([Sent(1), *ATTEMPT, Acknowledged(1, "o"), *CREATION * 2, Killed(), *ATTEMPT], id="sent before it"),
        pytest.param([*ATTEMPT, *CREATION * 2, Sent(1), Killed(), *CREATION, *ATTEMPT], id="the third never answered"),
        pytest.param([*FAILURE, Arrived("t", 1)], id="a retry"),
    ],
)
def test_an_excused_repetition_is_none(events: list[Event]) -> None:
    assert judge(events).repeated == []


def test_creations_of_several_producers_do_not_add_up_to_a_proof() -> None:
    creations = [event for producer in range(PROOF) for event in (Sent(producer), Acknowledged(producer, "other"))]
    assert judge([*ATTEMPT, *creations, Killed()]).proven == 0
    assert judge([*ATTEMPT, *CREATION * PROOF, Killed()]).proven == 1


def test_an_acknowledged_task_that_is_never_served_is_lost() -> None:
    ledger = Ledger()
    for event in (*ATTEMPT, Acknowledged(1, "t"), Acknowledged(1, "u"), Arrived("u", 0), Answered("u", 0, 500)):
        ledger.note(event)
    assert ledger.wait_until_served(timeout=0) == {"u"}
