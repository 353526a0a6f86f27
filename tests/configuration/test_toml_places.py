"""Where things stand in TOML: by examples of every form, and beside tomllib on texts of all kinds."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumotasks.configuration.problem import NOWHERE, Path, Place
from kumotasks.configuration.toml_places import places

TEXT = '''\
# a comment = "with [brackets]"
port = 1
"quoted key" = 'x'   # and = more
a . b."c d" = [ 1, {x=1, y.z = """q"""""}, # ]
  [ 2 ],
]
[ t ]
day = 1979-05-27 07:32:28
text = """
[not.a.table]
x = 1 \\""" """
raw = \'\'\'
[[nor]] \'\'\'\'\'
after = true
[[q]]
name = 'x'
 [q.r]
 k = 1
[[q]]
[[q.s]]
[[q.s]]
v = 1
[late.one]
[late]
'''


def of_key(text: str, *path: str | int) -> tuple[int, int]:
    found = places(text).of_key(path)
    return found.line, found.column


def of_value(text: str, *path: str | int) -> tuple[int, int]:
    found = places(text).of_value(path)
    return found.line, found.column


@pytest.mark.parametrize(
    ("path", "key", "value"),
    [
        (("port",), (2, 1), (2, 8)),
        (("quoted key",), (3, 1), (3, 16)),
        (("a",), (4, 1), (4, 1)),
        (("a", "b"), (4, 5), (4, 5)),
        (("a", "b", "c d"), (4, 7), (4, 15)),
        (("a", "b", "c d", 0), (4, 17), (4, 17)),
        (("a", "b", "c d", 1), (4, 20), (4, 20)),
        (("a", "b", "c d", 1, "x"), (4, 21), (4, 23)),
        (("a", "b", "c d", 1, "y", "z"), (4, 28), (4, 32)),
        (("a", "b", "c d", 2, 0), (5, 5), (5, 5)),
        (("t",), (7, 3), (7, 1)),
        (("t", "day"), (8, 1), (8, 7)),
        (("t", "text"), (9, 1), (9, 8)),
        (("t", "raw"), (12, 1), (12, 7)),
        (("t", "after"), (14, 1), (14, 9)),
        (("q",), (15, 3), (15, 1)),
        (("q", 0), (15, 1), (15, 1)),
        (("q", 0, "name"), (16, 1), (16, 8)),
        (("q", 0, "r"), (17, 5), (17, 2)),
        (("q", 0, "r", "k"), (18, 2), (18, 6)),
        (("q", 1), (19, 1), (19, 1)),
        (("q", 1, "s", 0), (20, 1), (20, 1)),
        (("q", 1, "s", 1, "v"), (22, 1), (22, 5)),
        (("late", "one"), (23, 7), (23, 1)),
        (("late",), (23, 2), (24, 1)),
    ],
)
def test_every_form_of_a_key_has_its_place(path: Path, key: tuple[int, int], value: tuple[int, int]) -> None:
    tomllib.loads(TEXT)
    assert (of_key(TEXT, *path), of_value(TEXT, *path)) == (key, value)


def test_what_is_not_there_is_placed_at_what_is_around_it() -> None:
    assert of_value("[a]\nb = {}", "a", "b", "c", 3) == (2, 5)
    assert of_key("[a]\nb = {}", "a", "c") == (1, 1)
    assert places("a = 1").of_value(("b",)) == NOWHERE


def test_lines_may_end_as_on_windows() -> None:
    assert of_key("a = 1\r\nb = '''x\r\ny'''\r\nc = 1", "c") == (4, 1)


def test_columns_count_characters() -> None:
    assert of_value('k = ["日本", 2]', "k", 1) == (1, 12)


# beside tomllib


def paths(content: object, start: Path = ()) -> Iterator[Path]:
    if start:
        yield start
    if isinstance(content, dict):
        for key, value in content.items():
            yield from paths(value, (*start, key))
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from paths(value, (*start, index))


def held_against_tomllib(text: str) -> None:
    content = tomllib.loads(text)
    found = places(text)
    # A list that is empty has no element, a table of a dotted header has a place: nothing more, nothing less.
    assert set(found.values) == set(paths(content))
    lines = text.replace("\r\n", "\n").split("\n")
    for path, place in found.keys.items():
        assert isinstance(path[-1], str)
        written = lines[place.line - 1][place.column - 1 :]
        assert written.startswith((path[-1], '"', "'"))


KEYS = st.sampled_from(["a", "b-c", "d_1", "e f", "", "é", 'q"t', "x.y", "#", "1"])
SCALARS = st.one_of(
    st.integers(-9, 9).map(str),
    st.text(max_size=6).map(lambda text: json.dumps(text).replace("\\ud", "\\\\ud").replace("\x7f", "")),
    st.sampled_from(
        ["true", "1.5", "nan", "1979-05-27 07:32:28.5", "07:32:00", "'l#]'", "'''m\n]l'''''", '"""\nx = 1\\"""" """']
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: "[ " + " , # ,]\n".join(each) + "]"),
        st.dictionaries(KEYS, inner, max_size=3).map(
            lambda each: "{ " + ", ".join(f"{json.dumps(key)} = {value}" for key, value in each.items()) + " }"
        ),
    ),
    max_leaves=6,
)
DOTTED = st.lists(
    KEYS.map(lambda key: key if key.isascii() and key.isalnum() else json.dumps(key)), min_size=1, max_size=3
)
LINES = st.one_of(
    st.tuples(DOTTED, VALUES).map(lambda pair: f"{' . '.join(pair[0])} = {pair[1]}"),
    DOTTED.map(lambda keys: f" [ {' .'.join(keys)}]"),
    DOTTED.map(lambda keys: f"[[{'. '.join(keys)} ]] # [x]"),
    st.sampled_from(["", "  # a = 1", "\t"]),
)


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except ValueError:
        return False
    return True


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES, max_size=8))
def test_the_scanner_finds_what_tomllib_finds(lines: list[str]) -> None:
    kept: list[str] = []
    for line in lines:
        if _is_toml("\n".join([*kept, line])):
            kept.append(line)
    held_against_tomllib("\n".join(kept))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab=[]{}.,\"'\\\n #1-:\t", max_size=30))
def test_of_any_text_that_is_toml_everything_is_found(text: str) -> None:
    if _is_toml(text):
        held_against_tomllib(text)


def test_a_place_is_ordered_by_line_then_column() -> None:
    assert sorted([Place(2, 1), Place(1, 9), Place(1, 2)]) == [Place(1, 2), Place(1, 9), Place(2, 1)]


def test_deep_nesting_ends_in_recursion_error_and_nothing_else() -> None:
    text = "a = " + "[" * 200 + "]" * 200
    content: Any = tomllib.loads(text)
    assert len(places(text).values) == sum(1 for _ in paths(content))
