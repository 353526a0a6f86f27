"""Which locations there are, and in what order they are shown."""

from __future__ import annotations

import pytest

from kumotasks.domain.errors import InvalidArgument, ProjectDenied
from kumotasks.domain.names import LocationName
from kumotasks.domain.paging import LIFETIME
from kumotasks.service.locations import REGIONS, Location, Locations, Page
from tests.factory import NOW
from tests.service.conftest import STRICT

ALL = [region for region, _ in REGIONS]


def ids(page: Page) -> list[str]:
    return [each.name.location for each in page.locations]


def listed(locations: Locations, name: str = "projects/p", *, size: int = 0, token: str = "", now: int = NOW) -> Page:
    return locations.list(name, page_size=size, page_token=token, now=now)


def test_the_home_comes_first_and_every_region_once() -> None:
    shown = ids(listed(Locations(home="us-east1")))
    assert shown[0] == "us-east1"
    assert sorted(shown) == sorted(ALL)


def test_a_home_that_is_no_region_of_googles_is_one_more() -> None:
    page = listed(Locations(home="here"))
    assert page.locations[0] == Location(LocationName("p", "here"), "here")
    assert len(page.locations) == len(ALL) + 1


def test_locations_come_in_pages() -> None:
    locations, seen, token = Locations(home="us-east1"), [], ""
    while True:
        page = listed(locations, size=10, token=token)
        seen.append(ids(page))
        token = page.next_page_token
        if not token:
            break
    assert [len(page) for page in seen] == [10, 10, 10, 9]
    assert [each for page in seen for each in page] == ids(listed(locations))


def test_a_page_token_is_of_its_project_and_two_hours_old_at_most() -> None:
    locations = Locations(home="us-east1")
    token = listed(locations, size=1).next_page_token
    with pytest.raises(InvalidArgument, match="page token is invalid"):
        listed(locations, "projects/other", token=token)
    with pytest.raises(InvalidArgument, match="has expired"):
        listed(locations, token=token, now=NOW + LIFETIME + 1)
    assert ids(listed(locations, size=1, token=token, now=NOW + LIFETIME)) == [ALL[0]]


def test_one_location_can_be_asked_for() -> None:
    locations = Locations(home="us-central1")
    assert locations.get("projects/p/locations/europe-west1").display_name == "Belgium"
    assert locations.get("projects/p/locations/x").display_name == "x"


@pytest.mark.parametrize("name", ["", "projects/", "projects/p/locations", "projects/p/locations/UPPER", "p"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid resource field value in the request"):
        Locations(home="us-central1").get(name)
    with pytest.raises(InvalidArgument, match="Invalid resource field value in the request"):
        listed(Locations(home="us-central1"), name)


def test_any_project_and_location_exists_on_first_use() -> None:
    Locations(home="us-central1").check("x", "y")


def test_strict_resources_know_their_project_and_googles_regions() -> None:
    STRICT.check("p", "us-central1")
    assert ids(listed(STRICT))[0] == "us-central1"
    for call in (lambda: STRICT.check("x", "us-central1"), lambda: listed(STRICT, "projects/x")):
        with pytest.raises(ProjectDenied) as denied:
            call()
        assert denied.value.message == "Permission denied on resource project x."
    for call in (lambda: STRICT.check("p", "moon-1"), lambda: STRICT.get("projects/p/locations/moon-1")):
        with pytest.raises(InvalidArgument) as refused:
            call()
        assert refused.value.message == (
            "Location 'moon-1' is not a valid location. Use ListLocations to list valid locations."
        )
