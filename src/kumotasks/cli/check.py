"""`kumo config check`: what is wrong with a kumo.toml or a queue.yaml, or what a server would make of it.

It asks no server. What it says is what `kumo serve` would say of the same file.
"""

from __future__ import annotations

from pathlib import Path

from kumotasks.cli.client import WrongCall
from kumotasks.cli.command import Command, Positional
from kumotasks.cli.line import Line

_YAML = (".yaml", ".yml")


def check(line: Line) -> object:
    from kumotasks.configuration.plan import planned
    from kumotasks.configuration.startup import gathered
    from kumotasks.server.judges import JUDGES
    from kumotasks.settings import SettingsError

    file = line.text("file")
    of_app_engine = Path(file).suffix.lower() in _YAML
    flags = {"queue_yaml": file} if of_app_engine else {}
    try:
        startup = gathered(flags, {}, None if of_app_engine else Path(file), JUDGES)
    except SettingsError as error:
        raise WrongCall(f"{file} cannot be used:\n{error}") from error
    rows = [{"kind": each.kind, "name": each.name, "details": each.details} for each in planned(startup, JUDGES)]
    made = "a start by it brings these into being, or in line:" if rows else "it declares nothing to create."
    line.say(f"{file} is in order; {made}")
    return rows or None


GROUPS: dict[str, str] = {}
COMMANDS = (
    Command(
        "config check",
        "what is wrong with a kumo.toml or an App Engine queue.yaml, by line and column, or what it would create",
        "kumo config check kumo.toml",
        check,
        (Positional("FILE", "read as queue.yaml if its name ends in .yaml or .yml, else as kumo.toml"),),
        format="table(kind, name, details)",
    ),
)
