"""That something is still going on: a mark that turns behind a sentence, on a terminal, until it is done. In a pipe it
says nothing, and what is quick is not spoken of at all.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threading import Event

_MARKS = "⠏⠛⠹⠼⠶⠧"
_PATIENCE, _TURN = 0.3, 0.1  # seconds
_CLEARED = "\r\033[K"


@contextmanager
def shown(sentence: str) -> Iterator[None]:
    """While the block goes on."""
    if not sys.stderr.isatty():
        yield
        return
    from threading import Event, Thread

    ended = Event()
    turning = Thread(target=_turn, args=(sentence, ended), daemon=True)
    turning.start()
    try:
        yield
    finally:
        ended.set()
        turning.join()


def _turn(sentence: str, ended: Event) -> None:
    if ended.wait(_PATIENCE):
        return
    for mark in itertools.cycle(_marks()):
        print(f"\r{sentence}...{mark}", end="", file=sys.stderr, flush=True)
        if ended.wait(_TURN):
            break
    print(_CLEARED, end="", file=sys.stderr, flush=True)


def _marks() -> str:
    """What the terminal's encoding has."""
    try:
        _MARKS.encode(sys.stderr.encoding)
    except UnicodeEncodeError:
        return "|/-\\"
    return _MARKS
