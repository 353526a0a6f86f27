"""Attempts that carry a token: where it comes from, what happens without one, and where it never goes."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.bearers import Bearers as TheBearers
from kumotasks.auth.bearers import Refusal, TokenAsk
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.tokens import Tokens
from kumotasks.domain.account import ServiceAccount
from kumotasks.domain.attempt import Answered, Outcome, Status
from kumotasks.domain.clock import DAY, SECOND, ManualClock
from kumotasks.domain.queue import RetryConfig
from kumotasks.domain.target import HttpRequest, HttpTarget, OidcToken
from kumotasks.domain.task import Task
from tests.dispatch.dispatching import FAILED, OK, Node, answers, until
from tests.dispatch.scripted import answering, worker
from tests.dispatch.sending import Awaited, sender
from tests.factory import NOW, a_task

EMAIL = "sender@p.iam.gserviceaccount.com"
URL = "http://worker.example/run"
ASK = TokenAsk(EMAIL, audience=URL)
EVERY_SECOND = RetryConfig(min_backoff=SECOND, max_backoff=SECOND)


@dataclass
class Bearers:
    """`kept` is at hand; all else is made: `made`, once `held` is set."""

    kept: dict[TokenAsk, str] = field(default_factory=dict)
    made: str | Refusal = "made"
    held: asyncio.Event | None = None
    asked: list[TokenAsk] = field(default_factory=list)

    def ready(self, ask: TokenAsk) -> str | None:
        return self.kept.get(ask)

    async def mint(self, ask: TokenAsk) -> str | Refusal:
        self.asked.append(ask)
        if self.held is not None:
            await self.held.wait()
        return self.made


async def add(node: Node, url: str = URL, *, name: str = "a") -> Task:
    """A task that asks for a token."""
    task = a_task(name, created=NOW, target=HttpRequest(url, oidc_token=OidcToken(EMAIL)))
    assert list(await node.store.add_tasks([task])) == [task]
    return task


def authorizations(node: Node) -> list[str | None]:
    return [dict(each.request.headers).get("Authorization") for each in node.sender.sent]


async def test_a_token_at_hand_is_sent_and_none_is_made(tmp_path: Path) -> None:
    bearers = Bearers(kept={ASK: "kept"})
    async with Node(tmp_path, bearers=bearers) as node:
        await node.create()
        await add(node)
        await node.calm()
        assert authorizations(node) == ["Bearer kept"]
        assert bearers.asked == []


async def test_a_token_that_is_not_at_hand_is_made_for_each_attempt(tmp_path: Path) -> None:
    bearers = Bearers()
    async with Node(tmp_path, bearers=bearers) as node:
        node.sender.script = answers(FAILED, OK)
        await node.create(retry=EVERY_SECOND)
        await add(node)
        await node.calm()
        bearers.made = "later"
        await node.pass_time(SECOND)
        assert authorizations(node) == ["Bearer made", "Bearer later"]
        assert bearers.asked == [ASK, ASK]


async def test_the_queues_token_is_the_one_that_is_sent(tmp_path: Path) -> None:
    own = TokenAsk("queue@p", audience="https://own")
    async with Node(tmp_path, bearers=Bearers(kept={own: "queue's", ASK: "task's"})) as node:
        await node.create()
        await node.change(http_target=HttpTarget(oidc_token=OidcToken("queue@p", "https://own")))
        await add(node)
        await node.calm()
        assert authorizations(node) == ["Bearer queue's"]


async def test_a_task_that_asks_for_no_token_gets_none(tmp_path: Path) -> None:
    bearers = Bearers()
    async with Node(tmp_path, bearers=bearers) as node:
        await node.create()
        await node.add("a")
        await node.calm()
        assert authorizations(node) == [None]
        assert bearers.asked == []


async def test_without_its_token_nothing_is_sent_and_the_attempt_has_failed(tmp_path: Path) -> None:
    bearers = Bearers(made=Refusal("the service account does not exist"))
    async with Node(tmp_path, bearers=bearers) as node:
        await node.create(retry=EVERY_SECOND)
        await add(node)
        await node.calm()
        (task,) = await node.kept()
        assert node.sent == []
        assert (task.progress.dispatch_count, task.progress.response_count) == (1, 0)
        assert task.schedule_time == NOW + SECOND
        assert task.progress.last_attempt is not None
        assert task.progress.last_attempt.response_status == Status(
            16, "UNAUTHENTICATED(16): the service account does not exist"
        )
        bearers.made = "made"
        await node.pass_time(SECOND)
        assert authorizations(node) == ["Bearer made"]
        assert await node.kept() == []
        assert node.delivery.counts.ended == {"UNAUTHENTICATED": 1, "OK": 1}


async def test_a_task_whose_account_never_comes_back_is_given_up_by_the_rules(tmp_path: Path) -> None:
    async with Node(tmp_path, bearers=Bearers(made=Refusal("gone"))) as node:
        await node.create(retry=RetryConfig(max_attempts=3, min_backoff=SECOND))
        await add(node)
        await node.pass_time(DAY)
        assert node.sent == []
        assert node.delivery.counts.ended == {"UNAUTHENTICATED": 3}
        assert await node.kept() == []


async def test_where_no_tokens_are_made_none_is_left_out(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await node.create()
        await add(node)
        await node.calm()
        assert node.sent == []


async def test_a_task_deleted_while_its_token_is_made_is_not_sent(tmp_path: Path) -> None:
    held = asyncio.Event()
    bearers = Bearers(held=held)
    async with Node(tmp_path, bearers=bearers) as node:
        await node.create()
        task = await add(node)
        await node.calm()
        assert bearers.asked == [ASK]
        await node.delete(task)
        held.set()
        await node.calm()
        assert node.sent == []
        assert node.berth().lane.slots_used == 0


async def test_a_token_that_is_waited_for_holds_nobody_else_up(tmp_path: Path) -> None:
    held = asyncio.Event()
    async with Node(tmp_path, bearers=Bearers(held=held)) as node:
        await node.create()
        await add(node)
        await node.add("b")
        await node.calm()
        assert node.tasks_sent == ["b"]
        held.set()
        await node.calm()
        assert node.tasks_sent == ["b", "a"]


async def test_a_fault_in_making_a_token_is_that_attempts_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Bearers):
        async def mint(self, ask: TokenAsk) -> str | Refusal:
            raise ZeroDivisionError

    async with Node(tmp_path, bearers=Broken()) as node:
        await node.create(retry=EVERY_SECOND)
        await add(node)
        with caplog.at_level(logging.ERROR, "kumotasks.dispatch"):
            await node.calm()
        assert node.sent == []
        assert len(await node.kept()) == 1


# with the real accounts and keys


async def strict(node: Node, directory: Path) -> tuple[Accounts, Tokens]:
    """As a server that asks who calls: only accounts that exist have tokens."""
    wall = ManualClock(NOW)
    keyring = Keyring(directory / "keys", wall)
    accounts, tokens = Accounts(node.store.records, wall), Tokens(keyring, wall, "https://accounts.google.com")
    await keyring.start()
    node.delivery._bearers = TheBearers(accounts, tokens, wall, strict=True)
    return accounts, tokens


async def attempt(node: Node, name: str) -> str:
    """The status of a first attempt on a new task: what was kept of it if it failed."""
    await add(node, name=name)
    await until(lambda: not node.in_flight)
    await node.calm()
    kept = next((task for task in await node.kept() if task.name.task == name), None)
    if kept is None:
        return "OK"
    assert kept.progress.last_attempt is not None
    assert kept.progress.last_attempt.response_status is not None
    return kept.progress.last_attempt.response_status.message


async def test_an_account_must_be_there_and_enabled_at_the_moment_of_each_attempt(tmp_path: Path) -> None:
    gone = f"UNAUTHENTICATED(16): the service account {EMAIL} does not exist"
    async with Node(tmp_path) as node:
        accounts, tokens = await strict(node, tmp_path)
        await node.create(retry=RetryConfig(min_backoff=DAY, max_backoff=DAY))
        assert await attempt(node, "before") == gone
        account = await accounts.create(ServiceAccount("p", EMAIL, "1" * 21))
        assert await attempt(node, "while") == "OK"
        account = await accounts.replace(replace(account, disabled=True), if_etag=account.etag)
        assert await attempt(node, "disabled") == f"UNAUTHENTICATED(16): the service account {EMAIL} is disabled"
        account = await accounts.replace(replace(account, disabled=False), if_etag=account.etag)
        assert await attempt(node, "enabled") == "OK"
        await accounts.delete(account)
        assert await attempt(node, "deleted") == gone
        await accounts.create(ServiceAccount("p", EMAIL, "2" * 21))
        assert await attempt(node, "again") == "OK"
        found = [await tokens.read_id_token(str(each).removeprefix("Bearer ")) for each in authorizations(node)]
        assert [claims.unique_id[:1] for claims in found if claims] == ["1", "1", "2"]


async def test_a_default_account_needs_no_making(tmp_path: Path) -> None:
    async with Node(tmp_path) as node:
        await strict(node, tmp_path)
        await node.create()
        target = HttpRequest(URL, oidc_token=OidcToken("p@appspot.gserviceaccount.com"))
        await node.store.add_tasks([a_task("a", created=NOW, target=target)])
        await until(lambda: node.delivery.counts.ended)
        assert node.delivery.counts.ended == {"OK": 1}


# over real sockets


async def deliver(node: Node, through: Awaited, url: str) -> None:
    node.delivery._sender = through.sender
    await node.create()
    await add(node, url)
    await until(lambda: node.delivery.counts.ended)
    await node.calm()


def leading(location: str, status: int) -> bytes:
    return f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_never_takes_the_token_to_another_origin(status: int, tmp_path: Path) -> None:
    async with (
        worker(answering()) as home,
        worker(answering(leading(f"{home.url}/end", status))) as other,
        worker(answering(leading(f"{other.url}/on", status))) as first,
        sender() as through,
        Node(tmp_path, bearers=Bearers()) as node,
    ):
        await deliver(node, through, first.url)
        assert node.delivery.counts.ended == {"OK": 1}
        assert b"\r\nAuthorization: Bearer made\r\n" in first.requests[0]
        for elsewhere in (other, home):
            (request,) = elsewhere.requests
            assert b"made" not in request
            assert b"authorization" not in request.lower()


async def test_the_same_host_by_another_name_or_port_is_another_origin(tmp_path: Path) -> None:
    async with worker(answering()) as w, sender() as through, Node(tmp_path, bearers=Bearers()) as node:
        async with worker(answering(leading(f"http://127.0.0.1:{w.port}/end", 307))) as first:
            await deliver(node, through, first.url)
        assert b"authorization" not in w.requests[0].lower()


async def test_a_redirect_within_the_origin_keeps_the_token(tmp_path: Path) -> None:
    async with (
        worker(answering(leading("/again", 307))) as w,
        sender() as through,
        Node(tmp_path, bearers=Bearers()) as node,
    ):
        await deliver(node, through, w.url)
        assert [b"\r\nAuthorization: Bearer made\r\n" in request for request in w.requests] == [True] * 6


async def test_a_token_left_out_once_stays_out_when_the_way_leads_back(tmp_path: Path) -> None:
    async with (
        worker(answering()) as other,
        worker(answering(leading(f"{other.url}/on", 307))) as first,
        sender() as through,
        Node(tmp_path, bearers=Bearers()) as node,
    ):
        other.script = answering(leading(f"{first.url}/back", 307))
        await deliver(node, through, first.url)
        assert [b"Bearer made" in request for request in first.requests] == [True, False, False]
        assert [b"Bearer" in request for request in other.requests] == [False] * 3


@pytest.mark.parametrize(
    ("body", "excerpt"),
    [
        (b"hello", b"hello"),
        (b"you sent: Bearer T, T", b"you sent: Bearer "),
        (b"T", b""),
    ],
)
async def test_an_excerpt_ends_where_the_worker_sends_the_token_back(
    body: bytes, excerpt: bytes, tmp_path: Path
) -> None:
    token = "eyJ" + "abcdefghij" * 60
    seen: list[Outcome] = []
    async with Node(tmp_path, bearers=Bearers(made=token)) as node:
        node.sender.script = answers(Answered(500, None, body.replace(b"T", token.encode())[:64]))
        account = node.delivery._account
        node.delivery._account = lambda *a: (seen.append(a[2]), account(*a))[1]  # type: ignore[method-assign, func-returns-value]
        await node.create()
        await add(node)
        await node.calm()
    assert seen == [Answered(500, None, excerpt)]


async def test_the_status_of_an_attempt_does_not_repeat_what_the_worker_sent_back(tmp_path: Path) -> None:
    echo = b"HTTP/1.1 500 Bearer-made\r\nX-Got: Bearer made\r\nContent-Length: 11\r\n\r\nBearer made"
    async with worker(answering(echo)) as w, sender() as through, Node(tmp_path, bearers=Bearers()) as node:
        await deliver(node, through, w.url)
        (task,) = await node.kept()
        assert "made" not in repr(task)
