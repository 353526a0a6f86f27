"""Durations as flags write them: 30m, 1d12h, PT30M, or seconds alone. Pure."""

from __future__ import annotations

import re

from kumotasks.cli.values import BadValue

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_YEAR = 31_556_926  # of 365.2422 days, a twelfth of which is a month: as gcloud counts
_NUMBER = r"(\d+(?:\.\d*)?)"
_SECONDS = re.compile(r"\d+")
_ISO = re.compile(
    "P(?:{0}Y)?(?:{0}M)?(?:{0}W)?(?:{0}D)?(?:T(?:{0}H)?(?:{0}M)?(?:{0}S)?)?".format(_NUMBER), re.IGNORECASE
)
_ISO_UNITS = (_YEAR, _YEAR / 12, 7 * _DAY, _DAY, _HOUR, _MINUTE, 1)
_SHORT = re.compile("(?:{0}Y)?(?:{0}W)?(?:{0}D)?(?:{0}H)?(?:{0}M)?(?:{0}S)?(?:{0}MS)?".format(_NUMBER), re.IGNORECASE)
_SHORT_UNITS = (_YEAR, 7 * _DAY, _DAY, _HOUR, _MINUTE, 1, 0.001)


def duration(written: str) -> object:
    """Seconds."""
    if _SECONDS.fullmatch(written):
        return float(written)
    for form, units in ((_ISO, _ISO_UNITS), (_SHORT, _SHORT_UNITS)):
        found = form.fullmatch(written)
        if found and any(found.groups()):
            return sum(float(each) * unit for each, unit in zip(found.groups("0"), units, strict=True))
    raise BadValue(f"Failed to parse duration: write 30m, 1d12h or PT30M; received: {written}")
