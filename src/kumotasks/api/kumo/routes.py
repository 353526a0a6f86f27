"""The table of calls of our own surface, /kumo/v1: attempts of tasks, and dead letters. REST only.

What may be done to a task may be done to what is left of it: permissions are those of Cloud Tasks.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from kumotasks.api.call import Caller, JsonRoute
from kumotasks.api.kumo import messages as m
from kumotasks.api.kumo.calls import AttemptCalls, LetterCalls
from kumotasks.api.tasks.needs import FULL_VIEW
from kumotasks.domain.principal import Need

_SERVICE = "kumo.v1.History"
_QUEUE = "projects/{project}/locations/{location}/queues/{queue}"
_LETTERS = f"/kumo/v1/{_QUEUE}/deadLetters"
_LETTER = f"{_LETTERS}/{{letter}}"
_TASK = f"{_QUEUE}/tasks/{{task}}"
_ATTEMPTS = f"/kumo/v1/{_TASK}/attempts"
Handle = Callable[[Any, Caller], Awaitable[Any]]


def routes(attempts: AttemptCalls, letters: LetterCalls) -> tuple[JsonRoute, ...]:
    """Every call."""
    a, c = attempts, letters
    # fmt: off
    return (
        _route("ListAttempts", f"GET {_ATTEMPTS}", m.ListAttempts, "cloudtasks.tasks.get", a.list),
        _route("ListDeadLetters", f"GET {_LETTERS}", m.ListLetters, "cloudtasks.tasks.list", c.list, of_view),
        _route("GetDeadLetter", f"GET {_LETTER}", m.GetLetter, "cloudtasks.tasks.get", c.get, of_view),
        _route("RedriveDeadLetter", f"POST {_LETTER}:redrive", m.OneLetter, "cloudtasks.tasks.create", c.redrive),
        _route("RedriveDeadLetters", f"POST {_LETTERS}:redrive", m.ManyLetters, "cloudtasks.tasks.create", c.redrive_many),
        _route("PurgeDeadLetter", f"POST {_LETTER}:purge", m.OneLetter, "cloudtasks.tasks.delete", c.purge),
        _route("PurgeDeadLetters", f"POST {_LETTERS}:purge", m.ManyLetters, "cloudtasks.tasks.delete", c.purge_many),
    )
    # fmt: on


def of_view(request: m.ListLetters | m.GetLetter) -> tuple[Need, ...]:
    """Whoever wants to see bodies needs what they need of tasks."""
    return (Need(FULL_VIEW, request.parent),) if request.response_view == m.FULL else ()


def _route(
    method: str,
    rest: str,
    request: type[msgspec.Struct],
    permission: str,
    handle: Handle,
    more: Callable[[Any], tuple[Need, ...]] | None = None,
) -> JsonRoute:
    """A row: method, "VERB path", request, permission on the queue or the task, handler, further needs."""
    verb, path = rest.split(" ", 1)
    resource = _TASK if request is m.ListAttempts else _QUEUE
    return JsonRoute(_SERVICE, method, verb, path, request, permission, resource, handle, needs=more)
