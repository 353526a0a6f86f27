"""The schema's history: numbered files, applied in order, each once. The number of the last is the store's version.

A file that was released is never edited. Additive changes only, so that a server of the version before can work beside.
How a file is run, and where the version is kept, is the engine's.
"""

from __future__ import annotations

from dataclasses import dataclass

from kumotasks.storage.statements import sql_files


@dataclass(frozen=True, slots=True)
class Migration:
    """`0001_task_path.sql` as version 1."""

    version: int
    script: str


def migrations(engine: str, after: int = 0) -> list[Migration]:
    """The migrations of an engine behind the version `after`, in order."""
    numbered = [file for file in sql_files(engine) if file.name[0].isdigit()]
    found = [Migration(int(file.name.split("_")[0]), file.read_text()) for file in numbered]
    return [migration for migration in found if migration.version > after]


def latest_version(engine: str) -> int:
    """The version a store of this engine has after every migration."""
    return migrations(engine)[-1].version
