"""`kumo projects`: the projects that there are, and who may do what in them."""

from __future__ import annotations

from collections.abc import Iterator

from kumotasks.cli.client import Json
from kumotasks.cli.command import Command, Positional
from kumotasks.cli.iam.policies import Holder
from kumotasks.cli.iam.policies import commands as policy_commands
from kumotasks.cli.line import Line
from kumotasks.cli.resource import last_id, named, path

_NAME = "projects/*"
_PROJECT = Positional("PROJECT_ID", "the project: its id, number, full name or URL")


def describe(line: Line) -> object:
    return line.call("GET", path("v1", _name(line)))


def list_projects(line: Line) -> Iterator[Json]:
    for each in line.pages("/v1/projects", "projects"):
        # Its name is one for people: the address is made from its id.
        yield {**each, "name": f"projects/{each.get('projectId')}"} if line.on("uri") else each


def _name(line: Line) -> str:
    written = line.text("project_id")
    found = named(written, _NAME)
    return f"projects/{found['projects'] if found else last_id(written, 'project', _NAME)}"


GROUPS: dict[str, str] = {}
COMMANDS = (
    Command(
        "projects describe",
        "a project's id, number and state",
        "kumo projects describe shop --format='value(projectNumber)'",
        describe,
        (_PROJECT,),
    ),
    Command(
        "projects list",
        "the projects that were ever used here and that you may see",
        "kumo projects list --sort-by=projectId --limit=5",
        list_projects,
        format="table(projectId:sort=1, name, projectNumber)",
        listed=True,
        page_size=500,
        uri="v1",
    ),
    *policy_commands(
        Holder(
            words="projects",
            text="a project",
            kinds=("project", "project"),
            positional=_PROJECT,
            name=_name,
            example="shop",
            asked_in_body=True,
        )
    ),
)
