"""IAM policies of queues, projects and accounts: get, set, test. What they permit is the authorizer's to judge."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from kumotasks.auth import conditions
from kumotasks.auth.accounts import Accounts
from kumotasks.auth.authorize import Authorizer
from kumotasks.auth.policies import PolicyBook
from kumotasks.auth.projects import Projects
from kumotasks.auth.roles import is_bindable
from kumotasks.domain.errors import AccountNotFound, EntityNotFound, InvalidArgument, QueueNotFound, ServiceNotFound
from kumotasks.domain.names import INVALID_RESOURCE, parse_project, parse_queue
from kumotasks.domain.policy import Policy, check_policy, normal, seen_by
from kumotasks.domain.principal import ANONYMOUS, Principal
from kumotasks.storage.store import Store

MAX_TESTED = 100  # IAM: permissions in one TestIamPermissions
# Takes the name of a resource and answers the one its policy is kept under; refuses what does not exist.
Resolve = Callable[[str], Awaitable[str]]


class Policies:
    """`resources` tells what exists, by the collection that a name ends in: "queues", "projects", "serviceAccounts".
    Without an authorizer nobody is asked who he is."""

    def __init__(self, book: PolicyBook, authorizer: Authorizer | None, resources: Mapping[str, Resolve]) -> None:
        self._book = book
        self._authorizer = authorizer
        self._resources = resources

    async def get(self, resource: str, version: int) -> Policy:
        """The policy of a resource, as seen by a caller that knows policies up to `version`."""
        return seen_by(await self._book.get(await self._resolve(resource)), version)

    async def set(self, resource: str, policy: Policy, paths: tuple[str, ...]) -> Policy:
        """Replace the policy, or the parts of it in `paths`; with an etag only if it is still the one."""
        name = await self._resolve(resource)
        check_policy(policy)
        unknown = set(paths) - {"bindings", "etag", "version", "*"}
        if unknown:
            raise InvalidArgument(f"Invalid field mask: '{min(unknown)}' is not a field of Policy.")
        current = await self._book.get(name)
        if paths and not {"bindings", "*"} & set(paths):
            return await self._book.put(name, current, if_etag=policy.etag)
        await self._check(policy, current)
        return await self._book.put(name, policy, if_etag=policy.etag)

    async def test(
        self, resource: str, permissions: tuple[str, ...], principal: Principal = ANONYMOUS
    ) -> tuple[str, ...]:
        """Those of `permissions` the caller holds; none on what does not exist."""
        if len(permissions) > MAX_TESTED:
            raise InvalidArgument(f"At most {MAX_TESTED} permissions can be tested at once.")
        for permission in permissions:
            if "*" in permission or not permission:
                raise InvalidArgument(f"Permission {permission} is not valid.")
        try:
            name = await self._resolve(resource)
        except (AccountNotFound, EntityNotFound, QueueNotFound, ServiceNotFound):
            return ()
        if self._authorizer is None:
            return tuple(dict.fromkeys(permissions))
        return await self._authorizer.held(principal, name, permissions)

    async def _resolve(self, resource: str) -> str:
        resolve = self._resources.get(_collection(resource))
        if resolve is None:
            raise InvalidArgument(INVALID_RESOURCE)
        return await resolve(resource)

    async def _check(self, policy: Policy, current: Policy) -> None:
        """Refuse roles that are none, conditions that could never hold, and accounts that are new here and nowhere."""
        bound = {member for binding in current.bindings for member in binding.members}
        for binding in normal(policy).bindings:
            if not is_bindable(binding.role):
                raise InvalidArgument(f"Role {binding.role} is not supported for this resource.")
            if binding.condition is not None:
                conditions.check(binding.condition.expression)
                await asyncio.sleep(0)  # compiling takes a millisecond: others have their turn in between
            for member in binding.members:
                # A grant to an account that nobody made would be the gain of whoever makes it later.
                if self._authorizer and member not in bound and not await self._authorizer.is_member(member):
                    raise InvalidArgument(f"Service account {member.partition(':')[2]} does not exist.")


def queues_in(store: Store, projects: Projects) -> Resolve:
    """Queues that exist, by names of project ids or numbers."""

    async def resolve(resource: str) -> str:
        queue = parse_queue(resource)
        await store.get_queue(queue)
        return f"projects/{await projects.resolve(queue.project)}/locations/{queue.location}/queues/{queue.queue}"

    return resolve


def any_project(projects: Projects) -> Resolve:
    """Every project: each exists from its first use."""

    async def resolve(resource: str) -> str:
        return f"projects/{await projects.resolve(parse_project(resource))}"

    return resolve


def accounts_in(accounts: Accounts, projects: Projects) -> Resolve:
    """Accounts that exist, by `projects/P/serviceAccounts/X` with an e-mail or a unique id; P may be "-"."""

    async def resolve(resource: str) -> str:
        match resource.split("/"):
            case ["projects", project, "serviceAccounts", ident]:
                account = await accounts.find(ident)
                if account is None or project not in ("-", account.project, await projects.number(account.project)):
                    raise AccountNotFound(ident)
                return account.name
            case _:
                raise InvalidArgument(INVALID_RESOURCE)

    return resolve


def _collection(resource: str) -> str:
    """`projects/p/locations/l/queues/q` -> queues"""
    parts = resource.split("/")
    return parts[-2] if len(parts) % 2 == 0 else ""
