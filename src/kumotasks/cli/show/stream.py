"""Items that are shown one by one as they come: what stands before, between and after them, by the format. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from kumotasks.cli.show.projection import Format, Own


class Text(Protocol):
    """Items in a format."""

    def __call__(self, form: Format, items: Sequence[object], /, *, single: bool, own: Own) -> str: ...


_HEADED = ("csv", "table")


def shown(form: Format, items: Iterable[object], own: Own, text: Text) -> Iterator[str]:
    """The pieces of what `text` makes of the items. The caller may interrupt them: what is shown then is whole."""
    told = _until_interrupted(items)
    return _elements(form, told, own, text) if form.name == "json" else _records(form, told, own, text)


def _until_interrupted(items: Iterable[object]) -> Iterator[object]:
    try:
        yield from items
    except KeyboardInterrupt:
        return


def _elements(form: Format, items: Iterable[object], own: Own, text: Text) -> Iterator[str]:
    """A JSON array."""
    mark = "[\n"
    for item in items:
        yield mark + textwrap.indent(text(form, [item], single=True, own=own), "  ").rstrip("\n")
        mark = ",\n"
    yield "[]\n" if mark == "[\n" else "\n]\n"


def _records(form: Format, items: Iterable[object], own: Own, text: Text) -> Iterator[str]:
    """One after the other, under one heading."""
    for item in items:
        yield text(form, [item], single=False, own=own)
        if form.name in _HEADED:
            form = replace(form, attributes={**form.attributes, "no-heading": ""})
