"""Attempts that other nodes carry on."""

from __future__ import annotations

from kumotasks.domain.elsewhere import Elsewhere


def test_a_task_is_there_until_its_last_attempt_is_over() -> None:
    elsewhere = Elsewhere([("a", 1), ("b", 1), ("c", 2)])
    assert elsewhere.close("a")
    assert 1 in elsewhere.serials
    assert elsewhere.close("b")
    assert 1 not in elsewhere.serials
    assert (len(elsewhere), set(elsewhere.attempts)) == (1, {"c"})


def test_what_is_not_known_is_not_over_twice() -> None:
    elsewhere = Elsewhere([("a", 1)])
    assert elsewhere.close("a")
    assert not elsewhere.close("a")
    assert len(elsewhere) == 0
