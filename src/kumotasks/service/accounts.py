"""Service accounts: made, shown, changed, deleted and brought back.

An account is only found in the project that the caller named, or in "-", which names none: a right on one project
never reaches an account of another. Whether the caller has the right is judged before anything here is asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.projects import Projects
from kumotasks.domain import paging
from kumotasks.domain.account import (
    MAX_DESCRIPTION,
    MAX_DISPLAY_NAME,
    ServiceAccount,
    account_email,
    check_account_id,
)
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import AccountNotFound, InvalidArgument, PolicyChanged
from kumotasks.domain.names import parse_project

ANY_PROJECT = "-"
MAX_PAGE = 100  # IAM: accounts on a page
DEFAULT_PAGE = 20
_CHANGEABLE = {"display_name": "display_name", "displayName": "display_name", "description": "description"}
Told = Callable[[ServiceAccount], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class AccountPage:
    """A page of a project's accounts."""

    accounts: tuple[ServiceAccount, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class AccountDraft:
    """What a caller may write of an account; an `etag` that is not "" must still be the account's."""

    display_name: str = ""
    description: str = ""
    etag: str = ""


async def nobody(_account: ServiceAccount) -> None:
    """Takes note of nothing."""


class ServiceAccounts:
    """The use cases on accounts. `on_delete` is told before an account goes and again once it is gone,
    `on_undelete` once it is back."""

    def __init__(
        self,
        accounts: Accounts,
        projects: Projects,
        wall: Clock,
        *,
        on_delete: Told = nobody,
        on_undelete: Told = nobody,
    ) -> None:
        self._accounts = accounts
        self._projects = projects
        self._wall = wall
        self._on_delete = on_delete
        self._on_undelete = on_undelete

    async def create(self, project: str, account_id: str, draft: AccountDraft) -> ServiceAccount:
        home = await self._home(project)
        fields = _checked(draft)
        account = ServiceAccount(
            home,
            account_email(check_account_id(account_id), home),
            str(10**20 + secrets.randbelow(9 * 10**20)),
            fields.display_name,
            fields.description,
            created=self._wall.now(),
        )
        return await self._accounts.create(account)

    async def list(self, project: str, *, page_size: int, page_token: str) -> AccountPage:
        home, now = await self._home(project), self._wall.now()
        scope = f"projects/{home}/serviceAccounts"
        size = paging.page_size(page_size or DEFAULT_PAGE, MAX_PAGE)
        after = paging.decode(scope, page_token, now)
        found = await self._accounts.list(home, after=after, limit=size + 1)
        shown = found[:size]
        token = paging.encode(scope, shown[-1].email, now) if len(found) > size else ""
        return AccountPage(tuple(shown), token)

    async def get(self, project: str, ident: str) -> ServiceAccount:
        """The live account of an e-mail or a unique id in `project`. AccountNotFound."""
        found = await self._accounts.find(ident)
        if found is None or not await self._is_of(found, project):
            raise AccountNotFound(ident)
        if not found.etag:  # a default account as it always was: from now on its unique id leads back to it
            await self._projects.number(found.project)
        return found

    async def patch(self, project: str, ident: str, draft: AccountDraft, paths: tuple[str, ...]) -> ServiceAccount:
        """Write the fields that `paths` names; without any, those that are not empty. PolicyChanged."""
        account = await self.get(project, ident)
        _checked(draft)
        if draft.etag and draft.etag != account.etag:
            raise PolicyChanged
        given = {name: getattr(draft, name) for name in ("display_name", "description")}
        wanted = set(_fields(paths)) if paths else {name for name, value in given.items() if value}
        changed = replace(account, **{name: value for name, value in given.items() if name in wanted})
        return await self._accounts.replace(changed, if_etag=account.etag)

    async def update(self, project: str, ident: str, draft: AccountDraft) -> ServiceAccount:
        """Write both fields, as they come."""
        return await self.patch(project, ident, draft, tuple(_CHANGEABLE))

    async def switch(self, project: str, ident: str, *, disabled: bool) -> None:
        """Disable an account or enable it; one that is so already stays so."""
        account = await self.get(project, ident)
        if account.disabled is not disabled:
            await self._accounts.replace(replace(account, disabled=disabled), if_etag=account.etag)

    async def delete(self, project: str, ident: str) -> None:
        account = await self.get(project, ident)
        await self._on_delete(account)  # first: a name that is free again must not find old grants
        await self._accounts.delete(account)
        await self._on_delete(account)  # again: a grant may have been given while the account was still there

    async def undelete(self, project: str, unique_id: str) -> ServiceAccount:
        """Bring back an account that was deleted less than 30 days ago. AccountNotFound, AccountExists."""
        found = await self._accounts.find_deleted(unique_id)
        if found is None or not await self._is_of(found, project):
            raise AccountNotFound(unique_id)
        restored = await self._accounts.undelete(unique_id)
        await self._on_undelete(restored)
        return restored

    async def _home(self, project: str) -> str:
        """The id of the project that a collection belongs to."""
        if project == ANY_PROJECT:
            raise InvalidArgument("The project must be named here: '-' stands for no project.")
        return await self._projects.resolve(parse_project(f"projects/{project}"))

    async def _is_of(self, account: ServiceAccount, project: str) -> bool:
        return project == ANY_PROJECT or await self._projects.resolve(project) == account.project


def _fields(paths: tuple[str, ...]) -> list[str]:
    unknown = [path for path in paths if path not in _CHANGEABLE]
    if unknown:
        raise InvalidArgument(
            f"Invalid field mask: '{unknown[0]}' is not a field of ServiceAccount that can be updated."
        )
    return [_CHANGEABLE[path] for path in paths]


def _checked(draft: AccountDraft) -> AccountDraft:
    for field, text, most in (
        ("display name", draft.display_name, MAX_DISPLAY_NAME),
        ("description", draft.description, MAX_DESCRIPTION),
    ):
        if len(text.encode(errors="replace")) > most:
            raise InvalidArgument(f"The {field} of a service account can be at most {most} bytes long.")
    return draft
