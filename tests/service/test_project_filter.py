from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.domain.errors import InvalidArgument
from kumotasks.service.project_filter import MAX_LENGTH, parse

HOWL = {"id": "howl-1", "projectid": "howl-1", "name": "Howl One", "lifecyclestate": "ACTIVE"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "id:howl-1",
        "ID:HOWL-1",
        "projectId=howl-1",
        "id:how*",
        "id:*1",
        "id:h*l-*",
        "id:*",
        'name:"howl one"',
        'name:"howl*"',
        "howl-1",
        "lifecycleState:ACTIVE",
        "lifecycleState:active AND (id:how*)",
        "id:other OR id:howl-1",
        "id:other id:howl-1",  # side by side they are alternatives
        "id:howl-1 AND name:howl* parent.id:3",
        "NOT id:other",
        "-id:other",
        "-(id:other OR id:another)",
        "NOT NOT id:howl-1",
        "id : howl-1",
    ],
)
def test_a_filter_takes_the_project(text: str) -> None:
    assert parse(text)(HOWL)


@pytest.mark.parametrize(
    "text",
    [
        "id:howl",
        "id:owl-1",
        "name:howl",
        "lifecycleState:DELETE_REQUESTED",
        "labels.color:red",
        "parent.type:folder parent.id:1",
        "parent.id:*",
        "id:howl-1 AND id:other",
        "-id:howl-1",
        "id:other OR id:another AND id:howl-1",
        "id:howl.1",  # a dot is a dot
        '"howl"',
    ],
)
def test_a_filter_leaves_the_project_out(text: str) -> None:
    assert not parse(text)(HOWL)


@pytest.mark.parametrize(
    "text", ["(", ")", "id:", ":x", "AND", "id:x AND", "(id:x", "id:x)", "id:(x)", '"', "id==x", "NOT", "-", "OR id:x"]
)
def test_a_filter_that_says_nothing_sensible_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument):
        parse(text)


@pytest.mark.parametrize("text", ["(" * 500 + "a" + ")" * 500, "NOT " * 400 + "a", "-" * 1 + "NOT " * 400 + "a"])
def test_depth_is_bounded(text: str) -> None:
    with pytest.raises(InvalidArgument, match="deep"):
        parse(text)


def test_length_is_bounded() -> None:
    with pytest.raises(InvalidArgument, match="longer"):
        parse("a" * (MAX_LENGTH + 1))


def test_many_stars_cost_no_more_than_one() -> None:
    """A matcher that tried every way would not come back from this."""
    assert not parse("id:" + "*a" * 40 + "*b")({"id": "a" * 100})
    assert parse("id:" + "*a" * 40 + "*")({"id": "a" * 100})


@given(st.text("ab*", max_size=8), st.text("ab", min_size=1, max_size=8))
def test_a_star_is_anything(pattern: str, value: str) -> None:
    expected = re.fullmatch(pattern.replace("*", ".*"), value) is not None
    assert parse(f'id:"{pattern}"')({"id": value}) == expected


@given(st.text(max_size=60))
def test_any_text_is_understood_or_refused(text: str) -> None:
    try:
        judge = parse(text)
    except InvalidArgument:
        return
    assert judge(HOWL) in (True, False)
