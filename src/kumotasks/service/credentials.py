"""IAM Credentials: tokens for an account, and signatures by it, for those who may act as it.

The permission is judged here and not at the gate, for a chain of delegates moves it: the caller needs to pass through
the first delegate, each delegate through the next, and only the last holds the permission on the account itself. It is
judged before the account's existence, and on the account's own project, whatever project its name was written with.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kumotasks.auth.signature import sign
from kumotasks.domain.account import ServiceAccount, derived_unique_id
from kumotasks.domain.clock import HOUR, SECOND, Clock
from kumotasks.domain.errors import DelegationDenied, EntityNotFound, FailedPrecondition, InvalidArgument
from kumotasks.domain.principal import Need, Principal

if TYPE_CHECKING:
    from kumotasks.auth.accounts import Accounts
    from kumotasks.auth.authorize import Authorizer
    from kumotasks.auth.keyring import Keyring
    from kumotasks.auth.projects import Projects
    from kumotasks.auth.signing_key import SigningKey
    from kumotasks.auth.tokens import AccessToken, Tokens

MAX_LIFETIME = HOUR  # IAM Credentials: longer only by an organisation's policy
MAX_AHEAD = 12 * HOUR  # IAM Credentials: how far ahead the `exp` of signed claims may be
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
_MAX_DELEGATES = 10  # ours; Google's limit is not published
_MAX_SCOPES = 100
_MAX_CLAIMS = 64 * 1024  # ours: characters of claims to sign
_MAX_AUDIENCE = 2_048
_PERMISSION = "iam.serviceAccounts."
_PASS = f"{_PERMISSION}implicitDelegation"
_NAME = re.compile(r"projects/([^/]{1,100})/serviceAccounts/([^/]{1,250})")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,500}")  # OAuth 2.0, RFC 6749 section 3.3
_EMAIL = re.compile(r"[^@\s/]{1,100}@([^@\s/]{1,150})")
_PROJECT_OF = re.compile(r"(.+)\.iam\.gserviceaccount\.com")


@dataclass(frozen=True, slots=True)
class Request:
    """Whom a call is about: the account's name `projects/-/serviceAccounts/EMAIL|ID`, who calls, and by way of whom."""

    name: str
    principal: Principal
    delegates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """Something signed, and the key it was signed by."""

    key_id: str
    value: bytes


