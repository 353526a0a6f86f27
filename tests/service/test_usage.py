from __future__ import annotations

import asyncio

import pytest

from kumotasks.auth.projects import Projects as Numbers
from kumotasks.domain.account import project_number
from kumotasks.domain.clock import DAY, ManualClock
from kumotasks.domain.errors import (
    CredentialsMissing,
    EntityNotFound,
    InvalidArgument,
    PermissionDenied,
    ServiceNotFound,
)
from kumotasks.domain.principal import ANONYMOUS, Principal
from kumotasks.service.projects import Projects
from kumotasks.service.usage import NOOP, OWN, TITLES, Change, Page, Service, Usage
from kumotasks.storage.sqlstore import SqlStore
from tests.factory import NOW
from tests.service.granting import Grants

TASKS, COMPUTE = "cloudtasks.googleapis.com", "compute.googleapis.com"
NUMBER = project_number("p")
ANNA = Principal("anna@p.iam.gserviceaccount.com", "1" * 21)


def usage_of(store: SqlStore, clock: ManualClock, grants: Grants | None = None) -> Usage:
    numbers = Numbers(store.records, clock)
    projects = Projects(numbers=numbers, records=store.records, authorizer=None, clock=clock, home="p")
    return Usage(records=store.records, projects=projects, authorizer=grants, clock=clock)  # type: ignore[arg-type]


@pytest.fixture
def usage(store: SqlStore, clock: ManualClock) -> Usage:
    return usage_of(store, clock)


async def page_of(usage: Usage, filter_text: str = "", size: int = 0, token: str = "") -> Page:
    return await usage.list("p", filter_text=filter_text, page_size=size, page_token=token)


@pytest.mark.parametrize("service", sorted(OWN))
async def test_what_kumo_answers_for_is_enabled_from_the_first(usage: Usage, service: str) -> None:
    assert await usage.get("p", service) == Service(NUMBER, service, enabled=True)


async def test_any_other_service_is_disabled_until_it_is_enabled(usage: Usage) -> None:
    assert not (await usage.get("p", COMPUTE)).enabled
    operation = await usage.enable("p", COMPUTE)
    assert (operation.change, operation.services) == (Change.ENABLE, (Service(NUMBER, COMPUTE, enabled=True),))
    assert (await usage.get("p", COMPUTE)).enabled
    assert not (await usage.get("q", COMPUTE)).enabled


async def test_an_unknown_service_can_be_enabled_too(usage: Usage) -> None:
    await usage.enable("p", "of-our-own.example.com")
    assert (await usage.get("p", "of-our-own.example.com")).enabled


async def test_a_service_can_be_disabled_and_enabled_again(usage: Usage, store: SqlStore, clock: ManualClock) -> None:
    operation = await usage.disable("p", TASKS)
    assert operation.services == (Service(NUMBER, TASKS, enabled=False),)
    assert not (await usage_of(store, clock).get("p", TASKS)).enabled  # also by another process
    await usage.enable("p", TASKS)
    assert (await usage.get("p", TASKS)).enabled


@pytest.mark.parametrize(
    "name",
    ["", "compute", "Compute.googleapis.com", "a..b", ".a.b", "a b.c", "a.b/c", "-a.b", "a" * 130 + ".com", "a.b\n"],
)
async def test_what_is_no_name_of_a_service_is_not_found(usage: Usage, name: str) -> None:
    for call in (usage.get, usage.enable, usage.disable):
        with pytest.raises(ServiceNotFound):
            await call("p", name)


async def test_a_project_is_known_by_its_number_too(usage: Usage) -> None:
    await usage.enable("p", COMPUTE)
    assert (await usage.get(NUMBER, COMPUTE)).enabled
    await usage.disable(NUMBER, COMPUTE)
    assert not (await usage.get("p", COMPUTE)).enabled


async def test_a_change_that_changes_nothing_is_googles_noop(usage: Usage) -> None:
    assert (await usage.enable("p", TASKS)).ident == NOOP
    assert (await usage.disable("p", COMPUTE)).ident == NOOP
    assert await usage.get_operation(NOOP, ANONYMOUS) is None


async def test_an_operation_can_be_asked_for_afterwards(usage: Usage) -> None:
    operation = await usage.enable("p", COMPUTE)
    assert operation.ident.startswith(f"acat.p2-{NUMBER}-")
    assert await usage.get_operation(operation.ident, ANONYMOUS) == operation


