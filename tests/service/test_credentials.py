from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from kumotasks.auth.authorize import Authorizer
from kumotasks.auth.policies import PolicyBook
from kumotasks.auth.projects import Projects
from kumotasks.domain.account import ServiceAccount, derived_unique_id, project_number
from kumotasks.domain.clock import HOUR, SECOND
from kumotasks.domain.errors import (
    CredentialsMissing,
    EntityNotFound,
    FailedPrecondition,
    InvalidArgument,
    KumoError,
    PermissionDenied,
)
from kumotasks.domain.policy import Binding, Policy
from kumotasks.domain.principal import ANONYMOUS, Principal
from kumotasks.service.credentials import CLOUD_PLATFORM, Credentials, Request
from tests.auth import proving
from tests.auth.proving import House
from tests.factory import NOW

CREATOR = "roles/iam.serviceAccountTokenCreator"
LOGGING = "https://www.googleapis.com/auth/logging.write"
SECONDS = NOW // SECOND


def account(ident: str, project: str = "p") -> ServiceAccount:
    email = f"{ident}@{project}.iam.gserviceaccount.com"
    return ServiceAccount(project, email, derived_unique_id(email))


CALLER, ONE, TWO, TARGET = (account(ident) for ident in ("caller", "one", "two", "target"))
ANNA = Principal(CALLER.email, CALLER.unique_id)


@dataclass
class World:
    """Accounts, policies, and the credentials of them, with and without anybody being asked."""

    house: House
    book: PolicyBook
    credentials: Credentials
    open: Credentials

    async def grant(self, resource: str, who: ServiceAccount, role: str = CREATOR) -> None:
        policy = Policy(1, (Binding(role, (f"serviceAccount:{who.email}",)),))
        await self.book.put(resource, policy, if_etag=b"")

    async def key_of(self, email: str) -> RSAPublicKey:
        found = await self.house.accounts.find(email)
        assert found is not None
        certificate = (await self.house.keyring.account_key(found.unique_id)).certificate
        key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
        assert isinstance(key, RSAPublicKey)
        return key


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def world(tmp_path: Path, keys: Path) -> AsyncIterator[World]:
    async with proving.house(tmp_path, keys) as house:
        for each in (CALLER, ONE, TWO, TARGET):
            await house.accounts.create(each)
        projects = Projects(house.store.records, house.clock)
        book = PolicyBook(house.store.records, house.clock, lambda resource: Policy())
        authorizer = Authorizer(book, house.accounts, projects, house.clock, lambda: "")
        asked, unasked = (
            Credentials(
                accounts=house.accounts,
                projects=projects,
                authorizer=each,
                keyring=house.keyring,
                tokens=house.tokens,
                wall=house.clock,
            )
            for each in (authorizer, None)
        )
        yield World(house, book, asked, unasked)


def about(
    who: ServiceAccount = TARGET, *delegates: ServiceAccount, by: Principal = ANNA, project: str = "-"
) -> Request:
    path = tuple(f"projects/-/serviceAccounts/{each.email}" for each in delegates)
    return Request(f"projects/{project}/serviceAccounts/{who.email}", by, path)


# What is given


async def test_an_access_token_is_the_accounts_with_the_scopes_asked_for(world: World) -> None:
    await world.grant(TARGET.name, CALLER)
    token = await world.credentials.access_token(about(), [LOGGING, CLOUD_PLATFORM, LOGGING], None)
    claims = await world.house.tokens.read_access_token(token.text)
    assert claims is not None
    assert (claims.email, claims.scopes) == (TARGET.email, (LOGGING, CLOUD_PLATFORM))
    assert token.expires == claims.expires == NOW + HOUR


async def test_one_empty_scope_stands_for_all_of_google_cloud(world: World) -> None:
    token = await world.open.access_token(about(), [""], None)
    claims = await world.house.tokens.read_access_token(token.text)
    assert claims is not None
    assert claims.scopes == (CLOUD_PLATFORM,)


@pytest.mark.parametrize("lifetime", [SECOND, 600 * SECOND, HOUR])
async def test_a_token_lives_as_long_as_was_asked(world: World, lifetime: int) -> None:
    assert (await world.open.access_token(about(), [LOGGING], lifetime)).expires == NOW + lifetime


