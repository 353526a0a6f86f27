"""`kumo tasks dead-letters`: tasks that ran out of attempts, to be looked at, driven again or forgotten.

--where is judged by the server, in the language of `kumo logging read`, so that what `list` shows is what `redrive`
and `purge` would take.
"""

from __future__ import annotations

from kumotasks.cli.client import Json, WrongCall
from kumotasks.cli.command import Command, Flag, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.resource import last_id, named, path
from kumotasks.cli.tasks.history import VERSION
from kumotasks.cli.tasks.names import QUEUE, TASK, queue_name, short
from kumotasks.cli.values import one_of

_LETTER = f"{QUEUE}/deadLetters/*"
_COLLECTION = "/deadLetters"
LIST = """table(
    name.basename():label=DEAD_LETTER,
    deathTime,
    task.dispatchCount.yesno(no="0"):label=ATTEMPTS,
    lastAttempt.httpStatus.yesno(no="-"):label=HTTP_STATUS,
    lastAttempt.responseStatus.message.yesno(no="-"):label=LAST_ATTEMPT_STATUS,
    lastAttempt.reason)"""


def list_letters(line: Line) -> object:
    return line.pages(path(VERSION, queue_name(line, line.text("queue")), _COLLECTION), "deadLetters", _where(line))


def describe(line: Line) -> object:
    view = line.text("response-view")
    query = {"responseView": view.upper()} if view else None
    return line.call("GET", path(VERSION, letter_name(line)), query=query)


def redrive(line: Line) -> object:
    if not _is_one(line):
        queue = queue_name(line, line.text("queue"))
        made = line.call("POST", path(VERSION, queue, f"{_COLLECTION}:redrive"), body=dict(_where(line)))
        line.say(f"Redrove {_count(made, 'tasksRedriven')} to queue [{short(queue)}].")
        return made
    name = letter_name(line)
    made = line.call("POST", path(VERSION, name, ":redrive"), body={})
    match made.get("task"):
        case {"name": str(task), **rest}:
            line.say(f"Redrove dead letter [{name.rpartition('/')[2]}] as task [{task}].")
            return {"name": task, **rest}
    return made


def purge(line: Line) -> object:
    if not _is_one(line):
        queue = queue_name(line, line.text("queue"))
        line.confirm(f"Are you sure you want to purge the dead letters of: [{short(queue)}]")
        made = line.call("POST", path(VERSION, queue, f"{_COLLECTION}:purge"), body=dict(_where(line)))
        line.say(f"Purged {_count(made, 'deadLettersPurged')} of queue [{short(queue)}].")
        return made
    name = letter_name(line)
    line.confirm(f"Are you sure you want to purge: [{name.rpartition('/')[2]}]")
    line.call("POST", path(VERSION, name, ":purge"), body={})
    line.say(f"Purged dead letter [{name.rpartition('/')[2]}].")
    return None


def letter_name(line: Line) -> str:
    """A dead letter's full name from its id and --queue, from its own name or URL, or from its task's."""
    written = line.text("dead_letter")
    _, found_path, name = written.rpartition(f"/{VERSION}/")
    relative = name if found_path else written
    found = named(relative, _LETTER) or named(relative, TASK)
    if found is None:
        if not line.text("queue"):
            raise WrongCall("Must specify either the fully qualified dead letter path or the queue flag.")
        return f"{queue_name(line, line.text('queue'))}{_COLLECTION}/{last_id(written, 'dead letter', _LETTER)}"
    ident = found.get("deadLetters") or found["tasks"]
    return f"projects/{found['projects']}/locations/{found['locations']}/queues/{found['queues']}{_COLLECTION}/{ident}"


def _is_one(line: Line) -> bool:
    """Whether the line is about one dead letter; it says exactly one of which, --where and --all."""
    ways = (line.is_given("dead_letter"), line.is_given("where"), line.on("all"))
    if sum(ways) != 1:
        raise WrongCall("Say which: one DEAD_LETTER, --where=EXPRESSION, or --all.")
    if not ways[0] and not line.text("queue"):
        raise WrongCall("argument --queue: Must be specified.")
    if ways[1] and not line.text("where").strip():
        raise WrongCall("argument --where: an empty expression holds for all of them: say --all.")
    return ways[0]


def _where(line: Line) -> dict[str, str]:
    return {"filter": line.text("where")} if line.text("where") else {}


def _count(made: Json, field: str) -> str:
    count = made.get(field, 0)
    return f"{count} dead letter{'' if count == 1 else 's'}"


_ONE = Positional("DEAD_LETTER", "its id, full name or URL; or that of its task, which means the newest of that name")
_SOME = (Positional(_ONE.name, _ONE.text, "?"),)
_NEEDED_QUEUE = Flag("queue", "the queue's id, its full name or its URL", metavar="QUEUE", required=True)
_QUEUE = Flag("queue", _NEEDED_QUEUE.text, metavar="QUEUE")
_WHERE = Flag(
    "where",
    "those for which this holds, of task, url, method, createTime, deathTime, attempts, httpStatus, code, message, "
    "reason, excerpt: 'httpStatus=503 AND url:/mail'",
    metavar="EXPRESSION",
)
_ALL = Flag("all", "every one of the queue", None)
GROUPS = {"tasks dead-letters": "tasks that ran out of attempts"}
COMMANDS = (
    Command(
        "tasks dead-letters list",
        "the tasks of a queue that ran out of attempts",
        "kumo tasks dead-letters list --queue=mail --where='httpStatus>=500'",
        list_letters,
        flags=(_NEEDED_QUEUE, _WHERE),
        format=LIST,
        listed=True,
        located=True,
        uri=VERSION,
    ),
    Command(
        "tasks dead-letters describe",
        "all that is known of a dead letter",
        "kumo tasks dead-letters describe my-task --queue=mail --response-view=full",
        describe,
        (_ONE,),
        (_QUEUE, Flag("response-view", "basic, or full for the body and headers too", one_of("basic", "full"))),
        located=True,
    ),
    Command(
        "tasks dead-letters redrive",
        "put dead letters back into their queue, as tasks that have had no attempt",
        "kumo tasks dead-letters redrive --queue=mail --where='httpStatus=503'",
        redrive,
        _SOME,
        (_QUEUE, _WHERE, _ALL),
        format="none",
        located=True,
    ),
    Command(
        "tasks dead-letters purge",
        "forget dead letters",
        "kumo tasks dead-letters purge my-task --queue=mail --quiet",
        purge,
        _SOME,
        (_QUEUE, _WHERE, _ALL),
        format="none",
        located=True,
    ),
)
