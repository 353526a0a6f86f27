"""Policies on services, by the use cases that all policies have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.domain.errors import EntityNotFound, InvalidArgument
from kumotasks.workers.deploying.policies import services_in
from tests.domain.run.factory import WORKER
from tests.workers.standing import Standing


async def test_a_policy_stands_on_a_service_that_is_there_by_the_projects_id(ground: Standing) -> None:
    await ground.deployed()
    resolve = services_in(ground.shelf, ground.projects)
    number = await ground.projects.number("p")
    assert await resolve(str(WORKER)) == str(WORKER)
    assert await resolve(str(replace(WORKER, project=number))) == str(WORKER)


async def test_there_is_none_on_what_is_not_there(ground: Standing) -> None:
    resolve = services_in(ground.shelf, ground.projects)
    with pytest.raises(EntityNotFound, match="Resource 'worker' of kind 'SERVICE'"):
        await resolve(str(WORKER))
    with pytest.raises(InvalidArgument):
        await resolve("projects/p/services/worker")
