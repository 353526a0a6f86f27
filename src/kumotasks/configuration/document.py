"""A file as text, and a TOML text as content whose every part has its place."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path as File

from kumotasks.configuration.problem import NOWHERE, Flaw, Misconfigured, Path, Place, Problem
from kumotasks.configuration.toml_places import Places, places

_WHERE = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
TOO_DEEP = "it is nested too deeply."


@dataclass(frozen=True, slots=True)
class Document:
    """What a TOML file holds. `name` is how sentences call it."""

    name: str
    content: dict[str, object] = field(default_factory=dict)
    places: Places = field(default_factory=Places)

    def problem(self, flaw: Flaw) -> Problem:
        place = self.places.of_key(flaw.path) if flaw.key else self.places.of_value(flaw.path)
        return Problem(self.name, place, flaw.sentence)


def read_text(file: File) -> str:
    """The file's text. Misconfigured if it cannot be read."""
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise refused(str(file), NOWHERE, f"{error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise refused(str(file), _undecodable(error), "this is no UTF-8 text.") from error
    except ValueError as error:  # a zero byte in its name
        raise refused(repr(str(file)), NOWHERE, "no file has such a name.") from error


def toml(name: str, text: str) -> Document:
    """The content of a TOML text. Misconfigured if it is none."""
    try:
        return Document(name, tomllib.loads(text), places(text))
    except RecursionError as error:
        raise refused(name, NOWHERE, TOO_DEEP) from error
    except ValueError as error:
        raise refused(name, *_told(str(error), text)) from error


def refused(name: str, place: Place, sentence: str) -> Misconfigured:
    return Misconfigured([Problem(name, place, sentence)])


def leads_to(content: object, path: Path) -> bool:
    """Whether there is something at `path`."""
    for step in path:
        inside = isinstance(content, dict) and step in content
        within = isinstance(content, list) and isinstance(step, int) and step < len(content)
        if not inside and not within:
            return False
        content = content[step]  # type: ignore[index]
    return True


def _told(reason: str, text: str) -> tuple[Place, str]:
    """tomllib's reason without its place, and the place."""
    found = _WHERE.search(reason)
    sentence = f"this is no TOML: {_WHERE.sub('', reason)}."
    if found is None:
        return NOWHERE, sentence
    if found["line"] is None:
        return _end(text), sentence
    return Place(int(found["line"]), int(found["column"])), sentence


def _end(text: str) -> Place:
    lines = text.rstrip("\r\n").split("\n")
    return Place(len(lines), len(lines[-1].rstrip("\r")) + 1)


def _undecodable(error: UnicodeDecodeError) -> Place:
    before = error.object[: error.start]
    line = before.rpartition(b"\n")[2]
    return Place(before.count(b"\n") + 1, len(line.decode(errors="replace")) + 1)
