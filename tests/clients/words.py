"""Words that all stories share: Google's sentences, a queue's defaults, and tasks that stay where they are."""

from __future__ import annotations

from tests.clients.scenario import Step

NO_QUEUE = "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
NO_ENTITY = "Requested entity was not found."
GONE = (
    "The task no longer exists, though a task with this name existed recently. "
    "The task either successfully completed or was deleted."
)
RETIRED = "The queue cannot be created because a queue with this name existed too recently."
DEFAULTS = {
    "state": "RUNNING",
    "rateLimits": {"maxDispatchesPerSecond": 500, "maxBurstSize": 100, "maxConcurrentDispatches": 1000},
    "retryConfig": {"maxAttempts": 100, "minBackoff": "0.1s", "maxBackoff": "3600s", "maxDoublings": 16},
}


def queue(name: str, **settings: object) -> Step:
    full = f"$place/queues/{name}"
    wanted = {"parent": "$place", "queue": {"name": full, **settings}}
    return Step("CreateQueue", wanted, {"name": full, **settings})


def named(queue_name: str, task: str) -> str:
    return f"$place/queues/{queue_name}/tasks/{task}"


def later(name: str = "", **more: object) -> dict[str, object]:
    """A task that stays where it is while the story runs."""
    request = {"url": "$worker/later", **more}
    return {**({"name": name} if name else {}), "httpRequest": request, "scheduleTime": "$later"}
