"""A document's questions: ordered from the queue, or made here. Knows nothing of HTTP and of what a file was."""

from __future__ import annotations

import logging
from typing import TypedDict, assert_never

from examples.yuichat.questions.question import Question, QuestionGenerator
from examples.yuichat.settings import Settings
from examples.yuichat.storage import Document, Status, Storage
from kumotasks.client import Dropped, InBackground, RanNow, Scheduled, TaskQueue, Uncertain

PATH = "/api/generate-questions"
UNCERTAIN = "uncertain"

logger = logging.getLogger("yuichat")


class NoDocument(Exception):
    """There is no document of that number."""


class NotGenerated(Exception):
    """The generator failed. The document says so, and may be tried again."""


class Order(TypedDict):
    """The task's payload."""

    document_id: int


class Generation:
    """The one place that knows both the queue and the generator."""

    def __init__(self, storage: Storage, generator: QuestionGenerator, queue: TaskQueue, settings: Settings) -> None:
        self._storage = storage
        self._generator = generator
        self._queue = queue
        self._settings = settings

    def order(self, document: Document) -> str:
        """Have a document's questions made, by a task or at once: the way that was taken."""
        order = Order(document_id=document.id)
        delay, deadline = self._settings.delay, self._settings.deadline
        try:
            done = self._queue.enqueue(PATH, order, delay=delay, deadline=deadline, fallback=self._make)
        except Uncertain as unknown:
            # The task may exist, so nothing is done now; if it does not, the document stays "pending" for all to see.
            logger.warning("Question generation of document %d is uncertain: %s", document.id, unknown.why)
            return UNCERTAIN
        match done:
            case Scheduled():
                logger.info("🚀 Question generation scheduled via Cloud Tasks")
            case RanNow(Status.READY):
                logger.info("✅ Question generation completed (sync)")
            case RanNow() | Dropped() | InBackground():
                logger.warning("Question generation of document %d: %s (%s)", document.id, done.way, done.why)
            case _:
                assert_never(done)
        return done.way

    def generate(self, number: int) -> Document:
        """Make a document's questions, unless it has them. Raises NoDocument, NotGenerated."""
        document = self._storage.begin(number)
        if document is None:
            raise NoDocument(f"There is no document {number}.")
        if document.status is Status.READY:
            logger.info("Questions of document %d are there already", number)
            return document
        logger.info("Question generation of document %d begins, try %d", number, document.tries)
        questions = self._asked(document)
        if self._storage.finish(number, questions):
            logger.info("Question generation of document %d completed: %d questions", number, len(questions))
        else:
            logger.info("Question generation of document %d was completed by another", number)
        return document

    def _make(self, order: Order) -> Status:
        """As the queue's fallback: a failure is the document's, whose upload was good."""
        try:
            self.generate(order["document_id"])
        except NotGenerated:
            return Status.FAILED
        return Status.READY

    def _asked(self, document: Document) -> list[Question]:
        try:
            return self._generator.generate(document.text, count=self._settings.questions)
        except Exception as failure:
            # Whatever it is: behind the interface are networks and models. The document must not seem to be worked on.
            logger.exception("Question generation of document %d failed", document.id)
            self._storage.fail(document.id, f"{type(failure).__name__}: {failure}"[:500])
            raise NotGenerated(f"The questions of document {document.id} could not be made.") from failure
