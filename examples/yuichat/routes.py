"""The application's calls: requests to words, words to answers. Knows of no database and no queue how they do it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated

from fastapi import APIRouter, Path, Query, UploadFile
from pydantic import Field

from examples.yuichat.extract import TooLong, extract
from examples.yuichat.generation import PATH, Generation, NoDocument
from examples.yuichat.questions.question import Question
from examples.yuichat.settings import MEBIBYTE, Settings
from examples.yuichat.storage import Document, Status, Storage

_LAST = 2**31 - 1  # of the database's numbers
_UNNAMED = "document"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Uploaded:
    """`way` says how its questions are made: by a task ("scheduled"), or "ran now"."""

    document_id: int
    status: Status
    way: str


@dataclass(frozen=True, slots=True)
class Ordered:
    """A task's payload."""

    document_id: Annotated[int, Field(ge=1, le=_LAST)]


@dataclass(frozen=True, slots=True)
class Listed:
    """A document in a list."""

    id: int
    name: str
    kind: str
    status: Status
    tries: int
    error: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A document and its questions."""

    document: Listed
    questions: tuple[Question, ...]


def routes(storage: Storage, generation: Generation, settings: Settings) -> APIRouter:
    """Each is a plain function, which FastAPI runs in a thread: reading, storing and generating take their time."""
    api = APIRouter()

    @api.post("/api/upload", status_code=201)
    def upload(file: UploadFile) -> Uploaded:
        """Store a document and order its questions."""
        name = _name(file.filename)
        raw = file.file.read()
        if len(raw) > settings.max_bytes:
            raise TooLong(too_large(settings))
        found = extract(name, raw)
        document = storage.add(name, found.kind, found.text)
        way = generation.order(document)
        return Uploaded(document.id, _existing(storage, document.id).status, way)

    @api.post(PATH)
    def generate_questions(order: Ordered) -> Listed:
        """What the task calls. Again for a document that has its questions changes nothing."""
        generation.generate(order.document_id)
        return _listed(_existing(storage, order.document_id))

    @api.get("/api/documents")
    def documents(before: Annotated[int | None, Query(ge=1, le=_LAST)] = None) -> list[Listed]:
        """The newest first; a page on is `before` the last of this one."""
        return [_listed(document) for document in storage.documents(before)]

    @api.get("/api/documents/{number}")
    def document(number: Annotated[int, Path(ge=1, le=_LAST)]) -> Shown:
        return Shown(_listed(_existing(storage, number)), storage.questions(number))

    return api


def too_large(settings: Settings) -> str:
    return f"The file is too large: at most {settings.max_bytes / MEBIBYTE:g} MiB are taken."


def _name(sent: str | None) -> str:
    """Without the folders that some browsers send, and characters that are none."""
    name = PurePosixPath((sent or "").replace("\\", "/")).name
    return _CONTROLS.sub("", name).strip()[-200:] or _UNNAMED


def _existing(storage: Storage, number: int) -> Document:
    found = storage.document(number)
    if found is None:
        raise NoDocument(f"There is no document {number}.")
    return found


def _listed(document: Document) -> Listed:
    return Listed(document.id, document.name, document.kind, document.status, document.tries, document.error)
