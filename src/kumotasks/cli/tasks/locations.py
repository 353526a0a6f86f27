"""`kumo tasks locations`: where queues can be."""

from __future__ import annotations

from kumotasks.cli.command import Command, Positional
from kumotasks.cli.line import Line
from kumotasks.cli.resource import last_id, named, path

_LOCATION = "projects/*/locations/*"


def list_locations(line: Line) -> object:
    return line.pages(path("v2", f"projects/{line.project}/locations"), "locations")


def describe(line: Line) -> object:
    written = line.text("location")
    found = named(written, _LOCATION)
    name = (
        "/".join(f"{kind}/{each}" for kind, each in found.items())
        if found
        else f"projects/{line.project}/locations/{last_id(written, 'location', _LOCATION)}"
    )
    return line.call("GET", path("v2", name))


COMMANDS = (
    Command(
        "tasks locations list",
        "the locations that there are",
        "kumo tasks locations list --limit=3",
        list_locations,
        format="table(locationId:label=NAME, name:label=FULL_NAME)",
        listed=True,
        uri="v2",
    ),
    Command(
        "tasks locations describe",
        "what is known of a location",
        "kumo tasks locations describe us-central1",
        describe,
        (Positional("LOCATION", "the location's id, its full name or its URL"),),
    ),
)
