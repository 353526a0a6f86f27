"""The keys that a person has activated: a copy of each account's, for his eyes only, beside his configurations.

The one in use is a property (auth/key_file), as is the name of its account. Nobody is asked here whether a key is good.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from kumotasks.cli.client import Failure
from kumotasks.cli.properties import Properties

KEY_FILE, ACCOUNT = "auth/key_file", "core/account"
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,128}@[A-Za-z0-9.-]{1,128}", re.ASCII)
_END = ".json"


@dataclass(frozen=True, slots=True)
class KeptKey:
    """Whose key, and where it is."""

    account: str
    path: Path


class Credentials:
    """What is kept in the folder of `properties`."""

    def __init__(self, properties: Properties) -> None:
        self._properties = properties
        self._directory = properties.directory / "credentials"

    def all(self) -> list[KeptKey]:
        """By the accounts' names; with the one in use, wherever it is."""
        kept = {path.name.removesuffix(_END): path for path in self._directory.glob(f"*{_END}") if path.is_file()}
        used = self.used()
        if used is not None and used.account:
            kept[used.account] = used.path
        return [KeptKey(account, path) for account, path in sorted(kept.items())]

    def find(self, account: str) -> KeptKey | None:
        return next((each for each in self.all() if each.account == account), None)

    def used(self) -> KeptKey | None:
        """The key that calls are made with; its account is "" if that cannot be told."""
        named = self._properties.get(KEY_FILE)
        return KeptKey(_owner_of(Path(named)), Path(named)) if named else None

    def keep(self, account: str, content: bytes) -> KeptKey:
        """Keep a key file, in place of the account's former one. Raises Failure."""
        from kumotasks.auth import private_file

        path = self._path(account)
        if path is None:
            raise Failure(f"the key is of no account that could be: {account[:100]!r}")
        with private_file.alone(self._directory):
            private_file.write(path, content)
        return KeptKey(account, path)

    def use(self, key: KeptKey) -> None:
        """Make calls with a key from now on."""
        self._properties.set(KEY_FILE, str(key.path.absolute()))
        self._properties.set(ACCOUNT, key.account)

    def forget(self, key: KeptKey) -> None:
        """Keep a key no longer, nor make calls with it; a file that somebody else put somewhere stays."""
        if self._properties.get(KEY_FILE) == str(key.path.absolute()):
            self._properties.set(KEY_FILE, None)
            self._properties.set(ACCOUNT, None)
        if key.path == self._path(key.account):
            key.path.unlink(missing_ok=True)

    def _path(self, account: str) -> Path | None:
        return self._directory / f"{account}{_END}" if _EMAIL.fullmatch(account) else None


def _owner_of(path: Path) -> str:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return ""
    email = document.get("client_email") if isinstance(document, dict) else None
    return email if isinstance(email, str) and _EMAIL.fullmatch(email) else ""
