"""Questions from a model behind an OpenAI-compatible address, believed only where the text bears them out.

It must never know how the local generator works, nor hand on a sentence that is not in the text.
"""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from examples.yuichat.questions.question import Question

BASE_URL = "https://api.openai.com/v1"
MODEL = "gpt-4o-mini"
MAX_TEXT = 48_000  # characters; longer texts are cut, not refused
ORDER = (
    "You write questions that a reader could ask about a document. Write them in the document's own language. Each is "
    "answered by one sentence of the document and does not contain its answer. Reply with JSON alone: "
    '{"questions": [{"question": "…", "answer": "…", "sentence": "…"}]}, where "sentence" is copied from the document '
    'letter by letter and "answer" is a piece of that sentence. At most %d questions, none twice.'
)


class NoQuestions(Exception):
    """The model could not be reached, or did not answer with questions."""


@dataclass(frozen=True, slots=True)
class OpenAIGenerator:
    """`base_url` ends before "/chat/completions"; `timeout` in seconds."""

    key: str
    base_url: str = BASE_URL
    model: str = MODEL
    timeout: float = 120.0

    def __post_init__(self) -> None:
        if urlsplit(self.base_url).scheme not in {"http", "https"}:
            raise ValueError("OPENAI_BASE_URL must begin with http:// or https://.")

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> OpenAIGenerator:
        """OPENAI_API_KEY, OPENAI_BASE_URL, OPENAI_MODEL; raises ValueError without a key."""
        if not (key := environ.get("OPENAI_API_KEY", "")):
            raise ValueError("OPENAI_API_KEY is not set.")
        address = environ.get("OPENAI_BASE_URL") or BASE_URL
        return cls(key, address.rstrip("/"), environ.get("OPENAI_MODEL") or MODEL)

    def generate(self, text: str, *, count: int = 5) -> list[Question]:
        """Raises NoQuestions."""
        kept: list[Question] = []
        for question in _read(self._ask(text, count)):
            if _borne_out(question, text) and all(question.text != other.text for other in kept):
                kept.append(question)
        return kept[:count]

    def _ask(self, text: str, count: int) -> str:
        messages = [
            {"role": "system", "content": ORDER % count},
            {"role": "user", "content": text[:MAX_TEXT]},
        ]
        body = {"model": self.model, "messages": messages, "response_format": {"type": "json_object"}}
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        address = f"{self.base_url}/chat/completions"
        request = urllib.request.Request(address, json.dumps(body).encode(), headers)  # noqa: S310 - http(s), see above
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310 - as above
                return _content(json.load(answer))
        except (OSError, ValueError) as failure:
            raise NoQuestions(f"{self.base_url} did not answer with questions: {failure}") from failure


def _content(reply: object) -> str:
    match reply:
        case {"choices": [{"message": {"content": str(content)}}, *_]}:
            return content
        case _:
            raise ValueError("the reply holds no message")


def _read(content: str) -> Iterator[Question]:
    """The questions of a reply; models like to put JSON between backticks."""
    start, end = content.find("{"), content.rfind("}")
    try:
        match json.loads(content[start : end + 1]):
            case {"questions": list(rows)}:
                yield from (question for row in rows for question in _row(row))
            case _:
                raise NoQuestions("The model's JSON holds no questions.")
    except ValueError as failure:
        raise NoQuestions("The model did not reply with JSON.") from failure


def _row(row: object) -> Iterator[Question]:
    match row:
        case {"question": str(text), "answer": str(answer), "sentence": str(sentence)}:
            yield Question(text.strip(), answer.strip(), sentence.strip())


def _borne_out(question: Question, text: str) -> bool:
    told = question.sentence in text and question.answer in question.sentence
    return told and all((question.text, question.answer)) and question.answer.casefold() not in question.text.casefold()
