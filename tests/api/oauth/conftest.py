"""OAuth's pages, asked without a socket."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest

from kumotasks.api.call import Caller, PageRequest, PageResponse, PageRoute
from kumotasks.api.oauth.discovery import Discovery
from kumotasks.api.oauth.routes import oauth_pages
from kumotasks.service.certificates import Certificates
from tests.auth.conftest import house, key_directory
from tests.auth.proving import ISSUER, OWN_URL, House

__all__ = ["house", "key_directory"]

FORM = b"application/x-www-form-urlencoded"


@dataclass
class Pages:
    """The table, by verb and path."""

    routes: tuple[PageRoute, ...]

    async def ask(
        self,
        verb: str,
        path: str,
        *,
        query: Mapping[str, str] | bytes = b"",
        form: Mapping[str, str] | bytes = b"",
        headers: Mapping[bytes, bytes] | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> PageResponse:
        """The answer of the page whose template is `path`."""
        (route,) = [route for route in self.routes if (route.verb, route.path) == (verb, path)]
        asked = query if isinstance(query, bytes) else urlencode(query).encode()
        body = form if isinstance(form, bytes) else urlencode(form).encode()
        sent = {b"host": b"127.0.0.1:8123", **({b"content-type": FORM} if body else {}), **(headers or {})}
        return await route.handle(
            PageRequest(verb, path, asked, sent, body, Caller("127.0.0.1"), dict(variables or {}))
        )


def said(response: PageResponse) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(response.body)
    return value


def error_of(response: PageResponse) -> tuple[int, str]:
    """Status and code of a refusal."""
    assert said(response).keys() == {"error", "error_description"}
    return response.status, said(response)["error"]


@pytest.fixture
def pages(house: House) -> Pages:
    certificates = Certificates(house.keyring, house.accounts, house.clock)
    return Pages(oauth_pages(house.identity(), certificates, Discovery(ISSUER, lambda: frozenset({OWN_URL}))))
