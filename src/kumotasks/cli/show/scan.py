"""Reading an expression from left to right: the letters that formats, keys and filters are all made of. Pure."""

from __future__ import annotations

from kumotasks.cli.client import Failure

QUOTES = "\"'"


class Scan:
    """A text and a place in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def next(self) -> str:
        """The letter to come; "" at the end."""
        return self.text[self.at : self.at + 1]

    def skip_space(self) -> None:
        while self.next.isspace():
            self.at += 1

    def take(self, expected: str) -> bool:
        """Whether this comes next; then it is passed."""
        if not self.text.startswith(expected, self.at):
            return False
        self.at += len(expected)
        return True

    def need(self, expected: str) -> None:
        self.skip_space()
        if not self.take(expected):
            raise self.wrong(f"{expected} expected" if self.next else "More tokens expected")

    def until(self, stops: str) -> str:
        """What stands before the next of these letters, or the end."""
        start = self.at
        while self.next and self.next not in stops:
            self.at += 1
        return self.text[start : self.at]

    def quoted(self) -> str:
        """A quoted text, from its first quote on; a backslash keeps the letter after it."""
        quote, self.at = self.next, self.at + 1
        found: list[str] = []
        while self.next != quote:
            if not self.next:
                raise self.wrong("Unterminated quote")
            if self.next == "\\" and self.text[self.at + 1 : self.at + 2] in (quote, "\\"):
                self.at += 1
            found.append(self.next)
            self.at += 1
        self.at += 1
        return "".join(found)

    def wrong(self, sentence: str) -> Failure:
        """What is wrong, and where."""
        shown = f"{self.text[: self.at]} *HERE* {self.text[self.at :]}".strip()
        return Failure(f"{sentence} [{shown}].")
