"""`kumo tasks batch-create` and `batch-delete`: many tasks, a hundred a call; what failed is told, and can be kept.

Exit codes of its own: 2 if it was done for some tasks and for some it was not, 1 if for none.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from kumotasks.cli.client import Failure, Json, Refused, Unreached, printable
from kumotasks.cli.command import Command, Flag, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.operations import finished
from kumotasks.cli.resource import path
from kumotasks.cli.tasks.names import queue_name, short, task_name
from kumotasks.cli.tasks.queues import NOTHING

MOST = 100  # tasks in one call
PARTIAL = 2  # the exit code


@dataclass(frozen=True, slots=True)
class Failed:
    """A task that it was not done for: its place, from 1 on, what was asked, and the refusal."""

    place: int
    request: Json
    error: Json


@dataclass(frozen=True, slots=True)
class Call:
    """A call for many: its verb on a queue's tasks, how sentences name what it does, and its body for some of them."""

    verb: str
    doing: str
    done: str
    body: Callable[[Sequence[Json]], Json]


_CREATE = Call("batchCreate", "Creating", "created", lambda chunk: {"requests": list(chunk)})
_DELETE = Call("batchDelete", "Deleting", "deleted", lambda chunk: {"names": [each["name"] for each in chunk]})


def batch_create(line: Line) -> object:
    from kumotasks.cli.iam import output_file
    from kumotasks.cli.tasks.batch_file import requests

    queue = queue_name(line, line.text("queue"))
    asked = requests(line.text("tasks-from-file"), queue)
    kept = line.text("failed-tasks-file")
    if kept:
        output_file.check(kept)
    if line.on("dry-run"):
        line.say(f"Would create {_count(asked)} in queue [{short(queue)}].")
        return [each["task"] for each in asked]
    answers, failed = _carried_out(line, _CREATE, queue, asked)
    if kept:
        output_file.put(kept, _to_try_again(failed))
    _tell(line, _CREATE, queue, len(asked), failed)
    return [task for answer in answers for task in _tasks(answer)]


def batch_delete(line: Line) -> object:
    names = dict.fromkeys(task_name(line, each) for each in line.texts("task"))
    queues = {each.rpartition("/tasks/")[0]: each for each in names}
    if len(queues) > 1:
        raise Failure(f"[{'] and ['.join(queues.values())}] are in different queues: write a line for each queue.")
    queue = next(iter(queues))
    asked: list[Json] = [{"name": each} for each in names]
    line.confirm(f"Are you sure you want to delete {_count(asked)} of queue: [{short(queue)}]")
    _, failed = _carried_out(line, _DELETE, queue, asked)
    _tell(line, _DELETE, queue, len(asked), failed)
    return NOTHING


def _tell(line: Line, call: Call, queue: str, asked: int, failed: Sequence[Failed]) -> None:
    """Say what came of it. Raises Failure if nothing did."""
    for sentence in _sentences(failed):
        line.say(sentence)
    if len(failed) == asked:
        raise Failure(f"None of {_count(failed)} was {call.done} in queue [{short(queue)}].")
    if failed:
        line.code = PARTIAL
        told = f"{asked - len(failed)} of {asked} tasks"
    else:
        told = "1 task" if asked == 1 else f"{asked} tasks"
    line.say(f"{call.done.capitalize()} {told} in queue [{short(queue)}].")


def _carried_out(line: Line, call: Call, queue: str, asked: Sequence[Json]) -> tuple[list[Json], list[Failed]]:
    """The operations, and what failed. Goes on after a call that fails, for others may not."""
    answers: list[Json] = []
    failed: list[Failed] = []
    for first in range(0, len(asked), MOST):
        chunk = asked[first : first + MOST]
        try:
            with line.progress(f"{call.doing} {_count(asked)}, {first} are done"):
                answer = _called(line, call, queue, chunk)
        except Unreached as unreached:  # nor would it be by the next call
            return answers, [*failed, *_all_failed(asked[first:], first, {"message": str(unreached)})]
        except Refused as refused:
            failed += _all_failed(chunk, first, _error(refused))
            continue
        answers.append(answer)
        failed += _refusals(answer, chunk, first)
    return answers, failed


