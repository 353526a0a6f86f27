"""Projects by id and by number. A number follows from its id, never the other way: the ids that were seen are kept.

Whether a project exists is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from kumotasks.auth.changes import Changes
from kumotasks.auth.heard import Heard
from kumotasks.domain.account import project_number
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import StorageFull
from kumotasks.storage.news import ANY, NO_NEWS, News
from kumotasks.storage.records import ABSENT, RecordChanged, Records

KIND = "project"
_BATCH = 1_000


class Projects:
    """Numbers that were shown once, and the ids that they stand for."""

    def __init__(self, records: Records, wall: Clock, news: News = NO_NEWS) -> None:
        self._records = records
        self._wall = wall
        self._changes = Changes()
        self._ids: dict[str, str] = {}  # number -> id
        self._order: list[str] = []
        self._heard = Heard()  # numbers
        self._heard.add(ANY)
        self._news = news
        news.watch(KIND, self._hear)

    async def number(self, project: str) -> str:
        """The number of a project, which from now on also leads back to it."""
        number = project_number(project)
        if number != project and number not in self._ids:
            await self._load()
            with suppress(StorageFull):  # the number is right all the same; it is kept the next time
                await self._changes.make(partial(self._remember, number, project))
        return number

    async def resolve(self, text: str) -> str:
        """The id for an id or for a number that was seen; any other text is its own."""
        if not text.isdecimal():
            return text
        return self._ids.get(text) or await self._stored(text) or text  # another process may have shown it

    async def seen(self) -> Sequence[str]:
        """The ids of all projects whose number was shown; it only ever grows at its end."""
        await self._load()
        return self._order

    def _hear(self, number: str) -> None:
        if number not in self._ids:
            self._heard.add(number)

    async def _load(self) -> None:
        if not self._news.current():
            await self._news.confirm()
        if self._heard:
            await self._changes.make(partial(self._heard.read, self._look))

    async def _look(self, number: str) -> None:
        if number == ANY:
            await self._look_at_all()
            return
        project = await self._stored(number)
        if project:
            self._add(number, project)

    async def _look_at_all(self) -> None:
        after = ""
        while True:
            found = await self._records.list_records(KIND, prefix="", after=after, limit=_BATCH)
            for record in found:
                self._add(record.key, record.value.decode())
            if len(found) < _BATCH:
                return
            after = found[-1].key

    async def _remember(self, number: str, project: str) -> None:
        if number in self._ids:
            return
        with suppress(RecordChanged):  # another process showed it, or another project has the number already
            record = project.encode()
            await self._records.put_record(KIND, number, record, now=self._wall.now(), if_etag=ABSENT)
        self._add(number, await self._stored(number) or project)

    async def _stored(self, number: str) -> str:
        record = await self._records.get_record(KIND, number)
        return "" if record is None else record.value.decode()

    def _add(self, number: str, project: str) -> None:
        if number not in self._ids:
            self._ids[number] = project
            self._order.append(project)
