"""Who may come in: the front's check of whoever calls a service, whatever the server's own --auth says.

A proof is an ID token that is made out to the service. Where everybody may invoke, none is needed, but one that claims
to be of ours must still be true. A caller sends the same header for an hour, so what was read of it is remembered. It
knows neither instances nor how an answer is sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from kumotasks.auth.envelope import MAX_TOKEN, Malformed, open_envelope
from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import CredentialsMissing, PermissionDenied
from kumotasks.domain.principal import ANONYMOUS, Need, Principal
from kumotasks.workers.front.refusal import NOT_AUTHENTICATED, Refusal, forbidden, unauthorized

if TYPE_CHECKING:
    from kumotasks.auth.tokens import IdClaims
    from kumotasks.domain.clock import Clock
    from kumotasks.workers.instances.running import Running

INVOKE = "run.routes.invoke"
GCLOUD = "32555940559.apps.googleusercontent.com"  # the client id that gcloud asks ID tokens for
REMOVED = b"SIGNATURE_REMOVED_BY_GOOGLE"
_BEARER = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)")  # RFC 6750 section 2.1
_SLACK = 64  # bytes beside the token
_REMEMBERED = 4096
_CLOSED = 1 * SECOND  # a condition may come to hold by itself; it is seen to be so by then


class Proofs(Protocol):
    """Reads ID tokens. `epoch` rises with every change that could make a reading wrong."""

    @property
    def epoch(self) -> int: ...
    @property
    def issuer(self) -> str: ...
    async def read(self, token: str, /) -> IdClaims | None:
        """What a token says, while it holds."""

    async def holder(self, claims: IdClaims, /) -> Principal | None:
        """Whose it is, if he is still there."""


class Judge(Protocol):
    """Knows what principals may do (auth.authorize.Authorizer)."""

    @property
    def epochs(self) -> tuple[int, int]: ...
    def known(self, principal: Principal, needs: Sequence[Need], /) -> bool: ...
    async def check(self, principal: Principal, needs: Sequence[Need], /) -> None: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """What a header proved: who holds the token, for whom it is, until when, and the header as the worker gets it."""

    principal: Principal
    audience: str
    expires: int
    unsigned: bytes


@dataclass(frozen=True, slots=True)
class Admitted:
    """The caller may come in. `unsigned` stands in place of the header that was checked; b"" leaves it as it is."""

    unsigned: bytes = b""


UNTOUCHED = Admitted()
Verdict = Admitted | Refusal


class Invoker:
    """Judges the token that a request shows."""

    def __init__(self, proofs: Proofs, judge: Judge, wall: Clock) -> None:
        self._proofs = proofs
        self._judge = judge
        self._wall = wall
        # Services that not everybody may invoke: as of which policies, and until when that need not be asked again.
        self._closed: dict[str, tuple[tuple[int, int], int]] = {}
        self._shown: dict[bytes, Shown] = {}
        self._epoch = -1  # the one that `_shown` is of

    async def verdict(self, running: Running, header: bytes | None, path: str) -> Verdict:
        """Of a request to a service with this token header, if any; `path` is for the page that refuses it."""
        need = Need(INVOKE, str(running.service.name))
        if await self._everybody(running, need):
            return UNTOUCHED if header is None or await self._is_true(header) else unauthorized(path)
        if not header:
            return forbidden(path, log=NOT_AUTHENTICATED)
        shown = self._known(header) or await self._read(header)
        if shown is None or not addressed(running, shown.audience):
            return unauthorized(path)
        if not await self._may(shown.principal, need):
            return forbidden(path)
        return Admitted(shown.unsigned)

    async def _everybody(self, running: Running, need: Need) -> bool:
        if running.service.invoker_iam_disabled:
            return True
        epochs, now = self._judge.epochs, self._wall.now()
        closed = self._closed.get(need.resource)
        if closed is not None and closed[0] == epochs and now < closed[1]:
            return False
        if await self._may(ANONYMOUS, need):
            return True
        if len(self._closed) >= _REMEMBERED:
            self._closed.clear()
        self._closed[need.resource] = epochs, now + _CLOSED
        return False

    async def _may(self, principal: Principal, need: Need) -> bool:
        if self._judge.known(principal, (need,)):
            return True
        try:
            await self._judge.check(principal, (need,))
        except (PermissionDenied, CredentialsMissing):
            return False
        return True

    async def _is_true(self, header: bytes) -> bool:
        """False only of a token that says it is of ours and is not; what else a worker takes is its own business."""
        if self._known(header) is not None:
            return True
        token = bearer(header)
        try:
            issuer = open_envelope(token).claims.get("iss") if token else None
        except Malformed:
            return True
        return issuer not in own(self._proofs.issuer) or await self._read(header) is not None

    def _known(self, header: bytes) -> Shown | None:
        shown = self._shown.get(header)
        if shown is None or shown.expires <= self._wall.now() or self._epoch != self._proofs.epoch:
            return None
        return shown

    async def _read(self, header: bytes) -> Shown | None:
        epoch = self._proofs.epoch  # now: what changes in the meantime must end this reading too
        token = bearer(header)
        claims = await self._proofs.read(token) if token else None
        if claims is None or (claims.email and not claims.email_verified):
            return None
        principal = await self._proofs.holder(claims)
        if principal is None:
            return None
        shown = Shown(principal, claims.audience, claims.expires, header.rpartition(b".")[0] + b"." + REMOVED)
        self._remember(header, shown, epoch)
        return shown

    def _remember(self, header: bytes, shown: Shown, epoch: int) -> None:
        if epoch != self._epoch:
            self._shown.clear()
            self._epoch = epoch
        while len(self._shown) >= _REMEMBERED:
            del self._shown[next(iter(self._shown))]
        self._shown[header] = shown


def bearer(header: bytes) -> str:
    """The token of a header, "" if it holds none."""
    found = _BEARER.fullmatch(header) if len(header) <= MAX_TOKEN + _SLACK else None
    return "" if found is None else found[1].decode("ascii")


def own(issuer: str) -> tuple[str, str]:
    """Both ways in which tokens write their issuer, with and without the scheme."""
    return issuer, issuer.removeprefix("https://")


def addressed(running: Running, audience: str) -> bool:
    """Whether a token is for this service: one of its URLs, whatever path follows (Cloud Tasks makes tokens out to the
    URL of the task), one of its own audiences to the letter, or gcloud's."""
    if audience in running.service.custom_audiences or audience == GCLOUD:
        return True
    return any(audience == url or audience.startswith((url + "/", url + "?")) for url in running.urls)
