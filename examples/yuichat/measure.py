"""`python -m examples.yuichat.measure`: how many of the local generator's questions are good ones, by language.

It must never know how questions are made or judged; it counts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from examples.yuichat.questions.language import Language
from examples.yuichat.questions.local import LocalGenerator
from examples.yuichat.questions.verdict import Fault, Verdict, judge

DOCUMENTS = Path(__file__).parent / "documents"
NAMES = {"en": "English", "zh": "Chinese", "ja": "Japanese", "ko": "Korean"}
WITHIN = frozenset({Fault.NOT_IN_TEXT, Fault.NOT_ANSWERED, Fault.NO_QUESTION})


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares of the questions, from 0 to 1; `good` are those that are all three."""

    language: Language
    documents: int
    questions: int
    answered: float
    without_answer: float
    unrepeated: float
    good: float


def figures(language: Language, *, count: int = 5) -> Figures:
    verdicts = [verdict for path in documents(language) for verdict in verdicts_of(path, language, count=count)]
    return Figures(
        language,
        len(documents(language)),
        len(verdicts),
        _share(verdicts, WITHIN),
        _share(verdicts, frozenset({Fault.HOLDS_ANSWER})),
        _share(verdicts, frozenset({Fault.REPEATED})),
        _share(verdicts, frozenset(Fault)),
    )


def documents(language: Language) -> list[Path]:
    return sorted((DOCUMENTS / language.value).glob("*.txt"))


def verdicts_of(path: Path, language: Language, *, count: int) -> list[Verdict]:
    text = path.read_text(encoding="utf-8")
    return judge(LocalGenerator().generate(text, count=count), text, language)


def _share(verdicts: list[Verdict], faults: frozenset[Fault]) -> float:
    """How many have none of the faults."""
    return sum(not verdict.faults & faults for verdict in verdicts) / len(verdicts) if verdicts else 0.0


def table(rows: list[Figures]) -> Iterator[str]:
    yield "| Language | Documents | Questions | Answered by a sentence | Without answer | Not repeated | All three |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    for row in rows:
        shares = " | ".join(f"{share:.0%}" for share in (row.answered, row.without_answer, row.unrepeated, row.good))
        yield f"| {NAMES[row.language.value]} | {row.documents} | {row.questions} | {shares} |"


def _listed(language: Language, count: int) -> Iterator[str]:
    for path in documents(language):
        for verdict in verdicts_of(path, language, count=count):
            faults = ", ".join(sorted(fault.value for fault in verdict.faults))
            asked = f"{verdict.question.text} -> {verdict.question.answer}"
            yield f"{language.value}/{path.stem}: {asked}  {faults}".rstrip()


def main() -> None:
    parser = argparse.ArgumentParser(prog="examples.yuichat.measure")
    parser.add_argument("--count", type=int, default=5, help="questions a document")
    parser.add_argument("--list", action="store_true", help="each question, its answer and what is wrong with it")
    options = parser.parse_args()
    lines = (line for language in Language for line in _listed(language, options.count)) if options.list else ()
    for line in (*lines, *table([figures(language, count=options.count) for language in Language])):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
