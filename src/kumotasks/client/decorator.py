"""A function as a task: called, it is enqueued with its arguments; where the task arrives, it runs.

It knows no framework: an adapter gives it a request's body.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import Generic, ParamSpec, Protocol, TypeVar, overload

from kumotasks.client.fallback import is_async
from kumotasks.client.outcome import Outcome
from kumotasks.client.queue import Seconds, TaskQueue
from kumotasks.client.retry import Retry

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
Arguments = dict[str, object]
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class BadPayload(ValueError):
    """A request's body is no call of the function: no attempt of it can ever succeed."""


class _Route:
    """Where calls of a function go, and how they are written: an object of JSON with its arguments by name."""

    def __init__(
        self,
        function: Callable[..., object],
        queue: TaskQueue,
        path: str,
        *,
        delay: Seconds = 0,
        deadline: Seconds | None = None,
        retry: Retry | None = None,
    ) -> None:
        self.signature = inspect.signature(function)
        if unnamed := [each.name for each in self.signature.parameters.values() if each.kind not in _NAMED]:
            raise TypeError(f"a task's arguments have names; {', '.join(unnamed)} has none")
        if not path.startswith("/"):
            raise ValueError(f"a path starts with a slash; received: {path[:100]!r}")
        self.queue = queue
        self.path = path
        self.delay = delay
        self.deadline = deadline
        self.retry = retry

    def arguments(self, *args: object, **kwargs: object) -> Arguments:
        return dict(self.signature.bind(*args, **kwargs).arguments)

    def read(self, body: bytes) -> Arguments:
        """The arguments in a request's body. Raises BadPayload."""
        try:
            found = json.loads(body)
            if not isinstance(found, dict):
                raise BadPayload("the body is no object of JSON")
            self.signature.bind(**found)
        except (ValueError, TypeError, RecursionError) as error:
            raise BadPayload(f"the body is no call of this task: {error}") from error
        return found


class Task(Generic[P, R_co]):
    """A function whose call enqueues it."""

    def __init__(self, run: Callable[P, R_co], route: _Route) -> None:
        self.run = run
        self._route = route
        update_wrapper(self, run)

    @property
    def path(self) -> str:
        return self._route.path

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Outcome[R_co]:
        """Enqueue a run with these arguments; where there is no queue it runs as the queue's fallback says."""
        route = self._route
        return route.queue.enqueue(
            route.path,
            route.arguments(*args, **kwargs),
            delay=route.delay,
            deadline=route.deadline,
            retry=route.retry,
            fallback=lambda _: self.run(*args, **kwargs),
        )

    def received(self, body: bytes) -> R_co:
        """Run as a request's body says. Raises BadPayload."""
        arguments = self._route.read(body)
        return _run(self.run, arguments)


class AsyncTask(Generic[P, R_co]):
    """A coroutine function whose call enqueues it."""

    def __init__(self, run: Callable[P, Coroutine[object, object, R_co]], route: _Route) -> None:
        self.run = run
        self._route = route
        update_wrapper(self, run)

    @property
    def path(self) -> str:
        return self._route.path

    async def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Outcome[R_co]:
        """As Task's, awaited."""
        route = self._route

        async def now(_: Arguments) -> R_co:
            return await self.run(*args, **kwargs)

        return await route.queue.enqueue_async(
            route.path,
            route.arguments(*args, **kwargs),
            delay=route.delay,
            deadline=route.deadline,
            retry=route.retry,
            fallback=now,
        )

    async def received(self, body: bytes) -> R_co:
        """Run as a request's body says. Raises BadPayload."""
        arguments = self._route.read(body)
        return await _run(self.run, arguments)


def _run(function: Callable[..., R], arguments: Arguments) -> R:
    return function(**arguments)


class _Decorator(Protocol):
    @overload  # a coroutine function is the other kind as well; the first that fits is meant
    def __call__(self, function: Callable[P, Coroutine[object, object, R]], /) -> AsyncTask[P, R]: ...  # type: ignore[overload-overlap]
    @overload
    def __call__(self, function: Callable[P, R], /) -> Task[P, R]: ...


def task(
    queue: TaskQueue,
    path: str,
    *,
    delay: Seconds = 0,
    deadline: Seconds | None = None,
    retry: Retry | None = None,
) -> _Decorator:
    """Make a function a task that arrives at `path`. Its arguments have names and are values of JSON."""

    def decorate(function: Callable[..., object]) -> object:
        route = _Route(function, queue, path, delay=delay, deadline=deadline, retry=retry)
        return AsyncTask(function, route) if is_async(function) else Task(function, route)  # type: ignore[arg-type]

    return decorate  # type: ignore[return-value]  # the overloads say which of the two it is
