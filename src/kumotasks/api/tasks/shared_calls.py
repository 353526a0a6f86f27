"""The calls that Cloud Tasks shares with its sisters: policies, encryption, locations, operations."""

from __future__ import annotations

from typing import Any

from kumotasks.api.call import Caller
from kumotasks.api.tasks import messages
from kumotasks.api.tasks.policy_calls import PolicyCalls
from kumotasks.domain.clock import Clock
from kumotasks.service.batches import Batches
from kumotasks.service.encryption import CmekConfig, Encryption
from kumotasks.service.locations import Location, Locations
from kumotasks.service.policies import Policies


class SharedCalls(PolicyCalls):
    """`policies` are those of queues."""

    def __init__(
        self,
        *,
        policies: Policies,
        encryption: Encryption,
        locations: Locations,
        batches: Batches,
        clock: Clock,
    ) -> None:
        super().__init__(policies)
        self._encryption = encryption
        self._locations = locations
        self._batches = batches
        self._clock = clock

    async def get_cmek(self, request: Any, caller: Caller) -> Any:
        return _cmek_message(await self._encryption.get(request.name))

    async def update_cmek(self, request: Any, caller: Caller) -> Any:
        config, paths = request.cmek_config, tuple(request.update_mask.paths)
        return _cmek_message(await self._encryption.update(config.name, config.kms_key, paths))

    async def list_locations(self, request: Any, caller: Caller) -> Any:
        page = self._locations.list(
            request.name,
            page_size=request.page_size,
            page_token=request.page_token,
            now=self._clock.now(),
        )
        shown = [_location_message(location) for location in page.locations]
        return messages.ListLocationsResponse(locations=shown, next_page_token=page.next_page_token)

    async def get_location(self, request: Any, caller: Caller) -> Any:
        return _location_message(self._locations.get(request.name))

    async def get_operation(self, request: Any, caller: Caller) -> Any:
        return messages.Operation.FromString(await self._batches.get_operation(request.name))


def _cmek_message(config: CmekConfig) -> Any:
    return messages.CmekConfig(name=f"{config.location}/cmekConfig", kms_key=config.kms_key)


def _location_message(location: Location) -> Any:
    region = location.name.location
    return messages.Location(
        name=str(location.name),
        location_id=region,
        display_name=location.display_name,
        labels={"cloud.googleapis.com/region": region},
    )
