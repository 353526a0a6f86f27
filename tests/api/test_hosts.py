"""Whose a request is, by its host."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest

from kumotasks.api.exchange import Answer
from kumotasks.api.head import Head
from kumotasks.api.hosts import Hosts

OURS = "worker-123.us-central1.run.app"


class Named:
    """An application that remembers that it was called."""

    def __init__(self) -> None:
        self.calls = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1


async def nothing(*_: object) -> Any:
    raise AssertionError("nobody reads or answers here")


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ([(b"host", OURS.encode())], True),
        ([(b"host", OURS.encode() + b":8123")], True),
        ([(b"accept", b"*/*"), (b"host", OURS.upper().encode() + b".")], True),
        ([(b"host", b"localhost:8123")], False),
        ([(b"host", b"evil." + OURS.encode())], False),
        ([(b"host", b"[::1]:8123")], False),
        ([(b"host", b"")], False),
        ([(b"x-forwarded-host", OURS.encode())], False),
        ([], False),
    ],
)
async def test_a_request_goes_where_its_host_says(headers: list[tuple[bytes, bytes]], ours: bool) -> None:
    front, application = Named(), Named()
    hosts = Hosts({OURS: 1}.get, front=front, application=application)
    await hosts({"type": "http", "headers": headers}, nothing, nothing)
    assert (front.calls, application.calls) == ((1, 0) if ours else (0, 1))


async def test_what_is_no_request_is_the_applications_affair() -> None:
    front, application = Named(), Named()
    hosts = Hosts({OURS: 1}.get, front=front, application=application)
    await hosts({"type": "websocket", "headers": [(b"host", OURS.encode())]}, nothing, nothing)
    assert (front.calls, application.calls) == (0, 1)


def test_guests_are_known_by_their_host_header() -> None:
    hosts = Hosts({OURS: 1}.get, front=Named(), application=Named())
    assert hosts.guest(OURS.encode() + b":443")
    assert not hosts.guest(b"localhost")


class Doored(Named):
    """One that has a door."""

    def door(self, head: Head, body: bytes, peer: str, answer: Answer) -> Coroutine[Any, Any, None]:
        return self({}, nothing, nothing)


async def test_only_what_is_for_the_application_goes_in_by_its_door() -> None:
    application = Doored()
    hosts = Hosts({OURS: 1}.get, front=Named(), application=application)
    assert hosts.door(head_for(OURS.upper() + ":443"), b"", "", unsaid) is None
    taken = hosts.door(head_for("localhost"), b"", "", unsaid)
    assert taken is not None
    await taken
    assert application.calls == 1


def test_an_application_without_a_door_has_none_behind_hosts() -> None:
    assert Hosts({}.get, front=Named(), application=Named()).door(head_for("localhost"), b"", "", unsaid) is None


def head_for(host: str) -> Head:
    fields = [(b"host", host.encode())]
    return Head("POST", b"/", fields, dict(fields))


def unsaid(*_: object) -> None:
    raise AssertionError("nobody answers here")
