"""Questions made on this machine alone, from the grammar of the text's own sentences; it must never use the network."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from examples.yuichat.questions import chinese, english, japanese, korean
from examples.yuichat.questions.draft import WORTH, Draft, Grammar, Kind
from examples.yuichat.questions.language import Language, language_of
from examples.yuichat.questions.question import Question
from examples.yuichat.questions.salience import salience
from examples.yuichat.questions.sentences import sentences_of

GRAMMARS = {
    Language.CHINESE: Grammar(chinese.ask, chinese.terms),
    Language.ENGLISH: Grammar(english.ask, english.terms),
    Language.JAPANESE: Grammar(japanese.ask, japanese.terms),
    Language.KOREAN: Grammar(korean.ask, korean.terms),
}
# What a question loses for each one chosen before it that asks for the same kind of thing, or for a near place.
REPEATED_KIND = 0.25
NEAR = 0.2
REACH = 3  # sentences
BREVITY = 0.3
BLANK = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A draft and where it comes from; `value` before anything else has been chosen."""

    draft: Draft
    place: int
    sentence: str
    value: float


class LocalGenerator:
    """Chinese, Japanese, Korean and English; a text in none of them gets no questions."""

    def generate(self, text: str, *, count: int = 5) -> list[Question]:
        language = language_of(text)
        if language is None:
            return []
        chosen = _choose(list(_candidates(text, GRAMMARS[language])), count)
        ordered = sorted(chosen, key=lambda candidate: candidate.place)
        return [Question(one.draft.text, one.draft.answer, one.sentence) for one in ordered]


def _candidates(text: str, grammar: Grammar) -> Iterator[_Candidate]:
    sentences = list(dict.fromkeys(sentences_of(text)))
    for place, (sentence, weight) in enumerate(zip(sentences, salience(sentences, grammar.terms), strict=True)):
        for draft in grammar.ask(sentence):
            if _fair(draft, sentence):
                yield _Candidate(draft, place, sentence, WORTH[draft.kind] + weight + _brevity(draft, sentence))


def _brevity(draft: Draft, sentence: str) -> float:
    """A question that repeats most of its sentence is tedious to read, and half answered."""
    return BREVITY * (1 - len(draft.text) / len(sentence))


def _fair(draft: Draft, sentence: str) -> bool:
    """A question must not hold its answer, and the sentence must."""
    answer = _plain(draft.answer)
    return bool(answer) and answer not in _plain(draft.text) and draft.answer in sentence


def _plain(text: str) -> str:
    return BLANK.sub("", text).casefold()


def _choose(candidates: list[_Candidate], count: int) -> list[_Candidate]:
    """The best one, again and again: never two of one sentence or with one answer, rather of another kind and place."""
    chosen: list[_Candidate] = []
    while candidates and len(chosen) < count:
        kinds = Counter(one.draft.kind for one in chosen)
        best = max(candidates, key=lambda one: _value(one, kinds, chosen))
        chosen.append(best)
        candidates = [one for one in candidates if not _repeats(one, best)]
    return chosen


def _value(candidate: _Candidate, kinds: Counter[Kind], chosen: list[_Candidate]) -> float:
    near = sum(abs(candidate.place - other.place) < REACH for other in chosen)
    return candidate.value - REPEATED_KIND * kinds[candidate.draft.kind] - NEAR * near


def _repeats(one: _Candidate, other: _Candidate) -> bool:
    return one.place == other.place or _plain(one.draft.answer) == _plain(other.draft.answer)
