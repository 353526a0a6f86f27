"""The keys of service accounts: made, uploaded, shown, disabled, deleted.

The private half of a user's key is handed out once, when it is made; nothing here keeps it. The system-managed key of
an account is shown like any other, and is nobody's to change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.certificate import pkcs12_file, raw_public_key, read_certificate
from kumotasks.auth.keyfile import key_file, make_key_pair
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.system_keys import SystemKeys
from kumotasks.domain.account import ServiceAccount
from kumotasks.domain.account_key import AccountKey, KeyOrigin, KeyType
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import FailedPrecondition, InvalidArgument, KeyNotFound
from kumotasks.service.accounts import ServiceAccounts

MAX_USER_KEYS = 10  # IAM: per account


class PrivateForm(Enum):
    """The file in which a new private half is handed out."""

    CREDENTIALS = "TYPE_GOOGLE_CREDENTIALS_FILE"
    PKCS12 = "TYPE_PKCS12_FILE"


class PublicForm(Enum):
    """How a public half is shown."""

    NONE = "TYPE_NONE"
    CERTIFICATE = "TYPE_X509_PEM_FILE"
    RAW = "TYPE_RAW_PUBLIC_KEY"


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key with the account it belongs to, and the bytes that were asked for with it."""

    account: ServiceAccount
    key: AccountKey
    private_file: bytes = b""
    public_file: bytes = b""

    @property
    def name(self) -> str:
        return f"{self.account.name}/keys/{self.key.key_id}"


class AccountKeys:
    """The use cases on keys. `token_uri` is where a program with a key file gets its tokens."""

    def __init__(
        self,
        directory: ServiceAccounts,
        accounts: Accounts,
        keyring: Keyring,
        wall: Clock,
        *,
        token_uri: Callable[[], str],
    ) -> None:
        self._directory = directory
        self._accounts = accounts
        self._system_keys = SystemKeys(keyring)
        self._wall = wall
        self._token_uri = token_uri
        self._adding = asyncio.Lock()

    async def create(self, project: str, ident: str, form: PrivateForm) -> ShownKey:
        """A new pair; its private half is in the answer and nowhere else. FailedPrecondition at ten keys."""
        account = await self._directory.get(project, ident)
        await self._check_room(account)
        now = self._wall.now()
        private_pem, certificate = await asyncio.to_thread(make_key_pair, account.unique_id, now)
        made = read_certificate(certificate.encode())
        key = AccountKey(account.unique_id, made.key_id, made.pem, now, made.valid_before)
        match form:
            case PrivateForm.CREDENTIALS:
                private_file = key_file(account, key.key_id, private_pem, token_uri=self._token_uri())
            case PrivateForm.PKCS12:
                private_file = await asyncio.to_thread(pkcs12_file, private_pem, certificate)
        await self._add(account, key)
        return ShownKey(account, key, private_file=private_file)

    async def upload(self, project: str, ident: str, public_file: bytes) -> ShownKey:
        """Take the public half of a pair that the user made, in a certificate. InvalidArgument."""
        account = await self._directory.get(project, ident)
        now = self._wall.now()
        found = read_certificate(public_file)
        if found.valid_before <= now:
            raise InvalidArgument("The certificate of the public key has expired.")
        if await self._accounts.find_key(account, found.key_id) is not None:
            raise InvalidArgument("The given public key already exists in the project.")
        key = AccountKey(
            account.unique_id,
            found.key_id,
            found.pem,
            found.valid_after,
            found.valid_before,
            KeyOrigin.USER_PROVIDED,
            algorithm=_algorithm(found.bits),
        )
        await self._add(account, key)
        return ShownKey(account, key)

    async def list(self, project: str, ident: str, kinds: Collection[KeyType]) -> tuple[ShownKey, ...]:
        """The keys of these kinds; of no kind named, all."""
        account = await self._directory.get(project, ident)
        wanted = kinds or tuple(KeyType)
        users = await self._accounts.keys(account) if KeyType.USER_MANAGED in wanted else ()
        system = (await self._system_keys.ensured(account),) if KeyType.SYSTEM_MANAGED in wanted else ()
        return tuple(ShownKey(account, key) for key in (*system, *users))

    async def get(self, project: str, ident: str, key_id: str, *, form: PublicForm) -> ShownKey:
        account = await self._directory.get(project, ident)
        key = await self._accounts.find_key(account, key_id)
        if key is None:
            key = await self._system_keys.ensured(account)
            if key.key_id != key_id:
                raise _unknown(key_id)
        return ShownKey(account, key, public_file=_public_file(key, form))

    async def switch(self, project: str, ident: str, key_id: str, *, disabled: bool) -> None:
        """Disable a key or enable it."""
        account = await self._directory.get(project, ident)
        if not await self._accounts.switch_key(account, key_id, disabled=disabled):
            await self._refuse(account, key_id)

    async def delete(self, project: str, ident: str, key_id: str) -> None:
        account = await self._directory.get(project, ident)
        if not await self._accounts.remove_key(account, key_id):
            await self._refuse(account, key_id)

    async def _add(self, account: ServiceAccount, key: AccountKey) -> None:
        async with self._adding:
            await self._check_room(account)
            await self._accounts.put_key(account, key)

    async def _check_room(self, account: ServiceAccount) -> None:
        if len(await self._accounts.keys(account)) >= MAX_USER_KEYS:
            raise FailedPrecondition  # Google's answer gives no reason either

    async def _refuse(self, account: ServiceAccount, key_id: str) -> None:
        """There is no such key of the user's: say whether it is the system's."""
        if key_id == (await self._system_keys.ensured(account)).key_id:
            raise FailedPrecondition("A system-managed key cannot be changed.")
        raise _unknown(key_id)


def _public_file(key: AccountKey, form: PublicForm) -> bytes:
    match form:
        case PublicForm.NONE:
            return b""
        case PublicForm.CERTIFICATE:
            return key.certificate.encode()
        case PublicForm.RAW:
            return raw_public_key(key.certificate).encode()


def _algorithm(bits: int) -> str:
    """IAM has no name for the larger ones."""
    return "KEY_ALG_RSA_2048" if bits == 2048 else "KEY_ALG_UNSPECIFIED"


def _unknown(key_id: str) -> KeyNotFound:
    return KeyNotFound(f"Service account key {key_id} does not exist.")
