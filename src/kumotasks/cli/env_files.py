"""The files that `kumo env` leaves in the user's cache, beside those of what programs must trust: a key for a server
that asks nobody who he is. It can be removed at any time; the next run writes it again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path


def cache_directory(environment: Mapping[str, str]) -> Path:
    """`kumo` in the user's cache (XDG_CACHE_HOME, else ~/.cache)."""
    named = environment.get("XDG_CACHE_HOME", "")
    return (Path(named) if Path(named).is_absolute() else Path.home() / ".cache") / "kumo"


def stand_in_key(cache: Path, project: str, token_uri: str) -> Path:
    """A key file of the project's default account, for a server that believes everybody; nobody else would take it."""
    from kumotasks.auth import private_file
    from kumotasks.auth.keyfile import key_file, make_key_pair
    from kumotasks.domain.account import default_accounts

    path = cache / "stand-in-key.json"
    account = default_accounts(project)[0]
    with private_file.alone(cache):
        if not _is_for(private_file.read(path), account.email, token_uri):
            private, _ = make_key_pair()
            key_id = account.unique_id.rjust(40, "0")
            private_file.write(path, key_file(account, key_id, private, token_uri=token_uri))
    return path


def _is_for(content: bytes | None, email: str, token_uri: str) -> bool:
    try:
        value = json.loads(content or b"")
        return bool(value["client_email"] == email and value["token_uri"] == token_uri and value["private_key"])
    except (ValueError, KeyError, TypeError):
        return False
