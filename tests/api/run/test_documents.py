"""Reading a document with its place in mind, and keeping what nobody acts on."""

from __future__ import annotations

from typing import Any

import pytest

from kumotasks.api.flaws import NOT_REPEATED
from kumotasks.api.run.documents import Reader, keeping, kept, merged, present
from kumotasks.domain.errors import InvalidArgument


def test_fields_are_read_by_kind() -> None:
    reader = Reader({"a": "x", "b": 3, "c": "7", "d": True, "e": ["y"], "f": {"k": "v"}, "g": [{"n": 1.0}]}, "spec")
    assert (reader.text("a"), reader.integer("b"), reader.integer("c"), reader.flag("d")) == ("x", 3, 7, True)
    assert (reader.texts("e"), reader.pairs("f"), [each.integer("n") for each in reader.items("g")]) == (
        ("y",),
        {"k": "v"},
        [1],
    )
    assert reader.left() == {}


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("text", 1, "Invalid value at 'spec.it' (TYPE_STRING), 1"),
        ("text", {}, "Invalid value at 'spec.it' (TYPE_STRING), Starting an object on a scalar field"),
        (
            "text",
            [],
            "Invalid JSON payload received. Unknown name \"it\" at 'spec': " + NOT_REPEATED,
        ),
        ("integer", "x", "Invalid value at 'spec.it' (TYPE_INT32), \"x\""),
        ("integer", -1, "Invalid value at 'spec.it' (TYPE_INT32), -1"),
        ("integer", True, "Invalid value at 'spec.it' (TYPE_INT32), true"),
        ("integer", 2**31, "Invalid value at 'spec.it' (TYPE_INT32), 2147483648"),
        ("integer", 1.5, "Invalid value at 'spec.it' (TYPE_INT32), 1.5"),
        ("flag", "yes", "Invalid value at 'spec.it' (TYPE_BOOL), \"yes\""),
        ("texts", "x", "Invalid value at 'spec.it' (list), \"x\""),
        ("texts", [1], "Invalid value at 'spec.it[0]' (TYPE_STRING), 1"),
        ("inner", "x", "Invalid value at 'spec.it' (object), \"x\""),
        ("items", ["x"], "Invalid value at 'spec.it[0]' (object), \"x\""),
        ("pairs", {"k": 1}, "Invalid value at 'spec.it.k' (TYPE_STRING), 1"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_its_path(field: str, value: object, told: str) -> None:
    reader = Reader({"it": value}, "spec")
    with pytest.raises(InvalidArgument) as refusal:
        getattr(reader, field)("it")
    assert refusal.value.message == told


def test_null_is_as_good_as_absent() -> None:
    assert Reader({"it": None}, "").text("it", "default") == "default"


def test_what_is_known_is_left_over_and_what_is_not_is_refused() -> None:
    assert Reader({"volumes": [1], "empty": {}}, "spec").left({"volumes", "empty"}) == {"volumes": [1]}
    with pytest.raises(InvalidArgument) as refusal:
        Reader({"volumes": [1], "contianers": []}, "spec").left({"volumes"})
    assert refusal.value.message == (
        "Invalid JSON payload received. Unknown name \"contianers\" at 'spec': Cannot find field."
    )


def test_what_is_kept_leaves_alone_what_another_surface_keeps() -> None:
    theirs = b'{"launchStage":"BETA"}'
    both = keeping(theirs, {"spec": {"a": 1}})
    assert kept(both) == {"spec": {"a": 1}}
    assert keeping(both, {}) == theirs
    assert keeping(theirs, {}) is theirs
    assert keeping(b"", {}) == b""
    assert kept(b"") == {}


def test_own_fields_win_over_kept_ones() -> None:
    own: dict[str, Any] = {"spec": {"a": 1, "b": {"c": 2}}}
    assert merged(own, {"spec": {"a": 9, "b": {"d": 3}}, "e": 4}) == {"spec": {"a": 1, "b": {"c": 2, "d": 3}}, "e": 4}


def test_what_says_nothing_is_not_shown() -> None:
    assert present(a="", b=0, c=False, d=None, e=[], f={}, g="x") == {"b": 0, "c": False, "g": "x"}
