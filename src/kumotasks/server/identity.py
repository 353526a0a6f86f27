"""Who calls and what he may do, put together: keys, tokens, accounts, policies, the owner, and who judges by them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.authenticate import Authenticator
from kumotasks.auth.authorize import Authorizer
from kumotasks.auth.bearers import Bearers
from kumotasks.auth.keyring import Keyring
from kumotasks.auth.owner import Owner
from kumotasks.auth.policies import PolicyBook, default_policy
from kumotasks.auth.projects import Projects
from kumotasks.auth.refresh import RefreshTokens
from kumotasks.auth.revoked import Revoked
from kumotasks.auth.shared_vault import SharedVault
from kumotasks.auth.system_keys import SystemKeys
from kumotasks.auth.tokens import Tokens
from kumotasks.auth.vault import FileVault
from kumotasks.domain.clock import Clock, SystemClock
from kumotasks.lifecycle import Component
from kumotasks.server.addresses import Addresses
from kumotasks.service.identity import Identity, Proofs
from kumotasks.settings import Settings
from kumotasks.storage.news import NO_NEWS, Follower, News, NoNews
from kumotasks.storage.sqlrecords import SqlRecords

logger = logging.getLogger("kumotasks.server")
WALL: Callable[[], Clock] = SystemClock  # tokens and certificates are checked by other programs, whatever --clock says


@dataclass(frozen=True, slots=True)
class Known:
    """Everything about callers. `authorizer` and `authenticator` are None where nobody is asked who he is; `judge`
    knows all the same what principals may do."""

    wall: Clock
    news: Follower | NoNews
    vault: SharedVault | None
    projects: Projects
    accounts: Accounts
    book: PolicyBook
    keyring: Keyring
    tokens: Tokens
    system_keys: SystemKeys
    owner: Owner
    bearers: Bearers
    identity: Identity
    revoked: Revoked
    judge: Authorizer
    authorizer: Authorizer | None
    authenticator: Authenticator | None

    @property
    def shared(self) -> tuple[Component, ...]:
        """What starts right after the store, where many nodes have it."""
        following = (self.news,) if isinstance(self.news, Follower) else ()
        return (*following, *((self.vault,) if self.vault is not None else ()))


def known(settings: Settings, records: SqlRecords, addresses: Addresses) -> Known:
    """The parts of identity over one store and one data directory."""
    wall, asked = WALL(), settings.auth == "iam"
    news = Follower(records, SystemClock()) if records.shared else NO_NEWS
    files = FileVault(settings.data_directory / "keys", wall)
    vault = _vault(settings, records, wall, news, files)
    projects = Projects(records, wall, news)
    accounts = Accounts(records, wall, projects, news)
    book = PolicyBook(records, wall, lambda each: default_policy(each, editors=settings.default_accounts_edit), news)
    keyring = Keyring(vault or files, wall)
    tokens = Tokens(keyring, wall, settings.issuer)
    revoked, system_keys = Revoked(records, wall, news), SystemKeys(keyring)
    proofs = Proofs(accounts, tokens, RefreshTokens(keyring, wall), system_keys, revoked)
    owner = Owner(
        records=records,
        accounts=accounts,
        wall=wall,
        project=settings.project,
        path=settings.owner_file,
        token_uri=addresses.token_uri,
        vault=vault,
    )
    urls = addresses.urls
    judge = Authorizer(book, accounts, projects, wall, lambda: owner.unique_id)
    return Known(
        wall=wall,
        news=news,
        vault=vault,
        projects=projects,
        accounts=accounts,
        book=book,
        keyring=keyring,
        tokens=tokens,
        system_keys=system_keys,
        owner=owner,
        bearers=Bearers(accounts, tokens, wall, strict=asked),
        identity=Identity(proofs, wall, urls, anyone=not asked),
        revoked=revoked,
        judge=judge,
        authorizer=judge if asked else None,
        authenticator=(
            Authenticator(accounts, tokens, wall, urls, revoked=revoked, system_keys=system_keys) if asked else None
        ),
    )


def _vault(settings: Settings, records: SqlRecords, wall: Clock, news: News, files: FileVault) -> SharedVault | None:
    """None where keys are files: with one node, and where nobody gave a secret to keep them under in the store."""
    if not records.shared:
        return None
    if settings.secret:
        return SharedVault(
            records,
            wall,
            news,
            secret=settings.secret,
            before=(files, FileVault(settings.data_directory / "tls", wall)),
        )
    logger.warning(
        "KUMO_SECRET is not set: keys are files, and nodes with another data directory sign with others",
        extra={"directory": str(settings.data_directory)},
    )
    return None
