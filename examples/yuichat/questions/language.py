"""Which language a text is written in, told by its letters; it must never guess from a file's name."""

from __future__ import annotations

import re
from enum import Enum


class Language(Enum):
    CHINESE = "zh"
    ENGLISH = "en"
    JAPANESE = "ja"
    KOREAN = "ko"


KANA = re.compile(r"[\u3041-\u30fa]")
HAN = re.compile(r"[\u3400-\u9fff]")
HANGUL = re.compile(r"[\uac00-\ud7a3]")
LATIN = re.compile(r"[A-Za-z]+")

# Even dry Japanese writes more than every fifth letter in kana; a Chinese text may quote some.
KANA_SHARE = 0.2


def language_of(text: str) -> Language | None:
    """None where no sentence of a known language can be expected: no letters, or another script."""
    kana, han, hangul = (len(letters.findall(text)) for letters in (KANA, HAN, HANGUL))
    latin = len(LATIN.findall(text))  # words: a word of Latin letters weighs like a syllable of the others
    weights = {
        Language.KOREAN: hangul,
        Language.JAPANESE: kana + han if kana > KANA_SHARE * (kana + han) else 0,
        Language.CHINESE: han if kana <= KANA_SHARE * (kana + han) else 0,
        Language.ENGLISH: latin,
    }
    language, weight = max(weights.items(), key=lambda item: item[1])
    return language if weight else None
