"""Who sent a call: from its Authorization header to a Principal.

Three proofs count: a JWT that an account's key signed, an access token of ours, an ID token of ours that is addressed
to us. A client sends the same one with every call for an hour, so a verdict is remembered until it can have changed.
It knows nothing of what a principal may do, and never takes a token from anywhere else: a query ends up in logs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from kumotasks.auth.assertion import Refused, TrustedKeys, names_account, stranger, verify_envelope
from kumotasks.auth.envelope import MAX_TOKEN, Envelope, Malformed, open_envelope
from kumotasks.domain.errors import Forbidden, Unauthenticated
from kumotasks.domain.principal import ANONYMOUS, Principal

if TYPE_CHECKING:
    from kumotasks.auth.accounts import Accounts
    from kumotasks.auth.revoked import Revoked
    from kumotasks.auth.system_keys import SystemKeys
    from kumotasks.auth.tokens import Tokens
    from kumotasks.domain.account import ServiceAccount
    from kumotasks.domain.clock import Clock

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
GCLOUD = "32555940559.apps.googleusercontent.com"  # the client id that gcloud asks ID tokens for
ACCESS_TOKEN = "ya29."  # noqa: S105 - what every access token begins with
# Google: "aud" is a service's URL; gRPC's own credentials add the proto service, /google.cloud.tasks.v2.CloudTasks.
GOOGLE = re.compile(r"https://(?:[a-z0-9-]+\.)+googleapis\.com", re.ASCII)
_PROTO_SERVICE = re.compile(r"/(?:[a-z][a-z0-9_]*\.)+[A-Z][A-Za-z0-9_]*\Z", re.ASCII)
_BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)")  # RFC 6750 section 2.1
_SLACK = 64  # bytes beside the token
_REMEMBERED = 4096
_LONGEST_REMEMBERED = 4096  # bytes of a header: a longer one is verified each time

Verdict = tuple[Principal, int]  # and the instant from which it no longer holds


class Authenticator:
    """Turns an Authorization header into a Principal. `audiences` are our own URLs; `anyone` (a server that asks
    nobody) believes what it can and takes the rest for ANONYMOUS."""

    def __init__(
        self,
        accounts: Accounts,
        tokens: Tokens,
        wall: Clock,
        audiences: Callable[[], frozenset[str]],
        *,
        revoked: Revoked | None = None,
        system_keys: SystemKeys | None = None,
        anyone: bool = False,
    ) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._wall = wall
        self._audiences = audiences
        self._revoked = revoked
        self._anyone = anyone
        self._trusted = TrustedKeys(accounts, system_keys, anyone)
        self._verdicts: dict[bytes, Verdict] = {}
        self._epoch = -1  # the one that the verdicts are of

    def known(self, authorization: bytes) -> Principal | None:
        """Whose the header is, if it was verified since accounts, keys and revocations last changed."""
        verdict = self._verdicts.get(authorization)
        if verdict is None or verdict[1] <= self._wall.now() or self._epoch != self._now_epoch():
            return None
        return verdict[0]

    async def principal(self, authorization: bytes | None) -> Principal:
        """Whose the header is. Raises Unauthenticated, or Forbidden of a token whose scopes do not reach here."""
        if not authorization:
            return ANONYMOUS
        known = self.known(authorization)
        if known is not None:
            return known
        epoch = self._now_epoch()  # now: what changes in the meantime must end this verdict too
        try:
            verdict = await self._judge(_token(authorization))
        except (Unauthenticated, Forbidden):
            if self._anyone:
                return ANONYMOUS
            raise
        self._remember(authorization, verdict, epoch)
        return verdict[0]

    async def _judge(self, token: str) -> Verdict:
        if self._revoked is not None and await self._revoked.holds(token):
            raise Unauthenticated
        if token.startswith(ACCESS_TOKEN):
            return await self._of_access_token(token)
        try:
            envelope = open_envelope(token)
        except Malformed as error:
            raise Unauthenticated from error
        if names_account(envelope.claims.get("iss")):
            return await self._of_account(envelope)
        return await self._of_id_token(token)

    async def _of_access_token(self, token: str) -> Verdict:
        claims = await self._tokens.read_access_token(token)
        if claims is None:
            raise Unauthenticated
        who = await self._live(claims.email, claims.unique_id)
        if CLOUD_PLATFORM not in claims.scopes:
            raise Forbidden("Request had insufficient authentication scopes.")
        return who, claims.expires

    async def _of_id_token(self, token: str) -> Verdict:
        claims = await self._tokens.read_id_token(token)
        if claims is None or (claims.email and not claims.email_verified):
            raise Unauthenticated
        if claims.audience != GCLOUD and claims.audience.rstrip("/") not in self._own():
            raise Unauthenticated
        return await self._live(claims.email, claims.unique_id), claims.expires

    async def _of_account(self, envelope: Envelope) -> Verdict:
        try:
            assertion = await verify_envelope(envelope, self._trusted, self._wall.now())
        except Refused as error:
            raise Unauthenticated from error
        if not assertion.subject:
            raise Unauthenticated
        if not (self._addressed(assertion.audiences) if assertion.audiences else CLOUD_PLATFORM in assertion.scopes):
            raise Unauthenticated
        return _principal(assertion.account), assertion.until

    async def _live(self, email: str, unique_id: str) -> Principal:
        """The account that a token of ours was made for, if it is still there and the same."""
        account = await holder(self._accounts, email, unique_id, anyone=self._anyone)
        if account is None:
            raise Unauthenticated
        return _principal(account)

    def _addressed(self, audiences: tuple[str, ...]) -> bool:
        """Whether everybody it is addressed to is us, as what we are or as a Google service: who else may read it
        could send it on."""
        own = self._own()
        services = [_PROTO_SERVICE.sub("", each).rstrip("/") for each in audiences]
        return all(each in own or GOOGLE.fullmatch(each) is not None for each in services)

    def _own(self) -> frozenset[str]:
        return frozenset(each.rstrip("/") for each in self._audiences())

    def _now_epoch(self) -> int:
        """Rises with every change that could make a verdict wrong."""
        return self._accounts.epoch + (0 if self._revoked is None else self._revoked.epoch)

    def _remember(self, authorization: bytes, verdict: Verdict, epoch: int) -> None:
        if epoch != self._epoch:
            self._verdicts.clear()
            self._epoch = epoch
        if len(authorization) > _LONGEST_REMEMBERED:
            return
        while len(self._verdicts) >= _REMEMBERED:
            del self._verdicts[next(iter(self._verdicts))]
        self._verdicts[authorization] = verdict


async def holder(accounts: Accounts, email: str, unique_id: str, *, anyone: bool) -> ServiceAccount | None:
    """The account that a token of ours was made for; None if it is gone, disabled, or another of the same e-mail."""
    account = await accounts.find(email or unique_id)
    if account is None and anyone and email:
        return stranger(email)
    if account is None or account.disabled or account.unique_id != unique_id:
        return None
    return account


def _token(authorization: bytes) -> str:
    """What stands behind "Bearer". Raises Unauthenticated."""
    found = _BEARER.fullmatch(authorization) if len(authorization) <= MAX_TOKEN + _SLACK else None
    if found is None:
        raise Unauthenticated
    return found[1].decode("ascii")


def _principal(account: ServiceAccount) -> Principal:
    return Principal(account.email, account.unique_id)