async def test_an_operation_is_forgotten_after_a_while(usage: Usage, clock: ManualClock) -> None:
    operation = await usage.enable("p", COMPUTE)
    clock.turn(NOW + 8 * DAY)
    with pytest.raises(EntityNotFound):
        await usage.get_operation(operation.ident, ANONYMOUS)


async def test_an_operation_that_never_was_is_not_found(usage: Usage) -> None:
    with pytest.raises(EntityNotFound):
        await usage.get_operation("acat.p2-1-2", ANONYMOUS)


async def test_an_operation_is_shown_to_those_who_may_get_the_projects_services(
    store: SqlStore, clock: ManualClock
) -> None:
    grants = Grants((ANNA.email, "serviceusage.operations.get", "projects/p"))
    usage = usage_of(store, clock, grants)
    operation = await usage.enable("p", COMPUTE)
    assert await usage.get_operation(operation.ident, ANNA) == operation
    with pytest.raises(CredentialsMissing):
        await usage.get_operation(operation.ident, ANONYMOUS)
    grants.granted.clear()
    with pytest.raises(PermissionDenied, match=r"serviceusage\.operations\.get"):
        await usage.get_operation(operation.ident, ANNA)


async def test_a_batch_enables_all(usage: Usage) -> None:
    operation = await usage.batch_enable("p", [COMPUTE, TASKS, COMPUTE])
    assert [service.name for service in operation.services] == [COMPUTE, TASKS]
    assert (await usage.get("p", COMPUTE)).enabled


async def test_a_batch_with_a_wrong_name_enables_none(usage: Usage) -> None:
    with pytest.raises(ServiceNotFound):
        await usage.batch_enable("p", [COMPUTE, "wrong"])
    assert not (await usage.get("p", COMPUTE)).enabled


@pytest.mark.parametrize("count", [0, 21])
async def test_a_batch_is_bounded(usage: Usage, count: int) -> None:
    with pytest.raises(InvalidArgument, match="between 1 and 20"):
        await usage.batch_enable("p", [f"s{number}.example.com" for number in range(count)])


async def test_services_enabled_at_the_same_time_are_all_enabled(store: SqlStore, clock: ManualClock) -> None:
    names = [f"s{number}.example.com" for number in range(10)]
    servers = [usage_of(store, clock) for _ in names]
    await asyncio.gather(*(usage.enable("p", name) for usage, name in zip(servers, names, strict=True)))
    found = await asyncio.gather(*(servers[0].get("p", name) for name in names))
    assert all(service.enabled for service in found)


async def test_several_services_are_got_at_once_in_the_order_of_their_names(usage: Usage) -> None:
    names = [f"projects/p/services/{COMPUTE}", f"projects/{NUMBER}/services/{TASKS}"]
    found = await usage.batch_get("p", names)
    assert [(service.name, service.enabled) for service in found] == [(COMPUTE, False), (TASKS, True)]


@pytest.mark.parametrize("names", [[], ["x"] * 31, [f"projects/q/services/{TASKS}"], [TASKS], [f"services/{TASKS}"]])
async def test_services_of_another_parent_cannot_be_got_along(usage: Usage, names: list[str]) -> None:
    with pytest.raises(InvalidArgument):
        await usage.batch_get("p", names)


async def test_a_listing_has_what_is_known_and_what_was_switched(usage: Usage) -> None:
    await usage.enable("p", "of-our-own.example.com")
    await usage.disable("p", TASKS)
    everything = {service.name: service.enabled for service in (await page_of(usage)).services}
    assert everything == {name: name in OWN for name in TITLES} | {"of-our-own.example.com": True, TASKS: False}
    for text, wanted in (("state:ENABLED", True), ("state:DISABLED", False)):
        shown = [service.name for service in (await page_of(usage, text)).services]
        assert shown == sorted(name for name, enabled in everything.items() if enabled == wanted)


async def test_pages_of_a_listing_show_every_service_once(usage: Usage) -> None:
    shown, token = list[str](), ""
    while True:
        page = await page_of(usage, "state:ENABLED", size=3, token=token)
        shown += [service.name for service in page.services]
        token = page.next_page_token
        if not token:
            break
    assert shown == sorted(OWN)


@pytest.mark.parametrize("text", ["state:UNKNOWN", "name:x", "state=ENABLED", "state:ENABLED OR state:DISABLED"])
async def test_no_other_filter_is_known(usage: Usage, text: str) -> None:
    with pytest.raises(InvalidArgument, match="state:ENABLED"):
        await page_of(usage, text)
