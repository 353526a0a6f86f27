"""What callers do with queues: create, get, list, update, delete, purge, pause, resume. One method per call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from kumotasks.domain import paging
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import QueueExists, QueueNotFound
from kumotasks.domain.names import LocationName, QueueName, parse_location, parse_new_queue, parse_queue
from kumotasks.domain.queue import Caps, Queue, QueueState, check_queue, merge
from kumotasks.logs.filter import Filter, parse
from kumotasks.service.locations import Locations
from kumotasks.service.queue_document import document
from kumotasks.service.signers import Signers
from kumotasks.storage.store import Store

MAX_PAGE = 9_800  # Cloud Tasks: queues on a page, also the default
_OF_QUEUE_YAML = ("rate_limits", "retry_config", "app_engine_routing_override")
_SCANNED = 20_000  # queues looked through for one page; a filter may leave a page short


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Some queues, and the token of the next page, "" at the end."""

    queues: tuple[Queue, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class QueueRules:
    """What the operator decides about queues; rests are in µs: how long the name of a deleted queue, and those of its
    purged tasks, stay taken."""

    queue_name_rest: int
    task_name_rest: int
    caps: Caps = Caps()


class Queues:
    """Drafts come with the caller's text as their name; it is judged here. `drop` forgets the policy of a queue that
    is gone, by its full name; `signers` None lets tasks be signed as any account, there or not."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        locations: Locations,
        rules: QueueRules,
        drop: Callable[[str], Awaitable[None]],
        signers: Signers | None = None,
    ) -> None:
        self._store = store
        self._signers = signers
        self._drop = drop
        self._clock = clock
        self._locations = locations
        self._rules = rules

    async def create(self, parent: str, draft: Queue) -> Queue:
        location = self._location(parent)
        name = parse_new_queue(draft.name.text, location)
        queue = check_queue(replace(draft, name=name), self._rules.caps)
        await self._check_signer(queue)
        return await self._create(queue)

    async def get(self, name: str) -> Queue:
        return (await self._store.get_queue(parse_queue(name))).queue

    async def list(self, parent: str, *, filter_text: str, page_size: int, page_token: str) -> QueuePage:
        """A page of the queues of a location by name; with a filter it may be short, or empty, and not the last."""
        location = self._location(parent)
        wanted = parse(filter_text)
        now = self._clock.now()
        limit = paging.page_size(page_size, MAX_PAGE)
        scope = f"queues of {parent} where {filter_text}"
        after = paging.decode(scope, page_token, now)
        shown, last, more = await self._scan(location, wanted, after, limit)
        return QueuePage(shown, paging.encode(scope, last, now) if more else "")

    async def update(self, draft: Queue, paths: tuple[str, ...]) -> Queue:
        """Change what `paths` name; a queue that does not exist is created."""
        name = parse_queue(draft.name.text)
        self._locations.check(name.project, name.location)
        await self._check_signer(replace(draft, name=name))

        return await self._bring(name, lambda current: check_queue(merge(current, draft, paths), self._rules.caps))

    async def _bring(self, name: QueueName, change: Callable[[Queue], Queue]) -> Queue:
        """Change a queue, which is created if it does not exist."""
        try:
            return (await self._store.change_queue(name, change)).queue
        except QueueNotFound:
            pass
        try:
            return await self._create(change(Queue(name)))
        except QueueExists:  # somebody else created it in between
            return (await self._store.change_queue(name, change)).queue

    async def delete(self, name: str) -> None:
        queue = parse_queue(name)
        now = self._clock.now()
        await self._store.delete_queue(queue, now=now, name_until=now + self._rules.queue_name_rest)
        await self._drop(queue.text)

    async def purge(self, name: str) -> Queue:
        now = self._clock.now()
        until = now + self._rules.task_name_rest
        return (await self._store.purge_queue(parse_queue(name), now=now, names_until=until)).queue

    async def pause(self, name: str) -> Queue:
        return await self._enter(parse_queue(name), QueueState.PAUSED)

    async def resume(self, name: str) -> Queue:
        return await self._enter(parse_queue(name), QueueState.RUNNING)

    async def declare(self, draft: Queue) -> Queue:
        """A queue that the operator wants to be there: created, or brought in line if it exists."""
        return await self.update(draft, ())

    async def declare_app_engine(self, draft: Queue) -> Queue:
        """A queue of queue.yaml: brought in line in what such a file can say, its bucket as it is said there. A rate
        of 0 pauses it; that it was paused otherwise is nobody's but the operator's to end."""
        self._locations.check(draft.name.project, draft.name.location)

        def change(current: Queue) -> Queue:
            checked = check_queue(merge(current, draft, _OF_QUEUE_YAML), self._rules.caps)
            limits = replace(checked.rate_limits, max_burst_size=draft.rate_limits.max_burst_size)
            state = QueueState.PAUSED if draft.state is QueueState.PAUSED else checked.state
            return replace(checked, rate_limits=limits, state=state)

        return await self._bring(draft.name, change)

    async def ensure(self, name: QueueName) -> Queue:
        """A queue that the operator wants to be there, as it is if it exists."""
        try:
            return await self.get(name.text)
        except QueueNotFound:
            pass
        try:
            return await self._create(check_queue(Queue(name), self._rules.caps))
        except QueueExists:  # another node created it in between
            return await self.get(name.text)

    async def _create(self, queue: Queue) -> Queue:
        return (await self._store.create_queue(queue, self._clock.now())).queue

    async def _check_signer(self, queue: Queue) -> None:
        if self._signers is not None:
            await self._signers.check(queue.http_target, queue.name.project)

    async def _enter(self, name: QueueName, state: QueueState) -> Queue:
        change: Callable[[Queue], Queue] = lambda queue: replace(queue, state=state)  # noqa: E731
        return (await self._store.change_queue(name, change)).queue

    def _location(self, parent: str) -> LocationName:
        location = parse_location(parent)
        self._locations.check(location.project, location.location)
        return location

    async def _scan(
        self, location: LocationName, wanted: Filter, after: str, limit: int
    ) -> tuple[tuple[Queue, ...], str, bool]:
        """(queues that match, the last id looked at, whether there may be more)"""
        shown: list[Queue] = []
        looked_at = 0
        while looked_at < _SCANNED:
            found = await self._store.list_queues(location, after=after, limit=limit + 1)
            for stored in found:
                if len(shown) == limit:
                    return tuple(shown), after, True
                after = stored.queue.name.queue
                if wanted.matches(document(stored.queue)):
                    shown.append(stored.queue)
            looked_at += len(found)
            if len(found) <= limit:
                return tuple(shown), after, False
        return tuple(shown), after, True
