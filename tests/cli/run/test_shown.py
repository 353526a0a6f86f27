"""Services and log entries as they are told to people."""

from __future__ import annotations

import pytest

from kumotasks.cli.command import Json
from kumotasks.cli.run.deploy import told
from kumotasks.cli.run.logs import words
from kumotasks.cli.run.revisions import LIST
from kumotasks.cli.run.shown import SERVICE_OF, active, described, routes, sign, url
from kumotasks.cli.show.output import text
from kumotasks.cli.show.projection import parse
from tests.cli.run.services import WORKER

DESCRIBED = """✔ Service worker in region us-central1

URL:     https://worker-123456789012.us-central1.run.app
Ingress: all
Traffic:
  90% LATEST (currently worker-00002-xyz)
  10% worker-00001-abc
       green: https://green---worker-0123456789-uc.a.run.app

Last updated on 2030-01-02T03:04:05.000006Z by ada@shop.example:
  Revision worker-00002-xyz
  Image:           pkg.dev/shop/worker
  Port:            8080
  Memory:          512Mi
  CPU:             1000m
  Service account: runner@shop.iam.gserviceaccount.com
  Concurrency:     80
  Timeout:         3600s
  Max instances:   1
  Env vars:
    MODE=fast"""


def test_a_service_is_described() -> None:
    assert described(WORKER) == DESCRIBED


def test_what_went_wrong_is_told_beside_it() -> None:
    failed = {"type": "Ready", "status": "False", "message": "Image not found."}
    status = {**WORKER["status"], "conditions": [failed]}  # type: ignore[dict-item]
    found = str(described({**WORKER, "status": status}))
    assert found.startswith("X Service worker")
    assert found.endswith("\nX Image not found.")


def test_a_revision_that_has_share_and_address_apart_is_told_once() -> None:
    status: Json = {
        "traffic": [
            {"percent": 100, "revisionName": "a"},
            {"revisionName": "a", "tag": "green", "url": "https://green"},
        ]
    }
    assert routes({"status": status}) == "URL:     \nTraffic:\n  100% a\n       green: https://green"


def test_revisions_of_one_second_are_listed_from_the_newest() -> None:
    form = parse("", LIST)
    items = [
        {
            "metadata": {
                "name": f"worker-{number}",
                "labels": {SERVICE_OF: "worker"},
                "creationTimestamp": f"2030-01-02T03:04:{second}Z",
            }
        }
        for number, second in [("00001-x", "05.1"), ("00002-b", "06.1"), ("00003-a", "06.2")]
    ]
    rows = text(form, items, single=False, own={"ready": sign, "active": active}).splitlines()[1:]
    assert [row.split()[1] for row in rows] == ["worker-00003-a", "worker-00002-b", "worker-00001-x"]


def test_a_service_without_a_list_of_urls_has_its_one() -> None:
    assert url({"status": {"url": "https://a"}}) == "https://a"
    assert url({"metadata": {"annotations": {"run.googleapis.com/urls": "no list"}}}) == ""


def test_what_is_not_known_yet_has_a_sign_of_its_own() -> None:
    assert [
        sign({"status": {"conditions": [{"type": "Ready", "status": each}]}}) for each in ("True", "False", "Unknown")
    ] == ["✔", "X", "…"]
    assert sign({}) == "…"


REVISION = "projects/p/locations/l/services/worker/revisions/worker-00001-abc"
LIVE: Json = {
    "uri": "https://worker.example",
    "latestReadyRevision": REVISION,
    "latestCreatedRevision": REVISION,
    "trafficStatuses": [
        {"revision": "worker-00001-abc", "percent": 100},
        {"revision": "worker-00001-abc", "tag": "green", "uri": "https://green---worker.example"},
    ],
}


def test_a_deployment_is_told_in_gclouds_words() -> None:
    assert told(LIVE, "worker", traffic_wanted=True) == [
        "Service [worker] revision [worker-00001-abc] has been deployed and is serving 100 percent of traffic.",
        "Service URL: https://worker.example",
        "The revision can be reached directly at https://green---worker.example",
    ]
    assert told({**LIVE, "trafficStatuses": []}, "worker", traffic_wanted=False) == [
        "Service [worker] revision [worker-00001-abc] has been deployed and is serving 0 percent of traffic."
    ]


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ({"textPayload": "hello"}, "2030-01-02 03:04:05 hello"),
        ({"textPayload": "\x1b[31mred\x1b[0m\nmore"}, "2030-01-02 03:04:05  [31mred [0m\nmore"),
        ({"jsonPayload": {"message": "hi", "a": 1}}, "2030-01-02 03:04:05 hi"),
        ({"jsonPayload": {"a": "é"}}, '2030-01-02 03:04:05 {"a": "é"}'),
        (
            {"httpRequest": {"requestMethod": "POST", "status": 403, "requestUrl": "https://w/"}, "textPayload": "x"},
            "2030-01-02 03:04:05 POST 403 https://w/",
        ),
        ({}, "2030-01-02 03:04:05 "),
    ],
)
def test_a_log_entry_is_a_line(entry: Json, line: str) -> None:
    assert words({"timestamp": "2030-01-02T03:04:05.999999Z", **entry}) == line
