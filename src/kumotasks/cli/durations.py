"""Durations as flags write them: 30m, 1d12h, PT30M, or seconds alone. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kumotasks.cli.values import BadValue

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_YEAR = 31_556_926  # of 365.2422 days, a twelfth of which is a month: as gcloud counts
_SECONDS = re.compile(r"[0-9]+")
_TIME = {"H": _HOUR, "M": _MINUTE, "S": 1}
_ISO_DATE = {"Y": _YEAR, "M": _YEAR / 12, "W": 7 * _DAY, "D": _DAY}
_SHORT = {"Y": _YEAR, "W": 7 * _DAY, "D": _DAY, **_TIME, "MS": 0.001}


def _form(units: Iterable[str]) -> str:
    """A number for each unit, any of which may be missing."""
    return "".join(rf"(?:(\d+(?:\.\d*)?){unit})?" for unit in units)


# a form, and the size of each of its numbers
_FORMS = (
    (
        re.compile(f"P{_form(_ISO_DATE)}(?:T{_form(_TIME)})?", re.IGNORECASE | re.ASCII),
        (*_ISO_DATE.values(), *_TIME.values()),
    ),
    (re.compile(_form(_SHORT), re.IGNORECASE | re.ASCII), tuple(_SHORT.values())),
)


def duration(written: str) -> object:
    """Seconds."""
    if _SECONDS.fullmatch(written):
        return float(written)
    for form, units in _FORMS:
        found = form.fullmatch(written)
        if found and any(found.groups()):
            return sum(float(each) * unit for each, unit in zip(found.groups("0"), units, strict=True))
    raise BadValue(f"Failed to parse duration: write 30m, 1d12h or PT30M; received: {written}")
