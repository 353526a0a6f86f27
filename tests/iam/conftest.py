"""One server that asks everybody who he is, with the stage of the matrix on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from google.auth import jwt

from tests.iam.callers import GrpcClient, RestClient
from tests.iam.stage import Stage
from tests.running import running


@pytest.fixture(scope="package")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with ExitStack() as stack:
        kumo = stack.enter_context(running(tmp_path_factory.mktemp("iam"), "--auth", "iam"))
        owner, rest = (stack.enter_context(closing(RestClient(kumo.address))) for _ in range(2))
        grpc = stack.enter_context(closing(GrpcClient(kumo.address)))
        key = jwt.Credentials.from_service_account_file(
            kumo.directory / "data" / "owner.json", audience="https://cloudtasks.googleapis.com/"
        )
        key.refresh(None)
        owner.token = key.token.decode()
        yield Stage(owner, grpc=grpc, rest=rest)
