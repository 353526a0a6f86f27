"""A task for a private worker of ours: handed to the front in process, with no name looked up and no connection made.

The request is the very one that would go over a socket (its bytes are read back), and the answer is judged by the same
rules: the final status decides, a body that breaks off is no success, past a bound the answer is given up. It knows the
front as an ASGI application, and nothing of services.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

import httptools

from kumotasks.dispatch.answer import BODY_LIMIT, FIELD_LIMIT, Redirected, Reply
from kumotasks.dispatch.connection import CLOSED_EARLY
from kumotasks.dispatch.destination import PORTS, Destination
from kumotasks.dispatch.redirect import REDIRECTS
from kumotasks.domain.attempt import HTTP_OK, Answered, Unreachable
from kumotasks.domain.history import EXCERPT

OF_TASKS = "kumo.tasks"  # our own ASGI extension: the dispatcher makes the request
LOCALHOST = ".run.localhost"
SUFFIXES = (".run.app", LOCALHOST)
HERE = ("127.0.0.1", 0)

Message = MutableMapping[str, Any]
AsgiApp = Callable[
    [MutableMapping[str, Any], Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]


class TooMuch(Exception):
    """The answer is longer than anybody reads."""


class Inside:
    """`find` has the application for a host of a service, lower case; it is asked for Cloud Run's names and `hosts`."""

    def __init__(self, find: Callable[[str], AsgiApp | None], hosts: frozenset[str] = frozenset()) -> None:
        self._find = find
        self._hosts = hosts

    def likely(self, destination: Destination) -> bool:
        """Whether a service of ours may be meant; what does not change while the server runs."""
        host = name_of(destination)
        if destination.port != PORTS[destination.scheme] and not host.endswith(LOCALHOST):
            return False
        return host.endswith(SUFFIXES) or host in self._hosts

    def find(self, destination: Destination) -> AsgiApp | None:
        """The application that answers for a destination; None if there is no such service, so that it is reached as
        any other host is."""
        return self._find(name_of(destination))


def name_of(destination: Destination) -> str:
    """The host without the dot that a full name may end in."""
    return destination.host.removesuffix(".")


async def visit(app: AsgiApp, data: bytes, scheme: str) -> Reply:
    """Make the request that `data` is."""
    call = Call(data, scheme)
    try:
        await app(call.scope, call.receive, call.send)
    except TooMuch:
        pass
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
    return call.reply()


class Call:
    """One request as the application sees it, and what it answers. The methods that begin with `on_` are llhttp's."""

    def __init__(self, data: bytes, scheme: str) -> None:
        self._url = self._body = b""
        self._headers: list[tuple[bytes, bytes]] = []
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(data)
        raw, _, query = self._url.partition(b"?")
        self.scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": parser.get_method().decode(),
            "scheme": scheme,
            "path": unquote(raw.decode("latin-1")),
            "raw_path": raw,
            "query_string": query,
            "root_path": "",
            "headers": self._headers,
            "client": HERE,
            "server": HERE,
            "extensions": {OF_TASKS: {}},
        }
        self._asked = self._complete = False
        self._status = self._size = 0
        self._answer: dict[bytes, bytes] = {}
        self._excerpt = b""

    async def receive(self) -> Message:
        if self._asked:
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": self._body, "more_body": False}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._answer = dict(message["headers"])
            return
        if message["type"] != "http.response.body":
            return
        body = message.get("body", b"")
        self._excerpt += body[: EXCERPT - len(self._excerpt)]
        self._size += len(body)
        self._complete = not message.get("more_body", False)
        if self._size > BODY_LIMIT and not self._complete:
            self._complete = True
            raise TooMuch

    def reply(self) -> Reply:
        """What it amounts to."""
        status = self._status
        if not status or (status in HTTP_OK and not self._complete):
            return Unreachable(CLOSED_EARLY)
        if status in HTTP_OK:
            return Answered(status, None, self._excerpt)
        answered = Answered(status, self._field(b"retry-after")[:FIELD_LIMIT] or None, self._excerpt)
        location = self._field(b"location") if status in REDIRECTS else ""
        return Redirected(answered, location) if location else answered

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def _field(self, name: bytes) -> str:
        return self._answer.get(name, b"").decode("utf-8", "replace").strip()
