"""The metadata server over real sockets, asked by google-auth, by CloudTasksClient() and by Node's library."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kumotasks.auth.bearers import Bearers
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.tokens import Tokens
from kumotasks.domain.account import ServiceAccount, project_number
from kumotasks.domain.clock import SystemClock
from kumotasks.workers.metadata.metadata import Identity, Metadata
from tests.running import missing, running

NODE = Path(__file__).parents[2] / "clients" / "node" / "node_modules"
PROJECT = "kumo-local"
EMAIL = f"{project_number(PROJECT)}-compute@developer.gserviceaccount.com"
IDENTITY = Identity(PROJECT, project_number(PROJECT), "us-central1", EMAIL, "00bf4bf02d")
FLAVOR = {"Metadata-Flavor": "Google"}
V1 = "/computeMetadata/v1"
ACCOUNT = f"{V1}/instance/service-accounts/default"


class Everybody:
    """A directory in which nobody stands, so that any e-mail is good."""

    epoch = 0

    async def find(self, ident: str) -> ServiceAccount | None:
        return None


@dataclass(frozen=True)
class Stand:
    """A metadata server that listens at `address`."""

    metadata: Metadata
    tokens: Tokens
    address: str

    def ask(
        self, path: str, headers: dict[str, str] = FLAVOR, verb: str = "GET"
    ) -> tuple[int, str, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection(self.address, timeout=20)
        try:
            connection.request(verb, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    async def asked(self, path: str, headers: dict[str, str] = FLAVOR, verb: str = "GET") -> tuple[int, str]:
        return (await asyncio.to_thread(self.ask, path, headers, verb))[:2]

    def environment(self) -> dict[str, str]:
        """What an instance is told, and nothing of ours."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        return kept | {
            "GCE_METADATA_HOST": self.address,
            "GCE_METADATA_IP": self.address,
            "GCE_METADATA_ROOT": self.address,
            "METADATA_SERVER_DETECTION": "assume-present",
        }


async def ran(command: list[str], environment: dict[str, str]) -> str:
    """What a program prints."""
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


async def opened(keys: Path, *, strict: bool = False) -> Stand:
    wall = SystemClock()
    tokens = Tokens(Keyring(keys, wall), wall, "https://accounts.google.com")
    metadata = Metadata(Bearers(Everybody(), tokens, wall, strict=strict), tokens, wall)
    return Stand(metadata, tokens, await metadata.open(IDENTITY))


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def stand(keys: Path) -> AsyncIterator[Stand]:
    stand = await opened(keys)
    yield stand
    await stand.metadata.stop()


async def test_an_answer_says_that_it_is_the_metadata_servers(stand: Stand) -> None:
    status, body, headers = await asyncio.to_thread(stand.ask, f"{V1}/project/project-id")
    assert (status, body) == (200, PROJECT)
    assert headers["Metadata-Flavor"] == "Google"
    assert headers["Content-Type"] == "application/text"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"Metadata-Flavor": "Other"}, 403),
        (FLAVOR | {"X-Forwarded-For": "203.0.113.7"}, 403),
        (FLAVOR | {"Host": "metadata.google.internal"}, 200),
        (FLAVOR | {"Host": "169.254.169.254"}, 200),
        (FLAVOR | {"Host": "[::1]:80"}, 200),
        (FLAVOR | {"Host": "page.example:80"}, 403),
        (FLAVOR, 200),
    ],
)
async def test_only_a_program_of_the_instance_is_answered(stand: Stand, headers: dict[str, str], status: int) -> None:
    assert (await stand.asked(f"{V1}/project/project-id", headers))[0] == status


async def test_the_root_is_open_and_answers_no_other_verb(stand: Stand) -> None:
    assert await stand.asked("/", {}) == (200, "computeMetadata/\n")
    assert (await stand.asked("/", FLAVOR, "POST"))[0] == 405
    assert await stand.asked(f"{V1}/project/project-id", FLAVOR, "HEAD") == (200, "")


async def test_a_connection_serves_one_question_after_another(stand: Stand) -> None:
    host, port = stand.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    ask = f"GET {V1}/universe/universe-domain HTTP/1.1\r\nHost: x\r\nmetadata-flavor: Google\r\n".encode()
    writer.write(ask.replace(b"Host: x", b"Host: localhost") + b"\r\n")
    assert b"200 OK" in await reader.readuntil(b"googleapis.com")
    writer.write(ask.replace(b"Host: x", b"Host: localhost") + b"Connection: close\r\n\r\n")
    assert (await reader.read()).endswith(b"\r\n\r\ngoogleapis.com")
    writer.close()


@pytest.mark.parametrize(
    "sent", [b"\r\n\r\n", b"GET / HTTP/2.0\r\n\r\n", b"GET /\xff \r\n\r\n", b"GET / HTTP/1.1\r\nx\r\n\r\n"]
)
async def test_what_is_no_request_is_said_to_be_none(stand: Stand, sent: bytes) -> None:
    host, port = stand.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
    writer.close()


