"""`kumo run revisions`: what a service was at each of its deployments."""

from __future__ import annotations

from collections.abc import Iterator

from kumotasks.cli.command import Command, Flag, Json, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.resource import path
from kumotasks.cli.run import shown
from kumotasks.cli.run.document import inner
from kumotasks.cli.run.names import PLATFORM, REGION, place, revision_id, service_name

LIST = f"""table(
    .ready():label="",
    metadata.name:label=REVISION:sort=3:reverse,
    .active():label=ACTIVE,
    metadata.labels."{shown.SERVICE_OF}":label=SERVICE:sort=1,
    metadata.creationTimestamp.date("%Y-%m-%d %H:%M:%S %Z"):label=DEPLOYED:sort=2:reverse,
    metadata.annotations."{shown.CREATOR}":label="DEPLOYED BY")"""
_ONE = (Positional("REVISION", "the revision's id, its full name or its URL in the API"),)


def list_revisions(line: Line) -> Iterator[Json]:
    query = {}
    where = place(line)
    if line.text("service"):
        where, _, ident = service_name(line, line.text("service")).rpartition("/services/")
        query["labelSelector"] = f"{shown.SERVICE_OF} = {ident}"
    for each in shown.pages(line, path("v1", f"{where}/revisions"), query):
        yield {**each, "name": f"{where}/revisions/{inner(each, 'metadata').get('name')}"} if line.on("uri") else each


def describe(line: Line) -> object:
    where, ident = revision_id(line, line.text("revision"))
    return line.call("GET", path("v1", f"{where}/revisions/{ident}"))


def delete(line: Line) -> object:
    where, ident = revision_id(line, line.text("revision"))
    line.confirm(f"Revision [{ident}] will be deleted.")
    line.call("DELETE", path("v1", f"{where}/revisions/{ident}"))
    line.say(f"Deleted revision [{ident}].")
    return None


def _described(item: object) -> object:
    if not isinstance(item, dict):
        return ""
    lines = [f"{shown.sign(item)} Revision {inner(item, 'metadata').get('name')}", ""]
    message = shown.condition(item).get("message")
    return "\n".join([*lines, *shown.settings(item), *([f"{shown.sign(item)} {message}"] if message else [])])


_WHERE = (REGION, PLATFORM)
COMMANDS = (
    Command(
        "run revisions list",
        "the revisions of a region's services, or of one service",
        "kumo run revisions list --service=worker --region=us-central1",
        list_revisions,
        flags=(Flag("service", "of this service only"), *_WHERE),
        format=LIST,
        listed=True,
        uri="v1",
        transforms={"ready": shown.sign, "active": shown.active},
    ),
    Command(
        "run revisions describe",
        "what a revision is made of",
        "kumo run revisions describe worker-00001-abc --region=us-central1",
        describe,
        _ONE,
        _WHERE,
        format="value(.described())",
        transforms={"described": _described},
    ),
    Command(
        "run revisions delete",
        "delete a revision that no request goes to",
        "kumo run revisions delete worker-00001-abc --region=us-central1 --quiet",
        delete,
        _ONE,
        _WHERE,
    ),
)
