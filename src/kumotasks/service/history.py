"""What callers ask about the past of a task: its attempts, the oldest first."""

from __future__ import annotations

from dataclasses import dataclass

from kumotasks.domain import paging
from kumotasks.domain.clock import Clock
from kumotasks.domain.names import TaskName, parse_task
from kumotasks.storage.history import History, Past
from kumotasks.storage.store import Store

MAX_PAGE = 1_000
_BEFORE_ALL = (0, 0)


@dataclass(frozen=True, slots=True)
class AttemptPage:
    """Some attempts of one name, and the token of the next page, "" at the end."""

    attempts: tuple[Past, ...]
    next_page_token: str


class Attempts:
    def __init__(self, *, store: Store, history: History, clock: Clock) -> None:
        self._store = store
        self._history = history
        self._clock = clock

    async def list(self, name: str, *, page_size: int, page_token: str) -> AttemptPage:
        """The attempts of every task that bore the name, as far as they are remembered.

        Where none are, the name is judged as by GetTask: what never was, or is gone, is refused.
        """
        task = parse_task(name)
        now = self._clock.now()
        limit = paging.page_size(page_size, MAX_PAGE)
        scope = f"attempts of {name}"
        after = _place(paging.decode(scope, page_token, now))
        found = await self._history.attempts(task, after=after, limit=limit + 1)
        if not found and after == _BEFORE_ALL:
            await self._check_there(task, now)
        shown = found[:limit]
        more = len(found) > limit
        return AttemptPage(tuple(shown), paging.encode(scope, _text(shown[-1]), now) if more else "")

    async def _check_there(self, task: TaskName, now: int) -> None:
        await self._store.get_task(task, now)


def _text(past: Past) -> str:
    return f"{past.serial}.{past.record.number}"


def _place(text: str) -> tuple[int, int]:
    serial, _, number = text.partition(".")
    return (int(serial), int(number)) if text else _BEFORE_ALL
