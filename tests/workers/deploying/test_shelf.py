"""The shelf of services and revisions, over a real store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kumotasks.domain.errors import EntityNotFound
from kumotasks.domain.run.change import revision_of
from kumotasks.domain.run.names import RevisionName
from kumotasks.domain.run.service import ServiceName
from kumotasks.storage.records import ABSENT, RecordChanged
from tests.domain.run.factory import WORKER, a_new_service
from tests.factory import NOW
from tests.workers.standing import Standing

OTHER = replace(WORKER, service="worker2")
ELSEWHERE = replace(WORKER, location="us-central1")
FOREIGN = replace(WORKER, project="p2")


async def put(ground: Standing, *names: ServiceName) -> None:
    for name in names:
        await ground.shelf.put(a_new_service(name), if_etag=ABSENT)


async def put_revision(ground: Standing, name: ServiceName, revision: str) -> None:
    made = revision_of(a_new_service(name), uid="r", now=NOW, launch=None)
    await ground.shelf.put_revision(replace(made, id=revision))


async def test_a_service_is_there_once_it_was_put(ground: Standing) -> None:
    assert await ground.shelf.get(WORKER) is None
    stored = await ground.shelf.put(a_new_service(), if_etag=ABSENT)
    assert stored.etag
    assert await ground.shelf.get(WORKER) == stored


async def test_only_who_knows_the_service_as_it_is_can_put_another(ground: Standing) -> None:
    first = await ground.shelf.put(a_new_service(), if_etag=ABSENT)
    with pytest.raises(RecordChanged):
        await ground.shelf.put(a_new_service(), if_etag=ABSENT)
    second = await ground.shelf.put(replace(first, description="d"), if_etag=first.etag)
    with pytest.raises(RecordChanged):
        await ground.shelf.put(first, if_etag=first.etag)
    assert await ground.shelf.get(WORKER) == second


async def test_a_list_is_of_a_place_or_of_every_place_of_a_project(ground: Standing) -> None:
    await put(ground, OTHER, WORKER, ELSEWHERE, FOREIGN)

    async def names(location: str, after: str = "", limit: int = 9) -> list[ServiceName]:
        return [each.name for each in await ground.shelf.list("p", location, after=after, limit=limit)]

    assert await names("asia-northeast1") == [WORKER, OTHER]
    assert await names("-") == [WORKER, OTHER, ELSEWHERE]
    assert await names("-", limit=1) == [WORKER]
    assert await names("-", after=str(WORKER)) == [OTHER, ELSEWHERE]
    assert await names("asia") == []
    assert {each.name for each in await ground.shelf.all()} == {WORKER, OTHER, ELSEWHERE, FOREIGN}


async def test_revisions_belong_to_their_service(ground: Standing) -> None:
    for name, revision in ((WORKER, "worker-2"), (WORKER, "worker-1"), (OTHER, "worker2-1"), (FOREIGN, "worker-1")):
        await put_revision(ground, name, revision)
    assert [each.id for each in await ground.shelf.list_revisions(WORKER)] == ["worker-1", "worker-2"]
    assert [each.id for each in await ground.shelf.list_revisions(WORKER, after="worker-1")] == ["worker-2"]
    found = await ground.shelf.revisions_in("p", "asia-northeast1", limit=9)
    assert [each.id for each in found] == ["worker-1", "worker-2", "worker2-1"]


async def test_revisions_go_with_their_service(ground: Standing) -> None:
    await put(ground, WORKER, OTHER)
    for name, revision in ((WORKER, "worker-1"), (OTHER, "worker2-1")):
        await put_revision(ground, name, revision)
    assert await ground.shelf.delete(WORKER)
    assert not await ground.shelf.delete(WORKER)
    assert await ground.shelf.list_revisions(WORKER) == ()
    assert len(await ground.shelf.list_revisions(OTHER)) == 1


async def test_what_is_not_there_is_told_in_googles_words(ground: Standing) -> None:
    with pytest.raises(EntityNotFound) as refusal:
        await ground.shelf.existing(WORKER)
    assert refusal.value.message == (
        "Resource 'worker' of kind 'SERVICE' in region 'asia-northeast1' in project 'p' does not exist."
    )
    with pytest.raises(EntityNotFound, match="Resource 'worker-1' of kind 'REVISION'"):
        await ground.shelf.existing_revision(RevisionName(WORKER, "worker-1"))


async def test_each_change_wakes_whoever_waits_for_it(ground: Standing) -> None:
    for change in (
        put(ground, WORKER),
        put_revision(ground, WORKER, "worker-1"),
        ground.shelf.delete_revision(WORKER, "worker-1"),
        ground.shelf.delete(WORKER),
    ):
        waiting = ground.shelf.next_change(WORKER)
        await change
        assert waiting.done()


async def test_a_change_of_another_service_wakes_nobody(ground: Standing) -> None:
    waiting = ground.shelf.next_change(WORKER)
    await put(ground, OTHER)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.sleep(0)
    await put(ground, WORKER)  # nobody is left to be woken, and nothing is in the way
