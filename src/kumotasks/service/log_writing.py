"""Writing log entries: what a call says for all of its entries, what each must be, and who may write where.

A call writes all of its entries or, where it asks for partial success, those that are in order. Where they are kept is
the journal's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kumotasks.domain.clock import HOUR
from kumotasks.domain.errors import EntriesRefused, InvalidArgument, KumoError, PermissionDenied
from kumotasks.domain.log_name import LogName, parse_log_name
from kumotasks.domain.principal import Need
from kumotasks.logs.entry import NONE, LogEntry

if TYPE_CHECKING:
    from kumotasks.auth.authorize import Authorizer
    from kumotasks.domain.clock import Clock
    from kumotasks.domain.principal import Principal
    from kumotasks.logs.journal import Journal
    from kumotasks.service.logging import Sources

CREATE = "logging.logEntries.create"
MAX_ENTRY = 256 * 1024  # Cloud Logging: bytes of an entry
MAX_CALL = 10 * 1024 * 1024  # Cloud Logging: bytes of a call
MAX_INSERT_ID = 512  # ours: page tokens carry them
MAX_AHEAD = 24 * HOUR  # Cloud Logging: how far ahead an entry's time may be
_KIBIBYTE, _MEBIBYTE = 1024, 1024 * 1024
_PROJECT = "projects/"


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry as it came: what it leaves out is empty, an instant that is not set 0. `size` in bytes of protobuf."""

    entry: LogEntry
    size: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A call's entries, and what holds for those that do not say it themselves."""

    drafts: tuple[Draft, ...]
    size: int
    log_name: str = ""
    resource_type: str = ""
    resource_labels: Mapping[str, str] = NONE
    labels: Mapping[str, str] = NONE
    partial: bool = False
    dry_run: bool = False


class LogWriting:
    """`authorizer` None: nobody is asked who he is."""

    def __init__(self, journal: Journal, sources: Sources, authorizer: Authorizer | None, clock: Clock) -> None:
        self._journal = journal
        self._sources = sources
        self._authorizer = authorizer
        self._clock = clock

    async def write(self, batch: Batch, principal: Principal) -> None:
        """Keep the entries. EntriesRefused if some of them were not kept and the others were."""
        if batch.size > MAX_CALL:
            raise InvalidArgument(f"Request payload size exceeds the limit: {MAX_CALL} bytes.")
        if not batch.drafts:
            raise InvalidArgument("At least one log entry is required.")
        good, refusals = await self._sorted(batch, principal)
        if refusals and not (batch.partial and good):
            raise refusals[min(refusals)]
        if not batch.dry_run:
            await self._journal.keep(good)
        if refusals:
            raise EntriesRefused(refusals)

    async def _sorted(self, batch: Batch, principal: Principal) -> tuple[Sequence[LogEntry], dict[int, KumoError]]:
        """The entries that are in order, and by the places of the others what is wrong with them."""
        now = self._clock.now()
        verdicts: dict[str, KumoError | None] = {}
        good: list[LogEntry] = []
        refusals: dict[int, KumoError] = {}
        for place, draft in enumerate(batch.drafts):
            try:
                name = parse_log_name(draft.entry.log_name or batch.log_name)
                if name.owner not in verdicts:
                    verdicts[name.owner] = await self._verdict(name.owner, batch, principal)
                refusal = verdicts[name.owner]
                if refusal is not None:
                    raise refusal
                home = name.of(await self._sources.resolve(name.owner))
                good.append(_completed(draft, batch, home, now=now + place))
            except KumoError as refused:
                refusals[place] = refused
        return good, refusals

    async def _verdict(self, owner: str, batch: Batch, principal: Principal) -> KumoError | None:
        """Why nobody, or not this caller, may write the logs of `owner`."""
        if not owner.startswith(_PROJECT):
            return PermissionDenied(CREATE, owner)
        if self._authorizer is None or not batch.partial:
            return None  # judged at the gate
        try:
            await self._authorizer.check(principal, (Need(CREATE, owner),))
        except KumoError as refusal:
            return refusal
        return None


def needed_at_the_gate(names: Sequence[str], *, partial: bool) -> tuple[str, ...]:
    """Whose logs the caller has to be allowed to write for the call to be made at all: the owners of the logs, each
    once, save where a partial success is possible. A name that is none is refused by the call itself."""
    owners: dict[str, None] = {}
    for text in dict.fromkeys(names):
        try:
            owners[parse_log_name(text).owner] = None
        except InvalidArgument:
            continue
    return () if partial and len(owners) > 1 else tuple(owners)


def _completed(draft: Draft, batch: Batch, name: LogName, *, now: int) -> LogEntry:
    """The entry with what the call says for all of them. InvalidArgument if it is not in order."""
    entry = draft.entry
    kind = entry.resource_type or batch.resource_type
    if draft.size > MAX_ENTRY:
        raise InvalidArgument(f"Log entry with size {_size_text(draft.size)} exceeds maximum size of 256.0K")
    if not kind:
        raise InvalidArgument("A monitored resource must be specified for each log entry.")
    if len(entry.insert_id) > MAX_INSERT_ID:
        raise InvalidArgument(f"insert_id is too long: it has at most {MAX_INSERT_ID} characters.")
    if entry.timestamp > now + MAX_AHEAD:
        raise InvalidArgument("Log entry timestamp is more than 24 hours in the future.")
    return replace(
        entry,
        log_name=str(name),
        resource_type=kind,
        resource_labels=_resource_labels(entry, batch, name),
        labels={**batch.labels, **entry.labels},
        timestamp=entry.timestamp or now,
        receive_timestamp=0,  # only the journal says it
    )


def _resource_labels(entry: LogEntry, batch: Batch, name: LogName) -> Mapping[str, str]:
    """Those of the entry's own resource if it has one; Cloud Logging adds the project."""
    labels = entry.resource_labels if entry.resource_type else batch.resource_labels
    return {"project_id": name.owner.removeprefix(_PROJECT), **labels}


def _size_text(size: int) -> str:
    if size < _MEBIBYTE:
        return f"{size / _KIBIBYTE:.1f}K"
    return f"{size / _MEBIBYTE:.2f}M"
