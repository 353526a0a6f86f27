"""The local generator on the documents that ship with the example: the README's figures, and the least of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.yuichat import measure
from examples.yuichat.questions.language import Language, language_of

README = Path(measure.__file__).parent / "README.md"
LEAST = 0.9
EACH = pytest.mark.parametrize("language", Language, ids=lambda language: language.value)


@EACH
def test_nine_questions_of_ten_are_good_in_each_language(language: Language) -> None:
    found = measure.figures(language)
    assert found.documents == 10
    assert found.questions >= 45  # of 50
    assert min(found.answered, found.without_answer, found.unrepeated, found.good) >= LEAST


@EACH
def test_more_questions_are_as_good(language: Language) -> None:
    found = measure.figures(language, count=8)
    assert found.questions >= 65
    assert found.good >= LEAST


@EACH
def test_every_document_is_told_to_be_in_its_language(language: Language) -> None:
    assert {language_of(path.read_text(encoding="utf-8")) for path in measure.documents(language)} == {language}


def test_the_readme_says_what_is_measured() -> None:
    said = README.read_text(encoding="utf-8").split("<!-- figures -->")[1].split("<!-- end of figures -->")[0]
    assert said.strip().splitlines() == list(measure.table([measure.figures(language) for language in Language]))


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["measure", "--list"])
    measure.main()
    printed = capsys.readouterr().out
    assert "en/lighthouse: When was the lighthouse at Skerry Point built? -> in 1847\n" in printed
    assert "\n| Korean | 10 | " in printed
