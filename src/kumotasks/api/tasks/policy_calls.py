"""The calls on policies, which every surface has for its own kind of resource.

Over gRPC a request may name anything. So the policies given here must be those of one kind: whoever may change the
policy of a queue is not asked whether he may change that of a project. It knows no rule about policies.
"""

from __future__ import annotations

from typing import Any

from kumotasks.api.call import Caller
from kumotasks.api.tasks import messages
from kumotasks.api.tasks.convert_policy import policy_message, policy_value
from kumotasks.service.policies import Policies


class PolicyCalls:
    """Get, set, test."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    async def get_policy(self, request: Any, caller: Caller) -> Any:
        return policy_message(await self._policies.get(request.resource, request.options.requested_policy_version))

    async def set_policy(self, request: Any, caller: Caller) -> Any:
        paths = tuple(request.update_mask.paths)
        return policy_message(await self._policies.set(request.resource, policy_value(request.policy), paths))

    async def test_permissions(self, request: Any, caller: Caller) -> Any:
        held = await self._policies.test(request.resource, tuple(request.permissions), caller.principal)
        return messages.TestIamPermissionsResponse(permissions=held)
