"""Generators that do what a test says: wait for each other, and fail."""

from __future__ import annotations

import threading

from examples.yuichat.questions.question import Question

ANY = Question("Who built it?", "masons", "It was built by masons.")


class Gated:
    """A generator that waits for as many callers as a test says, and gives each a question of its own."""

    def __init__(self, callers: int = 1) -> None:
        self.calls: list[str] = []
        self._called = threading.Condition()
        self._gate = threading.Barrier(callers)

    def generate(self, text: str, *, count: int = 5) -> list[Question]:
        with self._called:
            self.calls.append(text)
            mine = len(self.calls)
            self._called.notify_all()
        self._gate.wait(20)
        return [Question(f"{mine}.{each}?", ANY.answer, ANY.sentence) for each in range(count)]

    def wait_for_calls(self, count: int) -> None:
        with self._called:
            assert self._called.wait_for(lambda: len(self.calls) >= count, 20)


class Failing:
    """A generator that fails `times`, and then does not."""

    def __init__(self, times: int) -> None:
        self._left = times

    def generate(self, text: str, *, count: int = 5) -> list[Question]:
        self._left -= 1
        if self._left >= 0:
            raise ConnectionError("the model is away")
        return [ANY][:count]
