"""The accounts that tasks are signed as: whether a task or a queue may name one. Who may act as it, the gate judges."""

from __future__ import annotations

from typing import Protocol

from kumotasks.domain.account import ServiceAccount
from kumotasks.domain.errors import AccountNotFound, InvalidArgument
from kumotasks.domain.target import HttpTarget, OAuthToken, OidcToken, Target


class Accounts(Protocol):
    """Who knows the accounts."""

    async def find(self, ident: str) -> ServiceAccount | None: ...


class Projects(Protocol):
    """Who knows the numbers of projects."""

    async def resolve(self, text: str) -> str: ...


def token_of(target: Target | HttpTarget | None) -> OidcToken | OAuthToken | None:
    """The token that a request is to carry; App Engine's carry none."""
    return getattr(target, "oidc_token", None) or getattr(target, "oauth_token", None)


class Signers:
    """Refuses accounts that are not there, or are another project's."""

    def __init__(self, accounts: Accounts, projects: Projects) -> None:
        self._accounts = accounts
        self._projects = projects

    async def check(self, target: Target | HttpTarget | None, project: str) -> None:
        """AccountNotFound, InvalidArgument; `project` is the queue's. A token that names nobody is wrong in itself,
        and refused where targets are judged."""
        token = token_of(target)
        if token is None or not token.service_account_email:
            return
        email = token.service_account_email
        account = await self._accounts.find(email)
        if account is None:
            raise AccountNotFound(email)
        if account.project != await self._projects.resolve(project):
            raise InvalidArgument(f"The service account {email} must belong to the project of the queue.")
