"""Log entries: listing, writing, the names of logs and their deletion. Where entries are kept is the journal's.

What a caller may do is judged at the gate, save in a write that asks for partial success: there it is judged for each
project by itself, since one refused entry must not keep the others from being written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kumotasks.domain import paging
from kumotasks.domain.errors import EntityNotFound, InvalidArgument, KumoError
from kumotasks.domain.log_name import parse_log_name, parse_log_source
from kumotasks.domain.log_row import Place
from kumotasks.logs.filter import parse
from kumotasks.logs.query import LogQuery

if TYPE_CHECKING:
    from kumotasks.auth.projects import Projects
    from kumotasks.domain.clock import Clock
    from kumotasks.logs.entry import LogEntry
    from kumotasks.logs.filter import Filter
    from kumotasks.logs.journal import Journal

MAX_PAGE, PAGE = 1_000, 50  # Cloud Logging
_MAX_SOURCES = 100  # Cloud Logging: resource names in a request
_ORDER = re.compile(r"\s*(?:timestamp(?:\s+(asc|desc))?)?\s*", re.IGNORECASE)
_MISMATCH = "page_token doesn't match arguments from the request"
_PROJECT = "projects/"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which page of which entries a caller asks for."""

    resource_names: tuple[str, ...]
    filter: str = ""
    order_by: str = ""
    page_size: int = 0
    page_token: str = ""


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Some entries, and the token of the next page, "" at the end. It may be empty and not the last."""

    entries: Sequence[LogEntry]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class NamePage:
    """Names of logs, sorted, and the token of the next page."""

    names: Sequence[str]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose entries are asked for, and which of them."""

    projects: tuple[str, ...]  # ids
    filter: Filter


class Sources:
    """Finds the projects whose logs a request names."""

    def __init__(self, projects: Projects) -> None:
        self._projects = projects

    async def of(self, resource_names: Sequence[str]) -> tuple[str, ...]:
        """The ids of the projects among them, each once; what is no project has no entries here."""
        if not resource_names:
            raise InvalidArgument("At least one resource name is required.")
        if len(resource_names) > _MAX_SOURCES:
            raise InvalidArgument(f"At most {_MAX_SOURCES} resource names may be given.")
        owners = [parse_log_source(name) for name in resource_names]
        found = [await self.resolve(owner) for owner in owners if owner.startswith(_PROJECT)]
        return tuple(dict.fromkeys(owner.removeprefix(_PROJECT) for owner in found))

    async def resolve(self, owner: str) -> str:
        """`projects/ID` for `projects/NUMBER`; anything else as it is."""
        if not owner.startswith(_PROJECT):
            return owner
        return _PROJECT + await self._projects.resolve(owner.removeprefix(_PROJECT))

    async def wanted(self, resource_names: Sequence[str], filter_text: str) -> Wanted:
        return Wanted(await self.of(resource_names), parse(filter_text))


class Logging:
    """Reading of entries and care of logs."""

    def __init__(self, journal: Journal, sources: Sources, clock: Clock) -> None:
        self._journal = journal
        self._sources = sources
        self._clock = clock

    async def list(self, asked: Asked) -> EntryPage:
        """A page of the entries that the filter lets through, in order of time."""
        wanted = await self._sources.wanted(asked.resource_names, asked.filter)
        newest_first = _newest_first(asked.order_by)
        size = _page_size(asked.page_size)
        scope = "\0".join(("entries", *asked.resource_names, asked.filter, str(newest_first)))
        now = self._clock.now()
        after = _place_of(_decoded(scope, asked.page_token, now))
        if not wanted.projects:
            return EntryPage((), "")
        query = LogQuery(
            projects=wanted.projects, filter=wanted.filter, newest_first=newest_first, page_size=size, after=after
        )
        page = await self._journal.read(query)
        return EntryPage(page.entries, "" if page.next is None else paging.encode(scope, _text_of(page.next), now))

    async def names(self, resource_names: Sequence[str], page_size: int, page_token: str) -> NamePage:
        """The names of the logs that have entries."""
        projects = await self._sources.of(resource_names)
        size = paging.page_size(page_size, MAX_PAGE)
        scope, now = "\0".join(("logs", *resource_names)), self._clock.now()
        after = _decoded(scope, page_token, now)
        found = sorted({name for project in projects for name in await self._journal.names(project)})
        ahead = [name for name in found if name > after]
        more = len(ahead) > size
        return NamePage(ahead[:size], paging.encode(scope, ahead[size - 1], now) if more else "")

    async def delete(self, log_name: str) -> None:
        """Delete all entries of a log. EntityNotFound if there are none."""
        name = parse_log_name(log_name)
        if not await self._journal.delete(str(name.of(await self._sources.resolve(name.owner)))):
            raise EntityNotFound


def _newest_first(order_by: str) -> bool:
    found = _ORDER.fullmatch(order_by)
    if found is None:
        raise InvalidArgument('order_by must be "timestamp asc" or "timestamp desc".')
    return (found[1] or "").lower() == "desc"


def _page_size(asked: int) -> int:
    return paging.page_size(asked or PAGE, MAX_PAGE)


def _decoded(scope: str, token: str, now: int) -> str:
    try:
        return paging.decode(scope, token, now)
    except KumoError:
        raise InvalidArgument(_MISMATCH) from None


def _text_of(place: Place) -> str:
    return f"{place.timestamp} {place.log_name} {place.insert_id}"


def _place_of(text: str) -> Place | None:
    if not text:
        return None
    timestamp, log_name, insert_id = text.split(" ", 2)
    return Place(int(timestamp), insert_id, log_name)
