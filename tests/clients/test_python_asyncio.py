"""google-cloud-tasks over asyncio gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import grpc
import pytest
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from tests.clients.conftest import Play
from tests.clients.python_clients import AsyncioDriver
from tests.clients.stories import STORIES
from tests.running import KumoProcess


@pytest.fixture(scope="module")
def driver(kumo: KumoProcess) -> Iterator[AsyncioDriver]:
    async def client() -> tasks_v2.CloudTasksAsyncClient:
        channel = grpc.aio.insecure_channel(kumo.address)
        return tasks_v2.CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))

    with asyncio.Runner() as runner:
        made = runner.run(client())
        yield AsyncioDriver(made, runner)
        runner.run(made.transport.close())


@pytest.mark.parametrize("story", STORIES)
def test_the_client_gets_through(story: str, driver: AsyncioDriver, play_story: Play) -> None:
    play_story(story, driver)


async def test_many_calls_at_once_share_a_connection(kumo: KumoProcess) -> None:
    queue = "projects/many/locations/us-central1/queues/q"
    async with grpc.aio.insecure_channel(kumo.address) as channel:
        client = tasks_v2.CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))
        await client.create_queue(parent=queue.rpartition("/queues")[0], queue={"name": queue})
        await client.pause_queue(name=queue)
        task = {"http_request": {"url": "http://127.0.0.1/"}}
        made = await asyncio.gather(*(client.create_task(parent=queue, task=task) for _ in range(300)))
        listed = [each.name async for each in await client.list_tasks(parent=queue)]
    assert sorted(listed) == sorted(each.name for each in made)
    assert len(set(listed)) == 300
