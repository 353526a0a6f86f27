"""Who may do what: every rule by which a need is granted or refused."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumotasks.auth import authorize
from kumotasks.domain.account import default_accounts, project_number
from kumotasks.domain.clock import DAY, HOUR
from kumotasks.domain.errors import CredentialsMissing, PermissionDenied
from kumotasks.domain.policy import EMPTY_ETAG, Condition, Policy
from kumotasks.domain.principal import ANONYMOUS, Need, Principal
from tests.auth import judging
from tests.auth.judging import (
    CREATE,
    LOCATION,
    OTHER,
    PROJECT,
    QUEUE,
    Shelf,
    World,
    enqueuers,
    grant,
    principal,
    world_over,
)
from tests.factory import NOW

ACT_AS = "iam.serviceAccounts.actAs"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with judging.world(tmp_path) as world:
        yield world


# where a binding stands


async def test_a_role_on_a_queue_permits_on_that_queue_alone(world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind(QUEUE, enqueuers(ann))
    assert await world.may(ann)
    assert not await world.may(ann, resource=OTHER)
    assert not await world.may(ann, resource=LOCATION)
    assert not await world.may(ann, "cloudtasks.tasks.delete")


async def test_a_role_on_a_project_permits_on_everything_in_it_and_nothing_outside(world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind(PROJECT, grant("roles/editor", ann))
    bob = await world.account("bob-account")
    for resource in (QUEUE, OTHER, LOCATION, PROJECT):
        assert await world.may(ann, resource=resource)
        assert not await world.may(ann, resource=resource.replace("shop", "shop2"))
    assert await world.may(ann, ACT_AS, bob.name)


async def test_a_task_is_judged_on_its_queue(world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind(QUEUE, grant("roles/cloudtasks.taskDeleter", ann))
    for task in ("t", "18446744073709551615"):
        assert await world.may(ann, "cloudtasks.tasks.delete", f"{QUEUE}/tasks/{task}")
        assert not await world.may(ann, "cloudtasks.tasks.delete", f"{OTHER}/tasks/{task}")
    assert world.known(ann, "cloudtasks.tasks.delete", f"{QUEUE}/tasks/never-seen-before")


async def test_a_refusal_names_the_permission_and_the_resource_as_they_were_asked_for(world: World) -> None:
    ann = await world.caller("ann-account")
    task = f"{QUEUE}/tasks/t"
    with pytest.raises(PermissionDenied) as refused:
        await world.authorizer.check(ann, (Need("cloudtasks.tasks.delete", task),))
    assert refused.value.message == (
        'The principal (user or service account) lacks IAM permission "cloudtasks.tasks.delete" for the resource '
        f'"{task}" (or the resource may not exist).'
    )


async def test_every_one_of_the_needs_must_be_granted(world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind(QUEUE, enqueuers(ann))
    bob = await world.account("bob-account")
    both = (Need(CREATE, QUEUE), Need(ACT_AS, bob.name))
    with pytest.raises(PermissionDenied, match=ACT_AS):
        await world.authorizer.check(ann, both)
    assert not world.authorizer.known(ann, both)
    await world.bind(bob.name, grant("roles/iam.serviceAccountUser", ann))
    await world.authorizer.check(ann, both)
    assert world.authorizer.known(ann, both)


async def test_who_needs_nothing_is_let_through(world: World) -> None:
    await world.authorizer.check(ANONYMOUS, ())


# changes


async def test_a_changed_policy_is_in_force_at_once(world: World) -> None:
    ann = await world.caller("ann-account")
    for _ in range(3):
        await world.bind(QUEUE, enqueuers(ann))
        assert await world.may(ann)
        assert world.known(ann)
        await world.bind(QUEUE)
        assert not world.known(ann)
        assert not await world.may(ann)
    await world.bind(QUEUE, enqueuers(ann))
    assert await world.may(ann)
    await world.book.drop(QUEUE)
    assert not world.known(ann)
    assert not await world.may(ann)


async def test_a_changed_account_makes_verdicts_be_given_anew(world: World) -> None:
    ann = await world.account("ann-account")
    await world.bind(QUEUE, enqueuers(principal(ann)))
    assert await world.may(principal(ann))
    await world.accounts.replace(replace(ann, display_name="Ann"), if_etag=ann.etag)
    assert not world.known(principal(ann))
    assert await world.may(principal(ann))
    assert world.known(principal(ann))


async def test_a_verdict_given_while_the_policy_changed_is_not_kept() -> None:
    shelf = Shelf()
    world = world_over(shelf)
    ann = await world.caller("ann-account")
    await world.bind(QUEUE, enqueuers(ann))
    world.book._kept.clear()  # as if it had never been read
    shelf.held_up = {"get"}
    verdict = asyncio.ensure_future(world.authorizer.check(ann, (Need(CREATE, QUEUE),)))
    await shelf.arrived.wait()  # the old policy is on its way
    await world.bind(QUEUE)
    shelf.held_up = ()
    shelf.go.set()
    await verdict
    assert not world.known(ann)
    assert not await world.may(ann)


# who is meant


async def test_an_anonymous_caller_has_what_all_users_have(world: World) -> None:
    ann = await world.caller("ann-account")
    for binding, anonymous, authenticated in (
        (enqueuers("allUsers"), True, True),
        (enqueuers("allAuthenticatedUsers"), False, True),
        (enqueuers(ann), False, True),
        (enqueuers("user:ann@example.com"), False, False),
    ):
        await world.bind(QUEUE, binding)
        assert await world.may(ANONYMOUS) is anonymous
        assert world.known(ANONYMOUS) is anonymous
        assert await world.may(ann) is authenticated


async def test_an_anonymous_caller_is_asked_for_credentials(world: World) -> None:
    with pytest.raises(CredentialsMissing):
        await world.authorizer.check(ANONYMOUS, (Need(CREATE, QUEUE),))


@pytest.mark.parametrize(
    "member",
    [
        "group:all@shop.example",
        "domain:shop.iam.gserviceaccount.com",
        "user:ann-account@shop.iam.gserviceaccount.com",
        "group:ann-account@shop.iam.gserviceaccount.com",
        "principal://iam.googleapis.com/ann-account@shop.iam.gserviceaccount.com",
        "principalSet://goog/public:all",
        "serviceAccount:xann-account@shop.iam.gserviceaccount.com",
        "serviceAccount:ann-account@shop.iam.gserviceaccount.com.example",
        "deleted:serviceAccount:ann-account@shop.iam.gserviceaccount.com?uid=000000000000000000001",
    ],
)
async def test_other_members_are_not_the_account(member: str, world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind(QUEUE, enqueuers(member))
    assert not await world.may(ann)


async def test_the_case_of_an_e_mail_does_not_matter(world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind(QUEUE, enqueuers("serviceAccount:Ann-Account@Shop.IAM.gserviceaccount.com"))
    assert await world.may(ann)
    assert await world.may(replace(ann, email="ANN-account@shop.iam.gserviceaccount.com"))
    assert (await world.book.get(QUEUE)).bindings == (enqueuers(ann),)


@pytest.mark.parametrize(
    ("member", "role"), [("projectOwner", "owner"), ("projectEditor", "editor"), ("projectViewer", "viewer")]
)
async def test_members_of_a_project_are_those_with_its_basic_role(member: str, role: str, world: World) -> None:
    ann, bob = await world.caller("ann-account"), await world.caller("bob-account")
    await world.bind("projects/elsewhere", grant(f"roles/{role}", ann), grant("roles/run.admin", bob))
    await world.bind(QUEUE, enqueuers(f"{member}:elsewhere"))
    assert await world.may(ann)
    assert not await world.may(bob)
    await world.bind("projects/elsewhere")
    assert not world.known(ann)
    assert not await world.may(ann)


async def test_members_of_a_project_for_a_time_are_not_its_members(world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind("projects/elsewhere", grant("roles/editor", ann, when="true"))
    await world.bind(QUEUE, enqueuers("projectEditor:elsewhere"))
    assert not await world.may(ann)


async def test_members_of_projects_that_name_each_other_are_nobody(world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind("projects/one", grant("roles/editor", "projectEditor:two"))
    await world.bind("projects/two", grant("roles/editor", "projectEditor:one"))
    await world.bind(QUEUE, enqueuers("projectEditor:one"))
    assert not await world.may(ann)


# the owner


async def test_the_owner_may_do_everything(world: World) -> None:
    ann = await world.caller("ann-account")
    world.owner = ann.unique_id
    for resource in (QUEUE, "projects/unseen", "nonsense", ""):
        assert world.known(ann, "kumo.server.control", resource)
        assert await world.may(ann, "any.permission.atAll", resource)
    assert not await world.may(await world.caller("bob-account"))


async def test_without_an_owner_nobody_is_it(world: World) -> None:
    assert world.owner == ""
    assert not world.known(ANONYMOUS)
    assert not await world.may(ANONYMOUS)


# accounts that come and go


async def test_another_account_under_the_same_e_mail_inherits_nothing(world: World) -> None:
    ann, reader = await world.account("ann-account"), await world.caller("reader-account")
    await world.bind(QUEUE, enqueuers(principal(ann)))
    await world.bind(PROJECT, grant("roles/editor", principal(ann)))
    await world.bind(ann.name, grant("roles/iam.serviceAccountTokenCreator", reader))
    assert await world.may(principal(ann))
    await world.book.mark_deleted(ann)
    await world.accounts.delete(ann)
    again = await world.account("ann-account")
    assert again.email == ann.email
    for account in (ann, again):
        assert not world.known(principal(account))
        assert not await world.may(principal(account))
    assert not await world.may(reader, "iam.serviceAccounts.getAccessToken", again.name)
    assert (await world.book.get(QUEUE)).bindings == (
        enqueuers(f"deleted:{ann_member(ann.email)}?uid={ann.unique_id}"),
    )


async def test_an_account_that_is_brought_back_has_what_it_had(world: World) -> None:
    ann, reader = await world.account("ann-account"), await world.caller("reader-account")
    await world.bind(QUEUE, enqueuers(principal(ann)))
    await world.bind(ann.name, grant("roles/iam.serviceAccountTokenCreator", reader))
    await world.book.mark_deleted(ann)
    await world.accounts.delete(ann)
    restored = await world.accounts.undelete(ann.unique_id)
    await world.book.mark_undeleted(restored)
    assert await world.may(principal(restored))
    assert await world.may(reader, "iam.serviceAccounts.getAccessToken", ann.name)
    assert (await world.book.get(QUEUE)).bindings == (enqueuers(principal(ann)),)


def ann_member(email: str) -> str:
    return f"serviceAccount:{email}"


# how resources are named


async def test_a_project_may_be_named_by_its_number(world: World) -> None:
    ann = await world.caller("ann-account")
    number = await world.projects.number("shop")
    assert number == project_number("shop")
    numbered = QUEUE.replace("shop", number)
    await world.bind(QUEUE, enqueuers(ann, when=f"resource.name == '{QUEUE}'"))
    assert await world.may(ann, resource=numbered)
    await world.bind(PROJECT, grant("roles/viewer", ann))
    assert await world.may(ann, "resourcemanager.projects.get", f"projects/{number}")
    assert not await world.may(ann, "resourcemanager.projects.get", "projects/123456789012")


async def test_an_account_is_judged_where_it_lives(world: World) -> None:
    ann, bob = await world.caller("ann-account"), await world.account("bob-account", "home")
    await world.bind("projects/home", grant("roles/editor", ann))
    number = await world.projects.number("home")
    for project in ("-", "home", number, "shop"):
        for ident in (bob.email, bob.unique_id):
            assert await world.may(ann, ACT_AS, f"projects/{project}/serviceAccounts/{ident}")
    await world.bind("projects/home")
    await world.bind("projects/shop", grant("roles/editor", ann))
    assert not await world.may(ann, ACT_AS, f"projects/shop/serviceAccounts/{bob.email}")
    await world.bind(bob.name, grant("roles/iam.serviceAccountUser", ann))
    assert await world.may(ann, ACT_AS, f"projects/-/serviceAccounts/{bob.unique_id}")


@pytest.mark.parametrize(
    "email",
    [
        "nobody@shop.iam.gserviceaccount.com",
        "shop@appspot.gserviceaccount.com",
        f"{project_number('shop')}-compute@developer.gserviceaccount.com",
        f"service-{project_number('shop')}@gcp-sa-cloudtasks.iam.gserviceaccount.com",
    ],
)
async def test_an_account_that_nobody_made_is_judged_on_the_project_its_e_mail_speaks_of(
    email: str, world: World
) -> None:
    ann = await world.caller("ann-account")
    await world.projects.number("shop")
    name = f"projects/-/serviceAccounts/{email}"
    assert not await world.may(ann, ACT_AS, name)
    await world.bind(PROJECT, grant("roles/editor", ann))
    assert await world.may(ann, ACT_AS, name)


async def test_a_deleted_account_is_judged_on_its_project_alone(world: World) -> None:
    ann, bob = await world.caller("ann-account"), await world.account("bob-account")
    await world.bind(bob.name, grant("roles/iam.serviceAccountAdmin", ann))
    await world.book.mark_deleted(bob)
    await world.accounts.delete(bob)
    name, undelete = f"projects/-/serviceAccounts/{bob.unique_id}", "iam.serviceAccounts.undelete"
    assert not await world.may(ann, undelete, name)
    await world.bind(PROJECT, grant("roles/iam.serviceAccountAdmin", ann))
    assert await world.may(ann, undelete, name)


@pytest.mark.parametrize(
    "resource",
    [
        "", "/", "projects", "projects/", "projects/-", "shop", f"/{QUEUE}", f"//cloudtasks.googleapis.com/{QUEUE}",
        "projects//locations/us-central1/queues/mail", "folders/1", "projects/-/serviceAccounts/nobody",
        "projects/-/serviceAccounts/a@example.com", "projects/-/locations/us-central1/queues/mail",
    ],
)  # fmt: skip
async def test_what_leads_to_no_project_is_granted_to_nobody(resource: str, world: World) -> None:
    ann = await world.caller("ann-account")
    for project in (PROJECT, "projects/-", "projects/"):
        await world.bind(project, grant("roles/owner", ann, "allUsers"))
    assert not await world.may(ann, resource=resource)
    assert not await world.may(ANONYMOUS, resource=resource)


# a project's own policy


async def test_default_accounts_are_editors_until_a_policy_is_set(world: World) -> None:
    app, compute, agent = (Principal(each.email, each.unique_id) for each in default_accounts("shop"))
    bob = await world.account("bob-account")
    for account in (app, compute):
        assert await world.may(account)
        assert await world.may(account, ACT_AS, bob.name)
        assert not await world.may(account, resource=QUEUE.replace("shop", "shop2"))
    assert await world.may(agent, "iam.serviceAccounts.getOpenIdToken", bob.name)
    assert not await world.may(agent)
    shown = await world.book.get(PROJECT)
    assert shown.etag == EMPTY_ETAG
    await world.book.put(PROJECT, Policy(1, (enqueuers(app),)), if_etag=shown.etag)
    assert await world.may(app)
    assert not await world.may(compute)
    assert not await world.may(app, ACT_AS, bob.name)


# conditions


async def test_a_grant_may_hold_for_a_time(world: World) -> None:
    ann = await world.caller("ann-account")
    window = "request.time >= timestamp('2026-01-01T01:00:00Z') && request.time < timestamp('2026-01-02T00:00:00Z')"
    await world.bind(QUEUE, enqueuers(ann, when=window))
    for instant, granted in ((NOW, False), (NOW + HOUR - 1, False), (NOW + HOUR, True), (NOW + DAY, False)):
        world.clock.turn(instant)
        assert await world.may(ann) is granted
        assert not world.known(ann)


async def test_a_grant_on_a_project_may_hold_for_names_that_begin_alike(world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind(PROJECT, enqueuers(ann, when=f"resource.name.startsWith('{LOCATION}/queues/ma')"))
    assert await world.may(ann)
    assert await world.may(ann, resource=f"{QUEUE}/tasks/t")
    assert not await world.may(ann, resource=OTHER)
    assert not await world.may(ann, resource=QUEUE.replace("shop", "shop2"))


@pytest.mark.parametrize(
    ("permission", "resource", "kind", "service"),
    [
        (CREATE, QUEUE, "cloudtasks.googleapis.com/Queue", "cloudtasks"),
        ("cloudtasks.queues.list", LOCATION, "cloudtasks.googleapis.com/Location", "cloudtasks"),
        (
            "resourcemanager.projects.get",
            PROJECT,
            "cloudresourcemanager.googleapis.com/Project",
            "cloudresourcemanager",
        ),
        (ACT_AS, f"{PROJECT}/serviceAccounts/bob-account@x", "iam.googleapis.com/ServiceAccount", "iam"),
        ("run.routes.invoke", f"{LOCATION}/services/s", "run.googleapis.com/Service", "run"),
    ],
)
async def test_a_condition_sees_kind_and_service(
    permission: str, resource: str, kind: str, service: str, world: World
) -> None:
    ann = await world.caller("ann-account")
    for when, granted in (
        (f"resource.type == '{kind}' && resource.service == '{service}.googleapis.com'", True),
        (f"resource.type != '{kind}'", False),
        (f"resource.service != '{service}.googleapis.com'", False),
    ):
        await world.bind(PROJECT, grant("roles/owner", ann, when=when))
        assert await world.may(ann, permission, resource) is granted


@pytest.mark.parametrize(
    "when", ["1 / 0 == 1", "resource.name.extract('') == ''", "timestamp(resource.name) < request.time", "((", "1", ""]
)
async def test_a_condition_that_fails_grants_nothing(when: str, world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind(QUEUE, replace(enqueuers(ann, when="x"), condition=Condition(when)))
    assert not await world.may(ann)
    await world.bind(QUEUE, enqueuers(ann, when="1 / 0 == 1"), enqueuers(ann, when="true"))
    assert await world.may(ann)


async def test_a_grant_without_a_condition_beside_one_with_it_is_known(world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind(QUEUE, enqueuers(ann, when="false"), grant("roles/cloudtasks.admin", ann))
    assert await world.may(ann)
    assert world.known(ann)


# what is held


async def test_what_is_held_is_told_once_and_in_order(world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind(QUEUE, enqueuers(ann))
    asked = ("cloudtasks.tasks.fullView", "cloudtasks.tasks.delete", CREATE, "nonsense", "cloudtasks.tasks.fullView")
    assert await world.authorizer.held(ann, QUEUE, asked) == ("cloudtasks.tasks.fullView", CREATE)
    assert await world.authorizer.held(ANONYMOUS, QUEUE, asked) == ()


# what is known


async def test_what_is_known_costs_a_look_into_a_dictionary() -> None:
    shelf = Shelf()
    world = world_over(shelf)
    ann = await world.caller("ann-account")
    await world.bind(QUEUE, enqueuers(ann))
    assert await world.may(ann)
    asked, needs = shelf.asked, (Need(CREATE, QUEUE),)
    calls: list[str] = []

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            calls.append(frame.f_code.co_name)

    sys.setprofile(note)
    try:
        for _ in range(100):
            world.authorizer.known(ann, needs)
    finally:
        sys.setprofile(None)
    assert shelf.asked == asked
    assert len(calls) <= 100 * 8, calls[:16]  # our own functions, not one of which depends on how much is bound


async def test_only_as_many_verdicts_are_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authorize, "_KEPT", 10)
    ann = await world.caller("ann-account")
    await world.bind(PROJECT, enqueuers(ann))
    for number in range(25):
        assert await world.may(ann, resource=f"{LOCATION}/queues/q{number}")
    assert len(world.authorizer._granted) <= 10
    assert world.known(ann, resource=f"{LOCATION}/queues/q24")


async def test_a_verdict_is_of_one_principal(world: World) -> None:
    ann = await world.caller("ann-account")
    await world.bind(QUEUE, enqueuers(ann))
    assert await world.may(ann)
    assert not world.known(Principal("other@x", ann.unique_id))
    assert not world.known(Principal(ann.email, "9"))
    assert not world.known(ANONYMOUS)


# anything at all


_PARTS = st.sampled_from(
    ["projects", "-", "shop", "locations", "queues", "tasks", "services", "serviceAccounts", "", "..", "a@b", "é", "?"]
) | st.text(max_size=4)


@settings(deadline=None, max_examples=200)
@given(st.lists(_PARTS, max_size=9).map("/".join), st.text(max_size=20), st.booleans())
def test_whatever_is_asked_for_is_granted_or_refused(resource: str, permission: str, anonymous: bool) -> None:
    async def ask() -> None:
        world = world_over(Shelf())
        who = ANONYMOUS if anonymous else Principal("ann@shop.iam.gserviceaccount.com", "1")
        assert not await world.may(who, permission, resource)

    asyncio.run(ask())
