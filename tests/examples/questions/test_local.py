"""Questions from sentences that no document of the example holds: what grammar asks, and what it leaves alone."""

from __future__ import annotations

import pytest

from examples.yuichat.questions.local import LocalGenerator
from examples.yuichat.questions.question import Question

ASKED = [
    # English
    (
        "The mill was sold in 1932 because the river had dried up.",
        "Why was the mill sold in 1932?",
        "the river had dried up",
    ),
    ("The old theatre was designed by Clara Beck.", "Who was the old theatre designed by?", "Clara Beck"),
    ("The winter course lasts nine weeks.", "How long does the winter course last?", "nine weeks"),
    ("Forty students attend the evening class.", "How many students attend the evening class?", "Forty"),
    ("The printer is 60 centimetres wide.", "How wide is the printer?", "60 centimetres"),
    (
        "A theodolite is an instrument that measures angles.",
        "What is a theodolite?",
        "an instrument that measures angles",
    ),
    ("The parcel office is closed on Sunday.", "When is the parcel office closed?", "on Sunday"),
    # Chinese, simplified and traditional
    ("苏州园林位于江苏省。", "苏州园林位于哪里？", "江苏省"),
    ("这座塔建于宋代。桥全长三百米。", "桥全长多少米？", "三百米"),
    ("学校每天上午八点上课。", "学校每天上午几点上课？", "八点"),
    ("海水是咸的，因为河流带来了盐分。", "为什么海水是咸的？", "河流带来了盐分"),
    ("黃山位於安徽省。", "黃山位於哪裡？", "安徽省"),
    ("這家書店的顧客很多，因為書店每晚舉辦講座。書店每天晚上九點關門。", "書店每天晚上幾點關門？", "九點"),
    # Japanese
    ("富士山の高さは3776メートルである。", "富士山の高さは何メートルですか？", "3776メートル"),
    ("図書館は午前九時に開きます。", "図書館は午前何時に開きますか？", "九時"),
    ("駅が移されたのは、川があふれたためである。", "駅が移されたのはなぜですか？", "川があふれた"),
    (
        "この虫は「かげろう」と呼ばれる。水の虫は「かげろう」と呼ばれる。",
        "水の虫は何と呼ばれるのですか？",
        "「かげろう」",
    ),
    # Korean
    ("남산의 높이는 262미터이다.", "남산의 높이는 몇 미터인가?", "262미터"),
    ("박물관은 1995년에 문을 열었다.", "박물관은 언제 문을 열었는가?", "1995년"),
    ("우체국은 시청 건물의 뒤쪽에 있습니다.", "우체국은 어디에 있습니까?", "시청 건물의 뒤쪽"),
    ("고래는 새끼를 낳는 동물이다.", "고래는 무엇인가?", "새끼를 낳는 동물"),
]


@pytest.mark.parametrize(("text", "asked", "answer"), ASKED)
def test_a_sentence_is_asked_what_its_grammar_allows(text: str, asked: str, answer: str) -> None:
    found = LocalGenerator().generate(text)
    assert (asked, answer) in [(question.text, question.answer) for question in found]


@pytest.mark.parametrize(
    "leaning",
    [
        "It was built in 1890 by the harbour council.",
        "They keep eleven boats behind the shed.",
        "这座塔位于城南。",
        "他于1965年去世。",
        "この橋は1890年に完成した。",
        "그 다리는 1890년에 완성되었다.",
    ],
)
def test_a_sentence_that_leans_on_another_is_left_alone(leaning: str) -> None:
    assert LocalGenerator().generate(leaning) == []


@pytest.mark.parametrize("text", ["", "12345 !!", "Тише едешь, дальше будешь.", "A heading\n\nAnother heading"])
def test_no_question_is_made_of_what_has_no_sentence_in_a_known_language(text: str) -> None:
    assert LocalGenerator().generate(text) == []


def test_no_more_questions_than_asked_for_and_each_of_another_sentence() -> None:
    text = " ".join(sentence for sentence, _, _ in ASKED[:7])
    found = LocalGenerator().generate(text, count=3)
    assert len({question.sentence for question in found}) == len(found) == 3
    assert LocalGenerator().generate(text, count=0) == []


def test_a_sentence_said_twice_is_asked_once() -> None:
    text = "The winter course lasts nine weeks. " * 2
    assert LocalGenerator().generate(text) == LocalGenerator().generate(text[: len(text) // 2]) != []


def test_questions_stand_in_the_order_of_the_text_and_quote_it_to_the_letter() -> None:
    text = "\n".join(f"- {sentence}" for sentence, _, _ in ASKED[:7])
    found = LocalGenerator().generate(text, count=7)
    places = [text.index(question.sentence) for question in found]
    assert len(found) > 4
    assert places == sorted(places)
    assert all(question.answer in question.sentence for question in found)


def test_the_same_text_gets_the_same_questions() -> None:
    text = " ".join(sentence for sentence, _, _ in ASKED[:7])
    first: list[Question] = LocalGenerator().generate(text)
    assert first == LocalGenerator().generate(text)
