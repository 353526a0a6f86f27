"""RE2's syntax: a regular expression's text becomes a tree. What RE2 refuses (look-around, back-references) is refused.

How a tree is searched for is `automaton.py`'s; a tree can always be searched for in linear time, which is why the
standard library's engine, whose time can grow without bound, has no part in it.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from kumotasks.logs.characters import BadPattern, Cursor, bracketed_set, code_point, named_set
from kumotasks.logs.charset import ANY, ANY_IN_LINE, CharSet

MAX_REPEAT = 1_000  # RE2's
MAX_DEPTH = 50  # groups in groups


class Gap(enum.IntFlag):
    """What an assertion asks of the gap between two characters."""

    TEXT_BEGIN = 1
    TEXT_END = 2
    LINE_BEGIN = 4
    LINE_END = 8
    WORD_EDGE = 16
    WORD_INSIDE = 32


@dataclass(frozen=True, slots=True)
class One:
    """One character out of a set."""

    charset: CharSet


@dataclass(frozen=True, slots=True)
class Assertion:
    """No character, but a gap of this sort."""

    gap: Gap


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; of nothing, the empty pattern."""

    parts: tuple[Tree, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """Any one of these."""

    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`part` at least and at most so many times; `most` None is any number."""

    part: Tree
    least: int
    most: int | None


Tree = One | Assertion | Sequence | Choice | Repeat

_ASSERTIONS = {"A": Gap.TEXT_BEGIN, "z": Gap.TEXT_END, "b": Gap.WORD_EDGE, "B": Gap.WORD_INSIDE}
_REPETITION = re.compile(r"[*+?]|\{[0-9]+(?:,[0-9]*)?\}")
_REPEAT = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_GROUP = re.compile(r"\(\?(?:P?<[A-Za-z_][A-Za-z0-9_]*>|([imsU]*)(?:-([imsU]+))?([:)]))")


def parse_pattern(text: str) -> Tree:
    """The tree of an RE2 pattern, or BadPattern."""
    reader = _Reader(text)
    tree = reader.choice()
    if reader.cursor.at < len(text):
        raise BadPattern("unexpected )")
    return tree


class _Reader:
    """Reads one pattern from left to right. `flags` are the letters in force: i, m, s, U."""

    def __init__(self, text: str) -> None:
        self.cursor = Cursor(text)
        self.depth = 0
        self.flags = frozenset[str]()

    def choice(self) -> Tree:
        parts = [self._sequence()]
        while self.cursor.taken("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Tree:
        parts: list[Tree] = []
        while self.cursor.peek() not in {"", "|", ")"}:
            if self.cursor.taken("\\Q"):
                letters = self._quoted()
                parts.extend(letters[:-1])
                parts.append(self._repeated(letters[-1]) if letters else Sequence())
            else:
                parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _quoted(self) -> list[Tree]:
        end = self.cursor.text.find("\\E", self.cursor.at)
        stop = len(self.cursor.text) if end < 0 else end
        letters: list[Tree] = [self._letter(character) for character in self.cursor.text[self.cursor.at : stop]]
        self.cursor.at = stop if end < 0 else end + 2
        return letters

    def _repeated(self, atom: Tree | None) -> Tree:
        start = self.cursor.at
        bounds = self._bounds()
        if bounds is None:
            return Sequence() if atom is None else atom
        self.cursor.taken("?")  # lazy or greedy, the same texts match
        again = self.cursor.at
        if atom is None:
            raise BadPattern(f"no argument for repetition operator: {self.cursor.text[start:again]}")
        if self._bounds() is not None:
            raise BadPattern(f"bad repetition operator: {self.cursor.text[start : self.cursor.at]}")
        return Repeat(atom, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        """The repetition that stands here, if one does."""
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if (found := simple.get(self.cursor.peek())) is not None:
            self.cursor.at += 1
            return found
        match = self.cursor.match(_REPEAT)
        if match is None:
            return None
        digits = (match[1], match[3] or "")
        least = int(match[1][:5])
        most = least if match[2] is None else (int(match[3][:5]) if match[3] else None)
        if max(least, most or 0) > MAX_REPEAT or max(map(len, digits)) > 4 or (most is not None and most < least):
            raise BadPattern(f"invalid repetition size: {match[0]}")
        return least, most

    def _atom(self) -> Tree | None:
        """One thing that can be repeated; None where a repetition stands in its place."""
        if _REPETITION.match(self.cursor.text, self.cursor.at):
            return None
        character = self.cursor.take()
        if character == "(":
            return self._group()
        if character == "[":
            return One(bracketed_set(self.cursor, folded="i" in self.flags))
        if character == "\\":
            return self._escaped()
        return self._special().get(character) or self._letter(character)

    def _special(self) -> dict[str, Tree]:
        """The characters that mean something by themselves, under the flags in force."""
        lines = "m" in self.flags
        return {
            ".": One(ANY if "s" in self.flags else ANY_IN_LINE),
            "^": Assertion(Gap.LINE_BEGIN if lines else Gap.TEXT_BEGIN),
            "$": Assertion(Gap.LINE_END if lines else Gap.TEXT_END),
        }

    def _letter(self, character: str) -> One:
        point = ord(character)
        return One(CharSet(((point, point),), folded="i" in self.flags))

    def _group(self) -> Tree:
        outside = self.flags
        self.cursor.at -= 1
        match = self.cursor.match(_GROUP)
        if match is None:
            self.cursor.at += 1
            if self.cursor.peek() == "?":
                raise BadPattern(f"invalid perl operator: {self.cursor.text[self.cursor.at - 1 : self.cursor.at + 2]}")
        elif match[3] is not None:
            self.flags = (self.flags | set(match[1])) - set(match[2] or "")
            if match[3] == ")":
                return Sequence()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BadPattern("nested too deeply")
        tree = self.choice()
        self.depth -= 1
        if not self.cursor.taken(")"):
            raise BadPattern("missing )")
        self.flags = outside
        return tree

    def _escaped(self) -> Tree:
        gap = _ASSERTIONS.get(self.cursor.peek())
        if gap is not None:
            self.cursor.at += 1
            return Assertion(gap)
        self.cursor.at -= 1
        charset = named_set(self.cursor)
        if charset is not None:
            return One(charset)
        return self._letter(chr(code_point(self.cursor)))
