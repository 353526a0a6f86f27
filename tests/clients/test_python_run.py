"""google-cloud-run over gRPC and over REST: a service is deployed, changed, shared and deleted as programs do it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import BadRequest, Conflict, NotFound
from google.api_core.future.polling import DEFAULT_POLLING
from google.auth.credentials import AnonymousCredentials
from google.cloud import run_v2
from google.cloud.run_v2.services.revisions.transports import RevisionsGrpcTransport
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.longrunning import operations_pb2

from tests.running import KumoProcess, running

HELLO = "us-docker.pkg.dev/cloudrun/container/hello"
PROJECTS = (f"runner-{number}" for number in itertools.count(1))
READY = run_v2.Condition.State.CONDITION_SUCCEEDED
# The client's own, but for its first second of waiting.
POLLING = DEFAULT_POLLING.with_timeout(60).with_delay(initial=0.05)


def done(operation: Any) -> Any:
    """What an operation came to."""
    return operation.result(polling=POLLING)


@dataclass(frozen=True, slots=True)
class Clients:
    """`place` is a location of a fresh project."""

    services: run_v2.ServicesClient
    revisions: run_v2.RevisionsClient
    place: str

    def deploy(self, ident: str = "worker", image: str = HELLO, **more: object) -> Any:
        service = run_v2.Service(template={"containers": [{"image": image}]}, **more)
        made = self.services.create_service(parent=self.place, service=service, service_id=ident)
        return done(made)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    with running(tmp_path_factory.mktemp("run")) as process:
        yield process


@pytest.fixture(scope="module", params=["grpc", "rest"])
def transported(
    request: pytest.FixtureRequest, server: KumoProcess
) -> Iterator[tuple[run_v2.ServicesClient, run_v2.RevisionsClient]]:
    if request.param == "grpc":
        with grpc.insecure_channel(server.address) as channel:
            yield (
                run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=channel)),
                run_v2.RevisionsClient(transport=RevisionsGrpcTransport(channel=channel)),
            )
        return
    options = {"api_endpoint": f"http://{server.address}"}
    credentials = AnonymousCredentials()
    with (
        run_v2.ServicesClient(transport="rest", credentials=credentials, client_options=options) as services,
        run_v2.RevisionsClient(transport="rest", credentials=credentials, client_options=options) as revisions,
    ):
        yield services, revisions


@pytest.fixture
def clients(transported: tuple[run_v2.ServicesClient, run_v2.RevisionsClient]) -> Clients:
    return Clients(*transported, f"projects/{next(PROJECTS)}/locations/asia-northeast1")


def test_a_deployed_service_is_ready_and_read_back(clients: Clients) -> None:
    made = clients.deploy(description="hello")
    name = f"{clients.place}/services/worker"
    assert (made.name, made.description, made.reconciling) == (name, "hello", False)
    assert made.terminal_condition.state == READY
    assert clients.services.get_service(name=name) == made
    assert made.uri.startswith("https://worker-")
    assert made.uri.endswith(".asia-northeast1.run.app")
    revision = clients.revisions.get_revision(name=made.latest_ready_revision)
    assert revision.containers[0].image == HELLO
    assert (revision.max_instance_request_concurrency, revision.timeout.seconds) == (80, 300)


def test_what_was_read_is_changed_and_written_back(clients: Clients) -> None:
    service = clients.deploy()
    service.template.containers[0].env = [run_v2.EnvVar(name="GREETING", value="hi")]
    service.template.timeout = {"seconds": 600}
    changed = done(clients.services.update_service(service=service))
    assert (changed.generation, changed.observed_generation) == (2, 2)
    assert changed.latest_ready_revision != service.latest_ready_revision
    listed = [each.name for each in clients.revisions.list_revisions(parent=service.name)]
    assert listed == [service.latest_ready_revision, changed.latest_ready_revision]
    service.description = "late"
    with pytest.raises(Conflict, match="version"):
        clients.services.update_service(service=service)


def test_a_mask_leaves_the_rest_as_it_is(clients: Clients) -> None:
    before = clients.deploy(labels={"a": "1"})
    asked = run_v2.Service(name=before.name, description="new")
    request = run_v2.UpdateServiceRequest(service=asked, update_mask={"paths": ["description"]})
    after = done(clients.services.update_service(request=request))
    assert (after.description, dict(after.labels)) == ("new", {"a": "1"})
    assert after.latest_ready_revision == before.latest_ready_revision


def test_traffic_is_split_and_an_old_revision_deleted(clients: Clients) -> None:
    first = clients.deploy()
    service = run_v2.Service(first)
    service.template.labels = {"release": "2"}
    old = first.latest_ready_revision.rpartition("/")[2]
    by_name = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
    latest = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
    service.traffic = [
        run_v2.TrafficTarget(type_=latest, percent=75),
        run_v2.TrafficTarget(type_=by_name, revision=old, percent=25, tag="old"),
    ]
    split = done(clients.services.update_service(service=service))
    assert [(each.revision, each.percent) for each in split.traffic_statuses] == [
        (split.latest_ready_revision.rpartition("/")[2], 75),
        (old, 25),
    ]
    assert split.traffic_statuses[1].uri.startswith("https://old---worker-")
    with pytest.raises(BadRequest, match="target of traffic"):
        clients.revisions.delete_revision(name=first.latest_ready_revision)
    split.traffic = [run_v2.TrafficTarget(type_=latest, percent=100)]
    done(clients.services.update_service(service=split))
    gone = done(clients.revisions.delete_revision(name=first.latest_ready_revision))
    assert gone.name == first.latest_ready_revision
    with pytest.raises(NotFound):
        clients.revisions.get_revision(name=gone.name)


def test_an_image_that_nobody_mapped_fails_with_a_reason(clients: Clients) -> None:
    with pytest.raises(NotFound, match="not found"):
        clients.deploy(image="asia-northeast1-docker.pkg.dev/p/r/unknown")
    failed = clients.services.get_service(name=f"{clients.place}/services/worker").terminal_condition
    assert failed.state == run_v2.Condition.State.CONDITION_FAILED
    assert failed.reason == run_v2.Condition.CommonReason.CONTAINER_MISSING


def test_services_are_listed_page_by_page(clients: Clients) -> None:
    for ident in ("a", "b", "c"):
        clients.services.create_service(
            parent=clients.place,
            service=run_v2.Service(template={"containers": [{"image": HELLO}]}),
            service_id=ident,
        )
    pages = clients.services.list_services(request={"parent": clients.place, "page_size": 2}).pages
    assert [[each.name[-1] for each in page.services] for page in pages] == [["a", "b"], ["c"]]
    everywhere = clients.place.replace("asia-northeast1", "-")
    assert len(list(clients.services.list_services(parent=everywhere))) == 3


def test_who_may_invoke_a_service_is_its_policy(clients: Clients) -> None:
    name = clients.deploy().name
    binding = policy_pb2.Binding(role="roles/run.invoker", members=["allUsers"])
    asked = iam_policy_pb2.SetIamPolicyRequest(resource=name, policy=policy_pb2.Policy(bindings=[binding]))
    clients.services.set_iam_policy(request=asked)
    kept = clients.services.get_iam_policy(request=iam_policy_pb2.GetIamPolicyRequest(resource=name))
    assert list(kept.bindings) == [binding]
    tested = iam_policy_pb2.TestIamPermissionsRequest(resource=name, permissions=["run.routes.invoke"])
    assert clients.services.test_iam_permissions(request=tested).permissions == ["run.routes.invoke"]


def test_operations_are_found_listed_and_forgotten(clients: Clients) -> None:
    clients.deploy()
    listed = clients.services.list_operations(operations_pb2.ListOperationsRequest(name=clients.place))
    (operation,) = listed.operations
    found = clients.services.get_operation(operations_pb2.GetOperationRequest(name=operation.name))
    waited = clients.services.wait_operation(operations_pb2.WaitOperationRequest(name=operation.name))
    # The client leaves what a wait answers over gRPC unread.
    waited = operations_pb2.Operation.FromString(waited) if isinstance(waited, bytes) else waited
    assert found == operation == waited
    assert found.done
    clients.services.delete_operation(operations_pb2.DeleteOperationRequest(name=operation.name))
    with pytest.raises(NotFound):
        clients.services.get_operation(operations_pb2.GetOperationRequest(name=operation.name))


def test_a_deleted_service_is_gone(clients: Clients) -> None:
    name = clients.deploy().name
    gone = done(clients.services.delete_service(name=name))
    assert (gone.name, bool(gone.delete_time)) == (name, True)
    with pytest.raises(NotFound, match="Resource 'worker' of kind 'SERVICE'"):
        clients.services.get_service(name=name)


def test_what_cannot_be_is_refused(clients: Clients) -> None:
    with pytest.raises(BadRequest, match="at least one container"):
        clients.services.create_service(parent=clients.place, service=run_v2.Service(), service_id="worker")
    clients.deploy()
    with pytest.raises(Conflict, match="already exists"):
        clients.deploy()
