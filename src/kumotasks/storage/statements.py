"""Named SQL: the statements of an engine, read once from the `.sql` files of its folder.

A line `-- name: add_task` begins a statement and gives it its name; what follows up to the next such line is its text.
Migrations, whose file names begin with a number, lie in the same folder and are `migrate.py`'s. What a statement means
is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def sql_files(engine: str) -> list[Traversable]:
    """The `.sql` files of an engine (`sqlite`), by name."""
    folder = resources.files(__package__) / "sql" / engine
    return sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)


def parse(text: str) -> Iterator[tuple[str, str]]:
    """Each (name, statement) in `text`."""
    parts = _NAME.split(text)[1:]
    for name, statement in zip(parts[::2], parts[1::2], strict=True):
        yield name, statement.strip().removesuffix(";")


def read_statements(engine: str) -> Mapping[str, str]:
    """Every named statement of an engine."""
    statements: dict[str, str] = {}
    for file in sql_files(engine):
        if file.name[0].isdigit():
            continue
        for name, statement in parse(file.read_text()):
            if name in statements:
                raise ValueError(f"{file.name} names a statement twice: {name}")
            statements[name] = statement
    return statements
