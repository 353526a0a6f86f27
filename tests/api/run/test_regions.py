"""Where a call of Knative v1 is meant for."""

from __future__ import annotations

import pytest

from kumotasks.api.call import RawCall
from kumotasks.api.run.regions import Places, needing, region_of
from kumotasks.domain.principal import Need


def call(host: str, **variables: str) -> RawCall:
    return RawCall({"project": "p", **variables}, (), (("accept", "*/*"), ("host", host)), b"")


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("asia-northeast1-run.googleapis.com", "asia-northeast1"),
        ("Europe-West12-run.googleapis.com:443", "europe-west12"),
        ("northamerica-northeast1-127.0.0.1:8123", "northamerica-northeast1"),
        ("us-central1-run.localhost:8123", "us-central1"),
        ("run.us-east4.rep.googleapis.com", "us-east4"),
        ("run.googleapis.com", ""),
        ("localhost:8123", ""),
        ("my-host1.example.com", ""),
        ("us-central1-", ""),
    ],
)
def test_the_region_stands_in_front_of_the_host(host: str, region: str) -> None:
    assert region_of((("host", host),)) == region


def test_without_a_host_there_is_no_region() -> None:
    assert region_of((("accept", "*/*"),)) == ""


def test_a_location_is_that_of_the_path_else_the_hosts_else_the_servers() -> None:
    places = Places("us-central1")
    regional, plain = "asia-northeast1-run.googleapis.com", "run.googleapis.com"
    assert places.location(call(regional, location="europe-west1")) == "projects/p/locations/europe-west1"
    assert places.location(call(regional)) == "projects/p/locations/asia-northeast1"
    assert places.location(call(plain)) == "projects/p/locations/us-central1"


def test_a_call_needs_its_permission_where_it_is_meant_for() -> None:
    needs = needing("run.services.get", Places("us-central1").service)
    asked = call("asia-east1-run.googleapis.com", service="worker")
    assert needs(asked) == (Need("run.services.get", "projects/p/locations/asia-east1/services/worker"),)
