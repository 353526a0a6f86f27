"""Where the keys and values of a TOML text stand, which tomllib does not tell.

The text is one that tomllib has read: what is wrong with TOML is tomllib's to say, so that the scanner only has to find
its way. Strings are skipped by patterns, everything else is read key by key, value by value, as the grammar has it.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from kumotasks.configuration.problem import NOWHERE, Path, Place

_BLANK = re.compile(r"[ \t]*")
_BETWEEN = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'  # a text may end in two quotes before the three that close it
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"\d{4}-\d\d-\d\d \d\d:[^\s,\]}#]*|[^\s,\]}#]+")  # a date may have a blank before its time


@dataclass(slots=True)
class Places:
    """Of each path the place of its key and of its value; an element of a list has no key, a table's value is where it
    is opened."""

    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)

    def of_key(self, path: Path) -> Place:
        return self._nearest(path, self.keys) if path in self.keys else self.of_value(path)

    def of_value(self, path: Path) -> Place:
        """The value's, or that of the innermost thing around it whose place is known."""
        return self._nearest(path, self.values)

    def _nearest(self, path: Path, places: Mapping[Path, Place]) -> Place:
        found = (places[path[:length]] for length in range(len(path), 0, -1) if path[:length] in places)
        return next(found, NOWHERE)


def places(text: str) -> Places:
    """The places of everything in `text`, which must be TOML. RecursionError if it is nested too deeply."""
    return _Scanner(text.replace("\r\n", "\n")).scan()


class _Scanner:
    """Reads from `_at` on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._counts: dict[Path, int] = {}  # elements so far of each array of tables
        self._found = Places()

    def scan(self) -> Places:
        table: Path = ()
        self._skip(_BETWEEN)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BETWEEN)
        return self._found

    def _header(self) -> Path:
        """`[a.b]` or `[[a.b]]`: the path of the table that it opens."""
        opened = self._place()
        listed = self._text.startswith("[[", self._at)
        self._at += 2 if listed else 1
        path: Path = ()
        *outer, (last, place) = self._dotted()
        self._at += 2 if listed else 1
        for name, where in outer:
            path = self._innermost(self._named((*path, name), where, opened))
        path = self._named((*path, last), place, opened)
        if listed:
            self._counts[path] = self._counts.get(path, 0) + 1
            path = self._innermost(path)
        self._found.values[path] = opened
        return path

    def _innermost(self, path: Path) -> Path:
        """Of an array of tables, the element that was opened last."""
        return (*path, self._counts[path] - 1) if path in self._counts else path

    def _pair(self, table: Path) -> None:
        """`a.b = value`"""
        path = table
        for name, where in self._dotted():
            path = self._named((*path, name), where, where)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _named(self, path: Path, key: Place, value: Place) -> Path:
        self._found.keys.setdefault(path, key)
        self._found.values.setdefault(path, value)
        return path

    def _dotted(self) -> list[tuple[str, Place]]:
        """The names of a key, each with its place; `_at` is then on what follows."""
        names = []
        while True:
            self._skip(_BLANK)
            place = self._place()
            names.append((self._name(), place))
            self._skip(_BLANK)
            if self._text[self._at] != ".":
                return names
            self._at += 1

    def _name(self) -> str:
        quoted = self._text[self._at] in "\"'"
        written = self._skip(_STRING if quoted else _BARE)
        return str(tomllib.loads(f"name = {written}")["name"]) if quoted else written

    def _value(self, path: Path) -> None:
        self._found.values[path] = self._place()
        match self._text[self._at]:
            case "[":
                self._members(path, "]")
            case "{":
                self._members(path, "}")
            case "'" | '"':
                self._skip(_STRING)
            case _:
                self._skip(_PLAIN)

    def _members(self, path: Path, end: str) -> None:
        """The elements of a list, or the pairs of an inline table."""
        self._at += 1
        count = 0
        while True:
            self._skip(_BETWEEN)
            if self._text[self._at] == end:
                break
            if end == "]":
                self._value((*path, count))
                count += 1
            else:
                self._pair(path)
            self._skip(_BETWEEN)
            self._at += self._text[self._at] == ","
        self._at += 1

    def _skip(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return found[0]

    def _place(self) -> Place:
        line = bisect_right(self._lines, self._at)
        return Place(line, self._at - self._lines[line - 1] + 1)