@pytest.mark.parametrize(
    ("lifetime", "sentence"),
    [
        (0, "Lifetime of access token must be larger then zero."),
        (-SECOND, "Lifetime of access token must be larger then zero."),
        (
            HOUR + SECOND,
            f"Access tokens for service account {TARGET.email} can not have lifetimes of more than 1 hour. ",
        ),
        (12 * HOUR, f"Access tokens for service account {TARGET.email} can not have lifetimes of more than 1 hour. "),
    ],
)
async def test_a_lifetime_beyond_the_limits_is_refused(world: World, lifetime: int, sentence: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await world.open.access_token(about(), [LOGGING], lifetime)
    assert refused.value.message.startswith(sentence)


@pytest.mark.parametrize("scopes", [[], ["a b"], ["x" * 501], ["a\n"], [LOGGING] * 101, ["\u00e4"]])
async def test_scopes_that_are_none_are_refused(world: World, scopes: list[str]) -> None:
    with pytest.raises(InvalidArgument):
        await world.open.access_token(about(), scopes, None)


@pytest.mark.parametrize("email", [True, False])
async def test_an_id_token_speaks_for_the_account(world: World, email: bool) -> None:
    await world.grant(TARGET.name, CALLER)
    text = await world.credentials.id_token(about(), "https://worker.example", email=email)
    claims = await world.house.tokens.read_id_token(text)
    assert claims is not None
    assert (claims.unique_id, claims.audience) == (TARGET.unique_id, "https://worker.example")
    assert (claims.email, claims.email_verified) == ((TARGET.email, True) if email else ("", False))


@pytest.mark.parametrize("audience", ["", "x" * 2_049])
async def test_an_id_token_needs_an_audience(world: World, audience: str) -> None:
    with pytest.raises(InvalidArgument, match="audience"):
        await world.open.id_token(about(), audience, email=False)


async def test_claims_are_signed_as_they_came_by_the_accounts_own_key(world: World) -> None:
    await world.grant(TARGET.name, CALLER)
    text = json.dumps({"sub": "user@example.com", "iat": SECONDS, "exp": SECONDS + 60, "spaced": "\u00fc"}, indent=3)
    signed = await world.credentials.sign_claims(about(), text)
    token = signed.value.decode()
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "kid": signed.key_id, "typ": "JWT"}
    verified = jwt.api_jws.decode(token, await world.key_of(TARGET.email), ["RS256"])
    assert verified == text.encode()


async def test_signed_claims_never_pass_for_an_id_token(world: World) -> None:
    claims = {
        "iss": proving.ISSUER,
        "aud": "https://worker.example",
        "sub": ONE.unique_id,
        "email": ONE.email,
        "email_verified": True,
        "iat": SECONDS,
        "exp": SECONDS + 60,
    }
    signed = await world.open.sign_claims(about(), json.dumps(claims))
    assert await world.house.tokens.read_id_token(signed.value.decode()) is None
    assert signed.key_id not in {key.key_id for key in await world.house.keyring.published()}


@pytest.mark.parametrize(
    "claims",
    [
        "",
        "[]",
        "null",
        '"text"',
        "{",
        '{"exp": NaN}',
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 2}}',
        '{"exp": "soon"}',
        '{"exp": true}',
        '{"exp": null}',
        f'{{"exp": {SECONDS}.5}}',
        f'{{"exp": {SECONDS - 1}}}',
        f'{{"exp": {SECONDS + 12 * 3_600 + 1}}}',
        '{"a": "' + "x" * 70_000 + '"}',
        '{"a": "\ud800"}',
        "[" * 50_000,
        '{"exp": ' + "9" * 5_000 + "}",
    ],
)
async def test_what_is_no_set_of_claims_is_not_signed(world: World, claims: str) -> None:
    with pytest.raises(InvalidArgument):
        await world.open.sign_claims(about(), claims)


@pytest.mark.parametrize("claims", ["{}", f'{{"exp": {SECONDS}}}', f'{{"exp": {SECONDS + 12 * 3_600}}}'])
async def test_claims_need_no_expiry_and_may_be_good_for_twelve_hours(world: World, claims: str) -> None:
    assert await world.open.sign_claims(about(), claims)


