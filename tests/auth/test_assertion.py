"""A service account's own word for itself: believed if one of its live keys signed it, and only for a while."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from kumotasks.auth.assertion import Refused, scopes_of, verify
from kumotasks.domain.account import ServiceAccount, derived_unique_id
from kumotasks.domain.clock import DAY, MINUTE, SECOND
from tests.auth.proving import NOW, OTHER, SECONDS, SENDER, House, Pair, claims_of, jwt_of, pair, written

UNTIMELY = "Token must be a short-lived token"


async def refusal(house: House, token: str, *, anyone: bool = False) -> Refused:
    with pytest.raises(Refused) as caught:
        await verify(token, house.trusted(anyone=anyone), house.clock.now())
    return caught.value


async def account_of(house: House, token: str, *, anyone: bool = False) -> ServiceAccount:
    return (await verify(token, house.trusted(anyone=anyone), house.clock.now())).account


async def test_a_key_speaks_for_its_account(house: House) -> None:
    found = await verify(jwt_of(claims_of(scope="a b a", target_audience="https://w")), house.trusted(), NOW)
    assert found.account.unique_id == SENDER.unique_id
    assert (found.subject, found.audiences) == (SENDER.email, ("https://cloudtasks.googleapis.com/",))
    assert (found.scopes, found.target_audience) == (("a", "b"), "https://w")
    assert found.until == NOW + 3600 * SECOND


async def test_without_a_kid_every_key_of_the_account_is_tried(house: House) -> None:
    await house.accounts.put_key(SENDER, pair(3).of(SENDER))
    for number in (1, 3):
        assert (await account_of(house, jwt_of(claims_of(), pair(number), kid=None))).email == SENDER.email
    assert (await account_of(house, jwt_of(claims_of(), kid=""))).email == SENDER.email
    assert (await refusal(house, jwt_of(claims_of(), pair(2), kid=None))).message == "Invalid JWT Signature."


async def test_the_unique_id_is_a_name_too(house: House) -> None:
    by_id = claims_of(iss=SENDER.unique_id, sub=SENDER.unique_id)
    assert (await account_of(house, jwt_of(by_id))).email == SENDER.email


async def test_a_proof_ends_with_its_key(house: House) -> None:
    await house.accounts.put_key(SENDER, pair(3).of(SENDER, until=NOW + MINUTE))
    assert (await verify(jwt_of(claims_of(), pair(3)), house.trusted(), NOW)).until == NOW + MINUTE
    house.clock.turn(NOW + MINUTE)
    assert (await refusal(house, jwt_of(claims_of(), pair(3)))).message == "Invalid JWT Signature."


def none(_signed: bytes) -> bytes:
    return b"x"


def hs256(secret: Callable[[Pair], bytes]) -> Callable[[bytes], bytes]:
    return lambda signed: hmac.digest(secret(pair(1)), signed, "sha256")


@pytest.mark.parametrize(
    ("algorithm", "sign"),
    [
        ("none", none),
        ("None", none),
        ("NONE", none),
        ("", none),
        (None, none),
        (["RS256"], None),
        ("rs256", None),
        ("RS384", None),
        ("RS512", None),
        ("PS256", None),
        ("ES256", None),
        ("HS256", hs256(lambda key: key.public_pem)),
        ("HS256", hs256(lambda key: key.public_pem.strip())),
        ("HS256", hs256(lambda key: key.certificate.encode())),
        ("HS256", hs256(lambda key: key.certificate.strip().encode())),
        ("HS256", hs256(lambda _: b"")),
        ("RS256", hs256(lambda key: key.certificate.encode())),
    ],
)
async def test_no_algorithm_but_rs256_proves_anything(
    house: House, algorithm: object, sign: Callable[[bytes], bytes] | None
) -> None:
    assert (await refusal(house, jwt_of(claims_of(), sign=sign, alg=algorithm))).code == "invalid_grant"


@pytest.mark.parametrize(
    "kid",
    [
        pair(2).key_id,
        "f" * 40,
        pair(1).key_id.upper().replace("0", "A"),
        f"{pair(1).key_id}\n",
        f"../{SENDER.unique_id}/{pair(1).key_id}",
        "../../../../dev/null",
        "x' OR '1'='1",
        "%",
        "\ud800",
        "\0",
        1,
        True,
        [pair(1).key_id],
        {"kid": pair(1).key_id},
    ],
)
async def test_a_kid_that_is_not_the_accounts_own_leads_to_no_key(house: House, kid: object) -> None:
    assert (await refusal(house, jwt_of(claims_of(), kid=kid))).message == "Invalid JWT Signature."


async def test_a_key_does_not_speak_for_another_account(house: House) -> None:
    stolen = claims_of(OTHER)
    for header in ({}, {"kid": pair(2).key_id}, {"kid": None}):
        assert (await refusal(house, jwt_of(stolen, pair(1), **header))).message == "Invalid JWT Signature."


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.example/keys"},
        {"x5u": "https://evil.example/cert"},
        {"x5c": ["MIIB"]},
        {"jwk": {"kty": "RSA", "n": "AQAB", "e": "AQAB"}},
    ],
)
async def test_where_a_header_says_its_key_is_does_not_matter(house: House, header: dict[str, object]) -> None:
    assert (await account_of(house, jwt_of(claims_of(), **header))).email == SENDER.email
    forged = jwt_of(claims_of(), pair(9), kid=pair(1).key_id, **header)
    assert (await refusal(house, forged)).message == "Invalid JWT Signature."


async def test_a_signature_holds_for_what_was_signed_only(house: House) -> None:
    head, _, signature = jwt_of(claims_of()).split(".")
    _, other, _ = jwt_of(claims_of(OTHER)).split(".")
    for forged in (
        f"{head}.{other}.{signature}",
        f"{head}.{other}.",
        f"{head}.{other}",
        f"{head}.{other}.SIGNATURE_REMOVED_BY_GOOGLE",
        f"{head}.{other}.{'A' * 342}",
        f"{head}.{other}.{'A' * 8000}",
    ):
        assert (await refusal(house, forged)).code == "invalid_grant"


@pytest.mark.parametrize(
    "times",
    [
        {"exp": SECONDS},
        {"exp": SECONDS - 1, "iat": SECONDS - 3601},
        {"iat": SECONDS - 3600, "exp": SECONDS},
        {"iat": SECONDS + 61, "exp": SECONDS + 3600},
        {"iat": SECONDS + 86_400, "exp": SECONDS + 90_000},
        {"nbf": SECONDS + 61},
        {"nbf": "soon"},
        {"nbf": True},
        {"iat": SECONDS, "exp": SECONDS + 3611},
        {"iat": SECONDS - 10_000, "exp": SECONDS + 1},
        {"iat": 0},
        {"iat": -1},
        {"iat": SECONDS + 10, "exp": SECONDS + 10},
        {"iat": SECONDS + 20, "exp": SECONDS + 10},
        {"iat": None},
        {"exp": None},
        {"exp": 10**400},
        {"exp": -(10**400)},
        {"exp": 1e308},
        {"iat": 1e-320},
        {"exp": float(2**63)},
        {"exp": str(SECONDS + 3600)},
        {"exp": True},
        {"iat": False},
        {"exp": [SECONDS + 3600]},
        {"exp": {}},
    ],
)
async def test_times_that_do_not_hold_are_refused(house: House, times: dict[str, object]) -> None:
    assert UNTIMELY in (await refusal(house, jwt_of(claims_of(**times)))).message  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "times",
    [
        {"iat": SECONDS + 60, "exp": SECONDS + 3660},
        {"iat": SECONDS - 3599, "exp": SECONDS + 1},
        {"iat": SECONDS - 10, "exp": SECONDS + 3600},
        {"iat": SECONDS + 0.25, "exp": SECONDS + 3600.25},
        {"nbf": SECONDS + 60},
    ],
)
async def test_clocks_may_differ_by_a_minute(house: House, times: dict[str, object]) -> None:
    assert (await account_of(house, jwt_of(claims_of(**times)))).email == SENDER.email  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"9" * 4400, b"NaN", b"1e4", b"0x10", b"1_000"])
async def test_numbers_beyond_reason_are_refused(house: House, number: bytes) -> None:
    claims = json.dumps(claims_of(exp=0)).encode().replace(b'"exp": 0', b'"exp": ' + number)
    head = json.dumps({"alg": "RS256", "kid": pair(1).key_id}).encode()
    assert (await refusal(house, written(head, claims, pair(1).sign))).code == "invalid_grant"


async def test_a_name_that_stands_twice_is_refused(house: House) -> None:
    head = json.dumps({"alg": "RS256", "kid": pair(1).key_id}).encode()
    twice = json.dumps(claims_of()).encode().replace(b"{", b'{"iss": "%s", ' % OTHER.email.encode(), 1)
    assert (await refusal(house, written(head, twice, pair(1).sign))).code == "invalid_grant"
    head = head.replace(b"{", b'{"alg": "none", ', 1)
    assert (await refusal(house, written(head, json.dumps(claims_of()).encode(), pair(1).sign))).code == "invalid_grant"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": None},
        {"iss": ""},
        {"iss": "nobody"},
        {"iss": ["sender@p.iam.gserviceaccount.com"]},
        {"iss": "https://accounts.google.com"},
        {"iss": "sender@p.iam.gserviceaccount.com\n"},
        {"iss": "../sender@p.iam.gserviceaccount.com"},
        {"iss": "sender@p.iam.gserviceaccount.com/keys"},
        {"iss": "ghost@p.iam.gserviceaccount.com", "sub": "ghost@p.iam.gserviceaccount.com"},
        {"iss": "SENDER@p.iam.gserviceaccount.com", "sub": "SENDER@p.iam.gserviceaccount.com"},
        {"iss": "3" * 21, "sub": "3" * 21},
        {"sub": 7},
        {"sub": "\ud800"},
        {"scope": ["a"]},
        {"scope": 'a"b'},
        {"scope": "a\tb"},
        {"scope": "x" * 8193},
        {"target_audience": {"a": 1}},
        {"target_audience": "\udfff"},
        {"aud": 7},
        {"aud": []},
        {"aud": [["a"]]},
        {"aud": {"a": "b"}},
    ],
)
async def test_claims_that_name_nobody_or_are_no_text_are_refused(house: House, changes: dict[str, object]) -> None:
    await refusal(house, jwt_of(claims_of(**changes)))  # type: ignore[arg-type]


async def test_nobody_speaks_for_somebody_else(house: House) -> None:
    for subject in (OTHER.email, "admin@example.com", SENDER.unique_id, SENDER.email.upper()):
        assert (await refusal(house, jwt_of(claims_of(sub=subject)))).code == "unauthorized_client"


async def test_what_we_signed_for_an_account_speaks_for_it(house: House) -> None:
    sender = await house.accounts.find(SENDER.email)
    system = await house.keyring.account_key(SENDER.unique_id)
    assert await account_of(house, system.jwt(json.dumps(claims_of()).encode())) == sender
    assert (await refusal(house, system.jwt(json.dumps(claims_of(OTHER)).encode()))).message == "Invalid JWT Signature."
    forged = jwt_of(claims_of(), pair(9), kid=system.key_id)
    assert (await refusal(house, forged)).message == "Invalid JWT Signature."


def files(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*"))


async def test_no_key_is_made_for_an_account_that_a_stranger_thinks_of(house: House, key_directory: Path) -> None:
    default = replace(SENDER, email="unheard-of@appspot.gserviceaccount.com")
    before = files(key_directory)
    assert (await refusal(house, jwt_of(claims_of(default), kid="f" * 40))).message == "Invalid JWT Signature."
    assert files(key_directory) == before


async def test_keys_end_with_their_account(house: House) -> None:
    token = jwt_of(claims_of())
    sender = await house.accounts.find(SENDER.email)
    assert sender is not None
    sender = await house.accounts.replace(replace(sender, disabled=True), if_etag=sender.etag)
    assert (await refusal(house, token)).message == "Invalid grant: account is disabled"
    assert (await refusal(house, jwt_of(claims_of(), pair(9)))).message == "Invalid JWT Signature."
    await house.accounts.delete(sender)
    assert (await refusal(house, token)).message == "Invalid grant: account not found"
    assert (await refusal(house, jwt_of(claims_of(iss="1" * 21, sub="1" * 21)))).code == "invalid_grant"


async def test_a_key_does_not_speak_for_an_account_made_anew_under_its_name(house: House) -> None:
    await house.accounts.delete(SENDER)
    await house.accounts.create(replace(SENDER, unique_id="3" * 21))
    for header in ({}, {"kid": None}):
        assert (await refusal(house, jwt_of(claims_of(), **header))).message == "Invalid JWT Signature."


async def test_a_deleted_disabled_or_future_key_proves_nothing(house: House) -> None:
    token = jwt_of(claims_of())
    key = pair(1).of(SENDER)
    await house.accounts.put_key(SENDER, replace(key, disabled=True))
    assert (await refusal(house, token)).message == "Invalid JWT Signature."
    await house.accounts.put_key(SENDER, replace(key, valid_after=NOW + DAY, valid_before=NOW + 2 * DAY))
    assert (await refusal(house, token)).message == "Invalid JWT Signature."
    await house.accounts.put_key(SENDER, key)
    assert (await account_of(house, token)).email == SENDER.email
    await house.accounts.remove_key(SENDER, key.key_id)
    assert (await refusal(house, token)).message == "Invalid JWT Signature."
    assert (await refusal(house, jwt_of(claims_of(), kid=None))).message == "Invalid JWT Signature."


async def test_a_server_that_asks_nobody_believes_strangers(house: House) -> None:
    ghost = replace(SENDER, email="ghost@q.iam.gserviceaccount.com")
    found = await account_of(house, jwt_of(claims_of(ghost), pair(9)), anyone=True)
    assert (found.project, found.email, found.unique_id) == ("q", ghost.email, derived_unique_id(ghost.email))
    assert (await account_of(house, jwt_of(claims_of(), pair(9)), anyone=True)).unique_id == SENDER.unique_id
    assert (await account_of(house, jwt_of(claims_of(), pair(9), kid=None), anyone=True)).email == SENDER.email


async def test_even_there_a_known_key_must_have_signed_and_times_must_hold(house: House) -> None:
    forged = jwt_of(claims_of(), pair(9), kid=pair(1).key_id)
    assert (await refusal(house, forged, anyone=True)).message == "Invalid JWT Signature."
    late = jwt_of(claims_of(exp=SECONDS), pair(9))
    assert UNTIMELY in (await refusal(house, late, anyone=True)).message
    assert (await refusal(house, jwt_of(claims_of(iss="9" * 21, sub=None), pair(9)), anyone=True)).code


def test_the_words_of_a_scope_count_once() -> None:
    assert scopes_of("  b a  b ") == ("b", "a")
    assert scopes_of("") == ()
