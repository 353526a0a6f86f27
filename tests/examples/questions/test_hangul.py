"""Korean statements as questions: each kind of end once."""

from __future__ import annotations

import pytest

from examples.yuichat.questions.hangul import asked, final, with_final


@pytest.mark.parametrize(
    ("statement", "question"),
    [
        ("무엇을 합니다", "무엇을 합니까?"),
        ("몇 개입니다", "몇 개입니까?"),
        ("언제 만들었다", "언제 만들었는가?"),
        ("어디에 있다", "어디에 있는가?"),
        ("무엇이 없다", "무엇이 없는가?"),
        ("무엇을 뜻한다", "무엇을 뜻하는가?"),
        ("무엇을 먹는다", "무엇을 먹는가?"),
        ("몇 미터이다", "몇 미터인가?"),
        ("무엇이 크다", "무엇이 큰가?"),
        ("무엇이 길다", "무엇이 긴가?"),
        ("무엇이 많다", "무엇이 많은가?"),
        ("무엇이 쉽다", "무엇이 쉬운가?"),
        ("언제 도착했어", "언제 도착했어?"),
    ],
)
def test_a_statement_is_asked_as_politely_as_it_was_said(statement: str, question: str) -> None:
    assert asked(statement) == question


@pytest.mark.parametrize("statement", ["문을 닫으십시오", "비가 오기 때문이다", "알을 품는대", "A"])
def test_orders_reasons_and_hearsay_are_not_asked(statement: str) -> None:
    assert asked(statement) is None


@pytest.mark.parametrize(("syllable", "consonant"), [("한", "ㄴ"), ("가", ""), ("있", "ㅆ"), ("A", "")])
def test_the_consonant_below_a_syllable_is_read(syllable: str, consonant: str) -> None:
    assert final(syllable) == consonant


def test_the_consonant_below_a_syllable_is_changed() -> None:
    assert (with_final("한", ""), with_final("크", "ㄴ"), with_final("길", "ㄴ")) == ("하", "큰", "긴")
