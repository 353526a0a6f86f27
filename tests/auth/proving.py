"""Key pairs, and JWTs as honest clients and attackers make them, over the real directory, keyring and tokens."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.assertion import TrustedKeys
from kumotasks.auth.authenticate import Authenticator
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.refresh import RefreshTokens
from kumotasks.auth.revoked import Revoked
from kumotasks.auth.system_keys import SystemKeys
from kumotasks.auth.tokens import Tokens
from kumotasks.domain.account import ServiceAccount
from kumotasks.domain.account_key import AccountKey
from kumotasks.domain.clock import DAY, ManualClock
from kumotasks.service.identity import Identity, Proofs
from kumotasks.storage.sqlite import SqliteStore
from tests.factory import NOW

ISSUER = "https://accounts.google.com"
OWN_URL = "http://127.0.0.1:8123"
CLOUD_TASKS = "https://cloudtasks.googleapis.com/"
TOKEN_URI = "https://oauth2.googleapis.com/token"
PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
SECONDS = NOW // 1_000_000

SENDER = ServiceAccount("p", "sender@p.iam.gserviceaccount.com", "1" * 21)
OTHER = ServiceAccount("p", "other@p.iam.gserviceaccount.com", "2" * 21)


@dataclass(frozen=True)
class Pair:
    """Both halves of an RSA key."""

    private: rsa.RSAPrivateKey
    certificate: str
    key_id: str

    @property
    def public_pem(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def sign(self, signed: bytes) -> bytes:
        return self.private.sign(signed, padding.PKCS1v15(), hashes.SHA256())

    def of(self, account: ServiceAccount, *, until: int = NOW + 365 * DAY) -> AccountKey:
        return AccountKey(account.unique_id, self.key_id, self.certificate, NOW - DAY, until)


@lru_cache
def pair(number: int) -> Pair:
    """The same key for the same number: making one takes a tenth of a second."""
    private = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, str(number))])
    certificate = (
        x509.CertificateBuilder(name, name, private.public_key(), number + 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .sign(private, hashes.SHA256())
    )
    return Pair(private, certificate.public_bytes(Encoding.PEM).decode(), f"{number:040x}")


def packed(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def written(header: bytes, claims: bytes, sign: Callable[[bytes], bytes]) -> str:
    """A JWT over these very bytes."""
    signed = f"{packed(header)}.{packed(claims)}"
    return f"{signed}.{packed(sign(signed.encode()))}"


def claims_of(account: ServiceAccount = SENDER, **changes: object) -> dict[str, object]:
    """What Python's client says of itself; a change to None leaves a claim out."""
    usual: dict[str, object] = {
        "iss": account.email,
        "sub": account.email,
        "aud": CLOUD_TASKS,
        "iat": SECONDS,
        "exp": SECONDS + 3600,
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


def jwt_of(
    claims: Mapping[str, object],
    key: Pair | None = None,
    *,
    sign: Callable[[bytes], bytes] | None = None,
    **header: object,
) -> str:
    """A signed JWT; a header member of None is left out."""
    key = key or pair(1)
    head = {"alg": "RS256", "typ": "JWT", "kid": key.key_id} | header
    kept = {name: value for name, value in head.items() if value is not None}
    return written(json.dumps(kept).encode(), json.dumps(claims).encode(), sign or key.sign)


def assertion(**changes: object) -> str:
    """What a client posts to the token endpoint for an access token."""
    return jwt_of(claims_of(**({"sub": None, "aud": TOKEN_URI, "scope": PLATFORM} | changes)))  # type: ignore[arg-type]


def bearer(token: str) -> bytes:
    return f"Bearer {token}".encode()


@dataclass
class House:
    """Everything that identity is made of, under a clock that stands."""

    clock: ManualClock
    keyring: Keyring
    accounts: Accounts
    tokens: Tokens
    revoked: Revoked
    store: SqliteStore

    def trusted(self, *, anyone: bool = False) -> TrustedKeys:
        return TrustedKeys(self.accounts, SystemKeys(self.keyring), anyone)

    def identity(self, *, anyone: bool = False) -> Identity:
        refresh = RefreshTokens(self.keyring, self.clock)
        proofs = Proofs(self.accounts, self.tokens, refresh, SystemKeys(self.keyring), self.revoked)
        return Identity(proofs, self.clock, lambda: frozenset({OWN_URL}), anyone=anyone)

    def authenticator(self, *, anyone: bool = False) -> Authenticator:
        return Authenticator(
            self.accounts,
            self.tokens,
            self.clock,
            lambda: frozenset({OWN_URL}),
            revoked=self.revoked,
            system_keys=SystemKeys(self.keyring),
            anyone=anyone,
        )


@asynccontextmanager
async def house(folder: Path, keys: Path) -> AsyncIterator[House]:
    """Two accounts: SENDER with key 1, OTHER with key 2."""
    clock = ManualClock(NOW)
    store = SqliteStore(folder / "kumo.db")
    await store.start()
    keyring = Keyring(keys, clock)
    accounts = Accounts(store.records, clock)
    for account, number in ((SENDER, 1), (OTHER, 2)):
        await accounts.create(account)
        await accounts.put_key(account, pair(number).of(account))
    tokens = Tokens(keyring, clock, ISSUER)
    yield House(clock, keyring, accounts, tokens, Revoked(store.records, clock), store)
    await store.stop()
