"""`kumo tasks cmek-config`: the key that a location's data is encrypted with."""

from __future__ import annotations

from kumotasks.cli.client import Failure
from kumotasks.cli.command import Command, Flag
from kumotasks.cli.line import Line
from kumotasks.cli.resource import named, path
from kumotasks.cli.tasks.names import place

_KEY = "projects/*/locations/*/keyRings/*/cryptoKeys/*"
_LOCATION = Flag("location", "the location", required=True)
_CLEAR = "clear-kms-key"


def describe(line: Line) -> object:
    return line.call("GET", path("v2", f"{place(line)}/cmekConfig"))


def update(line: Line) -> object:
    if not line.on(_CLEAR) and not line.is_given("kms-key-name"):
        raise Failure("Say which key: --kms-key-name, or --clear-kms-key for none.")
    key = "" if line.on(_CLEAR) else _key(line)
    parts = named(key, _KEY)
    name = f"projects/{line.project}/locations/{parts['locations'] if parts else line.location}/cmekConfig"
    body: dict[str, object] = {"name": name, "kmsKey": key}
    made = line.call("PATCH", path("v2", name), query={"updateMask": "kmsKey"}, body=body)
    line.say(f"Updated Cmek config for KMS key: [{key}].")
    return made


def _key(line: Line) -> str:
    written = line.text("kms-key-name")
    if named(written, _KEY):
        return written
    if not line.text("kms-keyring") or "/" in written:
        raise Failure(
            "Name the key in full (projects/P/locations/L/keyRings/R/cryptoKeys/K), or its --kms-keyring too."
        )
    project = line.text("kms-project") or line.project
    return f"projects/{project}/locations/{line.location}/keyRings/{line.text('kms-keyring')}/cryptoKeys/{written}"


COMMANDS = (
    Command(
        "tasks cmek-config describe",
        "the key of a location",
        "kumo tasks cmek-config describe --location=us-central1",
        describe,
        flags=(_LOCATION,),
    ),
    Command(
        "tasks cmek-config update",
        "set or clear the key of a location",
        "kumo tasks cmek-config update --location=us-central1 --kms-keyring=ring --kms-key-name=key",
        update,
        flags=(
            Flag("location", "the location"),
            Flag("kms-key-name", "the key's full name, or its id beside --kms-keyring", metavar="KEY"),
            Flag("kms-keyring", "the key's ring", metavar="KEYRING"),
            Flag("kms-project", "the ring's project; else the line's", metavar="PROJECT"),
            Flag(_CLEAR, "no key", None),
        ),
        exclusive=((("kms-key-name", "kms-keyring", "kms-project"), (_CLEAR,)),),
    ),
)
