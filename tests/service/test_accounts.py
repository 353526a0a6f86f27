"""Service accounts: made, shown, changed, deleted and brought back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.policies import PolicyBook
from kumotasks.auth.projects import Projects
from kumotasks.domain.account import ServiceAccount, default_accounts, project_number
from kumotasks.domain.clock import DAY, HOUR, ManualClock
from kumotasks.domain.errors import AccountExists, AccountNotFound, InvalidArgument, PolicyChanged
from kumotasks.domain.policy import Binding, Policy
from kumotasks.service.accounts import AccountDraft, ServiceAccounts
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlstore import SqlStore
from tests.factory import NOW

BOB = "bobbuilder@p.iam.gserviceaccount.com"
APP, COMPUTE, AGENT = default_accounts("p")


@dataclass
class House:
    """The use cases, with what they stand on and what they told others."""

    clock: ManualClock
    store: SqlStore
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.projects = Projects(self.store.records, self.clock)
        self.accounts = Accounts(self.store.records, self.clock, self.projects)
        self.cases = ServiceAccounts(
            self.accounts, self.projects, self.clock, on_delete=self._going, on_undelete=self._back
        )

    async def _going(self, account: ServiceAccount) -> None:
        found = await self.accounts.find(account.email)
        assert found in {account, None}
        self.told.append(f"{account.email} {'is gone' if found is None else 'goes'}")

    async def _back(self, account: ServiceAccount) -> None:
        assert await self.accounts.find(account.email) == account
        self.told.append(f"{account.email} is back")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    yield House(ManualClock(NOW), store)
    await store.stop()


@pytest.fixture
def cases(house: House) -> ServiceAccounts:
    return house.cases


async def test_an_account_is_made_with_an_email_and_an_id_of_its_own(cases: ServiceAccounts) -> None:
    made = await cases.create("p", "bobbuilder", AccountDraft("Bob", "builds"))
    assert replace(made, unique_id="", etag="") == ServiceAccount(
        "p", BOB, "", "Bob", "builds", disabled=False, created=NOW
    )
    assert made.unique_id.isdecimal()
    assert len(made.unique_id) == 21
    assert (await cases.create("p", "bobbuilder2", AccountDraft())).unique_id != made.unique_id


async def test_an_account_is_found_by_every_name_it_has(house: House) -> None:
    made = await house.cases.create("p", "bobbuilder", AccountDraft())
    for project in ("p", "-", project_number("p")):
        for ident in (BOB, made.unique_id):
            assert await house.cases.get(project, ident) == made


async def test_a_right_on_one_project_never_reaches_an_account_of_another(house: House) -> None:
    made = await house.cases.create("p", "bobbuilder", AccountDraft())
    for ident in (BOB, made.unique_id, APP.email, COMPUTE.email):
        for project in ("q", project_number("q"), "P", ""):
            with pytest.raises(AccountNotFound, match=f"Service account {ident} does not exist"):
                await house.cases.get(project, ident)
    with pytest.raises(AccountNotFound):
        await house.cases.patch("q", BOB, AccountDraft("x"), ())
    with pytest.raises(AccountNotFound):
        await house.cases.delete("q", BOB)
    await house.cases.delete("p", BOB)
    with pytest.raises(AccountNotFound):
        await house.cases.undelete("q", made.unique_id)
    assert house.told == [f"{BOB} goes", f"{BOB} is gone"]


async def test_a_project_can_be_named_by_its_number(house: House) -> None:
    await house.projects.number("p")
    made = await house.cases.create(project_number("p"), "bobbuilder", AccountDraft())
    assert made.email == BOB
    page = await house.cases.list(project_number("p"), page_size=0, page_token="")
    assert [account.email for account in page.accounts] == sorted([BOB, APP.email, COMPUTE.email, AGENT.email])


@pytest.mark.parametrize("account_id", ["", "bob", "Bobbuilder", "1bobbuilder", "bobbuilder-", "b" * 31, "bob_builder"])
async def test_an_account_id_that_iam_would_not_take_is_refused(account_id: str, cases: ServiceAccounts) -> None:
    with pytest.raises(InvalidArgument):
        await cases.create("p", account_id, AccountDraft())


@pytest.mark.parametrize("project", ["-", "", "a/b", "a b", "../p"])
async def test_a_collection_needs_a_project(project: str, cases: ServiceAccounts) -> None:
    with pytest.raises(InvalidArgument):
        await cases.create(project, "bobbuilder", AccountDraft())
    with pytest.raises(InvalidArgument):
        await cases.list(project, page_size=0, page_token="")


async def test_texts_are_bounded_in_bytes(cases: ServiceAccounts) -> None:
    await cases.create("p", "bobbuilder", AccountDraft("é" * 50, "é" * 128))
    for draft in (AccountDraft("é" * 51), AccountDraft("", "é" * 129)):
        with pytest.raises(InvalidArgument, match="bytes long"):
            await cases.create("p", "another", draft)
        with pytest.raises(InvalidArgument, match="bytes long"):
            await cases.patch("p", BOB, draft, ())


async def test_an_account_cannot_be_made_twice(cases: ServiceAccounts) -> None:
    await cases.create("p", "bobbuilder", AccountDraft())
    with pytest.raises(AccountExists, match="Service account bobbuilder already exists within project projects/p"):
        await cases.create("p", "bobbuilder", AccountDraft())


async def test_a_listing_goes_page_by_page(cases: ServiceAccounts, house: House) -> None:
    for number in range(5):
        await cases.create("p", f"account{number}", AccountDraft())
    seen, token = list[str](), ""
    while True:
        page = await cases.list("p", page_size=3, page_token=token)
        seen += [account.email for account in page.accounts]
        token = page.next_page_token
        if not token:
            break
        assert len(page.accounts) == 3
    assert seen == sorted(seen)
    assert len(set(seen)) == 8


async def test_a_page_token_is_for_its_own_project_and_two_hours(cases: ServiceAccounts, house: House) -> None:
    token = (await cases.list("p", page_size=1, page_token="")).next_page_token
    with pytest.raises(InvalidArgument):
        await cases.list("q", page_size=1, page_token=token)
    with pytest.raises(InvalidArgument):
        await cases.list("p", page_size=-1, page_token="")
    house.clock.turn(NOW + 3 * HOUR)
    with pytest.raises(InvalidArgument):
        await cases.list("p", page_size=1, page_token=token)


@pytest.mark.parametrize(
    ("paths", "name", "description"),
    [
        (("display_name",), "Rob", "builds"),
        (("displayName",), "Rob", "builds"),
        (("description",), "Bob", ""),
        (("displayName", "description"), "Rob", ""),
        ((), "Rob", "builds"),
    ],
)
async def test_a_patch_writes_what_its_mask_names(
    paths: tuple[str, ...], name: str, description: str, cases: ServiceAccounts
) -> None:
    await cases.create("p", "bobbuilder", AccountDraft("Bob", "builds"))
    changed = await cases.patch("p", BOB, AccountDraft("Rob"), paths)
    assert (changed.display_name, changed.description) == (name, description)
    assert await cases.get("p", BOB) == changed


async def test_a_patch_of_another_field_is_refused(cases: ServiceAccounts) -> None:
    await cases.create("p", "bobbuilder", AccountDraft())
    for path in ("email", "disabled", "unique_id", "*"):
        with pytest.raises(InvalidArgument, match="is not a field of ServiceAccount that can be updated"):
            await cases.patch("p", BOB, AccountDraft("x"), (path,))


async def test_a_change_with_an_etag_that_is_stale_is_refused(cases: ServiceAccounts) -> None:
    made = await cases.create("p", "bobbuilder", AccountDraft("Bob"))
    changed = await cases.update("p", BOB, AccountDraft("Rob", "", made.etag))
    assert (changed.display_name, changed.description) == ("Rob", "")
    with pytest.raises(PolicyChanged):
        await cases.update("p", BOB, AccountDraft("Ron", "", made.etag))


@pytest.mark.parametrize("account", [APP, COMPUTE, AGENT], ids=lambda account: account.email)
async def test_a_default_account_can_be_renamed_disabled_and_deleted(account: ServiceAccount, house: House) -> None:
    cases = house.cases
    await house.projects.number("p")
    await cases.patch("p", account.email, AccountDraft("Mine"), ())
    await cases.switch("p", account.email, disabled=True)
    found = await cases.get("p", account.unique_id)
    assert (found.display_name, found.disabled) == ("Mine", True)
    await cases.delete("p", account.email)
    with pytest.raises(AccountNotFound):
        await cases.get("p", account.email)
    await cases.undelete("p", account.unique_id)
    assert (await cases.get("p", account.email)).disabled


async def test_a_default_account_that_was_shown_is_found_by_its_unique_id(house: House) -> None:
    shown = await house.cases.get("p", APP.email)
    assert await house.cases.get("-", shown.unique_id) == shown


async def test_an_account_is_disabled_and_enabled_as_often_as_one_likes(cases: ServiceAccounts) -> None:
    await cases.create("p", "bobbuilder", AccountDraft())
    for disabled in (True, True, False, False):
        await cases.switch("p", BOB, disabled=disabled)
        assert (await cases.get("p", BOB)).disabled is disabled


async def test_others_are_told_before_and_after_an_account_goes_and_after_it_came_back(house: House) -> None:
    made = await house.cases.create("p", "bobbuilder", AccountDraft())
    await house.cases.delete("p", BOB)
    await house.cases.undelete("-", made.unique_id)
    assert house.told == [f"{BOB} goes", f"{BOB} is gone", f"{BOB} is back"]


async def test_a_grant_that_is_given_while_its_account_goes_is_not_left_behind(house: House) -> None:
    book = PolicyBook(house.store.records, house.clock, lambda _: Policy())
    member, granted = f"serviceAccount:{BOB}", list[bool]()

    async def mark(account: ServiceAccount) -> None:
        await book.mark_deleted(account)
        if not granted:  # somebody who saw the account a moment ago
            granted.append(True)
            await book.put("projects/q", Policy(1, (Binding("roles/viewer", (member,)),)), if_etag=b"")

    cases = ServiceAccounts(house.accounts, house.projects, house.clock, on_delete=mark)
    made = await cases.create("p", "bobbuilder", AccountDraft())
    await cases.delete("p", BOB)
    (binding,) = (await book.get("projects/q")).bindings
    assert binding.members == (f"deleted:{member}?uid={made.unique_id}",)


async def test_an_account_comes_back_for_thirty_days_only(house: House) -> None:
    made = await house.cases.create("p", "bobbuilder", AccountDraft())
    with pytest.raises(AccountNotFound):
        await house.cases.undelete("p", made.unique_id)
    await house.cases.delete("p", BOB)
    house.clock.turn(NOW + 30 * DAY)
    with pytest.raises(AccountNotFound):
        await house.cases.undelete("p", made.unique_id)


async def test_an_email_that_was_taken_again_keeps_the_old_account_away(house: House) -> None:
    made = await house.cases.create("p", "bobbuilder", AccountDraft())
    await house.cases.delete("p", BOB)
    assert (await house.cases.create("p", "bobbuilder", AccountDraft())).unique_id != made.unique_id
    with pytest.raises(AccountExists):
        await house.cases.undelete("p", made.unique_id)
    assert house.told == [f"{BOB} goes", f"{BOB} is gone"]
