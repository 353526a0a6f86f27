"""What a command's result becomes on the screen: flattened, sorted, filtered, cut and printed, in this order."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from kumotasks.cli.resource import path
from kumotasks.cli.show.filter import Filter
from kumotasks.cli.show.key import Step, parse, spelled
from kumotasks.cli.show.projection import Format, Own
from kumotasks.cli.show.projection import parse as parse_format

if TYPE_CHECKING:
    from kumotasks.cli.command import Command
    from kumotasks.cli.line import Line


def show(line: Line, command: Command, result: object) -> None:
    """Print a command's result: an object, or many of them."""
    written = line.text("format") or line.properties.get("core/format")
    form = parse_format(written, command.format)
    condition = Filter(line.text("filter"))
    single = isinstance(result, dict)
    items: Iterable[object] = map(_in_order, [result] if single or not isinstance(result, Iterable) else result)
    if line.text("flatten"):
        steps = parse(line.text("flatten")).steps
        items, single = itertools.chain.from_iterable(_flattened(item, steps) for item in items), False
    if form.name in ("none", "disable"):
        for _ in items:
            pass  # an answer that nobody wants to see is asked for all the same: it may be a refusal
        return
    if command.streamed:
        from kumotasks.cli.show.stream import shown

        for piece in shown(form, filter(condition.holds, items), _own(line, command), text):
            _put(piece)
            sys.stdout.flush()
        return
    found = _chosen(line, items, condition)
    if line.on("uri"):
        _put("".join(f"{_address(line, command, item)}\n" for item in found))
        return
    for key in condition.unseen:
        line.warn(f"no item has the field {key}, which --filter names.")
    if not single and not found and form.name == "table":
        line.say("Listed 0 items.")
        return
    _put(text(form, found, single=single, own=_own(line, command), bright=sys.stdout.isatty()))


def text(form: Format, items: Sequence[object], *, single: bool, own: Own, bright: bool = False) -> str:
    """The items in a format."""
    from kumotasks.cli.show import as_table, documents, records

    many = {
        "csv": records.as_csv,
        "value": records.as_value,
        "get": records.as_value,
        "list": records.as_list,
        "config": records.as_config,
    }
    nested = {
        "json": documents.as_json,
        "yaml": documents.as_yaml,
        "text": records.as_text,
        "flattened": records.as_text,
    }
    if form.name in nested:
        return nested[form.name](form, items, single=single, own=own)
    if form.name in many:
        return many[form.name](form, items, own)
    if form.name == "multi":
        return records.as_multi(form, items, single=single, own=own, inner=_inner)
    return as_table.as_table(form, items, own, inner=_inner, bright=bright)


def _inner(written: str, value: object, own: Own) -> str:
    """A value in a format of its own; nothing of nothing."""
    many = value if isinstance(value, list) else [] if value in (None, {}) else [value]
    return text(parse_format(written), many, single=not isinstance(value, list), own=own) if many else ""


def _chosen(line: Line, items: Iterable[object], condition: Filter) -> list[object]:
    """The items that the line asks for. Unless they are to be sorted, no page more is fetched than it takes."""
    most = line.number("limit") or None
    if line.text("sort-by"):
        from kumotasks.cli.show.order import by_fields

        items = by_fields(list(items), line.text("sort-by"))
    return list(itertools.islice((item for item in items if condition.holds(item)), most))


def _in_order(value: object) -> object:
    """The value with its fields in the order of their names, as every format shows them."""
    if isinstance(value, dict):
        return {name: _in_order(each) for name, each in sorted(value.items())}
    return [_in_order(each) for each in value] if isinstance(value, list) else value


def _own(line: Line, command: Command) -> Own:
    """The command's own transforms, and uri(), which knows the server."""
    return {**(command.transforms or {}), "uri": lambda item: _address(line, command, item)}


def _address(line: Line, command: Command, item: object) -> str:
    name = item.get("name") if isinstance(item, dict) else None
    return line.client.endpoint.url.rstrip("/") + path(command.uri or "v1", str(name)) if name else ""


def _flattened(value: object, steps: Sequence[Step]) -> Iterator[object]:
    """A copy of the value for each element of the list at the end of the steps."""
    names = [each for each in steps if isinstance(each, str) and each != "[]"]
    if not names:
        yield from value if isinstance(value, list) else [value]
        return
    if isinstance(value, list):
        for each in value:
            yield from _flattened(each, steps)
        return
    name = spelled(value, names[0]) if isinstance(value, dict) else None
    if name is None or not isinstance(value, dict):
        yield value
        return
    below = value[name]
    if len(names) == 1:
        for each in below if isinstance(below, list) else [below]:
            yield {**value, name: each}
        return
    for each in _flattened(below, names[1:]):
        yield {**value, name: each}


def _put(shown: str) -> None:
    sys.stdout.write(shown)
