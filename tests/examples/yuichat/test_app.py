"""The application over HTTP, without a queue: what is uploaded is asked about at once, and what is wrong is told."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from examples.yuichat.settings import MEBIBYTE, Settings
from tests.examples.yuichat import files
from tests.examples.yuichat.files import TEXTS
from tests.examples.yuichat.generators import ANY, Failing, Gated
from tests.examples.yuichat.serving import Caller, serving
from tests.running import Answer, RecordingWorker

HALF = MEBIBYTE // 2


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database=f"sqlite:///{tmp_path / 'yuichat.db'}")


@pytest.fixture
def app(settings: Settings) -> Iterator[Caller]:
    with serving(settings) as caller:
        yield caller


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "yuichat"]


@pytest.mark.parametrize("language", list(TEXTS))
def test_each_kind_in_each_language_is_asked_about(app: Caller, language: str) -> None:
    uploads = {
        "pdf": files.pdf(language),
        "docx": files.word(language),
        "md": files.markdown(language),
        "html": files.page(language, "utf-8"),
        "txt": "\n".join(TEXTS[language]).encode(),
    }
    for kind, raw in uploads.items():
        status, uploaded = app.upload(f"{language}.{kind}", raw)
        assert (status, uploaded["status"], uploaded["way"]) == (201, "ready", "ran now"), uploaded
        shown = app.shown(uploaded["document_id"])
        assert shown["document"]["name"] == f"{language}.{kind}"
        assert shown["questions"]
        for question in shown["questions"]:
            assert question["answer"] in question["sentence"]
            assert question["answer"] not in question["text"]
            assert any(question["sentence"] in text for text in TEXTS[language])


def test_each_engine_keeps_what_is_uploaded(database: str) -> None:
    with serving(Settings(database=database)) as app:
        _, uploaded = app.upload("a.pdf", files.pdf("ja"))
        before = app.shown(uploaded["document_id"])
    with serving(Settings(database=database)) as app:
        assert app.shown(uploaded["document_id"]) == before
        assert app.get("/api/documents") == (200, [before["document"]])


def test_the_log_says_that_it_was_done_at_once(app: Caller, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "yuichat"):
        app.upload("a.txt", TEXTS["en"][0].encode())
    assert said(caplog)[-1] == "✅ Question generation completed (sync)"


def test_a_repeated_task_changes_nothing(settings: Settings) -> None:
    generator = Gated()
    with serving(settings, generator=generator) as app:
        _, uploaded = app.upload("a.txt", b"some text")
        before = app.shown(uploaded["document_id"])
        for _ in range(3):
            assert app.generate(uploaded["document_id"]) == (200, before["document"])
        assert app.shown(uploaded["document_id"]) == before
    assert generator.calls == ["some text"]


def test_tasks_that_come_at_once_leave_the_questions_of_one(database: str) -> None:
    """All are in the generator together: each has begun before any has finished."""
    many = 6
    generator = Gated(many)
    with serving(Settings(database=database), generator=Failing(1)) as app:
        _, uploaded = app.upload("a.txt", b"some text")
        assert uploaded["status"] == "failed"
    with serving(Settings(database=database), generator=generator) as app:
        number = uploaded["document_id"]
        with ThreadPoolExecutor(many) as threads:
            answers = list(threads.map(lambda _: app.generate(number), range(many)))
        assert [(status, document["status"]) for status, document in answers] == [(200, "ready")] * many
        shown = app.shown(number)
    assert len(generator.calls) == many
    (mine,) = {question["text"].partition(".")[0] for question in shown["questions"]}
    assert [question["text"] for question in shown["questions"]] == [f"{mine}.{each}?" for each in range(5)]
    assert shown["document"]["tries"] == 1 + many


def test_a_failure_is_told_and_tried_again(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with serving(settings, generator=Failing(2)) as app:
        status, uploaded = app.upload("a.txt", b"some text")
        number = uploaded["document_id"]
        assert (status, uploaded["status"], uploaded["way"]) == (201, "failed", "ran now")
        assert app.generate(number) == (500, {"detail": f"The questions of document {number} could not be made."})
        failed = app.shown(number)["document"]
        assert (failed["tries"], failed["error"]) == (2, "ConnectionError: the model is away")
        assert app.generate(number)[0] == 200
        assert app.shown(number)["questions"] == [{"text": ANY.text, "answer": ANY.answer, "sentence": ANY.sentence}]
    assert "✅ Question generation completed (sync)" not in said(caplog)


def test_where_the_environment_has_a_key_a_model_is_asked(
    settings: Settings, worker: RecordingWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = TEXTS["en"][0]
    asked = {"question": "When was the lighthouse built?", "answer": "in 1871", "sentence": sentence}
    content = json.dumps({"questions": [asked]})
    reply = {"choices": [{"message": {"role": "assistant", "content": content}}]}
    worker.answer = lambda _: Answer(headers={"Content-Type": "application/json"}, body=json.dumps(reply).encode())
    monkeypatch.setenv("OPENAI_API_KEY", "a key")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{worker.url}/v1")
    with serving(settings) as app:
        number = app.upload("a.txt", sentence.encode())[1]["document_id"]
        assert app.shown(number)["questions"] == [
            {"text": asked["question"], "answer": asked["answer"], "sentence": asked["sentence"]}
        ]
    assert [arrival.path for arrival in worker.arrivals] == ["/v1/chat/completions"]


@pytest.mark.parametrize(
    ("name", "raw", "status", "says"),
    [
        ("a.txt", b"", 422, "a.txt is empty."),
        ("a.pdf", b"%PDF-1.7\nand no more", 422, "a.pdf is a damaged PDF file"),
        ("a.pdf", files.locked_pdf("en"), 422, "a.pdf is locked by a password."),
        ("a.docx", files.word("ko")[:-900], 422, "a.docx is a damaged DOCX file"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1", 415, "a.png is of a kind that is not read here."),
        ("a.txt", b"a" * 1_000_001, 413, "a.txt has 1,000,001 characters"),
        (r"C:\Users\me\a.pdf", b"x", 422, "a.pdf is not a PDF file"),
        ("../../etc/a.pdf", b"x", 422, "a.pdf is not a PDF file"),
    ],
)
def test_a_wrong_file_is_refused_with_its_reason(app: Caller, name: str, raw: bytes, status: int, says: str) -> None:
    answered, body = app.upload(name, raw)
    assert (answered, body["detail"][: len(says)]) == (status, says)
    assert app.get("/api/documents") == (200, [])


@pytest.mark.parametrize("over", [1, HALF, 3 * HALF])
def test_a_file_may_be_as_large_as_the_limit_and_no_larger(tmp_path: Path, over: int) -> None:
    database = f"sqlite:///{tmp_path / 'yuichat.db'}"
    with serving(Settings(database=database, max_bytes=HALF)) as app:
        text = TEXTS["en"][0].encode() + b"\n"
        assert app.upload("a.txt", text + b" " * (HALF - len(text)))[0] == 201
        refused = {"detail": "The file is too large: at most 0.5 MiB are taken."}
        assert app.upload("a.txt", text + b" " * (HALF - len(text) + over)) == (413, refused)
        assert len(app.get("/api/documents")[1]) == 1


def test_what_is_not_there_is_not_found(app: Caller) -> None:
    absent = (404, {"detail": "There is no document 7."})
    assert app.get("/api/documents/7") == app.generate(7) == absent


@pytest.mark.parametrize("number", ["0", "-1", "x", "2147483648", "9" * 30, "1.5", "%00"])
def test_a_number_that_is_none_is_refused(app: Caller, number: str) -> None:
    assert app.get(f"/api/documents/{number}")[0] == 422
    assert app.get(f"/api/documents?before={number}")[0] == 422


@pytest.mark.parametrize("body", [None, {}, [], {"document_id": None}, {"document_id": 0}, {"document_id": 2**31}, "1"])
def test_a_task_without_a_document_is_refused(app: Caller, body: object) -> None:
    assert app.post("/api/generate-questions", body)[0] == 422


def test_an_upload_without_a_file_is_refused(app: Caller) -> None:
    assert app.upload("a.txt", b"text", field="other")[0] == 422
    assert app.post("/api/upload", {})[0] == 422
