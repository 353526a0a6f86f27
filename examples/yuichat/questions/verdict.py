"""Whether a question is a good one, judged from the text alone. It must never know how questions are made.

It splits sentences and counts words in its own plain ways, so that a mistake of the generator's is not made twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from examples.yuichat.questions.language import Language
from examples.yuichat.questions.question import Question


class Fault(Enum):
    NOT_IN_TEXT = "its sentence is not one sentence of the text"
    NOT_ANSWERED = "its sentence does not answer it, or another says more of what it asks"
    HOLDS_ANSWER = "it contains its answer"
    REPEATED = "it was asked before"
    NO_QUESTION = "it is not a question"


ASKING = {
    Language.CHINESE: re.compile(r"什[么麼]|[谁誰]|哪|多少|[几幾]|[为為]什"),
    Language.ENGLISH: re.compile(r"^(?:Until |Since |By )?(?:who|what|when|where|why|how|which)\b", re.IGNORECASE),
    Language.JAPANESE: re.compile(r"何|誰|どこ|どのよう|いつ|なぜ|いくつ"),
    Language.KOREAN: re.compile(r"무엇|누가|언제|어디|왜|몇|며칠|얼마|어떤"),
}
ASKING_WORDS = re.compile(
    r"什[么麼]时候|什[么麼]時候|[为為]什[么麼]|什[么麼]人?|[谁誰]|哪[里裡]|哪一年|多少|[几幾]点?|どのような人|[何誰]|どこ|いつ|なぜ|いくつ|(?:のです|です|でした)か"
    r"|무엇[이을]?|누가|언제|어디에서|어디에|왜|몇|며칠|얼마|어떤 사람"
)
# The least share of the question's words that must stand in the sentence; Korean changes the ends of words in asking.
FROM_SENTENCE = {Language.CHINESE: 0.9, Language.ENGLISH: 0.75, Language.JAPANESE: 0.9, Language.KOREAN: 0.65}
SENTENCE_END = re.compile(r"(?<=[。！？])(?![」』”’）])|(?<=[.!?])\s+|\n+")
RUN = re.compile(r"[\u3041-\u9fff\uac00-\ud7a3]+|[a-z0-9]+(?:[.,'-][a-z0-9]+)*")
_FUNCTION_WORDS = """
a an the of in on at by for with from to into and or is are was were be been do does did has have had can could will
would must may who what when where why how which many much long until since that it its as not than
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
# English asks with these and another form of the verb: "grew" becomes "did … grow".
DO = re.compile(r"\b(?:do|does|did)\b")
STEM = 5  # letters of an English word that its other forms share
SAME = 0.8
BLANK = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Verdict:
    question: Question
    faults: frozenset[Fault]


def judge(questions: Sequence[Question], text: str, language: Language) -> list[Verdict]:
    """One verdict for each question of a text."""
    return [
        Verdict(question, frozenset(_faults(question, questions[:place], text, language)))
        for place, question in enumerate(questions)
    ]


def _faults(question: Question, before: Sequence[Question], text: str, language: Language) -> set[Fault]:
    sentences = [piece.strip() for piece in SENTENCE_END.split(text) if piece.strip()]
    found = {
        Fault.NOT_IN_TEXT: not any(question.sentence in sentence for sentence in sentences),
        Fault.NOT_ANSWERED: not _answered(question, sentences, language),
        Fault.HOLDS_ANSWER: _bare(question.answer) in _bare(question.text),
        Fault.REPEATED: any(_same(question, other) for other in before),
        Fault.NO_QUESTION: not _asks(question.text, language),
    }
    return {fault for fault, present in found.items() if present}


def _answered(question: Question, sentences: list[str], language: Language) -> bool:
    """The answer is a piece of the sentence, and of all sentences the question's words lead to one that holds it."""
    words = _words(question.text)
    if not question.answer or question.answer not in question.sentence or not words:
        return False
    spare = 1 / len(words) if DO.search(question.text) else 0.0
    if _share(words, question.sentence) + spare < FROM_SENTENCE[language]:
        return False
    best = max(_share(words, sentence) for sentence in sentences)
    return any(question.answer in sentence for sentence in sentences if _share(words, sentence) == best)


def _share(words: set[str], sentence: str) -> float:
    return len(words & _words(sentence)) / len(words)


def _words(text: str) -> set[str]:
    """Words of Latin letters and numbers, and every two letters that stand together of the other scripts."""
    runs = RUN.findall(ASKING_WORDS.sub(" ", text.casefold()))
    latin = {run.rstrip("s")[:STEM] for run in runs if run[0] < "\u3041" and run not in FUNCTION_WORDS}
    return latin | {run[place : place + 2] for run in runs if run[0] >= "\u3041" for place in range(len(run) - 1)}


def _asks(text: str, language: Language) -> bool:
    return text.endswith(("?", "？")) and ASKING[language].search(text) is not None and len(_words(text)) > 0


def _same(one: Question, other: Question) -> bool:
    """The same words, nearly the same words, or the same piece of the same sentence."""
    if (one.sentence, one.answer) == (other.sentence, other.answer) or _bare(one.text) == _bare(other.text):
        return True
    ours, theirs = _words(one.text), _words(other.text)
    return len(ours & theirs) > SAME * len(ours | theirs)


def _bare(text: str) -> str:
    return BLANK.sub("", text).casefold()
