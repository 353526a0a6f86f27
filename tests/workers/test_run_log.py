"""How entries of services read."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kumotasks.domain.clock import ManualClock
from kumotasks.domain.run.service import ServiceName
from kumotasks.logs.entry import ERROR, INFO, WARNING, InsertIds, LogEntry, to_document
from kumotasks.workers.run_log import STDERR, Line, Place, Request, RunLog
from tests.factory import NOW

PLACE = Place(ServiceName("p", "asia-northeast1", "worker"), "worker-00001-abc", "0042")


class Taken:
    def __init__(self) -> None:
        self.ids = InsertIds()
        self.entries: list[LogEntry] = []

    def write(self, entries: Sequence[LogEntry]) -> None:
        self.entries += entries


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def log(taken: Taken) -> RunLog:
    return RunLog(taken, ManualClock(NOW))


def test_a_request_reads_as_cloud_runs(log: RunLog, taken: Taken) -> None:
    request = Request("POST", "https://w/x", 200, 7, 0, "curl", "1.2.3.4", latency=12_000, trace="ab", span="cd")
    log.request(PLACE, request)
    document = to_document(taken.entries[0])
    assert document["logName"] == "projects/p/logs/run.googleapis.com%2Frequests"
    assert document["resource"] == {
        "type": "cloud_run_revision",
        "labels": {
            "project_id": "p",
            "location": "asia-northeast1",
            "service_name": "worker",
            "configuration_name": "worker",
            "revision_name": "worker-00001-abc",
        },
    }
    assert document["labels"] == {"instanceId": "0042"}
    assert document["httpRequest"] == {
        "requestMethod": "POST",
        "requestUrl": "https://w/x",
        "requestSize": "7",
        "status": 200,
        "responseSize": "0",
        "userAgent": "curl",
        "remoteIp": "1.2.3.4",
        "latency": "0.012s",
        "protocol": "HTTP/1.1",
    }
    assert (document["trace"], document["spanId"], document["traceSampled"]) == ("projects/p/traces/ab", "cd", True)
    assert "textPayload" not in document
    assert taken.entries[0].timestamp == NOW - 12_000


@pytest.mark.parametrize(("status", "severity"), [(200, INFO), (302, INFO), (403, WARNING), (504, ERROR)])
def test_the_severity_of_a_request_follows_its_status(log: RunLog, taken: Taken, status: int, severity: int) -> None:
    log.request(PLACE, Request("GET", "https://w/", status))
    assert taken.entries[0].severity == severity


def test_a_request_that_got_no_further_than_the_front_says_why(log: RunLog, taken: Taken) -> None:
    log.request(Place(PLACE.service), Request("GET", "https://w/", 403, refusal="The request was not authenticated."))
    assert taken.entries[0].payload == "The request was not authenticated."
    assert not taken.entries[0].labels


def test_a_line_keeps_what_it_said_of_itself(log: RunLog, taken: Taken) -> None:
    log.output(PLACE, STDERR, [Line("a"), Line({"m": 1}, ERROR, 5, {"k": "v"}, insert_id="mine")])
    first, second = taken.entries
    assert (first.log_name, first.payload, first.timestamp) == ("projects/p/logs/run.googleapis.com%2Fstderr", "a", NOW)
    assert (second.payload, second.severity, second.timestamp, second.insert_id) == ({"m": 1}, ERROR, 5, "mine")
    assert second.labels == {"instanceId": "0042", "k": "v"}
