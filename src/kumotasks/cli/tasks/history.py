"""`kumo tasks history`: what became of each attempt of a task, also of one that is gone."""

from __future__ import annotations

from kumotasks.cli.command import Command, Flag, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.resource import path
from kumotasks.cli.tasks.names import task_name

VERSION = "kumo/v1"
LIST = """table(
    number,
    dispatchTime,
    duration,
    httpStatus.yesno(no="-"):label=HTTP_STATUS,
    responseStatus.message.yesno(no="OK"):label=STATUS,
    nextScheduleTime.yesno(no="-"):label=NEXT_ATTEMPT,
    reason)"""


def history(line: Line) -> object:
    return line.pages(path(VERSION, task_name(line, line.text("task")), "/attempts"), "attempts")


GROUPS: dict[str, str] = {}
COMMANDS = (
    Command(
        "tasks history",
        "the attempts of a task, the oldest first: what was answered, and why the next one was when it was",
        "kumo tasks history my-task --queue=mail",
        history,
        (Positional("TASK", "the task's full name or its URL; or its id, with --queue"),),
        (Flag("queue", "the queue's id, its full name or its URL", metavar="QUEUE"),),
        format=LIST,
        listed=True,
        located=True,
    ),
)
