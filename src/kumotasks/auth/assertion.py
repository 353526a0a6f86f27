"""What a service account says of itself in a JWT signed with one of its own keys.

The same proof opens two doors: an API call that carries it (there it is a self-signed JWT) and the token endpoint
(there it is an assertion). Whom it must be addressed to differs, and is each door's own question. It knows neither
headers nor forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kumotasks.auth.envelope import Envelope, Malformed, open_envelope
from kumotasks.auth.public_key import verifies
from kumotasks.domain.account import UNIQUE_ID, ServiceAccount, derived_unique_id
from kumotasks.domain.clock import HOUR, MINUTE, SECOND

if TYPE_CHECKING:
    from kumotasks.auth.accounts import Accounts
    from kumotasks.auth.system_keys import SystemKeys
    from kumotasks.domain.account_key import AccountKey

LONGEST_LIFE = HOUR + 10 * SECOND  # Google: 3600 s; clients add their own skew on one side
SKEW = MINUTE  # how far a client's clock may be ahead
EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,128}@[A-Za-z0-9.-]{1,128}", re.ASCII)
_KEY_ID = re.compile(r"[0-9a-f]{40}", re.ASCII)
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+", re.ASCII)  # RFC 6749 section 3.3
_LONE = re.compile("[\ud800-\udfff]")  # JSON can write half a character; nothing behind us could
_LAST_SECOND = 253_402_300_799  # the year 9999
_MAX_TEXT = 8 * 1024


class Refused(Exception):
    """A proof or a grant was refused: an OAuth error code (RFC 6749 section 5.2) and Google's sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Assertion:
    """Verified. `until` is the instant from which it proves nothing any more."""

    account: ServiceAccount
    subject: str  # "" if it names none
    audiences: tuple[str, ...]
    scopes: tuple[str, ...]
    target_audience: str
    until: int


@dataclass(frozen=True, slots=True)
class TrustedKeys:
    """Whose keys count: the directory's, those that we hold for its accounts, and with `anyone` unknown ones of
    unknown accounts, unseen."""

    accounts: Accounts
    system_keys: SystemKeys | None = None
    anyone: bool = False


async def verify(text: str, trusted: TrustedKeys, now: int) -> Assertion:
    """The assertion in `text`. Raises Refused."""
    try:
        envelope = open_envelope(text)
    except Malformed as error:
        raise Refused("invalid_grant", "Invalid JWT: Failed to parse the JWT.") from error
    return await verify_envelope(envelope, trusted, now)


async def verify_envelope(envelope: Envelope, trusted: TrustedKeys, now: int) -> Assertion:
    """The assertion in an opened JWT. Raises Refused."""
    if envelope.header.get("alg") != "RS256":
        raise Refused("invalid_grant", "Invalid JWT: The algorithm must be RS256.")
    issuer = _issuer(envelope.claims)
    account = await trusted.accounts.find(issuer)
    if account is None and trusted.anyone:
        account = stranger(issuer)
    if account is None:
        raise Refused("invalid_grant", "Invalid grant: account not found")
    key = await _signing_key(envelope, account, trusted, now)
    if account.disabled:
        raise Refused("invalid_grant", "Invalid grant: account is disabled")
    expires = _expiry(envelope.claims, now)
    subject = text_claim(envelope.claims, "sub")
    if subject not in {"", issuer}:
        raise Refused(
            "unauthorized_client",
            "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of "
            "the scopes requested.",
        )
    return Assertion(
        account,
        subject,
        _audiences(envelope.claims.get("aud")),
        scopes_of(text_claim(envelope.claims, "scope")),
        text_claim(envelope.claims, "target_audience"),
        expires if key is None else min(expires, key.valid_before),
    )


def names_account(issuer: object) -> bool:
    """Whether an `iss` is an account's; everything else is an issuer of ID tokens."""
    return isinstance(issuer, str) and (EMAIL.fullmatch(issuer) or UNIQUE_ID.fullmatch(issuer)) is not None


def stranger(email: str) -> ServiceAccount | None:
    """The account that an unknown e-mail would be."""
    if "@" not in email:
        return None
    project = email.partition("@")[2].partition(".")[0]
    return ServiceAccount(project, email, derived_unique_id(email))


def scopes_of(text: str) -> tuple[str, ...]:
    """The words of a scope, each once."""
    words = text.split(" ")
    if any(word and _SCOPE.fullmatch(word) is None for word in words):
        raise Refused("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
    return tuple(dict.fromkeys(filter(None, words)))


def text_claim(claims: Mapping[str, object], name: str) -> str:
    """A claim that is text; "" if it is not there."""
    value = claims.get(name)
    return "" if value is None else _text(value, name)


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT or _LONE.search(value):
        raise Refused("invalid_grant", f"Invalid JWT: {name} is not text.")
    return value


def _issuer(claims: Mapping[str, object]) -> str:
    issuer = text_claim(claims, "iss")
    if not names_account(issuer):
        raise Refused("invalid_grant", "Invalid JWT: iss must be the e-mail of a service account.")
    return issuer


async def _signing_key(
    envelope: Envelope, account: ServiceAccount, trusted: TrustedKeys, now: int
) -> AccountKey | None:
    """The account's key that signed; None only if `anyone` makes do without."""
    named = envelope.header.get("kid")
    keys = await _candidates(named, account, trusted)
    for key in keys:
        if key.usable(now) and verifies(key.certificate, envelope.signed, envelope.signature):
            return key
    if trusted.anyone and (not keys or not named):
        return None
    raise Refused("invalid_grant", "Invalid JWT Signature.")


async def _candidates(named: object, account: ServiceAccount, trusted: TrustedKeys) -> Sequence[AccountKey]:
    """The key that `kid` names, or all of the user's keys where none is named: Node's library names none."""
    if named is None or named == "":
        return await trusted.accounts.keys(account)
    if not isinstance(named, str) or _KEY_ID.fullmatch(named) is None:
        return ()
    key = await trusted.accounts.find_key(account, named)
    if key is None and trusted.system_keys is not None:
        key = await trusted.system_keys.of(account)
    return () if key is None or key.key_id != named else (key,)


def _expiry(claims: Mapping[str, object], now: int) -> int:
    """The instant of `exp`, if the times hold at `now`."""
    issued, expires = _instant(claims.get("iat")), _instant(claims.get("exp"))
    begins = _instant(claims.get("nbf", 0))
    if not issued < expires <= issued + LONGEST_LIFE or expires <= now or max(issued, begins) > now + SKEW:
        raise _untimely()
    return expires


def _instant(value: object) -> int:
    """A NumericDate (RFC 7519): seconds, which may have a fraction, as an instant."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LAST_SECOND:
        raise _untimely()
    return int(value * SECOND)


def _untimely() -> Refused:
    return Refused(
        "invalid_grant",
        "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and "
        "exp values in the JWT claim.",
    )


def _audiences(value: object) -> tuple[str, ...]:
    """`aud`, which may be one text or a list of them; an empty one counts as none."""
    if value is None or value == "":
        return ()
    if not isinstance(value, list):
        return (_text(value, "aud"),)
    if not value:
        raise Refused("invalid_grant", "Invalid JWT: aud is an empty list.")
    return tuple(_text(each, "aud") for each in value)
