"""What is wrong in a file, and where. It knows neither format."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from kumotasks.settings import SettingsError

Path = tuple[str | int, ...]  # into a file's content: keys of tables, positions in lists
_SHOWN = 60  # characters of a value that a sentence repeats


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Line and column, both from 1; columns count characters. Line 0 is the file as a whole."""

    line: int
    column: int


NOWHERE = Place(0, 0)


@dataclass(frozen=True, slots=True)
class Flaw:
    """A sentence about what `path` leads to: about its key if `key`, else about its value."""

    path: Path
    sentence: str
    key: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence about a place of a file."""

    file: str
    place: Place
    sentence: str

    def __str__(self) -> str:
        line, column = self.place.line, self.place.column
        where = f"{self.file}:{line}:{column}" if self.place != NOWHERE else self.file
        return f"{where}: {self.sentence}"


class Misconfigured(SettingsError):
    """Files that cannot be used; as text a line for each problem, in the order of the files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def ordered(problems: Iterable[Problem]) -> list[Problem]:
    """By place, each once, the file as a whole first."""
    return sorted(dict.fromkeys(problems), key=lambda each: each.place)


def unknown(what: str, name: str, known: Iterable[str], table: str = "") -> str:
    """ "there is no setting 'prot'. Did you mean 'port'?"; `table` stands in front of both names."""
    near = get_close_matches(name[:_SHOWN], list(known), n=1, cutoff=0.6)
    hint = f" Did you mean '{table}{near[0]}'?" if near else ""
    return f"there is no {what} {shown(table + name)}.{hint}"


def shown(value: object) -> str:
    """A value from a file as a sentence repeats it."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an integer of thousands of digits; lists in lists without end
        return "this value"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
