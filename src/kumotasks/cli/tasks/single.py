"""`kumo tasks create-*, buffer, list, describe, delete, run`: the tasks themselves."""

from __future__ import annotations

from collections.abc import Callable

from kumotasks.cli.client import Json
from kumotasks.cli.command import Command, Flag, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.resource import path
from kumotasks.cli.tasks.names import queue_name, short, task_name
from kumotasks.cli.tasks.queues import NOTHING
from kumotasks.cli.tasks.task_flags import (
    APP_ENGINE,
    HTTP,
    ONE_BODY,
    ONE_TOKEN,
    app_engine_task,
    http_task,
)
from kumotasks.cli.values import one_of

_QUEUE = Flag("queue", "the queue's id, its full name or its URL", metavar="QUEUE")
_NEEDED_QUEUE = Flag("queue", "the queue's id, its full name or its URL", metavar="QUEUE", required=True)
_TASK = (Positional("TASK", "the task's full name or its URL; or its id, with --queue"),)
_TASK_ID = (Positional("TASK_ID", "a name for the task; without one it gets a number", "?"),)
LIST = """table(
    name.basename():label=TASK_NAME,
    tasktype():label=TYPE,
    createTime,
    scheduleTime,
    dispatchCount.count():label=DISPATCH_ATTEMPTS,
    responseCount.count():label=RESPONSE_ATTEMPTS,
    lastAttempt.responseStatus.message.told():label=LAST_ATTEMPT_STATUS)"""
# the field of a task that says what it is -> how lists call that
_TYPES = {"pullMessage": "pull", "appEngineHttpRequest": "app-engine", "httpRequest": "http"}


def _creating(made_from: Callable[[Line], Json]) -> Callable[[Line], object]:
    def run(line: Line) -> object:
        queue = queue_name(line, line.text("queue"))
        task = made_from(line)
        if line.text("task_id"):
            task["name"] = task_name(line, line.text("task_id"))
        made = line.call("POST", path("v2", f"{queue}/tasks"), body={"task": task})
        line.say(f"Created task [{made.get('name')}].")
        return made

    return run


def buffer(line: Line) -> object:
    queue = queue_name(line, line.text("queue"))
    task_id = line.text("task-id")
    line.call("POST", path("v2", f"{queue}/tasks{f'/{task_id}' if task_id else ''}", ":buffer"), body={})
    line.say(f"Buffered task in queue [{short(queue)}].")
    return NOTHING


def list_tasks(line: Line) -> object:
    return line.pages(path("v2", f"{queue_name(line, line.text('queue'))}/tasks"), "tasks")


def describe(line: Line) -> object:
    view = line.text("response-view")
    query = {"responseView": view.upper()} if view else None
    return line.call("GET", path("v2", task_name(line, line.text("task"))), query=query)


def delete(line: Line) -> object:
    name = task_name(line, line.text("task"))
    line.call("DELETE", path("v2", name))
    line.say(f"Deleted task [{name.rpartition('/')[2]}].")
    return NOTHING


def run_task(line: Line) -> object:
    return line.call("POST", path("v2", task_name(line, line.text("task")), ":run"), body={})


def _type(task: object) -> object:
    """What sort of task it is: a transform of the list's own."""
    return next((name for field, name in _TYPES.items() if isinstance(task, dict) and field in task), None)


def _count(value: object) -> object:
    return value or 0


def _told(message: object) -> object:
    return message or "Unknown"


COMMANDS = (
    Command(
        "tasks create-http-task",
        "make a task that calls a URL",
        "kumo tasks create-http-task --queue=mail --url=https://shop.example/send \\\n"
        """    --header=Content-Type:application/json --body-content='{"to": "a@b"}'""",
        _creating(http_task),
        _TASK_ID,
        (_NEEDED_QUEUE, *HTTP),
        (ONE_BODY, ONE_TOKEN),
        format="none",
        located=True,
    ),
    Command(
        "tasks create-app-engine-task",
        "make a task that calls an App Engine service",
        "kumo tasks create-app-engine-task --queue=mail --relative-uri=/send --routing=service:worker",
        _creating(app_engine_task),
        _TASK_ID,
        (_NEEDED_QUEUE, *APP_ENGINE),
        (ONE_BODY,),
        format="none",
        located=True,
    ),
    Command(
        "tasks buffer",
        "make a task from the queue's HTTP target alone",
        "kumo tasks buffer --queue=mail --location=us-central1",
        buffer,
        flags=(
            _NEEDED_QUEUE,
            Flag("location", "the queue's location", required=True),
            Flag("task-id", "a name for the task", metavar="TASK_ID"),
        ),
        format="none",
    ),
    Command(
        "tasks list",
        "the tasks of a queue",
        "kumo tasks list --queue=mail --limit=10",
        list_tasks,
        flags=(_NEEDED_QUEUE,),
        format=LIST,
        listed=True,
        located=True,
        page_size=25,
        uri="v2",
        transforms={"tasktype": _type, "count": _count, "told": _told},
    ),
    Command(
        "tasks describe",
        "all that is known of a task",
        "kumo tasks describe my-task --queue=mail --response-view=full",
        describe,
        _TASK,
        (_QUEUE, Flag("response-view", "basic, or full for the body and headers too", one_of("basic", "full"))),
        located=True,
    ),
    Command(
        "tasks delete",
        "delete a task",
        "kumo tasks delete my-task --queue=mail",
        delete,
        _TASK,
        (_QUEUE,),
        format="none",
        located=True,
    ),
    Command(
        "tasks run",
        "send a task now, whatever its time and its queue's limits",
        "kumo tasks run my-task --queue=mail",
        run_task,
        _TASK,
        (_QUEUE,),
        located=True,
    ),
)
