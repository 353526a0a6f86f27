"""The flags that make up a task, and the task that they ask for."""

from __future__ import annotations

import base64
import sys
from dataclasses import replace
from pathlib import Path

from kumotasks.cli.client import Failure
from kumotasks.cli.command import Flag, Json
from kumotasks.cli.line import Line
from kumotasks.cli.tasks.queue_flags import FIELDS, METHODS, ROUTING, SETTING
from kumotasks.cli.values import header, upper_one_of

_OIDC = ("oidc-service-account-email", "oidc-token-audience")
_OAUTH = ("oauth-service-account-email", "oauth-token-scope")
ONE_TOKEN = (_OIDC, _OAUTH)
ONE_BODY = (("body-content",), ("body-file",))
_IN_RETRY = "retryConfig."
# flag -> the field of the task's own retryConfig that it sets; what is not set there is the queue's
_RETRY = {flag: field.removeprefix(_IN_RETRY) for flag, field in FIELDS.items() if field.startswith(_IN_RETRY)}
_SHARED = (
    Flag("method", "the HTTP method (POST)", upper_one_of(*METHODS), "METHOD"),
    Flag("header", "a header of the request", header, '"FIELD: VALUE"', repeated=True),
    Flag("schedule-time", "not before: 2030-01-01T09:00:00Z", metavar="TIME"),
    Flag("body-content", "the request's body", metavar="TEXT"),
    Flag("body-file", "a file that has the request's body; - is the standard input", metavar="PATH"),
    *(replace(flag, text=f"over the queue's own: {flag.text}") for flag in SETTING if flag.name in _RETRY),
)
HTTP = (
    Flag("url", "whom to call", metavar="URL", required=True),
    *_SHARED,
    Flag(_OIDC[0], "the account whose identity token the request carries", metavar="EMAIL"),
    Flag(_OIDC[1], "whom that token is for; else the URL", metavar="AUDIENCE", needs=_OIDC[0]),
    Flag(_OAUTH[0], "the account whose access token the request carries", metavar="EMAIL"),
    Flag(_OAUTH[1], "what that token allows; else everything", metavar="SCOPE", needs=_OAUTH[0]),
)
APP_ENGINE = (
    Flag("relative-uri", "the path that is called (/)", metavar="PATH"),
    Flag("routing", "which service", ROUTING, "KEY:VALUE,..."),
    *_SHARED,
)


def http_task(line: Line) -> Json:
    """A task that calls --url. Raises Failure."""
    request: Json = {"url": line.text("url"), **_request(line)}
    for field, (email, more), name in (("oidcToken", _OIDC, "audience"), ("oauthToken", _OAUTH, "scope")):
        if line.text(email):
            token = {"serviceAccountEmail": line.text(email), name: line.text(more)}
            request[field] = {key: value for key, value in token.items() if value}
    return {**_time(line), **_retry(line), "httpRequest": request}


def app_engine_task(line: Line) -> Json:
    """A task that calls an App Engine service. Raises Failure."""
    request = _request(line)
    if line.is_given("relative-uri"):
        request["relativeUri"] = line.text("relative-uri")
    if line.is_given("routing"):
        request["appEngineRouting"] = line.pairs("routing")
    return {**_time(line), **_retry(line), "appEngineHttpRequest": request}


def _time(line: Line) -> Json:
    return {"scheduleTime": line.text("schedule-time")} if line.is_given("schedule-time") else {}


def _retry(line: Line) -> Json:
    found = {field: line[flag] for flag, field in _RETRY.items() if line.is_given(flag)}
    return {"retryConfig": found} if found else {}


def _request(line: Line) -> Json:
    made: Json = {}
    if line.is_given("method"):
        made["httpMethod"] = line.text("method")
    if line.is_given("header"):
        made["headers"] = line.pairs("header")
    if (body := _body(line)) is not None:
        made["body"] = base64.b64encode(body).decode()
    return made


def _body(line: Line) -> bytes | None:
    if line.is_given("body-content"):
        return line.text("body-content").encode()
    if not line.is_given("body-file"):
        return None
    written = line.text("body-file")
    try:
        return sys.stdin.buffer.read() if written == "-" else Path(written).read_bytes()
    except OSError as error:
        raise Failure(f"Unable to read file [{written}]: {error.strerror or error}") from error
