"""`kumo run services`: listed, described, deleted, and their traffic. What changes them otherwise is deploy.py's."""

from __future__ import annotations

from collections.abc import Iterator

from kumotasks.cli.client import WrongCall
from kumotasks.cli.command import Command, Flag, Json
from kumotasks.cli.line import Line
from kumotasks.cli.resource import path
from kumotasks.cli.run import changes, shown, traffic
from kumotasks.cli.run.document import inner
from kumotasks.cli.run.names import ONE_SERVICE, PLATFORM, REGION, service_name
from kumotasks.cli.values import BadValue, pairs, several, whole

LIST = f"""table(
    .ready():label="",
    metadata.name:label=SERVICE,
    metadata.labels."{shown.LOCATION}":label=REGION,
    .url():label=URL,
    metadata.annotations."{shown.MODIFIER}":label="LAST DEPLOYED BY",
    .changed():label="LAST DEPLOYED AT")"""
_TAGS = ("set-tags", "update-tags", "remove-tags", "clear-tags")
_SHARES = ("to-latest", "to-revisions", "to-tags")


def list_services(line: Line) -> Iterator[Json]:
    """Of one region if it is said on the line, else of all."""
    region = line.text("region") or "-"
    for each in shown.pages(line, path("v1", f"projects/{line.project}/locations/{region}/services")):
        metadata = inner(each, "metadata")
        place = f"projects/{line.project}/locations/{inner(metadata, 'labels').get(shown.LOCATION)}"
        yield {**each, "name": f"{place}/services/{metadata.get('name')}"} if line.on("uri") else each


def describe(line: Line) -> object:
    return shown.service(line, service_name(line, line.text("service")))


def delete(line: Line) -> object:
    name = service_name(line, line.text("service"))
    ident = name.rpartition("/")[2]
    line.confirm(f"Service [{ident}] will be deleted.")
    operation = line.call("DELETE", path("v2", name))
    if line.on("async"):
        line.say(f"Service [{ident}] is being deleted.")
        return None
    changes.waited(line, operation, "Deletion failed")
    line.say(f"Deleted service [{ident}].")
    return None


def update_traffic(line: Line) -> object:
    if not any(line.is_given(each) for each in (*_SHARES, *_TAGS)):
        raise WrongCall(
            f"argument {' | '.join(f'--{each}' for each in (*_SHARES, *_TAGS))}: one of them must be specified."
        )
    name = service_name(line, line.text("service"))
    operation = changes.change(line, name, lambda service: _moved(line, service))
    if line.on("async"):
        line.say("Updating traffic asynchronously.")
        return None
    line.say("Updating traffic...")
    changes.waited(line, operation, "Updating traffic failed")
    line.say("Done.")
    return shown.service(line, name)


def _moved(line: Line, service: Json) -> Json:
    """The service with the traffic that the line asks for: tags first, for shares may be said by them."""
    asked = traffic.shares(service) or [traffic.Share(traffic.LATEST, traffic.WHOLE)]
    if line.on("clear-tags") or line.is_given("set-tags"):
        asked = traffic.untagged(asked, [each.tag for each in asked])
    asked = traffic.untagged(asked, line.texts("remove-tags"))
    asked = traffic.tagged(asked, {**line.pairs("set-tags"), **line.pairs("update-tags")})
    wanted = _percents(line.pairs("to-revisions"))
    if line.on("to-latest"):
        wanted = {traffic.LATEST: traffic.WHOLE}
    if line.is_given("to-tags"):
        wanted = traffic.revisions_of(asked, _percents(line.pairs("to-tags")))
    if wanted:
        asked = traffic.assigned(asked, wanted)
    made = {**service}
    traffic.put(made, asked)
    return made


def _percents(written: dict[str, str]) -> dict[str, int]:
    return {name: int(percent) for name, percent in written.items()}


def _shares(written: str) -> object:
    """`NAME=PERCENT,...`."""
    found = pairs(written)
    assert isinstance(found, dict)
    for percent in found.values():
        try:
            whole(0, traffic.WHOLE)(percent)
        except BadValue as error:
            raise BadValue(f"{percent}: {error}") from None
    return found


_WHERE = (REGION, PLATFORM)
_ASYNC = Flag("async", "do not wait until it is done", None)
COMMANDS = (
    Command(
        "run services list",
        "the services of a project, of all regions unless --region names one",
        "kumo run services list --filter=metadata.name:work",
        list_services,
        flags=_WHERE,
        format=LIST,
        listed=True,
        uri="v2",
        transforms={"ready": shown.sign, "url": shown.url, "changed": shown.changed_at},
    ),
    Command(
        "run services describe",
        "what a service is, where it is and who gets its requests",
        "kumo run services describe worker --region=us-central1 --format='value(status.url)'",
        describe,
        ONE_SERVICE,
        _WHERE,
        format="value(.described())",
        transforms={"described": shown.described},
    ),
    Command(
        "run services delete",
        "delete a service with its revisions, and stop what runs of it",
        "kumo run services delete worker --region=us-central1 --quiet",
        delete,
        ONE_SERVICE,
        (*_WHERE, _ASYNC),
    ),
    Command(
        "run services update-traffic",
        "share a service's requests between its revisions",
        "kumo run services update-traffic worker --to-revisions=worker-00001-abc=90,LATEST=10",
        update_traffic,
        ONE_SERVICE,
        (
            Flag("to-latest", "all to whichever revision is the latest ready one", None),
            Flag("to-revisions", "percents by revision; LATEST is one", _shares, "REVISION=PERCENT,..."),
            Flag("to-tags", "percents by tag", _shares, "TAG=PERCENT,..."),
            Flag("set-tags", "its tags, all of them", pairs, "TAG=REVISION,..."),
            Flag("update-tags", "these tags besides those that it has", pairs, "TAG=REVISION,..."),
            Flag("remove-tags", "take these tags away", several, metavar="TAG,..."),
            Flag("clear-tags", "take all tags away", None),
            _ASYNC,
            *_WHERE,
        ),
        (
            tuple((each,) for each in _SHARES),
            (("set-tags",), ("clear-tags",), ("update-tags", "remove-tags")),
        ),
        format="value(.routes())",
        transforms={"routes": shown.routes},
    ),
)
