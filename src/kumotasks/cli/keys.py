"""`kumo keys rotate`: a new key signs tokens from now on; what the old one signed is believed for a while yet."""

from __future__ import annotations

import json
from collections.abc import Iterator

from kumotasks.cli.client import Json, printable
from kumotasks.cli.line import Line

PATH = "/kumo/v1/keys:rotate"


def rotate(line: Line) -> object:
    """Turn the server's keys and print which. Raises Failure."""
    answer = line.call("POST", PATH, body={})
    print(json.dumps(answer, indent=2) if line.on("json") else "\n".join(map(printable, _words(answer))))
    return None


def _words(answer: Json) -> Iterator[str]:
    yield f"signs from now on: {answer.get('keyId')}"
    match answer.get("retired"):
        case [*keys]:
            for key in keys:
                match key:
                    case {"keyId": key_id, "publishedUntil": until}:
                        yield f"published until {until}: {key_id}"
