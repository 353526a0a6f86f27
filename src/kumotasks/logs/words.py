"""The words of a text, as SEARCH compares them: whole words, in any order, without letter case.

The delimiters are those of Google's default text analyzer. Where the texts come from is unknown here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kumotasks.logs.values import fold

_ESCAPES = "%(?:21|26|2526|3b|7c|20|2b|3d|2520|5d|5b|3a|0a|2c|28|29)"
_DELIMITER = re.compile(rf"{_ESCAPES}|[\[\]<>(){{}}|!;,'\"*&?+/:=@.\-$%\\_\s]")
_PHRASE = re.compile(r"`([^`]*)`")


@dataclass(frozen=True, slots=True)
class Query:
    """What must be found: every word somewhere, every phrase as it stands between delimiters."""

    text: str
    words: frozenset[str]
    phrases: tuple[str, ...]


def query_of(text: str) -> Query:
    """The query that SEARCH's argument means; a phrase stands in backticks."""
    folded = fold(text)
    phrases = tuple(phrase for phrase in _PHRASE.findall(folded) if phrase)
    return Query(text, frozenset(words_of(_PHRASE.sub(" ", folded))), phrases)


def words_of(folded: str) -> list[str]:
    """The words of a folded text."""
    return [word for word in _DELIMITER.split(folded) if word]


def found(query: Query, texts: Iterable[str]) -> bool:
    """Whether the texts, taken together, have all that `query` asks for."""
    missing = set(query.words)
    phrases = list(query.phrases)
    for text in texts:
        folded = fold(text)
        missing.difference_update(words_of(folded))
        phrases = [phrase for phrase in phrases if not _stands(phrase, folded)]
        if not missing and not phrases:
            return True
    return not missing and not phrases


def _stands(phrase: str, folded: str) -> bool:
    """Whether `phrase` occurs with a delimiter, or the text's end, on both its sides."""
    at = folded.find(phrase)
    while at >= 0:
        before, after = folded[:at][-5:], folded[at + len(phrase) :][:5]
        if _ends_delimited(before) and (not after or _DELIMITER.match(after)):
            return True
        at = folded.find(phrase, at + 1)
    return False


def _ends_delimited(before: str) -> bool:
    return not before or any(_DELIMITER.fullmatch(before, start) for start in range(len(before)))
