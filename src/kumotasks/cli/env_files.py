"""The files that `kumo env` leaves in the user's cache: what programs must trust, and a key for a server that asks
nobody who he is. They can be removed at any time; the next run writes them again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

BUNDLE, TRUST_STORE = "ca-bundle.pem", "trust.p12"


@dataclass(frozen=True, slots=True)
class Trust:
    """Paths; "" where there is nothing to add to what programs trust anyway."""

    bundle: str = ""
    store: str = ""


def cache_directory(environment: Mapping[str, str]) -> Path:
    """`kumo` in the user's cache (XDG_CACHE_HOME, else ~/.cache)."""
    named = environment.get("XDG_CACHE_HOME", "")
    return (Path(named) if Path(named).is_absolute() else Path.home() / ".cache") / "kumo"


def write_trust(cache: Path, authority: bytes, named_roots: str) -> Trust:
    """A PEM bundle and a Java trust store of the system's roots, or those of the file `named_roots`, and `authority`.

    Each authority has its own, so that two servers do not take each other's away. The roots are read anew each time.
    """
    from kumotasks.auth import private_file, trust_store

    found = trust_store.certificates(authority)
    if not found:
        return Trust()
    own = found[0]
    # What an earlier run wrote is no root of the system's.
    outer = "" if named_roots and cache in Path(named_roots).absolute().parents else named_roots
    roots = trust_store.system_roots(outer)
    directory = cache / trust_store.fingerprint(own)
    with private_file.alone(directory):
        _put(directory / BUNDLE, trust_store.bundle(roots, own))
        if not _is_newer(directory / TRUST_STORE, directory / BUNDLE):
            private_file.write(directory / TRUST_STORE, trust_store.java_trust_store([*roots, own]))
    return Trust(str(directory / BUNDLE), str(directory / TRUST_STORE))


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


def _put(path: Path, content: bytes) -> None:
    """Write it if it is not there already."""
    from kumotasks.auth import private_file

    if private_file.read(path) != content:
        private_file.write(path, content)


def _is_newer(path: Path, source: Path) -> bool:
    try:
        return path.stat().st_mtime_ns > source.stat().st_mtime_ns
    except FileNotFoundError:
        return False