async def test_bytes_are_signed_by_the_accounts_own_key(world: World) -> None:
    await world.grant(TARGET.name, CALLER)
    signed = await world.credentials.sign_bytes(about(), b"\x00anything")
    (await world.key_of(TARGET.email)).verify(signed.value, b"\x00anything", PKCS1v15(), SHA256())


async def test_there_is_nothing_to_sign_in_no_bytes(world: World) -> None:
    with pytest.raises(InvalidArgument, match="payload"):
        await world.open.sign_bytes(about(), b"")


# Who may


async def every_call(credentials: Credentials, request: Request) -> list[KumoError | None]:
    """What became of each of the four calls, None if it was answered."""
    calls = (
        credentials.access_token(request, [LOGGING], None),
        credentials.id_token(request, "https://worker.example", email=True),
        credentials.sign_claims(request, "{}"),
        credentials.sign_bytes(request, b"x"),
    )
    outcomes: list[KumoError | None] = []
    for call in calls:
        try:
            await call
        except KumoError as refused:
            outcomes.append(refused)
        else:
            outcomes.append(None)
    return outcomes


def lacked(outcomes: list[KumoError | None]) -> list[tuple[str, str]]:
    denied = [each for each in outcomes if isinstance(each, PermissionDenied)]
    assert len(denied) == len(outcomes)
    return [(each.permission, each.resource) for each in denied]


async def test_each_call_needs_a_permission_of_its_own(world: World) -> None:
    permissions = ("getAccessToken", "getOpenIdToken", "signJwt", "signBlob")
    resource = f"projects/-/serviceAccounts/{TARGET.email}"
    expected = [(f"iam.serviceAccounts.{permission}", resource) for permission in permissions]
    assert lacked(await every_call(world.credentials, about())) == expected


async def test_a_grant_on_the_accounts_project_is_enough(world: World) -> None:
    await world.grant("projects/p", CALLER)
    assert await every_call(world.credentials, about()) == [None] * 4


async def test_an_anonymous_caller_is_asked_who_he_is(world: World) -> None:
    outcomes = await every_call(world.credentials, about(by=ANONYMOUS))
    assert {type(each) for each in outcomes} == {CredentialsMissing}


async def test_an_account_is_not_allowed_to_be_itself_unasked(world: World) -> None:
    itself = Principal(TARGET.email, TARGET.unique_id)
    assert len(lacked(await every_call(world.credentials, about(by=itself)))) == 4


async def test_a_missing_account_is_not_told_from_one_that_is_denied(world: World) -> None:
    nobody = account("nobody")
    denied = lacked(await every_call(world.credentials, about(nobody)))
    assert {resource for _, resource in denied} == {f"projects/-/serviceAccounts/{nobody.email}"}
    await world.grant("projects/p", CALLER)
    outcomes = await every_call(world.credentials, about(nobody))
    assert {each.message for each in outcomes if isinstance(each, EntityNotFound)} == {
        f"Not found; Gaia id not found for email {nobody.email}"
    }
    assert len(outcomes) == 4


async def test_a_disabled_account_gives_nothing(world: World) -> None:
    await world.grant("projects/p", CALLER)
    current = await world.house.accounts.find(TARGET.email)
    assert current is not None
    await world.house.accounts.replace(replaced(current), if_etag=current.etag)
    outcomes = await every_call(world.credentials, about())
    assert [type(each) for each in outcomes] == [FailedPrecondition] * 4


def replaced(current: ServiceAccount) -> ServiceAccount:
    return ServiceAccount(
        current.project, current.email, current.unique_id, disabled=True, created=current.created, etag=current.etag
    )


async def test_a_deleted_account_gives_nothing(world: World) -> None:
    await world.grant("projects/p", CALLER)
    current = await world.house.accounts.find(TARGET.email)
    assert current is not None
    await world.house.accounts.delete(current)
    assert [type(each) for each in await every_call(world.credentials, about())] == [EntityNotFound] * 4


async def test_an_account_goes_by_its_unique_id_too(world: World) -> None:
    await world.grant(TARGET.name, CALLER)
    request = Request(f"projects/-/serviceAccounts/{TARGET.unique_id}", ANNA)
    assert await every_call(world.credentials, request) == [None] * 4


