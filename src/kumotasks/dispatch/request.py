"""How a task looks on the wire: the queue's HTTP target over the task's own request, and the service's headers. Pure.

Order: the task's URL, the queue's overrides by their mode, method, headers, the service's headers. The stored task
keeps its own values. Sockets, pools and deadlines are the sender's.
"""

from __future__ import annotations

from dataclasses import field, replace

from kumotasks.auth.bearers import TokenAsk
from kumotasks.domain.clock import MINUTE
from kumotasks.domain.queue import Queue
from kumotasks.domain.target import (
    DEFAULT_SCOPE,
    HTTP_BODY_METHODS,
    AppEngineHosts,
    AppEngineHttpRequest,
    Headers,
    HttpMethod,
    HttpRequest,
    HttpTarget,
    OAuthToken,
    OidcToken,
    is_managed_header,
)
from kumotasks.domain.task import HTTP_DEADLINE, Task
from kumotasks.domain.uri import overridden_url
from kumotasks.domain.value import value

APP_ENGINE_DEADLINE = 10 * MINUTE  # standard environment, automatic scaling
_METHOD_NAMES = {method.value: method.name for method in HttpMethod}


@value
class Request:
    """One request as it is sent. `headers` in order, without Host and Content-Length; `deadline` in microseconds from
    now on; `url` absolute, as the task has it, whatever it holds behind its scheme; `token` is still to be put in;
    `service` has the lines of our own headers ready for the wire, for nothing in them comes from outside."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = field(repr=False)  # credentials are among them
    body: bytes
    deadline: int
    follow_redirects: bool = True
    token: TokenAsk | None = None
    service: str = ""


_CLOUD_TASKS = "X-CloudTasks-"
_APP_ENGINE = "X-AppEngine-"


def signed(request: Request, token: str) -> Request:
    """`request` with the token it asks for; `build` has left any other Authorization out."""
    return replace(request, headers=(*request.headers, ("Authorization", f"Bearer {token}")), token=None)


def build(queue: Queue, task: Task, hosts: AppEngineHosts) -> Request:
    """The request for `task`, whose open attempt is already counted in its progress."""
    target = task.target
    if isinstance(target, HttpRequest):
        return _http(queue, task, target)
    return _app_engine(queue, task, target, hosts)


def _http(queue: Queue, task: Task, target: HttpRequest) -> Request:
    override = queue.http_target
    url, method, headers, body = target.url, target.http_method, target.headers, target.body
    token = target.oidc_token or target.oauth_token
    if override is not None:
        url = overridden_url(url, override.uri_override)
        method = override.http_method or method
        headers = _overridden_headers(headers, override)
        body = body if method in HTTP_BODY_METHODS else b""
        token = override.oidc_token or override.oauth_token or token
    ask = None
    if token is not None:
        ask = _ask(token, url)
        headers = tuple(item for item in headers if item[0].lower() != "authorization")
    return Request(
        _METHOD_NAMES[method],
        url,
        headers,
        body,
        task.dispatch_deadline or HTTP_DEADLINE,
        token=ask,
        service=_service_lines(_CLOUD_TASKS, task, reason=""),
    )


def _app_engine(queue: Queue, task: Task, target: AppEngineHttpRequest, hosts: AppEngineHosts) -> Request:
    routing = queue.app_engine_routing_override or target.app_engine_routing
    host = hosts.of(routing, project=task.name.queue.project, location=task.name.queue.location)
    headers = tuple(item for item in target.headers if item[0] != "Content-Length")
    # App Engine's reason depends on whether the last attempt was answered at all.
    reason = "App Error" if task.progress.previous_response else "Instance Unavailable"
    return Request(
        _METHOD_NAMES[target.http_method],
        f"http://{host}{target.relative_uri}",
        headers,
        target.body,
        task.dispatch_deadline or APP_ENGINE_DEADLINE,
        follow_redirects=False,
        service=_service_lines(_APP_ENGINE, task, reason=reason),
    )


def _service_lines(prefix: str, task: Task, *, reason: str) -> str:
    """Queue and task ids hold letters, digits, - and _ only; the rest is numbers and our own words."""
    progress, name = task.progress, task.name
    eta = str(task.schedule_time).zfill(7)  # microseconds, in which the seconds end before the last six digits
    of_all = (
        f"{prefix}QueueName: {name.queue.queue}\r\n{prefix}TaskName: {name.task}\r\n"
        f"{prefix}TaskRetryCount: {progress.dispatch_count - 1}\r\n"
        f"{prefix}TaskExecutionCount: {progress.execution_count}\r\n"
        f"{prefix}TaskETA: {eta[:-6]}.{eta[-6:]}\r\n"
    )
    if progress.previous_response is None:
        return of_all
    return (
        f"{of_all}{prefix}TaskPreviousResponse: {progress.previous_response}\r\n{prefix}TaskRetryReason: {reason}\r\n"
    )


def _overridden_headers(headers: Headers, target: HttpTarget) -> Headers:
    overrides = {item[0].lower(): item for item in target.header_overrides if not is_managed_header(item[0])}
    return (*(item for item in headers if item[0].lower() not in overrides), *overrides.values())


def _ask(token: OidcToken | OAuthToken, url: str) -> TokenAsk:
    """With Google's defaults: an ID token is for the URL that is called, an access token for everything."""
    if isinstance(token, OAuthToken):
        return TokenAsk(token.service_account_email, scope=token.scope or DEFAULT_SCOPE)
    return TokenAsk(token.service_account_email, audience=token.audience or url.partition("#")[0])
