"""The syntax of the filter language: from a filter's text to its tree. What a tree means to a document is unknown here.

filter     = [ terms ]
terms      = choice { [ "AND" ] choice }            OR binds tighter than AND, as Google has it
choice     = factor { "OR" factor }
factor     = [ "NOT" | "-" ] leaf
leaf       = "(" terms ")" | path operator argument | function "(" … ")" | value
argument   = value | "*" | "(" terms over values ")"
"""

from __future__ import annotations

from dataclasses import dataclass

from kumotasks.domain.errors import InvalidArgument
from kumotasks.logs.automaton import Automaton, places
from kumotasks.logs.characters import BadPattern
from kumotasks.logs.document import Path, path_of
from kumotasks.logs.expression import And, Anywhere, Comparison, Expression, Likeness, Not, Or, Present
from kumotasks.logs.functions import BadCall, call
from kumotasks.logs.pattern import parse_pattern
from kumotasks.logs.tokens import Sort, Token, refusal, tokenize
from kumotasks.logs.values import Literal, Operator, literal, number_of

MAX_LENGTH = 20_000  # Cloud Logging: characters of a filter, comments included
MAX_DEPTH = 50  # brackets in brackets
MAX_PLACES = 5_000  # of all regular expressions of a filter together

_OPERATORS = {how.value: how for how in Operator}
_LIKENESS = {"=~": True, "!~": False}
_BRACKET_OPEN, _BRACKET_CLOSE = "(", ")"


def parse_expression(text: str) -> Expression:
    """The tree of a filter; InvalidArgument says where it cannot be read."""
    if len(text) > MAX_LENGTH:
        raise InvalidArgument(f"Unparseable filter: the filter is longer than {MAX_LENGTH} characters")
    parser = _Parser(text)
    return parser.whole()


@dataclass(frozen=True, slots=True)
class _Side:
    """The left of a comparison, while its right is read; without one, whole terms are read."""

    path: Path
    mark: str

    @property
    def likeness(self) -> bool:
        return self.mark in _LIKENESS


class _Parser:
    """Reads the tokens of one filter from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokenize(text)
        self.at = 0
        self.depth = 0
        self.places = 0

    def whole(self) -> Expression:
        if self._next().sort is Sort.END:
            return And()
        expression = self._terms(None)
        if self._next().sort is not Sort.END:
            raise self._unexpected()
        return expression

    def _next(self) -> Token:
        return self.tokens[self.at]

    def _take(self) -> Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def _is(self, raw: str, sort: Sort = Sort.MARK) -> bool:
        return self._next().sort is sort and self._next().raw == raw

    def _taken(self, raw: str, sort: Sort = Sort.MARK) -> bool:
        met = self._is(raw, sort)
        self.at += met
        return met

    def _unexpected(self, token: Token | None = None, reason: str = "syntax error") -> InvalidArgument:
        token = token or self._next()
        return refusal(self.text, token.at, token.raw, reason)

    def _terms(self, side: _Side | None) -> Expression:
        parts = [self._choice(side)]
        while self._taken("AND", Sort.WORD) or self._begins_term():
            parts.append(self._choice(side))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _begins_term(self) -> bool:
        return self._next().sort in {Sort.TERM, Sort.SIGN} or self._is("NOT", Sort.WORD) or self._is(_BRACKET_OPEN)

    def _choice(self, side: _Side | None) -> Expression:
        parts = [self._factor(side)]
        while self._taken("OR", Sort.WORD):
            parts.append(self._factor(side))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _factor(self, side: _Side | None) -> Expression:
        if self._taken("NOT", Sort.WORD):
            return Not(self._bracketed(side))
        if self._is("-", Sort.SIGN) and (side is None or not self._signed_number()):
            minus = self._take()
            if not self._next().glued:
                raise self._unexpected(minus)
            return Not(self._bracketed(side))
        return self._bracketed(side)

    def _bracketed(self, side: _Side | None) -> Expression:
        bracket = self._next()
        if not self._taken(_BRACKET_OPEN):
            return self._leaf() if side is None else self._compared(side)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._unexpected(bracket, "too deeply nested")
        inner = self._terms(side)
        self.depth -= 1
        if not self._taken(_BRACKET_CLOSE):
            raise self._unexpected()
        return inner

    def _leaf(self) -> Expression:
        """A comparison, a call or a value by itself."""
        term = self._next()
        if term.sort is not Sort.TERM:
            raise self._unexpected()
        self.at += 1
        following = self._next()
        if following.sort is Sort.MARK and following.raw in _OPERATORS.keys() | _LIKENESS.keys():
            side = _Side(path_of(tuple(piece.text for piece in term.pieces)), self._take().raw)
            return self._argument(side)
        if following.glued and self._is(_BRACKET_OPEN):
            return self._call(term)
        return Anywhere(self._value(term))

    def _argument(self, side: _Side) -> Expression:
        if self._is(_BRACKET_OPEN):
            return self._bracketed(side)
        if side.mark == ":" and self._taken("*"):
            return Present(side.path)
        return self._compared(side)

    def _compared(self, side: _Side) -> Expression:
        """The comparison with the one value that stands here."""
        sign = self._take().raw if self._signed_number() else ""
        term = self._next()
        if term.sort is not Sort.TERM:
            raise self._unexpected()
        self.at += 1
        if self._next().glued and self._is(_BRACKET_OPEN):
            raise self._unexpected()
        value = self._value(term, sign)
        if side.likeness:
            return Likeness(side.path, value.text, _LIKENESS[side.mark], self._automaton(term, value.text))
        return Comparison(side.path, _OPERATORS[side.mark], value)

    def _signed_number(self) -> bool:
        """Whether a sign and, glued to it, a number stand here."""
        if self._next().sort is not Sort.SIGN:
            return False
        following = self.tokens[self.at + 1]
        return following.glued and following.bare and number_of(following.raw) is not None

    def _value(self, term: Token, sign: str = "") -> Literal:
        if term.string:
            return literal(term.pieces[0].text)
        if not term.bare:
            raise self._unexpected(term)
        return literal(sign + term.raw, quoted=False)

    def _automaton(self, term: Token, pattern: str) -> Automaton:
        try:
            tree = parse_pattern(pattern)
            automaton = Automaton(tree)
        except BadPattern as bad:
            raise self._unexpected(term, f"invalid regular expression ({bad})") from None
        self.places += places(tree)
        if self.places > MAX_PLACES:
            raise self._unexpected(term, "the filter's regular expressions are too large together")
        return automaton

    def _call(self, name: Token) -> Expression:
        self.at += 1
        arguments: list[Token] = []
        while not self._taken(_BRACKET_CLOSE):
            if arguments and not self._taken(","):
                raise self._unexpected()
            if self._next().sort is not Sort.TERM:
                raise self._unexpected()
            arguments.append(self._take())
        try:
            return call(name.raw, tuple(arguments))
        except BadCall as bad:
            raise self._unexpected(name, str(bad)) from None
