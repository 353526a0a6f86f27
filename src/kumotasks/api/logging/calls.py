"""The calls of LoggingServiceV2: from message to use case and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from kumotasks.api.call import Caller
from kumotasks.api.logging import messages as m
from kumotasks.api.logging.convert_entry import EntryForms
from kumotasks.domain.clock import SECOND
from kumotasks.service.log_tail import TailBatch, Tails
from kumotasks.service.log_writing import Batch, Draft, LogWriting
from kumotasks.service.logging import Asked, Logging
from kumotasks.service.monitored_resources import ResourceKind, kinds_page

_AT_ONCE = 25  # entries converted before the loop turns


class LoggingCalls:
    """Entries are many: work on them is done in slices, between which the loop turns."""

    def __init__(self, logging: Logging, writing: LogWriting, tails: Tails) -> None:
        self._logging = logging
        self._writing = writing
        self._tails = tails
        self._forms = EntryForms()

    async def list_entries(self, request: Any, caller: Caller) -> Any:
        page = await self._logging.list(
            Asked(
                resource_names=tuple(request.resource_names),
                filter=request.filter,
                order_by=request.order_by,
                page_size=request.page_size,
                page_token=request.page_token,
            )
        )
        answer = m.ListLogEntriesResponse(next_page_token=page.next_page_token)
        for slice_ in _slices(page.entries):
            answer.entries.extend(map(self._forms.message, slice_))
            await asyncio.sleep(0)
        return answer

    async def write_entries(self, request: Any, caller: Caller) -> Any:
        drafts: list[Draft] = []
        for slice_ in _slices(request.entries):
            drafts += map(self._forms.draft, slice_)
            await asyncio.sleep(0)
        batch = Batch(
            drafts=tuple(drafts),
            size=request.ByteSize(),
            log_name=request.log_name,
            resource_type=request.resource.type,
            resource_labels=dict(request.resource.labels),
            labels=dict(request.labels),
            partial=request.partial_success,
            dry_run=request.dry_run,
        )
        await self._writing.write(batch, caller.principal)
        return m.WriteLogEntriesResponse()

    async def list_logs(self, request: Any, caller: Caller) -> Any:
        names = tuple(request.resource_names) or (request.parent,)
        page = await self._logging.names(names, request.page_size, request.page_token)
        return m.ListLogsResponse(log_names=page.names, next_page_token=page.next_page_token)

    async def delete_log(self, request: Any, caller: Caller) -> Any:
        await self._logging.delete(request.log_name)
        return m.Empty()

    async def list_kinds(self, request: Any, caller: Caller) -> Any:
        kinds, token = kinds_page(request.page_size, request.page_token)
        return m.ListMonitoredResourceDescriptorsResponse(
            resource_descriptors=[_described(kind) for kind in kinds], next_page_token=token
        )

    async def tail_entries(self, request: Any, caller: Caller) -> AsyncGenerator[Any, None]:
        """Refuses at once what is wrong with the request."""
        window = None
        if request.HasField("buffer_window"):
            window = request.buffer_window.seconds * SECOND + request.buffer_window.nanos // 1_000
        return self._told(await self._tails.open(tuple(request.resource_names), request.filter, window))

    async def _told(self, batches: AsyncGenerator[TailBatch, None]) -> AsyncGenerator[Any, None]:
        async with aclosing(batches):
            async for batch in batches:
                missed = [{"reason": m.NOT_CONSUMED, "suppressed_count": batch.missed}] if batch.missed else []
                entries = [self._forms.message(entry) for entry in batch.entries]
                yield m.TailLogEntriesResponse(entries=entries, suppression_info=missed)


def _slices(entries: Sequence[Any]) -> list[Sequence[Any]]:
    return [entries[at : at + _AT_ONCE] for at in range(0, len(entries), _AT_ONCE)]


def _described(kind: ResourceKind) -> dict[str, Any]:
    labels = [{"key": key, "description": description} for key, description in kind.labels]
    return {
        "type": kind.type,
        "display_name": kind.display_name,
        "description": kind.description,
        "labels": labels,
    }
