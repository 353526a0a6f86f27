"""google.api.http path templates, compiled into a matcher that does not search.

Paths are told apart by verb, number of segments and ":verb" suffix (one dict lookup), then by their literal segments
(another). A "*" is exactly one segment that is not empty. Segments are split before they are percent-decoded, so an
encoded slash never makes a segment; inside a variable of several segments it stays encoded, as Google leaves it. It
knows nothing of what a path leads to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import unquote

Target = TypeVar("Target")
PART = re.compile(r"/(?:\{(?P<field>[a-z0-9_.]+)(?:=(?P<inner>[^{}]+))?\}|(?P<literal>[^{}/]*))")
SUFFIX = re.compile(r"(?P<path>[^:]+)(?::(?P<verb>[A-Za-z]+))?")


@dataclass(frozen=True, slots=True)
class Variable:
    """A part of a path that goes into a field of the request."""

    field: str  # "queue.name"
    first: int  # segment
    past: int

    def of(self, segments: list[str]) -> str:
        return "/".join(segments[self.first : self.past])


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template."""

    segments: tuple[str, ...]  # "*" = any
    verb: str  # the ":verb" suffix, without the colon; "" if none
    variables: tuple[Variable, ...]

    @property
    def literals(self) -> tuple[int, ...]:
        return tuple(index for index, segment in enumerate(self.segments) if segment != "*")

    @property
    def wildcards(self) -> tuple[int, ...]:
        return tuple(index for index, segment in enumerate(self.segments) if segment == "*")


def compile_template(text: str) -> Template:
    """Read a template such as "/v2/{name=projects/*/queues/*}:pause". Raises ValueError."""
    suffixed = SUFFIX.fullmatch(text)
    if suffixed is None or "**" in text:
        raise ValueError(f"not a path template: {text}")
    segments: list[str] = []
    variables: list[Variable] = []
    path, place = suffixed["path"], 0
    while place < len(path):
        part = PART.match(path, place)
        if part is None:
            raise ValueError(f"not a path template: {text}")
        place = part.end()
        first = len(segments)
        segments.extend([part["literal"]] if part["field"] is None else (part["inner"] or "*").split("/"))
        if part["field"] is not None:
            variables.append(Variable(part["field"], first, len(segments)))
    return Template(tuple(segments), suffixed["verb"] or "", tuple(variables))


class Match(NamedTuple, Generic[Target]):
    """Where a path leads, with the fields that it names: (("queue.name", "projects/p/..."), ...)."""

    target: Target
    variables: tuple[tuple[str, str], ...]


class Shape(Generic[Target]):
    """Templates whose literals stand at the same places; told apart by these literals alone."""

    __slots__ = ("_key", "_rows", "_wildcards")

    def __init__(self, template: Template) -> None:
        self._key: Callable[[Sequence[str]], Any] = itemgetter(*template.literals) if template.literals else len
        self._wildcards = template.wildcards
        self._rows: dict[Any, tuple[Template, Target]] = {}

    def add(self, template: Template, target: Target) -> None:
        known = self._rows.setdefault(self._key(template.segments), (template, target))
        if known != (template, target):
            raise ValueError(f"two templates for one path: {'/'.join(template.segments)}")

    def rows(self) -> Iterable[tuple[Template, Target]]:
        return self._rows.values()

    def match(self, segments: Sequence[str]) -> tuple[Template, Target] | None:
        row = self._rows.get(self._key(segments))
        if row is not None and "" in segments and not all(segments[index] for index in self._wildcards):
            return None
        return row


class Paths(Generic[Target]):
    """All paths of a server: add them, then match."""

    def __init__(self, entries: Iterable[tuple[str, str, Target]] = ()) -> None:
        self._shapes: dict[tuple[str, int, str], dict[tuple[int, ...], Shape[Target]]] = {}
        self._verbs: list[str] = []
        for verb, template, target in entries:
            self.add(verb, template, target)

    def add(self, verb: str, text: str, target: Target) -> None:
        """Lead `verb` on this template to `target`. Raises ValueError if it leads elsewhere already."""
        template = compile_template(text)
        key = (verb, len(template.segments), template.verb)
        shapes = self._shapes.setdefault(key, {})
        shape = shapes.get(template.literals) or Shape(template)
        shape.add(template, target)
        shapes[template.literals] = shape
        # More literals first, and among equals the ones further left: /tasks/special before /tasks/*.
        self._shapes[key] = dict(sorted(shapes.items(), key=lambda item: (-len(item[0]), item[0])))
        if verb not in self._verbs:
            self._verbs.append(verb)

    def match(self, verb: str, raw_path: str) -> Match[Target] | None:
        """Where a path leads, given as it came over the wire: still percent-encoded."""
        segments = raw_path.split("/")
        if segments.pop(0):  # what does not begin with a slash is no path
            return None
        encoded = "%" in raw_path
        if segments and ":" in segments[-1]:
            name, _, suffix = segments[-1].rpartition(":")
            found = self._find(verb, [*segments[:-1], name], suffix=suffix, encoded=encoded)
            if found is not None:
                return found
        return self._find(verb, segments, suffix="", encoded=encoded)

    def verbs(self, raw_path: str) -> list[str]:
        """The verbs that a path answers to."""
        return [verb for verb in self._verbs if self.match(verb, raw_path) is not None]

    def entries(self) -> Iterator[tuple[Template, Target]]:
        """Every template, with where it leads."""
        for shapes in self._shapes.values():
            for shape in shapes.values():
                yield from shape.rows()

    def _find(self, verb: str, segments: list[str], *, suffix: str, encoded: bool) -> Match[Target] | None:
        shapes = self._shapes.get((verb, len(segments), suffix))
        if shapes is None:
            return None
        if encoded:
            segments = [unquote(segment) for segment in segments]
        for shape in shapes.values():
            row = shape.match(segments)
            if row is not None:
                template, target = row
                if encoded:
                    return Match(target, tuple([(each.field, rejoined(each, segments)) for each in template.variables]))
                return Match(target, tuple([(each.field, each.of(segments)) for each in template.variables]))
        return None


def rejoined(variable: Variable, segments: list[str]) -> str:
    """The value of a variable whose segments may hold slashes of their own."""
    if variable.past - variable.first == 1:
        return segments[variable.first]
    return variable.of([segment.replace("/", "%2F") for segment in segments])
