"""Results as a table: columns as wide as what stands in them, boxes where they are wanted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kumotasks.cli.show.order import rank
from kumotasks.cli.show.projection import Column, Format, Inner, Own, labels
from kumotasks.cli.show.words import cell, width

BOLD, PLAIN = "\033[1m", "\033[0m"
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Row:
    """What stands beside each other, and what below."""

    cells: Sequence[str]
    below: Sequence[str] = ()


def as_table(form: Format, items: Sequence[object], own: Own, *, inner: Inner, bright: bool = False) -> str:
    """`inner` shows a value that has a format of its own; `bright` is for a terminal."""
    columns = tuple(each for each in form.columns or () if not each.format and _wanted(each, items, own))
    below = [each for each in form.columns or () if each.format]
    heads = [] if form.on("no-heading") else labels(columns)
    if not any(heads):
        heads = []
    rows = [
        Row([cell(column.value(item, own)) for column in columns], tuple(_below(item, below, own, inner)))
        for item in items
    ]
    rows = _sorted(rows, columns)
    lines = [line for row in rows for line in _lines(row)]
    widths = [
        max(map(width, (*heads[at : at + 1], *(line[at] for line in lines))), default=0) for at in range(len(columns))
    ]
    boxed = form.on("box") or form.on("all-box")
    frame = _boxed if boxed else _open
    return "".join(f"{line}\n" for line in frame(form, columns, (heads, rows, widths), bright))


def _wanted(column: Column, items: Sequence[object], own: Own) -> bool:
    """Whether a column is shown: an optional one wants a value."""
    return not column.optional or any(column.value(item, own) not in (None, "", [], {}) for item in items)


def _below(item: object, columns: Sequence[Column], own: Own, inner: Inner) -> Iterator[str]:
    """The lines below a row: the values that have a format of their own."""
    for column in columns:
        shown = inner(column.format, column.value(item, own), own)
        yield from (f"{_INDENT}{line}" for line in shown.splitlines())


Body = tuple[Sequence[str], Sequence[Row], Sequence[int]]


def _open(form: Format, columns: Sequence[Column], body: Body, bright: bool) -> Iterator[str]:
    heads, rows, widths = body
    gap = " " * int(form.text("pad", "2"))
    if title := form.text("title", ""):
        yield _centred(title, sum(widths) + len(gap) * (len(widths) - 1)).rstrip()
    if heads:
        shown = gap.join(
            _placed(text, size, each.align) for text, size, each in zip(heads, widths, columns, strict=True)
        )
        yield f"{BOLD}{shown.rstrip()}{PLAIN}" if bright else shown.rstrip()
    for row in rows:
        for line in _lines(row):
            cells = (_placed(text, size, each.align) for text, size, each in zip(line, widths, columns, strict=True))
            yield gap.join(cells).rstrip()
        yield from row.below


def _boxed(form: Format, columns: Sequence[Column], body: Body, bright: bool) -> Iterator[str]:
    heads, rows, widths = body
    bars = ["─" * (size + 2) for size in widths]
    if title := form.text("title", ""):
        inside = sum(map(len, bars)) + len(bars) - 1
        yield f"┌{'─' * inside}┐"
        yield f"│{_centred(title, inside)}│"
        yield f"├{'┬'.join(bars)}┤"
    else:
        yield f"┌{'┬'.join(bars)}┐"
    if heads:
        shown = (f"{BOLD}{text}{PLAIN}" if bright else text for text in map(_centred, heads, widths))
        yield f"│ {' │ '.join(shown)} │"
    for at, row in enumerate(rows):
        if (heads and at == 0) or form.on("all-box"):
            yield f"├{'┼'.join(bars)}┤"
        for line in _lines(row):
            cells = (_placed(text, size, each.align) for text, size, each in zip(line, widths, columns, strict=True))
            yield f"│ {' │ '.join(cells)} │"
        yield from row.below
    yield f"└{'┴'.join(bars)}┘"


def _sorted(rows: list[Row], columns: Sequence[Column]) -> list[Row]:
    """By the columns that say :sort=N, the lowest first."""
    keyed = sorted((column.sort, at) for at, column in enumerate(columns) if column.sort)
    for _, at in reversed(keyed):
        rows.sort(key=lambda row, at=at: rank(row.cells[at]), reverse=columns[at].reverse)  # type: ignore[misc]
    return rows


def _lines(row: Row) -> list[list[str]]:
    """The lines of a row whose cells may have several."""
    parts = [text.split("\n") for text in row.cells]
    most = max(map(len, parts), default=1)
    return [[part[at] if at < len(part) else "" for part in parts] for at in range(most)]


def _placed(text: str, size: int, align: str) -> str:
    space = size - width(text)
    if align == "right":
        return " " * space + text
    return _centred(text, size) if align == "center" else text + " " * space


def _centred(text: str, size: int) -> str:
    """As Python's str.center has it: of an odd space the greater part stands left where the width is odd too."""
    space = max(size - width(text), 0)
    left = space // 2 + (space & size & 1)
    return " " * left + text + " " * (space - left)
