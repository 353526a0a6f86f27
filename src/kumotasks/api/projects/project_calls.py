"""Resource Manager: projects in the two versions of its API, and their policies."""

from __future__ import annotations

import base64
from typing import Any

from kumotasks.api.call import Caller
from kumotasks.api.projects import messages as m
from kumotasks.api.tasks.convert_policy import policy_message, policy_value
from kumotasks.api.tasks.messages import TestIamPermissionsResponse
from kumotasks.api.wellknown import fraction, whole_second
from kumotasks.domain.clock import SECOND
from kumotasks.service.policies import Policies
from kumotasks.service.projects import Project, Projects


class ProjectCalls:
    """v1 names a project by its id alone, v3 by `projects/P`; both take its number for its id."""

    def __init__(self, projects: Projects, policies: Policies) -> None:
        self._projects = projects
        self._policies = policies

    async def get_v1(self, request: m.ProjectRequest, caller: Caller) -> m.ProjectV1:
        return _v1(await self._projects.get(request.project))

    async def get_v3(self, request: m.ProjectRequest, caller: Caller) -> m.ProjectV3:
        return _v3(await self._projects.get(request.project))

    async def list_v1(self, request: m.ListProjectsRequest, caller: Caller) -> m.ProjectsV1:
        page = await self._projects.search(
            caller.principal,
            filter_text=request.filter,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return m.ProjectsV1(projects=tuple(map(_v1, page.projects)), next_page_token=page.next_page_token)

    async def search_v3(self, request: m.SearchProjectsRequest, caller: Caller) -> m.ProjectsV3:
        page = await self._projects.search(
            caller.principal,
            filter_text=request.query,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return m.ProjectsV3(projects=tuple(map(_v3, page.projects)), next_page_token=page.next_page_token)

    async def get_ancestry(self, request: m.ProjectRequest, caller: Caller) -> m.Ancestry:
        """A project has no folder and no organization above it here."""
        project = await self._projects.get(request.project)
        own = m.ResourceId(type="project", id=project.project_id)
        return m.Ancestry(ancestor=(m.Ancestor(resource_id=own),))

    async def get_policy(self, request: Any, caller: Caller) -> Any:
        resource = await self._resource(request.resource)
        return policy_message(await self._policies.get(resource, request.options.requested_policy_version))

    async def set_policy(self, request: Any, caller: Caller) -> Any:
        resource = await self._resource(request.resource)
        paths = tuple(request.update_mask.paths)
        return policy_message(await self._policies.set(resource, policy_value(request.policy), paths))

    async def test_permissions(self, request: Any, caller: Caller) -> Any:
        resource = await self._resource(request.resource)
        held = await self._policies.test(resource, tuple(request.permissions), caller.principal)
        return TestIamPermissionsResponse(permissions=held)

    async def _resource(self, text: str) -> str:
        """`projects/P`, whichever way the project was named."""
        project = await self._projects.get(text.removeprefix("projects/"))
        return f"projects/{project.project_id}"


def _v1(project: Project) -> m.ProjectV1:
    return m.ProjectV1(
        project_number=project.number,
        project_id=project.project_id,
        name=project.project_id,
        create_time=_instant(project.created),
    )


def _v3(project: Project) -> m.ProjectV3:
    created = _instant(project.created)
    return m.ProjectV3(
        name=f"projects/{project.number}",
        project_id=project.project_id,
        display_name=project.project_id,
        create_time=created,
        update_time=created,
        etag=f'W/"{base64.urlsafe_b64encode(project.number.encode()).decode()}"',
    )


def _instant(microseconds: int) -> str:
    """ "" of a project whose beginning nobody saw, as that of one that is named by a number alone."""
    if not microseconds:
        return ""
    seconds, rest = divmod(microseconds, SECOND)
    return f"{whole_second(seconds)}{fraction(rest * 1_000)}Z"
