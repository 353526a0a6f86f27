"""Work given to a queue of Cloud Tasks, or done at once where there is none: which way was taken is told and logged.

A task has a name of its own before it is sent, so that a second attempt meets the first. Only when it is certain that
there is no task is its work done otherwise.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, assert_never, overload

from kumotasks.client import env_file
from kumotasks.client.clock import instant
from kumotasks.client.connection import Asked, Attempted, Connection, Created, Failed, Taken
from kumotasks.client.fallback import Background, Fallback, awaited, is_async
from kumotasks.client.outcome import Dropped, InBackground, NotScheduled, Outcome, RanNow, Scheduled, Uncertain
from kumotasks.client.place import Place
from kumotasks.client.retry import Retry

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

P = TypeVar("P")
R = TypeVar("R")
Seconds = float | timedelta

logger = logging.getLogger("kumotasks.client")
# Cloud Tasks' rules
_NAME = re.compile(r"[A-Za-z0-9_-]{1,500}", re.ASCII)
_FURTHEST = timedelta(days=30)
_SHORTEST, _LONGEST = timedelta(seconds=15), timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class _None:
    """There is certainly no task; `expected` where nobody wanted one."""

    why: str
    expected: bool = False


class TaskQueue:
    """A queue, and what is done when it takes no task."""

    def __init__(
        self,
        place: Place,
        *,
        fallback: Fallback = Fallback.RUN_NOW,
        retry: Retry = Retry(),  # noqa: B008  # frozen
        credentials: Credentials | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """`retry` is how creation is retried, `credentials` are used instead of the surroundings' own, `pause` waits
        for some seconds between two attempts. Raises ValueError for a malformed endpoint."""
        self.place = place
        self.fallback = fallback
        self._retry = retry
        self._connection = Connection(place, credentials)
        self._pause = pause
        self._background = Background()
        if fallback is Fallback.BACKGROUND:
            logger.warning("work that %s does not take will go on in this process, and be lost with it", place.parent)

    @classmethod
    def from_env(
        cls,
        environment: Mapping[str, str] | None = None,
        *,
        directory: Path | None = None,
        service_account: str = "",
        fallback: Fallback = Fallback.RUN_NOW,
        retry: Retry = Retry(),  # noqa: B008  # frozen
    ) -> TaskQueue:
        """The queue that the environment names; what it does not set is read from `.env.local` in the directory, the
        current one unless it is said, or the nearest one above it."""
        set_ = os.environ if environment is None else environment
        place = Place.of({**env_file.found_from((directory or Path.cwd()).absolute()), **set_})
        chosen = replace(place, service_account=service_account or place.service_account)
        return cls(chosen, fallback=fallback, retry=retry)

    @property
    def configured(self) -> bool:
        """Whether there is a queue to give tasks to."""
        return not self.place.missing

    def close(self) -> None:
        """Close the connection; it opens again when it is needed."""
        self._connection.close()

    def enqueue(
        self,
        path: str,
        payload: P,
        *,
        delay: Seconds = 0,
        name: str | None = None,
        deadline: Seconds | None = None,
        retry: Retry | None = None,
        fallback: Callable[[P], R] | None = None,
    ) -> Outcome[R]:
        """Have `payload`, as JSON, posted to `path` of the service, after `delay`; each attempt of it may last for
        `deadline`. A second task of the same `name` is dropped. `fallback` does the work where there is no queue.

        Raises Uncertain, NotScheduled (Fallback.NONE), ValueError and TypeError for what could never be a task, and
        whatever `fallback` raises.
        """
        if fallback is not None and is_async(fallback):
            raise TypeError("a coroutine is the fallback of enqueue_async")
        asked = self._asked(path, payload, delay, name, deadline)
        work = self._work(fallback, payload)
        match self._given(asked, retry or self._retry, chosen=name is not None):
            case _None() as none:
                return self._instead(asked, none, work)
            case done:
                return done

    @overload
    async def enqueue_async(
        self,
        path: str,
        payload: P,
        *,
        delay: Seconds = 0,
        name: str | None = None,
        deadline: Seconds | None = None,
        retry: Retry | None = None,
        fallback: Callable[[P], Awaitable[R]],
    ) -> Outcome[R]: ...
    @overload
    async def enqueue_async(
        self,
        path: str,
        payload: P,
        *,
        delay: Seconds = 0,
        name: str | None = None,
        deadline: Seconds | None = None,
        retry: Retry | None = None,
        fallback: Callable[[P], R] | None = None,
    ) -> Outcome[R]: ...
    async def enqueue_async(
        self,
        path: str,
        payload: P,
        *,
        delay: Seconds = 0,
        name: str | None = None,
        deadline: Seconds | None = None,
        retry: Retry | None = None,
        fallback: Callable[[P], R | Awaitable[R]] | None = None,
    ) -> Outcome[R]:
        """As `enqueue`, and the event loop goes on meanwhile. `fallback` may be a coroutine function; one that is not
        runs in a thread."""
        asked = self._asked(path, payload, delay, name, deadline)
        work = self._work(fallback, payload)
        given = await asyncio.to_thread(self._given, asked, retry or self._retry, chosen=name is not None)
        match given:
            case _None() as none:
                return await self._instead_async(asked, none, work)
            case done:
                return done

    def _asked(self, path: str, payload: object, delay: Seconds, name: str | None, deadline: Seconds | None) -> Asked:
        if name is not None and not _NAME.fullmatch(name):
            raise ValueError(f"a task's name has letters, digits, - and _, at most 500; received: {name[:100]!r}")
        wait = _delay(delay)
        return Asked(
            task=uuid.uuid4().hex if name is None else name,
            url=self.place.url(path),
            body=json.dumps(payload, ensure_ascii=False, allow_nan=False).encode(),
            at=instant() + wait if wait else None,
            deadline=None if deadline is None else _deadline(deadline),
        )

    def _work(self, fallback: Callable[[P], R] | None, payload: P) -> Callable[[], R] | None:
        """Judged before anything fails: what is missing on a bad day is missed on every day."""
        if self.fallback is Fallback.NONE:
            return None
        if fallback is None:
            raise ValueError("say what does the work where there is no queue (fallback=), or Fallback.NONE")
        return partial(fallback, payload)

    def _given(self, asked: Asked, retry: Retry, *, chosen: bool) -> Scheduled | Dropped | _None:
        """`chosen`: the task's name is the caller's, and may be somebody else's task already. Raises Uncertain."""
        if missing := self.place.missing:
            return _None(f"not configured ({', '.join(missing)})", expected=True)
        sent = False
        last = self._connection.attempt(asked, retry)
        for pause in retry.pauses():
            if not isinstance(last, Failed) or not last.again:
                break
            sent = sent or last.sent
            logger.info("%s: %s; trying again", asked.url, last.why)
            self._pause(pause)
            last = self._connection.attempt(asked, retry)
        return self._known(asked, last, sent=sent, chosen=chosen)

    def _known(self, asked: Asked, last: Attempted, *, sent: bool, chosen: bool) -> Scheduled | Dropped | _None:
        """`sent`: an attempt before the last may have made the task."""
        name = f"{self.place.parent}/tasks/{asked.task}"
        match last:
            case Created(at):
                return self._scheduled(asked, Scheduled(name, at))
            case Taken() if chosen and not sent:
                logger.info("%s: dropped, for there is or was a task %s", asked.url, name)
                return Dropped(f"there is or was a task {name}")
            case Taken():
                return self._scheduled(asked, Scheduled(name, asked.at or instant()))
            case Failed() if sent or last.sent:
                logger.error("%s: nobody knows whether there is a task %s: %s", asked.url, name, last.why)
                raise Uncertain(name, last.why)
            case Failed():
                return _None(last.why)
            case _:
                assert_never(last)

    def _scheduled(self, asked: Asked, done: Scheduled) -> Scheduled:
        logger.info("%s: scheduled for %s as %s", asked.url, done.at.isoformat(), done.name)
        return done

    def _instead(self, asked: Asked, none: _None, work: Callable[[], R] | None) -> RanNow[R] | InBackground:
        doing = self._told(asked, none, work)
        if self.fallback is Fallback.BACKGROUND:
            self._background.thread(doing)
            return InBackground(none.why)
        return RanNow(doing(), none.why)

    async def _instead_async(
        self, asked: Asked, none: _None, work: Callable[[], R | Awaitable[R]] | None
    ) -> RanNow[R] | InBackground:
        doing = self._told(asked, none, work)
        if self.fallback is Fallback.BACKGROUND:
            self._background.coroutine(awaited(doing))
            return InBackground(none.why)
        return RanNow(await awaited(doing), none.why)

    def _told(self, asked: Asked, none: _None, work: Callable[[], R] | None) -> Callable[[], R]:
        """What does the work, after the log has it. Raises NotScheduled."""
        level = logging.INFO if none.expected else logging.WARNING
        if work is None:
            logger.log(level, "%s: not scheduled: %s", asked.url, none.why)
            raise NotScheduled(none.why)
        logger.log(level, "%s: %s, without a queue: %s", asked.url, _DOING[self.fallback], none.why)
        return work


_DOING = {Fallback.RUN_NOW: "running now", Fallback.BACKGROUND: "running in the background"}


def _delay(written: Seconds) -> timedelta:
    found = _duration(written)
    if not timedelta() <= found <= _FURTHEST:
        raise ValueError(f"a delay is not negative and at most {_FURTHEST.days} days; received: {written}")
    return found


def _deadline(written: Seconds) -> timedelta:
    found = _duration(written)
    if not _SHORTEST <= found <= _LONGEST:
        raise ValueError(f"a deadline is between 15 seconds and 30 minutes; received: {written}")
    return found


def _duration(written: Seconds) -> timedelta:
    try:
        return written if isinstance(written, timedelta) else timedelta(seconds=written)
    except OverflowError:
        raise ValueError(f"no delay or deadline is as long as this; received: {written}") from None
