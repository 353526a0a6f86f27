"""The calls on queues: message in, use case, message out."""

from __future__ import annotations

from typing import Any

from kumotasks.api.call import Caller
from kumotasks.api.tasks import messages
from kumotasks.api.tasks.convert_queue import draft, queue_message
from kumotasks.service.queues import Queues


class QueueCalls:
    def __init__(self, queues: Queues) -> None:
        self._queues = queues

    async def list(self, request: Any, caller: Caller) -> Any:
        page = await self._queues.list(
            request.parent,
            filter_text=request.filter,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return messages.ListQueuesResponse(
            queues=[queue_message(queue) for queue in page.queues], next_page_token=page.next_page_token
        )

    async def get(self, request: Any, caller: Caller) -> Any:
        return queue_message(await self._queues.get(request.name))

    async def create(self, request: Any, caller: Caller) -> Any:
        return queue_message(await self._queues.create(request.parent, draft(request.queue)))

    async def update(self, request: Any, caller: Caller) -> Any:
        paths = tuple(request.update_mask.paths)
        return queue_message(await self._queues.update(draft(request.queue), paths))

    async def delete(self, request: Any, caller: Caller) -> Any:
        await self._queues.delete(request.name)
        return messages.Empty()

    async def purge(self, request: Any, caller: Caller) -> Any:
        return queue_message(await self._queues.purge(request.name))

    async def pause(self, request: Any, caller: Caller) -> Any:
        return queue_message(await self._queues.pause(request.name))

    async def resume(self, request: Any, caller: Caller) -> Any:
        return queue_message(await self._queues.resume(request.name))
