"""Accounts that tasks are signed as: they must be there and of the queue's project, whichever call names them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.policies import PolicyBook
from kumotasks.auth.projects import Projects
from kumotasks.domain.account import ServiceAccount, account_email
from kumotasks.domain.clock import DAY, HOUR, ManualClock
from kumotasks.domain.errors import AccountNotFound, InvalidArgument, KumoError
from kumotasks.domain.names import QueueName
from kumotasks.domain.queue import Queue
from kumotasks.domain.target import AppEngineHttpRequest, HttpRequest, HttpTarget, OAuthToken, OidcToken, UriOverride
from kumotasks.domain.task import NewTask, Task
from kumotasks.service.queues import QueueRules, Queues
from kumotasks.service.signers import Signers, token_of
from kumotasks.service.tasks import TaskRules, Tasks
from kumotasks.storage.sqlstore import SqlStore
from tests.factory import NOW, PARENT, a_queue
from tests.service.conftest import HOME

QUEUE = f"{PARENT}/queues/q"
URL = "https://worker.example/run"
MINE, THEIRS, NOBODY = (account_email(name, project) for name, project in (("w", "p"), ("w", "other"), ("nobody", "p")))
FOREIGN = f"The service account {THEIRS} must belong to the project of the queue."


@pytest.fixture
async def accounts(store: SqlStore, clock: ManualClock, projects: Projects) -> Accounts:
    """One account in project p, and one of the same name in another."""
    accounts = Accounts(store.records, clock, projects)
    for serial, (email, project) in enumerate(((MINE, "p"), (THEIRS, "other"))):
        await accounts.create(ServiceAccount(project, email, f"{10**20 + serial}", created=NOW))
    return accounts


@pytest.fixture
def signers(accounts: Accounts, projects: Projects) -> Signers:
    return Signers(accounts, projects)


@pytest.fixture
async def signed_tasks(store: SqlStore, clock: ManualClock, signers: Signers) -> Tasks:
    await store.create_queue(a_queue(), NOW)
    rules = TaskRules(name_rest=HOUR)
    return Tasks(store=store, clock=clock, locations=HOME, rules=rules, in_flight={}, signers=signers)


@pytest.fixture
def signed_queues(store: SqlStore, clock: ManualClock, book: PolicyBook, signers: Signers) -> Queues:
    rules = QueueRules(queue_name_rest=3 * DAY, task_name_rest=HOUR)
    return Queues(store=store, clock=clock, locations=HOME, rules=rules, drop=book.drop, signers=signers)


def oidc(email: str) -> HttpRequest:
    return HttpRequest(URL, oidc_token=OidcToken(email))


def oauth(email: str) -> HttpRequest:
    return HttpRequest("https://tasks.googleapis.com/", oauth_token=OAuthToken(email))


def queue_of(email: str) -> Queue:
    """As a caller describes it."""
    return Queue(
        QueueName("", "", "", QUEUE), http_target=HttpTarget(UriOverride(host="w"), oidc_token=OidcToken(email))
    )


# which token


def test_the_token_of_a_target_is_whichever_it_has() -> None:
    assert token_of(oidc(MINE)) == OidcToken(MINE)
    assert token_of(oauth(MINE)) == OAuthToken(MINE)
    assert token_of(queue_of(MINE).http_target) == OidcToken(MINE)


@pytest.mark.parametrize("target", [None, HttpRequest(URL), AppEngineHttpRequest("/"), HttpTarget()])
async def test_a_target_without_a_token_is_everybodys(
    target: HttpRequest | AppEngineHttpRequest | HttpTarget | None, signers: Signers
) -> None:
    assert token_of(target) is None
    await signers.check(target, "p")


# the rules


@pytest.mark.parametrize("signed", [oidc, oauth])
async def test_an_account_of_the_queues_project_may_be_named(signed: type, signers: Signers) -> None:
    await signers.check(signed(MINE), "p")


async def test_the_projects_number_is_as_good_as_its_id(signers: Signers, projects: Projects) -> None:
    await signers.check(oidc(MINE), await projects.number("p"))


async def test_the_default_accounts_of_a_project_are_there(signers: Signers, projects: Projects) -> None:
    await projects.number("p")
    await signers.check(oidc("p@appspot.gserviceaccount.com"), "p")


@pytest.mark.parametrize("signed", [oidc, oauth])
async def test_an_account_that_is_not_there_is_refused(signed: type, signers: Signers) -> None:
    with pytest.raises(AccountNotFound, match=f"Service account {NOBODY} does not exist"):
        await signers.check(signed(NOBODY), "p")


async def test_an_account_of_another_project_is_refused(signers: Signers) -> None:
    with pytest.raises(InvalidArgument) as refused:
        await signers.check(oidc(THEIRS), "p")
    assert refused.value.message == FOREIGN


async def test_a_deleted_account_is_not_there_until_it_is_brought_back(signers: Signers, accounts: Accounts) -> None:
    account = await accounts.find(MINE)
    assert account is not None
    await accounts.delete(account)
    with pytest.raises(AccountNotFound):
        await signers.check(oidc(MINE), "p")
    await accounts.undelete(account.unique_id)
    await signers.check(oidc(MINE), "p")


async def test_a_disabled_account_may_be_named(signers: Signers, accounts: Accounts) -> None:
    account = await accounts.find(MINE)
    assert account is not None
    await accounts.replace(replace(account, disabled=True), if_etag=account.etag)
    await signers.check(oidc(MINE), "p")


# the calls


async def test_a_task_signed_by_a_good_account_is_kept(signed_tasks: Tasks) -> None:
    task = await signed_tasks.create(QUEUE, NewTask("", oidc(MINE)))
    assert token_of((await signed_tasks.get(str(task.name))).target) == OidcToken(MINE)


@pytest.mark.parametrize(("email", "refusal"), [(NOBODY, AccountNotFound), (THEIRS, InvalidArgument)])
async def test_a_task_signed_by_another_is_refused_and_not_kept(
    email: str, refusal: type[KumoError], signed_tasks: Tasks
) -> None:
    with pytest.raises(refusal):
        await signed_tasks.create(QUEUE, NewTask(f"{QUEUE}/tasks/t", oidc(email)))
    assert (await signed_tasks.list(QUEUE, page_size=0, page_token="")).tasks == ()


async def test_what_is_wrong_with_a_task_itself_is_said_first(signed_tasks: Tasks) -> None:
    bad = HttpRequest("ftp://w", oidc_token=OidcToken(NOBODY))
    with pytest.raises(InvalidArgument, match="must start with 'http://'"):
        await signed_tasks.create(QUEUE, NewTask("", bad))


async def test_in_a_batch_only_the_wrongly_signed_tasks_are_refused(signed_tasks: Tasks) -> None:
    signed = [oidc(MINE), oidc(NOBODY), HttpRequest(URL), oauth(THEIRS), oauth(MINE)]
    made = await signed_tasks.create_all(QUEUE, [NewTask("", each) for each in signed])
    assert [type(each) for each in made] == [Task, AccountNotFound, Task, InvalidArgument, Task]
    assert len((await signed_tasks.list(QUEUE, page_size=0, page_token="")).tasks) == 3


async def test_without_signers_any_account_may_be_named(tasks: Tasks, queues: Queues, store: SqlStore) -> None:
    assert token_of((await queues.create(PARENT, queue_of(NOBODY))).http_target) == OidcToken(NOBODY)
    assert isinstance(await tasks.create(QUEUE, NewTask("", oidc(THEIRS))), Task)


async def test_a_queue_is_created_with_a_good_account(signed_queues: Queues) -> None:
    await signed_queues.create(PARENT, queue_of(MINE))
    assert token_of((await signed_queues.get(QUEUE)).http_target) == OidcToken(MINE)


@pytest.mark.parametrize(("email", "refusal"), [(NOBODY, AccountNotFound), (THEIRS, InvalidArgument)])
async def test_a_queue_with_another_account_is_neither_created_nor_changed(
    email: str, refusal: type[KumoError], signed_queues: Queues
) -> None:
    with pytest.raises(refusal):
        await signed_queues.create(PARENT, queue_of(email))
    with pytest.raises(refusal):
        await signed_queues.update(queue_of(email), ())
    with pytest.raises(KumoError):
        await signed_queues.get(QUEUE)
    kept = await signed_queues.create(PARENT, queue_of(MINE))
    with pytest.raises(refusal):
        await signed_queues.update(queue_of(email), ("http_target",))
    assert await signed_queues.get(QUEUE) == kept


async def test_a_token_that_names_nobody_is_refused_as_such(signed_tasks: Tasks, signed_queues: Queues) -> None:
    with pytest.raises(InvalidArgument, match=r"service_account_email must be set\."):
        await signed_queues.update(queue_of(""), ())
    with pytest.raises(InvalidArgument):
        await signed_tasks.create(QUEUE, NewTask("", oidc("")))
