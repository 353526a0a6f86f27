"""A change of policy is in force with the very next call, over the connection and with the token that are in use."""

from __future__ import annotations

import pytest

from tests.calls import Json
from tests.iam.expectations import NO_ROLE
from tests.iam.requests import LOCATION
from tests.iam.stage import TRANSPORTS, Stage

NOBODY = (NO_ROLE, "project")


@pytest.fixture(params=TRANSPORTS)
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def fresh(stage: Stage, request: pytest.FixtureRequest) -> str:
    name = f"{LOCATION}/queues/{request.node.name.replace('_', '-').replace('[', '-').rstrip(']')}"
    stage.owner.json("POST", f"/v2/{LOCATION}/queues", {"name": name})
    return name


def bind(stage: Stage, queue: str, *members: str) -> None:
    bindings: list[Json] = [{"role": "roles/cloudtasks.viewer", "members": list(members)}] if members else []
    stage.owner.json("POST", f"/v2/{queue}:setIamPolicy", {"policy": {"bindings": bindings}})


def test_granted_and_taken_away(stage: Stage, transport: str, fresh: str) -> None:
    cast = stage.cast(NOBODY)
    client = stage.client(transport, cast.token)
    for _ in range(2):
        assert client.call("GetQueue", {"name": fresh}).status == "PERMISSION_DENIED"
        bind(stage, fresh, f"serviceAccount:{cast.email}")
        assert client.call("GetQueue", {"name": fresh}).status == "OK"
        bind(stage, fresh)


def test_all_authenticated_users(stage: Stage, transport: str, fresh: str) -> None:
    bind(stage, fresh, "allAuthenticatedUsers")
    assert stage.client(transport, stage.cast(NOBODY).token).call("GetQueue", {"name": fresh}).status == "OK"
    assert stage.client(transport, "").call("GetQueue", {"name": fresh}).status == "UNAUTHENTICATED"


def test_all_users(stage: Stage, transport: str, fresh: str) -> None:
    bind(stage, fresh, "allUsers")
    anybody = stage.client(transport, "")
    assert anybody.call("GetQueue", {"name": fresh}).status == "OK"
    assert anybody.call("PauseQueue", {"name": fresh}).status == "UNAUTHENTICATED"
    bind(stage, fresh)
    assert anybody.call("GetQueue", {"name": fresh}).status == "UNAUTHENTICATED"
