"""Two real `kumo serve` over one PostgreSQL, each with a data directory of its own, as on two machines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.auth import jwt
from google.auth.transport.requests import Request
from google.oauth2 import service_account

from tests.postgres import postgres
from tests.running import KumoProcess

SECRET = "what only the nodes know"
TASKS = "https://cloudtasks.googleapis.com/"
PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
_LOOKS, _BETWEEN = 100, 0.01  # a second, and what the looks take


@dataclass(frozen=True)
class Pair:
    """`one` takes the changes, `other` is to follow."""

    one: KumoProcess
    other: KumoProcess
    url: str


def node(directory: Path, url: str, *options: str) -> KumoProcess:
    """Not started yet."""
    directory.mkdir(parents=True, exist_ok=True)
    return KumoProcess(directory, "--store", url, "--data", str(directory / "data"), *options)


@contextmanager
def pair(directory: Path, *options: str, secret: str = SECRET) -> Iterator[Pair]:
    server = postgres()
    database = server.new_database()
    url = server.url(database)
    nodes = [node(directory / each, url, *options) for each in ("one", "other")]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("KUMO_SECRET", secret)
        try:
            for each in nodes:
                each.start()
            yield Pair(*nodes, url)
        finally:
            for each in nodes:
                each.close()
            server.remove(database)


def owner_key(kumo: KumoProcess) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((kumo.directory / "data" / "owner.json").read_bytes())
    return found


def signed(key: dict[str, Any]) -> str:
    """What a client with this key sends: a JWT that it has signed itself."""
    credentials = jwt.Credentials.from_service_account_info(key, audience=TASKS)
    credentials.refresh(None)
    return credentials.token.decode()


def access_token(key: dict[str, Any]) -> str:
    """From the token endpoint that the key names."""
    credentials = service_account.Credentials.from_service_account_info(key, scopes=[PLATFORM])
    credentials.refresh(Request())
    return str(credentials.token)


def call(kumo: KumoProcess, token: str, verb: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return kumo.http(verb, path, body, headers)


def done(kumo: KumoProcess, token: str, verb: str, path: str, body: object = None) -> dict[str, Any]:
    """A call that has to succeed."""
    status, answer = call(kumo, token, verb, path, body)
    assert status == 200, answer
    return answer


def within_a_second(holds: Callable[[], bool]) -> None:
    """`holds` after a bounded number of looks."""
    for _ in range(_LOOKS):
        if holds():
            return
        time.sleep(_BETWEEN)
    raise AssertionError("it was not seen on the other node")
