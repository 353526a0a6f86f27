"""taskiq: a task that POSTs to the worker. Runs in taskiq's environment."""

from __future__ import annotations

import asyncio
import os

import aiohttp
from taskiq import TaskiqEvents, TaskiqState
from taskiq_redis import ListQueueBroker

URL = os.environ["BENCH_URL"]
broker = ListQueueBroker(os.environ["BENCH_REDIS"])


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_session(state: TaskiqState) -> None:
    state.session = aiohttp.ClientSession()


@broker.task
async def post(body: str) -> None:
    async with broker.state.session.post(URL, data=body, headers={"Content-Type": "application/json"}) as answer:
        await answer.read()


_runner = asyncio.Runner()


def enqueue(body: str) -> None:
    _runner.run(post.kiq(body))
