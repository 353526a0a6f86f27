"""The parts of a server that only matter while it starts and ends: ports taken early, what was declared, readiness."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import suppress

from kumotasks.api.health import Health
from kumotasks.api.protojson import decode
from kumotasks.api.tasks import messages
from kumotasks.api.tasks.convert_queue import draft
from kumotasks.configuration.startup import Startup
from kumotasks.domain.errors import (
    AccountExists,
    InvalidArgument,
    KumoError,
    PolicyChanged,
    StorageFull,
    StorageUnavailable,
)
from kumotasks.domain.names import QueueName, parse_queue
from kumotasks.domain.policy import Binding
from kumotasks.domain.queue import QueueState
from kumotasks.lifecycle import Port
from kumotasks.server import declared
from kumotasks.server.identity import Known
from kumotasks.service.queues import Queues
from kumotasks.settings import Settings, SettingsError

logger = logging.getLogger("kumotasks.server")
_TOLD = 20  # names in a line of the log


class Bound:
    """Component: takes the ports first of all, so that a taken one is told before anything is touched."""

    def __init__(self, ports: Sequence[Port]) -> None:
        self._ports = ports

    async def start(self) -> None:
        for port in self._ports:
            port.bind()

    async def stop(self) -> None:
        """Let go of them, also where their listeners never came to start."""
        for port in self._ports:
            port.close()


class Declared:
    """Component: the queues, accounts and bindings that the operator named, brought into being at start. What else
    there is stays as it is."""

    def __init__(self, queues: Queues, known: Known, startup: Startup) -> None:
        self._queues = queues
        self._known = known
        self._settings = startup.settings
        self._yaml = startup.yaml

    async def start(self) -> None:
        """SettingsError if one of them cannot be."""
        steps = (
            ("queue", self._make_queues),
            ("queue", self._make_queues_of_yaml),
            ("service account", self._make_accounts),
            ("binding", self._make_bindings),
        )
        for what, make in steps:
            try:
                await make()
            except (StorageFull, StorageUnavailable):
                raise
            except KumoError as refusal:
                raise SettingsError(f"a declared {what} was refused: {refusal.message}") from refusal

    async def stop(self) -> None:
        """They stay."""

    async def _make_queues(self) -> None:
        for name in self._settings.queue:
            await self._queues.ensure(_queue_name(name, self._settings))
        for described in self._settings.queues:
            message = decode(dict(described), messages.Queue)
            message.name = _queue_name(message.name, self._settings).text
            await self._queues.declare(draft(message))

    async def _make_queues_of_yaml(self) -> None:
        yaml = self._yaml
        if yaml is None:
            return
        for entry in yaml.entries:
            queue = await self._queues.declare_app_engine(entry.queue)
            if queue.state is QueueState.PAUSED and entry.queue.state is QueueState.RUNNING:
                logger.info("queue %s of %s is paused, and stays so", queue.name.queue, yaml.name)
        others = [name async for name in self._others({entry.queue.name for entry in yaml.entries})]
        if others:
            more = f" and {len(others) - _TOLD} more" if len(others) > _TOLD else ""
            logger.info("queues that are not in %s stay as they are: %s%s", yaml.name, ", ".join(others[:_TOLD]), more)

    async def _others(self, declared: Collection[QueueName]) -> AsyncIterator[str]:
        """The ids of queues that no file declares, in the project and location of the settings."""
        parent = f"projects/{self._settings.project}/locations/{self._settings.location}"
        described = (str(each.get("name", "")) for each in self._settings.queues)
        named = {_queue_name(text, self._settings) for text in (*self._settings.queue, *described)}
        token = ""
        while True:
            page = await self._queues.list(parent, filter_text="", page_size=0, page_token=token)
            for queue in page.queues:
                if queue.name not in declared and queue.name not in named:
                    yield queue.name.queue
            token = page.next_page_token
            if not token:
                return

    async def _make_accounts(self) -> None:
        for described in self._settings.service_accounts:
            wanted = declared.account(described, project=self._settings.project, now=self._known.wall.now())
            if await self._known.accounts.find(wanted.email) is None:
                with suppress(AccountExists):  # another node was first
                    await self._known.accounts.create(wanted)

    async def _make_bindings(self) -> None:
        for described in self._settings.bindings:
            resource, binding = declared.binding(described, project=self._settings.project)
            while not await self._is_bound(resource, binding):
                pass

    async def _is_bound(self, resource: str, binding: Binding) -> bool:
        """Whether the binding stands now; False if another node has changed the policy meanwhile."""
        current = await self._known.book.get(resource)
        wanted = declared.bound(current, binding)
        with suppress(PolicyChanged):
            return wanted == current or bool(await self._known.book.put(resource, wanted, if_etag=current.etag))
        return False


class Readiness:
    """Component: ready once everything before it has started, until the stop begins."""

    def __init__(self, health: Health, announce: Callable[[], None]) -> None:
        self._health = health
        self._announce = announce
        self.ready = False

    async def start(self) -> None:
        self.ready = True
        self._announce()
        logger.info("ready")

    def refuse(self) -> None:
        if self.ready:
            logger.info("stopping")
        self.ready = False
        self._health.end()

    def cut(self) -> None:
        """Nothing here is waited for."""

    async def stop(self) -> None:
        self.refuse()


def _queue_name(text: str, settings: Settings) -> QueueName:
    """A queue by its id, in the project and location of the settings, or by its full name."""
    full = text if "/" in text else f"projects/{settings.project}/locations/{settings.location}/queues/{text}"
    try:
        return parse_queue(full)
    except InvalidArgument as refusal:
        raise InvalidArgument(f"{text!r} is no queue's name: {refusal.message}") from refusal
