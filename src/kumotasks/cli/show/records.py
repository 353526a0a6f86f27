"""Results as lines for other programs, and for eyes that want all of it: csv, value, list, text, config. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from kumotasks.cli.show.documents import selected
from kumotasks.cli.show.projection import Format, Inner, Own, labels
from kumotasks.cli.show.words import parts, plain


def as_csv(form: Format, items: Sequence[object], own: Own) -> str:
    separator, _, end = _marks(form, ",")
    names = [] if form.on("no-heading") else labels(form.columns or ())
    heads = [separator.join(label.lower() for label in names)] if any(names) else []
    return "".join(line + end for line in (*heads, *_rows(form, items, own, ",")))


def as_value(form: Format, items: Sequence[object], own: Own) -> str:
    return "".join(line + _marks(form, "\t")[2] for line in _rows(form, items, own, "\t"))


def _rows(form: Format, items: Sequence[object], own: Own, mark: str) -> Iterator[str]:
    separator, delimiter, _ = _marks(form, mark)
    quotes = form.on("quote") or (form.name == "csv" and not form.on("no-quote"))
    for item in items:
        values = (column.value(item, own) for column in form.columns or ())
        cells = ([_quoted(each, separator) if quotes else each for each in parts(value)] for value in values)
        yield separator.join(delimiter.join(cell) for cell in cells)


def as_list(form: Format, items: Sequence[object], own: Own) -> str:
    title = f"{form.text('title', '')}\n" if form.on("title") else ""
    return title + "".join(_bulleted(_listed(form, item, own), compact=form.on("compact")) for item in items)


def as_multi(form: Format, items: Sequence[object], *, single: bool, own: Own, inner: Inner) -> str:
    """Each key in a format of its own."""
    shown: list[str] = []
    for item in items:
        shown += [inner(column.format, column.value(item, own), own) for column in form.columns or ()]
        shown[-1] += form.text("terminator", "")
    separator = form.text("separator", "")
    return "".join(separator + each for each in shown).removeprefix(separator if single else "")


def as_text(form: Format, items: Sequence[object], *, single: bool, own: Own) -> str:
    separator = form.text("separator", ": ")
    columns = form.columns or ()
    names = {each.key.dotted: (each.key.label if each.label is None else each.label).lower() for each in columns}
    shown = []
    for item in items:
        leaves = sorted(_leaves(selected(item, form.columns, own), ""), key=lambda pair: pair[0])
        found = [(names.get(name, name), text) for name, text in leaves]
        size = max((len(name) for name, _ in found), default=0) + len(separator)
        pad = 0 if form.on("no-pad") else size
        shown.append("".join(f"{name + separator:{pad}}{text}\n" for name, text in found))
    return "".join(shown) if single else "".join(f"---\n{each}" for each in shown)


def as_config(form: Format, items: Sequence[object], own: Own) -> str:
    return "".join("\n".join(_sections(selected(item, form.columns, own), "")) + "\n" for item in items)


def _marks(form: Format, separator: str) -> tuple[str, str, str]:
    return form.text("separator", separator), form.text("delimiter", ";"), form.text("terminator", "\n")


def _quoted(cell: str, separator: str) -> str:
    if separator in cell or '"' in cell or "\n" in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _listed(form: Format, item: object, own: Own) -> list[str]:
    if form.columns is not None:
        values = [column.value(item, own) for column in form.columns]
        return [plain(value) for value in values if value is not None]
    if isinstance(item, dict):
        return [f"{name}: {plain(each)}" for name, each in sorted(item.items())]
    return [plain(item)]


def _bulleted(lines: Sequence[str], *, compact: bool) -> str:
    return f" - {(' ' if compact else chr(10) + '   ').join(lines)}\n"


def _leaves(value: object, name: str) -> Iterator[tuple[str, str]]:
    """Every value that has no parts, with the way to it."""
    match value:
        case dict() if value:
            for key, each in value.items():
                yield from _leaves(each, f"{name}.{key}" if name else str(key))
        case list() if value:
            for index, each in enumerate(value):
                yield from _leaves(each, f"{name}[{index}]")
        case str() if "\n" in value:
            yield name, json.dumps(value, ensure_ascii=False)
        case _:
            yield name, str(value)


def _sections(value: object, name: str) -> Iterator[str]:
    """A mapping of mappings as an INI file."""
    parts = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
    plains = {str(key): each for key, each in sorted(parts.items()) if not isinstance(each, (dict, list))}
    if name and plains:
        yield f"[{name}]"
    yield from (f"{key} = {plain(each)}" for key, each in plains.items())
    for key, each in sorted(parts.items()):
        if isinstance(each, (dict, list)):
            yield from _sections(each, f"{name}.{key}" if name else str(key))
