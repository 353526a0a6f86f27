"""A text's sentences, each a piece of it to the letter; it must never know what is asked about them."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Marks at the start of a line that Markdown and plain text use for lists, quotes and headings.
BULLET = re.compile(r"^\s*(?:[-*+•・>]|\d{1,3}[.)、．]|#{1,6})\s+")
# A quotation that Japanese goes on after ("…。」と言った") ends nothing.
WIDE_END = re.compile(r"[。！？…]++(?:[」』”’）)]++(?!と)|(?![」』”’）)]))")
# A full stop ends a sentence where a space and a capital, a quote or Hangul follow.
NARROW_END = re.compile(r"[.!?]+[\"'”’)]*(?=\s+[\"'“‘(]?[A-Z0-9\uac00-\ud7a3「『]|\s*$)")
ABBREVIATION = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|cf|approx|Inc|Ltd|Fig)|\b[A-Z])\.$")
# Characters. A longer one is no sentence to ask about, and a quotation never closed must not swallow the text.
LONGEST = 400
QUOTES = {"「": "」", "『": "』", "“": "”", "（": "）"}


def sentences_of(text: str) -> list[str]:
    """Sentences in order; headings, table rows and other lines without a sentence's end are left out."""
    return [sentence for line in _lines(text) for sentence in _split(line)]


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        bare = BULLET.sub("", line).strip()
        if bare and not bare.startswith(("|", "```")):
            yield bare


def _split(line: str) -> Iterator[str]:
    start = 0
    for end in _ends(line):
        piece = line[start:end]
        if len(piece) <= LONGEST and (ABBREVIATION.search(piece) or _open(piece)):
            continue
        if len(piece) <= LONGEST:
            yield piece.strip()
        start = end


def _ends(line: str) -> list[int]:
    return sorted({match.end() for pattern in (WIDE_END, NARROW_END) for match in pattern.finditer(line)})


def _open(piece: str) -> bool:
    """Whether a quotation has begun that has not ended."""
    wide = any(piece.count(opening) > piece.count(closing) for opening, closing in QUOTES.items())
    return wide or piece.count('"') % 2 == 1
