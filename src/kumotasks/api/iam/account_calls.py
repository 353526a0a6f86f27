"""The calls on service accounts: struct in, use case, struct out."""

from __future__ import annotations

from kumotasks.api.call import Caller
from kumotasks.api.iam import messages as m
from kumotasks.service.accounts import AccountDraft, ServiceAccounts


class AccountCalls:
    def __init__(self, accounts: ServiceAccounts) -> None:
        self._accounts = accounts

    async def create(self, request: m.CreateAccount, caller: Caller) -> m.AccountMessage:
        draft = _draft(request.service_account)
        return m.account_message(await self._accounts.create(request.project, request.account_id, draft))

    async def list(self, request: m.ListAccounts, caller: Caller) -> m.AccountList:
        page = await self._accounts.list(request.project, page_size=request.page_size, page_token=request.page_token)
        return m.AccountList([m.account_message(each) for each in page.accounts], page.next_page_token)

    async def get(self, request: m.OneAccount, caller: Caller) -> m.AccountMessage:
        return m.account_message(await self._accounts.get(request.project, request.account))

    async def patch(self, request: m.PatchAccount, caller: Caller) -> m.AccountMessage:
        paths = tuple(filter(None, request.update_mask.split(",")))
        draft = _draft(request.service_account)
        return m.account_message(await self._accounts.patch(request.project, request.account, draft, paths))

    async def update(self, request: m.UpdateAccount, caller: Caller) -> m.AccountMessage:
        return m.account_message(await self._accounts.update(request.project, request.account, _draft(request)))

    async def delete(self, request: m.OneAccount, caller: Caller) -> m.Nothing:
        await self._accounts.delete(request.project, request.account)
        return m.Nothing()

    async def undelete(self, request: m.OneAccount, caller: Caller) -> m.Restored:
        return m.Restored(m.account_message(await self._accounts.undelete(request.project, request.account)))

    async def enable(self, request: m.OneAccount, caller: Caller) -> m.Nothing:
        await self._accounts.switch(request.project, request.account, disabled=False)
        return m.Nothing()

    async def disable(self, request: m.OneAccount, caller: Caller) -> m.Nothing:
        await self._accounts.switch(request.project, request.account, disabled=True)
        return m.Nothing()


def _draft(message: m.AccountMessage) -> AccountDraft:
    return AccountDraft(message.display_name, message.description, message.etag)
