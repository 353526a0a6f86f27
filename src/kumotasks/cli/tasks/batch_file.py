"""A file of tasks in JSON or YAML: a list of tasks, or of CreateTaskRequests, alone or below `tasks` or `requests`.

In YAML a scalar is its text, whatever YAML would make of it: a time is no date, a header's value no number, no truth.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

from kumotasks.cli.client import Failure, Json
from kumotasks.cli.resource import named
from kumotasks.cli.tasks.names import TASK

_TARGETS = ("httpRequest", "appEngineHttpRequest")
_REQUEST = frozenset({"parent", "task", "responseView", "error"})  # the last is that of an earlier try
_SENT = ("responseView",)
_TAG = "tag:yaml.org,2002:"
_MEANT = (f"{_TAG}null", f"{_TAG}merge")


class _Texts(yaml.SafeLoader):
    """Knows null and `<<`; all else is text."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [rule for rule in rules if rule[0] in _MEANT]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _text(loader: _Texts, node: yaml.Node) -> object:
    """A scalar with a tag of YAML's, as it is written."""
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    raise yaml.MarkedYAMLError(problem=f"no value for {node.tag}", problem_mark=node.start_mark)


for _kind in ("binary", "timestamp", "int", "float", "bool"):
    _Texts.add_constructor(_TAG + _kind, _text)


def requests(written: str, queue: str) -> list[Json]:
    """What is asked for, as BatchCreateTasks takes it. Raises Failure, before anything is sent."""
    items = _items(_parsed(written, _read(written)))
    if not items:
        raise Failure(f"[{written}] has no tasks: write a list of them.")
    return [_request(f"[{written}] task {place}", item, queue) for place, item in enumerate(items, 1)]


def _read(written: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if written == "-" else Path(written).expanduser().read_bytes()
    except OSError as error:
        raise Failure(f"Unable to read file [{written}]: {error.strerror or error}") from error


def _parsed(written: str, content: bytes) -> object:
    try:
        text = content.decode("utf-8-sig")
        try:
            return json.loads(text)
        except ValueError:
            return yaml.load(text, Loader=_Texts)  # noqa: S506
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Failure(f"[{written}] is neither JSON nor YAML: {' '.join(str(error).split())}") from error
    except RecursionError as error:
        raise Failure(f"[{written}] is nested too deeply.") from error


def _items(document: object) -> list[object]:
    match document:
        case [*items] | {"tasks": [*items]} | {"requests": [*items]}:
            return items
    return []


def _request(where: str, item: object, queue: str) -> Json:
    """A CreateTaskRequest of a task, or of one with its task in it."""
    fields = _fields(where, item)
    if "task" not in fields or not fields.keys() <= _REQUEST:
        return {"task": _task(where, fields, queue)}
    sent = {field: fields[field] for field in _SENT if field in fields}
    return {"task": _task(where, _fields(where, fields["task"]), queue), **sent}


def _fields(where: str, item: object) -> Json:
    if isinstance(item, dict) and all(isinstance(field, str) for field in item):
        return item
    raise Failure(f"{where} is no task: write a mapping of its fields.")


def _task(where: str, task: Json, queue: str) -> Json:
    """The task with its full name, if it has one."""
    if sum(target in task for target in _TARGETS) != 1:
        raise Failure(f"{where}: say whom it calls, with one of {' and '.join(_TARGETS)}.")
    name = task.get("name")
    if not name:
        return task
    full = str(name) if named(str(name), TASK) else f"{queue}/tasks/{name}"
    if full.rpartition("/tasks/")[0] != queue or "/" in full.rpartition("/tasks/")[2]:
        raise Failure(f"{where}: [{name}] is no task of queue [{queue}].")
    return {**task, "name": full}
