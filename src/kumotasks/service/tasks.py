"""What callers do with tasks: create, get, list, delete, run, buffer. One method per call, nothing of the wire.

Decides by the domain's rules, then asks the store. Sending is somebody else's: it learns of a task from the store.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kumotasks.domain import paging
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import InvalidArgument, KumoError
from kumotasks.domain.names import QueueName, TaskName, check_task_id, parse_new_task, parse_queue, parse_task
from kumotasks.domain.queue import Queue
from kumotasks.domain.size import MAX_TASK_SIZE, check_size
from kumotasks.domain.target import (
    HTTP_BODY_METHODS,
    AppEngineHosts,
    AppEngineHttpRequest,
    Headers,
    HttpMethod,
    HttpRequest,
    Target,
    check_app_engine,
    check_http,
    is_managed_header,
)
from kumotasks.domain.task import (
    NewTask,
    Serials,
    Task,
    check_deadline,
    check_retry_override,
    check_schedule,
    generated_id,
    whole_seconds,
)
from kumotasks.domain.uri import overridden_url
from kumotasks.service.locations import Locations
from kumotasks.service.signers import Signers
from kumotasks.storage.store import Store

MAX_PAGE = 1_000  # Cloud Tasks: tasks on a page, also the default
MAX_PAGE_BYTES = 3 * 1024 * 1024
# Headers of a buffering request that speak of that request, not of the task.
_NOT_FORWARDED = re.compile(
    r"accept-encoding|authorization|connection|content-(encoding|length)|cookie|expect|host|keep-alive|proxy-.*|te"
    r"|trailer|transfer-encoding|upgrade|user-agent",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TaskPage:
    """Some tasks, and the token of the next page, "" at the end."""

    tasks: tuple[Task, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class TaskRules:
    """What the operator decides about tasks; `name_rest` is how long the name of an ended task stays taken, in µs."""

    name_rest: int
    hosts: AppEngineHosts = AppEngineHosts()
    max_size: int = MAX_TASK_SIZE


class Tasks:
    """`in_flight` has the tasks with an open attempt, by serial, as that attempt has them; `signers` None lets tasks
    be signed as any account, there or not; `serials` are shared with whoever else makes tasks."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        locations: Locations,
        rules: TaskRules,
        in_flight: Mapping[int, Task],
        signers: Signers | None = None,
        serials: Serials | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._locations = locations
        self._rules = rules
        self._in_flight = in_flight
        self._signers = signers
        self._serials = serials or Serials()
        self._random = random.Random()  # noqa: S311 - task ids are not secrets

    async def create(self, parent: str, new: NewTask) -> Task:
        """Keep a task. Once this has returned, the task survives whatever happens to this process."""
        queue = parse_queue(parent)
        routed = _bare(new) and await self._routed(queue)
        task = self._make(queue, new, routed=routed)
        if self._signers is not None:
            await self._signers.check(task.target, queue.project)
        (kept,) = await self._store.add_tasks((task,))
        if isinstance(kept, KumoError):
            raise kept
        return kept

    async def create_all(self, parent: str, news: Sequence[NewTask]) -> list[Task | KumoError]:
        """Keep what can be kept of `news`, all for one queue; the result is in their order."""
        queue = parse_queue(parent)
        routed = any(_bare(new) for new in news) and await self._routed(queue)
        made = [await self._made_or_refused(queue, new, routed=routed) for new in news]
        kept = iter(await self._store.add_tasks([task for task in made if isinstance(task, Task)]))
        return [next(kept) if isinstance(task, Task) else task for task in made]

    async def get(self, name: str) -> Task:
        return self._as_it_is(await self._store.get_task(parse_task(name), self._clock.now()))

    async def list(self, parent: str, *, page_size: int, page_token: str) -> TaskPage:
        """A page of the tasks in a queue, ended or full by size; any order that does not change."""
        queue = parse_queue(parent)
        now = self._clock.now()
        limit = paging.page_size(page_size, MAX_PAGE)
        scope = f"tasks of {parent}"
        after = paging.decode(scope, page_token, now)
        found = await self._store.list_tasks(queue, after=after, limit=limit + 1, max_bytes=MAX_PAGE_BYTES)
        # One more than asked for, or a page cut by its size: either way the store may have more.
        shown = found[:limit]
        more = len(found) > limit or (bool(shown) and await self._any_behind(queue, shown[-1]))
        token = paging.encode(scope, shown[-1].name.task, now) if more else ""
        return TaskPage(tuple(self._as_it_is(task) for task in shown), token)

    async def delete(self, name: str) -> Task:
        now = self._clock.now()
        return await self._store.delete_task(parse_task(name), now=now, name_until=now + self._rules.name_rest)

    async def run(self, name: str) -> Task:
        """Send a task now, whatever its queue's state and limits; the task as it is dispatched."""
        return self._as_it_is(await self._store.request_run(parse_task(name), self._clock.now()))

    async def buffer(self, parent: str, task_id: str, *, headers: Headers, body: bytes) -> Task:
        """Make a task of a bare HTTP request; the queue's HTTP target says where it goes."""
        name = parse_queue(parent)
        queue = (await self._store.get_queue(name)).queue
        if queue.http_target is None or not queue.http_target.host:
            raise InvalidArgument("BufferTask requires a queue with Queue.httpTarget.uriOverride.host set.")
        full_name = str(TaskName(name, check_task_id(task_id))) if task_id else ""
        return await self.create(parent, NewTask(full_name, _buffered(queue, headers, body)))

    def _make(self, queue: QueueName, new: NewTask, *, routed: bool) -> Task:
        """The task in its canonical form, if it may be; `routed`: its queue supplies a URL if it has none."""
        self._locations.check(queue.project, queue.location)
        now = self._clock.now()
        serial = self._serials.next(now)
        name = parse_new_task(new.name, queue) if new.name else TaskName(queue, generated_id(serial, self._random))
        target = self._target(queue, new.target, routed=routed)
        task = Task(
            name,
            target,
            check_schedule(new.schedule_time, now),
            whole_seconds(now),
            serial,
            bool(new.name),
            check_deadline(new.dispatch_deadline, target),
            None if new.retry_config is None else check_retry_override(new.retry_config),
        )
        check_size(task, self._rules.max_size)
        return task

    async def _made_or_refused(self, queue: QueueName, new: NewTask, *, routed: bool) -> Task | KumoError:
        try:
            task = self._make(queue, new, routed=routed)
            if self._signers is not None:
                await self._signers.check(task.target, queue.project)
        except KumoError as refusal:
            return refusal
        return task

    def _target(self, queue: QueueName, target: Target | None, *, routed: bool) -> Target:
        match target:
            case HttpRequest():
                return check_http(target, url_required=not routed)
            case AppEngineHttpRequest():
                return check_app_engine(target, self._rules.hosts, project=queue.project, location=queue.location)
            case None:
                raise InvalidArgument("Task.httpRequest or Task.appEngineHttpRequest is required.")

    async def _routed(self, queue: QueueName) -> bool:
        """Whether the queue's HTTP target says by itself where its tasks go."""
        target = (await self._store.get_queue(queue)).queue.http_target
        return target is not None and bool(target.host)

    async def _any_behind(self, queue: QueueName, last: Task) -> bool:
        return bool(await self._store.list_tasks(queue, after=last.name.task, limit=1, max_bytes=1))

    def _as_it_is(self, task: Task) -> Task:
        """The task with the attempt in flight on it, if one is."""
        return self._in_flight.get(task.serial, task)


def _bare(new: NewTask) -> bool:
    """An HTTP task without a URL: taken only where its queue supplies one."""
    return isinstance(new.target, HttpRequest) and not new.target.url


def _buffered(queue: Queue, headers: Headers, body: bytes) -> HttpRequest:
    """The request of a buffered task: method and URL of the queue's target, headers and body of the caller's."""
    target = queue.http_target
    assert target is not None
    kept = tuple(
        item for item in headers if _NOT_FORWARDED.fullmatch(item[0]) is None and not is_managed_header(item[0])
    )
    if body and not any(name.lower() == "content-type" for name, _ in kept):
        kept = (*kept, ("Content-Type", "application/json"))
    method = target.http_method or HttpMethod.POST
    # A method without a body drops it, as it does when a queue's method meets a task that has one.
    return HttpRequest(
        overridden_url("", target.uri_override), method, kept, body if method in HTTP_BODY_METHODS else b""
    )
