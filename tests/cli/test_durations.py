"""Durations, as flags write them."""

from __future__ import annotations

import pytest

from kumotasks.cli.durations import duration
from kumotasks.cli.values import BadValue

DAY = 86_400


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("90", 90),
        ("1d", DAY),
        ("1D", DAY),
        ("30m", 1_800),
        ("1M", 60),
        ("P1M", 31_556_926 / 12),
        ("PT30M", 1_800),
        ("1d12h", DAY * 1.5),
        ("p1dt2h", DAY + 7_200),
        ("1h30m10s", 5_410),
        ("1.5h", 5_400),
        ("500ms", 0.5),
        ("1w", 7 * DAY),
        ("1y", 31_556_926),
    ],
)
def test_a_duration_is_so_many_seconds(written: str, seconds: float) -> None:
    assert duration(written) == seconds


@pytest.mark.parametrize("written", ["", "d", "-1d", "1d2", "30min", "1 d", "P", "PT", "abc", "1e9", "١d", "0x1"])
def test_what_is_none_is_said_so(written: str) -> None:
    with pytest.raises(BadValue, match="Failed to parse duration"):
        duration(written)
