"""The composition root: reads as a table of contents of a running server. Settings are opened here and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from kumotasks.api import http2
from kumotasks.api.asgi import Application
from kumotasks.api.guard import guard_of
from kumotasks.api.health import Health
from kumotasks.api.limits import Limits
from kumotasks.api.metrics import Metrics, QueueGauge, Readings
from kumotasks.api.pages import Doors, pages
from kumotasks.api.protojson import decode
from kumotasks.api.tasks import messages
from kumotasks.api.tasks.convert_queue import draft
from kumotasks.api.tasks.queue_calls import QueueCalls
from kumotasks.api.tasks.routes import routes
from kumotasks.api.tasks.shared_calls import SharedCalls
from kumotasks.api.tasks.task_calls import TaskCalls
from kumotasks.dispatch.delivery import Delivery
from kumotasks.dispatch.egress import Egress, EgressRule
from kumotasks.dispatch.home import Berth, Homes
from kumotasks.dispatch.janitor import Janitor
from kumotasks.dispatch.resolver import Resolver
from kumotasks.dispatch.scheduler import Scheduler
from kumotasks.dispatch.sender import ProxySettings, Sender, SenderLimits, TlsSettings
from kumotasks.dispatch.travel import Idleness, Traveller
from kumotasks.dispatch.watch import OpenWatch
from kumotasks.domain.clock import SECOND, Clock, ManualClock, SystemClock
from kumotasks.domain.errors import QueueNotFound
from kumotasks.domain.names import QueueName, parse_queue
from kumotasks.domain.queue import Caps
from kumotasks.domain.target import AppEngineHosts
from kumotasks.domain.task import Task
from kumotasks.domain.window import Room
from kumotasks.lifecycle import Component, Listener
from kumotasks.service.batches import Batches
from kumotasks.service.encryption import Encryption
from kumotasks.service.gate import Gate
from kumotasks.service.locations import Locations
from kumotasks.service.policies import Policies
from kumotasks.service.queues import QueueRules, Queues
from kumotasks.service.tasks import TaskRules, Tasks
from kumotasks.settings import Settings, SettingsError, is_loopback
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlstore import SqlStore

logger = logging.getLogger("kumotasks.server")
_FRAMING = 64 * 1024  # around a body of the largest size: a frame, JSON, headers


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What pushes tasks."""

    scheduler: Scheduler
    delivery: Delivery
    homes: Homes
    watch: OpenWatch
    janitor: Janitor
    sender: Sender


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


