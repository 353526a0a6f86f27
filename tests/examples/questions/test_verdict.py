"""The judge speaks where a question is a bad one: each fault planted once, beside a question without any."""

from __future__ import annotations

import pytest

from examples.yuichat.questions.language import Language
from examples.yuichat.questions.question import Question
from examples.yuichat.questions.verdict import Fault, judge

TEXT = "The bridge was built in 1890. Two men guard the old gate at night. A ferry crosses the river twice a day."
BUILT = "The bridge was built in 1890."
GUARD = "Two men guard the old gate at night."
GOOD = Question("When was the bridge built?", "in 1890", BUILT)


@pytest.mark.parametrize(
    ("question", "fault"),
    [
        (
            Question("When was the bridge built?", "in 1890", "The bridge was built in 1890, they say."),
            Fault.NOT_IN_TEXT,
        ),
        (Question("When was the bridge built?", "in 1890", f"{BUILT} {GUARD}"), Fault.NOT_IN_TEXT),
        (Question("When was the bridge built?", "in 1891", BUILT), Fault.NOT_ANSWERED),
        (Question("When was the bridge built?", "", BUILT), Fault.NOT_ANSWERED),
        (Question("Who guards the old gate at night?", "in 1890", BUILT), Fault.NOT_ANSWERED),
        (Question("Why was the marble palace destroyed?", "in 1890", BUILT), Fault.NOT_ANSWERED),
        (Question("What was built in 1890 here?", "in 1890", BUILT), Fault.HOLDS_ANSWER),
        (Question("The bridge was built when.", "in 1890", BUILT), Fault.NO_QUESTION),
        (Question("Is the bridge built?", "in 1890", BUILT), Fault.NO_QUESTION),
    ],
)
def test_a_bad_question_is_found_out(question: Question, fault: Fault) -> None:
    (verdict,) = judge([question], TEXT, Language.ENGLISH)
    assert fault in verdict.faults


@pytest.mark.parametrize(
    "again",
    [
        GOOD,
        Question("When was the BRIDGE built?", "1890", BUILT),
        Question("Since when is there a bridge?", "in 1890", BUILT),
    ],
)
def test_what_was_asked_before_is_a_repeat(again: Question) -> None:
    first, second = judge([GOOD, again], TEXT, Language.ENGLISH)
    assert (first.faults, Fault.REPEATED in second.faults) == (frozenset(), True)


@pytest.mark.parametrize(
    ("language", "text", "question"),
    [
        (Language.ENGLISH, TEXT, GOOD),
        (Language.CHINESE, "茶树原产于中国。", Question("茶树原产于哪里？", "中国", "茶树原产于中国。")),
        (
            Language.JAPANESE,
            "橋は1890年に完成した。",
            Question("橋は何年に完成したのですか？", "1890年", "橋は1890年に完成した。"),
        ),
        (
            Language.KOREAN,
            "다리는 1890년에 완성되었다.",
            Question("다리는 언제 완성되었는가?", "1890년", "다리는 1890년에 완성되었다."),
        ),
    ],
)
def test_a_good_question_has_no_fault(language: Language, text: str, question: Question) -> None:
    (verdict,) = judge([question], text, language)
    assert verdict.faults == frozenset()
