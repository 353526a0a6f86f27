"""The memory of ended tasks: exact for the last so many, bounded for ever."""

from __future__ import annotations

from kumotasks.storage.ended import Ended


def test_what_ended_is_remembered_by_queue_and_id() -> None:
    ended = Ended()
    ended.remember(1, "t")
    assert ended.remembers(1, "t")
    assert not ended.remembers(2, "t")
    assert not ended.remembers(1, "u")


def test_at_least_the_last_are_remembered_and_at_most_twice_as_many() -> None:
    ended = Ended(limit=10)
    for n in range(1000):
        ended.remember(1, str(n))
        assert all(ended.remembers(1, str(m)) for m in range(max(0, n - 9), n + 1))
    assert sum(ended.remembers(1, str(n)) for n in range(1000)) <= 20
