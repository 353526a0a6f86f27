"""`kumo run front`, put together: the check of callers alone, in front of a worker that somebody else runs."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

from kumotasks.api.http2 import protocol_class
from kumotasks.api.limits import Limits
from kumotasks.auth.published_keys import PublishedKeys, fetcher
from kumotasks.auth.vault import FileVault
from kumotasks.domain.account import project_number
from kumotasks.domain.clock import Clock, SystemClock
from kumotasks.domain.errors import KumoError
from kumotasks.domain.run import address
from kumotasks.domain.run.service import Service
from kumotasks.domain.run.template import Container, Template
from kumotasks.lifecycle import Component, Listener, Port, Signals, run
from kumotasks.logs import own
from kumotasks.server.addresses import Addresses
from kumotasks.server.front_settings import FrontSettings
from kumotasks.server.identity import known
from kumotasks.server.neighbours import Neighbours
from kumotasks.settings import Settings
from kumotasks.storage.sqlitebeside import SqliteBeside
from kumotasks.storage.sqlrecords import SqlRecords
from kumotasks.storage.store import StoreUnusable
from kumotasks.workers.front.alone import Alone
from kumotasks.workers.front.front import Front
from kumotasks.workers.front.invoker import Invoker
from kumotasks.workers.front.listed import Listed, PublishedProofs
from kumotasks.workers.front.proofs import OwnProofs
from kumotasks.workers.run_log import Place, Request

logger = logging.getLogger("kumotasks.front")
_MOST = 1000  # requests at a time: Cloud Run's highest concurrency
_SECOND = 1_000_000


class OwnLog:
    """Requests in the program's own log."""

    def request(self, place: Place, request: Request) -> None:
        logger.info(
            "request",
            extra={
                "method": request.method,
                "url": request.url,
                "status": request.status,
                "seconds": request.latency / _SECOND,
                "refusal": request.refusal,
            },
        )


@dataclass(frozen=True, slots=True)
class Judging:
    """By whose word callers are judged, and what has to run for it."""

    invoker: Invoker
    components: tuple[Component, ...] = ()


class Announced:
    """Component: says that requests are answered."""

    def __init__(self, port: Port) -> None:
        self._port = port

    async def start(self) -> None:
        logger.info("the front listens on http://%s:%d", self._port.host, self._port.number)

    async def stop(self) -> None:
        """There is nothing to take back."""


def serve_front(settings: FrontSettings) -> int:
    """Stand guard until told to stop; the exit code."""
    own.configure("info")
    try:
        with asyncio.Runner() as runner:
            runner.run(_until_told_to_stop(front_components(settings)))
    except (StoreUnusable, KumoError, OSError) as error:
        logger.error("the front cannot start: %s", error)  # noqa: TRY400 - one sentence is enough
        return 1
    return 0


def front_components(settings: FrontSettings) -> tuple[Component, ...]:
    """What runs, in the order of its start."""
    wall, port = SystemClock(), Port(settings.host, settings.port)
    judging = _of_installation(settings) if settings.data is not None else _of_issuer(settings, wall)
    front = Front(_alone(settings), judging.invoker, OwnLog(), wall)
    limits = Limits(guest=lambda host: True)
    return (*judging.components, front, Listener(front, protocol_class(limits), port=port), Announced(port))


async def _until_told_to_stop(components: tuple[Component, ...]) -> None:
    with Signals() as signals:
        await run(components, signals.stop, signals.cut)


def _alone(settings: FrontSettings) -> Alone:
    where = urlsplit(settings.upstream)
    template = Template((Container("elsewhere"),), timeout=settings.timeout, concurrency=_MOST)
    service = Service(settings.service, "", template, custom_audiences=settings.audiences)
    number = project_number(settings.service.project)
    return Alone(
        service,
        address.urls(settings.service, number),
        number=number,
        host=where.hostname or "127.0.0.1",
        port=where.port or 80,
    )


def _of_installation(settings: FrontSettings) -> Judging:
    """By keys, accounts and policies of a data directory, as its server, which may run meanwhile, leaves them."""
    assert settings.data is not None
    installation = Settings(data=str(settings.data), store=str(settings.data), issuer=settings.issuer)
    assert installation.database is not None
    clock = SystemClock()
    store = SqliteBeside(installation.database, clock)
    beside = Neighbours(store, FileVault(installation.data_directory / "keys", clock), None, ())
    who = known(installation, SqlRecords(store), Addresses(installation), beside)
    proofs = OwnProofs(who.tokens, who.accounts, who.revoked, issuer=settings.issuer, anyone=False)
    return Judging(Invoker(proofs, who.judge, who.wall), (store, who.keyring))


def _of_issuer(settings: FrontSettings, wall: Clock) -> Judging:
    """By the keys that an issuer publishes, and the list of who may call."""
    keys = PublishedKeys(fetcher(settings.certificates), settings.issuer, wall)
    return Judging(Invoker(PublishedProofs(keys, settings.issuer), Listed(settings.allow), wall))
