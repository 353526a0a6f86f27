"""RE2's syntax: a regular expression's text becomes a tree. What RE2 refuses (look-around, back-references) is refused.

How a tree is searched for is `automaton.py`'s; a tree can always be searched for in linear time, which is why the
standard library's engine, whose time can grow without bound, has no part in it.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from kumotasks.logs.charset import ANY, ANY_IN_LINE, PERL, POSIX, CharSet, Range

MAX_REPEAT = 1_000  # RE2's
MAX_DEPTH = 50  # groups in groups


class BadPattern(Exception):
    """The pattern is not one RE2 would take; the message is one clause for people."""


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
_CONTROLS = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_REPEAT = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_GROUP = re.compile(r"\(\?(?:P?<[A-Za-z_][A-Za-z0-9_]*>|([imsU]*)(?:-([imsU]+))?([:)]))")
_CATEGORY = re.compile(r"\\([pP])(?:\{(\^?)([A-Za-z_]+)\}|([A-Z]))")
_CATEGORY_NAME = re.compile(r"L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?|C[cfos]?")
_CODE_POINT = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,6})\}|([0-7]{1,3}))")
_POSIX_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")


def parse_pattern(text: str) -> Tree:
    """The tree of an RE2 pattern, or BadPattern."""
    reader = _Reader(text)
    tree = reader.choice()
    if reader.at < len(text):
        raise BadPattern("unexpected )")
    return tree


class _Reader:
    """Reads one pattern from left to right. `flags` are the letters in force: i, m, s, U."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.flags = frozenset[str]()

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self) -> str:
        self.at += 1
        return self.text[self.at - 1]

    def _taken(self, expected: str) -> bool:
        met = self.text.startswith(expected, self.at)
        self.at += len(expected) * met
        return met

    def _match(self, regex: re.Pattern[str]) -> re.Match[str] | None:
        match = regex.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return match

    def choice(self) -> Tree:
        parts = [self._sequence()]
        while self._taken("|"):
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self) -> Tree:
        parts: list[Tree] = []
        while self._peek() not in {"", "|", ")"}:
            if self._taken("\\Q"):
                letters = self._quoted()
                parts.extend(letters[:-1])
                parts.append(self._repeated(letters[-1]) if letters else Sequence())
            else:
                parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _quoted(self) -> list[Tree]:
        end = self.text.find("\\E", self.at)
        stop = len(self.text) if end < 0 else end
        letters: list[Tree] = [self._letter(character) for character in self.text[self.at : stop]]
        self.at = stop if end < 0 else end + 2
        return letters

    def _repeated(self, atom: Tree | None) -> Tree:
        start = self.at
        bounds = self._bounds()
        if bounds is None:
            return Sequence() if atom is None else atom
        self._taken("?")  # lazy or greedy, the same texts match
        again = self.at
        if atom is None:
            raise BadPattern(f"no argument for repetition operator: {self.text[start:again]}")
        if self._bounds() is not None:
            raise BadPattern(f"bad repetition operator: {self.text[start : self.at]}")
        return Repeat(atom, *bounds)

    def _bounds(self) -> tuple[int, int | None] | None:
        """The repetition that stands here, if one does."""
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if (found := simple.get(self._peek())) is not None:
            self.at += 1
            return found
        match = self._match(_REPEAT)
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
        if self._peek() in {"*", "+", "?"}:
            return None
        character = self._take()
        if character == "(":
            return self._group()
        if character == "[":
            return One(self._set())
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
        self.at -= 1
        match = self._match(_GROUP)
        if match is None:
            self.at += 1
            if self._peek() == "?":
                raise BadPattern(f"invalid perl operator: {self.text[self.at - 1 : self.at + 2]}")
        elif match[3] is not None:
            self.flags = (self.flags | set(match[1])) - set(match[2] or "")
            if match[3] == ")":
                return Sequence()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BadPattern("nested too deeply")
        tree = self.choice()
        self.depth -= 1
        if not self._taken(")"):
            raise BadPattern("missing )")
        self.flags = outside
        return tree

    def _escaped(self) -> Tree:
        gap = _ASSERTIONS.get(self._peek())
        if gap is not None:
            self.at += 1
            return Assertion(gap)
        self.at -= 1
        charset = self._named_set()
        if charset is not None:
            return One(charset)
        return self._letter(chr(self._code_point()))

    def _named_set(self) -> CharSet | None:
        """The set behind a backslash: \\d, \\pL, \\p{Lu}; None if what stands here is one character."""
        perl = PERL.get(self.text[self.at + 1 : self.at + 2].lower())
        if perl is not None:
            self.at += 2
            return CharSet(inner=(perl,), negated=self.text[self.at - 1].isupper())
        match = self._match(_CATEGORY)
        if match is None:
            return None
        name = match[3] or match[4]
        if _CATEGORY_NAME.fullmatch(name) is None:
            raise BadPattern(f"invalid character class range: {match[0]}")
        return CharSet(categories=(name,), negated=(match[1] == "P") != bool(match[2]))

    def _code_point(self) -> int:
        """The character behind a backslash."""
        match = self._match(_CODE_POINT)
        if match is not None and not (match[3] and match[3][0] != "0" and len(match[3]) < 2):
            point = int(match[3], 8) if match[3] else int(match[1] or match[2], 16)
            if point > 0x10FFFF:
                raise BadPattern(f"invalid escape sequence: {match[0]}")
            return point
        if match is not None:
            raise BadPattern(f"invalid escape sequence: {match[0]}")
        self.at += 1
        if not self._peek():
            raise BadPattern("trailing \\")
        character = self._take()
        if character in _CONTROLS:
            return _CONTROLS[character]
        if character.isalnum() or character == "_":
            raise BadPattern(f"invalid escape sequence: \\{character}")
        return ord(character)

    def _set(self) -> CharSet:
        """A bracketed set; the opening bracket is read."""
        negated = self._taken("^")
        ranges: list[Range] = []
        inner: list[CharSet] = []
        first = True
        while first or not self._taken("]"):
            first = False
            named = self._set_in_set()
            if named is None:
                ranges.append(self._range())
            else:
                inner.append(named)
        return CharSet(tuple(ranges), (), tuple(inner), negated, "i" in self.flags)

    def _set_in_set(self) -> CharSet | None:
        match = self._match(_POSIX_CLASS)
        if match is None:
            return self._named_set() if self._peek() == "\\" else None
        if match[2] not in POSIX:
            raise BadPattern(f"invalid character class range: {match[0]}")
        return CharSet(POSIX[match[2]], negated=bool(match[1]))

    def _range(self) -> Range:
        start = self.at
        first = self._set_member()
        if self._peek() != "-" or self.text[self.at + 1 : self.at + 2] in {"", "]"}:
            return first, first
        self.at += 1
        last = self._set_member()
        if last < first:
            raise BadPattern(f"invalid character class range: {self.text[start : self.at]}")
        return first, last

    def _set_member(self) -> int:
        if not self._peek():
            raise BadPattern("missing ]")
        return self._code_point() if self._peek() == "\\" else ord(self._take())
