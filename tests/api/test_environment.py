"""The page behind `kumo env`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kumotasks.api.call import Caller, PageRequest
from kumotasks.api.environment import Environment, environment_page

KEY = Path(__file__)  # any file that is there
FULL = Environment(
    "iam",
    "p",
    "us-central1",
    port=lambda: 8123,
    tls_port=lambda: 8443,
    proxy_port=lambda: 8124,
    authority=lambda: "PEM",
    owner_key=KEY,
)


async def asked(environment: Environment, peer: str = "127.0.0.1", **headers: str) -> dict[str, Any]:
    page = environment_page(environment)
    assert (page.verb, page.path, page.permission) == ("GET", "/kumo/v1/env", "")
    known = {"host": "127.0.0.1:8123", **{name.replace("_", "-"): value for name, value in headers.items()}}
    encoded = {name.encode(): value.encode() for name, value in known.items()}
    response = await page.handle(PageRequest("GET", page.path, b"", encoded, b"", Caller(peer), {}))
    assert response.status == 200
    assert (b"cache-control", b"no-store") in response.headers
    shown: dict[str, Any] = json.loads(response.body)
    return shown


async def test_a_server_with_tls_says_how_it_is_reached() -> None:
    assert await asked(FULL) == {
        "auth": "iam",
        "project": "p",
        "location": "us-central1",
        "port": 8123,
        "tlsPort": 8443,
        "proxyPort": 8124,
        "authority": "PEM",
        "ownerKey": str(KEY),
    }


async def test_a_server_without_tls_says_nothing_of_it() -> None:
    plain = Environment("off", "p", "us-central1", port=lambda: 8123)
    assert await asked(plain) == {"auth": "off", "project": "p", "location": "us-central1", "port": 8123}


@pytest.mark.parametrize(
    ("peer", "host"), [("127.0.0.9", "localhost:8123"), ("::1", "[::1]:8123"), ("::ffff:127.0.0.1", "127.0.0.1")]
)
async def test_who_calls_from_this_machine_is_told_where_the_owners_key_lies(peer: str, host: str) -> None:
    assert (await asked(FULL, peer, host=host))["ownerKey"] == str(KEY)


@pytest.mark.parametrize("peer", ["192.0.2.7", "10.0.0.1", "", "::ffff:10.0.0.1", "localhost"])
async def test_who_calls_from_elsewhere_is_not(peer: str) -> None:
    assert "ownerKey" not in await asked(FULL, peer)


@pytest.mark.parametrize("host", ["cloudtasks.googleapis.com", "kumo.example", "", "127.0.0.1.evil.example", "a b"])
async def test_who_calls_by_another_name_as_through_the_proxy_is_not(host: str) -> None:
    assert "ownerKey" not in await asked(FULL, host=host)


@pytest.mark.parametrize("header", ["x_forwarded_for", "forwarded", "via", "x_real_ip"])
async def test_who_calls_through_somebody_elses_proxy_is_not(header: str) -> None:
    assert "ownerKey" not in await asked(FULL, **{header: "192.0.2.7"})


async def test_a_key_that_is_not_there_is_not_told() -> None:
    assert "ownerKey" not in await asked(replace(FULL, owner_key=Path("/no/such/owner.json")))
