"""Guide 3, step by step."""

from __future__ import annotations

from tests.guides.guide import read
from tests.guides.reader import Reader


def test_a_queue_is_patient_keeps_its_pace_and_can_be_read_afterwards(reader: Reader) -> None:
    for section in read("3-retries-limits-logs.md"):
        reader.follow(section)
