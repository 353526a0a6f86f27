"""Why somebody may, or may not, and the command that would change it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kumotasks.auth.explain import Explanation, Grant
from kumotasks.domain.policy import Condition
from tests.auth import judging
from tests.auth.judging import CREATE, ENQUEUER, LOCATION, PROJECT, QUEUE, World, enqueuers, grant

ROLES = ("roles/cloudtasks.enqueuer", "roles/cloudtasks.editor", "roles/cloudtasks.admin")
ANN = "serviceAccount:ann-account@shop.iam.gserviceaccount.com"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with judging.world(tmp_path) as world:
        await world.account("ann-account")
        yield world


async def test_the_binding_that_grants_is_named(world: World) -> None:
    await world.bind(PROJECT, grant("roles/viewer", ANN), grant("roles/editor", "user:a@b", ANN))
    told = await world.authorizer.explain(ANN, CREATE, QUEUE)
    assert told == Explanation(True, Grant(PROJECT, "roles/editor", ANN), (), ROLES, "")
    assert await world.authorizer.explain(ANN.partition(":")[2].upper(), CREATE, f"{QUEUE}/tasks/t") == told


@pytest.mark.parametrize("member", ["allUsers", "allAuthenticatedUsers"])
async def test_it_may_name_everybody(member: str, world: World) -> None:
    await world.bind(QUEUE, enqueuers(member))
    for who in (ANN, "allAuthenticatedUsers", "user:x@y"):
        assert (await world.authorizer.explain(who, CREATE, QUEUE)).binding == Grant(QUEUE, ENQUEUER, member)
    assert (await world.authorizer.explain("allUsers", CREATE, QUEUE)).granted is (member == "allUsers")


async def test_what_lacks_only_its_condition_is_told(world: World) -> None:
    await world.bind(QUEUE, enqueuers(ANN, when="false"), enqueuers(ANN, when="1 / 0 == 1"))
    told = await world.authorizer.explain(ANN, CREATE, QUEUE)
    assert not told.granted
    assert told.binding is None
    assert [each.condition for each in told.refused] == [Condition("false", "when"), Condition("1 / 0 == 1", "when")]
    await world.bind(PROJECT, enqueuers(ANN, when="true"), enqueuers(ANN))
    told = await world.authorizer.explain(ANN, CREATE, QUEUE)
    assert told.binding == Grant(PROJECT, ENQUEUER, ANN)
    assert len(told.refused) == 2


async def test_the_owner_needs_no_binding(world: World) -> None:
    world.owner = "000000000000000000001"
    told = await world.authorizer.explain(ANN, "kumo.server.control", QUEUE)
    assert (told.granted, told.binding, told.command) == (True, None, "")


@pytest.mark.parametrize(
    ("permission", "resource", "command"),
    [
        (
            CREATE,
            f"{QUEUE}/tasks/t",
            (
                f"kumo tasks queues add-iam-policy-binding mail --location=us-central1 --project=shop --member={ANN} "
                "--role=roles/cloudtasks.enqueuer"
            ),
        ),
        (
            "cloudtasks.queues.create",
            LOCATION,
            f"kumo projects add-iam-policy-binding shop --member={ANN} --role=roles/cloudtasks.queueAdmin",
        ),
        (
            "resourcemanager.projects.get",
            QUEUE,
            f"kumo projects add-iam-policy-binding shop --member={ANN} --role=roles/browser",
        ),
        (
            "iam.serviceAccounts.actAs",
            "projects/-/serviceAccounts/ann-account@shop.iam.gserviceaccount.com",
            (
                "kumo iam service-accounts add-iam-policy-binding ann-account@shop.iam.gserviceaccount.com "
                f"--project=shop --member={ANN} --role=roles/iam.serviceAccountUser"
            ),
        ),
        (
            "run.routes.invoke",
            f"{LOCATION}/services/hello",
            (
                f"kumo run services add-iam-policy-binding hello --region=us-central1 --project=shop --member={ANN} "
                "--role=roles/run.invoker"
            ),
        ),
        ("cloudtasks.tasks.fly", QUEUE, ""),
        (CREATE, "nonsense", ""),
    ],
)
async def test_a_refusal_comes_with_the_command_that_ends_it(
    permission: str, resource: str, command: str, world: World
) -> None:
    told = await world.authorizer.explain(ANN, permission, resource)
    assert not told.granted
    assert told.command == command


async def test_a_command_can_be_pasted_into_a_shell(world: World) -> None:
    told = await world.authorizer.explain("user:a@b; rm -rf ~", CREATE, f"{LOCATION}/queues/$(id)")
    assert "'$(id)'" in told.command
    assert "'--member=user:a@b; rm -rf ~'" in told.command
