"""Documents and their questions in a database: SQLite, or PostgreSQL by its URL. Knows nothing of HTTP, files, queues.

What makes a repeated task harmless is here: of all who finish a document, one is first, and only his questions stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import (
    Column,
    Connection,
    ForeignKey,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    create_engine,
    event,
    insert,
    make_url,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateTable

from examples.yuichat.questions.question import Question

if TYPE_CHECKING:
    from sqlite3 import Connection as SQLiteConnection

_LISTED = 100
_SCHEMA_LOCK = 0x59_75_69  # any number of our own: two that start at once must not both create tables

_metadata = MetaData()
_documents = Table(
    "documents",
    _metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("status", String(16), nullable=False),
    Column("tries", Integer, nullable=False),
    Column("error", Text, nullable=False),
)
_questions = Table(
    "questions",
    _metadata,
    Column("document_id", ForeignKey("documents.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("sentence", Text, nullable=False),
)
_OPEN = _documents.c.status != "ready"


class Status(StrEnum):
    """PENDING: nobody has begun. GENERATING: somebody has, and may have been cut. FAILED: the last try did."""

    PENDING = "pending"
    GENERATING = "generating"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Document:
    """`tries` counts the generations that were begun; `error` is the last one's, in words."""

    id: int
    name: str
    kind: str
    text: str
    status: Status
    tries: int = 0
    error: str = ""


class Storage:
    """Every method is one transaction, and may be called from any thread."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(_located(url), pool_pre_ping=True)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _prepare_sqlite)

    def prepare(self) -> None:
        """Create what is not there yet."""
        with self._engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})"))
            for table in _metadata.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))

    def close(self) -> None:
        self._engine.dispose()

    def add(self, name: str, kind: str, content: str) -> Document:
        values = {"name": name, "kind": kind, "text": content, "status": Status.PENDING, "tries": 0, "error": ""}
        with self._engine.begin() as connection:
            row = connection.execute(insert(_documents).values(values).returning(*_documents.c)).mappings().one()
        return _document(row)

    def begin(self, number: int) -> Document | None:
        """Count a try of a document, unless it is ready. The document, or None if there is none."""
        counted = update(_documents).where(_documents.c.id == number, _OPEN)
        with self._engine.begin() as connection:
            connection.execute(counted.values(status=Status.GENERATING, tries=_documents.c.tries + 1))
            return _found(connection, number)

    def finish(self, number: int, questions: Sequence[Question]) -> bool:
        """Make a document ready with these questions. False if somebody was first: then his stay, and these go."""
        ready = update(_documents).where(_documents.c.id == number, _OPEN).values(status=Status.READY, error="")
        rows = [
            {
                "document_id": number,
                "position": position,
                "text": each.text,
                "answer": each.answer,
                "sentence": each.sentence,
            }
            for position, each in enumerate(questions)
        ]
        with self._engine.begin() as connection:
            first = connection.execute(ready).rowcount == 1
            if first and rows:
                connection.execute(insert(_questions), rows)
        return first

    def fail(self, number: int, error: str) -> None:
        """Note why the last try failed, unless another has succeeded."""
        with self._engine.begin() as connection:
            failed = update(_documents).where(_documents.c.id == number, _OPEN)
            connection.execute(failed.values(status=Status.FAILED, error=error))

    def document(self, number: int) -> Document | None:
        with self._engine.connect() as connection:
            return _found(connection, number)

    def questions(self, number: int) -> tuple[Question, ...]:
        ordered = select(_questions).where(_questions.c.document_id == number).order_by(_questions.c.position)
        with self._engine.connect() as connection:
            rows = connection.execute(ordered).mappings().all()
        return tuple(Question(row["text"], row["answer"], row["sentence"]) for row in rows)

    def documents(self, before: int | None = None) -> tuple[Document, ...]:
        """The newest first, a hundred at most, of those before number `before`."""
        newest = select(_documents).order_by(_documents.c.id.desc()).limit(_LISTED)
        chosen = newest if before is None else newest.where(_documents.c.id < before)
        with self._engine.connect() as connection:
            return tuple(_document(row) for row in connection.execute(chosen).mappings())


def _located(url: str) -> str:
    """The URL with the driver that is used here; any `postgres://` of a hosting company is PostgreSQL's."""
    parts = make_url(url)
    if parts.drivername.partition("+")[0] not in ("postgresql", "postgres"):
        return url
    return parts.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _prepare_sqlite(connection: SQLiteConnection, _: object) -> None:
    """Readers do not wait for a writer, and a writer waits for another instead of failing."""
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute("PRAGMA journal_mode = WAL")


def _found(connection: Connection, number: int) -> Document | None:
    row = connection.execute(select(_documents).where(_documents.c.id == number)).mappings().one_or_none()
    return None if row is None else _document(row)


def _document(row: RowMapping) -> Document:
    return Document(
        id=row["id"],
        name=row["name"],
        kind=row["kind"],
        text=row["text"],
        status=Status(row["status"]),
        tries=row["tries"],
        error=row["error"],
    )
