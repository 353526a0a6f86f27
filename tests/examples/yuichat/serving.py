"""The application behind a real socket, in this process where a test brings parts of it, and who talks to it."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn

from examples.yuichat.app import create_app
from examples.yuichat.questions.question import QuestionGenerator
from examples.yuichat.settings import Settings
from kumotasks.client import Place, TaskQueue

Answer = tuple[int, Any]


@dataclass(frozen=True)
class Caller:
    """Talks to the application at `url`. Answers are a status, and JSON."""

    url: str

    def get(self, path: str) -> Answer:
        return self._ask(urllib.request.Request(self.url + path))

    def post(self, path: str, body: object) -> Answer:
        head = {"Content-Type": "application/json"}
        return self._ask(urllib.request.Request(self.url + path, json.dumps(body).encode(), head))

    def generate(self, number: int) -> Answer:
        """What the task does."""
        return self.post("/api/generate-questions", {"document_id": number})

    def upload(self, name: str, raw: bytes, field: str = "file") -> Answer:
        boundary = uuid.uuid4().hex
        form = io.BytesIO()
        form.write(f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'.encode())
        form.write(b"Content-Type: application/octet-stream\r\n\r\n" + raw + f"\r\n--{boundary}--\r\n".encode())
        head = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self._ask(urllib.request.Request(f"{self.url}/api/upload", form.getvalue(), head))

    def shown(self, number: int) -> dict[str, Any]:
        """A document that is there."""
        status, shown = self.get(f"/api/documents/{number}")
        assert status == 200, shown
        return dict(shown)

    def _ask(self, request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.load(refused)


def no_queue(_: str) -> TaskQueue:
    """What an application has that nobody configured."""
    return TaskQueue(Place())


@contextlib.contextmanager
def serving(
    settings: Settings,
    *,
    queue: Callable[[str], TaskQueue] = no_queue,
    generator: QuestionGenerator | None = None,
) -> Iterator[Caller]:
    """The application of these parts, which is there when the block begins and gone when it ends; `queue` makes one of
    its URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:  # which keeps callers waiting until somebody answers
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = create_app(settings, queue=queue(url), generator=generator)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield Caller(url)
        finally:
            server.should_exit = True
            thread.join(30)
