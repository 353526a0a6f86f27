"""What a text is before anything is asked: its language, its sentences, its script, what it is about."""

from __future__ import annotations

import pytest

from examples.yuichat.questions import english
from examples.yuichat.questions.language import Language, language_of
from examples.yuichat.questions.salience import salience
from examples.yuichat.questions.script import as_written, is_traditional, simplified
from examples.yuichat.questions.sentences import sentences_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The gate is closed.", Language.ENGLISH),
        ("大门关了。", Language.CHINESE),
        ("他会说一句“ありがとう”，别的日语一个字也不会，可是他在东京住了三年，天天坐电车上班。", Language.CHINESE),
        ("門が閉まった。", Language.JAPANESE),
        ("漢字仮名交じり文の例である。", Language.JAPANESE),
        ("문이 닫혔다. KBS 뉴스.", Language.KOREAN),
        ("Дверь закрыта.", None),
        ("", None),
    ],
)
def test_the_language_is_told_by_the_letters(text: str, language: Language | None) -> None:
    assert language_of(text) is language


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("Dr. Hall paid 3.50 euros. J. Beck did not.", ["Dr. Hall paid 3.50 euros.", "J. Beck did not."]),
        ('"Stop. Wait." He stopped.', ['"Stop. Wait."', "He stopped."]),
        ("# A heading\n\n- An item.\n1. Another item.\n| a | b |", ["An item.", "Another item."]),
        ("他说：“来。走吧。”她走了。", ["他说：“来。走吧。”", "她走了。"]),
        ("「行け。」と言った。彼は行った。", ["「行け。」と言った。", "彼は行った。"]),
        ("문이 열렸다. 사람이 왔다.", ["문이 열렸다.", "사람이 왔다."]),
        ("No end at all", []),
        (f"{'far ' * 200}away. The gate is closed.", ["The gate is closed."]),
    ],
)
def test_a_text_is_split_into_sentences_to_the_letter(text: str, sentences: list[str]) -> None:
    assert sentences_of(text) == sentences


def test_question_words_are_written_in_the_script_of_the_sentence() -> None:
    assert (is_traditional("關門"), is_traditional("关门"), is_traditional("山水")) == (True, False, False)
    assert as_written("为什么谁在哪里", "關門") == "為什麼誰在哪裡"
    assert as_written("为什么谁在哪里", "关门") == "为什么谁在哪里"


def test_a_simplified_letter_stands_where_the_traditional_one_stood() -> None:
    assert simplified("這個時候") == "这个时候"


def test_a_sentence_about_what_the_text_is_about_weighs_more() -> None:
    sentences = ["Bees make honey.", "Clouds hide mountains.", "Bees drink nectar for honey.", "Honey feeds bees."]
    weights = salience(sentences, english.terms)
    assert max(weights) == weights[0]
    assert weights[3] > weights[1]
