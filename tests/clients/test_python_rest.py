"""google-cloud-tasks over its REST transport, which asks for enums as numbers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import tasks_v2

from tests.clients.conftest import Play
from tests.clients.python_clients import BlockingDriver
from tests.clients.stories import STORIES
from tests.running import KumoProcess


@pytest.fixture(scope="module")
def driver(kumo: KumoProcess) -> Iterator[BlockingDriver]:
    client = tasks_v2.CloudTasksClient(
        transport="rest",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": f"http://{kumo.address}"},
    )
    with client:
        yield BlockingDriver(client)


@pytest.mark.parametrize("story", STORIES)
def test_the_client_gets_through(story: str, driver: BlockingDriver, play_story: Play) -> None:
    play_story(story, driver)
