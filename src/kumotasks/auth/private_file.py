"""Files that hold secrets: for nobody else's eyes from their first byte, and whole or not there.

A file is made with mode 0600, never narrowed to it later, and takes its name only when all of it is on disk: a crash
leaves the old content or the new. What is in them is unknown here. Every call blocks; make it in a thread.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
_OTHERS = 0o077
_UNFINISHED = ".new"
_LOCK = ".lock"


def make_directory(directory: Path) -> None:
    """`directory` exists and is closed to others, who may have been let in by a hand or a restored backup."""
    directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
    if directory.stat().st_mode & _OTHERS:
        directory.chmod(DIRECTORY_MODE)


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path`, in place of what is there. It is on disk when this returns.

    Where several writers share a file or a directory, call it inside `alone`."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_UNFINISHED}")
    try:
        _write_new(unfinished, content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    _sync(path.parent)


def read(path: Path) -> bytes | None:
    """What stands at `path`, or None if nothing does."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def is_private(path: Path) -> bool:
    """Whether nobody but its owner may read or write what stands at `path`."""
    return not path.stat().st_mode & _OTHERS


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Wait for and keep every other holder of `directory` out, in this process and in others; the directory is made.

    Writers that died in the middle left files nobody will finish: they are removed."""
    make_directory(directory)
    lock = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in directory.glob(f".*{_UNFINISHED}"):
            left.unlink(missing_ok=True)
        yield
    finally:
        os.close(lock)


def _write_new(path: Path, content: bytes) -> None:
    made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    with os.fdopen(made, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(directory: Path) -> None:
    """A new name is on disk once its directory is."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
