"""The calls of google.longrunning.Operations on those of Cloud Run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from kumotasks.api.call import Caller
from kumotasks.api.run import messages as m
from kumotasks.api.run.convert_operation import operation_message
from kumotasks.api.tasks.times import duration
from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.names import parse_location
from kumotasks.workers.deploying.operations import Operation, Operations

LONGEST_WAIT = 60 * SECOND
NO_FILTER = "Operations cannot be filtered."


class OperationCalls:
    """Get, list, delete, wait. `number` gives a project's number."""

    def __init__(self, operations: Operations, number: Callable[[str], Awaitable[str]]) -> None:
        self._operations = operations
        self._number = number

    async def get(self, request: Any, caller: Caller) -> Any:
        return await self._message(await self._operations.get(request.name))

    async def list(self, request: Any, caller: Caller) -> Any:
        if request.filter:
            raise InvalidArgument(NO_FILTER)
        page = await self._operations.list(
            parse_location(request.name), page_size=request.page_size, page_token=request.page_token
        )
        shown = [await self._message(each) for each in page.operations]
        return m.ListOperationsResponse(operations=shown, next_page_token=page.next_page_token)

    async def delete(self, request: Any, caller: Caller) -> Any:
        await self._operations.delete(request.name)
        return m.Empty()

    async def wait(self, request: Any, caller: Caller) -> Any:
        """As it is when it is done, or when the time is over."""
        asked = duration(request.timeout, "timeout") if request.HasField("timeout") else LONGEST_WAIT
        if asked <= 0:
            return await self.get(request, caller)
        return await self._message(await self._operations.wait(request.name, min(asked, LONGEST_WAIT)))

    async def _message(self, operation: Operation) -> Any:
        return operation_message(operation, await self._number(operation.service.name.project))
