"""Shares of traffic."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.run.service import Target
from kumotasks.domain.run.traffic import check_traffic, pick, resolve, tagged


def test_nothing_said_is_everything_to_the_latest_revision() -> None:
    assert check_traffic((), "worker") == (Target(100),)


def test_a_share_of_nothing_is_good_for_its_tag() -> None:
    targets = (Target(100), Target(0, "worker-1", "old"))
    assert check_traffic(targets, "worker") == targets
    assert tagged(targets) == {"old": "worker-1"}


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        ((Target(99),), "traffic: Traffic targets must sum to 100, but sum to 99."),
        ((Target(60), Target(60, "r")), "traffic: Traffic targets must sum to 100, but sum to 120."),
        ((Target(101), Target(-1, "r")), "traffic.percent: must be between 0 and 100."),
        ((Target(100), Target(0, "r")), "traffic.percent: must be greater than 0 for a target without a tag."),
        ((Target(50, tag="a"), Target(50, "r", "a")), "traffic.tag: duplicate tag 'a'."),
        (
            (Target(100, tag="A"),),
            "traffic.tag: 'A': only lowercase letters, digits and hyphens; must begin with a letter.",
        ),
        (
            (Target(100, tag="a---b"),),
            "traffic.tag: 'a---b': only lowercase letters, digits and hyphens; must begin with a letter.",
        ),
        (
            (Target(100, tag="a" * 41),),
            f"traffic.tag: '{'a' * 41}': tag and service name together must be at most 46 characters.",
        ),
    ],
)
def test_shares_that_cannot_be_are_refused(targets: tuple[Target, ...], sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        check_traffic(targets, "worker")
    assert refusal.value.message == sentence


def test_the_latest_stands_for_whichever_is_ready_and_order_stays() -> None:
    asked = (Target(10, "worker-1"), Target(90, tag="new"))
    assert resolve(asked, "worker-2") == (Target(10, "worker-1"), Target(90, "worker-2", "new"))


def test_while_nothing_is_ready_nothing_can_be_served() -> None:
    assert resolve((Target(100),), "") == ()
    assert resolve((Target(100, "worker-1"),), "") == (Target(100, "worker-1"),)


def test_a_point_of_the_line_belongs_to_one_revision() -> None:
    targets = (Target(30, "a"), Target(0, "b", "tag"), Target(70, "c"))
    assert [pick(targets, point) for point in (0.0, 0.299, 0.3, 0.999999)] == ["a", "a", "c", "c"]
    assert pick((), 0.5) == ""


@given(st.lists(st.integers(0, 100), min_size=1, max_size=6).filter(any))
def test_over_the_whole_line_each_gets_its_share(percents: list[int]) -> None:
    targets = tuple(Target(percent, f"r{index}") for index, percent in enumerate(percents))
    total = sum(percents)
    got = Counter(pick(targets, (step + 0.5) / total) for step in range(total))
    assert got == Counter({f"r{index}": percent for index, percent in enumerate(percents) if percent})
