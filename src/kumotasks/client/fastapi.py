"""Tasks that arrive at an application of FastAPI's (or Starlette's)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kumotasks.client.decorator import AsyncTask, BadPayload, Task

if TYPE_CHECKING:
    from starlette.applications import Starlette

AnyTask = Task[..., object] | AsyncTask[..., object]


def mount(app: Starlette, *tasks: AnyTask) -> None:
    """Have each of `tasks` run by what is posted to its path. Done is 204, a body that is no call of it 400; an
    exception is the application's own 500, after which the queue sends the task again."""
    for each in tasks:
        app.router.routes.append(Route(each.path, _received(each), methods=["POST"], name=f"task {each.path}"))


def _received(task: AnyTask) -> Callable[[Request], Awaitable[Response]]:
    async def receive(request: Request) -> Response:
        body = await request.body()
        try:
            if isinstance(task, AsyncTask):
                await task.received(body)
            else:
                await asyncio.to_thread(task.received, body)
        except BadPayload as error:
            return Response(str(error), 400, media_type="text/plain")
        return Response(status_code=204)

    return receive
