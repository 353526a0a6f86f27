"""Keys: the way to a value inside a result, and what is made of it on the way out. `name.basename()`,
`httpTarget.headerOverrides[].header.key`, `a[0].b`, `format("{0}/{1}", a, b)`. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kumotasks.cli.show.scan import QUOTES, Scan

_WORD = re.compile(r"[^\s.()\[\],:=<>!~\"']+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
EACH = "[]"  # a step through every element of a list
Step = str | int


@dataclass(frozen=True, slots=True)
class Call:
    """A transform: its name, and its arguments as they are written. With `depth` it is for each element of a list, so
    many lists deep."""

    name: str
    arguments: tuple[str, ...] = ()
    named: tuple[tuple[str, str], ...] = ()
    depth: int = 0

    def argument(self, position: int, name: str, default: str = "") -> str:
        """An argument by its name or its place."""
        found = dict(self.named).get(name)
        if found is not None:
            return found
        return self.arguments[position] if position < len(self.arguments) else default


@dataclass(frozen=True, slots=True)
class Key:
    """The steps to a value, and the transforms of it. No step at all is the whole result."""

    steps: tuple[Step, ...]
    calls: tuple[Call, ...] = ()

    @property
    def label(self) -> str:
        """The last name in it, as headings write it."""
        return heading(next((each for each in reversed(self.steps) if isinstance(each, str) and each != EACH), ""))

    @property
    def dotted(self) -> str:
        names = [each if isinstance(each, str) else f"[{each}]" for each in self.steps]
        return ".".join(names).replace(".[", "[")


def heading(name: str) -> str:
    """maxBurstSize -> MAX_BURST_SIZE."""
    return _HUMP.sub("_", name).replace("-", "_").upper()


def parse(text: str) -> Key:
    """A key that stands alone. Raises Failure."""
    scan = Scan(text)
    key = read(scan)
    scan.skip_space()
    if scan.next:
        raise scan.wrong("Unexpected text after the key")
    return key


def read(scan: Scan) -> Key:
    """A key, from here on."""
    steps: list[Step] = []
    calls: list[Call] = []
    depth = 0
    scan.skip_space()
    scan.take(".")
    while True:
        stars = len(scan.text[scan.at :]) - len(scan.text[scan.at :].lstrip("*"))
        if stars and scan.text[scan.at + stars : scan.at + stars + 1].isalpha():
            scan.at, depth = scan.at + stars, stars
        if scan.next in QUOTES and scan.next:
            steps.append(scan.quoted())
        elif found := _WORD.match(scan.text, scan.at):
            scan.at = found.end()
            if scan.next == "(":
                call = _call(scan, found[0], depth)
                depth = int(call.argument(0, "depth", "1")) if call.name == "map" else 0
                calls += [call] if call.name != "map" else []
            else:
                steps.append(found[0])
        elif scan.next != "[" and (steps or calls):
            raise scan.wrong("Name expected")
        while scan.next == "[":
            steps.append(_index(scan))
        if not scan.take("."):
            return Key(tuple(steps), tuple(calls))


def _index(scan: Scan) -> Step:
    scan.at += 1
    written = scan.until("]").strip()
    scan.need("]")
    if written in ("", "*", ":"):
        return EACH
    return int(written) if written.lstrip("-").isdigit() else written.strip(QUOTES)


def _call(scan: Scan, name: str, depth: int) -> Call:
    positional: list[str] = []
    named: list[tuple[str, str]] = []
    scan.at += 1
    scan.skip_space()
    while not scan.take(")"):
        written = _argument(scan)
        found = re.match(r"(\w+)=", written) if not written.startswith(tuple(QUOTES)) else None
        if found:
            named.append((found[1], _plain(written[found.end() :])))
        else:
            positional.append(_plain(written))
        scan.skip_space()
        if not scan.take(",") and scan.next != ")":
            raise scan.wrong("More tokens expected")
        scan.skip_space()
    return Call(name, tuple(positional), tuple(named), depth)


def _argument(scan: Scan) -> str:
    """An argument as it is written, with its quotes and whatever brackets it has."""
    start, open_brackets = scan.at, 0
    while scan.next and (open_brackets or scan.next not in ",)"):
        if scan.next in QUOTES:
            scan.quoted()
            continue
        open_brackets += {"(": 1, ")": -1}.get(scan.next, 0)
        scan.at += 1
    return scan.text[start : scan.at].strip()


def _plain(written: str) -> str:
    """Without its quotes, if it is all one quoted text."""
    if written[:1] in QUOTES and written[:1]:
        scan = Scan(written)
        found = scan.quoted()
        if not scan.next:
            return found
    return written


def find(value: object, steps: Sequence[Step]) -> object:
    """The value at the end of the steps; a list without an index is gone through. None if there is none."""
    if not steps:
        return value
    step, rest = steps[0], steps[1:]
    if isinstance(value, list):
        if isinstance(step, int):
            return find(value[step], rest) if -len(value) <= step < len(value) else None
        inner = rest if step == EACH else steps
        found = [each for each in (find(item, inner) for item in value) if each is not None]
        return [each for item in found for each in (item if isinstance(item, list) else [item])] or None
    if step == EACH:
        return find(value, rest)
    if isinstance(value, dict):
        name = spelled(value, str(step))
        return None if name is None else find(value[name], rest)
    return None


def spelled(value: dict[str, object], name: str) -> str | None:
    """The field that a name means: max_burst_size is maxBurstSize, NAME is name."""
    if name in value:
        return name
    wanted = name.replace("_", "").replace("-", "").lower()
    return next((each for each in value if each.replace("_", "").replace("-", "").lower() == wanted), None)
