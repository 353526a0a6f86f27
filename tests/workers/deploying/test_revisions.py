"""What callers do with revisions, over a real store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kumotasks.domain.errors import EntityNotFound, FailedPrecondition, InvalidArgument, ResourceChanged
from kumotasks.domain.run.names import RevisionName
from kumotasks.domain.run.service import Service, Target
from tests.domain.run.factory import WORKER, a_service, a_template
from tests.workers.standing import Standing

EVERYWHERE = replace(WORKER, service="-")


async def three_revisions(ground: Standing) -> Service:
    for value in "123":
        await ground.deployed(a_service(template=a_template(env=(("A", value),))))
    return await ground.shelf.existing(WORKER)


async def test_a_revision_is_found_by_its_name_and_by_its_id_alone(ground: Standing) -> None:
    service = await ground.deployed()
    name = RevisionName(WORKER, service.latest_ready)
    found = await ground.revisions.get(name)
    assert (found.id, found.template) == (service.latest_ready, service.template)
    number = await ground.projects.number("p")
    assert await ground.revisions.get(replace(name, service=replace(WORKER, project=number))) == found
    assert await ground.revisions.find(number, WORKER.location, found.id) == found


async def test_what_is_not_there_is_not_found(ground: Standing) -> None:
    with pytest.raises(EntityNotFound, match="Resource 'worker-1' of kind 'REVISION'"):
        await ground.revisions.get(RevisionName(WORKER, "worker-1"))
    with pytest.raises(EntityNotFound, match="Resource 'worker-1' of kind 'REVISION'"):
        await ground.revisions.find("p", WORKER.location, "worker-1")


async def test_revisions_come_in_pages_of_those_that_match(ground: Standing) -> None:
    await three_revisions(ground)
    await ground.deployed(a_service(replace(WORKER, service="other")))
    page = await ground.revisions.list(WORKER, page_size=2)
    rest = await ground.revisions.list(WORKER, page_size=2, page_token=page.next_page_token)
    assert [each.id[:12] for each in (*page.revisions, *rest.revisions)] == [
        "worker-00001",
        "worker-00002",
        "worker-00003",
    ]
    assert rest.next_page_token == ""
    others = await ground.revisions.list(EVERYWHERE, selector="serving.knative.dev/service = other")
    assert [each.service.service for each in others.revisions] == ["other"]
    assert len((await ground.revisions.list(EVERYWHERE)).revisions) == 4


async def test_a_page_may_be_full_of_what_stands_far_apart(ground: Standing) -> None:
    service = await three_revisions(ground)
    selector = f"serving.knative.dev/configurationGeneration in (1, {service.generation})"
    page = await ground.revisions.list(WORKER, selector=selector, page_size=1)
    rest = await ground.revisions.list(WORKER, selector=selector, page_size=1, page_token=page.next_page_token)
    assert [each.id[:12] for each in (*page.revisions, *rest.revisions)] == ["worker-00001", "worker-00003"]
    with pytest.raises(InvalidArgument):
        await ground.revisions.list(WORKER, selector="", page_token=page.next_page_token)


async def test_an_old_revision_can_be_deleted(ground: Standing) -> None:
    await three_revisions(ground)
    first = (await ground.revisions.list(WORKER)).revisions[0]
    name = RevisionName(WORKER, first.id)
    with pytest.raises(ResourceChanged):
        await ground.revisions.delete(name, if_etag="old")
    assert await ground.revisions.delete(name, validate_only=True) == first
    assert await ground.revisions.get(name) == first
    ground.woken.clear()
    assert await ground.revisions.delete(name, if_etag=first.etag) == first
    assert ground.woken == [WORKER]
    with pytest.raises(EntityNotFound):
        await ground.revisions.get(name)


async def test_what_traffic_goes_to_and_what_is_the_latest_stays(ground: Standing) -> None:
    service = await three_revisions(ground)
    first = (await ground.revisions.list(WORKER)).revisions[0]
    with pytest.raises(FailedPrecondition, match="is the latest of its service"):
        await ground.revisions.delete(RevisionName(WORKER, service.latest_ready))
    split = a_service(template=service.template, traffic=(Target(90), Target(10, first.id)))
    await ground.deployed(split)
    with pytest.raises(FailedPrecondition, match="is a target of traffic"):
        await ground.revisions.delete(RevisionName(WORKER, first.id))
