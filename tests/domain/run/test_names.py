"""Names of services and revisions."""

from __future__ import annotations

import pytest

from kumotasks.domain.errors import InvalidArgument
from kumotasks.domain.run.names import (
    RevisionName,
    check_revision_id,
    parse_new_service_id,
    parse_revision,
    parse_service,
)
from kumotasks.domain.run.service import ServiceName

TEXT = "projects/p-1/locations/us-central1/services/worker"


def test_a_service_name_has_three_parts_and_comes_back_as_it_was() -> None:
    assert parse_service(TEXT) == ServiceName("p-1", "us-central1", "worker")
    assert str(parse_service(TEXT)) == TEXT


def test_a_revision_name_has_its_service_in_it() -> None:
    name = parse_revision(f"{TEXT}/revisions/worker-00001-abc")
    assert name == RevisionName(parse_service(TEXT), "worker-00001-abc")
    assert str(name) == f"{TEXT}/revisions/worker-00001-abc"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "worker",
        TEXT + "/",
        TEXT + "/revisions",
        TEXT.upper(),
        TEXT.replace("worker", "a/b"),
        TEXT + "\n",
        "x" + TEXT,
    ],
)
def test_what_is_no_service_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="Invalid resource field value"):
        parse_service(text)


def test_what_is_no_revision_name_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="Invalid resource field value"):
        parse_revision(TEXT)


@pytest.mark.parametrize("text", ["a", "worker", "w-1", "a" * 49])
def test_a_new_service_may_be_called_so(text: str) -> None:
    assert parse_new_service_id(text) == text


@pytest.mark.parametrize("text", ["", "1a", "-a", "a-", "Worker", "a_b", "a" * 50, "a\n", "ä"])
def test_a_new_service_may_not_be_called_so(text: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        parse_new_service_id(text)
    assert refusal.value.message == (
        "Violation in CreateServiceRequest.service_id: only lowercase, digits, and hyphens; "
        "must begin with letter, and cannot end with hyphen; must be less than 50 characters."
    )


def test_a_revision_that_the_caller_names_begins_with_its_service() -> None:
    assert check_revision_id("worker-green", "worker") == "worker-green"
    for text in ("green", "workergreen", "worker-", "worker-Green", "worker-" + "a" * 60):
        with pytest.raises(InvalidArgument):
            check_revision_id(text, "worker")