class Bound:
    """Component: takes the port first of all, so that a taken one is told before anything is touched."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    async def start(self) -> None:
        self._listener.bind()

    async def stop(self) -> None:
        """Let go of it, also where the listener never came to start."""
        await self._listener.stop()


class Declared:
    """Component: the queues that the operator named, brought into being at start."""

    def __init__(self, queues: Queues, settings: Settings) -> None:
        self._queues = queues
        self._settings = settings

    async def start(self) -> None:
        for name in self._settings.queue:
            await self._queues.ensure(_queue_name(name, self._settings))
        for described in self._settings.queues:
            message = decode(dict(described), messages.Queue)
            message.name = _queue_name(message.name, self._settings).text
            await self._queues.declare(draft(message))

    async def stop(self) -> None:
        """They stay."""


class Server:
    """One node: its `components` start in order and stop in reverse. `announce` is called when calls are answered."""

    def __init__(self, settings: Settings, announce: Callable[[int], None]) -> None:
        self._settings = settings
        self._clock = _clock(settings)
        self._store = _store(settings)
        self._gate = Gate()
        in_flight: dict[int, Task] = {}
        self._dispatch = _dispatch(settings, self._store, self._clock, in_flight)
        queues, application = self._application(in_flight)
        self._readiness = Readiness(application.health, lambda: announce(self._listener.port))
        self._listener = Listener(
            application,
            http2.protocol_class(Limits(max_body=settings.max_body + _FRAMING)),
            address=(settings.host, settings.port),
            drain=settings.drain / SECOND,
        )
        self.components: tuple[Component, ...] = (
            Bound(self._listener),
            self._store,
            self._dispatch.watch,
            self._dispatch.sender,
            self._dispatch.scheduler,
            self._dispatch.janitor,
            Declared(queues, settings),
            self._listener,
            self._readiness,
        )

    def _application(self, in_flight: Mapping[int, Task]) -> tuple[Queues, Application]:
        settings, store, clock = self._settings, self._store, self._clock
        strict = frozenset({settings.project}) if settings.strict_resources else None
        locations = Locations(home=settings.location, strict_projects=strict)
        task_rules = TaskRules(settings.task_name_rest, _app_engine_hosts(settings))
        queue_rules = QueueRules(settings.queue_name_rest, settings.task_name_rest, _caps(settings))
        tasks = Tasks(store=store, clock=clock, locations=locations, rules=task_rules, in_flight=in_flight)
        queues = Queues(store=store, records=store.records, clock=clock, locations=locations, rules=queue_rules)
        batches = Batches(tasks=tasks, records=store.records, clock=clock)
        shared = SharedCalls(
            policies=Policies(store, store.records, clock),
            encryption=Encryption(store.records, clock),
            locations=locations,
            batches=batches,
            clock=clock,
        )
        application = Application(
            routes=routes(QueueCalls(queues), TaskCalls(tasks, batches), shared),
            pages=pages(self._doors()),
            guard=guard_of(frozenset({settings.host, *settings.hosts}), any_host=settings.auth_off_anywhere),
            through=self._gate.through,
        )
        return queues, application

    def _doors(self) -> Doors:
        dispatch, clock = self._dispatch, self._clock
        traveller = Traveller(clock, dispatch.scheduler, dispatch.janitor) if isinstance(clock, ManualClock) else None
        return Doors(
            ready=lambda: self._readiness.ready,
            metrics=Metrics(_readings(self._gate, dispatch)),
            wait_idle=Idleness(dispatch.scheduler).wait,
            queue_stats=lambda name: _stats(dispatch.homes, name),
            clock=clock,
            advance=traveller.advance if traveller else None,
        )


def _clock(settings: Settings) -> Clock:
    return ManualClock(SystemClock().now()) if settings.clock == "manual" else SystemClock()


def _store(settings: Settings) -> SqlStore:
    assert settings.database is not None
    return SqliteStore(settings.database, max_pages=settings.store_max_pages or None)


def _caps(settings: Settings) -> Caps:
    return Caps(settings.max_dispatches_per_second, settings.max_concurrent_dispatches)


def _app_engine_hosts(settings: Settings) -> AppEngineHosts:
    return AppEngineHosts(settings.app_engine_host, settings.app_engine_services)


def _dispatch(settings: Settings, store: SqlStore, clock: Clock, in_flight: dict[int, Task]) -> Dispatch:
    homes = Homes(store, Room())
    watch = OpenWatch(store, clock)
    sender = Sender(
        clock=clock,
        egress=Egress(
            loopback_allowed=is_loopback(settings.host),
            private_allowed=settings.egress_private,
            rules=tuple(_egress_rules(settings)),
        ),
        resolver=Resolver(clock=clock),
        tls=TlsSettings(settings.ca_file or None, settings.client_cert or None, settings.client_key or None),
        limits=SenderLimits(max_connections=settings.max_in_flight),
        proxy=ProxySettings(settings.outbound_proxy) if settings.outbound_proxy else None,
    )
    delivery = Delivery(
        store=store,
        clock=clock,
        sender=sender,
        watch=watch,
        hosts=_app_engine_hosts(settings),
        in_flight=in_flight,
        name_rest=settings.task_name_rest,
    )
    scheduler = Scheduler(
        store=store,
        clock=clock,
        homes=homes,
        delivery=delivery,
        max_in_flight=settings.max_in_flight,
        drain=settings.drain / SECOND,
    )
    return Dispatch(scheduler, delivery, homes, watch, Janitor(store, clock), sender)


def _egress_rules(settings: Settings) -> Iterator[EgressRule]:
    for allow, texts in ((True, settings.egress_allow), (False, settings.egress_deny)):
        for text in texts:
            try:
                yield EgressRule.parse(text, allow=allow)
            except ValueError as error:
                raise SettingsError(f"egress rule {text!r}: {error}.") from error


def _queue_name(text: str, settings: Settings) -> QueueName:
    """A queue by its id, in the project and location of the settings, or by its full name."""
    full = text if "/" in text else f"projects/{settings.project}/locations/{settings.location}/queues/{text}"
    return parse_queue(full)


def _readings(gate: Gate, dispatch: Dispatch) -> Readings:
    counts = dispatch.delivery.counts
    return Readings(
        calls=lambda: gate.calls,
        attempts=lambda: counts.ended,
        delay_seconds=lambda: counts.delay / SECOND,
        in_flight=lambda: dispatch.scheduler.in_flight,
        queues=lambda: [_gauge(berth) for berth in dispatch.homes.berths.values()],
    )


def _gauge(berth: Berth) -> QueueGauge:
    lane = berth.lane
    rate = berth.throttle.rate(lane.queue.rate_limits.max_dispatches_per_second)
    return QueueGauge(lane.queue.name.text, lane.waiting, lane.open_count, rate)


def _stats(homes: Homes, name: str) -> dict[str, object]:
    wanted = parse_queue(name)
    for berth in homes.berths.values():
        if berth.lane.queue.name == wanted:
            gauge = _gauge(berth)
            return {
                "queue": gauge.queue,
                "state": berth.lane.queue.state.name,
                "loadedTasks": gauge.waiting,
                "concurrentDispatches": gauge.open,
                "effectiveDispatchesPerSecond": gauge.effective_rate,
            }
    raise QueueNotFound
