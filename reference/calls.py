"""Every call that a server answers, by building one that never starts. How they are shown is unknown here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from kumotasks.api.administration import administration_pages
from kumotasks.api.call import JsonRoute, PageRoute, RawRoute, Route, StreamRoute
from kumotasks.api.environment import environment_page
from kumotasks.api.pages import pages
from kumotasks.domain.clock import SystemClock
from kumotasks.server.addresses import Addresses
from kumotasks.server.dispatch import journal_of
from kumotasks.server.identity import known
from kumotasks.server.run import with_run
from kumotasks.server.surfaces import Ground, calls_on, locations_of, logging_on, oauth_on, queues_on
from kumotasks.server.workers import Soil, workers
from kumotasks.settings import Settings
from kumotasks.storage.sqlite import SqliteStore

Call = Route | RawRoute | JsonRoute | StreamRoute
_NOTHING = cast("Any", None)  # nothing is called


def calls() -> tuple[Sequence[Call], Sequence[PageRoute]]:
    """The calls of Google's APIs and of our own, and the plain pages."""
    with TemporaryDirectory() as directory:
        settings, clock = Settings(store=directory), SystemClock()
        store, addresses = SqliteStore(Path(directory) / "kumo.db"), Addresses(settings)
        ground = Ground(settings, store, clock, known(settings, store.records, addresses))
        journal, places = journal_of(settings, clock), locations_of(settings)
        run = workers(Soil(settings, store.records, ground.known, clock, journal, places, dict))
        routes = (
            *with_run(calls_on(ground, queues_on(ground), {}, addresses), run, ground.known, settings, places),
            *logging_on(ground, journal),
        )
        plain = (
            *pages(_NOTHING),
            *oauth_on(ground, addresses),
            environment_page(_NOTHING),
            *administration_pages(ground.known.keyring, None),
        )
    return routes, plain
