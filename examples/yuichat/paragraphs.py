"""Text as people read it: paragraphs of one line each, of characters that can be stored. Knows no file format."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_UNSTORABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufeff\ufffe\uffff\ud800-\udfff\u200b\u00ad]")
_LINE_END = re.compile(r"\r\n?|[\u0085\u2028\f]")
_BLANK = re.compile(r"\n[ \t\u3000]*(?:\n[ \t\u3000]*)+|\u2029")
_SPACES = re.compile(r"[ \t\xa0]+")
_ITEM = re.compile(r"[-*•·◦‣]\s|\d{1,3}[.)、．]\s?|[（(]\d{1,3}[)）]")
_ENDS = tuple(".!?:;。！？：；…”’」』）)")
# Radicals, compatibility ideographs and ligatures: how PDF files spell ordinary characters.
_DISGUISED = re.compile(r"[\u2e80-\u2fdf\uf900-\ufaff\ufb00-\ufb06]")
# Between characters of these scripts a line break is no space. Korean writes spaces.
_UNSPACED = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uff01-\uff60]")
_SHORT = 0.6  # of the longest line: a line that ends there was ended by its writer
_NEARLY = 0.9  # where a sentence also ends
_WIDEST = 120  # characters; nobody wraps lines later, so in a block with a longer one each is a paragraph


def paragraphs(text: str) -> str:
    """`text` with its wrapped lines joined, a paragraph on each line."""
    text = _LINE_END.sub("\n", text)
    text = _DISGUISED.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    text = unicodedata.normalize("NFC", _UNSTORABLE.sub("", text))
    return "\n".join(line for block in _BLANK.split(text) for line in _unwrapped(block))


def _unwrapped(block: str) -> Iterator[str]:
    lines = [line for each in block.split("\n") if (line := _SPACES.sub(" ", each).strip())]
    width = max(map(len, lines), default=0)
    if width > _WIDEST:
        yield from lines
        return
    pieces: list[str] = []
    for line in lines:
        if pieces and _ITEM.match(line):
            yield "".join(pieces)
            pieces.clear()
        _join(pieces, line)
        if len(line) < width * (_NEARLY if line.endswith(_ENDS) else _SHORT):
            yield "".join(pieces)
            pieces.clear()
    if pieces:
        yield "".join(pieces)


def _join(pieces: list[str], line: str) -> None:
    """Add a line to a paragraph."""
    before = pieces[-1] if pieces else ""
    if before.endswith("-") and before[-2:-1].isalpha() and line[0].islower():
        pieces[-1] = before[:-1]  # a word that was broken
    elif before and not (_UNSPACED.match(before[-1]) and _UNSPACED.match(line[0])):
        pieces.append(" ")
    pieces.append(line)
