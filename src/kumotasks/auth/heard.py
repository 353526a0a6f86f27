"""Keys of records that others have changed and that are to be read anew, before anybody is answered from memory.

A key stays until it was read; one that changes while it is read, or that could not be read, is read again. What the
records are is unknown here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable


class Heard:
    """Empty at first."""

    def __init__(self) -> None:
        self._keys: dict[str, int] = {}
        self._count = 0

    def __bool__(self) -> bool:
        return bool(self._keys)

    def add(self, key: str) -> None:
        self._count += 1
        self._keys[key] = self._count

    async def read(self, look: Callable[[str], Awaitable[None]]) -> None:
        """Have every key looked at. Several may do so at a time; each returns once what he found here was read."""
        for key, number in tuple(self._keys.items()):
            await look(key)
            if self._keys.get(key) == number:
                del self._keys[key]
