"""How much of what a text is about stands in a sentence; it must never know a language."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence

Terms = Callable[[str], list[str]]
FIRST_BONUS = 0.15  # texts say early what they are about


def salience(sentences: Sequence[str], terms: Terms) -> list[float]:
    """A number between 0 and about 1 for each sentence: the mean weight of its terms, the text's commonest weigh 1."""
    bags = [terms(sentence) for sentence in sentences]
    counts = Counter(term for bag in bags for term in set(bag))
    most = math.log1p(max(counts.values(), default=1))
    bonus = [FIRST_BONUS * (1 - place / len(sentences)) for place in range(len(sentences))]
    return [_mean(bag, counts) / most + extra for bag, extra in zip(bags, bonus, strict=True)]


def _mean(bag: list[str], counts: Counter[str]) -> float:
    return sum(math.log1p(counts[term]) for term in bag) / len(bag) if bag else 0.0
