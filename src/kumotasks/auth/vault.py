"""Where private keys are kept: a directory of private files, or the store of many nodes (`shared_vault`).

A vault holds bytes by name. Whoever changes one is alone with it: he gives a step from what is there to what shall be,
which may be asked again where another process came first. What the bytes are is unknown here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from kumotasks.auth import private_file
from kumotasks.domain.clock import SECOND, Clock

LOOK_AGAIN = 1 * SECOND
Step = Callable[[bytes | None], bytes]


class Vault(Protocol):
    """A failure is an OSError or a StorageUnavailable."""

    async def read(self, name: str) -> bytes | None: ...

    async def change(self, name: str, step: Step) -> tuple[bytes, object]:
        """Put what `step` makes of it, in a thread, if that is anything else; what is there now, and its mark."""

    def mark(self, name: str) -> object:
        """Another value once somebody has changed it, within a second; cheap."""


class FileVault:
    """A private file for each name below `directory`, for every process that has the same one."""

    def __init__(self, directory: Path, wall: Clock) -> None:
        self._directory = directory
        self._wall = wall
        self._marks: dict[str, tuple[int, object]] = {}  # when looked, and what was seen

    async def read(self, name: str) -> bytes | None:
        return await asyncio.to_thread(private_file.read, self._directory / name)

    async def change(self, name: str, step: Step) -> tuple[bytes, object]:
        content, mark = await asyncio.to_thread(partial(self._change, self._directory / name, step))
        self._marks[name] = self._wall.now(), mark
        return content, mark

    def mark(self, name: str) -> object:
        now = self._wall.now()
        looked, mark = self._marks.get(name, (now - LOOK_AGAIN, None))
        if not 0 <= now - looked < LOOK_AGAIN:
            mark = _stamp(self._directory / name)
            self._marks[name] = now, mark
        return mark

    def _change(self, path: Path, step: Step) -> tuple[bytes, object]:
        private_file.make_directory(self._directory)
        with private_file.alone(path.parent):
            before = private_file.read(path)
            after = step(before)
            if after != before:
                private_file.write(path, after)
            return after, _stamp(path)


def _stamp(file: Path) -> object:
    """What differs when a file was replaced."""
    try:
        found = os.stat(file)  # noqa: PTH116 - once a second on the event loop: the lightest call there is
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
