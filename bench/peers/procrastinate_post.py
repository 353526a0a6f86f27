"""procrastinate: a task that POSTs to the worker. Runs in procrastinate's environment."""

from __future__ import annotations

import functools
import os

import aiohttp
import procrastinate

URL = os.environ["BENCH_URL"]
_WHERE = os.environ["BENCH_POSTGRES"]
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=_WHERE))
_sessions: list[aiohttp.ClientSession] = []


@app.task(name="post")
async def post(body: str) -> None:
    if not _sessions:
        _sessions.append(aiohttp.ClientSession())
    async with _sessions[0].post(URL, data=body, headers={"Content-Type": "application/json"}) as answer:
        await answer.read()


@functools.cache
def _open() -> procrastinate.App:
    """The producer's, who has no event loop."""
    return app.open()


def enqueue(body: str) -> None:
    _open()
    post.defer(body=body)
