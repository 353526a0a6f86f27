"""What callers do with services, over a real store."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from kumotasks.domain.clock import SECOND
from kumotasks.domain.errors import (
    AccountNotFound,
    ActingDenied,
    EntityNotFound,
    InvalidArgument,
    ResourceChanged,
    ResourceExists,
)
from kumotasks.domain.principal import ANONYMOUS, Principal
from kumotasks.domain.run.condition import State
from kumotasks.domain.run.service import Service, Target
from kumotasks.domain.run.template import Template
from tests.auth.judging import grant, world_over
from tests.domain.run.factory import WORKER, a_service, a_template
from tests.factory import NOW
from tests.workers.standing import Standing

BOB = Principal("bob@p.iam.gserviceaccount.com", "1" * 21)


async def create(ground: Standing, service: Service | None = None, *, trusted: bool = False) -> Service:
    return await ground.services().create(service or a_service(), caller=BOB, trusted=trusted)


async def change(ground: Standing, service: Service, *, if_etag: str = "", trusted: bool = False) -> Service:
    return await ground.services().replace(service, caller=BOB, trusted=trusted, if_etag=if_etag)


async def test_a_service_that_was_created_is_found_and_the_runtime_is_told(ground: Standing) -> None:
    made = await create(ground)
    assert await ground.services().get(WORKER) == made
    assert (made.creator, made.generation, made.observed, made.created) == (BOB.email, 1, 0, NOW)
    assert ground.woken == [WORKER]


async def test_a_project_goes_by_its_number_too(ground: Standing) -> None:
    number = await ground.projects.number("p")
    made = await create(ground, a_service(replace(WORKER, project=number)))
    assert made.name == WORKER
    assert await ground.services().get(replace(WORKER, project=number)) == made
    assert (await ground.services().list(number, "-")).services == (made,)


async def test_a_template_that_names_no_account_has_the_projects_own(ground: Standing) -> None:
    made = await create(ground)
    number = await ground.projects.number("p")
    assert made.template.service_account == f"{number}-compute@developer.gserviceaccount.com"


async def test_a_name_can_be_taken_once(ground: Standing) -> None:
    await create(ground)
    with pytest.raises(ResourceExists, match=r"Resource 'worker' already exists\."):
        await create(ground)


async def test_only_one_of_many_at_once_gets_the_name(ground: Standing) -> None:
    services = ground.services(), ground.services()
    calls = [each.create(a_service(), caller=BOB, trusted=False) for each in services]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(type(each).__name__ for each in outcomes) == ["ResourceExists", "Service"]


@pytest.mark.parametrize(
    "service",
    [
        a_service(replace(WORKER, service="Worker")),
        replace(a_service(), template=replace(a_template(), concurrency=0)),
        a_service(traffic=(Target(50),)),
        a_service(traffic=(Target(100, "worker-00001-abc"),)),
    ],
)
async def test_what_is_wrong_is_refused_and_nothing_is_written(ground: Standing, service: Service) -> None:
    with pytest.raises(InvalidArgument):
        await create(ground, service)
    assert await ground.shelf.all() == ()
    assert ground.woken == []


async def test_what_is_only_judged_is_not_written(ground: Standing) -> None:
    services = ground.services()
    made = await services.create(a_service(), caller=BOB, trusted=False, validate_only=True)
    assert made.template.service_account
    assert await ground.shelf.get(WORKER) is None
    stored = await create(ground)
    changed = replace(stored, description="d")
    shown = await services.replace(changed, caller=BOB, trusted=False, validate_only=True)
    assert shown.description == "d"
    assert (await services.delete(WORKER, validate_only=True)).deleted == NOW
    assert await ground.shelf.get(WORKER) == stored
    assert ground.woken == [WORKER]


async def test_a_change_is_another_generation_and_the_runtime_is_told(ground: Standing) -> None:
    made = await ground.deployed()
    ground.clock.turn(NOW + SECOND)
    changed = await change(ground, a_service(template=a_template(env=(("A", "1"),))))
    assert (changed.generation, changed.observed, changed.updated) == (2, 1, NOW + SECOND)
    assert changed.serving == made.serving
    assert ground.woken == [WORKER, WORKER]


async def test_asking_for_what_is_there_writes_nothing(ground: Standing) -> None:
    made = await ground.deployed()
    assert await change(ground, a_service()) == made
    assert ground.woken == [WORKER]


async def test_a_change_needs_something_to_change_unless_it_may_be_missing(ground: Standing) -> None:
    with pytest.raises(EntityNotFound, match="Resource 'worker' of kind 'SERVICE'"):
        await change(ground, a_service())
    made = await ground.services().replace(a_service(), caller=BOB, trusted=False, allow_missing=True)
    assert made.generation == 1


async def test_an_etag_that_is_given_must_be_the_services(ground: Standing) -> None:
    made = await ground.deployed()
    with pytest.raises(ResourceChanged, match=f"version 'old' was specified but current version is '{made.etag}'"):
        await change(ground, replace(a_service(), description="d"), if_etag="old")
    with pytest.raises(ResourceChanged):
        await ground.services().delete(WORKER, if_etag="old")
    changed = await change(ground, replace(a_service(), description="d"), if_etag=made.etag)
    assert (await ground.services().delete(WORKER, if_etag=changed.etag)).name == WORKER


async def test_what_the_runtime_writes_meanwhile_is_not_lost(ground: Standing) -> None:
    await create(ground)
    ahead = ground.shelf.put

    async def overtaken(service: Service, *, if_etag: str | None) -> Service:
        ground.shelf.put = ahead  # type: ignore[method-assign]
        await ground.carry_out(WORKER)
        return await ahead(service, if_etag=if_etag)

    ground.shelf.put = overtaken  # type: ignore[method-assign]
    changed = await change(ground, replace(a_service(), description="d"))
    assert (changed.generation, changed.observed, bool(changed.latest_ready)) == (2, 1, True)


async def test_traffic_goes_to_revisions_that_there_are(ground: Standing) -> None:
    made = await ground.deployed()
    there = a_service(traffic=(Target(100, made.latest_ready),))
    assert (await change(ground, there)).traffic == there.traffic
    with pytest.raises(InvalidArgument, match=r"traffic\.revision: Revision 'worker-x' was not found\."):
        await change(ground, a_service(traffic=(Target(100, "worker-x"),)))


async def test_traffic_may_go_to_the_revision_that_the_same_call_makes(ground: Standing) -> None:
    green = a_service(template=a_template(revision="worker-green"), traffic=(Target(100, "worker-green"),))
    assert (await create(ground, green)).traffic == green.traffic


async def test_a_new_revision_takes_no_name_that_is_taken(ground: Standing) -> None:
    await ground.deployed(a_service(template=a_template(revision="worker-green")))
    with pytest.raises(ResourceExists, match="Resource 'worker-green' already exists"):
        await change(ground, a_service(template=a_template(env=(("A", "1"),), revision="worker-green")))
    same = replace(a_service(template=a_template(revision="worker-green")), description="d")
    assert (await change(ground, same)).generation == 2


async def test_trust_is_written_down_with_the_template(ground: Standing) -> None:
    assert (await create(ground, trusted=True)).trusted
    assert (await change(ground, replace(a_service(), description="d"))).trusted
    assert not (await change(ground, a_service(template=a_template("other")))).trusted


async def test_whoever_sets_a_variable_that_a_procfile_names_says_what_is_run(ground: Standing, tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("web: gunicorn --bind :$PORT $OPTS main:app\n")
    template = replace(a_template(""), source=str(tmp_path))
    with_env = partial(_with_env, template)
    await create(ground, a_service(template=with_env(MODE="slow", OPTS="-v")), trusted=True)
    assert (await change(ground, a_service(template=with_env(MODE="fast", OPTS="-v")))).trusted
    assert not (await change(ground, a_service(template=with_env(MODE="fast", OPTS="-c /theirs.py")))).trusted


def _with_env(template: Template, **env: str) -> Template:
    return replace(template, containers=(replace(template.serving, env=tuple(sorted(env.items()))),))


async def test_a_service_that_is_deleted_is_gone_with_its_revisions_and_its_policy(ground: Standing) -> None:
    made = await ground.deployed()
    gone = await ground.services().delete(WORKER)
    assert (gone.name, gone.deleted, gone.uid) == (WORKER, NOW, made.uid)
    assert await ground.shelf.list_revisions(WORKER) == ()
    assert set(ground.dropped) == {str(WORKER)}
    assert ground.woken == [WORKER, WORKER]
    with pytest.raises(EntityNotFound):
        await ground.services().get(WORKER)
    assert (await create(ground)).uid != made.uid


async def test_a_list_comes_in_pages(ground: Standing) -> None:
    names = [replace(WORKER, service=f"worker{index}") for index in range(5)]
    for name in names:
        await create(ground, a_service(name))
    shown, token = [], ""
    while True:
        page = await ground.services().list("p", "-", page_size=2, page_token=token)
        assert len(page.services) <= 2
        shown += [each.name for each in page.services]
        token = page.next_page_token
        if not token:
            break
    assert shown == names
    assert (await ground.services().list("p", "us-central1")).services == ()


async def test_whoever_waits_is_told_when_it_is_carried_out(ground: Standing) -> None:
    made = await create(ground)
    waiting = asyncio.ensure_future(ground.services().settled(WORKER, made.generation))
    await ground.shelf.put(replace(made, latest_created="worker-1"), if_etag=made.etag)
    assert not waiting.done()
    done = await ground.carry_out(WORKER, State.FAILED, message="no")
    assert await waiting == done


async def test_whoever_waits_for_a_generation_that_was_overtaken_or_deleted_waits_no_longer(ground: Standing) -> None:
    made = await create(ground)
    await change(ground, replace(a_service(), description="d"))
    overtaken = asyncio.ensure_future(ground.services().settled(WORKER, made.generation))
    done = await ground.carry_out(WORKER)
    assert await overtaken == done
    deleted = asyncio.ensure_future(ground.services().settled(WORKER, 9))
    await asyncio.sleep(0)
    await ground.services().delete(WORKER)
    with pytest.raises(EntityNotFound):
        await deleted


# acting as an account


async def test_with_nobody_to_judge_any_account_will_do(ground: Standing) -> None:
    made = await create(ground, a_service(template=a_template(service_account="x@p.iam.gserviceaccount.com")))
    assert made.template.service_account == "x@p.iam.gserviceaccount.com"


async def test_only_who_may_act_as_the_account_can_deploy_with_it(ground: Standing) -> None:
    world = world_over(ground.records)
    services = ground.services(world.authorizer)
    bob, eve = await world.caller("bobby", "p"), await world.caller("evelyn", "p")
    runner = await world.account("runner", "p")
    await world.bind(runner.name, grant("roles/iam.serviceAccountUser", bob))
    asked = a_service(template=a_template(service_account=runner.email))
    with pytest.raises(ActingDenied) as refusal:
        await services.create(asked, caller=eve, trusted=False)
    assert refusal.value.message == (
        f"Permission 'iam.serviceaccounts.actAs' denied on service account {runner.email} (or it may not exist)."
    )
    assert (await services.create(asked, caller=bob, trusted=False)).template.service_account == runner.email
    with pytest.raises(ActingDenied):
        await services.replace(replace(asked, description="d"), caller=eve, trusted=False)


async def test_that_an_account_is_missing_is_told_to_who_might_act_as_it(ground: Standing) -> None:
    world = world_over(ground.records)
    services = ground.services(world.authorizer)
    owner, nobody = await world.caller("owner1", "p"), await world.caller("nobody", "p")
    await world.bind("projects/p", grant("roles/owner", owner))
    asked = a_service(template=a_template(service_account="ghost1@p.iam.gserviceaccount.com"))
    with pytest.raises(AccountNotFound):
        await services.create(asked, caller=owner, trusted=False)
    with pytest.raises(ActingDenied):
        await services.create(asked, caller=nobody, trusted=False)


async def test_places_that_are_not_there_are_refused(ground: Standing) -> None:
    def nowhere(project: str, location: str) -> None:
        raise InvalidArgument(f"{project} has no {location}")

    services = ground.services(check_place=nowhere)
    with pytest.raises(InvalidArgument, match="p has no asia-northeast1"):
        await services.create(a_service(), caller=ANONYMOUS, trusted=False)
