"""The owner: the account that may do everything on this installation, made at its first start.

Its key is a Google-format file for whoever runs the server. A file that is gone is made anew and the key that was in it
ends; its path is told, its content never. Nodes that share a vault have one key in it, and each a file of its own. What
the owner may do is the authorizer's to say.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from pathlib import Path

from kumotasks.auth import private_file
from kumotasks.auth.accounts import Accounts
from kumotasks.auth.keyfile import addressed, key_file, key_id_of, make_key_pair
from kumotasks.auth.self_signed import FOREVER
from kumotasks.auth.vault import Vault
from kumotasks.domain.account import ServiceAccount, account_email
from kumotasks.domain.account_key import AccountKey
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import AccountExists, StorageUnavailable
from kumotasks.storage.records import ABSENT, RecordChanged, Records

KIND, KEY = "owner", "owner"
VAULTED = "owner.json"
NAME = "kumo-owner"
logger = logging.getLogger("kumotasks.auth")


class Owner:
    """Component: `unique_id` says who owns the installation, once it has started. `token_uri` is asked when a key file
    is written, for the port in it may be picked late. `vault` is one that nodes share."""

    def __init__(
        self,
        *,
        records: Records,
        accounts: Accounts,
        wall: Clock,
        project: str,
        path: Path,
        token_uri: Callable[[], str],
        vault: Vault | None = None,
    ) -> None:
        self._records = records
        self._accounts = accounts
        self._wall = wall
        self._project = project
        self._token_uri = token_uri
        self._vault = vault
        self.path = path
        self.unique_id = ""

    async def start(self) -> None:
        """StorageUnavailable if the file cannot be written."""
        account = await self._account()
        self.unique_id = account.unique_id
        try:
            if self._vault is not None:
                await self._write(await self._shared_key(account, self._vault))
            elif not await asyncio.to_thread(self._has_key_of, account):
                await self._write(await self._new_key(account))
        except OSError as error:
            raise StorageUnavailable(f"the owner's key {self.path} cannot be written: {error.strerror}") from error

    async def stop(self) -> None:
        """The owner stays."""

    async def _account(self) -> ServiceAccount:
        """The owner, made if this is the first start or if somebody deleted him."""
        record = await self._records.get_record(KIND, KEY)
        found = await self._accounts.find(record.value.decode()) if record is not None else None
        if found is not None:
            return found
        account = await self._made()
        try:
            await self._records.put_record(
                KIND,
                KEY,
                account.unique_id.encode(),
                now=self._wall.now(),
                if_etag=ABSENT if record is None else record.etag,
            )
        except RecordChanged:  # another node was first
            return await self._account()
        return account

    async def _made(self) -> ServiceAccount:
        email = account_email(NAME, self._project)
        found = await self._accounts.find(email)
        if found is not None:
            return found
        made = ServiceAccount(
            self._project, email, _unique_id(), "Owner of this installation", created=self._wall.now()
        )
        try:
            return await self._accounts.create(made)
        except AccountExists:  # another node was first
            return await self._made()

    async def _new_key(self, account: ServiceAccount) -> bytes:
        """The file of a key that is the only one from now on."""
        content = await self._another_key(account)
        await self._end_all_but(key_id_of(content), account)
        return content

    async def _shared_key(self, account: ServiceAccount, vault: Vault) -> bytes:
        """The file of the key in the vault; of a new one if that one is not the account's any more."""
        kept = await vault.read(VAULTED)
        if kept is not None and await self._accounts.find_key(account, key_id_of(kept)) is not None:
            return kept
        made = await self._another_key(account)
        content, _ = await vault.change(VAULTED, lambda found: made if found in (None, kept) else found)
        if content == made:
            await self._end_all_but(key_id_of(made), account)
        else:  # another node was first
            await self._accounts.remove_key(account, key_id_of(made))
        return content

    async def _another_key(self, account: ServiceAccount) -> bytes:
        now, key_id = self._wall.now(), secrets.token_hex(20)
        private, certificate = await asyncio.to_thread(make_key_pair, account.unique_id, now)
        await self._accounts.put_key(account, AccountKey(account.unique_id, key_id, certificate, now, FOREVER))
        return key_file(account, key_id, private, token_uri=self._token_uri())

    async def _end_all_but(self, key_id: str, account: ServiceAccount) -> None:
        for old in await self._accounts.keys(account):
            if old.key_id != key_id:
                await self._accounts.remove_key(account, old.key_id)

    async def _write(self, content: bytes) -> None:
        """Put it where it is read, unless it is there."""
        if await asyncio.to_thread(self._put, addressed(content, self._token_uri())):
            logger.info("the owner's key was written", extra={"path": str(self.path)})

    def _has_key_of(self, account: ServiceAccount) -> bool:
        """Whether the file is this owner's: the store may be a new one beside an old file."""
        content = private_file.read(self.path)
        return content is not None and account.unique_id.encode() in content

    def _put(self, content: bytes) -> bool:
        if private_file.read(self.path) == content:
            return False
        self.path.parent.mkdir(private_file.DIRECTORY_MODE, parents=True, exist_ok=True)
        private_file.write(self.path, content)
        return True


def _unique_id() -> str:
    """21 digits, as IAM's."""
    return str(10**20 + secrets.randbelow(9 * 10**20))
