"""The calls of google.cloud.run.v2.Services: from message to use case and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask

from kumotasks.api.call import Caller
from kumotasks.api.run import messages as m
from kumotasks.api.run.convert_operation import operation_message
from kumotasks.api.run.convert_service import service_message, service_value
from kumotasks.domain.errors import EntityNotFound, InvalidArgument, ResourceChanged
from kumotasks.domain.names import parse_location
from kumotasks.domain.run.names import parse_service
from kumotasks.domain.run.service import Service, ServiceName
from kumotasks.workers.deploying.operations import Operations
from kumotasks.workers.deploying.services import Services

ALL = "*"
Number = Callable[[str], Awaitable[str]]


class ServiceCalls:
    """`number` gives a project's number."""

    def __init__(self, services: Services, operations: Operations, number: Number) -> None:
        self._services = services
        self._operations = operations
        self._number = number

    async def get(self, request: Any, caller: Caller) -> Any:
        return await self._message(await self._services.get(parse_service(request.name)))

    async def list(self, request: Any, caller: Caller) -> Any:
        place = parse_location(request.parent)
        page = await self._services.list(
            place.project, place.location, page_size=request.page_size, page_token=request.page_token
        )
        shown = [await self._message(each) for each in page.services]
        return m.ListServicesResponse(services=shown, next_page_token=page.next_page_token)

    async def create(self, request: Any, caller: Caller) -> Any:
        place = parse_location(request.parent)
        name = ServiceName(place.project, place.location, request.service_id)
        made = await self._services.create(
            service_value(request.service, name),
            caller=caller.principal,
            trusted=caller.trusted,
            validate_only=request.validate_only,
        )
        return await self._operation(made, request)

    async def update(self, request: Any, caller: Caller) -> Any:
        """A mask changes what it names and leaves the rest as it is; without one all is as the request says."""
        name, paths = parse_service(request.service.name), tuple(request.update_mask.paths)
        if not paths or ALL in paths:
            return await self._operation(await self._replace(name, request, caller), request)
        check_mask(request.update_mask)
        while True:
            try:
                return await self._operation(await self._replace_masked(name, request, caller), request)
            except ResourceChanged:
                if request.service.etag:
                    raise

    async def delete(self, request: Any, caller: Caller) -> Any:
        name = parse_service(request.name)
        gone = await self._services.delete(name, if_etag=request.etag, validate_only=request.validate_only)
        return await self._operation(gone, request)

    async def _replace_masked(self, name: ServiceName, request: Any, caller: Caller) -> Service:
        """ResourceChanged also if it was changed between the look at it and the change."""
        try:
            current = await self._services.get(name)
        except EntityNotFound:
            return await self._replace(name, request, caller)  # which refuses it, unless it may be missing
        asked = m.UpdateServiceRequest()
        asked.CopyFrom(request)
        asked.service.CopyFrom(await self._message(current))
        mask = FieldMask(paths=request.update_mask.paths)
        mask.MergeMessage(request.service, asked.service, replace_message_field=True, replace_repeated_field=True)
        asked.service.etag = request.service.etag or current.etag
        return await self._replace(name, asked, caller)

    async def _replace(self, name: ServiceName, request: Any, caller: Caller) -> Service:
        return await self._services.replace(
            service_value(request.service, name),
            caller=caller.principal,
            trusted=caller.trusted,
            if_etag=request.service.etag,
            validate_only=request.validate_only,
            allow_missing=request.allow_missing,
        )

    async def _operation(self, service: Service, request: Any) -> Any:
        begin = self._operations.begin
        operation = self._operations.finished(service) if request.validate_only else await begin(service)
        return operation_message(operation, await self._number(service.name.project))

    async def _message(self, service: Service) -> Any:
        return service_message(service, await self._number(service.name.project))


def check_mask(mask: Any) -> None:
    """InvalidArgument for a path that leads to no field of a service."""
    for path in mask.paths:
        here: Any = m.Service.DESCRIPTOR
        for part in path.split("."):
            found = None if here is None else here.fields_by_name.get(part)
            if found is None:
                raise InvalidArgument(f"Invalid field mask: '{path}' is not a field of Service.")
            here = None if found.is_repeated else found.message_type
