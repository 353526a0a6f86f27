"""The transforms that people use in projections: what stands behind `name.basename()`. A table.

Pure, but for `duration`, which may ask what time it is.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import UTC
from urllib.parse import urlsplit

from kumotasks.cli.client import Failure
from kumotasks.cli.show import times
from kumotasks.cli.show.key import Call, find, parse
from kumotasks.cli.show.words import cell, plain

Transform = Callable[[object, Call], object]
_KIB = 1024


def apply(value: object, calls: tuple[Call, ...], own: dict[str, Callable[[object], object]]) -> object:
    """The value after its transforms; `own` are the command's. Raises Failure for one that there is not."""
    for call in calls:
        if call.name in own:
            value = own[call.name](value)
            continue
        if call.name not in TABLE:
            raise Failure(f"Unknown transform function {call.name}. There are: {', '.join(sorted(TABLE))}.")
        try:
            value = _deep(value, call, call.depth)
        except (ValueError, OverflowError) as error:
            raise Failure(f"{call.name}({', '.join(call.arguments)}): {error}") from None
    return value


def _deep(value: object, call: Call, depth: int) -> object:
    if depth and value is None:
        return None
    if depth and isinstance(value, list):
        return [_deep(each, call, depth - 1) for each in value]
    return TABLE[call.name](value, call)


def _basename(value: object, call: Call) -> object:
    return str(value).rstrip("/").rpartition("/")[2] if value else call.argument(0, "undefined")


def _segment(value: object, call: Call) -> object:
    parts = str(value).split("/") if value else []
    index = int(call.argument(0, "index", "-1"))
    return parts[index] if -len(parts) <= index < len(parts) else call.argument(1, "undefined")


def _scope(value: object, call: Call) -> object:
    if not value:
        return ""
    address = str(value)
    for name in call.arguments or ("regions", "zones"):
        _, found, after = address.partition(f"/{name}/")
        if found:
            return after if call.arguments else after.partition("/")[0]
    return urlsplit(address).path.lstrip("/") if "://" in address else address


def _date(value: object, call: Call) -> object:
    stamp = times.instant(value, times.zone(call.argument(4, "tz_default")) if call.argument(4, "tz_default") else None)
    if stamp is None:
        return call.argument(2, "undefined")
    named = call.argument(3, "tz")
    zone = times.zone(named) if named else None
    if named and zone is None:
        raise Failure(f"There is no time zone [{named}].")
    return (stamp.astimezone(zone) if zone else stamp).strftime(call.argument(0, "format", "%Y-%m-%dT%H:%M:%S"))


def _duration(value: object, call: Call) -> object:
    start, end = call.argument(0, "start"), call.argument(1, "end")
    if start:
        first = times.instant(find(value, parse(start).steps))
        last = times.instant(find(value, parse(end).steps)) if end else times.now()
        seconds = (last - first).total_seconds() if first and last else None
    else:
        seconds = times.span(value)
    parts = int(call.argument(2, "parts", "3"))
    return call.argument(6, "undefined") if seconds is None else times.iso_duration(seconds, parts)


def _iso(value: object, call: Call) -> object:
    stamp = times.instant(value)
    return (
        call.argument(0, "undefined", "T")
        if stamp is None
        else stamp.astimezone(UTC).isoformat(timespec="milliseconds")
    )


def _list(value: object, call: Call) -> object:
    show, separator = call.argument(0, "show"), call.argument(2, "separator", ",")
    if isinstance(value, dict):
        sources = {"keys": value.keys(), "values": map(plain, value.values())}
        shown = sources.get(show, (f"{name}={plain(each)}" for name, each in value.items()))
        return separator.join(map(str, shown)) or call.argument(1, "undefined")
    if isinstance(value, list):
        return separator.join(plain(each) for each in value) or call.argument(1, "undefined")
    return value or call.argument(1, "undefined")


def _flatten(value: object, call: Call) -> object:
    separator = call.argument(2, "separator", ",")
    match value:
        case dict():
            return separator.join(f"{name}={_flatten(each, call)}" for name, each in value.items())
        case list():
            return separator.join(str(_flatten(each, call)) for each in value)
    return call.argument(1, "undefined") if value is None else plain(value)


def _join(value: object, call: Call) -> object:
    items = value if isinstance(value, (list, str)) else []
    return call.argument(0, "sep", "/").join(plain(each) for each in items) or call.argument(1, "undefined")


def _split(value: object, call: Call) -> object:
    return str(value).split(call.argument(0, "sep", "/")) if value else call.argument(1, "undefined")


def _slice(value: object, call: Call) -> object:
    bounds = [int(each) if each.strip() else None for each in call.argument(0, "op", ":").split(":")]
    items = list(value) if isinstance(value, (list, str)) else []
    if len(bounds) == 1:
        return items[bounds[0] : (bounds[0] or 0) + 1 or None]
    return items[slice(*bounds[:3])]


