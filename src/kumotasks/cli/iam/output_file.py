"""Where a key is written that is handed out once: checked before it is made, and for its owner's eyes only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from kumotasks.auth import private_file
from kumotasks.cli.client import Failure

STDOUT = "-"


def check(written: str) -> None:
    """Raise Failure if nothing can be written there. Nothing is, but for directories that are missing."""
    if written == STDOUT:
        return
    place = Path(written).expanduser()
    try:
        place.parent.mkdir(mode=private_file.DIRECTORY_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(written, error.strerror or str(error)) from error
    if place.is_dir():
        raise _unwritable(written, "Is a directory")
    if not os.access(place if place.exists() else place.parent, os.W_OK):
        raise _unwritable(written, "Permission denied")


def put_private(written: str, content: bytes) -> None:
    """Write it, readable for its owner alone whatever was there. Raises Failure."""
    place = Path(written).expanduser()
    if written == STDOUT or (place.exists() and not place.is_file()):
        put(written, content)  # a stream or a device, which has no name to take over
        return
    try:
        private_file.write(place.resolve(), content)
    except OSError as error:
        raise _unwritable(written, error.strerror or str(error)) from error


def put(written: str, content: bytes) -> None:
    """Write what is no secret. Raises Failure."""
    if written == STDOUT:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        Path(written).expanduser().write_bytes(content)
    except OSError as error:
        raise _unwritable(written, error.strerror or str(error)) from error


def _unwritable(written: str, reason: str) -> Failure:
    return Failure(f"Unable to write file [{written}]: {reason}")
