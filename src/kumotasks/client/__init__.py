"""For applications: give a task to a queue, or do its work at once where there is none; check the token of a request,
read its task's headers. Imports nothing else of Kumo's, and works against Google Cloud as well."""

from kumotasks.client.decorator import AsyncTask, BadPayload, Task, task
from kumotasks.client.fallback import Fallback
from kumotasks.client.outcome import Dropped, InBackground, NotScheduled, Outcome, RanNow, Scheduled, Uncertain
from kumotasks.client.place import Place
from kumotasks.client.queue import TaskQueue
from kumotasks.client.retry import Retry

__all__ = [
    "AsyncTask",
    "BadPayload",
    "Dropped",
    "Fallback",
    "InBackground",
    "NotScheduled",
    "Outcome",
    "Place",
    "RanNow",
    "Retry",
    "Scheduled",
    "Task",
    "TaskQueue",
    "Uncertain",
    "task",
]
