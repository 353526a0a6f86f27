"""`kumo store`: a store that no server uses, copied into another or counted. It asks no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumotasks.cli.client import Failure, Json, WrongCall
from kumotasks.cli.command import Command, Positional
from kumotasks.cli.line import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kumotasks.settings import Settings
    from kumotasks.storage.holdings import Holdings, Tally

_WHERE = "a directory, sqlite:///path, or postgresql://…, as for kumo serve --store"


def copy(line: Line) -> object:
    """Raises Failure."""
    from kumotasks.cli.store_keys import Keys

    source, target = _settings(line.text("from")), _settings(line.text("to"))
    here, there = _holdings(source), _holdings(target)
    keys = Keys(source, target)

    async def run() -> dict[str, Tally]:
        from kumotasks.storage.holdings import copied

        await keys.take()
        async with here.opened(), there.opened(new=True):
            tallies = await copied(here, there, without=keys.moved)
        await keys.put()
        return tallies

    tallies = _done(line, f"Copying {here.shown}", run)
    line.say(f"Everything at {here.shown} is at {there.shown}, and was read back. {keys.told}".rstrip())
    return _rows(tallies)


def check(line: Line) -> object:
    """Raises Failure."""
    holdings = _holdings(_settings(line.text("store")))

    async def run() -> dict[str, Tally]:
        from kumotasks.storage.holdings import tallied

        async with holdings.opened():
            return await tallied(holdings)

    return _rows(_done(line, f"Reading {holdings.shown}", run))


def _done(line: Line, doing: str, run: Callable[[], Coroutine[None, None, dict[str, Tally]]]) -> dict[str, Tally]:
    import asyncio

    from kumotasks.domain.errors import KumoError
    from kumotasks.storage.store import StoreUnusable

    try:
        with line.progress(doing):
            return asyncio.run(run())
    except StoreUnusable as reason:
        raise Failure(str(reason)) from reason
    except KumoError as reason:
        raise Failure(reason.message) from reason


def _settings(where: str) -> Settings:
    import os

    from kumotasks.settings import Settings, SettingsError
    from kumotasks.settings import check as checked

    try:
        return checked(Settings(store=where, secret=os.environ.get("KUMO_SECRET", "")))
    except SettingsError as reason:
        raise WrongCall(str(reason)) from reason


def _holdings(settings: Settings) -> Holdings:
    if settings.database is None:
        from kumotasks.storage.postgres.holdings import PostgresHoldings

        return PostgresHoldings(settings.store)
    from kumotasks.storage.sqliteholdings import SqliteHoldings

    return SqliteHoldings(settings.database, settings.logs_file)


def _rows(tallies: dict[str, Tally]) -> list[Json]:
    from kumotasks.storage.holdings import TABLES

    return [
        {"what": word, "rows": tallies[table].count, "digest": tallies[table].digest} for table, word in TABLES.items()
    ]


GROUPS = {"store": "the store of a server that is stopped"}
COMMANDS = (
    Command(
        "store copy",
        "copy all of a store into a new one, from SQLite to PostgreSQL or back; what was written is read back and "
        "compared. No server may use either",
        "kumo store copy ./kumo-data postgresql://kumo@db.example/kumo",
        copy,
        (Positional("FROM", _WHERE), Positional("TO", "the same; nothing may be in it yet")),
        format="table(what, rows)",
    ),
    Command(
        "store check",
        "read all of a store and count what is in it; two stores that hold the same have the same digests. No server "
        "may use it",
        "kumo store check ./kumo-data",
        check,
        (Positional("STORE", _WHERE),),
        format="table(what, rows, digest)",
    ),
)
