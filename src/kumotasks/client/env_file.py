"""The file .env.local of a developer's machine: what it sets, without setting it. Only names and texts, no meaning."""

from __future__ import annotations

import re
from pathlib import Path

NAME = ".env.local"
_LINE = re.compile(
    r"""\s*(?:export\s+)?(?P<name>[A-Za-z_]\w*)\s*=\s*
        (?:"(?P<double>[^"]*)" | '(?P<single>[^']*)' | (?P<bare>.*?))
        \s*(?:(?<!\S)\#.*)?""",
    re.VERBOSE | re.ASCII,
)


def found_from(directory: Path) -> dict[str, str]:
    """What the nearest such file sets, in `directory` or above it; nothing if there is none."""
    for folder in (directory, *directory.parents):
        if (path := folder / NAME).is_file():
            return parsed(path.read_text(encoding="utf-8-sig", errors="replace"))
    return {}


def parsed(text: str) -> dict[str, str]:
    """NAME=value by lines; quotes, `export` and comments as in a shell, and nothing is replaced in a value."""
    matches = (_LINE.fullmatch(line) for line in text.splitlines())
    return {match["name"]: match["double"] or match["single"] or match["bare"] or "" for match in matches if match}
