"""What an operator does to a running server: turn its keys, and ask why somebody may do something or may not.

Who may ask is the gate's to judge. It knows nothing of how a terminal shows the answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs

import msgspec

from kumotasks.api.call import PageRequest, PageResponse, PageRoute
from kumotasks.api.pages import CONTROL, stamp
from kumotasks.auth.authorize import Authorizer
from kumotasks.auth.explain import Explanation, Grant
from kumotasks.auth.keyring import Keyring
from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.policy import check_member, normal_member

ROTATE, EXPLAIN = "/kumo/v1/keys:rotate", "/kumo/v1/iam:explain"
_JSON = "application/json; charset=UTF-8"
_FRESH = ((b"cache-control", b"no-store"),)
_QUESTION = ("member", "permission", "resource")
_PERMISSION = re.compile(r"[A-Za-z0-9]+(\.[A-Za-z0-9]+)+", re.ASCII)
_RESOURCE = re.compile(r"projects/[^/\s]+(/[^/\s]+)*")


class RetiredKey(msgspec.Struct, rename="camel"):
    """A key that signs no more; `published_until` is RFC 3339."""

    key_id: str
    published_until: str


class Rotated(msgspec.Struct, rename="camel"):
    """`key_id` signs from now on; `retired` are believed still, the one that signed until now first."""

    key_id: str
    retired: list[RetiredKey]


class Condition(msgspec.Struct, omit_defaults=True):
    expression: str
    title: str = ""
    description: str = ""


class Bound(msgspec.Struct, omit_defaults=True):
    """A role that `member` has on `resource`."""

    resource: str
    role: str
    member: str
    condition: Condition | None = None


class Explained(msgspec.Struct, omit_defaults=True):
    """`reason`: AUTH_OFF, OWNER or BINDING where it is granted; where it is not, CONDITION, NO_BINDING, or NO_ACCOUNT
    where the member is a service account that is not there. `refused` are bindings whose conditions do not hold;
    `roles` have the permission, the least of them first."""

    member: str
    permission: str
    resource: str
    granted: bool
    reason: str
    binding: Bound | None = None
    refused: tuple[Bound, ...] = ()
    roles: tuple[str, ...] = ()
    command: str = ""


def administration_pages(keyring: Keyring, authorizer: Authorizer | None) -> tuple[PageRoute, ...]:
    """The table. `authorizer` None: everybody may do everything."""
    own = _Administration(keyring, authorizer)
    return (PageRoute("POST", ROTATE, own.rotate, CONTROL), PageRoute("GET", EXPLAIN, own.explain, CONTROL))


class _Administration:
    def __init__(self, keyring: Keyring, authorizer: Authorizer | None) -> None:
        self._keyring = keyring
        self._authorizer = authorizer

    async def rotate(self, request: PageRequest) -> PageResponse:
        """A new key signs from now on; takes no body."""
        key = await self._keyring.rotate()
        retired = await self._keyring.retired()
        return _shown(Rotated(key.key_id, [RetiredKey(each.key.key_id, stamp(each.until)) for each in retired]))

    async def explain(self, request: PageRequest) -> PageResponse:
        """`?member=serviceAccount:a@b&permission=cloudtasks.tasks.create&resource=projects/P/...`"""
        member, permission, resource = _asked(request)
        if self._authorizer is None:
            return _shown(Explained(member, permission, resource, granted=True, reason="AUTH_OFF"))
        found = await self._authorizer.explain(member, permission, resource)
        return _shown(
            Explained(
                member,
                permission,
                resource,
                granted=found.granted,
                reason=_reason(found, is_member=await self._authorizer.is_member(member)),
                binding=_bound(found.binding) if found.binding else None,
                refused=tuple(_bound(each) for each in found.refused),
                roles=found.grants,
                command=found.command,
            )
        )


def _asked(request: PageRequest) -> tuple[str, str, str]:
    """Member, permission and resource; an e-mail alone is a service account's."""
    try:
        fields = parse_qs(request.query.decode("ascii"), errors="strict")
    except ValueError:
        raise InvalidArgument("The query is not text.") from None
    member, permission, resource = (_one(fields, name) for name in _QUESTION)
    if "@" in member and ":" not in member:
        member = f"serviceAccount:{member}"
    if _PERMISSION.fullmatch(permission) is None:
        raise InvalidArgument(f"Invalid permission: {permission!r}. An example is cloudtasks.tasks.create.")
    if _RESOURCE.fullmatch(resource) is None:
        raise InvalidArgument(f"Invalid resource: {resource!r}. An example is projects/P/locations/L/queues/Q.")
    return normal_member(check_member(member)), permission, resource


def _one(fields: Mapping[str, list[str]], name: str) -> str:
    values = fields.get(name, [])
    if len(values) != 1:
        raise InvalidArgument(f"Say once which {name}: ?member=M&permission=P&resource=R")
    return values[0]


def _reason(found: Explanation, *, is_member: bool) -> str:
    if found.granted:
        return "BINDING" if found.binding else "OWNER"
    if not is_member:
        return "NO_ACCOUNT"
    return "CONDITION" if found.refused else "NO_BINDING"


def _bound(grant: Grant) -> Bound:
    found = grant.condition
    condition = Condition(found.expression, found.title, found.description) if found else None
    return Bound(grant.resource, grant.role, grant.member, condition)


def _shown(answer: msgspec.Struct) -> PageResponse:
    return PageResponse(msgspec.json.encode(answer) + b"\n", content_type=_JSON, headers=_FRESH)
