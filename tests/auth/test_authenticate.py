"""From a header to a principal: what is believed, for how long, and that nothing else ever is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kumotasks.auth.authenticate import GCLOUD
from kumotasks.auth.envelope import MAX_TOKEN
from kumotasks.auth.refresh import RefreshTokens
from kumotasks.domain.account import derived_unique_id
from kumotasks.domain.clock import HOUR, MINUTE
from kumotasks.domain.errors import Forbidden, Unauthenticated
from kumotasks.domain.principal import ANONYMOUS, Principal
from tests.auth.proving import (
    CLOUD_TASKS,
    ISSUER,
    NOW,
    OTHER,
    OWN_URL,
    PLATFORM,
    SECONDS,
    SENDER,
    TOKEN_URI,
    House,
    bearer,
    claims_of,
    jwt_of,
    packed,
    pair,
)

ME = Principal(SENDER.email, SENDER.unique_id)
GOOD = bearer(jwt_of(claims_of()))


async def refused(house: House, authorization: bytes) -> bool:
    with pytest.raises(Unauthenticated):
        await house.authenticator().principal(authorization)
    return True


async def test_who_says_nothing_is_nobody(house: House) -> None:
    assert await house.authenticator().principal(None) is ANONYMOUS
    assert await house.authenticator().principal(b"") is ANONYMOUS


@pytest.mark.parametrize(
    "audience",
    [
        CLOUD_TASKS,
        "https://cloudtasks.googleapis.com",
        "https://us-central1-run.googleapis.com/",
        "https://cloudtasks.googleapis.com/google.cloud.tasks.v2.CloudTasks",
        OWN_URL,
        OWN_URL + "/",
        OWN_URL + "/google.cloud.tasks.v2.CloudTasks",
        [OWN_URL],
        [CLOUD_TASKS, OWN_URL],
    ],
)
async def test_a_self_signed_jwt_may_name_a_service_or_us(house: House, audience: object) -> None:
    assert await house.authenticator().principal(bearer(jwt_of(claims_of(aud=audience)))) == ME


@pytest.mark.parametrize("audience", [None, ""])
async def test_without_an_audience_the_scope_must_reach_here(house: House, audience: object) -> None:
    scoped = claims_of(aud=audience, scope=f"openid {PLATFORM}")
    assert await house.authenticator().principal(bearer(jwt_of(scoped, kid=None))) == ME
    for scope in (None, "", "openid", PLATFORM + ".read-only", "x" + PLATFORM):
        assert await refused(house, bearer(jwt_of(claims_of(aud=audience, scope=scope))))


@pytest.mark.parametrize(
    "audience",
    [
        "https://evil.example/",
        "https://evil-googleapis.com/",
        "https://googleapis.com.evil.example/",
        "https://cloudtasks.googleapis.com.evil.example/",
        "https://evil.example/cloudtasks.googleapis.com/",
        "https://evil.example#.googleapis.com/",
        "https://a@evil.example/.googleapis.com",
        "http://cloudtasks.googleapis.com/",
        "cloudtasks.googleapis.com",
        "https://cloudtasks.googleapis.com:444/",
        "https://cloudtasks.googleapis.com/\n",
        " https://cloudtasks.googleapis.com/",
        TOKEN_URI,
        OWN_URL + "/token",
        OWN_URL + ".evil.example",
        GCLOUD,
        [CLOUD_TASKS, "https://evil.example/"],
        [],
        [""],
        "/",
    ],
)
async def test_what_is_meant_for_others_is_not_for_us(house: House, audience: object) -> None:
    for scope in (None, PLATFORM):
        assert await refused(house, bearer(jwt_of(claims_of(aud=audience, scope=scope))))


async def test_a_self_signed_jwt_names_its_account_twice(house: House) -> None:
    assert await refused(house, bearer(jwt_of(claims_of(sub=None))))
    assert await refused(house, bearer(jwt_of(claims_of(sub=OTHER.email))))


async def test_an_access_token_of_ours_is_believed_until_it_ends(house: House) -> None:
    header = bearer((await house.tokens.access_token(SENDER, (PLATFORM,))).text)
    authenticator = house.authenticator()
    assert await authenticator.principal(header) == ME
    house.clock.turn(NOW + HOUR - 1)
    assert authenticator.known(header) == ME
    house.clock.turn(NOW + HOUR)
    assert authenticator.known(header) is None
    assert await refused(house, header)


async def test_an_access_token_that_was_tampered_with_is_not(house: House) -> None:
    text = (await house.tokens.access_token(SENDER, (PLATFORM,))).text
    body, _, seal = text.rpartition(".")
    theirs, _, _ = (await house.tokens.access_token(OTHER, (PLATFORM,))).text.rpartition(".")
    for forged in (
        f"{theirs}.{seal}",
        body,
        f"{body}.",
        f"{body}.{'A' * 43}",
        text[:-1],
        f"{text}A",
        "ya29.",
        "ya29.k..",
    ):
        assert await refused(house, bearer(forged))


async def test_a_refresh_token_is_no_access_token(house: House) -> None:
    assert await refused(house, bearer(await RefreshTokens(house.keyring, house.clock).make(SENDER)))


async def test_a_token_for_less_than_the_platform_opens_nothing_here(house: House) -> None:
    for scopes in ((), ("openid", "https://www.googleapis.com/auth/logging.read")):
        token = await house.tokens.access_token(SENDER, scopes)
        with pytest.raises(Forbidden, match="insufficient authentication scopes"):
            await house.authenticator().principal(bearer(token.text))


async def test_a_revoked_token_is_noticed_though_it_was_known(house: House) -> None:
    token = await house.tokens.access_token(SENDER, (PLATFORM,))
    authenticator = house.authenticator()
    await authenticator.principal(bearer(token.text))
    await house.revoked.add(token.text, token.expires)
    assert authenticator.known(bearer(token.text)) is None
    assert await refused(house, bearer(token.text))


@pytest.mark.parametrize("audience", [OWN_URL, OWN_URL + "/", GCLOUD])
async def test_an_id_token_of_ours_for_us_is_believed(house: House, audience: str) -> None:
    for email in (True, False):
        assert (
            await house.authenticator().principal(bearer(await house.tokens.id_token(SENDER, audience, email=email)))
            == ME
        )


@pytest.mark.parametrize("audience", ["https://worker.example/run", CLOUD_TASKS, OWN_URL + "/run", "", PLATFORM])
async def test_an_id_token_for_a_worker_is_not_for_us(house: House, audience: str) -> None:
    assert await refused(house, bearer(await house.tokens.id_token(SENDER, audience)))


async def test_an_id_token_must_be_signed_by_the_installation_and_by_no_account(house: House) -> None:
    claims = {"iss": ISSUER, "aud": OWN_URL, "azp": "1", "sub": SENDER.unique_id, "email": SENDER.email}
    claims |= {"email_verified": True, "iat": SECONDS, "exp": SECONDS + 3600}  # type: ignore[dict-item]
    own = (await house.keyring.signing()).key_id
    for header in ({}, {"kid": own}, {"kid": None}, {"kid": [own]}, {"alg": "none"}, {"alg": "HS256", "kid": own}):
        assert await refused(house, bearer(jwt_of(claims, pair(1), **header)))  # type: ignore[arg-type]
    system = await house.keyring.account_key(SENDER.unique_id)
    assert await refused(house, bearer(system.jwt(json.dumps(claims).encode())))


async def test_the_key_of_id_tokens_speaks_for_no_account(house: House) -> None:
    own = await house.keyring.signing()
    assert await refused(house, bearer(own.jwt(json.dumps(claims_of()).encode())))


async def test_tokens_end_with_their_account(house: House) -> None:
    headers = [
        GOOD,
        bearer((await house.tokens.access_token(SENDER, (PLATFORM,))).text),
        bearer(await house.tokens.id_token(SENDER, OWN_URL)),
    ]
    authenticator = house.authenticator()
    for header in headers:
        assert await authenticator.principal(header) == ME
    sender = await house.accounts.find(SENDER.email)
    assert sender is not None
    await house.accounts.replace(replace(sender, disabled=True), if_etag=sender.etag)
    for header in headers:
        assert authenticator.known(header) is None
        with pytest.raises(Unauthenticated):
            await authenticator.principal(header)
    await house.accounts.delete(sender)
    await house.accounts.create(replace(SENDER, unique_id="3" * 21))
    for header in headers:  # another account of the same name
        with pytest.raises(Unauthenticated):
            await authenticator.principal(header)


async def test_a_token_cannot_be_replayed_once_its_key_is_gone(house: House) -> None:
    authenticator = house.authenticator()
    assert await authenticator.principal(GOOD) == ME
    assert authenticator.known(GOOD) == ME
    await house.accounts.remove_key(SENDER, pair(1).key_id)
    assert authenticator.known(GOOD) is None
    with pytest.raises(Unauthenticated):
        await authenticator.principal(GOOD)


async def test_a_verdict_ends_with_the_proof(house: House) -> None:
    await house.accounts.put_key(SENDER, pair(3).of(SENDER, until=NOW + MINUTE))
    authenticator, header = house.authenticator(), bearer(jwt_of(claims_of(), pair(3)))
    assert await authenticator.principal(header) == ME
    house.clock.turn(NOW + MINUTE)
    assert authenticator.known(header) is None
    assert await refused(house, header)


async def test_a_change_in_the_middle_of_a_verification_is_not_forgotten(house: House) -> None:
    class Changing:
        """Tokens during whose reading somebody deletes a key."""

        async def read_access_token(self, text: str) -> object:
            found = await house.tokens.read_access_token(text)
            await house.accounts.remove_key(OTHER, pair(2).key_id)
            return found

    header = bearer((await house.tokens.access_token(SENDER, (PLATFORM,))).text)
    authenticator = house.authenticator()
    authenticator._tokens = Changing()  # type: ignore[assignment]
    assert await authenticator.principal(header) == ME
    assert authenticator.known(header) is None


async def test_what_is_remembered_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kumotasks.auth.authenticate._REMEMBERED", 2)
    authenticator = house.authenticator()
    headers = [bearer((await house.tokens.access_token(SENDER, (PLATFORM, str(n)))).text) for n in range(3)]
    for header in headers:
        await authenticator.principal(header)
    assert [authenticator.known(header) for header in headers] == [None, ME, ME]
    long = bearer(jwt_of(claims_of(padding="x" * 4096)))
    assert await authenticator.principal(long) == ME
    assert authenticator.known(long) is None


async def test_a_refusal_is_not_remembered(house: House) -> None:
    authenticator, header = house.authenticator(), bearer(jwt_of(claims_of(), pair(3)))
    with pytest.raises(Unauthenticated):
        await authenticator.principal(header)
    assert authenticator.known(header) is None
    await house.accounts.put_key(SENDER, pair(3).of(SENDER))
    assert await authenticator.principal(header) == ME


@pytest.mark.parametrize("scheme", [b"Bearer ", b"bearer ", b"BEARER ", b"Bearer  "])
async def test_the_scheme_is_read_as_http_has_it(house: House, scheme: bytes) -> None:
    assert await house.authenticator().principal(scheme + GOOD.removeprefix(b"Bearer ")) == ME


TOKEN = GOOD.removeprefix(b"Bearer ")


@pytest.mark.parametrize(
    "header",
    [
        TOKEN,
        b"Bearer",
        b"Bearer ",
        b"Bearer\t" + TOKEN,
        b" Bearer " + TOKEN,
        b"Bearer " + TOKEN + b" ",
        b"Bearer " + TOKEN + b"\n",
        b"Bearer " + TOKEN + b", Bearer " + TOKEN,
        b"Bearer " + TOKEN + b" " + TOKEN,
        b"Bearer=" + TOKEN,
        b"Basic " + TOKEN,
        b"Bearer \xff\xfe",
        b"Bearer " + TOKEN + b"\xff",
        b"Bearer " + TOKEN + b"\0",
        "Bearer ёлка".encode(),
        b"Bearer owner",
        b"Bearer ..",
        b"Bearer " + b"A" * 1_000_000,
        b"Bearer " + b" " * 1_000_000,
        b"Bearer " + TOKEN + b"A" * MAX_TOKEN,
        b"Bearer " + b".".join([b"A" * 300_000] * 3),
        b"Bearer ya29.k." + b"A" * 1_000_000,
    ],
)
async def test_any_other_header_proves_nothing(house: House, header: bytes) -> None:
    assert await refused(house, header)


async def test_a_giant_is_refused_before_anything_looks_at_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def look(_token: str) -> bool:
        pytest.fail("somebody looked")

    monkeypatch.setattr(house.revoked, "holds", look)
    for token in (b"A" * 1_000_000, b"ya29.k." + b"A" * (MAX_TOKEN + 64)):
        assert await refused(house, b"Bearer " + token)


async def test_a_server_that_asks_nobody_takes_the_unproved_for_nobody(house: House) -> None:
    authenticator = house.authenticator(anyone=True)
    assert await authenticator.principal(GOOD) == ME
    assert await authenticator.principal(b"Bearer owner") is ANONYMOUS
    assert await authenticator.principal(b"\xff") is ANONYMOUS
    ghost = replace(SENDER, email="ghost@q.iam.gserviceaccount.com", unique_id="9" * 21)
    as_ghost = Principal(ghost.email, derived_unique_id(ghost.email))
    assert await authenticator.principal(bearer(jwt_of(claims_of(ghost), pair(9)))) == as_ghost
    token = await house.tokens.access_token(ghost, (PLATFORM,))
    assert await authenticator.principal(bearer(token.text)) == as_ghost


quiet = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quiet
@given(
    st.one_of(
        st.binary(min_size=1),
        st.binary().map(lambda rest: b"Bearer " + rest),
        st.text().map(lambda rest: b"Bearer ya29.k." + rest.encode(errors="replace")),
        st.lists(st.binary(max_size=80), min_size=1, max_size=4).map(
            lambda parts: b"Bearer " + ".".join(map(packed, parts)).encode()
        ),
    )
)
async def test_no_bytes_whatever_are_anything_but_refused(house: House, header: bytes) -> None:
    with pytest.raises(Unauthenticated):
        await house.authenticator().principal(header)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["iss", "sub", "aud", "iat", "exp", "nbf", "scope", "target_audience", "email"])


@quiet
@given(st.dictionaries(NAMES, JSON, min_size=1), st.dictionaries(st.sampled_from(["alg", "kid", "typ"]), JSON))
async def test_a_jwt_with_any_claims_is_believed_or_refused(
    house: House, claims: dict[str, object], header: dict[str, object]
) -> None:
    token = jwt_of(claims_of() | claims, **header)  # type: ignore[arg-type]
    try:
        found = await house.authenticator().principal(bearer(token))
    except Unauthenticated:
        return
    assert found == ME
