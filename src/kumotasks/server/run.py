"""The surfaces of Cloud Run: its API in both wire forms, over the same use cases."""

from __future__ import annotations

from kumotasks.api.call import JsonRoute, RawRoute, Route
from kumotasks.api.operations import joined
from kumotasks.api.run.convert_operation import is_ours
from kumotasks.api.run.knative_calls import KnativeCalls
from kumotasks.api.run.knative_routes import knative_routes
from kumotasks.api.run.operation_calls import OperationCalls
from kumotasks.api.run.regions import Places
from kumotasks.api.run.revision_calls import RevisionCalls
from kumotasks.api.run.routes import routes
from kumotasks.api.run.service_calls import ServiceCalls
from kumotasks.api.tasks.policy_calls import PolicyCalls
from kumotasks.server.identity import Known
from kumotasks.server.workers import Workers
from kumotasks.service.locations import Locations
from kumotasks.service.policies import Policies
from kumotasks.settings import Settings
from kumotasks.workers.deploying.policies import services_in

AnyRoute = Route | RawRoute | JsonRoute


def with_run(
    others: tuple[AnyRoute, ...], workers: Workers, known: Known, settings: Settings, locations: Locations
) -> tuple[AnyRoute, ...]:
    """Every call, those of Cloud Run among them; operations are answered by whoever made them."""
    resources = {"services": services_in(workers.shelf, known.projects)}
    policies = PolicyCalls(Policies(known.book, known.authorizer, resources))
    number = known.projects.number
    of_two = routes(
        ServiceCalls(workers.services, workers.operations, number),
        RevisionCalls(workers.revisions),
        OperationCalls(workers.operations, number),
        policies,
    )
    knative = KnativeCalls(
        workers.services,
        workers.revisions,
        projects=known.projects,
        locations=locations,
        places=Places(settings.location),
        clock=known.wall,
    )
    of_one = knative_routes(knative, policies, Places(settings.location))
    return (*joined(others, of_two, is_ours), *of_one)
