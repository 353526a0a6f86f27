"""Projects as Resource Manager shows them, and the App Engine application that each of them has.

A project comes into being when somebody names it: nothing is created, and nothing deleted. Only those whose number was
shown once are listed. What is in a project, and who may do what there, is known elsewhere.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kumotasks.auth.projects import KIND as SEEN
from kumotasks.domain import paging
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import EntityNotFound, InvalidArgument, ProjectDenied
from kumotasks.domain.names import parse_project
from kumotasks.service.project_filter import parse
from kumotasks.storage.records import Records

if TYPE_CHECKING:
    from kumotasks.auth.authorize import Authorizer
    from kumotasks.auth.projects import Projects as Numbers
    from kumotasks.domain.principal import Principal

MAX_PAGE, PAGE = 1_000, 500
_SCANNED = 2_000  # projects looked through for one page; the page may be short then
_GET = ("resourcemanager.projects.get",)
# App Engine calls the two regions that it began with by names of its own.
_FIRST_REGIONS = {"us-central1": "us-central", "europe-west1": "europe-west"}


@dataclass(frozen=True, slots=True)
class Project:
    """A project; `created` in µs is when its number was first shown, 0 if it is its own number."""

    project_id: str
    number: str
    created: int


@dataclass(frozen=True, slots=True)
class Page:
    """Some projects, and the token of the next page, "" at the end."""

    projects: tuple[Project, ...]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class Application:
    """The App Engine application of a project."""

    project: str
    location: str  # as App Engine writes it
    hostname: str


class Projects:
    """`home` is listed from the first; with `strict` only those projects exist. `authorizer` None: nobody is asked who
    he is."""

    def __init__(
        self,
        *,
        numbers: Numbers,
        records: Records,
        authorizer: Authorizer | None,
        clock: Clock,
        home: str,
        strict: frozenset[str] | None = None,
    ) -> None:
        self._numbers = numbers
        self._records = records
        self._authorizer = authorizer
        self._clock = clock
        self._strict = strict
        self._named = sorted({home} if strict is None else strict)

    async def resolve(self, text: str) -> str:
        """The id of a project that is named by id or number; what is no such name is refused."""
        parse_project(f"projects/{text}")
        return await self._numbers.resolve(text)

    async def get(self, text: str) -> Project:
        """The project of an id or a number."""
        project = await self.resolve(text)
        if self._strict is not None and project not in self._strict:
            raise ProjectDenied(project)
        return await self._project(project)

    async def search(self, principal: Principal, *, filter_text: str, page_size: int, page_token: str) -> Page:
        """A page of the projects that the caller may get and the filter asks for."""
        wanted = parse(filter_text)
        now = self._clock.now()
        size = paging.page_size(page_size or PAGE, MAX_PAGE)
        scope = f"projects where {filter_text}"
        after = paging.decode(scope, page_token, now)
        known = await self._known()
        ahead = known[bisect_right(known, after) :]
        shown: list[Project] = []
        for name in ahead[:_SCANNED]:
            if len(shown) == size:
                break
            after = name
            if await self._may_see(principal, name):
                project = await self._project(name)
                if wanted(document(project)):
                    shown.append(project)
        more = bool(ahead) and after != ahead[-1]
        return Page(tuple(shown), paging.encode(scope, after, now) if more else "")

    async def _known(self) -> list[str]:
        """The ids that a listing goes through, sorted."""
        for project in self._named:
            await self._numbers.number(project)
        seen = await self._numbers.seen()
        return sorted(project for project in seen if self._strict is None or project in self._strict)

    async def _may_see(self, principal: Principal, project: str) -> bool:
        if self._authorizer is None:
            return True
        return bool(await self._authorizer.held(principal, f"projects/{project}", _GET))

    async def _project(self, project: str) -> Project:
        number = await self._numbers.number(project)
        record = await self._records.get_record(SEEN, number)
        return Project(project, number, 0 if record is None else record.updated)


class Applications:
    """The App Engine application of every project. `location` is the server's own; `hostname` makes a host of project
    and location."""

    def __init__(self, projects: Projects, *, location: str, hostname: Callable[[str, str], str]) -> None:
        self._projects = projects
        self._location = location
        self._hostname = hostname

    async def get(self, text: str) -> Application:
        try:
            project = (await self._projects.get(text)).project_id
        except InvalidArgument as invalid:
            raise EntityNotFound("App does not exist.") from invalid
        location = _FIRST_REGIONS.get(self._location, self._location)
        return Application(project, location, self._hostname(project, self._location))


def document(project: Project) -> Mapping[str, str]:
    """The project as filters see it."""
    return {
        "id": project.project_id,
        "projectid": project.project_id,
        "projectnumber": project.number,
        "name": project.project_id,
        "displayname": project.project_id,
        "lifecyclestate": "ACTIVE",
        "state": "ACTIVE",
    }
