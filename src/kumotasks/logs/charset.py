"""Sets of characters, as a regular expression names them: ranges, Perl's and POSIX's classes, Unicode's categories.

What stands around a set in a pattern is unknown here.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

Range = tuple[int, int]  # first and last code point


@dataclass(frozen=True, slots=True)
class CharSet:
    """The characters that may stand at one place: code point ranges, Unicode categories, and other sets."""

    ranges: tuple[Range, ...] = ()
    categories: tuple[str, ...] = ()
    inner: tuple[CharSet, ...] = ()
    negated: bool = False
    folded: bool = False

    def __contains__(self, character: str) -> bool:
        forms = _letter_cases(character) if self.folded else (character,)
        return any(self._holds(form) for form in forms) != self.negated

    def _holds(self, character: str) -> bool:
        point = ord(character)
        return (
            any(first <= point <= last for first, last in self.ranges)
            or (bool(self.categories) and unicodedata.category(character).startswith(self.categories))
            or any(character in other for other in self.inner)
        )


def _letter_cases(character: str) -> set[str]:
    """The character in every letter case that is one character."""
    lower, upper = character.lower(), character.upper()
    return {form for form in (character, lower, upper, lower.upper(), upper.lower()) if len(form) == 1}


DIGIT = CharSet(((48, 57),))
SPACE = CharSet(((9, 10), (12, 13), (32, 32)))
WORD = CharSet(((48, 57), (65, 90), (95, 95), (97, 122)))
PERL = {"d": DIGIT, "s": SPACE, "w": WORD}
POSIX = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": ((48, 57),),
    "graph": ((33, 126),),
    "lower": ((97, 122),),
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": WORD.ranges,
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}
ANY = CharSet(((0, 0x10FFFF),))
ANY_IN_LINE = CharSet(((10, 10),), negated=True)
