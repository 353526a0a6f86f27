"""`kumo services`: which of Google's services a project has enabled. What Kumo answers for is, from the first."""

from __future__ import annotations

from kumotasks.cli.client import Failure, Json, printable
from kumotasks.cli.command import Command, Flag, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.operations import finished
from kumotasks.cli.resource import last_id, named, path

_NAME = "projects/*/services/*"
_UNCHANGED = "operations/noop."  # what an operation's name begins with that had nothing to do
_SERVICES = (Positional("SERVICE", "a service's name, such as cloudtasks.googleapis.com, or its full name", "+"),)
_ASYNC = Flag("async", "do not wait until it is done", None)


def enable(line: Line) -> object:
    services = [_service(each) for each in line.texts("service")]
    if len(services) == 1:
        made = line.call("POST", path("v1", f"{_services(line)}/{services[0]}", ":enable"), body={})
    else:
        body: Json = {"serviceIds": services}
        made = line.call("POST", path("v1", _services(line), ":batchEnable"), body=body)
    _tell(line, made)
    return None


def disable(line: Line) -> object:
    force = line.on("force")
    body: Json = {"disableDependentServices": force, "checkIfServiceHasUsage": "SKIP" if force else "CHECK"}
    for each in line.texts("service"):
        _tell(line, line.call("POST", path("v1", f"{_services(line)}/{_service(each)}", ":disable"), body=body))
    return None


def list_services(line: Line) -> object:
    query = None if line.on("available") else {"filter": "state:ENABLED"}
    return line.pages(path("v1", _services(line)), "services", query)


def _tell(line: Line, operation: Json) -> None:
    """Say that a change was made; one that was none is passed over in silence. Raises Failure."""
    name = str(operation.get("name"))
    if name.startswith(_UNCHANGED):
        return
    if line.on("async") and operation.get("done") is not True:
        line.say(f'Asynchronous operation is in progress: "{name}".')
        return
    with line.progress(f'Waiting for operation "{name}"'):
        operation = finished(line, "v1", operation)
    match operation.get("error"):
        case {"message": message}:
            raise Failure(f"Operation [{name}] failed: {printable(str(message))}")
    line.say(f'Operation "{name}" finished successfully.')


def _services(line: Line) -> str:
    return f"projects/{line.project}/services"


def _service(written: str) -> str:
    found = named(written, _NAME) or named(written, "services/*")
    return found["services"] if found else last_id(written, "service", _NAME)


GROUPS: dict[str, str] = {}
COMMANDS = (
    Command(
        "services enable",
        "let a project use a service, or several",
        "kumo services enable cloudtasks.googleapis.com run.googleapis.com",
        enable,
        _SERVICES,
        (_ASYNC,),
        format="none",
    ),
    Command(
        "services disable",
        "let a project use a service no longer. It is remembered, and turns nothing off here",
        "kumo services disable pubsub.googleapis.com",
        disable,
        _SERVICES,
        (_ASYNC, Flag("force", "even if other services need it, or it was used of late", None)),
        format="none",
    ),
    Command(
        "services list",
        "the services of a project",
        "kumo services list --available --filter=config.name:tasks",
        list_services,
        flags=(
            Flag("enabled", "those that are enabled: what is shown unless --available is said", None),
            Flag("available", "all that can be enabled, or are", None),
        ),
        exclusive=((("available",), ("enabled",)),),
        format="table(config.name:label=NAME:sort=1, config.title)",
        listed=True,
        page_size=200,
        uri="v1",
    ),
)
