"""Transforms of what has parts, and of what is made of several values: lists, mappings, projected keys. Pure."""

from __future__ import annotations

from collections.abc import Callable

from kumotasks.cli.client import Failure
from kumotasks.cli.show.key import Call, find, parse
from kumotasks.cli.show.scan import Scan
from kumotasks.cli.show.words import plain

Apply = Callable[[object, tuple[Call, ...]], object]


def listed(value: object, call: Call) -> object:
    show, separator = call.argument(0, "show"), call.argument(2, "separator", ",")
    if isinstance(value, dict):
        sources = {"keys": value.keys(), "values": map(plain, value.values())}
        shown = sources.get(show, (f"{name}={plain(each)}" for name, each in value.items()))
        return separator.join(map(str, shown)) or call.argument(1, "undefined")
    if isinstance(value, list):
        return separator.join(plain(each) for each in value) or call.argument(1, "undefined")
    return value or call.argument(1, "undefined")


def flattened(value: object, call: Call) -> object:
    """Of all that is in it, however deep: keys, values or both."""
    separator = call.argument(2, "separator", ",")
    match value:
        case dict():
            return separator.join(_shown(str(name), each, call) for name, each in value.items())
        case list():
            return separator.join(str(flattened(each, call)) for each in value)
    return call.argument(1, "undefined") if value is None else plain(value)


def _shown(name: str, value: object, call: Call) -> str:
    """A field of what is flattened."""
    inner = str(flattened(value, call))
    show = call.argument(0, "show")
    if show == "keys":
        return inner if isinstance(value, (dict, list)) and value else name
    return inner if show == "values" else f"{name}={inner}"


def parts_of(value: object) -> list[object]:
    """The elements of a list, the keys of a mapping, the letters of a text."""
    return list(value) if isinstance(value, (list, dict, str)) else []


def joined(value: object, call: Call) -> object:
    found = call.argument(0, "sep", "/").join(plain(each) for each in parts_of(value))
    return found or call.argument(1, "undefined")


def counted(value: object, call: Call) -> object:
    items = [plain(each) for each in parts_of(value)]
    return {each: items.count(each) for each in sorted(set(items))}


def not_null(value: object, call: Call) -> object:
    return [each for each in parts_of(value) if each is not None]


def sliced(value: object, call: Call) -> object:
    bounds = [int(each) if each.strip() else None for each in call.argument(0, "op", ":").split(":")]
    items = list(value) if isinstance(value, (list, str)) else []
    if len(bounds) == 1:
        return items[bounds[0] : (bounds[0] or 0) + 1 or None]
    return items[slice(*bounds[:3])]


def formatted(apply: Apply) -> Callable[[object, Call], object]:
    def transform(value: object, call: Call) -> object:
        keys = call.arguments[1:]
        values = [keyed(value, key, apply) for key in keys] if keys else value if isinstance(value, list) else [value]
        try:
            return call.argument(0, "fmt", "{0}").format(*("" if each is None else each for each in values))
        except (LookupError, ValueError, TypeError, AttributeError) as error:
            raise Failure(f"format({call.argument(0, 'fmt')}): {error}") from None

    return transform


def extracted(apply: Apply) -> Callable[[object, Call], object]:
    """The values of these keys that there are."""
    return lambda value, call: [each for each in (keyed(value, key, apply) for key in call.arguments) if each]


def first_of(apply: Apply) -> Callable[[object, Call], object]:
    return lambda value, call: next(filter(None, (keyed(value, key, apply) for key in call.arguments)), "")


def keyed(value: object, written: str, apply: Apply) -> object:
    """What a key that is an argument finds in the value."""
    key = parse(written)
    return apply(find(value, key.steps), key.calls)


def synthesized(value: object, call: Call) -> object:
    """A mapping for each argument: `(name:up, id=serial, upInfo)` has a text, the value of a key, all fields of one."""
    return [_synthesized(value, written) for written in call.arguments]


def _synthesized(value: object, written: str) -> dict[str, object]:
    scan, made = Scan(written), dict[str, object]()
    scan.need("(")
    while not scan.take(")"):
        name = scan.until(":=,)").strip()
        if scan.take(":"):
            made[name] = scan.until(",)").strip()
        elif scan.take("="):
            made[name] = find(value, parse(scan.until(",)").strip()).steps)
        elif isinstance(found := find(value, parse(name).steps), dict):
            made |= found
        if not scan.take(",") and scan.next != ")":
            raise scan.wrong(") expected")
        scan.skip_space()
    return made
