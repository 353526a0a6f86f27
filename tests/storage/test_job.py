"""What a transaction came to is handed out: to everybody who waits, whoever else stumbles."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from kumotasks.domain.errors import StorageFull
from kumotasks.storage.job import Outcome


@dataclass
class Listening:
    """A waiter that notes what it is told, or fails over it."""

    told: list[object] = field(default_factory=list)
    fault: Exception | None = None
    over: bool = False

    def done(self) -> bool:
        return self.over

    def set_result(self, result: object) -> None:
        self.told.append(result)
        if self.fault is not None:
            raise self.fault

    def set_exception(self, failure: Exception) -> None:
        self.set_result(failure)


async def test_a_waiter_that_fails_is_reported_and_holds_nobody_up() -> None:
    reported: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))
    faults, full = (ZeroDivisionError(), LookupError()), StorageFull()
    waiters = [Listening(fault=faults[0]), Listening(), Listening(fault=faults[1]), Listening()]
    Outcome(
        answers=[(waiters[0], "a"), (waiters[1], "b")], refusals=[(waiters[2], full), (waiters[3], full)]
    ).hand_out()
    assert [waiter.told for waiter in waiters] == [["a"], ["b"], [full], [full]]
    assert reported == [*faults]


async def test_who_waits_no_longer_is_told_nothing() -> None:
    gone, there = Listening(over=True), Listening()
    Outcome(answers=[(gone, 1), (there, 1)], refusals=[(gone, StorageFull())]).hand_out()
    assert (gone.told, there.told) == ([], [1])
