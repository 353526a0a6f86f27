"""Queues and tasks as tests want them: everything has a default that a test may replace."""

from dataclasses import replace

from kumotasks.domain.names import QueueName, TaskName, parse_queue
from kumotasks.domain.queue import Queue
from kumotasks.domain.target import AppEngineHttpRequest, HttpRequest
from kumotasks.domain.task import Task

SECOND = 1_000_000
NOW = 1_754_000_000 * SECOND  # 2025-07-31T22:13:20Z

QUEUE: QueueName = parse_queue("projects/p/locations/us-central1/queues/mail")

HTTP = HttpRequest("https://example.com/work", headers=(("User-Agent", "Google-Cloud-Tasks"),))
APP_ENGINE = AppEngineHttpRequest("/work")


def queue(**changes: object) -> Queue:
    return replace(Queue(QUEUE), **changes)


def task(**changes: object) -> Task:
    plain = Task(TaskName(QUEUE, "t1"), HTTP, schedule_time=NOW, create_time=NOW, serial=1)
    return replace(plain, **changes)
