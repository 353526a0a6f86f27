"""A --format expression: NAME[ATTRIBUTES](PROJECTION). Pure.

A command's own format is read first and what the line says over it: a column that the line names and does not adorn
gets the label and the transforms that the command gave it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from kumotasks.cli.client import Failure
from kumotasks.cli.show.key import Key, find, heading, read
from kumotasks.cli.show.scan import QUOTES, Scan
from kumotasks.cli.show.transforms import apply
from kumotasks.cli.suggest import nearest

_NEED_COLUMNS = ("csv", "get", "multi", "table", "value")
_WHOLE = ("config", "default", "disable", "flattened", "json", "list", "none", "text", "yaml")
NAMES = tuple(sorted((*_NEED_COLUMNS, *_WHOLE)))
# What gcloud has and Kumo has not, and why.
_LEFT_OUT = {
    "diff": "it compares a resource with itself as it was before a line of Compute Engine",
    "object": "it shows how gcloud's own program holds a resource; json shows all of it",
}
Own = dict[str, Callable[[object], object]]
Inner = Callable[[str, object, Own], str]  # a value in a format that a column has of its own


@dataclass(frozen=True, slots=True)
class Column:
    """A key of a projection and how it is shown; `label` None leaves it to the key. `sort` counts from 1."""

    key: Key
    label: str | None = None
    align: str = "left"
    sort: int = 0
    reverse: bool = False
    optional: bool = False  # left out where no item has it
    format: str = ""  # how its value is shown, below its row or in its turn (multi)

    def value(self, item: object, own: Own) -> object:
        return apply(find(item, self.key.steps), self.key.calls, own)


@dataclass(frozen=True, slots=True)
class Format:
    """`columns` is None without a projection."""

    name: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[Column, ...] | None = None

    def on(self, name: str) -> bool:
        """An attribute that is a switch."""
        return name in self.attributes

    def text(self, name: str, default: str) -> str:
        written = self.attributes.get(name)
        return default if written is None else written.replace("\\n", "\n").replace("\\t", "\t")


def parse(written: str, default: str = "") -> Format:
    """The format that a line asks for over a command's own. Raises Failure."""
    base = _parsed(default) if default else Format("yaml")
    asked = _parsed(written)
    name = asked.name or base.name
    if name == "default":
        name = "yaml"
    if name in _LEFT_OUT:
        raise Failure(f"The format [{name}] is left out: {_LEFT_OUT[name]}.")
    if name not in NAMES:
        near = nearest(name, NAMES)
        hint = f" Did you mean {near}?" if near else ""
        raise Failure(f"Format must be one of {', '.join(NAMES)}; received [{name}].{hint}")
    columns = asked.columns
    if columns is None and (not asked.name or not written):
        columns = base.columns
    if not columns and name in _NEED_COLUMNS:
        raise Failure(f"Format [{name}] requires a non-empty projection: {name}(name, state), say.")
    attributes = asked.attributes if asked.name else {**base.attributes, **asked.attributes}
    adorned = None if columns is None else tuple(_adorned(each, base, name) for each in columns)
    if adorned is not None and (name == "get" or "no-transforms" in attributes):
        adorned = tuple(replace(each, key=replace(each.key, calls=())) for each in adorned)
    for column in adorned or ():
        if name == "multi" and not column.format:
            raise Failure(f"multi shows each key by a format of its own: {column.key.dotted}:format=json, say.")
    return Format(name, attributes, adorned)


def labels(columns: Sequence[Column]) -> list[str]:
    """The columns' headings; of two keys that end alike, the later one's begins earlier."""
    found: list[str] = []
    taken: dict[str, Key] = {}
    for column in columns:
        label = column.label if column.label is not None else column.key.label
        names = [each for each in column.key.steps if isinstance(each, str) and each != "[]"]
        if column.label is None and taken.get(label, column.key) != column.key and len(names) > 1:
            label = f"{heading(names[-2])}_{label}"
        taken.setdefault(label, column.key)
        found.append(label)
    return found


def _adorned(column: Column, base: Format, name: str) -> Column:
    known = next((each for each in base.columns or () if each.key.steps == column.key.steps and each.key.steps), None)
    if known is None or name == "get":
        return column
    key = column.key
    if not key.calls and name in ("csv", "value", "table", "list"):
        key = known.key
    return replace(column, key=key, label=known.label if column.label is None else column.label)


def _parsed(written: str) -> Format:
    scan = Scan(written.strip())
    name = ""
    attributes: dict[str, str] = {}
    columns: tuple[Column, ...] | None = None
    while scan.next:
        if scan.take("["):
            attributes |= _attributes(scan)
        elif scan.take("("):
            columns = _columns(scan)
        else:
            name = scan.until("[( \n\t")
        scan.skip_space()
    return Format(name, attributes, columns)


def _attributes(scan: Scan) -> dict[str, str]:
    found: dict[str, str] = {}
    scan.skip_space()
    while not scan.take("]"):
        name, value = scan.until("=,]").strip(), ""
        if scan.take("="):
            value = scan.quoted() if scan.next in QUOTES and scan.next else scan.until(",]").strip()
        found[name] = value
        scan.skip_space()
        if not scan.take(",") and scan.next != "]":
            raise scan.wrong("More tokens expected")
        scan.skip_space()
    return found


def _columns(scan: Scan) -> tuple[Column, ...]:
    found: list[Column] = []
    aliases: dict[str, Key] = {}
    scan.skip_space()
    while not scan.take(")"):
        found.append(_column(scan, aliases))
        scan.skip_space()
        if not scan.take(",") and scan.next != ")":
            raise scan.wrong("Expected ) in projection expression" if scan.next else "More tokens expected")
        scan.skip_space()
    return tuple(found)


def _column(scan: Scan, aliases: dict[str, Key]) -> Column:
    """`aliases` are the names that keys before this one were given."""
    key = read(scan)
    column = Column(aliases.get(key.dotted, key) if not key.calls else key)
    scan.skip_space()
    while scan.take(":"):
        name, value = scan.until("=:,) \n\t"), ""
        if scan.take("="):
            value = scan.quoted() if scan.next in QUOTES and scan.next else scan.until(":,) \n\t")
        if name == "alias":
            aliases[value] = column.key
        column = _attributed(scan, column, name, value)
        scan.skip_space()
    return column


def _attributed(scan: Scan, column: Column, name: str, value: str) -> Column:
    made: Column | None = None
    match name:
        case "label":
            made = replace(column, label=value)
        case "align" if value in ("left", "right", "center"):
            made = replace(column, align=value)
        case "sort" if value.isdigit():
            made = replace(column, sort=int(value))
        case "reverse" | "no-reverse":
            made = replace(column, reverse=name == "reverse")
        case "optional":
            made = replace(column, optional=True)
        case "format":
            made = replace(column, format=value)
        case "wrap" | "width" | "alias":
            made = column
    if made is not None:
        return made
    raise scan.wrong(f"Unknown key attribute {name}={value}" if value else f"Unknown key attribute {name}")
