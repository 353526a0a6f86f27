"""`kumo tasks queues`: the queues themselves. Their policies are in policies.py."""

from __future__ import annotations

from collections.abc import Callable

from kumotasks.cli.command import Command, Json, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.resource import path
from kumotasks.cli.tasks.names import place, queue_name, short
from kumotasks.cli.tasks.queue_flags import CLEARING, ONE_TOKEN, SET_OR_CLEARED, SETTING, mask, queue

QUEUE = (Positional("QUEUE", "the queue's id, its full name or its URL"),)
LIST = """table(
    name.basename():label=QUEUE_NAME,
    state,
    rateLimits.maxConcurrentDispatches.limit():label=MAX_NUM_OF_TASKS,
    rateLimits.maxDispatchesPerSecond.limit():label="MAX_RATE (/sec)",
    retryConfig.maxAttempts.limit():label=MAX_ATTEMPTS)"""
_ENDLESS = (None, -1, "-1")


NOTHING: tuple[Json, ...] = ()  # what gcloud shows of these calls, with --format=json too
# What the API has as a number with a fraction. JSON does not tell 500 from 500.0, people and scripts may.
_FRACTIONS = (("rateLimits", "maxDispatchesPerSecond"), ("stackdriverLoggingConfig", "samplingRatio"))


def _limit(value: object) -> object:
    """A number that bounds something, or the word for none."""
    return "unlimited" if value in _ENDLESS else value


def shown(queue: Json) -> Json:
    """A queue as it is shown."""
    for part, field in _FRACTIONS:
        match queue.get(part):
            case {**fields} if isinstance(fields.get(field), int):
                queue = {**queue, part: {**fields, field: float(str(fields[field]))}}
    return queue


def create(line: Line) -> object:
    name = queue_name(line, line.text("queue"))
    made = line.call("POST", path("v2", name.rpartition("/")[0]), body=queue(line, name))
    line.say(f"Created queue [{short(name)}].")
    return shown(made)


def update(line: Line) -> object:
    fields = mask(line)
    name = queue_name(line, line.text("queue"))
    made = line.call("PATCH", path("v2", name), query={"updateMask": fields}, body=queue(line, name))
    line.say(f"Updated queue [{short(name)}].")
    return shown(made)


def describe(line: Line) -> object:
    return shown(line.call("GET", path("v2", queue_name(line, line.text("queue")))))


def list_queues(line: Line) -> object:
    return map(shown, line.pages(path("v2", f"{place(line)}/queues"), "queues"))


def delete(line: Line) -> object:
    name = queue_name(line, line.text("queue"))
    line.confirm(
        "Deleted queues can not be re-created for a duration of up to 7 days. Are you sure you want to delete: "
        f"[{short(name)}]"
    )
    with line.progress(f"Deleting queue [{short(name)}]"):
        line.call("DELETE", path("v2", name))
    line.say(f"Deleted queue [{short(name)}].")
    return NOTHING


def purge(line: Line) -> object:
    name = queue_name(line, line.text("queue"))
    line.confirm(f"Are you sure you want to purge: [{short(name)}]")
    with line.progress(f"Purging queue [{short(name)}]"):
        line.call("POST", path("v2", name, ":purge"), body={})
    line.say(f"Purged queue [{short(name)}].")
    return NOTHING


def _changing(verb: str, done: str) -> Callable[[Line], object]:
    """A command that turns the queue to another state."""

    def run(line: Line) -> object:
        name = queue_name(line, line.text("queue"))
        line.call("POST", path("v2", name, f":{verb}"), body={})
        line.say(f"{done} queue [{short(name)}].")
        return NOTHING

    return run


def _on_a_queue(verb: str, text: str, run: Callable[[Line], object], example: str, form: str = "none") -> Command:
    """A command about one queue and nothing else."""
    words = f"tasks queues {verb}"
    return Command(words, text, f"kumo {words} {example}", run, QUEUE, located=True, format=form)


COMMANDS = (
    Command(
        "tasks queues create",
        "make a queue",
        "kumo tasks queues create mail --location=us-central1 --max-dispatches-per-second=10 \\\n"
        "    --max-concurrent-dispatches=5 --max-attempts=3 --min-backoff=10s --max-backoff=300s",
        create,
        QUEUE,
        SETTING,
        ONE_TOKEN,
        format="none",
        located=True,
    ),
    Command(
        "tasks queues update",
        "change a queue; what is not named stays",
        "kumo tasks queues update mail --max-attempts=unlimited --clear-max-backoff",
        update,
        QUEUE,
        (*SETTING, *CLEARING),
        SET_OR_CLEARED,
        format="none",
        located=True,
    ),
    Command(
        "tasks queues list",
        "the queues of a location",
        "kumo tasks queues list --location=us-central1 --filter=state=PAUSED",
        list_queues,
        format=LIST,
        listed=True,
        located=True,
        uri="v2",
        transforms={"limit": _limit},
    ),
    _on_a_queue("describe", "all that is set on a queue", describe, "mail --format=json", "yaml"),
    _on_a_queue("delete", "delete a queue and its tasks", delete, "mail --quiet"),
    _on_a_queue("purge", "delete all tasks that a queue has now", purge, "mail --quiet"),
    _on_a_queue("pause", "send no task until resume; tasks are still taken in", _changing("pause", "Paused"), "mail"),
    _on_a_queue("resume", "send a paused queue's tasks again", _changing("resume", "Resumed"), "mail"),
)
