"""Which tokens an application takes, and how the others are refused."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from kumotasks.client.certificates import KeysUnreachable
from kumotasks.client.verify import Forbidden, Unauthorized, Verifier, covers
from tests.auth.proving import jwt_of, pair
from tests.client.signing import AUDIENCE, EMAIL, Publisher, token


def verifier(accounts: Collection[str] = (), publisher: Publisher | None = None) -> Verifier:
    return Verifier(AUDIENCE, accounts, fetch=publisher or Publisher(1))


def test_a_good_token_says_who_calls() -> None:
    claims = verifier((EMAIL,)).verify(f"Bearer {token(aud=f'{AUDIENCE}/send')}")
    assert (claims.email, claims.audience, claims.subject) == (EMAIL, f"{AUDIENCE}/send", "1" * 21)
    assert (claims.expires - claims.issued).total_seconds() == 3600
    assert claims.raw["email_verified"] is True


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "https://other.example"},
        {"aud": "https://worker.example.evil.example"},
        {"aud": [AUDIENCE]},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"sub": None},
        {"exp": None},
        {"exp": 10**40},
        {"lasts": -60},
        {"number": 2},
    ],
)
def test_a_bad_token_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Unauthorized):
        verifier().verify(f"Bearer {token(**changes)}")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "written", ["Bearer", "Bearer x", "Basic eDp5", "Bearer a.b.c", "Bearer ....", "Bearer " + "x" * 20_000]
)
def test_what_is_no_token_is_refused(written: str) -> None:
    with pytest.raises(Unauthorized):
        verifier().verify(written)


@pytest.mark.parametrize("written", [None, ""])
def test_no_token_at_all_is_forbidden(written: str | None) -> None:
    with pytest.raises(Forbidden):
        verifier().verify(written)


def test_a_token_of_somebody_else_is_forbidden() -> None:
    with pytest.raises(Forbidden, match=EMAIL):
        verifier(("other@p.iam.gserviceaccount.com",)).verify(f"Bearer {token()}")


def test_an_address_that_was_not_verified_is_nobodys() -> None:
    unverified = f"Bearer {token(email_verified=False)}"
    assert verifier().verify(unverified).email == ""
    with pytest.raises(Forbidden):
        verifier((EMAIL,)).verify(unverified)


def test_another_algorithm_is_refused_whatever_the_key() -> None:
    claims = {"iss": "https://accounts.google.com", "aud": AUDIENCE, "sub": "1", "iat": 0, "exp": 1 << 40}
    for algorithm in ("none", "HS256", "ES256", None):
        with pytest.raises(Unauthorized):
            verifier().verify(f"Bearer {jwt_of(claims, pair(1), alg=algorithm)}")


def test_googles_issuer_has_two_spellings_and_another_has_one() -> None:
    bare = token(iss="accounts.google.com")
    assert verifier().verify(f"Bearer {bare}").issuer == "accounts.google.com"
    own = Verifier(AUDIENCE, issuer="https://kumo.example", fetch=Publisher(1))
    assert own.verify(f"Bearer {token(iss='https://kumo.example')}").email == EMAIL
    with pytest.raises(Unauthorized):
        own.verify(f"Bearer {token(iss='kumo.example')}")


def test_where_keys_cannot_be_had_nobody_is_judged() -> None:
    publisher = Publisher(1)
    publisher.broken = KeysUnreachable("gone")
    with pytest.raises(KeysUnreachable):
        verifier(publisher=publisher).verify(f"Bearer {token()}")


def test_a_verifier_needs_an_audience() -> None:
    for none in ("", (), ("",)):
        with pytest.raises(ValueError, match="audience"):
            Verifier(none)


@pytest.mark.parametrize(
    ("expected", "audience", "taken"),
    [
        ("https://a.example", "https://a.example", True),
        ("https://a.example", "https://a.example/", True),
        ("https://a.example", "https://a.example/x?y=z", True),
        ("https://a.example/", "https://a.example", True),
        ("https://a.example/x", "https://a.example/x", True),
        ("https://a.example/x", "https://a.example/x/y", False),
        ("https://a.example", "http://a.example/x", False),
        ("https://a.example", "https://a.example:8080", False),
        ("https://a.example", "https://a.example@b.example/", False),
        ("my-audience", "my-audience", True),
        ("my-audience", "my-audience/x", False),
    ],
)
def test_a_url_without_a_path_stands_for_all_below_it(expected: str, audience: str, *, taken: bool) -> None:
    assert covers(expected, audience) is taken
