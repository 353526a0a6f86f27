"""What a run yields: one number with its name. Medians, nothing else; how it came about is not known here."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """`measure` of what `subject` did in `row`: Reading("Kumo", "create", "tasks/s", 20_000.0)."""

    subject: str
    row: str
    measure: str
    value: float


def medians(readings: Iterable[Reading]) -> list[Reading]:
    """The median of the runs, in order of first appearance."""
    values: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for reading in readings:
        values[reading.subject, reading.row, reading.measure].append(reading.value)
    return [Reading(*key, statistics.median(each)) for key, each in values.items()]


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
