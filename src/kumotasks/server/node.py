"""One node: reads as a table of contents of a running server."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Callable, Iterator

from kumotasks.api import http2
from kumotasks.api.administration import administration_pages
from kumotasks.api.asgi import Application
from kumotasks.api.call import Proof
from kumotasks.api.environment import Environment, environment_page
from kumotasks.api.guard import Guard, guard_of, open_door
from kumotasks.api.hosts import Hosts
from kumotasks.api.limits import Limits
from kumotasks.api.metrics import Metrics
from kumotasks.api.pages import Doors, pages
from kumotasks.api.tls import Certificates
from kumotasks.configuration.startup import Startup
from kumotasks.dispatch.travel import Idleness, Traveller
from kumotasks.domain.clock import SECOND, Clock, ManualClock, SystemClock
from kumotasks.domain.task import Task
from kumotasks.lifecycle import Component, Listener, Port
from kumotasks.server.addresses import Addresses
from kumotasks.server.dispatch import dispatch, journal_of
from kumotasks.server.identity import known
from kumotasks.server.proxied import Proxied
from kumotasks.server.readings import readings, stats
from kumotasks.server.run import with_run
from kumotasks.server.secure import secure
from kumotasks.server.starting import Bound, Declared, Readiness
from kumotasks.server.surfaces import Ground, calls_on, locations_of, logging_on, oauth_on, queues_on
from kumotasks.server.workers import Soil, workers
from kumotasks.service.gate import Gate
from kumotasks.service.queues import Queues
from kumotasks.settings import Settings, is_loopback
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlstore import SqlStore
from kumotasks.workers.deploying.trust import HEADER

logger = logging.getLogger("kumotasks.server")
_FRAMING = 64 * 1024  # around a body of the largest size: a frame, JSON, headers


class Server:
    """One node: its `components` start in order and stop in reverse. `announce` is called when calls are answered.

    `addresses` are given where somebody else has taken the ports."""

    def __init__(
        self, startup: Startup, announce: Callable[[Addresses], None], *, addresses: Addresses | None = None
    ) -> None:
        self._settings = settings = startup.settings
        self._clock = _clock(settings)
        self._store = _store(settings)
        self._addresses = addresses or Addresses(settings)
        self._known = known(settings, self._store.records, self._addresses)
        self._gate = Gate(self._known.authorizer)
        in_flight: dict[int, Task] = {}
        self._journal = journal_of(settings, self._clock)
        self._proxied = self._proxied_workers()
        self._workers = workers(
            Soil(
                settings,
                self._store.records,
                self._known,
                self._clock,
                self._journal,
                locations_of(settings),
                self._proxied.variables,
            )
        )
        self._dispatch = dispatch(
            settings,
            self._store,
            self._clock,
            in_flight=in_flight,
            bearers=self._known.bearers,
            journal=self._journal,
            inside=self._workers.inside(settings),
        )
        queues = queues_on(Ground(settings, self._store, self._clock, self._known))
        self._application = self._surfaces(queues, in_flight)
        self._hosts = Hosts(self._workers.runtime.find, front=self._workers.front, application=self._application)
        self._readiness = Readiness(self._application.health, lambda: announce(self._addresses))
        self._secure = secure(
            settings, self._addresses, self._known, listen=self._listen_securely, ours=self._hosts.ours
        )
        self.components: tuple[Component, ...] = tuple(self._components(queues, startup))

    def _components(self, queues: Queues, startup: Startup) -> Iterator[Component]:
        yield Bound(self._addresses.ports)
        yield self._store
        yield from self._known.beside.components
        yield self._journal
        if self._secure is not None:
            yield self._secure.certificates
        if self._settings.auth == "iam" or self._secure is not None:
            yield self._known.owner
        yield self._known.keyring
        yield self._proxied
        yield from self._workers.components
        yield self._dispatch.watch
        yield self._dispatch.sender
        yield self._dispatch.scheduler
        yield self._dispatch.activity
        yield self._dispatch.janitor
        yield Declared(queues, self._known, startup)
        yield self._listen(self._addresses.plain, None)
        if self._secure is not None:
            yield from self._secure.components
        yield self._readiness

    def _surfaces(self, queues: Queues, in_flight: dict[int, Task]) -> Application:
        settings = self._settings
        ground = Ground(settings, self._store, self._clock, self._known)
        return Application(
            routes=(
                *with_run(
                    calls_on(ground, queues, in_flight, self._addresses),
                    self._workers,
                    self._known,
                    settings,
                    locations_of(settings),
                ),
                *logging_on(ground, self._journal),
            ),
            pages=(
                *pages(self._doors()),
                *oauth_on(ground, self._addresses),
                environment_page(self._environment()),
                *administration_pages(self._known.keyring, self._known.authorizer),
            ),
            guard=_guard(settings),
            through=self._gate.through,
            identity=self._known.authenticator,
            home=f"projects/{settings.project}",
            proof=Proof(HEADER.encode(), self._workers.trust.judge),
        )

    def _doors(self) -> Doors:
        dispatch, clock = self._dispatch, self._clock
        traveller = Traveller(clock, dispatch.scheduler, dispatch.janitor) if isinstance(clock, ManualClock) else None
        return Doors(
            ready=lambda: self._readiness.ready,
            metrics=Metrics(readings(self._gate, dispatch, self._journal)),
            wait_idle=Idleness(dispatch.scheduler).wait,
            queue_stats=lambda name: stats(dispatch.homes, name),
            clock=clock,
            advance=traveller.advance if traveller else None,
        )

    def _environment(self) -> Environment:
        addresses = self._addresses
        return Environment(
            auth=self._settings.auth,
            project=self._settings.project,
            location=self._settings.location,
            port=lambda: addresses.plain.number,
            tls_port=lambda: addresses.secure.number if addresses.secure else 0,
            proxy_port=lambda: addresses.proxy.number if addresses.proxy else 0,
            authority=self._authority,
            owner_key=self._settings.owner_file,
            run_secret=self._workers.trust.path,
        )

    def _proxied_workers(self) -> Proxied:
        host, proxy = self._settings.host, self._addresses.proxy
        here = host if is_loopback(host) and host != "localhost" else "127.0.0.1"
        return Proxied(
            here, lambda: proxy.number if proxy else 0, self._authority, self._settings.data_directory / "trust"
        )

    def _authority(self) -> str:
        own = self._secure.authority if self._secure is not None else None
        return own.certificate().decode() if own is not None else ""

    def _listen_securely(self, certificates: Certificates) -> Listener:
        assert self._addresses.secure is not None
        return self._listen(self._addresses.secure, certificates.context)

    def _listen(self, port: Port, tls: ssl.SSLContext | None) -> Listener:
        limits = Limits(max_body=self._settings.max_body + _FRAMING, guest=self._hosts.guest)
        drain = self._settings.drain / SECOND
        return Listener(self._hosts, http2.protocol_class(limits), port=port, tls=tls, drain=drain)


def _clock(settings: Settings) -> Clock:
    return ManualClock(SystemClock().now()) if settings.clock == "manual" else SystemClock()


def _store(settings: Settings) -> SqlStore:
    if settings.database is None:
        from kumotasks.storage.postgres.engine import PostgresStore

        return PostgresStore(settings.store)
    return SqliteStore(settings.database, max_pages=settings.store_max_pages or None)


def _guard(settings: Settings) -> Guard:
    """Where everybody is asked who he is, a page in somebody's browser comes no further than anybody else."""
    if settings.auth == "iam":
        if settings.tls == "off" and not is_loopback(settings.host):
            logger.warning("credentials travel in plain text: let TLS end in front of this server, or say --tls")
        return open_door
    return guard_of(frozenset({settings.host, *settings.hosts}), any_host=settings.auth_off_anywhere)
