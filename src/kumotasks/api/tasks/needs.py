"""What calls on queues and tasks need beyond the permission of their row. Pure, made of the request alone.

The full view shows bodies, a token lets the caller act as an account, and an App Engine target is the project's
application. Cloud Tasks judges all of it before it looks whether anything exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kumotasks.domain.principal import Need

FULL = 2
FULL_VIEW = "cloudtasks.tasks.fullView"
ACT_AS = "iam.serviceAccounts.actAs"
APPLICATION = "appengine.applications.get"


def of_creation(request: Any) -> tuple[Need, ...]:
    """CreateTask."""
    return _of_new(request.parent, request.task, request.response_view)


def of_batch(request: Any) -> tuple[Need, ...]:
    """BatchCreateTasks: each creation's needs, once."""
    needs = (need for each in request.requests for need in _of_new(request.parent, each.task, each.response_view))
    return tuple(dict.fromkeys(needs))


def of_named_view(request: Any) -> tuple[Need, ...]:
    """GetTask and RunTask."""
    return (Need(FULL_VIEW, request.name),) if request.response_view == FULL else ()


def of_listed_view(request: Any) -> tuple[Need, ...]:
    """ListTasks."""
    return (Need(FULL_VIEW, request.parent),) if request.response_view == FULL else ()


def of_queue(request: Any) -> tuple[Need, ...]:
    """CreateQueue and UpdateQueue."""
    return tuple(acting_as(token_emails(request.queue.http_target)))


def _of_new(parent: str, task: Any, view: int) -> tuple[Need, ...]:
    shown = (Need(FULL_VIEW, parent),) if view == FULL else ()
    match task.WhichOneof("message_type"):
        case "app_engine_http_request":
            return (*shown, Need(APPLICATION, "/".join(parent.split("/")[:2])))
        case "http_request" if task.http_request.WhichOneof("authorization_header"):
            return (*shown, *acting_as(token_emails(task.http_request)))
        case _:
            return shown


def token_emails(target: Any) -> Iterator[str]:
    """The accounts in whose name an HTTP target is called."""
    for token in (target.oidc_token, target.oauth_token):
        if token.service_account_email:
            yield token.service_account_email


def acting_as(emails: Iterable[str]) -> Iterator[Need]:
    for email in emails:
        yield Need(ACT_AS, f"projects/-/serviceAccounts/{email}", shown=email)
