"""The paths that Google's clients have built in, word for word."""

from __future__ import annotations

import pytest

from tests.api.oauth.conftest import Pages

POSTED = ["/token", "/oauth2/v4/token", "/o/oauth2/token", "/tokeninfo", "/oauth2/v3/tokeninfo", "/revoke"]
READ = [
    "/tokeninfo",
    "/oauth2/v1/tokeninfo",
    "/oauth2/v3/tokeninfo",
    "/v1/userinfo",
    "/oauth2/v1/userinfo",
    "/oauth2/v2/userinfo",
    "/oauth2/v3/userinfo",
    "/oauth2/v1/certs",
    "/oauth2/v3/certs",
    "/robot/v1/metadata/x509/{account}",
    "/robot/v1/metadata/jwk/{account}",
    "/service_accounts/v1/metadata/x509/{account}",
    "/service_accounts/v1/jwk/{account}",
    "/.well-known/openid-configuration",
]


@pytest.mark.parametrize(("verb", "path"), [*(("POST", path) for path in POSTED), *(("GET", path) for path in READ)])
def test_a_path_is_served_to_everybody(pages: Pages, verb: str, path: str) -> None:
    (route,) = [route for route in pages.routes if (route.verb, route.path) == (verb, path)]
    assert route.permission == ""


def test_no_path_is_served_twice(pages: Pages) -> None:
    rows = [(route.verb, route.path) for route in pages.routes]
    assert len(set(rows)) == len(rows)
