"""Tasks that arrive at an application of Flask's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from flask import Flask, Response, request

from kumotasks.client.decorator import AsyncTask, BadPayload, Task

AnyTask = Task[..., object] | AsyncTask[..., object]


def mount(app: Flask, *tasks: AnyTask) -> None:
    """Have each of `tasks` run by what is posted to its path. Done is 204, a body that is no call of it 400; an
    exception is the application's own 500, after which the queue sends the task again."""
    for each in tasks:
        app.add_url_rule(each.path, f"task {each.path}", _received(each), methods=["POST"])


def _received(task: AnyTask) -> Callable[[], Response]:
    def receive() -> Response:
        body = request.get_data()
        try:
            if isinstance(task, AsyncTask):
                asyncio.run(task.received(body))
            else:
                task.received(body)
        except BadPayload as error:
            return Response(str(error), 400, mimetype="text/plain")
        return Response(status=204)

    return receive
