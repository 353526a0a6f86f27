"""Sorting what is shown: numbers by size, everything else by its letters, nothing at all last. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from kumotasks.cli.show.key import find, parse

Sortable = tuple[int, float, str]


def by_fields(items: Sequence[object], written: str) -> list[object]:
    """Sorted by `a,~b`: by a, and where that is the same by b from the last to the first."""
    found = list(items)
    for each in reversed([part.strip() for part in written.split(",") if part.strip()]):
        key = parse(each.lstrip("~"))
        found.sort(key=lambda item, steps=key.steps: rank(find(item, steps)), reverse=each.startswith("~"))  # type: ignore[misc]
    return found


def rank(value: object) -> Sortable:
    """What a value is sorted by."""
    if value is None or value == "":
        return (2, 0.0, "")
    if isinstance(value, (int, float)):
        return (0, float(value), "")
    try:
        return (0, float(str(value)), "")
    except ValueError:
        return (1, 0.0, str(value))
