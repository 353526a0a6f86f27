"""What a generator is and what it hands back; it must never know how questions are made or where they are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` is a piece of `sentence`, and `sentence` a piece of the document, both to the letter."""

    text: str
    answer: str
    sentence: str


class QuestionGenerator(Protocol):
    def generate(self, text: str, *, count: int = 5) -> list[Question]:
        """At most `count` questions, in the order of the text; fewer where it does not answer that many."""
        ...
