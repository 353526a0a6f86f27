"""Items that are shown one by one as they come: what stands before, between and after them, by the format."""

from __future__ import annotations

import signal
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from types import FrameType
from typing import Protocol

from kumotasks.cli.show.projection import Format, Own


class Text(Protocol):
    """Items in a format."""

    def __call__(self, form: Format, items: Sequence[object], /, *, single: bool, own: Own) -> str: ...


_END = object()
_HEADED = ("csv", "table")


def shown(form: Format, items: Iterable[object], own: Own, text: Text) -> Iterator[str]:
    """The pieces of what `text` makes of the items. The caller may interrupt them: what is shown then is whole."""
    told = _until_interrupted(items)
    return _elements(form, told, own, text) if form.name == "json" else _records(form, told, own, text)


def _until_interrupted(items: Iterable[object]) -> Iterator[object]:
    """The items until Ctrl-C, which breaks off a wait for the next at once, and never what is done with one."""
    waiting = asked = False

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        if waiting:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupted)
    coming = iter(items)
    try:
        while True:
            waiting = True
            item = _END if asked else next(coming, _END)
            waiting = False
            if item is _END:
                return
            yield item
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGINT, before)


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
