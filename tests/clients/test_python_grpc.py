"""google-cloud-tasks over gRPC, the way most programs use Cloud Tasks."""

from __future__ import annotations

from collections.abc import Iterator

import grpc
import pytest
from google.cloud import tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from tests.clients.conftest import Play
from tests.clients.python_clients import RPCS, BlockingDriver
from tests.clients.stories import RPCS as PLAYED
from tests.clients.stories import STORIES
from tests.running import KumoProcess


@pytest.fixture(scope="module")
def driver(kumo: KumoProcess) -> Iterator[BlockingDriver]:
    with grpc.insecure_channel(kumo.address) as channel:
        yield BlockingDriver(tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel)))


@pytest.mark.parametrize("story", STORIES)
def test_the_client_gets_through(story: str, driver: BlockingDriver, play_story: Play) -> None:
    play_story(story, driver)


def test_the_stories_have_every_rpc_of_the_client() -> None:
    assert len(RPCS) == 23
    assert PLAYED == RPCS


def test_compressed_calls_are_understood_and_answered(kumo: KumoProcess) -> None:
    queue = "projects/packed/locations/us-central1/queues/q"
    with grpc.insecure_channel(kumo.address, compression=grpc.Compression.Gzip) as channel:
        client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        client.create_queue(parent=queue.rpartition("/queues")[0], queue={"name": queue})
        client.pause_queue(name=queue)
        body = b"0123456789" * 50_000
        made = client.create_task(
            request={
                "parent": queue,
                "task": {"http_request": {"url": "http://127.0.0.1/", "body": body}},
                "response_view": tasks_v2.Task.View.FULL,
            }
        )
    assert made.http_request.body == body


def test_a_listing_beyond_the_clients_four_megabytes_comes_in_pages(kumo: KumoProcess) -> None:
    queue = "projects/large/locations/us-central1/queues/q"
    with grpc.insecure_channel(kumo.address) as channel:
        client = tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        client.create_queue(parent=queue.rpartition("/queues")[0], queue={"name": queue})
        client.pause_queue(name=queue)
        task = {"http_request": {"url": "http://127.0.0.1/", "body": bytes(900_000)}}
        for _ in range(6):
            client.create_task(parent=queue, task=task)
        pages = list(client.list_tasks(request={"parent": queue, "response_view": 2}).pages)
    sizes = [len(page.tasks) for page in pages]
    assert sum(sizes) == 6
    assert len(sizes) > 1