class Credentials:
    """`authorizer` None: nobody is asked who he is, and there is an account for every e-mail."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        projects: Projects,
        authorizer: Authorizer | None,
        keyring: Keyring,
        tokens: Tokens,
        wall: Clock,
    ) -> None:
        self._accounts = accounts
        self._projects = projects
        self._authorizer = authorizer
        self._keyring = keyring
        self._tokens = tokens
        self._wall = wall

    async def access_token(self, request: Request, scopes: Sequence[str], lifetime: int | None) -> AccessToken:
        """An access token that lives for `lifetime` µs, an hour if None."""
        account = await self._account(request, "getAccessToken")
        asked = _checked_scopes(scopes)
        span = MAX_LIFETIME if lifetime is None else lifetime
        if span < SECOND:
            raise InvalidArgument("Lifetime of access token must be larger then zero.")  # Google's own spelling
        if span > MAX_LIFETIME:
            raise InvalidArgument(
                f"Access tokens for service account {account.email} can not have lifetimes of more than 1 hour. "
                "Use the Org Policy Constraint constraints/iam.allowServiceAccountCredentialLifetimeExtension "
                "to allow up to 12 hours."
            )
        return await self._tokens.access_token(account, asked, span)

    async def id_token(self, request: Request, audience: str, *, email: bool) -> str:
        account = await self._account(request, "getOpenIdToken")
        if not 1 <= len(audience) <= _MAX_AUDIENCE:
            raise InvalidArgument(f"The audience must be 1 to {_MAX_AUDIENCE} characters long.")
        return await self._tokens.id_token(account, audience, email=email)

    async def sign_claims(self, request: Request, claims: str) -> Signed:
        """A JWT of claims that the caller wrote, a JSON object."""
        account = await self._account(request, "signJwt")
        _check_claims(claims, self._wall.now() // SECOND)
        key = await self._key(account)
        return Signed(key.key_id, (await asyncio.to_thread(key.jwt, claims.encode())).encode())

    async def sign_bytes(self, request: Request, payload: bytes) -> Signed:
        account = await self._account(request, "signBlob")
        if not payload:
            raise InvalidArgument("The payload is required.")
        key = await self._key(account)
        return Signed(key.key_id, await asyncio.to_thread(sign, key, payload))

    async def _key(self, account: ServiceAccount) -> SigningKey:
        return await self._keyring.account_key(account.unique_id)

    async def _account(self, request: Request, permission: str) -> ServiceAccount:
        """The account the call is about, once it is clear that the caller may."""
        idents = [_parsed(name)[1] for name in (*request.delegates, request.name)]
        if len(request.delegates) > _MAX_DELEGATES:
            raise InvalidArgument(f"A delegation chain has at most {_MAX_DELEGATES} delegates.")
        if self._authorizer is not None:
            await self._check_chain(self._authorizer, request.principal, idents, f"{_PERMISSION}{permission}")
        project, ident = _parsed(request.name)
        account = await self._accounts.find(ident)
        if account is None and self._authorizer is None:
            account = _assumed(ident)
        if account is None or not await self._is_of(project, account):
            raise EntityNotFound(f"Not found; Gaia id not found for email {ident}")
        if account.disabled:
            raise FailedPrecondition(f"Service account {account.email} is disabled.")
        return account

    async def _is_of(self, project: str, account: ServiceAccount) -> bool:
        return project == "-" or await self._projects.resolve(project) == account.project

    async def _check_chain(
        self, authorizer: Authorizer, principal: Principal, idents: Sequence[str], permission: str
    ) -> None:
        """Each link must hold what it needs on the next; a delegate that is gone or disabled holds nothing."""
        for place, ident in enumerate(idents):
            last = place == len(idents) - 1
            need = Need(permission if last else _PASS, f"projects/-/serviceAccounts/{ident}")
            await authorizer.check(principal, (need,))
            if last:
                return
            delegate = await self._accounts.find(ident)
            if delegate is None or delegate.disabled:
                raise DelegationDenied(need.permission, need.resource)
            principal = Principal(delegate.email, delegate.unique_id)


def _parsed(name: str) -> tuple[str, str]:
    """(project, e-mail or unique id)"""
    match = _NAME.fullmatch(name)
    if match is None:
        raise InvalidArgument(
            f"The name '{name[:200]}' must be formatted: projects/-/serviceAccounts/{{ACCOUNT_EMAIL_OR_UNIQUEID}}."
        )
    return match[1], match[2]


def _assumed(ident: str) -> ServiceAccount | None:
    """The account that an e-mail would have, if accounts were asked for."""
    match = _EMAIL.fullmatch(ident)
    if match is None:
        return None
    own = _PROJECT_OF.fullmatch(match[1])
    return ServiceAccount(own[1] if own else "-", ident, derived_unique_id(ident))


def _checked_scopes(scopes: Sequence[str]) -> tuple[str, ...]:
    """One empty scope stands for all of Google Cloud, as IAM Credentials has it."""
    if not 1 <= len(scopes) <= _MAX_SCOPES:
        raise InvalidArgument(f"The number of scopes must be between 1 and {_MAX_SCOPES}.")
    asked = tuple(dict.fromkeys(scope or CLOUD_PLATFORM for scope in scopes))
    for scope in asked:
        if _SCOPE.fullmatch(scope) is None:
            raise InvalidArgument(f"The scope '{scope[:100]}' is not valid.")
    return asked


def _check_claims(claims: str, now: int) -> None:
    """`now` in seconds. The claims must be a JSON object that says each thing once, and not live for too long."""
    if len(claims) > _MAX_CLAIMS:
        raise InvalidArgument(f"The payload is longer than {_MAX_CLAIMS} characters.")
    try:
        claims.encode()
        read = json.loads(claims, object_pairs_hook=_each_once, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise InvalidArgument("The payload must be a serialized JSON object that contains a JWT Claims Set.") from None
    if not isinstance(read, dict):
        raise InvalidArgument("The payload must be a serialized JSON object that contains a JWT Claims Set.")
    expiry = read.get("exp", now)
    if type(expiry) is not int or not now <= expiry <= now + MAX_AHEAD // SECOND:
        raise InvalidArgument(
            "The exp claim must be an integer timestamp that is not in the past "
            "and no more than 12 hours in the future."
        )


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    read = dict(pairs)
    if len(read) != len(pairs):  # readers differ in which of two they believe
        raise ValueError
    return read


def _refused(constant: str) -> object:
    raise ValueError(constant)  # NaN and its like are no JSON
