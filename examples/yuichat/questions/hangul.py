"""Hangul syllables taken apart, and how a Korean statement's end becomes a question's. It must never know a text."""

from __future__ import annotations

import re

FIRST, LAST = 0xAC00, 0xD7A3
FINALS = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]


def final(syllable: str) -> str:
    """The consonant below, "" for none or for what is no syllable."""
    return FINALS[(ord(syllable) - FIRST) % len(FINALS)] if FIRST <= ord(syllable) <= LAST else ""


def with_final(syllable: str, consonant: str) -> str:
    bare = ord(syllable) - (ord(syllable) - FIRST) % len(FINALS)
    return chr(bare + FINALS.index(consonant))


# Ends that are no plain statement: orders, hearsay, quotations.
CLOSED = re.compile(
    r"(?:십시오|세요|하자|마|란다|단다|한대|는대|시기 바랍니다|바랍니다|감사합니다|환영합니다|"
    r"때문이다|때문입니다|때문이야|때문이었다|것입니다|줘)$"
)
INFORMAL = re.compile(r"[어아해돼야여워겨려와]$")


def asked(statement: str) -> str | None:
    """The statement as a question of the same politeness; None for an end that cannot be asked."""
    if CLOSED.search(statement):
        return None
    if statement.endswith("니다"):
        return statement[:-1] + "까?"
    if statement.endswith("다"):
        return _plain(statement[:-1]) + "?"
    return statement + "?" if INFORMAL.search(statement) else None


def _plain(stem: str) -> str:
    """-는가 after verbs and pasts, -(으)ㄴ가 after adjectives and 이다; a plain statement shows which it is."""
    last = final(stem[-1])
    if stem.endswith("는") or stem[-1] in "있없" or last == "ㅆ":
        return (stem if stem.endswith("는") else stem + "는") + "가"
    if last == "ㄴ":
        return stem[:-1] + with_final(stem[-1], "") + "는가"
    if last in {"", "ㄹ"}:
        return stem[:-1] + with_final(stem[-1], "ㄴ") + "가"
    return stem[:-1] + with_final(stem[-1], "") + "운가" if last == "ㅂ" else stem + "은가"
