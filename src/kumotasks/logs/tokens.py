"""The tokens of the filter language: names, values, operators, brackets. What a row of them means is unknown here.

A name or value is pieces joined by dots, each bare or quoted: resource.type, labels."a.b", 1.5, "a text".
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from kumotasks.domain.errors import InvalidArgument

_GAP = re.compile(r"(?:\s+|--[^\n]*)+")
_BARE = r"""(?:[^\s"(),:=<>~*!.]|!(?![=~]))+"""
_TERM = re.compile(rf"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|{_BARE})""", re.DOTALL)
_MARK = re.compile(r"!=|!~|=~|<=|>=|[=<>:(),*]")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{1,3})|(.))", re.DOTALL)
_LETTERS = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", '"': '"', "'": "'", "`": "`", "\\": "\\"}


class Sort(enum.Enum):
    """What a token is."""

    TERM = "term"
    WORD = "AND, OR or NOT"
    MARK = "operator, bracket, comma or star"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a term between two dots."""

    text: str
    quoted: bool


@dataclass(frozen=True, slots=True)
class Token:
    """`raw` is as written, `at` where it begins, `glued` says that nothing stands between it and the token before."""

    sort: Sort
    raw: str
    at: int
    glued: bool = False
    pieces: tuple[Piece, ...] = ()

    @property
    def bare(self) -> bool:
        """Whether no piece of it is quoted."""
        return not any(piece.quoted for piece in self.pieces)

    @property
    def string(self) -> bool:
        """Whether it is one quoted string."""
        return len(self.pieces) == 1 and self.pieces[0].quoted


def refusal(text: str, at: int, token: str, reason: str = "syntax error") -> InvalidArgument:
    """The sentence for a filter that cannot be read at `at`; lines and columns count from 1."""
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    return InvalidArgument(f"Unparseable filter: {reason} at line {line}, column {column}, token '{token}'")


def tokenize(text: str) -> list[Token]:
    """All tokens of a filter, the last an END."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        gap = _GAP.match(text, at)
        if gap is not None:
            at = gap.end()
            continue
        glued = bool(tokens) and tokens[-1].at + len(tokens[-1].raw) == at
        tokens.append(_token(text, at, glued=glued))
        at += len(tokens[-1].raw)
    return [*tokens, Token(Sort.END, "", len(text))]


def _token(text: str, at: int, *, glued: bool) -> Token:
    if text[at] in "+-":
        return Token(Sort.SIGN, text[at], at, glued)
    mark = _MARK.match(text, at)
    if mark is not None:
        return Token(Sort.MARK, mark[0], at, glued)
    return _term(text, at, glued=glued)


def _term(text: str, start: int, *, glued: bool) -> Token:
    pieces: list[Piece] = []
    at = start
    while True:
        match = _TERM.match(text, at)
        if match is None:
            # A dot that joins nothing, or a character that begins nothing: a stray quote, a lone ~ or !.
            stray = at - 1 if pieces else at
            raise refusal(text, stray, text[stray])
        pieces.append(_piece(text, at, match[0]))
        at = match.end()
        if text[at : at + 1] != ".":
            break
        at += 1
    raw = text[start:at]
    sort = Sort.WORD if raw in {"AND", "OR", "NOT"} else Sort.TERM
    return Token(sort, raw, start, glued, tuple(pieces))


def _piece(text: str, at: int, raw: str) -> Piece:
    if raw[0] not in "\"'":
        return Piece(raw, quoted=False)
    if "\\" not in raw:
        return Piece(raw[1:-1], quoted=True)
    try:
        return Piece(_ESCAPE.sub(_unescaped, raw[1:-1]), quoted=True)
    except ValueError:
        raise refusal(text, at, raw) from None


def _unescaped(match: re.Match[str]) -> str:
    """The character that an escape means; one that means nothing stands for itself, backslash included, as in \\d."""
    short, four, eight, octal, letter = match.groups()
    if letter is not None:
        return _LETTERS.get(letter, match[0])
    point = int(octal, 8) if octal else int(short or four or eight, 16)
    if 0xD800 <= point <= 0xDFFF:
        raise ValueError(point)
    return chr(point)
