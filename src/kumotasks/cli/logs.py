"""`kumo logging`: entries of logs, read and written, and the logs that there are.

Entries are chosen by the server, in the language of its filters: --filter, which judges what is shown, is no flag here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from kumotasks.cli.client import Failure, Refused, WrongCall
from kumotasks.cli.command import LISTED, Command, Flag, Json, Positional
from kumotasks.cli.durations import duration
from kumotasks.cli.line import Line
from kumotasks.cli.resource import path
from kumotasks.cli.show import times
from kumotasks.cli.values import one_of, pairs, several, upper_one_of, whole

MAX_PAGE = 1_000  # entries at once, as the API has it
_FRESH = float(24 * 3_600)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")
# flag: the collection whose logs are meant
_OWNERS = {"organization": "organizations", "folder": "folders", "billing-account": "billingAccounts"}
# why entries were left out: how it is told
_MISSED = {
    "RATE_LIMIT": "Logging API backend rate limit",
    "NOT_CONSUMED": "client not consuming messages quickly enough",
}
_VIEW = ("location", "bucket", "view")


def read(line: Line) -> object:
    """Entries, as they are asked for."""
    newest_first = line.text("order") != "asc"
    body: Json = {
        "resourceNames": _sources(line),
        "orderBy": "timestamp desc" if newest_first else "timestamp asc",
        "pageSize": min(line.number("limit") or MAX_PAGE, MAX_PAGE),
    }
    if condition := fresh(line, line.text("log_filter"), newest_first=newest_first):
        body["filter"] = condition
    return entries(line, body)


def tail(line: Line) -> object:
    """Entries, as they are written."""
    body: Json = {"resourceNames": [_view(line, _owner(line))], "filter": line.text("log_filter")}
    if isinstance(window := line["buffer-window"], float):
        body["bufferWindow"] = f"{window:g}s"
    line.say("Initializing tail session.")
    return told(line, line.stream("/v2/entries:tail", body))


def write(line: Line) -> object:
    entry: Json = {
        "logName": _log_name(line, _owner(line)),
        "resource": {
            "type": line.text("monitored-resource-type") or "global",
            "labels": line.pairs("monitored-resource-labels"),
        },
        "severity": line.text("severity") or "DEFAULT",
    }
    if line.text("payload-type") == "json":
        entry["jsonPayload"] = _payload(line.text("message"))
    else:
        entry["textPayload"] = line.text("message")
    line.call("POST", "/v2/entries:write", body={"entries": [entry]})
    line.say("Created log entry.")
    return None


def list_logs(line: Line) -> object:
    return _names(line, path("v2", _view(line, f"projects/{line.project}"), "/logs"))


def delete_log(line: Line) -> object:
    name = line.text("log_name")
    line.confirm(f"Really delete all log entries from [{name}]?")
    line.call("DELETE", path("v2", _log_name(line, f"projects/{line.project}")))
    line.say(f"Deleted [{name}].")
    return None


def entries(line: Line, body: Json) -> Iterator[object]:
    """The entries of one page after the other; a page may be empty and not the last."""
    while True:
        answer = line.call("POST", "/v2/entries:list", body=body)
        yield from _list(answer, "entries")
        token = answer.get("nextPageToken")
        if not token or token == body.get("pageToken"):
            return
        body = {**body, "pageToken": token}


def told(line: Line, answers: Iterator[Json]) -> Iterator[object]:
    """The entries of answers. That a tail has gone on for as long as it may is no failure."""
    try:
        for answer in answers:
            yield from _list(answer, "entries")
            for missed in _list(answer, "suppressionInfo"):
                match missed:
                    case {"suppressedCount": count, "reason": str(reason)}:
                        line.say(f"ERROR: Suppressed {count} entries due to {_MISSED.get(reason, reason)}.")
    except Refused as refused:
        if refused.state != "OUT_OF_RANGE":
            raise
        line.say(f"The maximum duration for tail has been met. The command may be repeated to continue. ({refused})")


def _names(line: Line, asked: str) -> Iterator[object]:
    query: dict[str, str] = {}
    while True:
        answer = line.call("GET", asked, query=query)
        yield from _list(answer, "logNames")
        token = str(answer.get("nextPageToken") or "")
        if not token or token == query.get("pageToken"):
            return
        query["pageToken"] = token


def _list(answer: Json, field: str) -> list[object]:
    found = answer.get(field)
    return found if isinstance(found, list) else []


def fresh(line: Line, written: str, *, newest_first: bool) -> str:
    """The filter; where it says nothing of time and the newest come first, its entries are fresh."""
    if not newest_first or "timestamp" in written:
        return written
    given = line["freshness"]
    now = times.now()
    span = min(given if isinstance(given, float) else _FRESH, (now - _EPOCH).total_seconds())
    since = (now - timedelta(seconds=span)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return " AND ".join(filter(None, (f'timestamp>="{since}"', written)))


def _sources(line: Line) -> list[str]:
    """Whose entries, as the API names them."""
    named = line.texts("resource-names")
    collections = ("projects/", *(f"{each}/" for each in _OWNERS.values()))
    for each in named:
        if not each.startswith(collections):
            raise Failure(
                f"Invalid value for [resource_names]: Invalid resource {each}. Resource must be in the form "
                "[projects|folders|organizations|billingAccounts]/{resource_id}"
            )
    return named or [_view(line, _owner(line))]


def _view(line: Line, owner: str) -> str:
    """The view that the line names; else the owner."""
    place, bucket, view = (line.text(each) for each in _VIEW)
    return f"{owner}/locations/{place}/buckets/{bucket}/views/{view}" if view else owner


def _owner(line: Line) -> str:
    given = (f"{collection}/{line.text(flag)}" for flag, collection in _OWNERS.items() if line.text(flag))
    return next(given, "") or f"projects/{line.project}"


def _log_name(line: Line, owner: str) -> str:
    """A log's full name from its id or from itself."""
    written = line.text("log_name")
    if not written:
        raise WrongCall("argument LOG_NAME: Must be specified.")
    return written if "/logs/" in written else f"{owner}/logs/{written.replace('/', '%2F')}"


