"""Reads on connections and threads of their own: a slow read delays neither the event loop nor the writer.

Each read sees every commit that was answered before it was asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from kumotasks.domain.errors import StorageUnavailable
from kumotasks.storage.operation import Begin
from kumotasks.storage.session import FAILURES, Session

T = TypeVar("T")


class Readers:
    """As many threads as sessions: one that reads always finds a session idle."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self._idle = list(sessions)
        self._threads = ThreadPoolExecutor(len(sessions), thread_name_prefix="kumo-reader")

    async def read(self, begin: Begin[T]) -> T:
        """Drive an operation that only reads; StorageUnavailable if the store fails."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, begin)

    def _read(self, begin: Begin[T]) -> T:
        session = self._idle.pop()
        try:
            return session.read(begin())
        except FAILURES as failure:
            raise StorageUnavailable from failure
        finally:
            self._idle.append(session)

    def stop(self) -> None:
        self._threads.shutdown()
        for session in self._idle:
            session.close()
