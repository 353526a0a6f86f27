"""The tokens that tasks carry: made when an attempt first asks for one, kept until five minutes before they expire.

A token is signed once for all the attempts that ask for the same at the same time. What is kept is trusted for as long
as no account has changed since; after a change the account is looked at again, and only if it is still the same one is
the token still good. It must never know of tasks or requests, and no text of a token leaves it but as an answer.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Protocol

from kumotasks.domain.account import ServiceAccount, derived_unique_id
from kumotasks.domain.clock import HOUR, MINUTE, Clock
from kumotasks.domain.errors import KumoError

MARGIN = 5 * MINUTE  # a worker may take its time, and its clock may be ahead
KEPT = 1024  # tokens
KEPT_LENGTH = 4096  # characters of an ask; what is longer is made anew each time, so that memory stays bounded
AT_ONCE = 4  # signatures under way; more would only keep others from the threads
PATIENCE = 30.0  # seconds that an attempt waits for a token
SHOWN = 254  # characters of an e-mail, its longest; a text that is none may be anything


@dataclass(frozen=True, slots=True)
class TokenAsk:
    """A token of the account `email`: with a `scope` (parted by blanks) an access token, else an ID token."""

    email: str
    audience: str = ""
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """There is no token; `reason` is one line for people."""

    reason: str


class Directory(Protocol):
    """Knows the accounts; `epoch` changes with every one of them."""

    @property
    def epoch(self) -> int: ...
    async def find(self, ident: str) -> ServiceAccount | None: ...


class AccessToken(Protocol):
    """An access token and the instant it ends."""

    @property
    def text(self) -> str: ...
    @property
    def expires(self) -> int: ...


class Signer(Protocol):
    """Makes tokens; OSError if a key cannot be read or written, KumoError if there can be no such token."""

    async def id_token(self, account: ServiceAccount, audience: str, *, lifetime: int = HOUR) -> str: ...
    async def access_token(
        self, account: ServiceAccount, scopes: tuple[str, ...], lifetime: int = HOUR
    ) -> AccessToken: ...


@dataclass(slots=True)
class _Kept:
    """A token, whose it is, when it may be used, and the epoch at which its account was last seen."""

    text: str = field(repr=False)
    unique_id: str
    made: int
    until: int
    epoch: int

    def good(self, now: int) -> bool:
        # A clock that was set back would send a token before it was issued.
        return self.made <= now < self.until


class Bearers:
    """Hands tokens out. `strict`: only for accounts that exist; else for any e-mail."""

    def __init__(self, accounts: Directory, tokens: Signer, wall: Clock, *, strict: bool) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._wall = wall
        self._strict = strict
        self._kept: OrderedDict[TokenAsk, _Kept] = OrderedDict()
        self._minting: dict[tuple[TokenAsk, int], asyncio.Task[_Kept | Refusal]] = {}
        self._room = asyncio.Semaphore(AT_ONCE)

    def ready(self, ask: TokenAsk) -> str | None:
        """The token, if there is one at hand."""
        kept = self._kept.get(ask)
        if kept is None or kept.epoch != self._accounts.epoch or not kept.good(self._wall.now()):
            return None
        self._kept.move_to_end(ask)
        return kept.text

    async def mint(self, ask: TokenAsk) -> str | Refusal:
        """The token, made now if need be, or why there is none."""
        minting = self._under_way(ask)
        try:
            async with asyncio.timeout(PATIENCE):
                made = await asyncio.shield(minting)
        except TimeoutError:
            return Refusal(f"no token could be made within {PATIENCE:g} seconds")
        return made if isinstance(made, Refusal) else made.text

    def _under_way(self, ask: TokenAsk) -> asyncio.Task[_Kept | Refusal]:
        """Who asks after a change of the accounts does not join those who asked before it."""
        key = (ask, self._accounts.epoch)
        minting = self._minting.get(key)
        if minting is None:
            minting = self._minting[key] = asyncio.get_running_loop().create_task(self._make(*key))
            minting.add_done_callback(lambda done: self._forget(key, done))
        return minting

    def _forget(self, key: tuple[TokenAsk, int], done: asyncio.Task[_Kept | Refusal]) -> None:
        del self._minting[key]
        if not done.cancelled():
            done.exception()  # whoever still waits has it; if no one does, it is no one's

    async def _make(self, ask: TokenAsk, epoch: int) -> _Kept | Refusal:
        """Not the bare text, for what a task returns is shown where the event loop tells of it."""
        try:
            account = await self._account(ask.email)
            if isinstance(account, Refusal):
                self._kept.pop(ask, None)
                return account
            kept = self._kept.get(ask)
            if kept is None or kept.unique_id != account.unique_id or not kept.good(self._wall.now()):
                async with self._room:
                    kept = await self._signed(ask, account, epoch)
        except (OSError, KumoError) as error:
            return Refusal(f"no token could be made: {_detail(error)}")
        self._keep(ask, kept, epoch)
        return kept

    async def _account(self, email: str) -> ServiceAccount | Refusal:
        found = await self._accounts.find(email)
        if not self._strict:
            return found or ServiceAccount("-", email, derived_unique_id(email))
        if found is None:
            return Refusal(f"the service account {ascii(email[:SHOWN])[1:-1]} does not exist")
        return Refusal(f"the service account {found.email} is disabled") if found.disabled else found

    async def _signed(self, ask: TokenAsk, account: ServiceAccount, epoch: int) -> _Kept:
        made = self._wall.now()
        if ask.scope:
            token = await self._tokens.access_token(account, tuple(ask.scope.split()))
            return _Kept(token.text, account.unique_id, made, token.expires - MARGIN, epoch)
        text = await self._tokens.id_token(account, ask.audience, lifetime=HOUR)
        return _Kept(text, account.unique_id, made, made + HOUR - MARGIN, epoch)

    def _keep(self, ask: TokenAsk, kept: _Kept, epoch: int) -> None:
        if len(ask.email) + len(ask.audience) + len(ask.scope) > KEPT_LENGTH:
            return
        kept.epoch = epoch
        self._kept[ask] = kept
        self._kept.move_to_end(ask)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)


def _detail(error: OSError | KumoError) -> str:
    if isinstance(error, KumoError):
        return error.message
    return (error.strerror or type(error).__name__).lower()  # and not which file it was
