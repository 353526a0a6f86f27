"""Errors on the wire: every class has a code, and both transports tell the same."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2

from kumotasks.api.status import CODES, ERRORS, to_grpc, to_http, to_status
from kumotasks.domain import errors
from kumotasks.domain.errors import Help, InvalidArgument, KumoError, Violation


def below(kind: type[KumoError]) -> Iterator[type[KumoError]]:
    for each in kind.__subclasses__():
        yield each
        yield from below(each)


def test_every_error_has_a_code() -> None:
    assert {each for each in below(KumoError) if each.__module__.startswith("kumotasks.")} == set(ERRORS)


@pytest.mark.parametrize("code", sorted(CODES))
def test_codes_have_googles_names(code: int) -> None:
    assert code_pb2.Code.Name(code) == CODES[code][0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "code", "name", "status"),
    [
        (errors.InvalidArgument("no"), 3, "INVALID_ARGUMENT", 400),
        (errors.QueueNotFound(), 5, "NOT_FOUND", 404),
        (errors.PathUnknown(), 5, "NOT_FOUND", 404),
        (errors.TaskNameRetired(), 6, "ALREADY_EXISTS", 409),
        (errors.Forbidden(), 7, "PERMISSION_DENIED", 403),
        (errors.TailTooLong(), 11, "OUT_OF_RANGE", 400),
        (errors.Stopping(), 14, "UNAVAILABLE", 503),
        (errors.ResourceExhausted(), 8, "RESOURCE_EXHAUSTED", 429),
        (errors.PayloadTooLarge(), 8, "RESOURCE_EXHAUSTED", 413),
        (errors.QueueNameRetired(), 9, "FAILED_PRECONDITION", 400),
        (errors.PolicyChanged(), 10, "ABORTED", 409),
        (errors.MethodUnknown(), 12, "UNIMPLEMENTED", 501),
        (errors.InternalFault(), 13, "INTERNAL", 500),
        (errors.StorageUnavailable(), 14, "UNAVAILABLE", 503),
        (errors.CallTimedOut(), 4, "DEADLINE_EXCEEDED", 504),
    ],
)
def test_both_transports_tell_the_same(error: KumoError, code: int, name: str, status: int) -> None:
    assert to_grpc(error) == (code, error.message, None)
    assert to_http(error) == (status, {"error": {"code": status, "message": error.message, "status": name}})


def test_details_travel_in_both() -> None:
    link = Help("Definition of task ID", "https://example.com/#id")
    error = InvalidArgument("no", help_link=link, violations=(Violation("task.name", "bad"), Violation("", "worse")))
    _, _, details = to_grpc(error)
    assert details is not None
    status = status_pb2.Status.FromString(details)
    assert status == to_status(error)
    bad, helping = error_details_pb2.BadRequest(), error_details_pb2.Help()
    assert status.details[0].Unpack(bad)
    assert status.details[1].Unpack(helping)
    assert [(each.field, each.description) for each in bad.field_violations] == [("task.name", "bad"), ("", "worse")]
    assert [(each.description, each.url) for each in helping.links] == [(link.description, link.url)]
    assert to_http(error)[1]["error"]["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": [{"field": "task.name", "description": "bad"}, {"description": "worse"}],
        },
        {
            "@type": "type.googleapis.com/google.rpc.Help",
            "links": [{"description": link.description, "url": link.url}],
        },
    ]


def test_an_error_from_elsewhere_is_internal() -> None:
    class Surprise(KumoError):
        """Nobody gave this a code."""

    assert to_grpc(Surprise())[0] == 13


def test_a_denied_project_is_told_as_google_tells_it() -> None:
    status, envelope = to_http(errors.ProjectDenied("nope"))
    assert (status, envelope["error"]["message"]) == (403, "Permission denied on resource project nope.")
    info, localized, helping = envelope["error"]["details"]
    assert info == {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": "CONSUMER_INVALID",
        "domain": "googleapis.com",
        "metadata": {"consumer": "projects/nope", "containerInfo": "nope", "service": "cloudtasks.googleapis.com"},
    }
    assert localized["message"] == envelope["error"]["message"]
    assert helping["@type"] == "type.googleapis.com/google.rpc.Help"


@pytest.mark.parametrize(
    ("first", "code", "status"),
    [(errors.PermissionDenied("a", "b"), 7, 403), (errors.InvalidArgument("no"), 3, 400)],
)
def test_refused_entries_are_told_as_the_first_of_them_and_each_by_its_place(
    first: KumoError, code: int, status: int
) -> None:
    refused = errors.EntriesRefused({4: errors.InvalidArgument("later"), 2: first})
    assert to_grpc(refused)[:2] == (code, first.message)
    told, envelope = to_http(refused)
    assert told == status
    assert envelope["error"]["details"] == [
        {
            "@type": "type.googleapis.com/google.logging.v2.WriteLogEntriesPartialErrors",
            "logEntryErrors": {"2": {"code": code, "message": first.message}, "4": {"code": 3, "message": "later"}},
        }
    ]
