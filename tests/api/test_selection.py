"""Partial responses."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.tasks_v2.types import cloudtasks, task
from google.longrunning import operations_pb2
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.api.selection import check, prune, read_selection
from kumotasks.domain.errors import InvalidArgument

LIST = cloudtasks.ListTasksResponse.pb().DESCRIPTOR
VALUE = {
    "tasks": [
        {"name": "a", "httpRequest": {"url": "u", "headers": {"x": "1", "y": "2"}}},
        {"name": "b", "dispatchDeadline": "1s"},
    ],
    "nextPageToken": "n",
}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("*", VALUE),
        ("nextPageToken", {"nextPageToken": "n"}),
        ("next_page_token", {"nextPageToken": "n"}),
        ("tasks", {"tasks": VALUE["tasks"]}),
        ("tasks/name", {"tasks": [{"name": "a"}, {"name": "b"}]}),
        ("tasks.name,nextPageToken", {"tasks": [{"name": "a"}, {"name": "b"}], "nextPageToken": "n"}),
        ("tasks(name,dispatchDeadline)", {"tasks": [{"name": "a"}, {"name": "b", "dispatchDeadline": "1s"}]}),
        ("tasks(httpRequest(headers/x))", {"tasks": [{"httpRequest": {"headers": {"x": "1"}}}, {}]}),
        ("tasks( name ) , nextPageToken", {"tasks": [{"name": "a"}, {"name": "b"}], "nextPageToken": "n"}),
        ("*/name", {"tasks": [{"name": "a"}, {"name": "b"}], "nextPageToken": "n"}),
        ("tasks,tasks/name", {"tasks": VALUE["tasks"]}),
        ("tasks/name,tasks", {"tasks": VALUE["tasks"]}),
    ],
)
def test_a_selection_takes_what_it_names(fields: str, expected: Any) -> None:
    assert prune(VALUE, check(read_selection(fields), LIST)) == expected


@pytest.mark.parametrize(
    "fields", [",", "a,", "a(", "a)", "a()", "(a)", "a//b", "a(b)c", "a(b)/c", "a b", "a%", "/a", "a(b))"]
)
def test_what_is_no_selection_is_refused(fields: str) -> None:
    with pytest.raises(InvalidArgument, match="Request contains an invalid argument"):
        read_selection(fields)


@pytest.mark.parametrize(
    ("fields", "place"), [("x", "x"), ("tasks/x", "tasks.x"), ("nextPageToken/x", "nextPageToken.x")]
)
def test_a_field_that_does_not_exist_is_refused_before_anything_is_done(fields: str, place: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        check(read_selection(fields), LIST)
    [violation] = caught.value.violations
    assert violation.field == place
    assert violation.description == (
        f"Error expanding 'fields' parameter. Cannot find matching fields for path '{place}'."
    )


def test_below_a_map_or_an_any_every_name_is_possible() -> None:
    assert check(read_selection("httpRequest/headers/anything"), task.Task.pb().DESCRIPTOR)
    assert check(read_selection("response(@type,name)"), operations_pb2.Operation.DESCRIPTOR)


@given(st.text(alphabet="ab/.,()* ", max_size=30))
def test_every_text_is_a_selection_or_refused(text: str) -> None:
    try:
        tree = read_selection(text)
    except InvalidArgument:
        return
    prune(VALUE, tree)


def test_endless_nesting_is_read_and_refused_without_recursion() -> None:
    with pytest.raises(InvalidArgument):
        check(read_selection("a(" * 20_000 + "b" + ")" * 20_000), LIST)
