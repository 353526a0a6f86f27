"""How RE2 writes single characters and sets of them: escapes, Perl's and Unicode's classes, brackets.

What a pattern makes of them is `pattern.py`'s.
"""

from __future__ import annotations

import re

from kumotasks.logs.charset import PERL, POSIX, CharSet, Range

_CONTROLS = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_CODE_POINT = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|x\{([0-9A-Fa-f]{1,6})\}|([0-7]{1,3}))")
_REFERENCES = frozenset("1234567")  # one digit would refer back to a group, which cannot be searched in linear time
_CATEGORY = re.compile(r"\\([pP])(?:\{(\^?)([A-Za-z_]+)\}|([A-Z]))")
_CATEGORY_NAME = re.compile(r"L[lmotu]?|M[cen]?|N[dlo]?|P[cdefios]?|S[ckmo]?|Z[lps]?|C[cfos]?")
_POSIX_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")


class BadPattern(Exception):
    """The pattern is not one RE2 would take; the message is one clause for people."""


class Cursor:
    """A place in a pattern that is read from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        self.at += 1
        return self.text[self.at - 1]

    def taken(self, expected: str) -> bool:
        met = self.text.startswith(expected, self.at)
        self.at += len(expected) * met
        return met

    def match(self, regex: re.Pattern[str]) -> re.Match[str] | None:
        match = regex.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return match


def named_set(cursor: Cursor) -> CharSet | None:
    """The set behind a backslash: \\d, \\pL, \\p{Lu}; None if what stands here is one character."""
    perl = PERL.get(cursor.text[cursor.at + 1 : cursor.at + 2].lower())
    if perl is not None:
        cursor.at += 2
        return CharSet(inner=(perl,), negated=cursor.text[cursor.at - 1].isupper())
    match = cursor.match(_CATEGORY)
    if match is None:
        return None
    name = match[3] or match[4]
    if _CATEGORY_NAME.fullmatch(name) is None:
        raise BadPattern(f"invalid character class range: {match[0]}")
    return CharSet(categories=(name,), negated=(match[1] == "P") != bool(match[2]))


def code_point(cursor: Cursor) -> int:
    """The character behind a backslash."""
    match = cursor.match(_CODE_POINT)
    if match is not None:
        short, long, octal = match.groups()
        point = int(octal, 8) if octal else int(short or long, 16)
        if point > 0x10FFFF or octal in _REFERENCES:
            raise BadPattern(f"invalid escape sequence: {match[0]}")
        return point
    cursor.at += 1
    if not cursor.peek():
        raise BadPattern("trailing \\")
    character = cursor.take()
    if character in _CONTROLS:
        return _CONTROLS[character]
    if character.isalnum() or character == "_":
        raise BadPattern(f"invalid escape sequence: \\{character}")
    return ord(character)


def bracketed_set(cursor: Cursor, *, folded: bool) -> CharSet:
    """A bracketed set; the opening bracket is read."""
    negated = cursor.taken("^")
    ranges: list[Range] = []
    inner: list[CharSet] = []
    first = True
    while first or not cursor.taken("]"):
        first = False
        named = _set_in_set(cursor)
        if named is None:
            ranges.append(_range(cursor))
        else:
            inner.append(named)
    return CharSet(tuple(ranges), (), tuple(inner), negated, folded)


def _set_in_set(cursor: Cursor) -> CharSet | None:
    match = cursor.match(_POSIX_CLASS)
    if match is None:
        return named_set(cursor) if cursor.peek() == "\\" else None
    if match[2] not in POSIX:
        raise BadPattern(f"invalid character class range: {match[0]}")
    return CharSet(POSIX[match[2]], negated=bool(match[1]))


def _range(cursor: Cursor) -> Range:
    start = cursor.at
    first = _set_member(cursor)
    if cursor.peek() != "-" or cursor.text[cursor.at + 1 : cursor.at + 2] in {"", "]"}:
        return first, first
    cursor.at += 1
    last = _set_member(cursor)
    if last < first:
        raise BadPattern(f"invalid character class range: {cursor.text[start : cursor.at]}")
    return first, last


def _set_member(cursor: Cursor) -> int:
    if not cursor.peek():
        raise BadPattern("missing ]")
    return code_point(cursor) if cursor.peek() == "\\" else ord(cursor.take())
