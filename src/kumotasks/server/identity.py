"""Who calls and what he may do, put together: keys, tokens, accounts, policies, the owner, and who judges by them."""

from __future__ import annotations

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
from kumotasks.auth.system_keys import SystemKeys
from kumotasks.auth.tokens import Tokens
from kumotasks.domain.clock import Clock, SystemClock
from kumotasks.server.addresses import Addresses
from kumotasks.server.neighbours import Neighbours, neighbours
from kumotasks.service.identity import Identity, Proofs
from kumotasks.settings import Settings
from kumotasks.storage.sqlrecords import SqlRecords

WALL: Callable[[], Clock] = SystemClock  # tokens and certificates are checked by other programs, whatever --clock says


@dataclass(frozen=True, slots=True)
class Known:
    """Everything about callers. `authorizer` and `authenticator` are None where nobody is asked who he is; `judge`
    knows all the same what principals may do."""

    wall: Clock
    beside: Neighbours
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


def known(settings: Settings, records: SqlRecords, addresses: Addresses, beside: Neighbours | None = None) -> Known:
    """The parts of identity over one store and one data directory; `beside` is what the settings make it unless it is
    given."""
    wall, asked = WALL(), settings.auth == "iam"
    beside = beside or neighbours(settings, records, wall)
    news = beside.news
    projects = Projects(records, wall, news)
    accounts = Accounts(records, wall, projects, news)
    book = PolicyBook(records, wall, lambda each: default_policy(each, editors=settings.default_accounts_edit), news)
    keyring = Keyring(beside.keys, wall)
    tokens = Tokens(keyring, wall, settings.issuer)
    revoked, system_keys = Revoked(records, wall, news), SystemKeys(keyring)
    proofs = Proofs(accounts, tokens, RefreshTokens(keyring, wall), system_keys, revoked)
    owner = _owner(settings, records, accounts, addresses, beside)
    judge = Authorizer(book, accounts, projects, wall, lambda: owner.unique_id)
    return Known(
        wall=wall,
        beside=beside,
        projects=projects,
        accounts=accounts,
        book=book,
        keyring=keyring,
        tokens=tokens,
        system_keys=system_keys,
        owner=owner,
        bearers=Bearers(accounts, tokens, wall, strict=asked),
        identity=Identity(proofs, wall, addresses.urls, anyone=not asked),
        revoked=revoked,
        judge=judge,
        authorizer=judge if asked else None,
        authenticator=(
            Authenticator(accounts, tokens, wall, addresses.urls, revoked=revoked, system_keys=system_keys)
            if asked
            else None
        ),
    )


def _owner(
    settings: Settings, records: SqlRecords, accounts: Accounts, addresses: Addresses, beside: Neighbours
) -> Owner:
    return Owner(
        records=records,
        accounts=accounts,
        wall=WALL(),
        project=settings.project,
        path=settings.owner_file,
        token_uri=addresses.token_uri,
        vault=beside.shared,
    )
