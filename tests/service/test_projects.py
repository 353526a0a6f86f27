from __future__ import annotations

from pathlib import Path

import pytest

from kumotasks.auth.projects import Projects as Numbers
from kumotasks.domain.account import project_number
from kumotasks.domain.clock import ManualClock
from kumotasks.domain.errors import EntityNotFound, InvalidArgument, ProjectDenied
from kumotasks.domain.principal import ANONYMOUS, Principal
from kumotasks.service.projects import Applications, Page, Project, Projects
from kumotasks.storage.sqlite import SqliteStore
from kumotasks.storage.sqlstore import SqlStore
from tests.factory import NOW
from tests.service.granting import Grants

GET = "resourcemanager.projects.get"
ANNA = Principal("anna@p.iam.gserviceaccount.com", "1" * 21)


def projects_of(
    store: SqlStore, clock: ManualClock, *, grants: Grants | None = None, strict: frozenset[str] | None = None
) -> Projects:
    return Projects(
        numbers=Numbers(store.records, clock),
        records=store.records,
        authorizer=grants,  # type: ignore[arg-type] - judges by a table
        clock=clock,
        home="home",
        strict=strict,
    )


@pytest.fixture
def projects(store: SqlStore, clock: ManualClock) -> Projects:
    return projects_of(store, clock)


async def search(
    projects: Projects, filter_text: str = "", size: int = 0, token: str = "", who: Principal = ANONYMOUS
) -> Page:
    return await projects.search(who, filter_text=filter_text, page_size=size, page_token=token)


def ids(page: Page) -> list[str]:
    return [project.project_id for project in page.projects]


async def test_a_project_is_there_when_it_is_first_named(projects: Projects) -> None:
    assert await projects.get("howl") == Project("howl", project_number("howl"), NOW)


async def test_a_project_stays_as_old_as_it_is(projects: Projects, clock: ManualClock) -> None:
    first = await projects.get("howl")
    clock.turn(NOW + 1_000_000)
    assert await projects.get("howl") == first


async def test_a_number_leads_to_its_project(projects: Projects) -> None:
    howl = await projects.get("howl")
    assert await projects.get(howl.number) == howl
    assert await projects.resolve(howl.number) == "howl"


async def test_a_number_that_nobody_was_shown_is_a_project_of_its_own(projects: Projects) -> None:
    assert (await projects.get("123456789012")).project_id == "123456789012"


@pytest.mark.parametrize("text", ["", "a b", "a/b", "x" * 101, "p?", "pröjekt", "-\n"])
async def test_what_is_no_name_of_a_project_is_refused(projects: Projects, text: str) -> None:
    with pytest.raises(InvalidArgument):
        await projects.get(text)


async def test_only_projects_that_were_named_are_listed_and_the_servers_own(projects: Projects) -> None:
    assert ids(await search(projects)) == ["home"]
    await projects.get("howl")
    await projects.get("alpha")
    assert ids(await search(projects)) == ["alpha", "home", "howl"]


async def test_a_listing_asks_the_filter(projects: Projects) -> None:
    howl = await projects.get("howl")
    assert ids(await search(projects, "lifecycleState:ACTIVE AND (id:how*)")) == ["howl"]
    assert ids(await search(projects, f"projectNumber:{howl.number}")) == ["howl"]
    assert ids(await search(projects, "lifecycleState:DELETE_REQUESTED")) == []


async def test_pages_show_every_project_once_also_after_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    names = [f"p{number:02}" for number in range(7)]
    shown, token = list[str](), ""
    store = SqliteStore(tmp_path / "kumo.db")
    await store.start()
    for name in reversed(names):
        await projects_of(store, clock).get(name)
    for _ in range(10):
        page = await search(projects_of(store, clock), size=3, token=token)
        shown += ids(page)
        token = page.next_page_token
        if not token:
            break
    await store.stop()
    assert shown == ["home", *names]


async def test_a_full_last_page_has_no_next(projects: Projects) -> None:
    await projects.get("howl")
    page = await search(projects, size=2)
    assert (ids(page), page.next_page_token) == (["home", "howl"], "")


async def test_a_token_is_good_for_its_own_listing_only(projects: Projects) -> None:
    await projects.get("howl")
    token = (await search(projects, size=1)).next_page_token
    with pytest.raises(InvalidArgument, match="page token"):
        await search(projects, "id:howl", size=1, token=token)


async def test_a_caller_is_shown_what_he_may_get(store: SqlStore, clock: ManualClock) -> None:
    projects = projects_of(store, clock, grants=Grants((ANNA.email, GET, "projects/howl")))
    await projects.get("howl")
    await projects.get("other")
    assert ids(await search(projects, who=ANNA)) == ["howl"]
    assert ids(await search(projects)) == []


async def test_strict_resources_are_all_there_is(store: SqlStore, clock: ManualClock) -> None:
    await projects_of(store, clock).get("stray")
    projects = projects_of(store, clock, strict=frozenset({"b", "a"}))
    assert ids(await search(projects)) == ["a", "b"]
    assert (await projects.get("a")).project_id == "a"
    with pytest.raises(ProjectDenied, match=r"Permission denied on resource project stray\."):
        await projects.get("stray")


def applications_of(projects: Projects, location: str) -> Applications:
    return Applications(projects, location=location, hostname=lambda project, place: f"{project}.{place}.test")


@pytest.mark.parametrize(
    ("location", "shown"), [("us-central1", "us-central"), ("europe-west1", "europe-west"), ("asia-northeast1",) * 2]
)
async def test_every_project_has_an_application_in_the_servers_location(
    projects: Projects, location: str, shown: str
) -> None:
    app = await applications_of(projects, location).get("howl")
    assert (app.project, app.location, app.hostname) == ("howl", shown, f"howl.{location}.test")


async def test_an_application_is_found_by_the_projects_number(projects: Projects) -> None:
    howl = await projects.get("howl")
    assert (await applications_of(projects, "us-central1").get(howl.number)).project == "howl"


async def test_what_is_no_name_of_a_project_has_no_application(projects: Projects) -> None:
    with pytest.raises(EntityNotFound, match=r"App does not exist\."):
        await applications_of(projects, "us-central1").get("a b")
