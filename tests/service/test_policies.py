"""Policies of resources: kept, replaced only as they were read, and seen in the version that was asked for."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.authorize import Authorizer
from kumotasks.auth.policies import PolicyBook, default_policy
from kumotasks.auth.projects import Projects
from kumotasks.domain.account import ServiceAccount
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.errors import AccountNotFound, InvalidArgument, PolicyChanged, QueueNotFound
from kumotasks.domain.policy import EMPTY_ETAG, MAX_CONDITIONS, Binding, Condition, Policy
from kumotasks.domain.principal import ANONYMOUS, Principal
from kumotasks.service.policies import MAX_TESTED, Policies, accounts_in, any_project, queues_in
from kumotasks.storage.sqlstore import SqlStore
from tests.auth.judging import Shelf
from tests.factory import NOW, PARENT, a_queue

QUEUE = f"{PARENT}/queues/q"
NONE = f"{PARENT}/queues/none"
VIEWERS = Binding("roles/cloudtasks.viewer", ("user:a@b", "allUsers"))
ENQUEUERS = Binding("roles/cloudtasks.enqueuer", ("serviceAccount:s@p.iam.gserviceaccount.com",))
UNTIL_2030 = Condition("request.time < timestamp('2030-01-01T00:00:00Z')", "until 2030", "for now", "here")
FOR_A_WHILE = Binding("roles/cloudtasks.admin", ("user:c@d",), UNTIL_2030)


def policy(*bindings: Binding, version: int = 1, etag: bytes = b"") -> Policy:
    return Policy(version, bindings, etag)


@pytest.fixture(autouse=True)
async def a_queue_is_there(store: SqlStore) -> None:
    await store.create_queue(a_queue(), NOW)


async def test_a_queue_without_a_policy_shows_an_empty_one(policies: Policies) -> None:
    assert await policies.get(QUEUE, 0) == Policy(0, (), EMPTY_ETAG)


async def test_a_policy_is_kept_whole_with_an_etag_of_its_own(policies: Policies) -> None:
    written = await policies.set(QUEUE, policy(VIEWERS, FOR_A_WHILE, version=3), ())
    assert (written.version, written.bindings) == (3, (VIEWERS, FOR_A_WHILE))
    assert written.etag not in (b"", EMPTY_ETAG)
    assert await policies.get(QUEUE, 3) == written


async def test_a_policy_replaces_the_one_before(policies: Policies) -> None:
    first = await policies.set(QUEUE, policy(VIEWERS), ())
    second = await policies.set(QUEUE, policy(ENQUEUERS), ())
    assert second.bindings == (ENQUEUERS,)
    assert second.etag != first.etag


async def test_a_stale_etag_is_refused(policies: Policies) -> None:
    first = await policies.set(QUEUE, policy(VIEWERS), ())
    second = await policies.set(QUEUE, policy(ENQUEUERS, etag=first.etag), ())
    for etag in (first.etag, EMPTY_ETAG, b"\xff"):
        with pytest.raises(PolicyChanged) as refused:
            await policies.set(QUEUE, policy(VIEWERS, etag=etag), ())
        assert refused.value.message == (
            "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."
        )
    assert await policies.get(QUEUE, 0) == second


async def test_the_empty_etag_means_that_there_was_none(policies: Policies) -> None:
    etag = (await policies.get(QUEUE, 0)).etag
    assert (await policies.set(QUEUE, policy(VIEWERS, etag=etag), ())).bindings == (VIEWERS,)


async def test_of_two_at_once_with_the_same_etag_one_is_refused(policies: Policies) -> None:
    etag = (await policies.set(QUEUE, policy(VIEWERS), ())).etag
    changes = [policies.set(QUEUE, policy(ENQUEUERS, etag=etag), ()) for _ in range(2)]
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["Policy", "PolicyChanged"]


@pytest.mark.parametrize(
    ("paths", "kept"),
    [(("bindings",), ENQUEUERS), (("bindings", "etag"), ENQUEUERS), (("*",), ENQUEUERS), (("etag",), VIEWERS)],
)
async def test_a_mask_names_what_is_replaced(paths: tuple[str, ...], kept: Binding, policies: Policies) -> None:
    await policies.set(QUEUE, policy(VIEWERS), ())
    assert (await policies.set(QUEUE, policy(ENQUEUERS), paths)).bindings == (kept,)


async def test_a_path_that_a_policy_does_not_have_is_refused(policies: Policies) -> None:
    with pytest.raises(InvalidArgument, match="'colour' is not a field of Policy"):
        await policies.set(QUEUE, policy(VIEWERS), ("bindings", "colour"))


async def test_what_iam_would_not_store_is_refused(policies: Policies) -> None:
    for wrong, sentence in (
        (policy(Binding("viewer", ("allUsers",))), "Role viewer is not supported"),
        (policy(Binding("roles/viewer", ("somebody",))), "Invalid member"),
        (policy(FOR_A_WHILE), "must be of version 3"),
        (policy(version=2), "must be 0, 1 or 3"),
    ):
        with pytest.raises(InvalidArgument, match=sentence):
            await policies.set(QUEUE, wrong, ())
    assert await policies.get(QUEUE, 0) == Policy()


async def test_a_caller_of_an_older_version_does_not_see_conditions(policies: Policies) -> None:
    await policies.set(QUEUE, policy(VIEWERS, FOR_A_WHILE, version=3), ())
    for version in (0, 1):
        seen = await policies.get(QUEUE, version)
        assert (seen.version, seen.bindings) == (1, (VIEWERS,))
    with pytest.raises(InvalidArgument, match="must be 0, 1 or 3"):
        await policies.get(QUEUE, 2)


async def test_a_queue_that_is_not_there_has_no_policy(policies: Policies) -> None:
    for call in (policies.get(NONE, 0), policies.set(NONE, policy(VIEWERS), ())):
        with pytest.raises(QueueNotFound):
            await call
    with pytest.raises(InvalidArgument, match="Invalid resource field value in the request"):
        await policies.get("q", 0)


async def test_permissions_are_all_held_but_for_a_queue_that_is_not_there(policies: Policies) -> None:
    asked = ("cloudtasks.tasks.create", "cloudtasks.queues.get", "cloudtasks.tasks.create")
    assert await policies.test(QUEUE, asked) == asked[:2]
    assert await policies.test(NONE, asked) == ()
    assert await policies.test(QUEUE, ()) == ()


@pytest.mark.parametrize("permission", ["cloudtasks.*", "*", ""])
async def test_a_wildcard_is_no_permission(permission: str, policies: Policies) -> None:
    with pytest.raises(InvalidArgument, match="is not valid"):
        await policies.test(QUEUE, ("cloudtasks.tasks.create", permission))


async def test_no_more_than_so_many_permissions_are_tested_at_once(policies: Policies) -> None:
    many = tuple(f"cloudtasks.tasks.p{number}" for number in range(MAX_TESTED))
    assert await policies.test(QUEUE, many) == many
    with pytest.raises(InvalidArgument, match="At most 100"):
        await policies.test(QUEUE, (*many, "cloudtasks.tasks.get"))


@pytest.mark.parametrize("role", ["roles/cloudtasks.enqueur", "roles/run.invokr"])
async def test_a_slip_of_the_pen_is_no_role(role: str, policies: Policies) -> None:
    with pytest.raises(InvalidArgument, match=f"Role {role} is not supported for this resource"):
        await policies.set(QUEUE, policy(Binding(role, ("allUsers",))), ())
    await policies.set(QUEUE, policy(Binding("roles/storage.admin", ("allUsers",))), ())


@pytest.mark.parametrize("expression", ["((", "resource.owner == 'me'", "1", "", "x" * 5_000])
async def test_a_condition_that_could_never_be_judged_is_refused(expression: str, policies: Policies) -> None:
    wrong = Binding("roles/cloudtasks.viewer", ("allUsers",), Condition(expression))
    with pytest.raises(InvalidArgument):
        await policies.set(QUEUE, policy(VIEWERS, wrong, version=3), ())
    assert await policies.get(QUEUE, 3) == Policy()


async def test_a_policy_has_so_many_conditions(policies: Policies) -> None:
    bindings = [
        Binding("roles/viewer", ("allUsers",), Condition(f"true || {n} == 0")) for n in range(MAX_CONDITIONS + 1)
    ]
    await policies.set(QUEUE, policy(*bindings[1:], version=3), ())
    with pytest.raises(InvalidArgument, match="at most 100 conditional bindings"):
        await policies.set(QUEUE, policy(*bindings, version=3), ())


async def test_members_are_kept_as_iam_writes_them(policies: Policies) -> None:
    members = ("user:Ann@Example.COM", "user:ann@example.com", "allUsers", "principal://iam.googleapis.com/X")
    written = await policies.set(QUEUE, policy(Binding("roles/viewer", members), Binding("roles/editor", ())), ())
    assert written.bindings == (
        Binding("roles/viewer", ("user:ann@example.com", "allUsers", "principal://iam.googleapis.com/X")),
    )


@pytest.mark.parametrize(
    "resource", ["", "projects", "projects/p/locations/l", "projects/p/queues", f"{QUEUE}/tasks/t", "/"]
)
async def test_what_has_no_policy_is_refused(resource: str, policies: Policies) -> None:
    for call in (policies.get(resource, 0), policies.set(resource, policy(VIEWERS), ()), policies.test(resource, ())):
        with pytest.raises(InvalidArgument, match="Invalid resource field value in the request"):
            await call


# with an authorizer

ENQUEUE = "cloudtasks.tasks.create"
ANN = ServiceAccount("p", "ann-account@p.iam.gserviceaccount.com", "1" * 21)
CALLER = Principal(ANN.email, ANN.unique_id)


@pytest.fixture
async def accounts(store: SqlStore, clock: ManualClock, projects: Projects) -> Accounts:
    accounts = Accounts(store.records, clock, projects)
    await accounts.create(ANN)
    return accounts


@pytest.fixture
def strict(store: SqlStore, clock: ManualClock, accounts: Accounts, projects: Projects) -> Policies:
    """As with --auth iam."""
    book = PolicyBook(store.records, clock, default_policy)
    resources = {
        "queues": queues_in(store, projects),
        "projects": any_project(projects),
        "serviceAccounts": accounts_in(accounts, projects),
    }
    return Policies(book, Authorizer(book, accounts, projects, clock, lambda: ""), resources)


async def test_a_caller_is_told_what_he_holds(strict: Policies) -> None:
    asked = (ENQUEUE, "cloudtasks.tasks.fullView", "cloudtasks.queues.get")
    assert await strict.test(QUEUE, asked, CALLER) == ()
    await strict.set(QUEUE, policy(Binding("roles/cloudtasks.enqueuer", (CALLER.member,))), ())
    assert await strict.test(QUEUE, asked, CALLER) == asked[:2]
    assert await strict.test(QUEUE, asked, ANONYMOUS) == ()
    assert await strict.test(NONE, asked, CALLER) == ()
    await strict.set(QUEUE, policy(Binding("roles/cloudtasks.enqueuer", ("allUsers",))), ())
    assert await strict.test(QUEUE, asked) == asked[:2]


async def test_policies_of_projects_begin_with_googles_default(strict: Policies, projects: Projects) -> None:
    shown = await strict.get("projects/p", 1)
    assert shown == default_policy("p")
    changed = policy(*shown.bindings, Binding("roles/viewer", (CALLER.member,)), etag=shown.etag)
    stored = await strict.set(f"projects/{await projects.number('p')}", changed, ())
    assert stored == await strict.get("projects/p", 3)
    assert await strict.test("projects/p", ("cloudtasks.tasks.get", ENQUEUE), CALLER) == ("cloudtasks.tasks.get",)


async def test_an_account_has_a_policy_under_each_of_its_names(strict: Policies, projects: Projects) -> None:
    users = policy(Binding("roles/iam.serviceAccountUser", (CALLER.member,)))
    stored = await strict.set(ANN.name, users, ())
    number = await projects.number("p")
    for project in ("p", "-", number):
        for ident in (ANN.email, ANN.unique_id):
            name = f"projects/{project}/serviceAccounts/{ident}"
            assert await strict.get(name, 1) == stored
            assert await strict.test(name, ("iam.serviceAccounts.actAs",), CALLER) == ("iam.serviceAccounts.actAs",)


async def test_an_account_that_is_not_there_has_no_policy(strict: Policies) -> None:
    for name in (
        f"projects/q/serviceAccounts/{ANN.email}",
        "projects/-/serviceAccounts/nobody@p.iam.gserviceaccount.com",
    ):
        for call in (strict.get(name, 0), strict.set(name, policy(VIEWERS), ())):
            with pytest.raises(AccountNotFound):
                await call
        assert await strict.test(name, ("iam.serviceAccounts.actAs",), CALLER) == ()


async def test_an_account_that_nobody_made_cannot_be_bound(strict: Policies, accounts: Accounts) -> None:
    nobody = Binding("roles/viewer", (CALLER.member, "serviceAccount:Nobody@p.iam.gserviceaccount.com"))
    with pytest.raises(InvalidArgument) as refused:
        await strict.set(QUEUE, policy(nobody), ())
    assert refused.value.message == "Service account nobody@p.iam.gserviceaccount.com does not exist."
    of_google = (
        "serviceAccount:service-1@gcp-sa-pubsub.iam.gserviceaccount.com",
        "serviceAccount:p@appspot.gserviceaccount.com",
    )
    await strict.set(QUEUE, policy(Binding("roles/viewer", (CALLER.member, *of_google))), ())
    await accounts.delete(ANN)  # whoever is bound already may stay, else nobody could change such a policy
    await strict.set(QUEUE, policy(Binding("roles/editor", (CALLER.member,))), ())
    with pytest.raises(InvalidArgument, match="does not exist"):
        await strict.set("projects/p", policy(Binding("roles/editor", (CALLER.member,))), ())


# anything at all

_TEXT = st.text(max_size=12)
_MEMBERS = _TEXT | st.sampled_from(
    [
        "allUsers",
        "user:a@b",
        "serviceAccount:x@p.iam.gserviceaccount.com",
        "deleted:user:a@b?uid=1",
        "domain:x",
        "group:a@b",
    ]
)
_EXPRESSIONS = _TEXT | st.sampled_from(["true", "request.time.getHours() > 3", "resource.name.extract('{')==''"])
_CONDITIONS = st.none() | st.builds(Condition, _EXPRESSIONS, _TEXT, _TEXT, _TEXT)
_ROLES = _TEXT | st.sampled_from(["roles/viewer", "roles/cloudtasks.viewer", "projects/p/roles/x", "roles/x"])
_BINDINGS = st.builds(Binding, _ROLES, st.lists(_MEMBERS, max_size=3).map(tuple), _CONDITIONS)
_POLICIES = st.builds(Policy, st.sampled_from([0, 1, 2, 3]), st.lists(_BINDINGS, max_size=3).map(tuple), st.just(b""))


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
@given(_POLICIES, st.lists(_TEXT | st.sampled_from(["bindings", "etag", "*"]), max_size=2).map(tuple))
def test_whatever_is_set_is_stored_or_refused(given_policy: Policy, paths: tuple[str, ...]) -> None:
    async def attempt() -> None:
        shelf, clock = Shelf(), ManualClock(NOW)
        projects = Projects(shelf, clock)
        accounts, book = Accounts(shelf, clock, projects), PolicyBook(shelf, clock, default_policy)
        authorizer = Authorizer(book, accounts, projects, clock, lambda: "")
        policies = Policies(book, authorizer, {"projects": any_project(projects)})
        try:
            stored = await policies.set("projects/p", given_policy, paths)
        except InvalidArgument:
            return
        reread = PolicyBook(shelf, clock, default_policy)
        assert await reread.get("projects/p") == stored
        await policies.test("projects/p", (ENQUEUE,), CALLER)

    asyncio.run(attempt())
