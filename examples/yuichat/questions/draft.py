"""A question that a grammar proposes; it must never know whether it will be chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum, auto


class Kind(Enum):
    """What is asked for; a document's questions should not all be of one kind."""

    MEANING = auto()
    NAME = auto()
    REASON = auto()
    AGENT = auto()
    TIME = auto()
    PLACE = auto()
    QUANTITY = auto()
    THING = auto()
    DETAIL = auto()


# What a reader learns from the answer: a reason or a definition more than one number of many.
WORTH = {
    Kind.MEANING: 1.0,
    Kind.NAME: 0.95,
    Kind.REASON: 1.0,
    Kind.AGENT: 0.85,
    Kind.TIME: 0.7,
    Kind.PLACE: 0.75,
    Kind.QUANTITY: 0.7,
    Kind.THING: 0.6,
    Kind.DETAIL: 0.5,
}


@dataclass(frozen=True, slots=True)
class Draft:
    text: str
    answer: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Grammar:
    """A language: `ask` makes a sentence's questions, `terms` are the content words that salience counts."""

    ask: Callable[[str], Iterator[Draft]]
    terms: Callable[[str], list[str]]
