"""A payload that is no JSON: why, and where."""

from __future__ import annotations

import pytest

from kumotasks.api.protojson import read_json
from kumotasks.domain.errors import InvalidArgument


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"task": foo}', 'Unexpected token.\n{"task": foo}\n         ^'),
        (b'{"a" 1}', 'Expected : between key:value pair.\n{"a" 1}\n     ^'),
        (b'{"a":1 "b":2}', 'Expected , or } after key:value pair.\n{"a":1 "b":2}\n       ^'),
        (b"{a:1}", "Expected an object key or }.\n{a:1}\n ^"),
        (b"{} x", "Parsing terminated before end of input.\n{} x\n   ^"),
        (b'{"a":1', 'Unexpected end of string. Expected , or } after key:value pair.\n{"a":1\n      ^'),
        (b'{"a":[1 2]}', 'Expected , or ] after array value.\n{"a":[1 2]}\n        ^'),
        (b'{"a":', 'Unexpected end of string. Expected a value.\n{"a":\n     ^'),
        (b'{"a":%}', 'Expected a value.\n{"a":%}\n     ^'),
        (b"{", "Unexpected end of string. Expected an object key or }.\n{\n ^"),
        (b'{"a":"b', 'Closing quote expected in string.\n{"a":"b\n     ^'),
        (b'{"a":"\\q"}', 'Invalid escape sequence.\n{"a":"\\q"}\n      ^'),
        (b'{"a":"\\u12"}', 'Illegal hex string.\n{"a":"\\u12"}\n       ^'),
        (b'{"a":NaN}', 'Unexpected token.\n{"a":NaN}\n^'),
        (b'{"a":"\xff"}', 'Encountered non UTF-8 code points.\n{"a":"\xff"}\n      ^'),
        (b'{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa":x,"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbb":1}',
         'Unexpected token.\naaaaaaaaaaaaaaaaaa":x,"bbbbbbbbbbbbbbbbb\n                    ^'),
    ],
)  # fmt: skip
def test_a_payload_that_is_no_json_is_shown_with_the_offending_place(body: bytes, message: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read_json(body)
    assert caught.value.message == f"Invalid JSON payload received. {message}"
    assert [each.field for each in caught.value.violations] == [""]
