"""A container's environment as lines change it: set anew, updated, removed, cleared. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kumotasks.cli.command import Json
from kumotasks.cli.run.document import items


def merged(given: object) -> dict[str, str]:
    """A flag that was given several times is one list."""
    every = given if isinstance(given, list) else [given]
    return {name: value for each in every if isinstance(each, dict) for name, value in each.items()}


def with_values(container: Json, values: Mapping[str, str], *, anew: bool) -> None:
    """Give a container these variables, besides those that it has or, `anew`, in their place."""
    kept = [] if anew else items(container, "env")
    known = {str(each.get("name")): each for each in kept}
    known |= {name: {"name": name, "value": value} for name, value in values.items()}
    container["env"] = list(known.values())


def without(container: Json, names: Sequence[str]) -> None:
    container["env"] = [each for each in items(container, "env") if each.get("name") not in names]
