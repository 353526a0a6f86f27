"""Which services there are for policies to stand on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from kumotasks.auth.projects import Projects
from kumotasks.domain.run.names import parse_service
from kumotasks.workers.deploying.shelf import Shelf


def services_in(shelf: Shelf, projects: Projects) -> Callable[[str], Awaitable[str]]:
    """Services that exist, by names of project ids or numbers. EntityNotFound."""

    async def resolve(resource: str) -> str:
        asked = parse_service(resource)
        name = replace(asked, project=await projects.resolve(asked.project))
        await shelf.existing(name)
        return str(name)

    return resolve
