"""Guide 1, step by step."""

from __future__ import annotations

from tests.guides.guide import read
from tests.guides.reader import Reader


def test_a_task_waits_its_half_minute_and_is_received(reader: Reader) -> None:
    for section in read("1-enqueue-and-receive.md"):
        reader.follow(section)
