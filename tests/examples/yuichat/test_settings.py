"""What an operator may say, and what he may not."""

from __future__ import annotations

import pytest

from examples.yuichat.settings import MEBIBYTE, Settings


def test_an_environment_that_says_nothing_is_enough() -> None:
    assert Settings.from_env({}) == Settings("sqlite:///yuichat.db", 10 * MEBIBYTE, questions=5, delay=5, deadline=600)


def test_the_environment_is_heard() -> None:
    said = {"DATABASE_URL": "postgresql://db/yui", "MAX_UPLOAD_BYTES": "1000", "QUESTION_COUNT": "3"}
    assert Settings.from_env(said) == Settings("postgresql://db/yui", 1000, 3)


@pytest.mark.parametrize("name", ["MAX_UPLOAD_BYTES", "QUESTION_COUNT"])
@pytest.mark.parametrize("said", ["0", "-1", "many", "1.5", " "])
def test_what_is_no_count_is_refused_by_its_name(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be a positive whole number"):
        Settings.from_env({name: said})
