"""Readings as Markdown: a table for each set of measures, a line for each subject and row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from bench.reading import Reading


def render(readings: Iterable[Reading]) -> str:
    """One table per distinct set of measures, in order of appearance."""
    lines: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for reading in readings:
        lines[reading.row, reading.subject][reading.measure] = reading.value
    tables: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for (row, subject), values in sorted(lines.items(), key=lambda item: _first(lines, item[0][0])):
        cells = [row, subject, *(number(value) for value in values.values())]
        tables[tuple(values)].append(f"| {' | '.join(cells)} |")
    return "\n".join(_table(measures, body) for measures, body in tables.items())


def number(value: float) -> str:
    """Three digits that say something: 12,345, 98.7, 0.0612."""
    if value >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _first(lines: Iterable[tuple[str, str]], row: str) -> int:
    """Where a row first appears: its subjects stand together."""
    return next(place for place, (each, _) in enumerate(lines) if each == row)


def _table(measures: tuple[str, ...], body: list[str]) -> str:
    head = f"| | | {' | '.join(measures)} |"
    rule = f"|---|---|{'---:|' * len(measures)}"
    return "\n".join([head, rule, *body, ""])
