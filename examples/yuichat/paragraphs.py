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
    whole = ""
    for line in lines:
        if whole and _ITEM.match(line):
            yield whole
            whole = ""
        whole = _joined(whole, line)
        if len(line) < width * (_NEARLY if line.endswith(_ENDS) else _SHORT):
            yield whole
            whole = ""
    if whole:
        yield whole


def _joined(before: str, after: str) -> str:
    if not before or not after:
        return before or after
    if before.endswith("-") and before[-2:-1].isalpha() and after[:1].islower():
        return before[:-1] + after  # a word that was broken
    unspaced = _UNSPACED.match(before[-1]) and _UNSPACED.match(after[0])
    return before + ("" if unspaced else " ") + after
