"""The table of messages against Google's published client: no field is missing, none differs."""

from __future__ import annotations

import pytest
from google.cloud.logging_v2 import types as published

from kumotasks.api.logging import messages
from tests.api.shapes import shape

NAMES = sorted(name for name in messages._FIELDS if "." not in name)


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_as_it_is_published(name: str) -> None:
    ours = getattr(messages, name, None) or messages._message(name)
    theirs = getattr(published, name).pb()
    assert ours.DESCRIPTOR.full_name == theirs.DESCRIPTOR.full_name
    assert shape(ours.DESCRIPTOR) == shape(theirs.DESCRIPTOR)


@pytest.mark.parametrize(
    "kind", ["google.api.MonitoredResource", "google.logging.type.HttpRequest", "google.rpc.Status"]
)
def test_what_fields_are_of_is_as_it_is_published(kind: str) -> None:
    from google.protobuf import descriptor_pool

    theirs = descriptor_pool.Default().FindMessageTypeByName(kind)
    assert shape(messages._POOL.FindMessageTypeByName(kind)) == shape(theirs)


def test_a_message_written_by_the_client_is_read_here_and_back() -> None:
    entry = published.LogEntry(
        log_name="projects/p/logs/l",
        json_payload={"a": [1, None, {"b": True}]},
        severity="ERROR",
        labels={"k": "v"},
        http_request={"request_method": "GET", "latency": {"seconds": 3}},
    )
    data = published.LogEntry.serialize(entry)
    read = messages.LogEntry.FromString(data)
    assert read.SerializeToString(deterministic=True) == published.LogEntry.pb(entry).SerializeToString(
        deterministic=True
    )
