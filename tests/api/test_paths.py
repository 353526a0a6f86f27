"""Path templates: what they match, what they make of it, and which of two they prefer."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumotasks.api.paths import Match, Paths, compile_template

QUEUE = "projects/*/locations/*/queues/*"
ROWS = [
    ("GET", f"/v2/{{name={QUEUE}}}", "get"),
    ("PATCH", f"/v2/{{queue.name={QUEUE}}}", "update"),
    ("POST", f"/v2/{{name={QUEUE}}}:pause", "pause"),
    ("POST", f"/v2/{{parent={QUEUE}}}/tasks", "create"),
    ("POST", f"/v2/{{parent={QUEUE}}}/tasks:batchCreate", "batch"),
    ("GET", f"/v2/{{name={QUEUE}/tasks/*}}", "task"),
    ("POST", f"/v2/{{name={QUEUE}/tasks/*}}:run", "run"),
    ("POST", f"/v2/{{queue={QUEUE}}}/tasks/{{task_id}}:buffer", "buffer"),
    ("POST", f"/v2/{{queue={QUEUE}}}/tasks/:buffer", "buffer new"),
    ("GET", "/v2/{name=projects/*/locations/*/cmekConfig}", "cmek"),
    ("GET", "/v1/projects/{project}", "project"),
    ("GET", "/v1/things/{thing}/part", "part of any"),
    ("GET", "/v1/things/special/part", "part of special"),
    ("POST", f"/{{parent={QUEUE}}}/tasks", "unversioned"),
]
PATHS = Paths(ROWS)
Q = "projects/p/locations/l/queues/q"


@pytest.mark.parametrize(
    ("verb", "path", "target", "variables"),
    [
        ("GET", f"/v2/{Q}", "get", {"name": Q}),
        ("PATCH", f"/v2/{Q}", "update", {"queue.name": Q}),
        ("POST", f"/v2/{Q}:pause", "pause", {"name": Q}),
        ("POST", f"/v2/{Q}/tasks", "create", {"parent": Q}),
        ("POST", f"/v2/{Q}/tasks:batchCreate", "batch", {"parent": Q}),
        ("GET", f"/v2/{Q}/tasks/t", "task", {"name": f"{Q}/tasks/t"}),
        ("POST", f"/v2/{Q}/tasks/t:run", "run", {"name": f"{Q}/tasks/t"}),
        ("POST", f"/v2/{Q}/tasks/t:buffer", "buffer", {"queue": Q, "task_id": "t"}),
        ("POST", f"/v2/{Q}/tasks/:buffer", "buffer new", {"queue": Q}),
        ("GET", "/v2/projects/p/locations/l/cmekConfig", "cmek", {"name": "projects/p/locations/l/cmekConfig"}),
        ("GET", "/v1/projects/example.com:app", "project", {"project": "example.com:app"}),
        ("GET", f"/v2/{Q.replace('/p/', '/a.com:app/')}", "get", {"name": Q.replace("/p/", "/a.com:app/")}),
        ("GET", "/v1/things/special/part", "part of special", {}),
        ("GET", "/v1/things/other/part", "part of any", {"thing": "other"}),
        ("POST", f"/{Q}/tasks", "unversioned", {"parent": Q}),
    ],
)  # fmt: skip
def test_a_path_leads_to_its_call_with_its_fields(verb: str, path: str, target: str, variables: dict[str, str]) -> None:
    found = PATHS.match(verb, path)
    assert found is not None
    assert (found.target, dict(found.variables)) == (target, variables)


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("DELETE", f"/v2/{Q}"),
        ("GET", f"/v2/{Q}/"),
        ("GET", f"//v2/{Q}"),
        ("GET", "/v2/projects/p/locations/l/queues/"),
        ("GET", "/v2/projects//locations/l/queues/q"),
        ("POST", f"/v2/{Q}:stop"),
        ("POST", f"/v2/{Q}%3Apause"),
        ("POST", f"/v2/{Q}:"),
        ("POST", f"/v2/{Q}/tasks/:run"),
        ("POST", f"/v2/{Q}/tasks/"),
        ("GET", "/v2/projects/p/locations/l/queues/q/tasks/a/b"),
        ("GET", ""),
        ("GET", "/"),
        ("GET", "*"),
    ],
)
def test_a_path_that_is_not_in_the_table_leads_nowhere(verb: str, path: str) -> None:
    assert PATHS.match(verb, path) is None


def test_an_encoded_slash_makes_no_segment_and_stays_encoded_in_a_long_variable() -> None:
    assert PATHS.match("GET", f"/v2/{Q}%2Ftasks%2Ft") == Match("get", (("name", f"{Q}%2Ftasks%2Ft"),))
    assert PATHS.match("GET", "/v1/projects/a%2fb") == Match("project", (("project", "a/b"),))
    assert PATHS.match("GET", f"/v2/{Q.replace('queues', 'queues%2f')}") is None


def test_segments_are_decoded_once() -> None:
    assert PATHS.match("GET", "/v1/projects/%C3%A9%2541") == Match("project", (("project", "é%41"),))
    assert PATHS.match("GET", "/v1/%70rojects/p") == Match("project", (("project", "p"),))


def test_a_colon_in_the_last_segment_that_is_no_verb_belongs_to_the_name() -> None:
    found = PATHS.match("GET", f"/v2/{Q}/tasks/a:b")
    assert found is not None
    assert dict(found.variables) == {"name": f"{Q}/tasks/a:b"}


NAMES = st.text(min_size=1, max_size=12)


@given(st.tuples(NAMES, NAMES, NAMES, NAMES))
def test_whatever_was_encoded_into_a_name_comes_out_again(names: tuple[str, str, str, str]) -> None:
    project, location, queue, task = (quote(name, safe="", errors="replace") for name in names)
    path = f"/v2/projects/{project}/locations/{location}/queues/{queue}/tasks/{task}"
    found = PATHS.match("GET", path)
    assert found is not None
    [(field, value)] = found.variables
    parts = value.split("/")
    assert (field, len(parts)) == ("name", 8)
    expected = [name.encode("utf-8", "replace").decode().replace("/", "%2F") for name in names]
    assert parts[1::2] == expected


@given(st.text(max_size=40))
def test_no_path_is_too_strange(path: str) -> None:
    for verb in ("GET", "POST"):
        PATHS.match(verb, path)
        PATHS.match(verb, f"/v2/{path}")


@given(st.permutations(ROWS))
def test_the_order_of_the_table_does_not_matter(rows: list[tuple[str, str, str]]) -> None:
    paths = Paths(rows)
    assert paths.match("GET", "/v1/things/special/part") == Match("part of special", ())
    assert paths.match("POST", f"/v2/{Q}/tasks:batchCreate") == Match("batch", (("parent", Q),))


def test_two_calls_cannot_have_the_same_path() -> None:
    paths = Paths(ROWS)
    with pytest.raises(ValueError, match="two templates"):
        paths.add("GET", f"/v2/{{other={QUEUE}}}", "other")


def test_a_path_knows_its_verbs() -> None:
    assert PATHS.verbs(f"/v2/{Q}") == ["GET", "PATCH"]
    assert PATHS.verbs("/nowhere") == []


@pytest.mark.parametrize("text", ["", "v2/x", "/v2/{name=**}", "/v2/{name", "/v2/{a}x", "/v2:a:b", "/v2/{NAME}"])
def test_what_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a path template"):
        compile_template(text)
