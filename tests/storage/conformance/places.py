"""Where a store of each engine lies, so that a test can open it, open it again, and take a picture of it meanwhile."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Protocol

from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlstore import SqlStore


class Place(Protocol):
    """Where one store's data lies."""

    def store(self) -> SqlStore:
        """A store on this data, not yet started."""

    def picture(self) -> Place:
        """The data as a crash at this moment would leave it."""


class SqlitePlace:
    """A folder with the file, its log and its index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def store(self) -> SqlStore:
        return SqliteStore(self._folder / "kumo.db")

    def picture(self) -> SqlitePlace:
        folder = self._folder.with_name(f"picture-{sum(1 for _ in self._folder.parent.iterdir())}")
        shutil.copytree(self._folder, folder)
        return SqlitePlace(folder)
