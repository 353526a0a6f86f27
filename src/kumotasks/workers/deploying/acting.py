"""As whom a revision runs, and whether its deployer may have it run so."""

from __future__ import annotations

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.authorize import Authorizer
from kumotasks.auth.projects import Projects
from kumotasks.domain.errors import AccountNotFound, ActingDenied, PermissionDenied
from kumotasks.domain.principal import Need, Principal

ACT_AS = "iam.serviceAccounts.actAs"


class Acting:
    """Without an authorizer anybody may act as any account, there or not."""

    def __init__(self, accounts: Accounts, projects: Projects, authorizer: Authorizer | None) -> None:
        self._accounts = accounts
        self._projects = projects
        self._authorizer = authorizer

    async def default(self, project: str) -> str:
        """The account of a template that names none: Compute Engine's of the project."""
        return f"{await self._projects.number(project)}-compute@developer.gserviceaccount.com"

    async def check(self, caller: Principal, email: str) -> None:
        """ActingDenied before AccountNotFound: a denial says nothing of what is there."""
        if self._authorizer is None:
            return
        resource = f"projects/-/serviceAccounts/{email}"
        try:
            await self._authorizer.check(caller, (Need(ACT_AS, resource),))
        except PermissionDenied as denied:
            raise ActingDenied(ACT_AS, resource) from denied
        if await self._accounts.find(email) is None:
            raise AccountNotFound(email)
