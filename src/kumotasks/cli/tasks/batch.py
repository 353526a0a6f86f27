"""`kumo tasks batch-create`: the tasks of a file, a hundred a call; what failed is told, and can be kept to try again.

Exit codes of its own: 2 if some tasks were made and some were not, 1 if none was.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kumotasks.cli.client import Failure, Json, Refused, Unreached, printable
from kumotasks.cli.command import Command, Flag
from kumotasks.cli.line import Line
from kumotasks.cli.resource import path
from kumotasks.cli.tasks.names import queue_name, short

MOST = 100  # tasks in one call
PARTIAL = 2  # the exit code


@dataclass(frozen=True, slots=True)
class Failed:
    """A task that was not made: its place in the file, from 1 on, what was asked, and the refusal."""

    place: int
    request: Json
    error: Json


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
    made, failed = _made(line, queue, asked)
    for sentence in _sentences(failed):
        line.say(sentence)
    if kept:
        output_file.put(kept, _to_try_again(failed))
    return _told(line, queue, made, failed)


def _told(line: Line, queue: str, made: list[Json], failed: Sequence[Failed]) -> object:
    if not made:
        raise Failure(f"None of {_count(failed)} was created in queue [{short(queue)}].")
    if failed:
        line.code = PARTIAL
        line.say(f"Created {len(made)} of {len(made) + len(failed)} tasks in queue [{short(queue)}].")
    else:
        line.say(f"Created {_count(made)} in queue [{short(queue)}].")
    return made


def _made(line: Line, queue: str, asked: Sequence[Json]) -> tuple[list[Json], list[Failed]]:
    """The tasks that were made, and those that were not. Goes on after a call that fails, for others may not."""
    made: list[Json] = []
    failed: list[Failed] = []
    for first in range(0, len(asked), MOST):
        chunk = asked[first : first + MOST]
        try:
            answer = _call(line, queue, chunk)
        except Unreached as unreached:  # nor would it be by the next call
            return made, [*failed, *_all_failed(asked[first:], first, {"message": str(unreached)})]
        except Refused as refused:
            failed += _all_failed(chunk, first, _error(refused))
            continue
        made += _tasks(answer)
        failed += _refusals(answer, chunk, first)
    return made, failed


def _call(line: Line, queue: str, chunk: Sequence[Json]) -> Json:
    body: Json = {"requests": list(chunk), "requestId": str(uuid.uuid4())}
    return line.call("POST", path("v2", f"{queue}/tasks", ":batchCreate"), body=body)


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
)
