"""What a node has because of other nodes: news of what they do to the records, and keys that all of them share."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from kumotasks.auth.shared_vault import SharedVault
from kumotasks.auth.vault import FileVault, Vault
from kumotasks.domain.clock import Clock, SystemClock
from kumotasks.lifecycle import Component
from kumotasks.settings import Settings
from kumotasks.storage.news import NO_NEWS, Follower, News
from kumotasks.storage.sqlrecords import SqlRecords

logger = logging.getLogger("kumotasks.server")


@dataclass(frozen=True, slots=True)
class Neighbours:
    """`keys` is where keys are kept: `shared`, if nodes have them in the store, else files. `components` start right
    after the store."""

    news: News
    keys: Vault
    shared: SharedVault | None
    components: tuple[Component, ...]


def neighbours(settings: Settings, records: SqlRecords, wall: Clock) -> Neighbours:
    """Without a secret to keep them under in the store, keys are files also where there are many nodes."""
    directory = settings.data_directory
    files = FileVault(directory / "keys", wall)
    if not records.shared:
        return Neighbours(NO_NEWS, files, None, ())
    follower = Follower(records, SystemClock())
    if not settings.secret:
        told = "KUMO_SECRET is not set: keys are files, and nodes with another data directory sign with others"
        logger.warning(told, extra={"directory": str(directory)})
        return Neighbours(follower, files, None, (follower,))
    before = (files, FileVault(directory / "tls", wall))
    shared = SharedVault(records, wall, follower, secret=settings.secret, before=before)
    return Neighbours(follower, shared, shared, (follower, shared))
