"""The transforms that people use in projections: what stands behind `name.basename()`. A table.

Pure, but for `duration`, which may ask what time it is.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from datetime import timedelta

from kumotasks.cli.client import Failure
from kumotasks.cli.show import many, times
from kumotasks.cli.show.key import Call, find, parse
from kumotasks.cli.show.words import cell

Transform = Callable[[object, Call], object]
_KIB = 1024


def apply(value: object, calls: tuple[Call, ...], own: dict[str, Callable[[object], object]]) -> object:
    """The value after its transforms; `own` are the command's. Raises Failure for one that there is not."""
    for call in calls:
        if call.name in own:
            value = own[call.name](value)
            continue
        if call.name in LEFT_OUT:
            raise Failure(f"The transform {call.name} is left out: {LEFT_OUT[call.name]}.")
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
    if not value:
        return call.argument(0, "undefined")
    return value.rstrip("/").rpartition("/")[2] if isinstance(value, str) else value


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
            return after
    return address.rpartition("/")[2] if "://" in address else address


def _date(value: object, call: Call) -> object:
    default = call.argument(4, "tz_default")
    stamp = times.instant(value, times.zone(default) if default else None) or times.since_epoch(value, _unit(call))
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
        last = (times.instant(find(value, parse(end).steps)) if end else None) or times.now()
        seconds = (last - first).total_seconds() if first else None
    else:
        found = times.span(value)
        seconds = None if found is None else found / _unit(call) if not isinstance(value, str) else found
    parts = int(call.argument(2, "parts", "3"))
    return call.argument(6, "undefined") if seconds is None else times.iso_duration(seconds, parts)


def _iso(value: object, call: Call) -> object:
    stamp = times.instant(value)
    if stamp is None:
        return call.argument(0, "undefined", "T")
    return (stamp + timedelta(microseconds=500)).isoformat(timespec="milliseconds")


def _unit(call: Call) -> float:
    """How many of a number make a second."""
    return float(dict(call.named).get("unit", "1"))


def _split(value: object, call: Call) -> object:
    if not value or not isinstance(value, str):
        return call.argument(1, "undefined")
    return value.split(call.argument(0, "sep", "/"))


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
    if not value:
        return call.argument(0, "zero", "0")
    try:
        number = float(value) if isinstance(value, (int, float, str)) else 0.0
    except ValueError:
        number = 0.0
    units = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
    powers = {unit.lower(): power for power, unit in enumerate(units)}
    power = powers.get(call.argument(2, "units_in").lower(), 0)
    wanted = powers.get(call.argument(3, "units_out").lower())
    precision = int(call.argument(1, "precision", "1"))
    if wanted is not None:
        return f"{round(number * _KIB ** (power - wanted), precision):g}"
    while number >= _KIB and power < len(units) - 1:
        number, power = number / _KIB, power + 1
    return f"{round(number, precision):g} {units[power]}"


def _coded(encode: bool) -> Transform:
    def transform(value: object, call: Call) -> object:
        if not value or not (encode or isinstance(value, str)):
            return call.argument(1, "undefined")
        if call.argument(0, "encoding").lower() != "base64":
            return value
        try:
            return (base64.b64encode if encode else base64.b64decode)(str(value).encode()).decode()
        except ValueError:
            return call.argument(1, "undefined")

    return transform


def _trailoff(value: object, call: Call) -> object:
    most = int(call.argument(0, "character_limit", "80"))
    return value if not isinstance(value, str) or len(value) <= most else value[: max(most - 3, 0)] + "..."


def _error(value: object, call: Call) -> object:
    raise Failure(call.argument(0, "message") or cell(value))


def _plainly(value: object, calls: tuple[Call, ...]) -> object:
    return apply(value, calls, {})


def _cased(change: Callable[[str], str]) -> Transform:
    return lambda value, call: change(value) if isinstance(value, str) else value


# What gcloud has and Kumo has not, and why.
LEFT_OUT = {
    "filter": "--filter chooses what is shown",
    "group": "it shows lists of resources of Compute Engine; list() and join() show lists",
    "if": "it asks which flags a line has, and there is nothing to show by that",
    "resolution": "it is for the screens of virtual machines, and there are none here",
}
TABLE: dict[str, Transform] = {
    "always": lambda value, call: value,
    "basename": _basename,
    "collection": lambda value, call: call.argument(0, "undefined"),
    "color": lambda value, call: str(value),
    "count": many.counted,
    "date": _date,
    "decode": _coded(encode=False),
    "duration": _duration,
    "encode": _coded(encode=True),
    "enum": lambda value, call: call.argument(2, "undefined"),  # no enumeration here describes its values
    "error": _error,
    "extract": many.extracted(_plainly),
    "fatal": _error,
    "firstof": many.first_of(_plainly),
    "flatten": many.flattened,
    "float": _float,
    "format": many.formatted(_plainly),
    "iso": _iso,
    "join": many.joined,
    "len": lambda value, call: len(value) if isinstance(value, (str, list, dict)) else 0,
    "list": many.listed,
    "lower": _cased(str.lower),
    "notnull": many.not_null,
    "regex": _regex,
    "scope": _scope,
    "segment": _segment,
    "size": _size,
    "slice": many.sliced,
    "sort": lambda value, call: sorted(value, key=str) if isinstance(value, (list, str, dict)) else value,
    "split": _split,
    "sub": _sub,
    "synthesize": many.synthesized,
    "trailoff": _trailoff,
    "upper": _cased(str.upper),
    "yesno": _yesno,
}
