"""Tasks for private workers: handed to an application in this process, judged as if they had gone over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from kumotasks.dispatch.answer import BODY_LIMIT
from kumotasks.dispatch.connection import CLOSED_EARLY
from kumotasks.dispatch.inside import AsgiApp, Inside
from kumotasks.dispatch.route import ProxySettings
from kumotasks.domain.attempt import Answered, Outcome, TimedOut, Unreachable
from kumotasks.domain.clock import ManualClock
from tests.dispatch.scripted import answering, worker
from tests.dispatch.sending import DEADLINE, START, Awaited, asking, post, sender, until

HOST = "worker-123.us-central1.run.app"
URL = f"https://{HOST}/work?x=1"
OWN = "worker.example.com"


class App:
    """Answers with what it was given, and remembers what it was asked."""

    def __init__(
        self, status: int = 200, headers: Sequence[tuple[bytes, bytes]] = (), pieces: Sequence[bytes] = (b"ok",)
    ) -> None:
        self.status = status
        self.headers = headers
        self.pieces = pieces
        self.scopes: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.ended = True

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        event = await receive()
        assert event["more_body"] is False
        self.scopes.append(scope)
        self.bodies.append(event["body"])
        await send({"type": "http.response.start", "status": self.status, "headers": list(self.headers)})
        for piece in self.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if not self.ended:
            raise asyncio.CancelledError
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def leading_to(
    app: AsgiApp | None, *, clock: ManualClock | None = None, proxy: ProxySettings | None = None
) -> AbstractAsyncContextManager[Awaited]:
    inside = Inside(lambda host: app if host in (HOST, OWN) else None, frozenset({OWN}))
    return sender(clock=clock, inside=inside, proxy=proxy)


async def outcome(app: App, url: str = URL) -> Outcome:
    async with leading_to(app) as s:
        return await s.send(post(url))


async def test_a_task_for_a_service_of_ours_opens_no_connection() -> None:
    app = App()
    async with leading_to(app) as s:
        headers = (("Content-Type", "text/plain"), ("Authorization", "Bearer t"))
        assert await s.send(post(URL, b"body", *headers)) == Answered(200, None, b"ok")
        assert s.connections_open == 0
    (scope,) = app.scopes
    assert app.bodies == [b"body"]
    assert (scope["method"], scope["scheme"], scope["path"]) == ("POST", "https", "/work")
    assert (scope["raw_path"], scope["query_string"]) == (b"/work", b"x=1")
    assert scope["headers"][:3] == [
        (b"host", HOST.encode()),
        (b"content-type", b"text/plain"),
        (b"authorization", b"Bearer t"),
    ]
    assert "kumo.tasks" in scope["extensions"]


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/",
        f"https://{HOST.upper()}./",
        f"https://user@{HOST}:443/",
        f"https://{OWN}/",
    ],
)
async def test_a_service_has_more_than_one_address(url: str) -> None:
    assert await outcome(App(), url) == Answered(200, None, b"ok")


@pytest.mark.parametrize("url", [f"https://{HOST}:8443/", "https://real-1.us-central1.run.app/", "https://run.app/"])
async def test_what_is_no_service_of_ours_is_reached_as_any_other_host(url: str) -> None:
    app = App()
    assert isinstance(await outcome(app, url), Unreachable)
    assert app.scopes == []


async def test_a_service_of_ours_is_not_asked_for_through_the_outbound_proxy() -> None:
    async with worker(answering()) as proxy:
        async with leading_to(App(), proxy=ProxySettings(f"http://127.0.0.1:{proxy.port}")) as s:
            assert await s.send(post(f"http://{HOST}/x")) == Answered(200, None, b"ok")
        assert proxy.requests == []


async def test_a_service_that_is_gone_is_looked_for_outside_at_once() -> None:
    found: list[AsgiApp] = [App()]
    async with sender(inside=Inside(lambda host: found[0] if found else None)) as s:
        assert await s.send(post(URL)) == Answered(200, None, b"ok")
        found.clear()
        assert isinstance(await s.send(post(URL)), Unreachable)


@pytest.mark.parametrize(
    ("app", "expected"),
    [
        (App(503, [(b"retry-after", b"7")]), Answered(503, "7", b"ok")),
        (App(204, pieces=()), Answered(204)),
        (App(302, pieces=()), Answered(302)),
        (App(200, pieces=[b"x" * 100_000] * 20), Answered(200, None, b"x" * 1024)),
    ],
)
async def test_outcomes(app: App, expected: Answered) -> None:
    got = await outcome(app)
    assert isinstance(got, Answered)
    assert (got.status, got.retry_after) == (expected.status, expected.retry_after)
    assert got.excerpt.startswith(expected.excerpt[:1024])


async def test_an_endless_answer_is_given_up() -> None:
    sent = 0

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        nonlocal sent
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": bytes(65_536), "more_body": True})
            sent += 65_536

    async with leading_to(endless) as s:
        assert isinstance(await s.send(post(URL)), Answered)
    assert sent <= BODY_LIMIT


@pytest.mark.parametrize(("status", "expected"), [(200, Unreachable(CLOSED_EARLY)), (500, Answered(500, None, b"ok"))])
async def test_an_answer_that_breaks_off_is_no_success(status: int, expected: Outcome) -> None:
    app = App(status)
    app.ended = False
    assert await outcome(app) == expected


async def test_redirects_lead_in_and_out() -> None:
    async with worker(answering()) as there, leading_to(App(307, [(b"location", there.url.encode())])) as s:
        assert await s.send(post(URL, b"body")) == Answered(200, None, b"ok")
        assert there.requests[0].endswith(b"\r\n\r\nbody")
        there.script = answering(f"HTTP/1.1 303 Go\r\nLocation: {URL}\r\nContent-Length: 0\r\n\r\n".encode())
    app = App()
    async with worker(there.script) as there, leading_to(app) as s:
        assert await s.send(post(there.url, b"body")) == Answered(200, None, b"ok")
        assert (app.scopes[0]["method"], app.bodies) == ("GET", [b""])


async def test_the_deadline_ends_a_service_too() -> None:
    clock, began, cancelled = ManualClock(START), asyncio.Event(), asyncio.Event()

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with leading_to(silent, clock=clock) as s:
        sending = asyncio.ensure_future(s.send(post(URL)))
        await began.wait()
        clock.turn(START + DEADLINE)
        assert await sending == TimedOut()
        assert cancelled.is_set()


async def test_who_gives_up_sending_ends_the_visit() -> None:
    began = asyncio.Event()

    async def silent(scope: Any, receive: Any, send: Any) -> None:
        began.set()
        await asyncio.Event().wait()

    async with leading_to(silent) as s:
        sending = asyncio.ensure_future(s.send(post(URL)))
        await began.wait()
        sending.cancel()
        await until(sending.done)
        assert sending.cancelled()


async def test_a_header_smuggles_nothing_in() -> None:
    app = App()
    async with leading_to(app) as s:
        evil = asking("GET", URL, b"", ("X", "1\r\nAuthorization: Bearer x"))
        assert isinstance(await s.send(evil), Unreachable)
    assert app.scopes == []
