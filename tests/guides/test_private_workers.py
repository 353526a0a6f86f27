"""Guide 2: each language in a test of its own, on one server; a language whose tools are not here is skipped."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import pytest

from tests.guides.guide import Section, read
from tests.guides.reader import Reader, Stuck
from tests.running import missing

SECTIONS = read("2-private-workers.md")
TOOLS = {"Python": ("python",), "Node": ("node", "npm"), "Go": ("go",), "Java": ("java", "javac", "mvn")}
BEGINNING = ("", "A server that asks who calls", "A queue", "Two accounts")
# In the guide's order: a section on another version goes on where that of its language ended.
LANGUAGES = ("Python", "Python, with an older library", "Node", "Node, with a newer library", "Go", "Java")
FETCHES = ("npm install", "pip install", "go get", "mvn -q -B dependency")


def part(*titles: str) -> Sequence[Section]:
    found = [each for each in SECTIONS if each.title in titles]
    assert len(found) == len(titles), titles
    return found


@pytest.fixture(scope="module")
def begun(reader: Reader) -> Reader:
    """The reader has a server, a queue and two accounts."""
    for section in part(*BEGINNING):
        reader.follow(section)
    return reader


@pytest.mark.parametrize("title", LANGUAGES)
def test_a_task_with_a_token_reaches_a_private_worker(begun: Reader, title: str) -> None:
    follow(begun, title)


def test_who_may_not_invoke_it_is_answered_403(begun: Reader) -> None:
    for section in part("Who is not let in"):
        begun.follow(section)


def test_every_section_is_followed_by_a_test() -> None:
    assert {each.title for each in SECTIONS} == {*BEGINNING, *LANGUAGES, "Who is not let in"}


def follow(reader: Reader, title: str) -> None:
    """Skips where a tool is missing or cannot fetch the library."""
    language = title.partition(",")[0]
    for tool in TOOLS[language]:
        if shutil.which(tool) is None:
            pytest.skip(missing(language.lower(), tool))
    try:
        for section in part(title):
            reader.follow(section)
    except Stuck as stuck:
        if any(each in stuck.command for each in FETCHES):
            pytest.skip(missing(language.lower(), f"its library: {stuck.said.strip().splitlines()[-1]}"))
        raise
