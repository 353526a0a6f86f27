"""The calls that Cloud Tasks shares with its sisters, from message to message."""

from __future__ import annotations

from typing import Any, cast

from kumotasks.api.call import Caller
from kumotasks.api.tasks import messages
from kumotasks.api.tasks.shared_calls import SharedCalls
from kumotasks.auth.authorize import Authorizer
from kumotasks.domain.policy import Binding, Policy
from kumotasks.domain.principal import Principal
from kumotasks.service.policies import Policies, any_project
from tests.auth.judging import Shelf, world_over

PROJECT = "projects/shop"
ANN = Principal("ann-account@shop.iam.gserviceaccount.com", "1" * 21)
ASKED = ("cloudtasks.tasks.get", "cloudtasks.tasks.delete")


async def held_by(caller: Caller, *, enforced: bool) -> list[str]:
    """What TestIamPermissions answers where Ann may view the project."""
    world = world_over(Shelf())
    await world.book.put(PROJECT, Policy(1, (Binding("roles/viewer", (ANN.member,)),)), if_etag=b"")
    authorizer: Authorizer | None = world.authorizer if enforced else None
    policies = Policies(world.book, authorizer, {"projects": any_project(world.projects)})
    nothing = cast("Any", None)
    calls = SharedCalls(policies=policies, encryption=nothing, locations=nothing, batches=nothing, clock=world.clock)
    request = messages.TestIamPermissionsRequest(resource=PROJECT, permissions=ASKED)
    return list((await calls.test_permissions(request, caller)).permissions)


async def test_a_caller_is_told_which_permissions_he_holds() -> None:
    assert await held_by(Caller("127.0.0.1", ANN), enforced=True) == ["cloudtasks.tasks.get"]
    assert await held_by(Caller("127.0.0.1"), enforced=True) == []


async def test_where_nobody_is_asked_who_he_is_everything_is_held() -> None:
    assert await held_by(Caller("127.0.0.1"), enforced=False) == list(ASKED)
