"""What instances write, as entries."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kumotasks.logs.entry import DEFAULT, ERROR
from kumotasks.workers.instances.output import MAX_LINE, Lines, read
from kumotasks.workers.run_log import Line


def heard(*pieces: bytes) -> list[Line]:
    """The lines that come out of a pipe through which the pieces went."""
    found: list[Line] = []

    def take(lines: Sequence[Line]) -> None:
        found.extend(lines)

    reader = Lines(take)
    for piece in pieces:
        reader.data_received(piece)
    reader.connection_lost(None)
    assert reader.ended.is_set()
    return found


def test_lines_are_whole_however_the_pipe_cuts_them() -> None:
    assert heard(b"one\ntw", b"o\r\n\n  \nthr", b"ee") == [Line("one"), Line("two"), Line("three")]


def test_a_line_that_never_ends_is_cut() -> None:
    found = heard(b"x" * (2 * MAX_LINE + 5), b"y" * MAX_LINE, b"\nz")
    assert "".join(str(line.payload) for line in found[:-1]) == "x" * (2 * MAX_LINE + 5) + "y" * MAX_LINE
    assert max(len(str(line.payload)) for line in found) == MAX_LINE
    assert found[-1] == Line("z")


def test_bytes_that_are_no_text_do_not_end_the_reading() -> None:
    assert heard(b"a\xffb\n") == [Line("a\N{REPLACEMENT CHARACTER}b")]


def test_a_json_object_is_lifted() -> None:
    line = read(
        b'{"severity": "error", "message": "m", "time": "2026-01-02T03:04:05.5Z", "more": [1],'
        b' "httpRequest": {"status": 500}, "logging.googleapis.com/trace": "projects/p/traces/t",'
        b' "logging.googleapis.com/spanId": "s", "logging.googleapis.com/labels": {"k": "v"},'
        b' "logging.googleapis.com/insertId": "i", "logging.googleapis.com/operation": {"id": "o"},'
        b' "logging.googleapis.com/trace_sampled": true, "logging.googleapis.com/sourceLocation": {"file": "f"}}'
    )
    assert line == Line(
        {"message": "m", "more": [1]},
        ERROR,
        1_767_323_045_500_000,
        labels={"k": "v"},
        http_request={"status": 500},
        trace="projects/p/traces/t",
        span="s",
        insert_id="i",
        operation={"id": "o"},
        trace_sampled=True,
        source_location={"file": "f"},
    )


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ('{"timestamp": {"seconds": 5, "nanos": 7000}, "a": 1}', 5_000_007),
        ('{"timestampSeconds": 5, "timestampNanos": 7000, "a": 1}', 5_000_007),
    ],
)
def test_a_time_may_be_written_in_numbers(text: str, time: int) -> None:
    assert read(text.encode()) == Line({"a": 1}, time=time)


@pytest.mark.parametrize(
    "text",
    [
        '{"severity": "loud"}',
        '{"severity": 5}',
        '{"time": "yesterday"}',
        '{"timestamp": {"seconds": "5"}}',
        '{"timestampSeconds": -1}',
        '{"logging.googleapis.com/trace": 1}',
        '{"logging.googleapis.com/labels": {"k": 1}}',
        '{"httpRequest": "GET /"}',
    ],
)
def test_a_field_that_means_nothing_stays_where_it_is(text: str) -> None:
    import json

    assert read(text.encode()) == Line(json.loads(text))


@pytest.mark.parametrize("text", ["{}}", "[1]", "5", '{"a": NaN}', '{"a": 1} {"b": 2}', '{"a":' * 5000 + "}" * 5000])
def test_what_is_no_single_object_is_text(text: str) -> None:
    assert read(text.encode()) == Line(text, DEFAULT)
