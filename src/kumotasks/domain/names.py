"""Resource names: what may be written in them and what they mean. No other module takes a name apart.

projects/P/locations/L/queues/Q/tasks/T. Parsed names are interned by a bounded cache: the same parent comes with every
task. Whether a resource exists is not known here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from kumotasks.domain.errors import Help, InvalidArgument
from kumotasks.domain.value import value

_PROJECT = r"[A-Za-z0-9:.\-]{1,100}"
_LOCATION = r"[a-z0-9\-]{1,63}"
_QUEUE = r"[A-Za-z0-9\-]{1,100}"
_LOCATION_PATH = rf"projects/({_PROJECT})/locations/({_LOCATION})"
_LOCATION_NAME = re.compile(_LOCATION_PATH)
_PROJECT_NAME = re.compile(rf"projects/({_PROJECT})")
_QUEUE_NAME = re.compile(rf"{_LOCATION_PATH}/queues/({_QUEUE})")
_TASK_NAME = re.compile(rf"({_LOCATION_PATH}/queues/{_QUEUE})/tasks/([^/]*)", re.DOTALL)
_TASK_ID = re.compile(r"[A-Za-z0-9_\-]{1,500}")
_CMEK_NAME = re.compile(rf"({_LOCATION_PATH})/cmekConfig")
_OPERATION_NAME = re.compile(rf"({_LOCATION_PATH})/operations/([^/]{{1,200}})")

INVALID_RESOURCE = "Invalid resource field value in the request."
QUEUE_FORMAT = 'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
TASK_FORMAT = (
    'Task name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>/tasks/<TASK_ID>"'
)
_REFERENCE = "https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues"
QUEUE_NAME_HELP = Help("Definition of queue name", f"{_REFERENCE}#Queue.FIELDS.name")
TASK_ID_HELP = Help("Definition of task ID", f"{_REFERENCE}.tasks#Task.FIELDS.name")


@dataclass(frozen=True, slots=True)
class LocationName:
    """projects/P/locations/L"""

    project: str
    location: str

    def __str__(self) -> str:
        return f"projects/{self.project}/locations/{self.location}"


@dataclass(frozen=True, slots=True)
class QueueName:
    """projects/P/locations/L/queues/Q, with the whole of it kept ready as `text`."""

    project: str
    location: str
    queue: str
    text: str

    def __str__(self) -> str:
        return self.text

    def __hash__(self) -> int:
        return hash(self.text)

    @property
    def parent(self) -> LocationName:
        return LocationName(self.project, self.location)


@value
class TaskName:
    """projects/P/locations/L/queues/Q/tasks/T"""

    queue: QueueName
    task: str

    def __str__(self) -> str:
        return f"{self.queue.text}/tasks/{self.task}"


def parse_project(text: str) -> str:
    """The project id in `projects/P`."""
    match = _PROJECT_NAME.fullmatch(text)
    if match is None:
        raise InvalidArgument(INVALID_RESOURCE)
    return match[1]


@lru_cache(maxsize=1024)
def parse_location(text: str) -> LocationName:
    """A parent of queues, or the name of a location."""
    match = _LOCATION_NAME.fullmatch(text)
    if match is None:
        raise InvalidArgument(INVALID_RESOURCE)
    return LocationName(match[1], match[2])


@lru_cache(maxsize=16_384)
def parse_queue(text: str) -> QueueName:
    """A queue that is referred to: a parent of tasks, or the name of a queue."""
    match = _QUEUE_NAME.fullmatch(text)
    if match is None:
        raise InvalidArgument(INVALID_RESOURCE)
    return QueueName(match[1], match[2], match[3], text)


def parse_new_queue(text: str, parent: LocationName) -> QueueName:
    """The name of a queue that is to be created under `parent`."""
    match = _QUEUE_NAME.fullmatch(text)
    if match is None:
        raise InvalidArgument(QUEUE_FORMAT, help_link=QUEUE_NAME_HELP)
    name = QueueName(match[1], match[2], match[3], text)
    if name.parent != parent:
        raise InvalidArgument(f"{text} must begin with {parent}.")
    return name


def parse_task(text: str) -> TaskName:
    """A task that is referred to."""
    match = _TASK_NAME.fullmatch(text)
    if match is None or _TASK_ID.fullmatch(match[4]) is None:
        raise InvalidArgument(INVALID_RESOURCE)
    return TaskName(parse_queue(match[1]), match[4])


def parse_new_task(text: str, parent: QueueName) -> TaskName:
    """The name that a caller chose for a task to be created in `parent`."""
    match = _TASK_NAME.fullmatch(text)
    if match is None:
        raise InvalidArgument(TASK_FORMAT)
    if match[1] != parent.text:
        raise InvalidArgument(
            f"The queue name from request ('{parent}') must be the same as "
            f"the queue name in the named task ('{match[1]}')."
        )
    return TaskName(parent, check_task_id(match[4]))


def check_task_id(task: str) -> str:
    """`task` itself, if it may be a task id."""
    if _TASK_ID.fullmatch(task) is None:
        raise InvalidArgument(
            f'Task ID "{task}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), or underscores (_). '
            "Task ID must between 1 and 500 characters.",
            help_link=TASK_ID_HELP,
        )
    return task


def parse_cmek_config(text: str) -> LocationName:
    """The location of `…/cmekConfig`."""
    match = _CMEK_NAME.fullmatch(text)
    if match is None:
        raise InvalidArgument(INVALID_RESOURCE)
    return parse_location(match[1])


def parse_operation(text: str) -> tuple[LocationName, str]:
    """The location and the id of `…/operations/O`."""
    match = _OPERATION_NAME.fullmatch(text)
    if match is None:
        raise InvalidArgument(INVALID_RESOURCE)
    return parse_location(match[1]), match[4]
