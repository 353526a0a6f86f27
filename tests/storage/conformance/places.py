"""Where a store of each engine lies, so that a test can open it, open it again, and take a picture of it meanwhile."""

from __future__ import annotations

import shutil
from copy import copy
from pathlib import Path
from typing import Protocol

from kumotasks.storage.logs import Shelf, SqliteShelf
from kumotasks.storage.postgres.engine import PostgresStore
from kumotasks.storage.postgres.shelf import PostgresShelf
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlstore import SqlStore
from tests.postgres import postgres


class Place(Protocol):
    """Where one store's data lies."""

    def store(self) -> SqlStore:
        """A store on this data, not yet started."""

    def shelf(self) -> Shelf:
        """A shelf of log entries there, not yet started."""

    def picture(self) -> Place:
        """The data as a crash at this moment would leave it."""

    def remove(self) -> None:
        """It is needed no more, nor are its pictures."""


class SqlitePlace:
    """A folder with the file, its log and its index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def store(self) -> SqlStore:
        return SqliteStore(self._folder / "kumo.db")

    def shelf(self) -> Shelf:
        return SqliteShelf(self._folder / "logs.db")

    def picture(self) -> SqlitePlace:
        folder = self._folder.with_name(f"picture-{sum(1 for _ in self._folder.parent.iterdir())}")
        shutil.copytree(self._folder, folder)
        return SqlitePlace(folder)

    def remove(self) -> None:
        shutil.rmtree(self._folder.parent)


class PostgresPlace:
    """A database. A picture of it cuts its connections, and is taken when every lease has ended."""

    def __init__(self, folder: Path) -> None:
        self._server = postgres()
        self.database = self._server.new_database()
        self._pictures = [self.database]

    @property
    def url(self) -> str:
        return self._server.url(self.database)

    def store(self) -> SqlStore:
        return PostgresStore(self.url)

    def shelf(self) -> Shelf:
        return PostgresShelf(self.url)

    def picture(self) -> PostgresPlace:
        picture = copy(self)
        picture.database = self._server.new_database(self.database)
        self._pictures.append(picture.database)
        self._server.execute("UPDATE node SET until = 0", database=picture.database)
        return picture

    def remove(self) -> None:
        for database in self._pictures:
            self._server.remove(database)
