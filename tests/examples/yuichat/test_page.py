"""The page in a real browser: a file is uploaded, and its questions appear."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.yuichat.questions.question import Question
from examples.yuichat.settings import MEBIBYTE, Settings
from tests.examples.yuichat import files
from tests.examples.yuichat.generators import Failing, Gated
from tests.examples.yuichat.page_browser import Page, browsing
from tests.examples.yuichat.serving import serving

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    with browsing(tmp_path / "profile") as page:
        yield page
        assert page.complaints == []


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database=f"sqlite:///{tmp_path / 'yuichat.db'}", max_bytes=MEBIBYTE)


def send(page: Page, file: Path, raw: bytes) -> None:
    file.write_bytes(raw)
    page.choose("#file", file)
    page.evaluate("document.querySelector('button').click()")


def said(page: Page) -> object:
    return page.evaluate("document.querySelector('#said').textContent")


def texts(page: Page, selector: str) -> object:
    return page.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map(each => each.textContent)")


def test_questions_of_an_uploaded_file_appear(page: Page, settings: Settings, tmp_path: Path) -> None:
    with serving(settings) as app:
        page.open(app.url)
        assert page.evaluate("document.querySelector('#none').checkVisibility()") is True
        send(page, tmp_path / "lighthouse.pdf", files.pdf("en"))
        page.wait_until("document.querySelector('[data-status=ready] ol')")
        questions = app.shown(1)["questions"]
        assert texts(page, "h3") == ["lighthouse.pdf"]
        assert texts(page, "ol > li > details > p") == [question["answer"] for question in questions]
        assert said(page) == "Uploaded. Its questions were made at once."
        assert page.evaluate("document.querySelector('#none').checkVisibility()") is False


def test_questions_appear_when_another_has_made_them(page: Page, settings: Settings, tmp_path: Path) -> None:
    """As when the task comes: the page was not told, and looks again."""
    with serving(settings, generator=Failing(1)) as app:
        page.open(app.url)
        send(page, tmp_path / "a.txt", b"some text")
        page.wait_until("document.querySelector('[data-status=failed]')")
        assert texts(page, ".status") == ["Failed: ConnectionError: the model is away"]
        app.generate(1)
        page.wait_until("document.querySelector('[data-status=ready] ol')")


def test_a_refused_file_is_told_with_its_reason(page: Page, settings: Settings, tmp_path: Path) -> None:
    with serving(settings) as app:
        page.open(app.url)
        for name, raw, reason in (
            ("a.pdf", b"no pdf", "a.pdf is not a PDF file, or its beginning is damaged."),
            ("b.txt", b"x" * (3 * MEBIBYTE), "The file is too large: at most 1 MiB are taken."),
        ):
            send(page, tmp_path / name, raw)
            page.wait_until(f"document.querySelector('#said').textContent === {json.dumps(reason)}")
        assert page.evaluate("document.querySelector('#said').className") == "wrong"
        assert texts(page, "h3") == []


def test_documents_of_before_are_there_with_the_newest_first(page: Page, settings: Settings) -> None:
    with serving(settings, generator=Gated()) as app:
        for name in ("first.txt", "second.txt", "third.txt"):
            app.upload(name, b"some text")
        page.open(app.url)
        page.wait_until("document.querySelectorAll('[data-status=ready]').length === 3")
        assert texts(page, "h3") == ["third.txt", "second.txt", "first.txt"]


def test_what_others_wrote_is_text_and_never_markup(page: Page, settings: Settings) -> None:
    class Hostile:
        def generate(self, text: str, *, count: int = 5) -> list[Question]:
            return [Question(HOSTILE, HOSTILE, HOSTILE)][:count]

    with serving(settings, generator=Hostile()) as app:
        assert app.upload(f"{HOSTILE}.txt", b"some text")[0] == 201
        page.open(app.url)
        page.wait_until("document.querySelector('[data-status=ready] ol')")
        assert texts(page, "h3") == [f"{HOSTILE}.txt"]
        assert texts(page, "summary + p") == [HOSTILE]
        assert page.evaluate("document.querySelectorAll('img').length") == 0