async def test_an_account_may_be_named_with_its_own_project_by_id_or_number(world: World) -> None:
    await world.grant(TARGET.name, CALLER)
    for project in ("p", project_number("p")):
        assert await every_call(world.credentials, about(project=project)) == [None] * 4


async def test_rights_on_another_project_lead_to_no_account_of_this_one(world: World) -> None:
    await world.grant("projects/evil", CALLER)
    assert len(lacked(await every_call(world.credentials, about(project="evil")))) == 4
    await world.grant("projects/p", CALLER)
    assert [type(each) for each in await every_call(world.credentials, about(project="evil"))] == [EntityNotFound] * 4


@pytest.mark.parametrize(
    "name", ["", "target", "projects/-/serviceAccounts/", "serviceAccounts/x", "projects/-/serviceAccounts/a/b"]
)
async def test_a_name_that_is_none_is_refused(world: World, name: str) -> None:
    assert [type(each) for each in await every_call(world.open, Request(name, ANNA))] == [InvalidArgument] * 4


async def test_without_authentication_every_service_account_exists(world: World) -> None:
    nobody = account("nobody", "elsewhere")
    token = await world.open.access_token(about(nobody, by=ANONYMOUS), [LOGGING], None)
    claims = await world.house.tokens.read_access_token(token.text)
    assert claims is not None
    assert (claims.email, claims.unique_id) == (nobody.email, nobody.unique_id)


# Delegates


async def test_a_chain_of_delegates_leads_to_the_account(world: World) -> None:
    await world.grant(ONE.name, CALLER)
    await world.grant(TWO.name, ONE)
    await world.grant(TARGET.name, TWO)
    assert await every_call(world.credentials, about(TARGET, ONE, TWO)) == [None] * 4


async def test_the_caller_of_a_chain_needs_nothing_on_the_account_itself(world: World) -> None:
    await world.grant(ONE.name, CALLER)
    await world.grant(TARGET.name, ONE)
    assert await every_call(world.credentials, about(TARGET, ONE)) == [None] * 4
    assert len(lacked(await every_call(world.credentials, about(TARGET)))) == 4


@pytest.mark.parametrize("broken", [0, 1, 2])
async def test_a_chain_breaks_at_each_of_its_links(world: World, broken: int) -> None:
    links = ((ONE, CALLER), (TWO, ONE), (TARGET, TWO))
    for place, (resource, who) in enumerate(links):
        if place != broken:
            await world.grant(resource.name, who)
    denied = lacked(await every_call(world.credentials, about(TARGET, ONE, TWO)))
    assert {resource for _, resource in denied} == {f"projects/-/serviceAccounts/{links[broken][0].email}"}
    if broken < 2:
        assert {permission for permission, _ in denied} == {"iam.serviceAccounts.implicitDelegation"}


async def test_rights_to_pass_through_are_not_rights_to_tokens(world: World) -> None:
    """Whoever may pass through each account of a chain, but no more, ends before its last."""
    await world.grant(ONE.name, CALLER)
    await world.grant(TARGET.name, ONE, "roles/iam.serviceAccountUser")
    assert len(lacked(await every_call(world.credentials, about(TARGET, ONE)))) == 4


async def test_a_delegate_that_is_gone_or_disabled_holds_nothing(world: World) -> None:
    await world.grant(ONE.name, CALLER)
    await world.grant(TARGET.name, ONE)
    current = await world.house.accounts.find(ONE.email)
    assert current is not None
    disabled = await world.house.accounts.replace(replaced(current), if_etag=current.etag)
    assert len(lacked(await every_call(world.credentials, about(TARGET, ONE)))) == 4
    await world.house.accounts.delete(disabled)
    assert len(lacked(await every_call(world.credentials, about(TARGET, ONE)))) == 4


async def test_a_delegate_must_be_a_name(world: World) -> None:
    request = Request(f"projects/-/serviceAccounts/{TARGET.email}", ANNA, (ONE.email,))
    assert [type(each) for each in await every_call(world.open, request)] == [InvalidArgument] * 4


async def test_a_chain_is_bounded(world: World) -> None:
    assert [type(each) for each in await every_call(world.open, about(TARGET, *[ONE] * 11))] == [InvalidArgument] * 4
