"""`kumo run front`: the check of callers alone, by what an issuer publishes or by an installation's own policies."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.policies import PolicyBook, default_policy
from kumotasks.auth.projects import Projects
from kumotasks.auth.public_key import jwk
from kumotasks.auth.tokens import Tokens
from kumotasks.domain.account import ServiceAccount, project_number
from kumotasks.domain.clock import DAY, ManualClock, SystemClock
from kumotasks.domain.policy import Binding, Policy
from kumotasks.domain.run import address
from kumotasks.domain.run.service import ServiceName
from kumotasks.lifecycle import Listener, run
from kumotasks.server.front import front_components
from kumotasks.server.front_settings import FrontSettings
from kumotasks.storage.sqlite import SqliteStore
from tests.running import Answer, RecordingWorker
from tests.workers.fronting import Answered, connected, read_answer

NAME = ServiceName("shop", "us-central1", "worker")
ANN = ServiceAccount("shop", "ann@shop.iam.gserviceaccount.com", "1" * 21)
ISSUER = "https://accounts.google.com"


@asynccontextmanager
async def standing(settings: FrontSettings) -> AsyncIterator[int]:
    """A front that listens; its port."""
    components = front_components(settings)
    stop, started = asyncio.Event(), asyncio.Event()

    class Started:
        async def start(self) -> None:
            started.set()

        async def stop(self) -> None:
            """Nothing."""

    running = asyncio.create_task(run((*components, Started()), stop))
    try:
        async with asyncio.timeout(20):
            done, _ = await asyncio.wait(
                {running, asyncio.create_task(started.wait())}, return_when=asyncio.FIRST_COMPLETED
            )
            if running in done:
                running.result()
        yield next(each.port for each in components if isinstance(each, Listener))
    finally:
        stop.set()
        await running


async def ask(port: int, *fields: str) -> Answered:
    async with connected(port) as (reader, writer):
        lines = ["POST /work HTTP/1.1", f"Host: localhost:{port}", "Connection: close", "Content-Length: 2", *fields]
        writer.write("\r\n".join([*lines, "", "hi"]).encode())
        return read_answer(await reader.read())


def settings_for(worker: RecordingWorker) -> FrontSettings:
    return FrontSettings(worker.url, NAME, port=0)


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    clock = SystemClock()
    return Tokens(Keyring(tmp_path / "keys", clock), clock, ISSUER)


@pytest.fixture
def published(tmp_path: Path) -> Iterator[str]:
    """The URL of the installation's JWK set, as a server would publish it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = asyncio.run(_key_set(tmp_path))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/oauth2/v3/certs"
    server.shutdown()
    server.server_close()
    thread.join()


async def _key_set(directory: Path) -> bytes:
    keys = await Keyring(directory / "keys", SystemClock()).published()
    return json.dumps(
        {"keys": [{"kty": "EC", "kid": "odd"}, *(jwk(key.key_id, key.certificate) for key in keys)]}
    ).encode()


async def test_callers_on_the_list_come_in_by_the_keys_that_an_issuer_publishes(
    worker: RecordingWorker, tokens: Tokens, published: str
) -> None:
    worker.answer = lambda arrival: Answer(201, body=arrival.body)
    settings = replace(
        settings_for(worker),
        certificates=published,
        allow=("serviceAccount:Ann@shop.iam.gserviceaccount.com",),
        audiences=("own",),
    )
    url, _ = address.urls(NAME, "123")
    bob = replace(ANN, email="bob@shop.iam.gserviceaccount.com")
    async with standing(settings) as port:
        good = [await tokens.id_token(ANN, audience) for audience in ("own", _url())]
        wrong = [await tokens.id_token(ANN, audience) for audience in (url, "other")]
        statuses = [(await ask(port, f"Authorization: Bearer {each}")).status for each in (*good, *wrong)]
        assert statuses == [201, 201, 401, 401]
        assert (await ask(port, f"Authorization: Bearer {await tokens.id_token(bob, 'own')}")).status == 403
        assert (await ask(port)).status == 403
        assert (await ask(port, f"Authorization: Bearer {good[0][:-6]}AAAAAA")).status == 401
    assert [arrival.body for arrival in worker.arrivals] == [b"hi", b"hi"]
    assert worker.arrivals[0].headers["authorization"].endswith(".SIGNATURE_REMOVED_BY_GOOGLE")


def _url() -> str:
    return address.urls(NAME, project_number("shop"))[0]


async def test_an_issuer_that_cannot_be_reached_lets_nobody_in(worker: RecordingWorker, tokens: Tokens) -> None:
    settings = replace(settings_for(worker), certificates="http://127.0.0.1:9/certs", allow=("allAuthenticatedUsers",))
    async with standing(settings) as port:
        assert (await ask(port, f"Authorization: Bearer {await tokens.id_token(ANN, _url())}")).status == 401


async def test_an_installations_own_policies_judge(worker: RecordingWorker, tokens: Tokens, tmp_path: Path) -> None:
    clock, store = SystemClock(), SqliteStore(tmp_path / "kumo.db")
    await store.start()
    accounts = Accounts(store.records, clock, Projects(store.records, clock))
    ann = await accounts.create(ANN)
    bob = await accounts.create(replace(ANN, email="bob@shop.iam.gserviceaccount.com", unique_id="2" * 21))
    policy = Policy(3, (Binding("roles/run.invoker", (f"serviceAccount:{ann.email}",)),))
    await PolicyBook(store.records, clock, default_policy).put(str(NAME), policy, if_etag=b"")
    long_ago = Accounts(store.records, ManualClock(clock.now() - 60 * DAY))
    lost = replace(ANN, email="lost@shop.iam.gserviceaccount.com", unique_id="3" * 21)
    await long_ago.delete(await long_ago.create(lost))  # which only the server can forget
    await store.stop()
    async with standing(replace(settings_for(worker), data=tmp_path)) as port:
        headers = [f"Authorization: Bearer {await tokens.id_token(each, _url())}" for each in (ann, bob)]
        assert [(await ask(port, header)).status for header in headers] == [200, 403]
