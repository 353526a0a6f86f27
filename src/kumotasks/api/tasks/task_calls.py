"""The calls on tasks: message in, use case, message out."""

from __future__ import annotations

from typing import Any

from kumotasks.api.call import Caller, RawCall
from kumotasks.api.tasks import convert_operation, messages
from kumotasks.api.tasks.convert_task import fill_task, full_view, new_task, task_message
from kumotasks.service.batches import Batches
from kumotasks.service.tasks import Tasks


class TaskCalls:
    def __init__(self, tasks: Tasks, batches: Batches) -> None:
        self._tasks = tasks
        self._batches = batches

    async def create(self, request: Any, caller: Caller) -> Any:
        full = full_view(request.response_view)
        return task_message(await self._tasks.create(request.parent, new_task(request.task)), full=full)

    async def get(self, request: Any, caller: Caller) -> Any:
        full = full_view(request.response_view)
        return task_message(await self._tasks.get(request.name), full=full)

    async def list(self, request: Any, caller: Caller) -> Any:
        full = full_view(request.response_view)
        page = await self._tasks.list(request.parent, page_size=request.page_size, page_token=request.page_token)
        response = messages.ListTasksResponse(next_page_token=page.next_page_token)
        for task in page.tasks:
            fill_task(response.tasks.add(), task, full=full)
        return response

    async def delete(self, request: Any, caller: Caller) -> Any:
        await self._tasks.delete(request.name)
        return messages.Empty()

    async def run(self, request: Any, caller: Caller) -> Any:
        full = full_view(request.response_view)
        return task_message(await self._tasks.run(request.name), full=full)

    async def batch_create(self, request: Any, caller: Caller) -> Any:
        full = [full_view(each.response_view) for each in request.requests]
        value = await self._batches.create(
            request.parent,
            [(each.parent, new_task(each.task)) for each in request.requests],
            request_id=request.request_id,
            render=lambda batch: convert_operation.created(batch, full),
        )
        return messages.Operation.FromString(value)

    async def batch_delete(self, request: Any, caller: Caller) -> Any:
        value = await self._batches.delete(
            request.parent, list(request.names), request_id=request.request_id, render=convert_operation.deleted
        )
        return messages.Operation.FromString(value)

    async def buffer(self, call: RawCall, caller: Caller) -> Any:
        queue = call.variables["queue"]
        task = await self._tasks.buffer(queue, call.variables.get("task_id", ""), headers=call.headers, body=call.body)
        return task_message(task, full=False)
