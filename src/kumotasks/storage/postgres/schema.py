"""The schema of a PostgreSQL database: brought up to date by whoever comes first, refused where it is too new.

A migration only adds. So a node works on beside one that has brought the schema one version further, as happens while
an installation is updated node by node; what is further ahead it does not know, and refuses.
"""

from __future__ import annotations

from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.migrate import latest_version, migrations
from kumotasks.storage.operation import Row
from kumotasks.storage.postgres.link import FAILURES, Connection, Link, Server
from kumotasks.storage.rows import columns
from kumotasks.storage.store import StoreUnusable

ENGINE = "postgres"
_AHEAD = 1  # versions that a schema may be newer
_LOCK = 0x4B756D6F  # "Kumo": nodes that start together migrate one after the other
STATEMENTS = {
    "lock": f"SELECT pg_advisory_xact_lock({_LOCK})",
    "encoding": "SELECT current_setting('server_encoding')",
    "has_meta": "SELECT to_regclass('kumo_meta')::text",
    "version": "SELECT version FROM kumo_meta",
}


async def bring_up_to_date(server: Server) -> None:
    """StoreUnusable, with a sentence for the operator."""
    link = Link(server, STATEMENTS)
    try:
        await _migrate(server, link)
    except StorageUnavailable as unreachable:
        raise StoreUnusable(f"the store {server.shown} cannot be reached: {_reason(unreachable)}") from unreachable
    except FAILURES as failure:
        raise StoreUnusable(f"the store {server.shown} cannot be used: {failure}") from failure
    finally:
        await link.close()


def _reason(unreachable: StorageUnavailable) -> str:
    cause = unreachable.__cause__
    return str(cause) or type(cause).__name__


async def _migrate(server: Server, link: Link) -> None:
    connection = await link.open()
    transaction = connection.transaction(isolation="read_committed", readonly=False)
    await transaction.start()
    await link.fetch("lock")
    encoding = _only(await link.fetch("encoding"))
    if encoding != "UTF8":
        raise StoreUnusable(f"the store {server.shown} has the encoding {encoding}; UTF8 is needed")
    version = await _version(connection, link)
    known = latest_version(ENGINE)
    if version > known + _AHEAD:
        raise StoreUnusable(
            f"the store {server.shown} was written by a newer version of Kumo Tasks: "
            f"its schema is {version}, this version knows {known}"
        )
    for migration in migrations(ENGINE, after=version):
        await connection.execute(migration.script)
        await connection.execute(f"UPDATE kumo_meta SET version = {migration.version}")  # noqa: S608 - a number of ours
    await transaction.commit()


async def _version(connection: Connection, link: Link) -> int:
    if _only(await link.fetch("has_meta")) is None:
        await connection.execute("CREATE TABLE kumo_meta (version BIGINT NOT NULL); INSERT INTO kumo_meta VALUES (0)")
    return columns((await link.fetch("version"))[0], tuple[int])[0]


def _only(rows: list[Row]) -> object:
    return rows[0][0]
