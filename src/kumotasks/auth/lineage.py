"""A resource and what stands above it: the names whose policies decide about it, the nearest first.

It reads names with a tolerant eye, since it comes before they are judged: whatever is odd about a name, it leads to
the policies of the project it names, or to none at all. Whether anything exists is not known here, accounts apart.
"""

from __future__ import annotations

from dataclasses import dataclass

from kumotasks.auth.accounts import Accounts
from kumotasks.auth.projects import Projects
from kumotasks.domain.account import AGENT_SUFFIX

_WITH_POLICY = frozenset({"queues", "services"})  # below a location
_ANY = "-"
_USER_SUFFIX = ".iam.gserviceaccount.com"
_APP_ENGINE_SUFFIX = "appspot.gserviceaccount.com"
_COMPUTE = "-compute@developer.gserviceaccount.com"


@dataclass(frozen=True, slots=True)
class Lineage:
    """`name` as conditions see it; `chain` holds the names of the resources that have policies."""

    name: str
    chain: tuple[str, ...]


NOWHERE = Lineage("", ())


def judged(resource: str) -> str:
    """What a resource is judged on: a task on its queue, anything else on itself."""
    return resource.partition("/tasks/")[0]


async def lineage(resource: str, accounts: Accounts, projects: Projects) -> Lineage:
    """That of a full resource name; numbers of projects and `projects/-/serviceAccounts/X` are looked up first."""
    parts = judged(resource).split("/")
    if len(parts) < 2 or parts[0] != "projects" or not parts[1]:
        return NOWHERE
    if len(parts) >= 4 and parts[2] == "serviceAccounts":
        return await _of_account(parts[1], parts[3], accounts, projects)
    if parts[1] == _ANY:
        return NOWHERE
    project = f"projects/{await projects.resolve(parts[1])}"
    name = "/".join([project, *parts[2:]])
    if len(parts) >= 6 and parts[2] == "locations" and parts[4] in _WITH_POLICY:
        own = "/".join([project, *parts[2:6]])
        return Lineage(own, (own, project))
    return Lineage(name, (project,))


async def _of_account(project: str, ident: str, accounts: Accounts, projects: Projects) -> Lineage:
    """An account is judged where it lives, whatever project it was asked for in."""
    account = await accounts.find(ident)
    if account is not None:
        return Lineage(account.name, (account.name, f"projects/{account.project}"))
    deleted = await accounts.find_deleted(ident)
    if deleted is not None:  # its policy waits aside, and another account may have its name by now
        return Lineage(deleted.name, (f"projects/{deleted.project}",))
    home = project if project != _ANY else _home(ident)
    if not home:
        return NOWHERE
    above = f"projects/{await projects.resolve(home)}"
    return Lineage(f"{above}/serviceAccounts/{ident}", (above,))


def _home(email: str) -> str:
    """The project, or its number, that an e-mail speaks of; "" if none."""
    user, _, domain = email.partition("@")
    if email.endswith(AGENT_SUFFIX):
        return user.removeprefix("service-")
    if email.endswith(_COMPUTE):
        return email.removesuffix(_COMPUTE)
    if domain == _APP_ENGINE_SUFFIX:
        return user
    if not domain.endswith(_USER_SUFFIX):
        return ""
    project, _, outer = domain.removesuffix(_USER_SUFFIX).partition(".")
    return f"{outer}:{project}" if outer else project
