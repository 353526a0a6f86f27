"""The generator behind an OpenAI-compatible address, against a far end that answers as such servers do."""

from __future__ import annotations

import json

import pytest

from examples.yuichat.questions.openai import BASE_URL, MODEL, NoQuestions, OpenAIGenerator
from examples.yuichat.questions.question import Question
from tests.running import Answer, RecordingWorker

TEXT = "The bridge was built in 1890. Two men guard the gate."
BUILT = {"question": "When was the bridge built?", "answer": "1890", "sentence": "The bridge was built in 1890."}
GUARD = {"question": "Who guards the gate?", "answer": "Two men", "sentence": "Two men guard the gate."}


def replying(worker: RecordingWorker, content: str) -> OpenAIGenerator:
    reply = {"choices": [{"message": {"role": "assistant", "content": content}}]}
    worker.answer = lambda _: Answer(body=json.dumps(reply).encode())
    return OpenAIGenerator("secret", f"{worker.url}/v1", "small-model", timeout=10)


def test_the_text_is_sent_as_a_chat_with_the_key_and_the_model(worker: RecordingWorker) -> None:
    replying(worker, json.dumps({"questions": []})).generate(TEXT, count=3)
    (arrival,) = worker.arrivals
    sent = json.loads(arrival.body)
    assert (arrival.method, arrival.path) == ("POST", "/v1/chat/completions")
    assert arrival.headers["authorization"] == "Bearer secret"
    assert sent["model"] == "small-model"
    assert sent["messages"][-1] == {"role": "user", "content": TEXT}
    assert "At most 3 questions" in sent["messages"][0]["content"]


@pytest.mark.parametrize("around", ["%s", "```json\n%s\n```", "Here you are:\n%s"])
def test_the_questions_of_the_reply_are_handed_back(worker: RecordingWorker, around: str) -> None:
    content = around % json.dumps({"questions": [BUILT, GUARD]})
    assert replying(worker, content).generate(TEXT) == [
        Question(BUILT["question"], "1890", BUILT["sentence"]),
        Question(GUARD["question"], "Two men", GUARD["sentence"]),
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {**BUILT, "sentence": "The bridge was built by elves in 1890."},
        {**BUILT, "answer": "1891"},
        {**BUILT, "answer": ""},
        {**BUILT, "question": "Was the bridge built in 1890?"},
        {"question": "When?"},
        "When?",
        GUARD,
    ],
)
def test_what_the_text_does_not_bear_out_or_was_asked_before_is_dropped(worker: RecordingWorker, wrong: object) -> None:
    content = json.dumps({"questions": [GUARD, wrong]})
    assert [question.text for question in replying(worker, content).generate(TEXT)] == [GUARD["question"]]


def test_no_more_questions_than_asked_for_are_kept(worker: RecordingWorker) -> None:
    found = replying(worker, json.dumps({"questions": [BUILT, GUARD]})).generate(TEXT, count=1)
    assert [question.text for question in found] == [BUILT["question"]]


@pytest.mark.parametrize("content", ["I would rather not.", "{", '{"answers": []}', "[]"])
def test_a_reply_without_questions_is_an_error(worker: RecordingWorker, content: str) -> None:
    with pytest.raises(NoQuestions):
        replying(worker, content).generate(TEXT)


@pytest.mark.parametrize("answer", [Answer(401), Answer(500), Answer(body=b"no JSON"), Answer(body=b'{"choices": []}')])
def test_a_server_that_does_not_answer_is_an_error(worker: RecordingWorker, answer: Answer) -> None:
    generator = replying(worker, "")
    worker.answer = lambda _: answer
    with pytest.raises(NoQuestions, match="did not answer with questions"):
        generator.generate(TEXT)


def test_the_environment_names_the_key_the_address_and_the_model() -> None:
    named = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1/", "OPENAI_MODEL": "m"}
    assert OpenAIGenerator.from_env(named) == OpenAIGenerator("k", "http://127.0.0.1:9/v1", "m")
    assert OpenAIGenerator.from_env({"OPENAI_API_KEY": "k"}) == OpenAIGenerator("k", BASE_URL, MODEL)


@pytest.mark.parametrize("named", [{}, {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "file:///etc/passwd"}])
def test_no_key_or_an_address_that_is_none_is_refused(named: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="OPENAI_"):
        OpenAIGenerator.from_env(named)
