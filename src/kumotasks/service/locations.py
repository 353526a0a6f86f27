"""Projects and locations: which exist, and in what order they are shown.

Any well-formed project and location exists on first use; strict resources give Google's errors for unknown ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from kumotasks.domain import paging
from kumotasks.domain.errors import InvalidArgument, ProjectDenied
from kumotasks.domain.names import LocationName, parse_location, parse_project

REGIONS = (
    ("africa-south1", "Johannesburg"),
    ("asia-east1", "Taiwan"),
    ("asia-east2", "Hong Kong"),
    ("asia-northeast1", "Tokyo"),
    ("asia-northeast2", "Osaka"),
    ("asia-northeast3", "Seoul"),
    ("asia-south1", "Mumbai"),
    ("asia-south2", "Delhi"),
    ("asia-southeast1", "Singapore"),
    ("asia-southeast2", "Jakarta"),
    ("australia-southeast1", "Sydney"),
    ("australia-southeast2", "Melbourne"),
    ("europe-central2", "Warsaw"),
    ("europe-north1", "Finland"),
    ("europe-southwest1", "Madrid"),
    ("europe-west1", "Belgium"),
    ("europe-west12", "Turin"),
    ("europe-west2", "London"),
    ("europe-west3", "Frankfurt"),
    ("europe-west4", "Netherlands"),
    ("europe-west6", "Zurich"),
    ("europe-west8", "Milan"),
    ("europe-west9", "Paris"),
    ("me-central1", "Doha"),
    ("me-central2", "Dammam"),
    ("me-west1", "Tel Aviv"),
    ("northamerica-northeast1", "Montreal"),
    ("northamerica-northeast2", "Toronto"),
    ("southamerica-east1", "Sao Paulo"),
    ("southamerica-west1", "Santiago"),
    ("us-central1", "Iowa"),
    ("us-east1", "South Carolina"),
    ("us-east4", "Northern Virginia"),
    ("us-east5", "Columbus"),
    ("us-south1", "Dallas"),
    ("us-west1", "Oregon"),
    ("us-west2", "Los Angeles"),
    ("us-west3", "Salt Lake City"),
    ("us-west4", "Las Vegas"),
)
_DISPLAY = dict(REGIONS)
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Location:
    """A place where queues can be."""

    name: LocationName
    display_name: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some locations, and the token of the next page, "" at the end."""

    locations: tuple[Location, ...]
    next_page_token: str


class Locations:
    """`home` is the location shown first; with `strict_projects` only those projects and Google's regions exist."""

    def __init__(self, *, home: str, strict_projects: frozenset[str] | None = None) -> None:
        self._strict_projects = strict_projects
        others = [region for region, _ in REGIONS if region != home]
        self._ids = (home, *others)

    def list(self, name: str, *, page_size: int, page_token: str, now: int) -> Page:
        """The locations of the project `projects/P`."""
        project = parse_project(name)
        self._check_project(project)
        scope = f"locations of {name}"
        start = int(paging.decode(scope, page_token, now) or "0")
        end = start + paging.page_size(page_size, _MOST)
        shown = tuple(self._location(project, each) for each in self._ids[start:end])
        more = end < len(self._ids)
        return Page(shown, paging.encode(scope, str(end), now) if more else "")

    def get(self, name: str) -> Location:
        """One location; strict or not, any that is well formed can be asked for unless strict resources deny it."""
        location = parse_location(name)
        self.check(location.project, location.location)
        return self._location(location.project, location.location)

    def check(self, project: str, location: str) -> None:
        """Refuse what does not exist, if resources are strict."""
        if self._strict_projects is None:
            return
        self._check_project(project)
        if location not in self._ids:
            raise InvalidArgument(
                f"Location '{location}' is not a valid location. Use ListLocations to list valid locations."
            )

    def _check_project(self, project: str) -> None:
        if self._strict_projects is not None and project not in self._strict_projects:
            raise ProjectDenied(project)

    @staticmethod
    def _location(project: str, location: str) -> Location:
        return Location(LocationName(project, location), _DISPLAY.get(location, location))
