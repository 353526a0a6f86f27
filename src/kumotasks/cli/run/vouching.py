"""For which commands the secret goes along: those of the line, and none that somebody else left in the service unasked.

A service may hold a command that the server refused, because whoever left it there may have none run. The secret
vouches for all that a service holds; so before it is sent, the caller is asked about what he did not say himself.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from kumotasks.cli.client import Failure
from kumotasks.cli.command import Json
from kumotasks.cli.line import Line
from kumotasks.cli.run.document import container, inner, items, template, texts
from kumotasks.cli.run.flags import SOURCE
from kumotasks.cli.run.secret import proof
from kumotasks.cli.run.variables import merged
from kumotasks.domain.run.commanding import deciding

WHAT_RUNS = ("source", "image", "command", "args", "set-env-vars", "update-env-vars")
_REFUSED = "CONTAINER_PERMISSION_DENIED"  # the reason of a service whose command was not taken


def vouched(line: Line, before: Json, after: Json) -> Mapping[str, str]:
    """The header to send `after` with, as the line makes it of the service `before`. Raises Failure, Aborted.

    A line that does not say what is run vouches for nothing: somebody else may have said it."""
    if not any(line.is_given(each) for each in WHAT_RUNS):
        return {}
    shown = proof(line.client)
    left = list(unsaid(line, after)) if shown and is_doubtful(before) else []
    if left:
        _agree(line, left)
    return shown


def is_doubtful(service: Json) -> bool:
    """Whether the server refused to run what the service holds, or has not said yet."""
    return service.get("reconciling") is True or inner(service, "terminalCondition").get("reason") == _REFUSED


def unsaid(line: Line, service: Json) -> Iterator[str]:
    """What of a service decides which commands run and was not said on this line, in words."""
    found = template(service)
    if not line.is_given("source") and (source := inner(found, "annotations").get(SOURCE)):
        yield f"the directory {source}"
    ours = container(service)
    for each in items(found, "containers"):
        for word in ("command", "args"):
            if (words := texts(each, word)) and not (each is ours and line.is_given(word)):
                yield f"the {'command' if word == 'command' else 'arguments'} {shlex.join(words)}"
        if directory := each.get("workingDir"):
            yield f"the working directory {directory}"
        pairs = tuple((str(each.get("name")), str(each.get("value", ""))) for each in items(each, "env"))
        said = _named(line) if each is ours else frozenset()
        shown = deciding(pairs, _shell_line(found, each) if each is ours else "")
        yield from (f"the variable {name}={value}" for name, value in shown if name not in said)


def _shell_line(found: Json, serving: Json) -> str | None:
    """Of the Procfile that starts what a template holds, "" if none does; None if it cannot be read."""
    from kumotasks.workers.deploying.images import web_line

    source = inner(found, "annotations").get(SOURCE)
    return (web_line(Path(str(source))) or None) if source and not texts(serving, "command") else ""


def _named(line: Line) -> frozenset[str]:
    """The variables that the line sets."""
    flags = (each for each in ("set-env-vars", "update-env-vars") if line.is_given(each))
    return frozenset(name for flag in flags for name in merged(line[flag]))


def _agree(line: Line, left: list[str]) -> None:
    """Only a person at the terminal can say that somebody else's command is to be run."""
    told = f"The service holds what this line does not say and the server has not agreed to run: {'; '.join(left)}."
    told = "".join(each if each.isprintable() else repr(each)[1:-1] for each in told)
    if not line.asks:
        raise Failure(f"{told} Say it on the line to have it run, or leave --quiet out to be asked.")
    line.confirm(f"{told} Somebody left it there who may have no commands run. Run it on this machine", default=False)
