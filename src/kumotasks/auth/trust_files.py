"""Files of what programs must trust to talk to this installation: the system's roots and our own authority.

They hold nothing secret and can be removed at any time; whoever needs them writes them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

BUNDLE, TRUST_STORE = "ca-bundle.pem", "trust.p12"


@dataclass(frozen=True, slots=True)
class Trust:
    """Paths; "" where there is nothing to add to what programs trust anyway."""

    bundle: str = ""
    store: str = ""


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
    private_file.make_directory(cache)
    with private_file.alone(directory):
        _put(directory / BUNDLE, trust_store.bundle(roots, own))
        if not _is_newer(directory / TRUST_STORE, directory / BUNDLE):
            private_file.write(directory / TRUST_STORE, trust_store.java_trust_store([*roots, own]))
    return Trust(str(directory / BUNDLE), str(directory / TRUST_STORE))


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
