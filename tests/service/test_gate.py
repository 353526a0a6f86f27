"""The door: who may comes in, results and refusals go out, anything else is logged once; all of it is counted."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import pytest

from kumotasks.domain.errors import InternalFault, KumoError, PermissionDenied, QueueNotFound
from kumotasks.domain.principal import ANONYMOUS, Need, Principal
from kumotasks.service.gate import Gate


async def fine() -> str:
    return "result"


async def refused() -> str:
    raise QueueNotFound


async def broken() -> str:
    raise ZeroDivisionError


async def test_results_and_refusals_pass_and_faults_are_hidden(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    assert await gate.through("GetQueue", ANONYMOUS, (), fine) == "result"
    with pytest.raises(QueueNotFound):
        await gate.through("GetQueue", ANONYMOUS, (), refused)
    assert caplog.records == []
    with caplog.at_level(logging.ERROR, "kumotasks.service"), pytest.raises(InternalFault) as hidden:
        await gate.through("GetQueue", ANONYMOUS, (), broken)
    assert isinstance(hidden.value, KumoError)
    assert "Zero" not in hidden.value.message
    assert [record.message for record in caplog.records] == ["call failed inside the server"]
    assert gate.calls == {
        ("GetQueue", "OK"): 1,
        ("GetQueue", "QueueNotFound"): 1,
        ("GetQueue", "InternalFault"): 1,
    }


# who may

CALLER = Principal("w@p.iam.gserviceaccount.com", "1" * 21)
NEEDS = (Need("cloudtasks.tasks.create", "projects/p"), Need("cloudtasks.tasks.fullView", "projects/p"))


class Book:
    """A judge that says what it is told to, and writes down what happens, in order."""

    def __init__(self, *, known: bool = False, verdict: Exception | None = None) -> None:
        self.happened: list[str] = []
        self.seen: list[tuple[Principal, Sequence[Need]]] = []
        self._known = known
        self._verdict = verdict

    def known(self, principal: Principal, needs: Sequence[Need], /) -> bool:
        self.happened.append("known")
        self.seen.append((principal, needs))
        return self._known

    async def check(self, principal: Principal, needs: Sequence[Need], /) -> None:
        self.happened.append("check")
        self.seen.append((principal, needs))
        if self._verdict is not None:
            raise self._verdict

    async def call(self) -> str:
        self.happened.append("call")
        return "result"


async def test_what_was_granted_a_moment_ago_is_not_judged_again() -> None:
    judge = Book(known=True)
    assert await Gate(judge).through("M", CALLER, NEEDS, judge.call) == "result"
    assert judge.happened == ["known", "call"]


async def test_what_is_not_known_is_judged_before_the_call_is_made() -> None:
    judge = Book()
    assert await Gate(judge).through("M", CALLER, NEEDS, judge.call) == "result"
    assert judge.happened == ["known", "check", "call"]
    assert judge.seen == [(CALLER, NEEDS)] * 2


async def test_who_may_not_calls_nothing_and_is_counted() -> None:
    judge = Book(verdict=PermissionDenied("cloudtasks.tasks.create", "projects/p"))
    gate = Gate(judge)
    with pytest.raises(PermissionDenied):
        await gate.through("M", CALLER, NEEDS, judge.call)
    assert judge.happened == ["known", "check"]
    assert gate.calls == {("M", "PermissionDenied"): 1}


async def test_a_judge_that_breaks_lets_nobody_in(caplog: pytest.LogCaptureFixture) -> None:
    judge = Book(verdict=ZeroDivisionError())
    gate = Gate(judge)
    with caplog.at_level(logging.ERROR, "kumotasks.service"), pytest.raises(InternalFault):
        await gate.through("M", CALLER, NEEDS, judge.call)
    assert judge.happened == ["known", "check"]
    assert [record.message for record in caplog.records] == ["call failed inside the server"]


async def test_a_call_that_needs_nothing_is_everybodys() -> None:
    judge = Book(verdict=PermissionDenied("x", "y"))
    assert await Gate(judge).through("M", ANONYMOUS, (), judge.call) == "result"
    assert judge.happened == ["call"]


async def test_without_a_judge_everybody_may_do_everything() -> None:
    judge = Book()
    assert await Gate().through("M", ANONYMOUS, NEEDS, judge.call) == "result"
    assert judge.happened == ["call"]