def _yesno(value: object, call: Call) -> object:
    return (call.argument(0, "yes") or value) if value else call.argument(1, "no", "No")


def _sub(value: object, call: Call) -> object:
    if not isinstance(value, str):
        return value
    flags = re.NOFLAG if call.argument(3, "ignorecase", "true").lower() == "false" else re.IGNORECASE
    return _compiled(call.argument(0, "pattern"), flags).sub(
        call.argument(1, "replacement"), value, int(call.argument(2, "count", "0"))
    )


def _regex(value: object, call: Call) -> object:
    if value is not None and _compiled(call.argument(0, "expression")).match(str(value)):
        return call.argument(1, "does_match") or value
    return call.argument(2, "nomatch")


def _compiled(pattern: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    try:
        return re.compile(pattern, flags)
    except re.error as error:
        raise Failure(f"Expression RE pattern [{pattern}]: {error}") from None


def _format(value: object, call: Call) -> object:
    keys = call.arguments[1:]
    values = [find(value, parse(key).steps) for key in keys] if keys else value if isinstance(value, list) else [value]
    try:
        return call.argument(0, "fmt", "{0}").format(*("" if each is None else each for each in values))
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise Failure(f"format({call.argument(0, 'fmt')}): {error}") from None


def _firstof(value: object, call: Call) -> object:
    return next(filter(None, (find(value, parse(key).steps) for key in call.arguments)), "")


def _extract(value: object, call: Call) -> object:
    return [each for each in (find(value, parse(key).steps) for key in call.arguments) if each]


def _float(value: object, call: Call) -> object:
    try:
        number = float(str(value))
    except ValueError:
        return call.argument(2, "undefined")
    precision, spec = call.argument(0, "precision", "6"), call.argument(1, "spec")
    if spec:
        return f"{number:.{precision}{spec}}"
    return f"{number:.1f}" if number == int(number) and 1e-04 <= abs(number) < 1e09 else f"{number:.{precision}}"


def _size(value: object, call: Call) -> object:
    if not isinstance(value, (int, float, str)) or not value:
        return call.argument(0, "zero", "0")
    units = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
    try:
        number = float(value)
    except ValueError:
        return value
    written = call.argument(2, "units_in").lower()
    power = next((at for at, unit in enumerate(units) if unit.lower() == written), 0)
    while number >= _KIB and power < len(units) - 1:
        number, power = number / _KIB, power + 1
    return f"{round(number, int(call.argument(1, 'precision', '1'))):g} {units[power]}"


def _coded(encode: bool) -> Transform:
    def transform(value: object, call: Call) -> object:
        if not isinstance(value, str):
            return call.argument(1, "undefined")
        if call.argument(0, "encoding").lower() != "base64":
            return value
        try:
            return (base64.b64encode if encode else base64.b64decode)(value.encode()).decode()
        except ValueError:
            return call.argument(1, "undefined")

    return transform


def _count(value: object, call: Call) -> object:
    items = [plain(each) for each in value] if isinstance(value, (list, str)) else []
    return {each: items.count(each) for each in sorted(set(items))}


def _trailoff(value: object, call: Call) -> object:
    most = int(call.argument(0, "character_limit", "80"))
    return value if not isinstance(value, str) or len(value) <= most else value[: max(most - 3, 0)] + "..."


def _error(value: object, call: Call) -> object:
    raise Failure(call.argument(0, "message") or cell(value))


TABLE: dict[str, Transform] = {
    "always": lambda value, call: value,
    "basename": _basename,
    "collection": lambda value, call: call.argument(0, "undefined"),
    "color": lambda value, call: value,
    "count": _count,
    "date": _date,
    "decode": _coded(encode=False),
    "duration": _duration,
    "encode": _coded(encode=True),
    "error": _error,
    "extract": _extract,
    "firstof": _firstof,
    "flatten": _flatten,
    "float": _float,
    "format": _format,
    "if": lambda value, call: value,
    "iso": _iso,
    "join": _join,
    "len": lambda value, call: len(value) if isinstance(value, (str, list, dict)) else 0,
    "list": _list,
    "lower": lambda value, call: str(value).lower() if value else value,
    "notnull": lambda value, call: [each for each in value if each is not None] if isinstance(value, list) else value,
    "regex": _regex,
    "scope": _scope,
    "segment": _segment,
    "size": _size,
    "slice": _slice,
    "sort": lambda value, call: sorted(value, key=str) if isinstance(value, (list, str, dict)) else value,
    "split": _split,
    "sub": _sub,
    "trailoff": _trailoff,
    "upper": lambda value, call: str(value).upper() if value else value,
    "yesno": _yesno,
}
