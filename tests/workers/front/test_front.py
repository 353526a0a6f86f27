"""The door: who comes in, what he is told, and how his request reaches the worker."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from kumotasks.domain.clock import MINUTE, SECOND
from kumotasks.domain.run.service import Ingress
from kumotasks.domain.run.template import Container, Template
from tests.dispatch.scripted import Visit, answering
from tests.dispatch.sending import until
from tests.workers.fronting import HOST, NAME, SERVICE, URL, connected, stage, unguarded

DENIED = (
    b'<html><head>\n<meta http-equiv="content-type" content="text/html;charset=utf-8">\n<title>%b</title>\n</head>\n'
    b"<body text=#000000 bgcolor=#ffffff>\n<h1>Error: %b</h1>\n<h2>%b</h2>\n<h2></h2>\n</body></html>"
)
UNAUTHORIZED = DENIED % (
    b"401 Unauthorized",
    b"Unauthorized",
    b"Your client does not have permission to the requested URL <code>/a&lt;b</code>.",
)
FORBIDDEN = DENIED % (
    b"403 Forbidden",
    b"Forbidden",
    b"Your client does not have permission to get URL <code>/a&lt;b</code> from this server.",
)


async def test_who_shows_no_token_is_forbidden(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        answer = await s.ask(target="/a%3Cb")
        assert (answer.status, answer.body) == (403, FORBIDDEN)
        assert answer.headers["content-type"] == "text/html; charset=UTF-8"
        assert "www-authenticate" not in answer.headers
        assert s.worker.requests == []
        assert s.log.entries[0][1].refusal.startswith("The request was not authenticated. Either allow unauth")


async def test_who_may_invoke_comes_in_and_his_signature_stays_outside(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        token = await s.token(await s.caller("ann"))
        answer = await s.ask(f"Authorization: Bearer {token}")
        assert (answer.status, answer.body) == (200, b"ok")
        shown = token.rpartition(".")[0] + ".SIGNATURE_REMOVED_BY_GOOGLE"
        assert f"authorization: Bearer {shown}\r\n".encode() in s.worker.requests[0]
        assert token.rpartition(".")[2].encode() not in s.worker.requests[0]


async def test_a_good_token_of_somebody_else_is_forbidden(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        token = await s.token(await s.caller("ann", bound=False))
        answer = await s.ask(f"Authorization: Bearer {token}", target="/a%3Cb")
        assert (answer.status, answer.body) == (403, FORBIDDEN)
        assert s.log.entries[0][1].refusal.startswith("The request was not authorized to invoke this service.")


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer ya29.k.x", "Basic YTpi", "Bearer", "Bearer a.b.c", "x"])
async def test_what_proves_nothing_is_unauthorized(tmp_path: Path, header: str) -> None:
    async with stage(tmp_path) as s:
        answer = await s.ask(f"Authorization: {header}", target="/a%3Cb")
        assert (answer.status, answer.body) == (401, UNAUTHORIZED)
        assert answer.headers["www-authenticate"] == (
            'Bearer error="invalid_token" error_description="The access token could not be verified"'
        )


async def test_a_token_ends(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        header = f"Authorization: Bearer {await s.token(await s.caller('ann'))}"
        assert (await s.ask(header)).status == 200
        s.world.clock.turn(s.world.clock.now() + 61 * MINUTE)
        assert (await s.ask(header)).status == 401


async def test_a_token_ends_with_its_account(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        ann = await s.caller("ann")
        header = f"Authorization: Bearer {await s.token(ann)}"
        assert (await s.ask(header)).status == 200
        await s.world.accounts.replace(replace(ann, disabled=True), if_etag=ann.etag)
        assert (await s.ask(header)).status == 401


async def test_a_change_of_the_policy_is_in_force_at_once(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        header = f"Authorization: Bearer {await s.token(await s.caller('ann'))}"
        statuses = [(await s.ask(header)).status]
        await s.let_in()
        statuses.append((await s.ask(header)).status)
        await s.let_in("allUsers")
        statuses += [(await s.ask(header)).status, (await s.ask()).status]
        assert statuses == [200, 403, 200, 200]


@pytest.mark.parametrize(
    ("audience", "status"),
    [
        (URL, 200),
        (f"{URL}/", 200),
        (f"{URL}/work?x=1", 200),
        ("32555940559.apps.googleusercontent.com", 200),
        ("my-audience", 200),
        ("my-audience/", 401),
        (f"{URL}.evil.example", 401),
        ("https://other-123.us-central1.run.app", 401),
        ("http" + URL.removeprefix("https"), 401),
        (HOST, 401),
    ],
)
async def test_a_token_is_made_out_to_the_service(tmp_path: Path, audience: str, status: int) -> None:
    async with stage(tmp_path, service=replace(SERVICE, custom_audiences=("my-audience",))) as s:
        token = await s.token(await s.caller("ann"), audience)
        assert (await s.ask(f"Authorization: Bearer {token}")).status == status


async def test_the_serverless_header_is_the_one_that_counts(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        token = await s.token(await s.caller("ann"))
        own = "Authorization: Bearer the.worker.own"
        assert (await s.ask(f"X-Serverless-Authorization: Bearer {token}", own)).status == 200
        assert b"authorization: Bearer the.worker.own\r\n" in s.worker.requests[0]
        assert b".SIGNATURE_REMOVED_BY_GOOGLE\r\n" in s.worker.requests[0]
        wrong = f"X-Serverless-Authorization: Bearer {token[:-6]}AAAAAA"
        assert (await s.ask(wrong, f"Authorization: Bearer {token}")).status == 401


async def test_two_tokens_are_no_token(tmp_path: Path) -> None:
    async with stage(tmp_path) as s:
        header = f"Authorization: Bearer {await s.token(await s.caller('ann'))}"
        assert (await s.ask(header, "Authorization: Bearer x.y.z")).status == 401
        assert s.worker.requests == []


async def test_an_open_service_leaves_tokens_alone_but_for_false_ones_of_ours(tmp_path: Path) -> None:
    async with stage(tmp_path, service=unguarded()) as s:
        token = await s.token(await s.caller("ann", bound=False), "somebody-else")
        for header in (f"Bearer {token}", "Basic YTpi", "Bearer opaque"):
            assert (await s.ask(f"Authorization: {header}")).status == 200
            assert f"authorization: {header}\r\n".encode() in s.worker.requests[-1]
        assert (await s.ask(f"Authorization: Bearer {token[:-6]}AAAAAA")).status == 401


@pytest.mark.parametrize("ingress", [Ingress.INTERNAL, Ingress.INTERNAL_LOAD_BALANCER])
async def test_an_internal_service_is_not_found_from_outside(tmp_path: Path, ingress: Ingress) -> None:
    async with stage(tmp_path, service=unguarded(ingress=ingress)) as s:
        answer = await s.ask()
        assert answer.status == 404
        assert b"<h1>Error: Page not found</h1>" in answer.body
        assert s.worker.requests == []


async def test_the_worker_is_told_where_a_request_comes_from(tmp_path: Path) -> None:
    async with stage(tmp_path, service=unguarded()) as s:
        trace = "0123456789abcdef0123456789abcdef"
        await s.ask(
            "X-Forwarded-For: 9.9.9.9",
            "X-Forwarded-Proto: gopher",
            "Forwarded: for=9.9.9.9",
            f"X-Cloud-Trace-Context: {trace}/7;o=1",
            "X-CloudTasks-TaskName: mine",
            "X-Kumo-Run-Secret: s",
            "Connection: x-hop",
            "X-Hop: 1",
            "TE: trailers",
            "User-Agent: me",
            target="/a%2Fb?c=d",
        )
        (request,) = s.worker.requests
        head = request.decode().split("\r\n")
        assert head[0] == "GET /a%2Fb?c=d HTTP/1.1"
        fields = dict(line.split(": ", 1) for line in head[1:] if line)
        assert fields.pop("x-cloud-trace-context").startswith(f"{trace}/")
        assert fields.pop("traceparent").startswith(f"00-{trace}-")
        assert fields == {
            "host": HOST,
            "user-agent": "me",
            "x-forwarded-for": "9.9.9.9,127.0.0.1",
            "x-forwarded-proto": "https",
            "forwarded": 'for=9.9.9.9,for="127.0.0.1";proto=https',
            "x-cloudtasks-taskname": "mine",
        }


async def test_the_log_says_what_was_asked_and_answered(tmp_path: Path) -> None:
    async with stage(tmp_path, service=unguarded()) as s:
        await s.ask("User-Agent: me", method="POST", target="/x?y", body=b"hello")
        ((place, request),) = s.log.entries
        assert (place.service, place.revision, place.instance) == (NAME, "worker-00001-own", "elsewhere")
        assert (request.method, request.url, request.status) == ("POST", f"{URL}/x?y", 200)
        assert (request.request_size, request.response_size, request.user_agent) == (5, 2, "me")
        assert (request.remote_ip, request.protocol, request.refusal) == ("127.0.0.1", "HTTP/1.1", "")


async def test_every_other_host_is_led_elsewhere(tmp_path: Path) -> None:
    async with stage(tmp_path, service=unguarded()) as s:
        assert (await s.say(b"GET / HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n")).startswith(b"HTTP/1.1 418")
        absolute = f"GET http://{HOST.upper()}.:80/x HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n"
        assert (await s.say(absolute.encode())).startswith(b"HTTP/1.1 200")


async def silent(visit: Visit) -> None:
    await visit.request()
    await visit.gone()


async def test_a_worker_that_does_not_answer_in_time_is_given_up(tmp_path: Path) -> None:
    hour = replace(SERVICE.template, timeout=60 * MINUTE)
    async with stage(tmp_path, silent, service=unguarded(template=hour)) as s:
        asking = asyncio.ensure_future(s.ask())
        await until(lambda: len(s.worker.requests) == 1)
        s.world.clock.turn(s.world.clock.now() + 60 * MINUTE - SECOND)
        await asyncio.sleep(0)
        assert not asking.done()
        s.world.clock.turn(s.world.clock.now() + SECOND)
        answer = await asking
        assert (answer.status, answer.body) == (504, b"upstream request timeout")
        assert s.log.statuses == [504]


async def test_a_worker_with_enough_to_do_gets_no_more(tmp_path: Path) -> None:
    one = Template((Container("image"),), concurrency=1)
    async with stage(tmp_path, silent, service=unguarded(template=one)) as s:
        first = asyncio.ensure_future(s.ask())
        await until(lambda: len(s.worker.requests) == 1)
        answer = await s.ask()
        assert (answer.status, answer.body) == (429, b"Rate exceeded.")
        s.world.clock.turn(s.world.clock.now() + 300 * SECOND)
        assert (await first).status == 504
        s.worker.script = answering()
        assert (await s.ask()).status == 200  # its place is free again


@pytest.mark.parametrize(
    "said", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", b"HTTP/1.1 20"]
)
async def test_a_worker_that_breaks_off_makes_a_503(tmp_path: Path, said: bytes) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(said)

    async with stage(tmp_path, script, service=unguarded()) as s:
        answer = await s.ask(method="POST", body=b"x")
        assert answer.status == 503
        assert s.log.statuses == [503]
        assert len(s.worker.requests) == 1


async def test_nobody_listening_makes_a_503(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with stage(tmp_path, service=unguarded(), port=taken.getsockname()[1]) as s:
            assert (await s.ask()).status == 503


async def test_an_answer_that_breaks_off_is_not_passed_for_whole(tmp_path: Path) -> None:
    async def script(visit: Visit) -> None:
        await visit.request()
        await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")

    async with stage(tmp_path, script, service=unguarded()) as s, connected(s.port) as (reader, writer):
        writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        heard = await reader.read()
        assert heard.endswith(b"half")
        assert b"content-length: 10" in heard.lower()


async def test_a_client_that_leaves_frees_its_place(tmp_path: Path) -> None:
    one = Template((Container("image"),), concurrency=1)
    async with stage(tmp_path, silent, service=unguarded(template=one)) as s:
        async with connected(s.port) as (_, writer):
            writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            await until(lambda: len(s.worker.requests) == 1)
        await until(lambda: bool(s.log.entries))
        assert s.log.statuses == [499]
        s.worker.script = answering()
        assert (await s.ask()).status == 200