def _called(line: Line, call: Call, queue: str, chunk: Sequence[Json]) -> Json:
    """The operation at its end."""
    body: Json = {**call.body(chunk), "requestId": str(uuid.uuid4())}
    return finished(line, "v2", line.call("POST", path("v2", f"{queue}/tasks", f":{call.verb}"), body=body))


def _tasks(operation: Json) -> Iterator[Json]:
    match operation.get("response"):
        case {"tasks": [*tasks]}:
            yield from (each for each in tasks if isinstance(each, dict))


def _refusals(operation: Json, chunk: Sequence[Json], first: int) -> Iterator[Failed]:
    match operation:
        case {"metadata": {"failedRequests": {**refusals}}}:
            for index in sorted(int(str(each)) for each in refusals):
                yield Failed(first + index + 1, chunk[index], _fields(refusals[str(index)]))
        case {"error": {**error}}:
            yield from _all_failed(chunk, first, _fields(error))


def _fields(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _all_failed(chunk: Sequence[Json], first: int, error: Json) -> Iterator[Failed]:
    return (Failed(place, request, error) for place, request in zip(itertools.count(first + 1), chunk, strict=False))


def _error(refused: Refused) -> Json:
    from kumotasks.domain.attempt import CODE_NAMES

    codes = {name: code for code, name in CODE_NAMES.items()}
    known = {"code": codes[refused.state]} if refused.state in codes else {}
    return {**known, "message": str(refused)}


def _sentences(failed: Sequence[Failed]) -> Iterator[str]:
    """What was said of each task, once for neighbours of whom the same was said."""
    from kumotasks.domain.attempt import CODE_NAMES

    placed = enumerate(failed)
    for (error, _), group in itertools.groupby(placed, lambda each: (each[1].error, each[1].place - each[0])):
        places = [failure.place for _, failure in group]
        whose = f"task {places[0]}" if len(places) == 1 else f"tasks {places[0]} to {places[-1]}"
        code = error.get("code")
        state = f"{CODE_NAMES.get(code, code)}: " if isinstance(code, int) else ""
        yield f"{whose}: {state}{printable(str(error.get('message', '')))}"


def _to_try_again(failed: Sequence[Failed]) -> bytes:
    """A file of tasks as this command reads it, with what was said of each."""
    return json.dumps([{**each.request, "error": each.error} for each in failed], indent=2).encode() + b"\n"


def _count(items: Sequence[object]) -> str:
    return f"{len(items)} task{'' if len(items) == 1 else 's'}"


COMMANDS = (
    Command(
        "tasks batch-create",
        "make the tasks that a file lists",
        "kumo tasks batch-create --queue=mail --tasks-from-file=tasks.yaml --failed-tasks-file=failed.json",
        batch_create,
        flags=(
            Flag("queue", "the queue's id, its full name or its URL", metavar="QUEUE", required=True),
            Flag(
                "tasks-from-file",
                "a list of tasks as the API has them, bodies in base64, in JSON or YAML; - is the standard input",
                metavar="PATH",
                required=True,
            ),
            Flag("dry-run", "read the file, make nothing", None),
            Flag(
                "failed-tasks-file",
                "where the tasks go that failed, as JSON that --tasks-from-file takes",
                metavar="PATH",
            ),
        ),
        format="none",
        located=True,
    ),
    Command(
        "tasks batch-delete",
        "delete several tasks of a queue at once",
        "kumo tasks batch-delete welcome reminder --queue=mail",
        batch_delete,
        (Positional("TASK", "a task's full name or its URL; or its id, with --queue", "+"),),
        (Flag("queue", "the queue's id, its full name or its URL", metavar="QUEUE"),),
        format="none",
        located=True,
    ),
)
