"""Shares of traffic as lines ask for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.cli.client import WrongCall
from kumotasks.cli.command import Json
from kumotasks.cli.run.traffic import (
    LATEST,
    WHOLE,
    Share,
    assigned,
    pinned,
    put,
    revisions_of,
    shares,
    tagged,
    untagged,
)

SPLIT = [Share("a", 50), Share("b", 30), Share(LATEST, 20)]


def test_shares_are_read_and_written() -> None:
    kind = "TRAFFIC_TARGET_ALLOCATION_TYPE_"
    targets = [
        {"type": f"{kind}LATEST", "percent": 90},
        {"type": f"{kind}REVISION", "revision": "a", "percent": 10, "tag": "green"},
    ]
    found = shares({"traffic": targets})
    assert found == [Share(LATEST, 90), Share("a", 10, "green")]
    written: Json = {}
    put(written, [*found, Share("gone", 0)])
    assert written == {"traffic": targets}


def test_a_pinned_share_is_the_revisions_that_has_it_now() -> None:
    assert pinned(SPLIT, "b") == [Share("a", 50), Share("b", 50)]


@pytest.mark.parametrize(
    ("wanted", "shared"),
    [
        ({LATEST: 100}, [Share(LATEST, 100)]),
        ({"c": 10}, [Share("c", 10), Share("a", 45), Share("b", 27), Share(LATEST, 18)]),
        ({"a": 80}, [Share("a", 80), Share("b", 12), Share(LATEST, 8)]),
        ({"a": 1, "b": 99}, [Share("a", 1), Share("b", 99)]),
        ({"a": 0}, [Share("b", 60), Share(LATEST, 40)]),
    ],
)
def test_who_is_named_gets_it_and_the_others_what_is_left(wanted: dict[str, int], shared: list[Share]) -> None:
    assert assigned(SPLIT, wanted) == shared


def test_a_tag_outlives_its_share() -> None:
    assert assigned([Share("a", 100, "green")], {"b": 100}) == [Share("b", 100), Share("a", 0, "green")]
    assert assigned([Share("a", 100, "green")], {"a": 100}) == [Share("a", 100), Share("a", 0, "green")]


@pytest.mark.parametrize(
    ("wanted", "total"), [({"a": 101}, 101), ({"a": 60, "b": 60}, 120), ({"a": 1, "b": 1, LATEST: 1}, 3)]
)
def test_percents_that_cannot_be_are_refused(wanted: dict[str, int], total: int) -> None:
    with pytest.raises(WrongCall, match=f"add up to {total}"):
        assigned(SPLIT, wanted)


def test_a_tag_leads_to_one_revision() -> None:
    assert tagged([Share("a", 100, "green")], {"green": "b"}) == [Share("a", 100), Share("b", 0, "green")]
    assert untagged([Share("a", 100), Share("b", 0, "green")], ["green"]) == [Share("a", 100)]
    assert revisions_of([Share("a", 100), Share("b", 0, "green")], {"green": 5}) == {"b": 5}
    with pytest.raises(WrongCall, match="there is no tag blue"):
        revisions_of([Share("b", 0, "green")], {"blue": 5})


@given(
    percents=st.lists(st.integers(1, 100), min_size=1, max_size=6),
    wanted=st.integers(0, 100),
)
def test_shares_always_add_up(percents: list[int], wanted: int) -> None:
    others = [Share(f"r{index}", percent) for index, percent in enumerate(percents)]
    found = assigned(others, {"new": wanted})
    assert sum(each.percent for each in found) == WHOLE
    assert all(each.percent > 0 for each in found)
