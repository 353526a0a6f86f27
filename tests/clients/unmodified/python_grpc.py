"""A program for Google Cloud Tasks: it names no endpoint and sets no option.

Arguments: queue id, URL of the worker.
"""

import os
import sys

from google.cloud import tasks_v2

queue, url = sys.argv[1:]
client = tasks_v2.CloudTasksClient()
place = f"projects/{os.environ['GOOGLE_CLOUD_PROJECT']}/locations/us-central1"
parent = client.queue_path(os.environ["GOOGLE_CLOUD_PROJECT"], "us-central1", queue)
client.create_queue(parent=place, queue=tasks_v2.Queue(name=parent))
request = tasks_v2.HttpRequest(http_method=tasks_v2.HttpMethod.POST, url=url, body=b"hello")
print(client.create_task(parent=parent, task=tasks_v2.Task(http_request=request)).name)  # noqa: T201 - a program speaks
