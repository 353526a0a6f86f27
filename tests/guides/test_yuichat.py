"""Guide 4, step by step, with the application of this checkout."""

from __future__ import annotations

from tests.guides.guide import GUIDES, read
from tests.guides.reader import Reader


def test_documents_get_their_questions_with_a_queue_and_without_one(reader: Reader) -> None:
    (reader.directory / "kumo-tasks").symlink_to(GUIDES.parent.parent)
    for section in read("4-yuichat.md"):
        reader.follow(section)
