"""Keys that were heard of stay until their records were read as they are now."""

from __future__ import annotations

import asyncio

import pytest

from kumotasks.auth.heard import Heard
from kumotasks.domain.errors import StorageUnavailable


async def test_each_key_is_looked_at_once_and_then_gone() -> None:
    heard, seen = Heard(), []

    async def look(key: str) -> None:
        seen.append(key)

    for key in ("a", "b", "a"):
        heard.add(key)
    await heard.read(look)
    assert seen == ["a", "b"]
    assert not heard


async def test_a_key_that_could_not_be_read_stays() -> None:
    heard = Heard()
    heard.add("a")

    async def fail(_: str) -> None:
        raise StorageUnavailable

    with pytest.raises(StorageUnavailable):
        await heard.read(fail)
    assert heard


async def test_a_key_that_changes_while_it_is_read_is_read_again() -> None:
    heard = Heard()
    heard.add("a")

    async def look(key: str) -> None:
        heard.add(key)

    await heard.read(look)
    assert heard


async def test_nobody_goes_on_before_a_key_that_another_one_reads_was_read() -> None:
    heard, go, seen = Heard(), asyncio.Event(), []
    heard.add("a")

    async def look(key: str) -> None:
        await go.wait()
        seen.append(key)

    readers = [asyncio.create_task(heard.read(look)) for _ in range(2)]
    await asyncio.sleep(0)
    assert heard
    assert not any(reader.done() for reader in readers)
    go.set()
    await asyncio.gather(*readers)
    assert seen == ["a", "a"]
    assert not heard