async def test_a_head_without_end_is_cut_off(stand: Stand) -> None:
    host, port = stand.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nx: " + b"y" * 100_000)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()


async def test_tokens_are_of_the_instances_account(stand: Stand) -> None:
    status, body = await stand.asked(f"{ACCOUNT}/token?scopes=a,b")
    told = json.loads(body)
    assert (status, told["token_type"]) == (200, "Bearer")
    assert 3_500 < told["expires_in"] < 3_600
    access = await stand.tokens.read_access_token(told["access_token"])
    assert access is not None
    assert (access.email, access.scopes) == (EMAIL, ("a", "b"))
    status, text = await stand.asked(f"{ACCOUNT}/identity?audience=https%3A%2F%2Fa.example%2Fx&format=full")
    claims = await stand.tokens.read_id_token(text)
    assert claims is not None
    assert (status, claims.email, claims.audience) == (200, EMAIL, "https://a.example/x")


async def test_there_is_no_token_of_an_account_that_is_not_there(keys: Path) -> None:
    stand = await opened(keys, strict=True)
    for path in ("token", "identity?audience=a"):
        assert await stand.asked(f"{ACCOUNT}/{path}") == (404, f"the service account {EMAIL} does not exist\n")
    await stand.metadata.stop()


async def test_a_closed_address_answers_nobody(stand: Stand) -> None:
    host, port = stand.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await stand.metadata.close(stand.address)
    await stand.metadata.close(stand.address)
    assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, int(port))


GOOGLE_AUTH = """
import google.auth, google.auth.transport.requests, json
from google.oauth2 import id_token
credentials, project = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
request = google.auth.transport.requests.Request()
credentials.refresh(request)
print(json.dumps({
    "kind": type(credentials).__module__,
    "project": project,
    "email": credentials.service_account_email,
    "access": credentials.token,
    "id": id_token.fetch_id_token(request, "https://worker.example"),
}))
"""


async def test_google_auth_finds_project_account_and_tokens(stand: Stand) -> None:
    said = json.loads(await ran([sys.executable, "-c", GOOGLE_AUTH], stand.environment()))
    assert (said["kind"], said["project"]) == ("google.auth.compute_engine.credentials", PROJECT)
    assert said["email"] == EMAIL
    access = await stand.tokens.read_access_token(said["access"])
    claims = await stand.tokens.read_id_token(said["id"])
    assert access is not None
    assert claims is not None
    assert (access.email, claims.email, claims.audience) == (EMAIL, EMAIL, "https://worker.example")


NODE_AUTH = """
const {GoogleAuth} = require("google-auth-library");
(async () => {
  const auth = new GoogleAuth({scopes: "https://www.googleapis.com/auth/cloud-platform"});
  const client = await auth.getIdTokenClient("https://worker.example");
  const headers = await client.getRequestHeaders();
  console.log(JSON.stringify({
    project: await auth.getProjectId(),
    access: await auth.getAccessToken(),
    id: (headers.get ? headers.get("authorization") : headers.Authorization).slice("Bearer ".length),
  }));
})();
"""


async def test_nodes_library_finds_them_too(stand: Stand) -> None:
    node = shutil.which("node")
    if node is None or not (NODE / "google-auth-library").is_dir():
        pytest.skip(missing("node", "google-auth-library"))
    said = json.loads(await ran([node, "-e", NODE_AUTH], stand.environment() | {"NODE_PATH": str(NODE)}))
    access = await stand.tokens.read_access_token(said["access"])
    claims = await stand.tokens.read_id_token(said["id"])
    assert access is not None
    assert claims is not None
    assert (said["project"], access.email, claims.email) == (PROJECT, EMAIL, EMAIL)


TASKS = f"""
from google.cloud import tasks_v2
client = tasks_v2.CloudTasksClient()
parent = "projects/{PROJECT}/locations/us-central1"
made = client.create_queue(parent=parent, queue=tasks_v2.Queue(name=parent + "/queues/made-inside"))
print(made.name)
"""


async def test_cloud_tasks_client_inside_a_worker_needs_nothing(tmp_path: Path) -> None:
    """Against a server that asks everybody who he is: the token of the metadata server tells it."""
    options = ("--auth", "iam", "--tls", "auto", "--tls-port", "0", "--proxy-port", "0")
    with running(tmp_path, *options) as kumo:
        stand = await opened(tmp_path / "data" / "keys")
        command = [sys.executable, "-m", "kumotasks.cli.main", "env", "--json", "--endpoint", f"http://{kumo.address}"]
        told = json.loads(await ran(command, stand.environment() | {"XDG_CACHE_HOME": str(tmp_path)}))
        del told["GOOGLE_APPLICATION_CREDENTIALS"]
        said = await ran([sys.executable, "-c", TASKS], told | stand.environment() | {"no_proxy": stand.address})
        assert said.strip() == f"projects/{PROJECT}/locations/us-central1/queues/made-inside"
        await stand.metadata.stop()
