"""The table of calls of IAM: service accounts, keys, their policies, and the predefined roles.

Google publishes no protobuf classes for most of it in the packages that are here, so a row is JSON; policies travel in
google.iam.v1's messages and are answered over gRPC as well.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
from google.iam.v1 import iam_policy_pb2, policy_pb2

from kumotasks.api.call import Caller, JsonRoute, Route
from kumotasks.api.iam import messages as m
from kumotasks.api.iam.account_calls import AccountCalls
from kumotasks.api.iam.key_calls import KeyCalls
from kumotasks.api.iam.role_calls import RoleCalls

_IAM = "google.iam.admin.v1.IAM"
_PROJECT = "projects/{project}"
_ACCOUNT = f"{_PROJECT}/serviceAccounts/{{account}}"
_KEYS = f"/v1/{_ACCOUNT}/keys"
_KEY = f"{_KEYS}/{{key}}"
_RESOURCE = "/v1/{resource=projects/*/serviceAccounts/*}"
Handle = Callable[[Any, Caller], Awaitable[Any]]


class PolicyCalls(Protocol):
    """The calls on policies, which do not care whose policy it is."""

    async def get_policy(self, request: Any, caller: Caller) -> Any: ...
    async def set_policy(self, request: Any, caller: Caller) -> Any: ...
    async def test_permissions(self, request: Any, caller: Caller) -> Any: ...


def routes(
    accounts: AccountCalls, keys: KeyCalls, roles: RoleCalls, policies: PolicyCalls
) -> tuple[Route | JsonRoute, ...]:
    """Every call of google.iam.admin.v1.IAM that this server answers."""
    return (*_account_routes(accounts), *_key_routes(keys), *_role_routes(roles), *_policy_routes(policies))


def _account_routes(c: AccountCalls) -> tuple[JsonRoute, ...]:
    # fmt: off
    return (
        _route("ListServiceAccounts", f"GET /v1/{_PROJECT}/serviceAccounts", m.ListAccounts, "iam.serviceAccounts.list", c.list, _PROJECT),
        _route("CreateServiceAccount", f"POST /v1/{_PROJECT}/serviceAccounts", m.CreateAccount, "iam.serviceAccounts.create", c.create, _PROJECT),
        _route("GetServiceAccount", f"GET /v1/{_ACCOUNT}", m.OneAccount, "iam.serviceAccounts.get", c.get),
        _route("PatchServiceAccount", f"PATCH /v1/{_ACCOUNT}", m.PatchAccount, "iam.serviceAccounts.update", c.patch),
        _route("UpdateServiceAccount", f"PUT /v1/{_ACCOUNT}", m.UpdateAccount, "iam.serviceAccounts.update", c.update),
        _route("DeleteServiceAccount", f"DELETE /v1/{_ACCOUNT}", m.OneAccount, "iam.serviceAccounts.delete", c.delete),
        _route("UndeleteServiceAccount", f"POST /v1/{_ACCOUNT}:undelete", m.OneAccount, "iam.serviceAccounts.undelete", c.undelete),
        _route("EnableServiceAccount", f"POST /v1/{_ACCOUNT}:enable", m.OneAccount, "iam.serviceAccounts.enable", c.enable),
        _route("DisableServiceAccount", f"POST /v1/{_ACCOUNT}:disable", m.OneAccount, "iam.serviceAccounts.disable", c.disable),
    )
    # fmt: on


def _key_routes(c: KeyCalls) -> tuple[JsonRoute, ...]:
    # fmt: off
    return (
        _route("ListServiceAccountKeys", f"GET {_KEYS}", m.ListKeys, "iam.serviceAccountKeys.list", c.list),
        _route("GetServiceAccountKey", f"GET {_KEY}", m.GetKey, "iam.serviceAccountKeys.get", c.get),
        _route("CreateServiceAccountKey", f"POST {_KEYS}", m.CreateKey, "iam.serviceAccountKeys.create", c.create),
        _route("UploadServiceAccountKey", f"POST {_KEYS}:upload", m.UploadKey, "iam.serviceAccountKeys.create", c.upload),
        _route("DeleteServiceAccountKey", f"DELETE {_KEY}", m.OneKey, "iam.serviceAccountKeys.delete", c.delete),
        _route("DisableServiceAccountKey", f"POST {_KEY}:disable", m.DisableKey, "iam.serviceAccountKeys.disable", c.disable),
        _route("EnableServiceAccountKey", f"POST {_KEY}:enable", m.OneKey, "iam.serviceAccountKeys.enable", c.enable),
    )
    # fmt: on


def _role_routes(c: RoleCalls) -> tuple[JsonRoute, ...]:
    """The predefined roles are no secret."""
    return (
        _route("ListRoles", "GET /v1/roles", m.ListRoles, "", c.list),
        _route("GetRole", "GET /v1/roles/{role}", m.GetRole, "", c.get),
        _route("QueryGrantableRoles", "POST /v1/roles:queryGrantableRoles", m.GrantableRoles, "", c.grantable),
    )


def _policy_routes(c: PolicyCalls) -> tuple[Route, ...]:
    p, policy = iam_policy_pb2, policy_pb2.Policy
    # fmt: off
    return (
        Route(_IAM, "GetIamPolicy", p.GetIamPolicyRequest, policy, "POST", f"{_RESOURCE}:getIamPolicy", "", "iam.serviceAccounts.getIamPolicy", c.get_policy),
        Route(_IAM, "SetIamPolicy", p.SetIamPolicyRequest, policy, "POST", f"{_RESOURCE}:setIamPolicy", "*", "iam.serviceAccounts.setIamPolicy", c.set_policy),
        Route(_IAM, "TestIamPermissions", p.TestIamPermissionsRequest, p.TestIamPermissionsResponse, "POST", f"{_RESOURCE}:testIamPermissions", "*", "", c.test_permissions),
    )
    # fmt: on


def _route(
    method: str,
    rest: str,
    request: type[msgspec.Struct],
    permission: str,
    handle: Handle,
    resource: str = _ACCOUNT,
) -> JsonRoute:
    """A row: method, "VERB path", request, permission, handler, what the permission is needed on."""
    verb, path = rest.split(" ", 1)
    return JsonRoute(_IAM, method, verb, path, request, permission, resource if permission else "", handle)
