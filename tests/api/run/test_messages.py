"""The tables of messages against Google's published client: no field is missing, none differs."""

from __future__ import annotations

from typing import Any

import pytest
from google.cloud.run_v2 import types as published

from kumotasks.api.descriptors import message_class
from kumotasks.api.run import messages
from kumotasks.api.run.fields import FIELDS
from tests.api.shapes import shape


@pytest.mark.parametrize("name", sorted(name for name in FIELDS if "." not in name))
def test_a_message_is_as_it_is_published(name: str) -> None:
    ours: Any = message_class(messages._POOL, f"{messages.PACKAGE}.{name}")
    theirs = getattr(published, name).pb()
    assert ours.DESCRIPTOR.full_name == theirs.DESCRIPTOR.full_name
    assert shape(ours.DESCRIPTOR) == shape(theirs.DESCRIPTOR)


def test_a_service_written_by_the_client_is_read_here_and_back() -> None:
    service = published.Service(
        name="projects/p/locations/l/services/s",
        ingress=published.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY,
        launch_stage="GA",
        template={"containers": [{"image": "i", "env": [{"name": "A", "value": ""}]}], "timeout": {"seconds": 3}},
        traffic=[{"type_": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}],
        scaling={"manual_instance_count": 0},
    )
    data = published.Service.pb(service).SerializeToString(deterministic=True)
    read = messages.Service.FromString(data)
    assert read.SerializeToString(deterministic=True) == data
    assert read.scaling.HasField("manual_instance_count")
