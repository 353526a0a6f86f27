"""What is done with work that no queue took: a policy that is declared once, not a thing that happens.

It must never know why there is no task, only be told.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Coroutine
from enum import Enum
from functools import partial
from threading import Thread
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger("kumotasks.client")
_THREAD = "kumotasks-background"


class Fallback(Enum):
    """RUN_NOW does the work before the call returns. NONE raises NotScheduled. BACKGROUND lets it go on in a thread or
    on the event loop: it is lost with the process, and where a platform takes the CPU away between requests it may not
    go on at all."""

    RUN_NOW = "run now"
    NONE = "none"
    BACKGROUND = "background"


def is_async(function: Callable[..., object]) -> bool:
    """Whether a call of it makes a coroutine."""
    called = function.func if isinstance(function, partial) else function
    return inspect.iscoroutinefunction(called) or inspect.iscoroutinefunction(type(called).__call__)


async def awaited(function: Callable[[], R | Awaitable[R]]) -> R:
    """What a function returns, that is either a coroutine's or runs in a thread so that the event loop goes on."""
    made = function() if is_async(function) else await asyncio.to_thread(function)
    return await made if inspect.isawaitable(made) else made


class Background:
    """Work that goes on after the call that began it. Its failures are logged: nobody else hears of them."""

    def __init__(self) -> None:
        self._tasks = set[asyncio.Task[None]]()  # the event loop alone would let them be collected

    def thread(self, work: Callable[[], object]) -> None:
        Thread(target=_logged, args=(work,), name=_THREAD).start()

    def coroutine(self, work: Coroutine[object, object, object]) -> None:
        task = asyncio.get_running_loop().create_task(_awaited_and_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


# The two below answer for any failure of work that is not theirs: nobody waits for it, and a log is all there can be.


def _logged(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception:
        logger.exception("work in the background failed, and nobody will do it again")


async def _awaited_and_logged(work: Awaitable[object]) -> None:
    try:
        await work
    except Exception:
        logger.exception("work in the background failed, and nobody will do it again")
