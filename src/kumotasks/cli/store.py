"""`kumo store`: a store that no server uses, copied into another or counted. It asks no server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kumotasks.cli.client import Failure, Json, WrongCall
from kumotasks.cli.command import Command, Positional
from kumotasks.cli.line import Line

if TYPE_CHECKING:
    from kumotasks.storage.holdings import Holdings, Tally

_WHERE = "a directory, sqlite:///path, or postgresql://…, as for kumo serve --store"


def copy(line: Line) -> object:
    """Raises Failure."""
    import asyncio

    from kumotasks.storage.holdings import copied
    from kumotasks.storage.store import StoreUnusable

    source, target = _holdings(line.text("from")), _holdings(line.text("to"))

    async def run() -> dict[str, Tally]:
        async with source.opened(), target.opened(new=True):
            return await copied(source, target)

    try:
        with line.progress(f"Copying {source.shown}"):
            tallies = asyncio.run(run())
    except StoreUnusable as reason:
        raise Failure(str(reason)) from reason
    line.say(f"Everything at {source.shown} is at {target.shown}, and was read back.")
    return _rows(tallies)


def check(line: Line) -> object:
    """Raises Failure."""
    import asyncio

    from kumotasks.storage.holdings import tallied
    from kumotasks.storage.store import StoreUnusable

    holdings = _holdings(line.text("store"))

    async def run() -> dict[str, Tally]:
        async with holdings.opened():
            return await tallied(holdings)

    try:
        with line.progress(f"Reading {holdings.shown}"):
            return _rows(asyncio.run(run()))
    except StoreUnusable as reason:
        raise Failure(str(reason)) from reason


def _holdings(where: str) -> Holdings:
    from kumotasks.settings import Settings, SettingsError
    from kumotasks.settings import check as checked

    try:
        settings = checked(Settings(store=where))
    except SettingsError as reason:
        raise WrongCall(str(reason)) from reason
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
