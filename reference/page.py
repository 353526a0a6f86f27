"""docs/reference.md as a text: commands, settings, roles, calls. It looks nothing up but in the program's tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import fields
from itertools import groupby
from pathlib import Path

from kumotasks.api.call import PageRoute, StreamRoute
from kumotasks.auth.role_table import TABLE, Role
from kumotasks.cli import table
from kumotasks.cli.command import Command
from kumotasks.cli.parser import usage
from kumotasks.cli.properties import KNOWN
from kumotasks.domain.clock import DAY, HOUR, MINUTE, SECOND
from kumotasks.settings import Settings, coerced
from reference.calls import Call, calls

FILE = Path(__file__).parent.parent / "docs" / "reference.md"
_HEAD = """\
# Reference

Made by `make reference` from the tables that the program reads. What the words mean is told in the
[quickstart](quickstart.md) and in [operations](operations.md).

[Commands](#commands) · [Properties](#properties) · [Settings](#settings) · [Roles](#roles) · [Calls](#calls)
"""
_COMMANDS = """\
## Commands

`kumo COMMAND --help` lists the flags.
"""
_PROPERTIES = """\
## Properties

What `kumo config set PROPERTY VALUE` keeps for the command line, and the variable that stands over it.

| property | variable | |
|---|---|---|"""
_SETTINGS = """\
## Settings

Of a server: a flag of `kumo serve` over a variable over `kumo.toml`. [Operations](operations.md#settings) says what
each is for.

| in the file | default | variable | flag |
|---|---|---|---|"""
_ROLES = """\
## Roles

What a binding of each permits here."""
_CALLS = """\
## Calls

A permission is asked for with `--auth iam`. Where none stands, the call is open, or judges by all that it names. gRPC
calls go by `SERVICE/METHOD`."""
_FOR_TESTS = frozenset({"store_max_pages"})
_TABLES = ("egress", "app_engine")  # `[egress] allow` is the setting egress_allow
_UNITS = ((DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (SECOND, "s"))
_SIZES = ((1024**3, "GiB"), (1024**2, "MiB"))
_PATTERN = re.compile(r"\{[a-z0-9_.]+=(?P<inner>[^{}]+)\}")


def made() -> str:
    """All of the file."""
    routes, pages = calls()
    parts = (commands(), properties(), settings(), roles(), api(routes, pages))
    return "\n\n".join([_HEAD.rstrip(), *("\n".join(part) for part in parts)]) + "\n"


def commands() -> Iterator[str]:
    yield _COMMANDS.rstrip()
    for word, text in table.words().items():
        found = table.commands(word)
        yield f"\n### kumo {word}"
        if all(command.words != word for command in found):
            yield f"\n{text[0].upper()}{text[1:]}."
        yield from (line for command in found for line in _command(command))


def _command(command: Command) -> Iterator[str]:
    yield f"\n**`{usage(command)}`**: {command.text}\n\n```\n{command.example}\n```"


def properties() -> Iterator[str]:
    yield _PROPERTIES
    for name, text in KNOWN.items():
        yield f"| `{name}` | `KUMO_{name.replace('/', '_').upper()}` | {text} |"


def settings() -> Iterator[str]:
    yield _SETTINGS
    flags = {flag.name for command in table.commands("serve") for flag in command.flags}
    for name in (each.name for each in fields(Settings) if each.name not in _FOR_TESTS):
        flag = name.replace("_", "-")
        shown = f"`--{flag}`" if flag in flags else ""
        default = _default(name, getattr(Settings(), name))
        yield f"| {_place(name)} | {default} | {_variable(name)} | {shown} |"


def _place(name: str) -> str:
    for head in _TABLES:
        if name.startswith(f"{head}_"):
            return f"`[{head}]` `{name.removeprefix(f'{head}_')}`"
    return f"`[[{name}]]`" if _is_of_tables(name) else f"`{name}`"


def _variable(name: str) -> str:
    """None for what only a file can say."""
    return "" if _is_of_tables(name) or isinstance(getattr(Settings(), name), dict) else f"`KUMO_{name.upper()}`"


def _is_of_tables(name: str) -> bool:
    """Whether the setting is a list of tables, which no variable can say."""
    return isinstance(getattr(Settings(), name), tuple) and not _takes(name, "a")


def _takes(name: str, written: str) -> bool:
    try:
        coerced(name, written)
    except ValueError:
        return False
    return True


def _default(name: str, value: object) -> str:
    if value in ("", (), {}):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and _takes(name, "1d"):
        return _in(_UNITS, value)
    if isinstance(value, int) and _takes(name, "1MiB"):
        return _in(_SIZES, value)
    return f"`{value}`"


def _in(units: Sequence[tuple[int, str]], value: int) -> str:
    """The value in the largest unit that it is a whole number of: 3d, 16MiB."""
    return next((f"{value // size}{unit}" for size, unit in units if value % size == 0), str(value))


def roles() -> Iterator[str]:
    yield _ROLES
    seen: dict[frozenset[str], str] = {}
    for role in TABLE:
        yield f"\n### {role.name}\n"
        yield f"{role.title}: {role.description.rstrip('.')}.\n"
        if same := seen.get(role.permissions):
            yield f"The same permissions as `{same}`."
        else:
            yield from _permissions(role)
        seen.setdefault(role.permissions, role.name)


def _permissions(role: Role) -> Iterator[str]:
    """`cloudtasks.queues`: get, list"""
    for noun, permissions in groupby(sorted(role.permissions), key=lambda each: each.rpartition(".")[0]):
        verbs = ", ".join(each.rpartition(".")[2] for each in permissions)
        yield f"- `{noun}`: {verbs}"


def api(routes: Sequence[Call], pages: Sequence[PageRoute]) -> Iterator[str]:
    yield _CALLS
    services = list(dict.fromkeys(route.service for route in routes))
    for service in services:
        yield f"\n### {service}\n\n| REST | method | permission |\n|---|---|---|"
        yield from (row for route in routes if route.service == service for row in _call(route))
    yield "\n### Plain pages\n\n| page | permission |\n|---|---|"
    yield from (f"| `{page.verb} {page.path}` | {_code(page.permission)} |" for page in pages)


def _call(route: Call) -> Iterator[str]:
    if isinstance(route, StreamRoute) or not route.verb:
        yield f"| gRPC alone | {route.method} | |"
        return
    for path in (route.path, *route.aliases):
        shown = _PATTERN.sub(r"\g<inner>", path)
        yield f"| `{route.verb} {shown}` | {route.method} | {_code(route.permission)} |"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
