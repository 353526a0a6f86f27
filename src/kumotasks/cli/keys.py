"""`kumo keys rotate`: a new key signs tokens from now on; what the old one signed is believed for a while yet."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator

from kumotasks.cli.client import Json, add_options, client_for, printable

DONE = 0
PATH = "/kumo/v1/keys:rotate"
EXAMPLE = """example:
  kumo keys rotate --endpoint http://127.0.0.1:8123

Nothing is interrupted: tokens of before stay valid, and the old key stays published for 48 hours. Verifiers keep the
list of keys for an hour, so let an hour pass between two rotations."""


def add_commands(parser: argparse.ArgumentParser) -> None:
    """The commands below `kumo keys`."""
    commands = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    text = "sign tokens with a new key from now on"
    form = argparse.RawDescriptionHelpFormatter
    own = commands.add_parser("rotate", help=text, description=text, epilog=EXAMPLE, formatter_class=form)
    own.add_argument("--json", action="store_true", help="the server's answer as it is")
    add_options(own)
    own.set_defaults(run=rotate)


def rotate(options: argparse.Namespace) -> int:
    """Turn the server's keys and print which. Raises Failure."""
    answer = client_for(options).call("POST", PATH, body={})
    print(json.dumps(answer, indent=2) if options.json else "\n".join(map(printable, _words(answer))))
    return DONE


def _words(answer: Json) -> Iterator[str]:
    yield f"signs from now on: {answer.get('keyId')}"
    match answer.get("retired"):
        case [*keys]:
            for key in keys:
                match key:
                    case {"keyId": key_id, "publishedUntil": until}:
                        yield f"published until {until}: {key_id}"