def _payload(written: str) -> Json:
    try:
        found = json.loads(written)
    except (ValueError, RecursionError) as error:
        raise Failure(f"Invalid JSON value: {error}") from error
    if not isinstance(found, dict):
        raise Failure('Invalid JSON value: a log entry\'s payload is an object, such as {"a": 1}')
    return found


_OWNED = tuple(Flag(flag, f"of this {flag.replace('-', ' ')}, not of a project", metavar="ID") for flag in _OWNERS)
_ONE_OWNER = tuple((flag,) for flag in ("project", *_OWNERS))
_OF_VIEW = (
    Flag("location", "where the view's bucket is", needs="bucket"),
    Flag("bucket", "the view's bucket", needs="view"),
    Flag("view", "what a view of a bucket shows", needs="location"),
)
_FILTER = Positional(
    "LOG_FILTER", "which entries, in Cloud Logging's query language; after -- if it begins with a dash", "?"
)
FRESHNESS = Flag("freshness", "how old entries may be, where the filter names no timestamp (1d)", duration, "DURATION")
_LOG = Positional("LOG_NAME", "the log's id, or its full name")
_READING = (
    Flag("limit", "show so many at most", whole(1), metavar="N"),
    Flag("order", "desc, the newest first, or asc", one_of("desc", "asc"), metavar="ORDER"),
    FRESHNESS,
    Flag("resource-names", "whose entries: projects/P, ...", several, metavar="RESOURCE,..."),
    *_OF_VIEW,
    *_OWNED,
)
_TAILING = (
    Flag("buffer-window", "how long entries are gathered, to be told in order of time (2s)", duration, "DURATION"),
    *_OF_VIEW,
    *_OWNED,
)
_WRITING = (
    Flag("payload-type", "text, or json for an object", one_of("text", "json"), metavar="TYPE"),
    Flag("severity", f"{', '.join(_SEVERITIES)}", upper_one_of(*_SEVERITIES)),
    Flag("monitored-resource-type", "what it is about (global)", metavar="TYPE"),
    Flag("monitored-resource-labels", "which one of these it is about", pairs, "KEY=VALUE,..."),
    *_OWNED,
)
GROUPS = {"logging": "entries of logs", "logging logs": "the logs that have entries"}
COMMANDS = (
    Command(
        "logging read",
        "log entries, the newest first",
        "kumo logging read 'resource.type=\"cloud_tasks_queue\" AND severity>=ERROR' --freshness=1h --limit=10",
        read,
        (_FILTER,),
        _READING,
        ((("resource-names",), _VIEW), _ONE_OWNER),
    ),
    Command(
        "logging tail",
        "log entries as they are written, until Ctrl-C",
        "kumo logging tail 'resource.type=\"cloud_tasks_queue\" AND severity>=ERROR' --buffer-window=5s",
        tail,
        (_FILTER,),
        _TAILING,
        (_ONE_OWNER,),
        streamed=True,
    ),
    Command(
        "logging write",
        "write a log entry",
        """kumo logging write my-log '{"order": 7}' --payload-type=json --severity=NOTICE""",
        write,
        (_LOG, Positional("MESSAGE", "what it says")),
        _WRITING,
        (_ONE_OWNER,),
    ),
    Command(
        "logging logs list",
        "the logs that have entries",
        "kumo logging logs list --limit=10",
        list_logs,
        flags=(*_OF_VIEW, *(flag for flag in LISTED if flag.name in ("filter", "limit", "sort-by"))),
        format="table(.:label=NAME)",
    ),
    Command(
        "logging logs delete",
        "delete all entries of a log",
        "kumo logging logs delete my-log --quiet",
        delete_log,
        (_LOG,),
    ),
)
