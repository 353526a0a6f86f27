"""What callers do with tasks that ran out of attempts: list, get, drive again, remove; one, or all that a filter names.

A dead letter is named by its task's id, which means the newest of that name, or by `ID.SERIAL`, which means this one.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from kumotasks.domain import paging
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import EntityNotFound, InvalidArgument
from kumotasks.domain.names import INVALID_RESOURCE, QueueName, TaskName, parse_queue
from kumotasks.domain.task import Serials, Task
from kumotasks.logs.filter import parse
from kumotasks.service.letter_document import document
from kumotasks.storage.history import DeadLetter, History, LetterKey

MAX_PAGE = 1_000
_PAGE_BYTES = 2 * 1024 * 1024  # of bodies; the last may be above it
_SCANNED = 10_000  # letters looked through for one page; a filter may leave a page short
_BATCH = 100  # letters driven or removed in one transaction: others wait no longer than for so many tasks created
_BATCH_BYTES = 3 * 1024 * 1024
_BEFORE_ALL = LetterKey("", 0)
_IDENT = re.compile(r"(?P<task>[A-Za-z0-9_\-]{1,500})(?:\.(?P<serial>[0-9]{1,18}))?")


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Some dead letters, and the token of the next page, "" at the end."""

    letters: tuple[DeadLetter, ...]
    next_page_token: str


def letter_ident(key: LetterKey) -> str:
    """The last part of a dead letter's name."""
    return f"{key.task}.{key.serial}"


class DeadLetters:
    """`serials` are those that created tasks get: a task that is driven again is a new one."""

    def __init__(self, *, history: History, clock: Clock, serials: Serials) -> None:
        self._history = history
        self._clock = clock
        self._serials = serials

    async def list(self, parent: str, *, filter_text: str, page_size: int, page_token: str) -> LetterPage:
        """A page of a queue's dead letters by name; with a filter it may be short, or empty, and not the last."""
        queue = parse_queue(parent)
        wanted = parse(filter_text)
        now = self._clock.now()
        limit = paging.page_size(page_size, MAX_PAGE)
        scope = f"dead letters of {parent} where {filter_text}"
        last = _key(paging.decode(scope, page_token, now))
        shown: list[DeadLetter] = []
        looked_at = size = 0
        async for letter in self._behind(queue, last):
            if len(shown) == limit or looked_at == _SCANNED or size > _PAGE_BYTES:
                return LetterPage(tuple(shown), paging.encode(scope, letter_ident(last), now))
            if wanted.matches(document(letter)):
                shown.append(letter)
                size += len(letter.task.target.body)
            last = letter.key
            looked_at += 1
        return LetterPage(tuple(shown), "")

    async def get(self, parent: str, ident: str) -> DeadLetter:
        queue, (task, serial) = parse_queue(parent), _named(ident)
        return await self._history.dead_letter(TaskName(queue, task), serial)

    async def redrive(self, parent: str, ident: str) -> Task:
        """The task that is in the queue again: due now, its counters at nothing, its name kept where that is free."""
        queue, letter = parse_queue(parent), await self.get(parent, ident)
        driven = await self._drive(queue, [letter.key])
        if not driven:  # somebody else was quicker
            raise EntityNotFound
        return driven[0]

    async def redrive_all(self, parent: str, *, filter_text: str) -> int:
        """How many tasks are in the queue again. One that dies once more meanwhile stays dead."""
        queue = parse_queue(parent)
        driven = 0
        async for keys in self._batches(queue, filter_text):
            driven += len(await self._drive(queue, keys))
        return driven

    async def remove(self, parent: str, ident: str) -> None:
        letter = await self.get(parent, ident)
        if not await self._history.remove(letter.task.name.queue, [letter.key]):
            raise EntityNotFound

    async def purge(self, parent: str, *, filter_text: str) -> int:
        """How many were removed."""
        queue = parse_queue(parent)
        removed = 0
        async for keys in self._batches(queue, filter_text):
            removed += await self._history.remove(queue, keys)
        return removed

    async def _drive(self, queue: QueueName, keys: Sequence[LetterKey]) -> Sequence[Task]:
        now = self._clock.now()
        return await self._history.redrive(queue, keys, now=now, first=self._serials.several(now, len(keys)))

    async def _batches(self, queue: QueueName, filter_text: str) -> AsyncIterator[Sequence[LetterKey]]:
        """What the filter names of the letters of now, a batch at a time."""
        wanted = parse(filter_text)
        ceiling = self._serials.next(self._clock.now())
        batch: list[LetterKey] = []
        async for letter in self._behind(queue, _BEFORE_ALL):
            if letter.task.serial < ceiling and wanted.matches(document(letter)):
                batch.append(letter.key)
            if len(batch) == _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    async def _behind(self, queue: QueueName, place: LetterKey) -> AsyncIterator[DeadLetter]:
        """Every letter of a queue behind a place, by its key."""
        while True:
            found = await self._history.dead_letters(queue, after=place, limit=_BATCH, max_bytes=_BATCH_BYTES)
            for letter in found:
                yield letter
            if not found:
                return
            place = found[-1].key


def _named(ident: str) -> tuple[str, int | None]:
    found = _IDENT.fullmatch(ident)
    if found is None:
        raise InvalidArgument(INVALID_RESOURCE)
    return found["task"], None if found["serial"] is None else int(found["serial"])


def _key(ident: str) -> LetterKey:
    """The place a page token names."""
    task, _, serial = ident.rpartition(".")
    return LetterKey(task, int(serial)) if ident else _BEFORE_ALL
