"""The filter of a listing of projects: Resource Manager's own small language, not the one of logs. Pure.

`field:value` and `field=value` without regard to case, `*` for anything, AND, OR, NOT or `-`, parentheses. Terms that
merely stand side by side are alternatives, as Resource Manager has it. A field that projects do not have matches
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kumotasks.domain.errors import InvalidArgument

Document = Mapping[str, str]  # fields in lower case, values as they are
Judge = Callable[[Document], bool]
MAX_LENGTH = 2_000
_DEEPEST = 20
_TOKEN = re.compile(r'\s*(?P<token>[()]|-(?=[\w("])|"(?:[^"\\]|\\.)*"|[^\s():="]+|[:=])')
_JOINS = {"AND", "OR"}
_ALTERNATIVE = "OR"


def parse(text: str) -> Judge:
    """What the filter asks of a project; an empty one takes all. InvalidArgument."""
    if not text.strip():
        return lambda document: True
    reader = _Reader(_tokens(text))
    judge = reader.any_of(0)
    if reader.here:
        raise _invalid(reader.here)
    return judge


def _tokens(text: str) -> list[str]:
    if len(text) > MAX_LENGTH:
        raise InvalidArgument(f"The filter is longer than {MAX_LENGTH} characters.")
    tokens, place, text = [], 0, text.rstrip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise _invalid(text[place : place + 20])
        tokens.append(match["token"])
        place = match.end()
    return tokens


class _Reader:
    """Reads a filter from its tokens, one after another."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._place = 0

    @property
    def here(self) -> str:
        """The next token; "" at the end."""
        return self._tokens[self._place] if self._place < len(self._tokens) else ""

    def any_of(self, depth: int) -> Judge:
        if depth > _DEEPEST:
            raise InvalidArgument("The filter is nested too deeply.")
        parts = [self._all_of(depth)]
        while self.here and self.here != ")":
            if self.here == _ALTERNATIVE:
                self._take()
            parts.append(self._all_of(depth))
        return parts[0] if len(parts) == 1 else lambda document: any(part(document) for part in parts)

    def _all_of(self, depth: int) -> Judge:
        parts = [self._one(depth)]
        while self.here == "AND":
            self._take()
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else lambda document: all(part(document) for part in parts)

    def _one(self, depth: int) -> Judge:
        word = self._take()
        if word in ("-", "NOT"):
            if depth > _DEEPEST:
                raise InvalidArgument("The filter is nested too deeply.")
            inner = self._one(depth + 1)
            return lambda document: not inner(document)
        if word == "(":
            inside = self.any_of(depth + 1)
            if self._take() != ")":
                raise _invalid("(")
            return inside
        if word in _JOINS or word in "):=":
            raise _invalid(word)
        return self._restriction(word)

    def _restriction(self, word: str) -> Judge:
        if self.here not in (":", "="):
            return _matches_any(_pattern(word))
        self._take()
        value = self._take()
        if value in ("(", ")", ":", "="):
            raise _invalid(value)
        return _matches(word.lower(), _pattern(value))

    def _take(self) -> str:
        token = self.here
        if not token:
            raise InvalidArgument("The filter ends too early.")
        self._place += 1
        return token


@dataclass(frozen=True, slots=True)
class Pattern:
    """What stands between the stars, in lower case; a look from left to right finds it, however many there are."""

    parts: tuple[str, ...]

    def matches(self, value: str) -> bool:
        value = value.lower()
        if len(self.parts) == 1:
            return value == self.parts[0]
        first, *middle, last = self.parts
        if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
            return False
        place, end = len(first), len(value) - len(last)
        for part in middle:
            found = value.find(part, place, end)
            if found < 0:
                return False
            place = found + len(part)
        return True


def _pattern(value: str) -> Pattern:
    if value.startswith('"'):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    return Pattern(tuple(value.lower().split("*")))


def _matches(field: str, pattern: Pattern) -> Judge:
    return lambda document: bool(document.get(field)) and pattern.matches(document[field])


def _matches_any(pattern: Pattern) -> Judge:
    return lambda document: any(map(pattern.matches, document.values()))


def _invalid(token: str) -> InvalidArgument:
    return InvalidArgument(f"The filter is invalid near '{token[:50]}'.")
