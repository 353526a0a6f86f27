"""What pushes tasks, put together: egress, sender, delivery, scheduler, janitor."""

from __future__ import annotations

from dataclasses import dataclass

from kumotasks.auth.bearers import Bearers
from kumotasks.dispatch.activity import Activity
from kumotasks.dispatch.delivery import Delivery
from kumotasks.dispatch.egress import Egress, EgressRule, read_rules
from kumotasks.dispatch.home import Homes
from kumotasks.dispatch.inside import Inside
from kumotasks.dispatch.janitor import Janitor
from kumotasks.dispatch.lease import ALWAYS, Always, Lease
from kumotasks.dispatch.parting import Parting
from kumotasks.dispatch.resolver import Resolver
from kumotasks.dispatch.scheduler import Scheduler, Tenancy
from kumotasks.dispatch.sender import ProxySettings, Sender, SenderLimits, TlsSettings
from kumotasks.dispatch.sole import Sole
from kumotasks.dispatch.tenancy import Tenant
from kumotasks.dispatch.watch import OpenWatch
from kumotasks.domain.clock import SECOND, Clock, SystemClock
from kumotasks.domain.history import Memory, Remembered
from kumotasks.domain.target import AppEngineHosts
from kumotasks.domain.task import Task
from kumotasks.domain.window import Room
from kumotasks.logs.journal import Journal
from kumotasks.settings import Settings, SettingsError, is_loopback
from kumotasks.storage.history import Keep
from kumotasks.storage.logs import Shelf, SqliteShelf
from kumotasks.storage.sqlstore import SqlStore


@dataclass(frozen=True, slots=True)
class Dispatch:
    """The parts that push tasks."""

    scheduler: Scheduler
    delivery: Delivery
    homes: Homes
    watch: OpenWatch
    janitor: Janitor
    sender: Sender
    activity: Activity


def journal_of(settings: Settings, clock: Clock) -> Journal:
    return Journal(_shelf(settings), clock, keep=settings.logs_keep, max_bytes=settings.logs_size)


def _shelf(settings: Settings) -> Shelf:
    if settings.on_postgres:
        from kumotasks.storage.postgres.shelf import PostgresShelf

        return PostgresShelf(settings.store)
    return SqliteShelf(settings.logs_file)


def dispatch(
    settings: Settings,
    store: SqlStore,
    clock: Clock,
    *,
    in_flight: dict[int, Task],
    bearers: Bearers,
    journal: Journal,
    inside: Inside,
) -> Dispatch:
    """`in_flight` gets the tasks with an open attempt; whoever reads tasks has it too. `inside` leads to the services
    that run here."""
    homes, lease = Homes(Room()), _lease(settings)
    activity = Activity(store=store, homes=homes, log=journal, clock=clock)
    watch = OpenWatch(store, clock, lease)
    sender = _sender(settings, clock, inside)
    delivery = Delivery(
        store=store,
        clock=clock,
        sender=sender,
        watch=watch,
        hosts=AppEngineHosts(settings.app_engine_host, settings.app_engine_services),
        in_flight=in_flight,
        name_rest=settings.task_name_rest,
        bearers=bearers,
        memory=Memory(Remembered(settings.history), dead_letters=settings.dead_letters_keep > 0),
        activity=activity,
        lease=lease,
    )
    scheduler = Scheduler(
        store=store,
        clock=clock,
        homes=homes,
        delivery=delivery,
        tenancy=_tenancy(store, clock, homes, delivery, lease),
        max_in_flight=settings.max_in_flight,
        drain=settings.drain / SECOND,
    )
    janitor = Janitor(store, clock, Keep(settings.history_keep, settings.dead_letters_keep))
    return Dispatch(scheduler, delivery, homes, watch, janitor, sender, activity)


def _lease(settings: Settings) -> Lease | Always:
    return Lease(SystemClock(), settings.lease) if settings.on_postgres else ALWAYS


def _tenancy(store: SqlStore, clock: Clock, homes: Homes, delivery: Delivery, lease: Lease | Always) -> Tenancy:
    if isinstance(lease, Always):
        return Sole(store, clock, homes)
    # The database's clock judges the lease, so it is kept by the wall, however time is moved by hand.
    return Tenant(store, clock, SystemClock(), homes, Parting(store, clock, homes, delivery), lease)


def _sender(settings: Settings, clock: Clock, inside: Inside) -> Sender:
    return Sender(
        clock=clock,
        egress=Egress(
            loopback_allowed=is_loopback(settings.host),
            private_allowed=settings.private_targets,
            rules=_egress_rules(settings),
        ),
        resolver=Resolver(clock=clock),
        tls=TlsSettings(settings.ca_file or None, settings.client_cert or None, settings.client_key or None),
        limits=SenderLimits(max_connections=settings.max_in_flight),
        proxy=ProxySettings(settings.outbound_proxy) if settings.outbound_proxy else None,
        inside=inside,
    )


def _egress_rules(settings: Settings) -> tuple[EgressRule, ...]:
    try:
        return read_rules(settings.egress_rules, settings.egress_allow, settings.egress_deny)
    except ValueError as error:
        raise SettingsError(f"egress rule {error}.") from error
