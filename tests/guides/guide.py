"""A guide as text: its sections, and the blocks in them as the steps of a reader.

What a block is stands in the guide for people to read, in the line above it:

    ... `NAME`:                      the block is the file of that name
    ... in a terminal of its own:    the command goes on running there
    ... again until ...:             the command is repeated until it prints what the next block shows
    ... terminal ...: (a text block) what some terminal prints

Any other `bash` block is run and must succeed; a `text` block is what the step before it prints, a line each, with
`...` for what differs from run to run; how wide a column is does not count. Nothing here runs anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

GUIDES = Path(__file__).parent.parent.parent / "docs" / "guides"
_BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_SECTION = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
_FILE = re.compile(r"`(?P<name>[\w./-]+)`:$")


@dataclass(frozen=True, slots=True)
class File:
    """A file that the reader writes."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Terminal:
    """A command that goes on running."""

    command: str


@dataclass(frozen=True, slots=True)
class Command:
    """Lines for the shell; `patient`: repeated until they print what is shown."""

    text: str
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What is printed, by the command before it or (`somewhere`) by any terminal."""

    lines: tuple[str, ...]
    somewhere: bool = False

    def in_order(self, printed: str) -> bool:
        """Whether the lines stand in what was printed, in this order; others may stand between them."""
        left = iter(printed.splitlines())
        return all(any(_same(line, each) for each in left) for line in self.lines)


Step = File | Terminal | Command | Shown


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    steps: tuple[Step, ...]


def read(name: str) -> tuple[Section, ...]:
    """The sections of a guide; what stands before the first has no title."""
    parts = _SECTION.split((GUIDES / name).read_text(encoding="utf-8"))
    titles = ["", *parts[1::2]]
    return tuple(Section(title, steps(text)) for title, text in zip(titles, parts[0::2], strict=True))


def steps(text: str) -> tuple[Step, ...]:
    """The blocks of a text, each as what its reader does with it."""
    found: list[Step] = []
    for block in _BLOCK.finditer(text):
        above = text[: block.start()].rstrip().splitlines()
        found.append(_step(block["language"], block["text"], above[-1] if above else "", found))
    return tuple(found)


def _step(language: str, text: str, above: str, before: list[Step]) -> Step:
    if language == "text":
        somewhere = "terminal" in above or (bool(before) and isinstance(before[-1], Terminal))
        return Shown(tuple(text.splitlines()), somewhere)
    if named := _FILE.search(above):
        return File(named["name"], text)
    assert language == "bash", f"nobody knows what to do with this block:\n{text}"
    if above.endswith("terminal of its own:"):
        return Terminal(text)
    return Command(text, patient="again until" in above)


def _same(shown: str, printed: str) -> bool:
    pattern = re.escape(" ".join(shown.split())).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, " ".join(printed.split())) is not None
