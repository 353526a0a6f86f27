"""Service Usage: services and operations between message and value."""

from __future__ import annotations

from kumotasks.api.call import Caller
from kumotasks.api.projects import messages as m
from kumotasks.service.usage import NOOP, Change, Operation, Service, Usage

_TYPE = "type.googleapis.com/google.api.serviceusage.v1."
_RESPONSES = {
    Change.ENABLE: f"{_TYPE}EnableServiceResponse",
    Change.DISABLE: f"{_TYPE}DisableServiceResponse",
    Change.BATCH_ENABLE: f"{_TYPE}BatchEnableServicesResponse",
}


class UsageCalls:
    """Every operation is done when it is first seen."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    async def get(self, request: m.ServiceRequest, caller: Caller) -> m.Service:
        return _service(await self._usage.get(request.project, request.service))

    async def batch_get(self, request: m.BatchGetRequest, caller: Caller) -> m.Services:
        found = await self._usage.batch_get(request.project, request.names)
        return m.Services(services=tuple(map(_service, found)))

    async def list(self, request: m.ListServicesRequest, caller: Caller) -> m.Services:
        page = await self._usage.list(
            request.project,
            filter_text=request.filter,
            page_size=request.page_size,
            page_token=request.page_token,
        )
        return m.Services(services=tuple(map(_service, page.services)), next_page_token=page.next_page_token)

    async def enable(self, request: m.ServiceRequest, caller: Caller) -> m.Operation:
        return _operation(await self._usage.enable(request.project, request.service))

    async def disable(self, request: m.DisableRequest, caller: Caller) -> m.Operation:
        return _operation(await self._usage.disable(request.project, request.service))

    async def batch_enable(self, request: m.BatchEnableRequest, caller: Caller) -> m.Operation:
        return _operation(await self._usage.batch_enable(request.project, request.service_ids))

    async def get_operation(self, request: m.OperationRequest, caller: Caller) -> m.Operation:
        found = await self._usage.get_operation(request.operation, caller.principal)
        return m.Operation(name=f"operations/{NOOP}", done=True) if found is None else _operation(found)


def _service(service: Service) -> m.Service:
    return m.Service(
        name=_name(service),
        config=m.ServiceConfig(name=service.name, title=service.title),
        state="ENABLED" if service.enabled else "DISABLED",
        parent=f"projects/{service.number}",
    )


def _name(service: Service) -> str:
    return f"projects/{service.number}/services/{service.name}"


def _operation(operation: Operation) -> m.Operation:
    shown = tuple(map(_service, operation.services))
    many = operation.change is Change.BATCH_ENABLE
    return m.Operation(
        name=f"operations/{operation.ident}",
        metadata=m.OperationMetadata(
            type_url=f"{_TYPE}OperationMetadata", resource_names=tuple(map(_name, operation.services))
        ),
        done=True,
        response=m.OperationResponse(
            type_url=_RESPONSES[operation.change],
            service=None if many else shown[0],
            services=shown if many else (),
        ),
    )
