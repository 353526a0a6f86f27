"""The elements of an array that grows, whatever pieces its bytes come in."""

from __future__ import annotations

import json

import pytest

from kumotasks.cli.growing import elements

VALUES = [{}, {"a": "}]"}, {"b": [1, {"c": "日本"}], "d": None}]
TEXT = ("[" + ",\r\n".join(json.dumps(each, ensure_ascii=False, indent=1) for each in VALUES) + "\n]").encode()


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_pieces_of_any_size_give_the_same_elements(size: int) -> None:
    assert list(elements(TEXT[at : at + size] for at in range(0, len(TEXT), size))) == VALUES


def test_an_element_is_there_as_soon_as_its_last_byte_is() -> None:
    found = elements(iter([b"[{}", b',{"a":', b"1}", b"]"]))
    assert next(found) == {}
    assert next(found) == {"a": 1}
    assert list(found) == []


@pytest.mark.parametrize("text", [b"[]", b"", b"[", b'[{"a":'])
def test_what_is_no_whole_element_is_none(text: bytes) -> None:
    assert list(elements([text])) == []


@pytest.mark.parametrize("text", [b"<html>", b"[1, 2]", b"\xff"])
def test_what_is_no_array_of_objects_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"no array|invalid start"):
        list(elements([text]))
