"""Who may do what: a principal's needs, judged by the policies on a resource and on the project above it.

The verdict comes before anything is known of the resource's existence. Verdicts that no condition had a part in are
kept until a policy or an account changes, so that the common call costs a look into a dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from enum import Enum

from kumotasks.auth import roles
from kumotasks.auth.accounts import Accounts
from kumotasks.auth.conditions import holds
from kumotasks.auth.explain import Explanation, Grant, explained
from kumotasks.auth.lineage import Lineage, judged, lineage
from kumotasks.auth.policies import PolicyBook
from kumotasks.auth.projects import Projects
from kumotasks.domain.clock import Clock
from kumotasks.domain.errors import CredentialsMissing, PermissionDenied
from kumotasks.domain.policy import Binding, normal_member
from kumotasks.domain.principal import Need, Principal

ALL_USERS = "allUsers"
ALL_AUTHENTICATED = "allAuthenticatedUsers"
_KEPT = 50_000  # verdicts
_BASIC = re.compile(r"project(Owner|Editor|Viewer):(.+)")
_OWN_ACCOUNT = re.compile(r"serviceAccount:[^@]+@(?!gcp-sa-)[^@]+\.iam\.gserviceaccount\.com")
_SEEING = (".get", ".list", ".getIamPolicy")  # permissions that only show something
_SERVICES = {"resourcemanager": "cloudresourcemanager"}  # whose permissions bear another name than their host
Names = frozenset[str]  # everything that policies may call somebody


class Verdict(Enum):
    """What a need was judged to be."""

    REFUSED = "refused"
    GRANTED_NOW = "granted, as long as a condition holds"
    GRANTED = "granted, until something is changed"


class Authorizer:
    """`owner` tells the unique id of the account that may do everything, "" if there is none."""

    def __init__(
        self, book: PolicyBook, accounts: Accounts, projects: Projects, wall: Clock, owner: Callable[[], str]
    ) -> None:
        self._book = book
        self._accounts = accounts
        self._projects = projects
        self._wall = wall
        self._owner = owner
        self._granted: set[tuple[str, str, str, str]] = set()
        self._epochs = (-1, -1)  # of book and accounts, when `_granted` was begun

    @property
    def epochs(self) -> tuple[int, int]:
        """Another value once a policy or an account was changed; a remembered refusal is worth nothing then."""
        return self._book.epoch, self._accounts.epoch

    def known(self, principal: Principal, needs: Sequence[Need]) -> bool:
        """Whether every need is known to be granted. False is no verdict: then `check` has to judge."""
        if self._owns(principal.unique_id):
            return True
        if self._epochs != (self._book.epoch, self._accounts.epoch):
            return False
        granted = self._granted
        for need in needs:  # noqa: SIM110  (on the path of every call: a generator would double the cost)
            if _key(principal, need) not in granted:
                return False
        return True

    async def check(self, principal: Principal, needs: Sequence[Need]) -> None:
        """CredentialsMissing if an anonymous caller lacks one of `needs`, PermissionDenied if another does."""
        if self._owns(principal.unique_id):
            return
        names = _names(principal)
        for need in needs:
            epochs = self.epochs
            verdict = await self._judge(names, need.permission, await self._lineage(need.resource))
            if verdict is Verdict.REFUSED:
                raise PermissionDenied(need.permission, need.told) if principal else CredentialsMissing
            if verdict is Verdict.GRANTED:
                self._keep(_key(principal, need), epochs)  # worth nothing by now if something changed meanwhile

    async def held(self, principal: Principal, resource: str, permissions: Sequence[str]) -> tuple[str, ...]:
        """Those of `permissions` that the principal holds on `resource`, each once."""
        wanted = tuple(dict.fromkeys(permissions))
        if self._owns(principal.unique_id):
            return wanted
        names, line = _names(principal), await self._lineage(resource)
        verdicts = [await self._judge(names, permission, line) for permission in wanted]
        return tuple(each for each, verdict in zip(wanted, verdicts, strict=True) if verdict is not Verdict.REFUSED)

    async def explain(self, principal_member: str, permission: str, resource: str) -> Explanation:
        """Why a member, such as `serviceAccount:a@b` or an e-mail alone, holds `permission` or does not."""
        member = principal_member if ":" in principal_member else f"serviceAccount:{principal_member}"
        member = principal_member if principal_member in (ALL_USERS, ALL_AUTHENTICATED) else normal_member(member)
        line = await self._lineage(resource)
        account = await self._accounts.find(member.removeprefix("serviceAccount:"))
        if account is not None and self._owns(account.unique_id):
            return explained(member, permission, line.chain, granted=True, binding=None, refused=[])
        names = frozenset({ALL_USERS} if member == ALL_USERS else {ALL_USERS, ALL_AUTHENTICATED, member})
        grants = await self._grants(names, permission, line)
        holding = [grant for grant in grants if self._holds(grant, permission, line)]
        holding.sort(key=lambda grant: grant.condition is not None)
        return explained(
            member,
            permission,
            line.chain,
            granted=bool(holding),
            binding=holding[0] if holding else None,
            refused=[grant for grant in grants if grant not in holding],
        )

    async def is_member(self, member: str) -> bool:
        """Whether a policy may name `member`: False for a service account of a project that nobody created."""
        if _OWN_ACCOUNT.fullmatch(member) is None:
            return True
        return await self._accounts.find(member.removeprefix("serviceAccount:")) is not None

    async def _judge(self, names: Names, permission: str, line: Lineage) -> Verdict:
        grants = await self._grants(names, permission, line)
        if any(grant.condition is None for grant in grants):
            return Verdict.GRANTED
        if any(self._holds(grant, permission, line) for grant in grants):
            return Verdict.GRANTED_NOW
        return Verdict.REFUSED

    async def _grants(self, names: Names, permission: str, line: Lineage) -> list[Grant]:
        """The bindings along the chain that give `permission` to one of `names`, their conditions not judged yet."""
        if not permission.endswith(_SEEING) and await self._is_owners(line):
            return []
        found: list[Grant] = []
        for resource in line.chain:
            for binding in (await self._book.get(resource)).bindings:
                if permission in roles.permissions(binding.role):
                    member = await self._member(binding, names)
                    if member:
                        found.append(Grant(resource, binding.role, member, binding.condition))
        return found

    async def _is_owners(self, line: Lineage) -> bool:
        """Whether it is the owner's own account, or a part of it. It lives in a project, whose editors could else make
        keys for it and so own the installation: no policy gives anybody but the owner a hand in it."""
        if "/serviceAccounts/" not in line.name or not self._owner():
            return False
        owner = await self._accounts.find(self._owner())
        return owner is not None and line.name == owner.name

    async def _member(self, binding: Binding, names: Names) -> str:
        """The member of a binding that is one of `names`, or stands for some who are; "" if there is none."""
        for member in binding.members:
            if member in names:
                return member
        for member in binding.members:
            match = _BASIC.fullmatch(member)
            if match is not None and await self._has_basic(names, f"roles/{match[1].lower()}", match[2]):
                return member
        return ""

    async def _has_basic(self, names: Names, role: str, project: str) -> bool:
        """Whether one of `names` is bound to a basic role on a project, by name and without a condition."""
        policy = await self._book.get(f"projects/{await self._projects.resolve(project)}")
        return any(
            binding.role == role and binding.condition is None and not names.isdisjoint(binding.members)
            for binding in policy.bindings
        )

    def _holds(self, grant: Grant, permission: str, line: Lineage) -> bool:
        if grant.condition is None:
            return True
        service = permission.partition(".")[0]
        host = f"{_SERVICES.get(service, service)}.googleapis.com"
        return holds(grant.condition.expression, now=self._wall.now(), resource=line.name, service=host)

    async def _lineage(self, resource: str) -> Lineage:
        return await lineage(resource, self._accounts, self._projects)

    def _owns(self, unique_id: str) -> bool:
        return bool(unique_id) and unique_id == self._owner()

    def _keep(self, key: tuple[str, str, str, str], epochs: tuple[int, int]) -> None:
        if self._epochs != epochs or len(self._granted) >= _KEPT:
            self._granted.clear()
            self._epochs = epochs
        self._granted.add(key)


def _key(principal: Principal, need: Need) -> tuple[str, str, str, str]:
    return principal.email, principal.unique_id, need.permission, judged(need.resource)


def _names(principal: Principal) -> Names:
    if not principal:
        return frozenset({ALL_USERS})
    return frozenset({ALL_USERS, ALL_AUTHENTICATED, normal_member(principal.member)})
