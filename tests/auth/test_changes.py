"""Changes, one at a time and to their end."""

from __future__ import annotations

import asyncio

import pytest

from kumotasks.auth.changes import Changes


async def test_changes_are_made_one_after_another() -> None:
    changes, seen, gate = Changes(), list[str](), asyncio.Event()

    async def first() -> None:
        seen.append("first begins")
        await gate.wait()
        seen.append("first ends")

    async def second() -> None:
        seen.append("second")

    both = asyncio.gather(changes.make(first), changes.make(second))
    for _ in range(5):
        await asyncio.sleep(0)
    assert seen == ["first begins"]
    gate.set()
    await both
    assert seen == ["first begins", "first ends", "second"]


async def test_a_change_is_made_though_its_caller_went_away() -> None:
    changes, begun, gate, made = Changes(), asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def change() -> None:
        begun.set()
        await gate.wait()
        made.set()

    caller = asyncio.ensure_future(changes.make(change))
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    gate.set()
    await asyncio.wait_for(made.wait(), 5)


async def test_a_change_that_fails_tells_its_caller_and_lets_the_next_one_go() -> None:
    changes = Changes()

    async def fail() -> str:
        raise ValueError("no")

    async def succeed() -> str:
        return "yes"

    with pytest.raises(ValueError, match="no"):
        await changes.make(fail)
    assert await changes.make(succeed) == "yes"
