"""Values as text. Pure."""

from __future__ import annotations

import unicodedata


def plain(value: object) -> str:
    """A value inside a list or a cell: nothing for None, Python's own words for what has parts."""
    return "" if value is None else str(value)


def cell(value: object) -> str:
    """A value that stands in a column of its own."""
    return plain(value)


def parts(value: object) -> list[str]:
    """The parts of a value that shares its line with others; what has none is one."""
    if isinstance(value, dict):
        return [f"{name}={plain(each)}" for name, each in value.items()]
    if isinstance(value, list):
        return [plain(each) for each in value]
    return [plain(value)]


def width(text: str) -> int:
    """How many columns of a terminal it takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    none = sum(unicodedata.combining(letter) != 0 for letter in text)
    return len(text) + wide - none
