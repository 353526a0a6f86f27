"""Bytes to text, whatever wrote them: marks first, then UTF-8, then the old encoding in which most of what is read are
words of its language. Knows nothing of files and kinds."""

from __future__ import annotations

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KANA = "\u3041-\u30fe"
# The commonest characters of running text in each language. What is read in the wrong encoding has next to none.
_COMMON = {
    "gb18030": "的一是不了在有人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说",
    "big5": "的一是不了在有人這中大為上個國我以要他時來用們生到作地於出就分對成會可主發年動同工也能下過子說",
    "cp932": _KANA + "日一人年大十二本中長出三時行見月分後前生五間上東四今",
    "euc_jp": _KANA + "日一人年大十二本中長出三時行見月分後前生五間上東四今",
    "cp949": "이다의에는을가고하지를은한로기사리아서도어자대시인라나부정",
}
_READABLE = {codec: re.compile(f"[{common}]") for codec, common in _COMMON.items()}
_FOREIGN = re.compile(r"[^\x00-\x7f]")
# Of characters that are not ASCII. Running text has 0.25 and more, text read wrongly seldom above 0.05.
_ENOUGH = 0.12
_ESCAPED = b"\x1b$"  # how ISO-2022-JP turns to Japanese


def decoded(raw: bytes, declared: str | None = None) -> str:
    """The text, read as `declared` if it can be. Raises UnicodeError if it is none in any encoding known here."""
    for mark, codec in _MARKS:
        if raw.startswith(mark):
            return raw.decode(codec)
    tried = (_read(raw, codec) for codec in (declared, *_self_evident(raw), "utf-8") if codec)
    text = next((text for text in tried if text is not None), None)
    return _guessed(raw) if text is None else text


def _read(raw: bytes, codec: str) -> str | None:
    try:
        return raw.decode(codec)
    except (UnicodeError, LookupError):  # not in it, or no such encoding
        return None


def _self_evident(raw: bytes) -> tuple[str, ...]:
    """Encodings that show in the bytes: zeros beside ASCII, or an escape."""
    head = raw[:4096]
    if b"\0" in head and len(raw) % 2 == 0:
        # Line ends and spaces have their zero on one side only.
        little, big = head[1::2].count(0), head[0::2].count(0)
        return ("utf-16-le",) if little > big else ("utf-16-be",)
    return ("iso2022_jp",) if _ESCAPED in head else ()


def _guessed(raw: bytes) -> str:
    readings = ((codec, _read(raw, codec)) for codec in _COMMON)
    scored = [(_likeness(text, codec), text) for codec, text in readings if text is not None]
    best, text = max(scored, default=(0.0, ""), key=lambda pair: pair[0])
    return text if best >= _ENOUGH else raw.decode("cp1252")


def _likeness(text: str, codec: str) -> float:
    """How much of what is not ASCII is common in the language of `codec`."""
    foreign = len(_FOREIGN.findall(text))
    return len(_READABLE[codec].findall(text)) / foreign if foreign else 0.0
