"""`kumo run services logs`, also spelled `kumo run logs`: what a service printed, and what it was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from kumotasks.cli.client import printable
from kumotasks.cli.command import Command, Flag, Json, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.logs import FRESHNESS, MAX_PAGE, entries, fresh, told
from kumotasks.cli.resource import named
from kumotasks.cli.run.names import ONE_SERVICE, PLATFORM, REGION, SERVICE, service_name
from kumotasks.cli.show import times
from kumotasks.cli.values import one_of, whole

_SYSTEM = "%2Fsystem"
_FILTER = Flag("log-filter", "which of them, in Cloud Logging's query language", metavar="FILTER")


def read(line: Line) -> object:
    """The newest entries, the oldest of them first."""
    newest_first = line.text("order") != "asc"
    body: Json = {
        "resourceNames": [f"projects/{_parts(line)['projects']}"],
        "filter": fresh(line, _wanted(line), newest_first=newest_first),
        "orderBy": f"timestamp {'desc' if newest_first else 'asc'}",
        "pageSize": min(line.number("limit") or MAX_PAGE, MAX_PAGE),
    }
    found = list(islice(_shown(entries(line, body)), line.number("limit") or None))
    return found[::-1] if newest_first else found


def tail(line: Line) -> object:
    """Entries as they are written."""
    body: Json = {"resourceNames": [f"projects/{_parts(line)['projects']}"], "filter": _wanted(line)}
    line.say("Initializing tail session.")
    return _shown(told(line, line.stream("/v2/entries:tail", body)))


def words(item: object) -> object:
    """An entry as a line: its time, and what was printed or asked."""
    match item:
        case {"httpRequest": {"requestMethod": method, "status": status, "requestUrl": url}}:
            said = f"{method} {status} {url}"
        case {"textPayload": str(said)}:
            pass
        case {"jsonPayload": {"message": str(said)}}:
            pass
        case {"jsonPayload": payload}:
            said = json.dumps(payload, ensure_ascii=False)
        case _:
            said = ""
    said = "\n".join(map(printable, said.splitlines()))  # a worker prints what it likes
    stamp = times.instant(item.get("timestamp"), None) if isinstance(item, dict) else None
    return f"{stamp:%Y-%m-%d %H:%M:%S} {said}" if stamp else said


def _shown(found: Iterator[object]) -> Iterator[Json]:
    """Those that have something to say to people: not what the system notes of its instances."""
    return (each for each in found if isinstance(each, dict) and not str(each.get("logName")).endswith(_SYSTEM))


def _wanted(line: Line) -> str:
    parts = _parts(line)
    clauses = [
        'resource.type="cloud_run_revision"',
        f"resource.labels.service_name={json.dumps(parts['services'])}",
        f"resource.labels.location={json.dumps(parts['locations'])}",
    ]
    if written := line.text("log-filter"):
        clauses.append(f"({written})")
    return " AND ".join(clauses)


def _parts(line: Line) -> dict[str, str]:
    found = named(service_name(line, line.text("service")), SERVICE)
    assert found is not None
    return found


_READING = (
    _FILTER,
    Flag("limit", "so many at most", whole(1), metavar="N"),
    Flag("order", "desc: the newest are wanted; asc: the oldest", one_of("desc", "asc"), metavar="ORDER"),
    FRESHNESS,
    REGION,
    PLATFORM,
)


def _both(
    verb: str, text: str, example: str, run: Callable[[Line], object], flags: Sequence[Flag]
) -> Iterator[Command]:
    """A command in both its spellings."""
    for words_ in (f"run services logs {verb}", f"run logs {verb}"):
        yield Command(
            words_,
            text,
            f"kumo {words_} worker --region=us-central1 {example}",
            run,
            (Positional(ONE_SERVICE[0].name, ONE_SERVICE[0].text),),
            tuple(flags),
            format="value(.words())",
            transforms={"words": words},
            streamed=verb == "tail",
        )


COMMANDS = (
    *_both("read", "what a service printed and was asked of late", "--limit=20", read, _READING),
    *_both(
        "tail",
        "what it prints and is asked, as it happens",
        "--log-filter='severity>=ERROR'",
        tail,
        (_FILTER, REGION, PLATFORM),
    ),
)
