"""The table of calls of Cloud Run v2: services, revisions, their policies, and the operations that changes are.

Whether the caller may act as the account of a template is asked by the use case, which knows the account of a template
that names none. A test holds the rows against Google's published client.
"""

from __future__ import annotations

from typing import Any

from kumotasks.api.call import Route, row
from kumotasks.api.run import messages as m
from kumotasks.api.run.operation_calls import OperationCalls
from kumotasks.api.run.revision_calls import RevisionCalls
from kumotasks.api.run.service_calls import ServiceCalls
from kumotasks.api.tasks.policy_calls import PolicyCalls
from kumotasks.domain.principal import Need

SERVICES = "google.cloud.run.v2.Services"
REVISIONS = "google.cloud.run.v2.Revisions"
OPERATIONS = "google.longrunning.Operations"
_PLACE = "projects/*/locations/*"
_SERVICE = f"{_PLACE}/services/*"
_REVISION = f"{_SERVICE}/revisions/*"
_OPERATION = f"{_PLACE}/operations/*"


def routes(
    services: ServiceCalls, revisions: RevisionCalls, operations: OperationCalls, policies: PolicyCalls
) -> tuple[Route, ...]:
    """Every call of google.cloud.run.v2's services and revisions; `policies` are those of services."""
    return (
        *_service_routes(services),
        *_policy_routes(policies),
        *_revision_routes(revisions),
        *_operation_routes(operations),
    )


def _service_routes(c: ServiceCalls) -> tuple[Route, ...]:
    # fmt: off
    return (
        row((SERVICES, "CreateService"), (m.CreateServiceRequest, m.Operation), f"POST /v2/{{parent={_PLACE}}}/services", "service", "run.services.create", c.create),
        row((SERVICES, "GetService"), (m.GetServiceRequest, m.Service), f"GET /v2/{{name={_SERVICE}}}", "", "run.services.get", c.get),
        row((SERVICES, "ListServices"), (m.ListServicesRequest, m.ListServicesResponse), f"GET /v2/{{parent={_PLACE}}}/services", "", "run.services.list", c.list),
        row((SERVICES, "UpdateService"), (m.UpdateServiceRequest, m.Operation), f"PATCH /v2/{{service.name={_SERVICE}}}", "service", "run.services.update", c.update, more=of_missing),
        row((SERVICES, "DeleteService"), (m.DeleteServiceRequest, m.Operation), f"DELETE /v2/{{name={_SERVICE}}}", "", "run.services.delete", c.delete),
    )
    # fmt: on


def _policy_routes(c: PolicyCalls) -> tuple[Route, ...]:
    # fmt: off
    return (
        row((SERVICES, "GetIamPolicy"), (m.GetIamPolicyRequest, m.Policy), f"GET /v2/{{resource={_SERVICE}}}:getIamPolicy", "", "run.services.getIamPolicy", c.get_policy),
        row((SERVICES, "SetIamPolicy"), (m.SetIamPolicyRequest, m.Policy), f"POST /v2/{{resource={_SERVICE}}}:setIamPolicy", "*", "run.services.setIamPolicy", c.set_policy),
        row((SERVICES, "TestIamPermissions"), (m.TestIamPermissionsRequest, m.TestIamPermissionsResponse), f"POST /v2/{{resource={_SERVICE}}}:testIamPermissions", "*", "", c.test_permissions),
    )
    # fmt: on


def _revision_routes(c: RevisionCalls) -> tuple[Route, ...]:
    # fmt: off
    return (
        row((REVISIONS, "GetRevision"), (m.GetRevisionRequest, m.Revision), f"GET /v2/{{name={_REVISION}}}", "", "run.revisions.get", c.get),
        row((REVISIONS, "ListRevisions"), (m.ListRevisionsRequest, m.ListRevisionsResponse), f"GET /v2/{{parent={_SERVICE}}}/revisions", "", "run.revisions.list", c.list),
        row((REVISIONS, "DeleteRevision"), (m.DeleteRevisionRequest, m.Operation), f"DELETE /v2/{{name={_REVISION}}}", "", "run.revisions.delete", c.delete),
    )
    # fmt: on


def _operation_routes(c: OperationCalls) -> tuple[Route, ...]:
    # fmt: off
    return (
        row((OPERATIONS, "GetOperation"), (m.GetOperationRequest, m.Operation), f"GET /v2/{{name={_OPERATION}}}", "", "run.operations.get", c.get),
        row((OPERATIONS, "ListOperations"), (m.ListOperationsRequest, m.ListOperationsResponse), f"GET /v2/{{name={_PLACE}}}/operations", "", "run.operations.list", c.list),
        row((OPERATIONS, "DeleteOperation"), (m.DeleteOperationRequest, m.Empty), f"DELETE /v2/{{name={_OPERATION}}}", "", "run.operations.delete", c.delete),
        row((OPERATIONS, "WaitOperation"), (m.WaitOperationRequest, m.Operation), f"POST /v2/{{name={_OPERATION}}}:wait", "*", "run.operations.get", c.wait),
    )
    # fmt: on


def of_missing(request: Any) -> tuple[Need, ...]:
    """UpdateService, where it may make what is not there."""
    parent = request.service.name.partition("/services/")[0]
    return (Need("run.services.create", parent),) if request.allow_missing else ()
