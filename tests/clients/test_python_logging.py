"""google-cloud-logging, over gRPC and over HTTP: what a program writes with it comes back through it."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import GoogleAPICallError, InvalidArgument, NotFound
from google.auth.credentials import AnonymousCredentials
from google.cloud import logging_v2
from google.cloud.logging import ASCENDING, DESCENDING, Client, Resource
from google.cloud.logging_v2._gapic import _LoggingAPI
from google.cloud.logging_v2.handlers import CloudLoggingHandler
from google.cloud.logging_v2.handlers.transports import BackgroundThreadTransport, SyncTransport
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.services.logging_service_v2.transports import LoggingServiceV2GrpcTransport
from google.cloud.logging_v2.types import TailLogEntriesRequest

from tests.running import KumoProcess, running

PROJECTS = (f"logger-{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def kumo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KumoProcess]:
    """On the system's clock: clients say themselves when it was."""
    with running(tmp_path_factory.mktemp("logging")) as process:
        yield process


@pytest.fixture(scope="module")
def service(kumo: KumoProcess) -> Iterator[LoggingServiceV2Client]:
    with LoggingServiceV2Client(
        transport=LoggingServiceV2GrpcTransport(channel=grpc.insecure_channel(kumo.address))
    ) as service:
        yield service


@pytest.fixture(params=["grpc", "http"])
def client(
    request: pytest.FixtureRequest,
    kumo: KumoProcess,
    service: LoggingServiceV2Client,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Client]:
    """The client of a fresh project, without the entry about itself that it would write once."""
    monkeypatch.setattr(logging_v2, "_instrumentation_emitted", True)
    options = {"api_endpoint": f"http://{kumo.address}"}
    client = Client(project=next(PROJECTS), credentials=AnonymousCredentials(), client_options=options, _use_grpc=False)
    if request.param == "grpc":
        client._logging_api = _LoggingAPI(service, client)
    yield client
    client._http.close()


def test_texts_structs_and_empty_entries_are_listed_as_they_were_logged(client: Client) -> None:
    logger = client.logger("my-log")
    logger.log_text("hello", severity="WARNING", labels={"k": "v"}, trace="projects/p/traces/t", span_id="a" * 16)
    logger.log_struct({"message": "m", "deep": {"list": [1, "two", None]}}, severity="ERROR")
    logger.log_empty(insert_id="own")
    logger.log({"message": "inferred"}, resource=Resource(type="gae_app", labels={"module_id": "m"}))
    text, struct, empty, inferred = logger.list_entries(order_by=ASCENDING)
    assert (text.payload, text.severity, text.labels) == ("hello", "WARNING", {"k": "v"})
    assert (text.trace, text.span_id) == ("projects/p/traces/t", "a" * 16)
    assert (struct.payload, struct.severity) == ({"message": "m", "deep": {"list": [1, "two", None]}}, "ERROR")
    assert (empty.payload, empty.insert_id) == (None, "own")
    assert inferred.resource == Resource("gae_app", {"module_id": "m", "project_id": client.project})
    assert text.log_name == f"projects/{client.project}/logs/my-log"
    assert isinstance(text.timestamp, datetime)
    assert text.received_timestamp is not None


def test_entries_are_filtered_ordered_and_paged(client: Client) -> None:
    logger = client.logger("numbers")
    with logger.batch() as batch:
        for number in range(25):
            batch.log_struct({"number": number}, severity="ERROR" if number % 2 else "INFO")
    odd = list(client.list_entries(filter_="severity>=ERROR jsonPayload.number<9", page_size=2))
    assert [entry.payload["number"] for entry in odd] == [1, 3, 5, 7]
    last = list(logger.list_entries(order_by=DESCENDING, max_results=7, page_size=3))
    assert [entry.payload["number"] for entry in last] == list(range(24, 17, -1))


def test_a_filter_that_cannot_be_read_is_the_callers_fault(client: Client) -> None:
    with pytest.raises(GoogleAPICallError, match="Unparseable filter: syntax error at line 1, column 10") as refused:
        list(client.list_entries(filter_="severity>>"))
    assert refused.value.code == 400


def test_a_batch_with_a_bad_entry_says_so_and_keeps_the_others(client: Client) -> None:
    batch = client.logger("batch").batch()
    batch.log_text("good")
    batch.log_text("x" * 300_000)
    with pytest.raises(GoogleAPICallError, match="exceeds maximum size of 256"):
        batch.commit(partial_success=True)
    assert [entry.payload for entry in client.list_entries()] == ["good"]


def test_a_log_is_deleted(client: Client) -> None:
    logger = client.logger("short-lived")
    logger.log_text("x")
    logger.delete()
    assert list(client.list_entries()) == []
    with pytest.raises(NotFound):
        logger.delete()


@pytest.mark.parametrize("transport", [SyncTransport, BackgroundThreadTransport])
def test_a_handler_of_the_standard_library_writes_here(client: Client, transport: Any) -> None:
    handler = CloudLoggingHandler(client, name="app", transport=transport, resource=Resource("global", {}))
    own = logging.getLogger(f"own.{client.project}")
    own.addHandler(handler)
    own.warning("disk at %d %%", 91, extra={"labels": {"disk": "sda"}, "json_fields": {"free": 9}})
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        own.exception("failed")
    handler.close()
    first, second = client.list_entries(order_by=ASCENDING)
    assert (first.payload, first.severity) == ({"message": "disk at 91 %", "free": 9}, "WARNING")
    assert first.labels["disk"] == "sda"
    assert first.source_location["function"] == "test_a_handler_of_the_standard_library_writes_here"
    assert "ZeroDivisionError: division by zero" in second.payload
    assert second.severity == "ERROR"


def test_the_log_names_of_a_project_are_listed(service: LoggingServiceV2Client, client: Client) -> None:
    for name in ("b", "a/c"):
        client.logger(name).log_text("x")
    names = [f"projects/{client.project}/logs/{log}" for log in ("a%2Fc", "b")]
    assert list(service.list_logs(parent=f"projects/{client.project}")) == names


def test_the_kinds_of_resources_are_listed(service: LoggingServiceV2Client) -> None:
    kinds = [kind.type for kind in service.list_monitored_resource_descriptors(request={"page_size": 1})]
    assert kinds == ["cloud_run_revision", "cloud_tasks_queue", "global"]


def test_a_tail_tells_what_is_written_while_it_is_open(service: LoggingServiceV2Client, client: Client) -> None:
    request = TailLogEntriesRequest(
        resource_names=[f"projects/{client.project}"], filter="severity>=ERROR", buffer_window={"seconds": 0}
    )
    tail = service.tail_log_entries(iter([request]), timeout=30)
    logger = client.logger("tailed")
    logger.log_text("mild")
    logger.log_text("bad", severity="ERROR")
    heard = (entry for answer in tail for entry in answer.entries)
    assert next(heard).text_payload == "bad"
    logger.log_struct({"worse": True}, severity="ALERT")
    assert dict(next(heard).json_payload) == {"worse": True}
    tail.cancel()


def test_a_tail_that_cannot_be_is_refused(service: LoggingServiceV2Client) -> None:
    with pytest.raises(InvalidArgument, match="Unparseable filter"):
        service.tail_log_entries(
            iter([TailLogEntriesRequest(resource_names=["projects/p"], filter="a==b")]), timeout=30
        )
