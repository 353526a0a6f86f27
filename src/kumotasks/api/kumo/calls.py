"""The calls of our own surface: struct in, use case, struct out."""

from __future__ import annotations

from kumotasks.api.call import Caller
from kumotasks.api.kumo import messages as m
from kumotasks.domain.errors import InvalidArgument
from kumotasks.service.dead_letters import DeadLetters
from kumotasks.service.history import Attempts

_VIEWS = frozenset({"", "RESPONSE_VIEW_UNSPECIFIED", "BASIC", m.FULL})


class AttemptCalls:
    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts

    async def list(self, request: m.ListAttempts, caller: Caller) -> m.AttemptList:
        name = f"{request.parent}/tasks/{request.task}"
        page = await self._attempts.list(name, page_size=request.page_size, page_token=request.page_token)
        return m.AttemptList([m.past_message(each) for each in page.attempts], page.next_page_token)


class LetterCalls:
    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters

    async def list(self, request: m.ListLetters, caller: Caller) -> m.LetterList:
        full = _full(request.response_view)
        page = await self._letters.list(
            request.parent,
            filter_text=request.filter,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return m.LetterList([m.letter_message(each, full=full) for each in page.letters], page.next_page_token)

    async def get(self, request: m.GetLetter, caller: Caller) -> m.Letter:
        full = _full(request.response_view)
        return m.letter_message(await self._letters.get(request.parent, request.letter), full=full)

    async def redrive(self, request: m.OneLetter, caller: Caller) -> m.Redriven:
        return m.Redriven(m.shown_task(await self._letters.redrive(request.parent, request.letter)))

    async def redrive_many(self, request: m.ManyLetters, caller: Caller) -> m.Redriven:
        return m.Redriven(tasks_redriven=await self._letters.redrive_all(request.parent, filter_text=request.filter))

    async def purge(self, request: m.OneLetter, caller: Caller) -> m.Nothing:
        await self._letters.remove(request.parent, request.letter)
        return m.Nothing()

    async def purge_many(self, request: m.ManyLetters, caller: Caller) -> m.Purged:
        return m.Purged(await self._letters.purge(request.parent, filter_text=request.filter))


def _full(view: str) -> bool:
    if view not in _VIEWS:
        raise InvalidArgument(f"Invalid value at 'response_view' (TYPE_ENUM), \"{view[:100]}\"")
    return view == m.FULL
