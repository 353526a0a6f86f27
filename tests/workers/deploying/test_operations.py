"""Long-running operations, over a real store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kumotasks.domain.clock import DAY, SECOND
from kumotasks.domain.errors import EntityNotFound, FailedPrecondition, InvalidArgument
from kumotasks.domain.names import LocationName
from kumotasks.domain.principal import ANONYMOUS
from kumotasks.domain.run.change import revision_of
from kumotasks.domain.run.condition import State
from kumotasks.domain.run.revision import Revision
from kumotasks.domain.run.service import Service
from kumotasks.workers.deploying.operations import Operation
from tests.domain.run.factory import WORKER, a_service
from tests.factory import NOW
from tests.workers.standing import Standing

PLACE = LocationName(WORKER.project, WORKER.location)


async def asked_for(ground: Standing) -> Service:
    return await ground.services().create(a_service(), caller=ANONYMOUS, trusted=False)


async def begun(ground: Standing) -> Operation:
    return await ground.operations.begin(await asked_for(ground))


async def test_an_operation_is_open_until_its_change_was_carried_out(ground: Standing) -> None:
    operation = await begun(ground)
    assert operation.name.startswith(f"{PLACE}/operations/run-")
    assert not operation.done
    assert await ground.operations.get(operation.name) == operation
    service = await ground.carry_out(WORKER)
    assert await ground.operations.get(operation.name) == Operation(operation.name, service, done=True)


async def test_what_became_of_it_stays_as_it_was(ground: Standing) -> None:
    operation = await begun(ground)
    service = await ground.carry_out(WORKER)
    assert (await ground.operations.get(operation.name)).service == service
    await ground.deployed(replace(a_service(), description="d"))
    await ground.services().delete(WORKER)
    assert (await ground.operations.get(operation.name)).service == service


@pytest.mark.parametrize(
    ("reason", "kind"), [("CONTAINER_MISSING", EntityNotFound), ("HEALTH_CHECK_CONTAINER_ERROR", FailedPrecondition)]
)
async def test_a_change_that_failed_says_why(ground: Standing, reason: str, kind: type[Exception]) -> None:
    operation = await begun(ground)
    await ground.carry_out(WORKER, State.FAILED, reason=reason, message="It did not start.")
    for _ in range(2):  # as it is found, and as it was kept
        ended = await ground.operations.get(operation.name)
        assert ended.done
        assert type(ended.error) is kind
        assert str(ended.error) == "It did not start."


async def test_a_change_that_was_overtaken_is_done(ground: Standing) -> None:
    operation = await begun(ground)
    await ground.services().replace(replace(a_service(), description="d"), caller=ANONYMOUS, trusted=False)
    assert not (await ground.operations.get(operation.name)).done
    await ground.carry_out(WORKER, State.FAILED, message="the later one")
    ended = await ground.operations.get(operation.name)
    assert (ended.done, ended.error) == (True, None)


async def test_a_change_of_what_was_deleted_meanwhile_failed(ground: Standing) -> None:
    operation = await begun(ground)
    await ground.services().delete(WORKER)
    ended = await ground.operations.get(operation.name)
    assert (ended.done, type(ended.error)) == (True, EntityNotFound)


async def test_a_deletion_and_what_changed_nothing_are_done_at_once(ground: Standing) -> None:
    service = await ground.deployed()
    assert (await ground.operations.begin(service)).done
    gone = await ground.operations.begin(await ground.services().delete(WORKER))
    assert gone.done
    assert (await ground.operations.get(gone.name)).service.deleted == NOW


async def test_what_was_only_judged_is_done_and_nobody_can_ask_for_it(ground: Standing) -> None:
    service = await ground.services().create(a_service(), caller=ANONYMOUS, trusted=False, validate_only=True)
    operation = ground.operations.finished(service)
    assert operation.done
    with pytest.raises(EntityNotFound):
        await ground.operations.get(operation.name)


async def test_a_project_goes_by_its_number_too(ground: Standing) -> None:
    operation = await begun(ground)
    number = await ground.projects.number("p")
    assert await ground.operations.get(operation.name.replace("projects/p/", f"projects/{number}/")) == operation
    page = await ground.operations.list(replace(PLACE, project=number))
    assert page.operations == (operation,)


async def test_operations_of_a_place_come_in_pages(ground: Standing) -> None:
    service = await ground.deployed()
    begun = {(await ground.operations.begin(service)).name for _ in range(3)}
    page = await ground.operations.list(PLACE, page_size=2)
    rest = await ground.operations.list(PLACE, page_size=2, page_token=page.next_page_token)
    assert len(page.operations) == 2
    assert {each.name for each in (*page.operations, *rest.operations)} == begun
    assert rest.next_page_token == ""
    assert (await ground.operations.list(replace(PLACE, location="us-central1"))).operations == ()


async def test_an_operation_that_was_deleted_is_not_found(ground: Standing) -> None:
    operation = await begun(ground)
    await ground.operations.delete(operation.name)
    for ask in (ground.operations.get, ground.operations.delete):
        with pytest.raises(EntityNotFound, match="was not found"):
            await ask(operation.name)


async def test_what_is_no_operation_is_refused(ground: Standing) -> None:
    with pytest.raises(InvalidArgument):
        await ground.operations.get("operations/1")


async def test_an_operation_is_kept_for_a_day(ground: Standing) -> None:
    old = await begun(ground)
    ground.clock.turn(NOW + DAY + SECOND)
    await ground.operations.begin(await ground.carry_out(WORKER))
    with pytest.raises(EntityNotFound):
        await ground.operations.get(old.name)


async def test_whoever_waits_hears_of_the_end(ground: Standing) -> None:
    operation = await begun(ground)
    waiting = asyncio.ensure_future(ground.operations.wait(operation.name, 60 * SECOND))
    await ground.shelf.put_revision(await _revision(ground))  # a change, but not the end
    assert not waiting.done()
    service = await ground.carry_out(WORKER)
    assert await waiting == Operation(operation.name, service, done=True)


async def test_whoever_waits_long_enough_is_told_how_far_it_is(ground: Standing) -> None:
    operation = await begun(ground)
    waiting = asyncio.ensure_future(ground.operations.wait(operation.name, SECOND))
    await _set(ground)
    assert ground.clock.turn(NOW + SECOND)
    assert await waiting == operation
    assert await ground.operations.wait(operation.name, 0) == operation


async def test_whoever_waits_no_longer_leaves_nothing_behind(ground: Standing) -> None:
    operation = await begun(ground)
    waiting = asyncio.ensure_future(ground.operations.wait(operation.name, SECOND))
    await _set(ground)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ground.clock.next_event() is None


async def _set(ground: Standing) -> None:
    """The timer of whoever waits is set with his first step."""
    await asyncio.sleep(0)
    assert ground.clock.next_event() is not None


async def _revision(ground: Standing) -> Revision:
    service = await ground.shelf.existing(WORKER)
    return revision_of(service, uid="r", now=NOW, launch=None)
