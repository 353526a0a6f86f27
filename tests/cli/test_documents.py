"""Each `kumo` line that a document shows is a line that kumo takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from kumotasks.cli import parser

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```\w*\n(?P<lines>.*?)^```$", re.MULTILINE | re.DOTALL)
INSIDE = re.compile(r'"\$\((?P<line>kumo [^)]*)\)"')


def lines(text: str) -> Iterator[str]:
    """What stands in blocks, a line that goes on behind a backslash as one."""
    for block in BLOCK.finditer(text):
        for line in block["lines"].replace("\\\n", " ").splitlines():
            found = INSIDE.search(line)
            if found or line.startswith("kumo "):
                yield found["line"] if found else line


SHOWN = [(document.name, line) for document in DOCUMENTS for line in lines(document.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("document", "line"), SHOWN, ids=lambda each: each.strip())
def test_a_line_of_a_document_is_one_that_kumo_takes(document: str, line: str) -> None:
    command, rest = parser.find(shlex.split(line, comments=True)[1:])
    parser.values(command, rest)


def test_lines_are_found_in_documents() -> None:
    assert {document for document, _ in SHOWN} >= {"README.md", "quickstart.md", "operations.md", "reference.md"}
